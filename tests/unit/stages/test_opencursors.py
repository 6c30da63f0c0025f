"""Names of cursors that show protected columns, while requests are on their way."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.exchange import Exchange
from acra_twisted.stages.opencursors import OpenCursors
from tests.support.encryptors import AGE, NAME
from tests.support.sessions import make_session

ONE, OTHER = (ResultColumn(NAME),), (ResultColumn(AGE),)


class Names(SynchronousTestCase):
    def setUp(self):
        self.cursors = OpenCursors()
        self.session = make_session()

    def open(self, name=b"c", results=ONE, outcome=None, held=False):
        exchange = self.request(outcome)
        self.cursors.opened(name, results, exchange, held)
        return exchange

    def close(self, name=b"c", outcome=None):
        exchange = self.request(outcome)
        self.cursors.closed(name, exchange)
        return exchange

    def request(self, outcome):
        exchange = Exchange(self.session, "query", None, 1)
        if outcome is not None:
            exchange.close(outcome)
        return exchange

    def test_the_last_request_counts_that_has_not_failed(self):
        self.open()
        self.assertEqual(self.cursors.results(b"c"), ONE)
        second = self.open(results=OTHER)
        self.assertEqual(self.cursors.results(b"c"), OTHER)
        second.close("error")
        self.assertEqual(self.cursors.results(b"c"), ONE)
        third = self.close()
        self.assertIsNone(self.cursors.results(b"c"))
        third.close("lost")
        self.assertEqual(self.cursors.results(b"c"), ONE)

    def test_what_a_portal_does_counts_once_it_is_executed(self):
        self.open()
        for outcome in (None, "ok"):
            declares, closes = self.request(None), self.request(None)
            self.cursors.opened(b"c", OTHER, declares, False, True)
            self.assertEqual(self.cursors.results(b"c"), ONE)
            self.cursors.closed(b"c", closes, True)
            self.assertEqual(self.cursors.results(b"c"), ONE)
            if outcome is None:
                closes.is_run = True
                self.assertIsNone(self.cursors.results(b"c"))
                declares.is_run = True
                closes.is_run = False
                self.assertEqual(self.cursors.results(b"c"), OTHER)
                declares.is_run = False
            else:
                # Neither has been executed, and neither will be.
                declares.close(outcome)
                closes.close(outcome)
                self.open(b"d", outcome="ok", held=True)
                self.assertEqual(self.cursors.results(b"c"), ONE)
        self.cursors.closed(None, self.request("ok"))
        self.assertIsNone(self.cursors.results(b"c"))

    def test_what_has_not_happened_hides_nothing_behind_it(self):
        self.open(b"c", outcome="ok", held=True)
        for results in (OTHER, None):
            self.cursors.opened(b"c", results, self.request("ok"), True, True)
            self.cursors.closed(b"c", self.request("ok"), True)
            third = self.open(b"c", OTHER, "ok", True)
            self.assertEqual(self.cursors.results(b"c"), OTHER)
            self.cursors.opened(b"c", None, self.request(None), False, True)
            self.assertEqual(self.cursors.results(b"c"), OTHER)
            self.cursors.transaction_ended()
            self.assertEqual(self.cursors.results(b"c"), OTHER)
            self.assertEqual(third.outcome, "ok")
            # One behind it, and a request that fails: it is still there.
            self.cursors.opened(b"c", ONE, self.request("ok"), True, True)
            self.open(b"c", ONE, "ok", True)
            self.open(b"c", OTHER, "error")
            self.assertEqual(self.cursors.results(b"c"), ONE)

    def test_names_stay_unsure_as_long_as_any_cursor_lives(self):
        self.open(b"held", outcome="ok", held=True)
        self.open(b"\xff", outcome="ok")
        for _ in range(2):
            self.assertRaises(KeyError, self.cursors.results, b"another")
            self.cursors.transaction_ended()
        self.close(b"held", outcome="ok")
        self.cursors.transaction_ended()
        self.assertIsNone(self.cursors.results(b"another"))

    def test_a_cursor_that_was_never_declared_is_forgotten_with_its_transaction(self):
        exchange = self.request("ok")
        self.cursors.opened(b"c", ONE, exchange, True, True)
        self.cursors.transaction_ended()
        self.assertFalse(self.cursors.are_known)

    def test_names_that_show_nothing_protected_are_not_kept(self):
        self.open(results=None)
        self.close()
        self.close(None)
        self.assertFalse(self.cursors.are_known)
        self.assertIsNone(self.cursors.results(b"c"))

    def test_the_end_of_a_transaction_ends_those_that_were_answered(self):
        self.open(b"a", outcome="ok")
        self.open(b"b")
        self.open(b"c", outcome="ok", held=True)
        self.open(b"d", outcome="error", held=True)
        self.open(b"e", outcome="ok", held=True)
        self.close(b"e", outcome="ok")
        self.open(b"f", outcome="ok", held=True)
        closing = self.close(b"f")
        self.assertTrue(self.cursors.are_passing)
        self.cursors.transaction_ended()
        found = {name: self.cursors.results(name) for name in (b"a", b"b", b"c", b"d", b"e", b"f")}
        # The request for d may have failed behind the end of its transaction.
        self.assertEqual({name for name, one in found.items() if one}, {b"b", b"c", b"d"})
        closing.close("error")
        self.assertEqual(self.cursors.results(b"f"), ONE)

    def test_a_held_cursor_of_a_request_that_has_failed_may_live(self):
        """It lives if the transaction had ended well before: DECLARE, COMMIT, and an error."""
        for _ in range(3):
            self.open(outcome="error", held=True)
            self.cursors.transaction_ended()
            self.assertEqual(self.cursors.results(b"c"), ONE)
        self.close(outcome="error")
        self.open(results=OTHER, outcome="error")
        self.cursors.transaction_ended()
        self.assertEqual(self.cursors.results(b"c"), ONE)
        closing = self.close()
        self.assertIsNone(self.cursors.results(b"c"))
        closing.close("ok")
        self.assertIsNone(self.cursors.results(b"c"))
        self.cursors.transaction_ended()
        self.assertFalse(self.cursors.are_known)

    def test_a_name_is_unsure_if_a_request_that_has_failed_may_have_given_it_to_another(self):
        for first in ("ok", "error"):
            self.open(outcome=first, held=True)
            for results in (OTHER, OTHER, ONE):
                self.open(results=results, outcome="error", held=True)
                self.assertRaises(KeyError, self.cursors.results, b"c")
                self.cursors.transaction_ended()
                self.assertRaises(KeyError, self.cursors.results, b"c")
            self.open(results=OTHER, outcome="ok", held=True)
            self.assertEqual(self.cursors.results(b"c"), OTHER)
            self.close(outcome="ok")
            self.cursors.transaction_ended()

    def test_all_are_closed_at_once(self):
        for name in (b"a", b"b"):
            self.open(name, outcome="ok", held=True)
        self.close(None, outcome="ok")
        self.assertIsNone(self.cursors.results(b"a"))
        self.cursors.transaction_ended()
        self.assertFalse(self.cursors.are_known)

    def test_nothing_is_passing_where_all_are_held(self):
        self.open(outcome="ok", held=True)
        self.assertFalse(self.cursors.are_passing)
        self.cursors.transaction_ended()
        self.assertEqual(self.cursors.results(b"c"), ONE)

    def test_where_there_are_too_many_any_name_may_be_one(self):
        for number in range(1_000):
            self.open(b"c%d" % number, outcome="ok")
        self.assertIsNone(self.cursors.results(b"another"))
        self.open(b"one more", outcome="ok")
        self.assertRaises(KeyError, self.cursors.results, b"another")
        self.assertEqual(self.cursors.results(b"c7"), ONE)
        self.cursors.transaction_ended()
        self.assertIsNone(self.cursors.results(b"another"))

    def test_changes_of_one_name_are_few(self):
        exchanges = [self.open(results=(ONE, OTHER)[number % 2]) for number in range(1_000)]
        for one in exchanges[:-1]:
            one.close("ok")
        self.open()
        exchanges[-1].close("error")
        self.assertEqual(self.cursors.results(b"c"), ONE)

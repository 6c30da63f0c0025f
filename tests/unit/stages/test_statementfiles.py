"""The files that AcraCensor writes: written when the database has answered, and every second."""

import os

from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.stages.statementfile import read_statements
from acra_twisted.stages.statementfiles import StatementFiles
from tests.support.sessions import make_session


class Files(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.clock.callWhenRunning = lambda function: function()
        self.refused = []
        self.files = StatementFiles(lambda: self.refused.append(1))
        self.path = self.mktemp()
        self.files.open([self.path])

    def capture(self, text, outcome=None):
        exchange = Exchange(make_session(), "query", Statement(text.encode(), None), 1)
        self.files.capture(self.path, text)
        self.files.await_reply(exchange)
        if outcome is not None:
            exchange.close(outcome)

    def written(self):
        self.files.flush()
        return read_statements(self.path)

    def test_what_the_database_has_accepted_is_captured(self):
        for text, outcome in (("a", "ok"), ("b", "error"), ("c", None), ("d", "denied")):
            self.capture(text, outcome)
        self.assertEqual(self.written(), ["a", "d"])

    def test_refusals_are_told_once_between_two_writes(self):
        self.capture("a", "error")
        self.capture("b", "lost")
        self.files.flush()
        self.files.flush()
        self.assertEqual(len(self.refused), 1)

    def test_a_statement_of_which_nothing_is_captured_is_not_awaited(self):
        self.capture("a", "ok")
        exchange = Exchange(make_session(), "query", Statement(b"x", None), 1)
        self.files.await_reply(exchange)
        exchange.close("error")
        self.files.flush()
        self.assertEqual(self.refused, [])

    def test_every_second_from_when_the_reactor_runs(self):
        self.files.start(self.clock)
        self.files.write(self.path, "a")
        self.assertEqual(read_statements(self.path), [])
        self.clock.advance(1)
        self.assertEqual(read_statements(self.path), ["a"])
        self.files.write(self.path, "b")
        self.files.stop()
        self.assertEqual(read_statements(self.path), ["a", "b"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_other_files_from_now_on(self):
        other = self.mktemp()
        self.files.write(self.path, "a")
        self.capture("waits for its answer")
        self.files.open([other])
        self.assertEqual(read_statements(self.path), ["a"])
        self.files.write(self.path, "b")
        self.files.write(other, "c")
        self.assertEqual((self.written(), read_statements(other)), (["a"], ["c"]))

    def test_one_that_cannot_be_written_leaves_the_others_open(self):
        with self.assertRaisesRegex(ConfigError, "cannot write /nowhere/file"):
            self.files.open(["/nowhere/file"])
        self.files.write(self.path, "a")
        self.assertEqual(self.written(), ["a"])

    def test_what_fails_later_and_what_is_full_is_told(self):
        said = []
        globalLogPublisher.addObserver(said.append)
        self.addCleanup(globalLogPublisher.removeObserver, said.append)
        for number in range(10_002):
            self.files.write(self.path, str(number))
        os.unlink(self.path)
        os.mkdir(self.path)
        self.files.flush()
        codes = [event["code"] for event in said]
        self.assertEqual(codes, [events.QUERY_CAPTURE_FULL, events.GENERAL])
        self.assertNotIn("10001", str([event["event_text"] for event in said]))
        os.rmdir(self.path)
        self.assertEqual(len(self.written()), 10_000)

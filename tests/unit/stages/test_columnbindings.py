"""Plans of texts as a session reads them, and the names that they hold for."""

from acra_twisted.exchange import Statement
from acra_twisted.stages.columnbindings import mode_of, names_of, plans_of, readable
from tests.support.containers import Workers
from tests.support.encryptors import ColumnsCase


class Asked(dict):
    """Settings that count how often they are asked for."""

    times = 0

    def get(self, *arguments):
        self.times += 1
        return super().get(*arguments)


class Reading(ColumnsCase):
    def setUp(self):
        super().setUp()
        self.session.language = "postgresql"
        self.snapshot = self.successResultOf(self.learn())

    def mode(self):
        return mode_of(self.known, self.session, Statement(b"SELECT 1"))

    def test_the_mode_is_that_of_the_settings_as_they_were_reported_last(self):
        usual = self.mode()
        self.assertTrue(usual.default)
        self.assertIs(self.mode(), usual)
        self.session.parameters = {b"standard_conforming_strings": b"off"}
        self.assertFalse(self.mode().default)

    def test_a_text_beyond_ascii_is_read_by_the_mode_that_is_known(self):
        text = "SELECT 'é'"
        parameters = self.session.parameters = Asked({b"client_encoding": b"LATIN1"})
        for known, asked in ((None, True), (None, True), (self.known, True), (self.known, False)):
            parameters.times = 0
            found = readable(Statement(text.encode("latin-1")), self.session, known)
            self.assertEqual(found, text.encode())
            self.assertEqual(parameters.times > 0, asked)
        self.assertIs(readable(Statement(b"SELECT 1"), self.session, None), b"SELECT 1")

    def test_a_setting_that_may_have_been_changed_leaves_backslashes_open(self):
        self.session.in_flight = True
        self.assertIsNone(self.mode().backslash)

    def test_a_long_text_is_planned_by_a_worker_and_known_from_then_on(self):
        workers = Workers()
        text = b"UPDATE people SET name = 'x' WHERE note IN (" + b"1," * 9_000 + b"1)"
        planned = plans_of(text, self.mode(), self.known, self.snapshot, workers)
        workers.turn()
        self.assertFalse(self.successResultOf(planned).hit)
        self.assertTrue(plans_of(text, self.mode(), self.known, self.snapshot, workers).hit)

    def test_statements_that_sql_prepares_change_the_names_of_those_that_may_execute_them(self):
        harmless = names_of(self.known, self.snapshot, False)
        watched = names_of(self.known, self.snapshot, True)
        self.known.forget_all_prepared()
        self.assertEqual(names_of(self.known, self.snapshot, False), harmless)
        self.assertNotEqual(names_of(self.known, self.snapshot, True), watched)

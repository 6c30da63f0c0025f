"""Settings of sessions, as AcraCensor follows them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.stages.censorsessions import CensorSessions
from tests.support.sessions import make_session


class Sessions(SynchronousTestCase):
    def setUp(self):
        self.sessions = CensorSessions(LANGUAGES["postgresql"])
        self.session = make_session()
        self.followed = self.sessions.begin(self.session)

    def mode(self):
        return self.sessions.mode(self.session, self.followed)

    def test_texts_are_read_by_what_the_database_reported_last(self):
        usual = self.mode()
        self.assertFalse(usual.backslash)
        self.session.parameters = {b"standard_conforming_strings": b"off"}
        self.assertTrue(self.mode().backslash)
        self.session.in_flight = True
        self.assertIsNone(self.mode().backslash)
        self.session.in_flight, self.session.parameters = False, {}
        self.assertEqual(self.mode(), usual)

    def test_sessions_with_the_same_settings_are_read_alike(self):
        other = make_session()
        followed = self.sessions.begin(other)
        for session in (self.session, other):
            session.parameters = {b"client_encoding": b"LATIN1"}
        self.assertIs(self.mode(), self.sessions.mode(other, followed))

    def test_any_number_of_settings(self):
        for number in range(200):
            self.session.parameters = {b"client_encoding": b"X%d" % number}
            self.assertFalse(self.mode().whole)

    def test_a_client_may_have_moved_names(self):
        def moved():
            return self.sessions.names_moved(self.session, self.followed)

        self.assertFalse(moved())
        self.session.parameters = {b"search_path": b"other"}
        self.assertTrue(moved())
        # Where a session begins, its names are where they are.
        self.followed = self.sessions.begin(self.session)
        self.assertFalse(moved())
        self.session.asked = frozenset(("search_path",))
        self.assertTrue(moved())

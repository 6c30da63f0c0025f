"""Refused logins of a database that checks passwords itself."""

from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.pipeline.observers import Observers
from acra_twisted.server.loginrefusals import LoginRefusals
from tests.support.sessions import make_session


class Refusals(SynchronousTestCase):
    def setUp(self):
        self.limits = LoginLimits(lambda: 0.0, lambda: 0.5)
        self.logins, self.told = [], []
        metrics = SimpleNamespace(login=lambda *labels: self.logins.append(labels))
        self.observer = LoginRefusals(
            self.limits, metrics, lambda *event, **fields: self.told.append((event, fields))
        )
        self.session = make_session()
        self.session.identity.peer, self.session.user = "192.0.2.1", b"ann"

    def refuse(self, rule="password", code=events.LOGIN_REFUSED):
        Observers([self.observer]).security_event(code, "no", self.session, None, rule=rule)

    def test_each_is_counted(self):
        for rule in ("password", "pg_hba", "role", "database", "method", "other"):
            self.refuse(rule)
        self.assertEqual(self.logins, [("database", "database", False)] * 6)

    def test_au4_wrong_passwords_are_an_event_at_each_threshold(self):
        for _ in range(12):
            self.refuse()
        self.assertEqual([fields["attempts"] for _, fields in self.told], [5, 10])
        (code, _, session, _), fields = self.told[0]
        self.assertEqual((code, session), (events.REPEATED_FAILURES, self.session))
        self.assertEqual(fields["rule"], "user and address")

    def test_other_refusals_say_nothing_of_a_password(self):
        for rule in ("pg_hba", "role", "database", "method", "other"):
            for _ in range(10):
                self.refuse(rule)
        self.assertEqual((self.told, len(self.limits)), ([], 0))

    def test_a_client_that_has_proven_itself_here_has_guessed_nothing(self):
        self.session.proven = True
        for _ in range(10):
            self.refuse()
        self.assertEqual((self.logins, self.told, len(self.limits)), ([], [], 0))

    def test_a_login_that_cannot_pass_and_other_events_are_no_refusals_of_the_database(self):
        self.refuse("proxy")
        self.refuse(code=events.QUERY_NOT_ALLOWED)
        self.session = None
        self.refuse()
        self.assertEqual((self.logins, len(self.limits)), ([], 0))

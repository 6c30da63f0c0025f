"""Names that no statement may contain."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import Exchange, Statement
from acra_twisted.options import Settings
from acra_twisted.stages.deny_table import DenyTableFactory
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import make_session


class Names(SynchronousTestCase):
    def verdict(self, text):
        stage = DenyTableFactory().make(Settings({"tables": ("Salaries",)}), None)
        verdict = stage.on_statement(Statement(text), Exchange(make_session(), "query", None, 1))
        stage.stop()
        return verdict

    def test_denied(self):
        for text in (
            b"SELECT * FROM salaries",
            b'SELECT * FROM "salaries"',
            b"SELECT * FROM hr.SALARIES",
            b"SELECT 1; DELETE FROM/**/salaries",
            b'SELECT * FROM U&"\\0073alaries"',
            b"SELECT 'unterminated",
        ):
            self.assertIs(type(self.verdict(text)), Deny, text)

    def test_allowed(self):
        for text in (b"SELECT 'salaries'", b"SELECT 1 -- salaries", b"SELECT salaries2"):
            self.assertIs(self.verdict(text), PASS, text)

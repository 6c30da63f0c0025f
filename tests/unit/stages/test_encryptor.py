"""The stage that encrypts columns: its hooks, and what it needs to know before it decides."""

from zope.interface.verify import verifyObject

from acra_twisted.exchange import Parameters
from acra_twisted.interfaces import IParameterStage, IResultStage, IStatementStage
from acra_twisted.results import LINES, Columns
from acra_twisted.session import FAILED_TRANSACTION
from acra_twisted.verdicts import PASS
from tests.support.encryptors import SECRET, EncryptorCase


class Hooks(EncryptorCase):
    def test_it_is_a_stage_for_statements_values_and_results(self):
        for interface in (IStatementStage, IParameterStage, IResultStage):
            verifyObject(interface, self.stage)

    def test_nothing_passes_while_the_tables_are_not_known(self):
        self.database.fails = True
        for text in ("SELECT 1", f"UPDATE people SET name = '{SECRET}'"):
            verdict, _ = self.judge(text)
            self.refused(verdict)
        # But for what must be possible in a transaction that has failed.
        self.session.transaction = FAILED_TRANSACTION
        for text in ("ROLLBACK", "rollback to savepoint a;", "COMMIT"):
            verdict, statement = self.judge(text, b"")
            self.assertIs(verdict, PASS)
            bound = Parameters([], [], statement, [])
            self.assertIs(self.stage.on_parameters(bound, self.exchange), PASS)


class Results(EncryptorCase):
    def columns(self, table=7, attribute=2, layout=""):
        described = Columns([b"n"], [table], [17], [0], layout, attributes=[attribute])
        return described.with_meaning(self.session.meaning)

    def test_columns_of_protected_tables_are_read(self):
        self.assertIsNone(self.stage.plan_result(self.columns()))
        self.judge("SELECT 1")
        reading = self.stage.plan_result(self.columns())
        self.assertEqual(reading.columns.types, [25])
        self.assertIsNone(self.stage.plan_result(self.columns(attribute=1)))
        self.assertIsNone(self.stage.plan_result(self.columns(layout=LINES)))

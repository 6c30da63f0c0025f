"""Cells that stay closed for clients which may not read all protected columns."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.interfaces import IRowTransform
from acra_twisted.stages.cellclosing import CellClosing
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.verdicts import PASS, Replace
from tests.support.containers import BYTEA, CLIENT, Workbench, Workers, batch, hexed

NAME = ColumnSetting("", "people", "name")


class Closing(SynchronousTestCase):
    def closed(self, *readers):
        """The verdict on a row with two opened values, and its cells then."""
        bench = Workbench()
        self.stored = hexed(bench.block(b"secret"))
        run = batch([self.stored, self.stored, b"text", None], types=[BYTEA] * 4)
        decryption = Decryptor(bench.keys, Workers()).plan_result(run.columns)
        self.assertIsInstance(decryption.transform(run, bench.exchange), Replace)
        closing = CellClosing(run.columns, [NAME, None, None, None], readers)
        verifyObject(IRowTransform, closing)
        return closing.transform(run, bench.exchange), run.cells(0)

    def test_columns_without_a_setting_are_as_stored_for_who_may_not_read_all(self):
        verdict, cells = self.closed([CLIENT], ["other"])
        self.assertIsInstance(verdict, Replace)
        self.assertEqual(cells, [hexed(b"secret"), self.stored, b"text", None])

    def test_readers_of_all_see_everything(self):
        verdict, cells = self.closed([CLIENT, "other"], [CLIENT])
        self.assertIs(verdict, PASS)
        self.assertEqual(cells[:2], [hexed(b"secret")] * 2)

    def test_results_without_containers_stay(self):
        bench = Workbench()
        run = batch([b"text"], types=[BYTEA])
        closing = CellClosing(run.columns, [None], [["other"]])
        self.assertIs(closing.transform(run, bench.exchange), PASS)

"""Cells of protected columns get their types behind the decryptor."""

import os

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.encryption.settings import ERROR, SEARCHABLE, ColumnSetting
from acra_twisted.interfaces import IRowTransform
from acra_twisted.stages.cellreading import INLINE, CellReading, retyped
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.decryptor import Decryptor, open_all
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import BYTEA, CLIENT, TEXT, Workbench, Workers, batch, columns, hexed

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32", on_failure=ERROR)
EMAIL = ColumnSetting("", "people", "email", data_type="str", kind=SEARCHABLE)
RAW = ColumnSetting("", "people", "raw")


class Reading(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.keys = ColumnKeys(self.bench.keys)
        self.workers = Workers()

    def read(self, settings, *rows, formats=None, types=None):
        """Open rows and read them; the verdict, and their cells then."""
        run = batch(*rows, types=types or [BYTEA] * len(settings), formats=formats)
        Decryptor(self.bench.keys, self.workers).plan_result(run.columns).transform(
            run, self.bench.exchange
        )
        reading = CellReading(run.columns, settings, self.keys, self.workers)
        verifyObject(IRowTransform, reading)
        verdict = reading.transform(run, self.bench.exchange)
        return verdict, [run.cells(row) for row in range(len(run))]

    def stored(self, setting, value):
        sealers = self.keys.sealers([setting], CLIENT)
        return sealers[setting].store(value, os.urandom).data

    def test_the_client_is_told_the_types_of_the_settings(self):
        described = columns(BYTEA, BYTEA, BYTEA, TEXT)
        shown = retyped(described, [NAME, AGE, RAW, None])
        self.assertEqual((shown.types, shown.sizes), ([25, 23, 17, 25], [-1, 4, -1, -1]))
        self.assertIs(retyped(described, [None, None, RAW, None]), described)

    def test_cells_in_text_and_in_binary(self):
        values = [(NAME, b"Zaphod"), (AGE, b"42"), (EMAIL, b"z@example.com"), (RAW, b"\0\xff")]
        settings = [setting for setting, _ in values]
        stored = [self.stored(setting, value) for setting, value in values]
        verdict, cells = self.read(settings, [hexed(one) for one in stored], [None] * 4)
        self.assertIsInstance(verdict, Replace)
        self.assertEqual(cells, [[b"Zaphod", b"42", b"z@example.com", b"\\x00ff"], [None] * 4])
        _, cells = self.read(settings, stored, formats=[1] * 4)
        self.assertEqual(cells, [[b"Zaphod", b"\0\0\0\x2a", b"z@example.com", b"\0\xff"]])

    def test_a_column_that_is_not_protected_stays(self):
        verdict, cells = self.read([NAME, None], [hexed(self.stored(NAME, b"x")), b"text"])
        self.assertEqual(cells, [[b"x", b"text"]])
        self.assertIsInstance(verdict, Replace)
        verdict, _ = self.read([RAW, None], [hexed(b"\0"), b"text"])
        self.assertIs(verdict, PASS)

    def test_a_search_prefix_that_is_another_value_s(self):
        other = self.stored(EMAIL, b"other")
        mixed = self.stored(EMAIL, b"one")[:33] + other[33:]
        _, cells = self.read([EMAIL], [hexed(mixed)])
        self.assertEqual(cells, [[hexed(mixed)]])

    def test_a_value_that_does_not_open_may_be_an_error(self):
        foreign = self.bench.block(b"42", key=b"f" * 32)
        verdict, _ = self.read([AGE], [hexed(foreign)])
        self.assertIs(type(verdict), Deny)
        self.assertEqual(verdict.sqlstate, b"22000")
        self.assertIn("people.age", verdict.text)

    def test_many_cells_are_read_by_a_worker(self):
        rows = [[hexed(self.stored(NAME, b"%d" % number))] for number in range(INLINE + 1)]
        run = batch(*rows)
        opener = self.bench.keys.opener(purposes.STORAGE, purposes.STORAGE_SYMMETRIC, CLIENT)
        open_all(run, opener)
        reading = CellReading(run.columns, [NAME], self.keys, self.workers)
        verdict = reading.transform(run, self.bench.exchange)
        self.assertNoResult(verdict)
        self.workers.turn()
        self.assertIsInstance(self.successResultOf(verdict), Replace)
        found = [run.cells(row) for row in range(len(run))]
        self.assertEqual(found, [[b"%d" % number] for number in range(INLINE + 1)])

"""Planning, looking, and what leaves the reactor."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells
from acra_twisted.results import TUPLES, UNKNOWN_FORMAT
from acra_twisted.stages import containers
from tests.support import nested
from tests.support.containers import (
    BYTEA,
    INT4,
    TEXT,
    Workbench,
    Workers,
    batch,
    columns,
    copy_batch,
    hexed,
)


class Looking(SynchronousTestCase):
    def test_results_of_numbers_alone_are_not_looked_at(self):
        self.assertFalse(containers.can_hold(columns(INT4, 1184, 2950)))
        for kind in (BYTEA, TEXT, 0, 16_500):
            self.assertTrue(containers.can_hold(columns(INT4, kind)))

    def test_nothing_is_opened_of_types_that_nobody_knows(self):
        bench = Workbench()
        rows = batch([hexed(bench.block())])
        rows.columns.values = None
        self.assertTrue(containers.can_hold(rows.columns))
        (found,) = containers.findings(rows).sightings()
        self.assertEqual(found.form, cells.UNUSUAL)

    def test_rows_without_a_container_are_not_split(self):
        plain = batch([b"text", None], [hexed(b"bytes"), b"more"])
        self.assertFalse(containers.might_contain(plain))

    def test_found_once_for_all_stages(self):
        bench = Workbench()
        rows = batch([b"text", hexed(bench.struct())], [hexed(bench.block()), None])
        self.assertTrue(containers.might_contain(rows))
        found = containers.findings(rows)
        self.assertEqual([(cell.row, cell.column) for cell in found.cells], [(0, 1), (1, 0)])
        self.assertIs(containers.findings(rows), found)
        self.assertTrue(containers.might_contain(rows))

    def test_one_row_of_many(self):
        bench = Workbench()
        rows = [[b"x" * 30, hexed(b"bytes")] for _ in range(500)]
        marked = {7: hexed(bench.block()), 250: hexed(bench.struct()), 499: hexed(bench.block())}
        for row, value in marked.items():
            rows[row] = [value, value]
        found = containers.findings(batch(*rows))
        expected = [(row, column) for row in marked for column in (0, 1)]
        self.assertEqual([(cell.row, cell.column) for cell in found.cells], expected)

    def test_binary_rows_and_copy_lines(self):
        bench = Workbench()
        rows = batch([bench.struct()], formats=[1])
        self.assertEqual(len(containers.findings(rows).cells), 1)
        lines = copy_batch(b"1\t\\" + hexed(bench.block()) + b"\n", b"2\t\\N\n", bench.struct())
        self.assertEqual([cell.row for cell in containers.findings(lines).cells], [0, 2])


class Leaving(SynchronousTestCase):
    """Counted: pieces of work handed to a thread."""

    def judge(self, rows, opener):
        workers = Workers()
        verdict = containers.judge(workers, lambda batch, opener: "done", rows, opener)
        return verdict, len(workers.waiting)

    def test_few_inline_many_not(self):
        bench = Workbench()
        opener = bench.keys.opener(*self.purposes())
        for make, count, expected in (
            (bench.struct, 4, 0),
            (bench.struct, 5, 1),
            (bench.block, containers.INLINE, 0),
            (bench.block, containers.INLINE + 1, 1),
        ):
            rows = batch(*([hexed(make())] for _ in range(count)))
            self.assertEqual(self.judge(rows, opener)[1], expected)

    def test_what_is_laborious_leaves_sooner(self):
        bench = Workbench()
        opener = bench.keys.opener(*self.purposes())
        block = bench.block(bytes(containers.INLINE_LABORIOUS))
        for rows, expected in (
            (batch([hexed(block)]), 0),
            (batch([block], formats=[1]), 0),
            (batch([b"1"], types=[INT4], formats=[1]), 0),
            (batch([nested.counted(block)], types=[1001], formats=[1]), 1),
            (batch([block], types=[0], formats=[UNKNOWN_FORMAT]), 1),
            (batch([cells._escape(block)]), 1),
            (copy_batch(hexed(block)), 0),
            (copy_batch(block, layout=TUPLES), 1),
        ):
            self.assertEqual(self.judge(rows, opener)[1], expected)

    def test_read_again_is_cheap(self):
        bench = Workbench()
        opener = bench.keys.opener(*self.purposes())
        rows = batch(*([hexed(bench.struct())] for _ in range(20)))
        for sighting in containers.findings(rows).sightings():
            opener.open(sighting.kind, sighting.data, {})
        self.assertEqual(self.judge(rows, opener), ("done", 0))

    def test_en12_large_values(self):
        bench = Workbench()
        opener = bench.keys.opener(*self.purposes())
        rows = batch([hexed(bench.struct(bytes(containers.INLINE_BYTES)))])
        verdict, handed = self.judge(rows, opener)
        self.assertIsInstance(verdict, Deferred)
        # Not even looked for here.
        self.assertEqual((handed, rows.findings), (1, None))

    def purposes(self):
        from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC

        return STORAGE, STORAGE_SYMMETRIC, "client"

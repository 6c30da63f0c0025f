"""Planning, looking, and what leaves the reactor."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells
from acra_twisted.pipeline.steps import STEP
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
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
    look,
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
        ((found,),) = [cell.sightings for cell in look(rows).cells]
        self.assertEqual(found.form, cells.UNUSUAL)

    def test_rows_without_a_container_are_not_split(self):
        plain = batch([b"text", None], [hexed(b"bytes"), b"more"])
        self.assertFalse(containers.might_contain(plain))

    def test_found_once_for_all_stages(self):
        bench = Workbench()
        rows = batch([b"text", hexed(bench.struct())], [hexed(bench.block()), None])
        self.assertTrue(containers.might_contain(rows))
        found = look(rows)
        self.assertEqual([(cell.row, cell.column) for cell in found.cells], [(0, 1), (1, 0)])
        self.assertIs(look(rows), found)
        self.assertTrue(containers.might_contain(rows))

    def test_one_row_of_many(self):
        bench = Workbench()
        rows = [[b"x" * 30, hexed(b"bytes")] for _ in range(500)]
        marked = {7: hexed(bench.block()), 250: hexed(bench.struct()), 499: hexed(bench.block())}
        for row, value in marked.items():
            rows[row] = [value, value]
        found = look(batch(*rows))
        expected = [(row, column) for row in marked for column in (0, 1)]
        self.assertEqual([(cell.row, cell.column) for cell in found.cells], expected)

    def test_binary_rows_and_copy_lines(self):
        bench = Workbench()
        rows = batch([bench.struct()], formats=[1])
        self.assertEqual(len(look(rows).cells), 1)
        lines = copy_batch(b"1\t\\" + hexed(bench.block()) + b"\n", b"2\t\\N\n", bench.struct())
        self.assertEqual([cell.row for cell in look(lines).cells], [0, 2])


class Leaving(SynchronousTestCase):
    """Counted: pieces of work handed to a thread, and turns of the reactor."""

    def judge(self, rows):
        """Look for the containers of a run; the threads that this takes, and the turns."""
        workers = Workers()
        done = containers.judge(workers, rows, (12 for _ in containers.looking(rows)))
        self.threads, self.turns = len(workers.waiting), len(workers.turns)
        self.assertEqual(done is None, not self.threads + self.turns)
        return self.threads, self.turns

    def test_a_few_at_once_many_in_turns(self):
        bench = Workbench()
        for count, expected in ((STEP // 12, (0, 0)), (STEP // 12 + 1, (0, 1))):
            rows = batch(*([hexed(bench.block())] for _ in range(count)))
            self.assertEqual(self.judge(rows), expected)

    def test_a_multiplication_costs_ten_times_as_much(self):
        bench = Workbench()
        opener = bench.keys.opener(STORAGE, STORAGE_SYMMETRIC, "client")

        def costs():
            rows = batch([hexed(struct)], [hexed(bench.block())])
            return [containers.cost(opener, cell.sightings[0]) for cell in look(rows).cells]

        struct = bench.struct()
        self.assertEqual(costs(), [120, 12])
        [sighting] = look(batch([hexed(struct)])).cells[0].sightings
        opener.open(sighting.kind, sighting.data, {})
        self.assertEqual(costs(), [12, 12])

    def test_what_is_laborious_leaves_sooner(self):
        bench = Workbench()
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
            self.assertEqual(self.judge(rows), (expected, 0))
            # What has been looked for is taken apart no more.
            look(rows)
            self.assertEqual(self.judge(rows), (0, 0))

    def test_en12_large_values(self):
        bench = Workbench()
        rows = batch([hexed(bench.struct(bytes(containers.INLINE_BYTES)))])
        self.assertEqual(self.judge(rows), (1, 0))
        # Not even looked for here.
        self.assertIsNone(rows.findings)
        # Nor where another stage has looked before.
        look(rows)
        self.assertEqual(self.judge(rows), (1, 0))

    def test_a_thread_encodes_what_it_has_changed(self):
        workers = Workers()
        rows = batch([bytes(containers.INLINE_BYTES)], [b"text"])

        def work():
            rows.set_cell(1, 0, b"other")
            yield 1

        containers.judge(workers, rows, work())
        workers.turn()
        changed = rows.encode()
        self.assertIs(rows.encode(), changed)
        self.assertEqual(changed, batch([bytes(containers.INLINE_BYTES)], [b"other"]).encode())

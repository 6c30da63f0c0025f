"""The containers of a run are opened one after the other, at a price each."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.stages.containeropening import Opened, opening
from tests.support.containers import CLIENT, Workbench, batch, hexed


class Opening(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.opener = self.bench.keys.opener(STORAGE, STORAGE_SYMMETRIC, CLIENT)

    def opened(self, rows):
        """Open the containers of a run; the prices, and what is told."""
        told = Opened()
        return list(opening(rows, self.opener, told)), told

    def test_each_container_has_its_price(self):
        block = self.bench.block(b"two")
        rows = batch([hexed(self.bench.struct(b"one"))], [hexed(b"-" + block + block)], [b"x"])
        prices, told = self.opened(rows)
        self.assertEqual(prices, [120, 12, 12])
        self.assertEqual(
            (told.changed, told.kinds), (True, {"acrastruct": [1, 0], "acrablock": [2, 0]})
        )
        self.assertEqual(
            [rows.cells(row) for row in range(3)], [[hexed(b"one")], [hexed(b"-twotwo")], [b"x"]]
        )

    def test_what_stays_closed_has_one_too(self):
        foreign = hexed(self.bench.block(key=b"f" * 32))
        prices, told = self.opened(batch([foreign]))
        self.assertEqual(prices, [12])
        self.assertEqual((told.changed, told.reasons), (False, {"no key fits": 1}))

    def test_a_value_that_only_looks_like_one_is_cheap(self):
        cut = self.bench.block(bytes(300))[:-1]
        prices, told = self.opened(batch([hexed(cut)]))
        self.assertEqual((prices, told.kinds), ([4], {}))

    def test_the_contents_are_left_to_the_stages_behind(self):
        rows = batch([hexed(self.bench.block(b"one")), b"x"])
        self.opened(rows)
        (cell,) = rows.findings.cells
        ((sighting, content),) = cell.opened
        self.assertEqual((content, sighting.end), (b"one", len(cell.value)))

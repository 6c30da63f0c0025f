"""A trace at a glance."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.minimap import PARTS, draw
from acra_twisted.telemetry.console.timeline import Part, arrange, moments
from acra_twisted.telemetry.console.waterfall import Window
from tests.support.kepttraces import many, records_of
from tests.support.stepping import returned

MS = 1_000_000


class Map(SynchronousTestCase):
    def test_moments_by_layer(self):
        spent = [Part("proxy", 0, 50 * MS), Part("dbfirst", 50 * MS, 100 * MS)]
        picture = returned(draw(spent, 100 * MS, Window(0, 100 * MS), "?range="))
        self.assertIn('class="f-proxy" d="M0 4h120v18h-120z"', picture)
        self.assertIn('class="f-dbfirst" d="M120 4h120v18h-120z"', picture)
        self.assertNotIn("f-typ", picture)

    def test_parts_are_links_that_cover_everything(self):
        picture = returned(draw([], 100 * MS, Window(0, 100 * MS), "?range="))
        parts = [tuple(map(int, one)) for one in re.findall(r"range=([0-9]+)-([0-9]+)", picture)]
        self.assertEqual(len(parts), PARTS)
        self.assertEqual((parts[0][0], parts[-1][1]), (0, 100_000))
        for (_, end), (begin, _) in zip(parts, parts[1:], strict=False):
            self.assertLessEqual(begin, end)

    def test_the_part_that_is_shown(self):
        picture = returned(draw([], 100 * MS, Window(25 * MS, 75 * MS), "?range="))
        self.assertIn('class="f-typ" x="25%" width="50%"', picture)

    @given(
        st.lists(
            st.tuples(st.sampled_from(list(LAYERS)), st.integers(0, 10**9), st.integers(0, 10**9)),
            max_size=50,
        ),
        st.integers(1, 10**9),
    )
    def test_any_trace(self, some, took):
        parts = [Part(layer, min(a, b), max(a, b)) for layer, a, b in some]
        picture = returned(draw(parts, took, Window(0, took), "?range="))
        self.assertLess(len(picture), 12_000)

    def test_it_is_short_for_many_spans(self):
        timeline = arrange(records_of(many(10**9, 250)))
        spent = list(moments(timeline.bars))
        picture = returned(draw(spent, timeline.took, Window(0, timeline.took), "?"))
        self.assertLess(len(picture), 12_000)

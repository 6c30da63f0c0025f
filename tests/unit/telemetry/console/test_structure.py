"""Traces aligned by their structure."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.structure import Place, aligned, places, typical, whole
from acra_twisted.telemetry.console.timeline import arrange
from tests.support.kepttraces import many, records_of, spans_of
from tests.support.stepping import returned

START = 1_000_000_000
PARTS = [
    ("link", "SELECT orders customer"),
    ("proxy", "SELECT orders customer"),
    ("censor", "stage censor"),
    ("dbfirst", "database, to first byte"),
    ("dbrows", "database, rows"),
]
ROLES = st.tuples(st.sampled_from(("proxy", "censor")), st.sampled_from("ab"), st.integers(0, 2))
KEYS = st.lists(ROLES, min_size=1, max_size=4).map(tuple)
SIDES = st.lists(KEYS, max_size=8).map(
    lambda keys: {key: Place("x", "proxy", len(key) - 1, 0.0, 1.0, 1.0) for key in keys}
)


def places_of(**given):
    return returned(places(arrange(records_of(spans_of(START, **given)))))


class Structure(SynchronousTestCase):
    def test_places(self):
        found = places_of()
        self.assertEqual([(place.layer, place.name) for place in found.values()], PARTS)
        self.assertEqual([place.depth for place in found.values()], [0, 1, 2, 2, 2])
        first, rows = list(found.values())[3:]
        self.assertEqual((first.took, rows.took), (2.0, 0.4))
        self.assertAlmostEqual(rows.start, first.start + 2.0)
        self.assertAlmostEqual(whole(found), 3.1)
        self.assertEqual(whole({}), 0.0)

    def test_other_statements_have_the_same_places(self):
        self.assertEqual(list(places_of()), list(places_of(summary="SELECT t")))

    def test_several_of_a_role_are_numbered(self):
        found = returned(places(arrange(records_of(many(START, 3, link=0)))))
        self.assertEqual(len(found), 1 + 3 * 4)
        self.assertEqual([key[-1][2] for key in found if len(key) == 2], [0, 1, 2])

    def test_places_below_very_many_others_have_short_ways(self):
        records = records_of(many(1_000, 60))
        for above, below in zip(records, records[1:], strict=False):
            below["parent_id"] = above["span_id"]
        found = returned(places(arrange(records)))
        self.assertGreaterEqual(len(found), len(records))
        self.assertEqual(max(map(len, found)), 33)

    def test_missing_and_new_ones(self):
        pairs = returned(aligned(places_of(opening=100), places_of(first=0, rows=0)))
        self.assertEqual(
            [(pair.any.layer, pair.a is None, pair.b is None) for pair in pairs],
            [
                ("link", False, False),
                ("proxy", False, False),
                ("censor", False, False),
                ("dbfirst", False, True),
                ("dbrows", False, True),
                ("cipher", False, True),
            ],
        )
        self.assertEqual(pairs[3].more, -2.0)
        pairs = returned(aligned(places_of(), places_of(opening=100)))
        (new,) = [pair for pair in pairs if pair.a is None]
        self.assertEqual((new.any.layer, new.more), ("cipher", 0.1))

    def test_the_typical_one(self):
        some = [places_of(first=first) for first in (1000, 2000, 90_000)]
        some.append(places_of(first=3000, opening=50))
        found = typical(some)
        self.assertEqual([place.layer for place in found.values()], [layer for layer, _ in PARTS])
        self.assertEqual(list(found.values())[3].took, 2.5)

    @given(SIDES, SIDES)
    def test_each_place_is_there_once(self, a, b):
        pairs = returned(aligned(a, b))
        self.assertEqual(len(pairs), len(set(a) | set(b)))
        self.assertEqual(sum(pair.a is not None for pair in pairs), len(a))
        self.assertEqual(sum(pair.b is not None for pair in pairs), len(b))

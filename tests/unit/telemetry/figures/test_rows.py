"""Rows of figures: adding up, and both forms in which they are handed on."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.rows import (
    CLASSES_MAX,
    COUNTERS,
    LAYERS_MAX,
    Row,
    add_encoded,
    calls_of,
    decode,
    of_json,
)
from tests.support.figures import rows, total


class Adding(SynchronousTestCase):
    @given(rows(), rows(), rows())
    def test_order_and_grouping_do_not_matter(self, first, second, third):
        left, right = Row(), Row()
        left.add(first)
        left.add(second)
        right.add(third)
        right.add(left)
        self.assertEqual(right.as_json(), total(third, second, first))

    @given(rows(), rows())
    def test_what_is_added_stays_as_it_was(self, first, second):
        before = second.as_json()
        first.add(second)
        first.add(second)
        self.assertEqual(second.as_json(), before)

    def test_names_are_bounded_and_nothing_is_lost(self):
        row = Row()
        for number in range(300):
            row.add_class(f"{number:03}", 1)
            row.layer(f"stage {number}").total += 1
        self.assertLessEqual(len(row.classes), CLASSES_MAX)
        self.assertLessEqual(len(row.layers), LAYERS_MAX)
        self.assertEqual(sum(row.classes.values()), 300)
        self.assertEqual(sum(layer.total for layer in row.layers.values()), 300)
        self.assertEqual(decode(row.encode()).as_json(), row.as_json())


class Encoded(SynchronousTestCase):
    @given(rows())
    def test_it_comes_back(self, row):
        self.assertEqual(decode(row.encode()).as_json(), row.as_json())
        self.assertEqual(calls_of(row.encode()), row.calls)

    @given(rows(), rows())
    def test_adding_encoded_rows_is_adding_rows(self, first, second):
        whole = Row()
        add_encoded(whole, first.encode())
        add_encoded(whole, second.encode())
        self.assertEqual(whole.as_json(), total(first, second))

    @given(st.binary(max_size=200))
    def test_other_bytes_are_refused_or_are_a_row(self, data):
        try:
            row = decode(data)
        except ValueError:
            return
        self.assertIsInstance(row.encode(), bytes)

    @given(rows(), st.integers(0, 400))
    def test_what_is_cut_off_is_refused(self, row, size):
        whole = row.encode()
        if size < len(whole):
            self.assertRaises(ValueError, decode, whole[:size])
        self.assertRaises(ValueError, decode, whole + b"\0")

    def test_counters_stand_in_their_order(self):
        row = Row()
        for number, name in enumerate(COUNTERS, 1):
            setattr(row, name, number)
        self.assertEqual(row.encode()[1 : len(COUNTERS) + 1], bytes(range(1, len(COUNTERS) + 1)))

    def test_a_number_may_not_be_without_end(self):
        self.assertRaises(ValueError, decode, b"\1" + b"\xff" * 20 + b"\0")

    def test_a_minute_takes_some_hundred_bytes(self):
        row = Row()
        row.calls, row.rows, row.received, row.sent = 600, 600, 60_000, 600_000
        for name in ("whole", "proxy", "first byte", "rows", "stage censor"):
            layer = row.layer(name)
            layer.total = 600 * 400_000
            layer.buckets = dict.fromkeys(range(30, 36), 100)
        self.assertLess(len(row.encode()), 150)


class OfOthers(SynchronousTestCase):
    @given(rows())
    def test_json_comes_back(self, row):
        told = json.loads(json.dumps(row.as_json()))
        self.assertEqual(of_json(told).as_json(), row.as_json())

    @given(
        st.recursive(
            st.one_of(st.none(), st.integers(-5, 5), st.text(max_size=5), st.floats()),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
        )
    )
    def test_what_is_none_is_refused(self, value):
        self.assertRaises(ValueError, of_json, value)

    @given(rows(), st.sampled_from(["calls", "classes", "layers", "sent"]), st.data())
    def test_a_part_that_does_not_fit_is_refused(self, row, name, data):
        told = row.as_json()
        told[name] = data.draw(st.sampled_from([None, -1, 1.5, "1", [], {"x": -1}, 1 << 63, True]))
        if told[name] == [] and name in ("classes", "layers"):
            told[name] = {"x": None}
        self.assertRaises(ValueError, of_json, told)

    def test_buckets_that_there_are_not(self):
        for number in ("-1", "128", "x"):
            told = Row().as_json()
            told["layers"] = {"whole": {"total_ns": 1, "buckets": {number: 1}}}
            self.assertRaises(ValueError, of_json, told)

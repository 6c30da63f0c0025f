"""Other servers, as their pages tell of them."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.otherservers import (
    Other,
    Told,
    Unreadable,
    counted,
    counting,
    instance_of,
    read,
    together,
)
from acra_twisted.telemetry.figures.buckets import COUNT
from acra_twisted.telemetry.figures.rows import COUNTERS, Layer, Row
from acra_twisted.telemetry.figures.summary import mean_ms, percentiles

FINE = {"answer": {"text": "All is as it should be."}, "findings": []}

COUNTS = st.integers(0, 1 << 40)
LAYERS = st.dictionaries(
    st.sampled_from(("whole", "proxy", "rows", "stage censor")),
    st.tuples(COUNTS, st.dictionaries(st.integers(0, COUNT - 1), COUNTS, max_size=9)),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=9,
)


def row_of(numbers, layers, classes=None):
    row = Row()
    for name, number in zip(COUNTERS, numbers, strict=True):
        setattr(row, name, number)
    for name, (total, buckets) in layers.items():
        row.layers[name] = Layer(total, dict(buckets))
    row.classes.update(classes or {})
    return row


ROWS = st.builds(
    row_of,
    st.lists(COUNTS, min_size=len(COUNTERS), max_size=len(COUNTERS)),
    LAYERS,
    st.dictionaries(st.sampled_from(("23", "42", "57")), COUNTS),
)


def health(**changes):
    return json.dumps({**FINE, **changes}).encode()


def figures(row=None):
    return json.dumps({"figures": (row or Row()).as_json()}).encode()


def other(instance="", row=None, at="other:1"):
    return Other(at, "http://other:1/console", Told(instance, "good", "", row or Row()))


AWAY = Other("away:1", "http://away:1/console", None, "it is away")


class Reading(SynchronousTestCase):
    def test_what_a_server_tells(self):
        findings = [{"look": "info"}, {"look": "slow"}, {"look": "deny"}]
        told = read(health(findings=findings, origin={"service.instance.id": "a"}), figures())
        self.assertEqual(told[:3], ("a", "deny", "All is as it should be."))
        self.assertEqual(read(health(), figures()).look, "good")
        self.assertEqual(read(health(findings=findings[:1]), figures()).look, "good")
        self.assertEqual(read(health(findings=findings[:2]), figures()).look, "slow")

    def test_nothing_in_its_words_acts(self):
        text = "a\u202eb\x1b[2J\ud800" + "x" * 5000
        told = read(health(answer={"text": text}), figures())
        self.assertTrue(told.said.isprintable())
        self.assertLess(len(told.said), 200)
        for bad in ("\ud800", "a\nb", "x" * 256, "", 7, None, ["a"]):
            self.assertEqual(instance_of({"service.instance.id": bad}), "")
        self.assertEqual(instance_of("service.instance.id"), "")

    def test_what_is_no_page(self):
        for bad in (
            b"",
            b"<html>",
            b"[" * 100_000,
            b"[]",
            b'{"answer": {"text": 9}, "findings": []}',
            b"9" * 5000,
            b"\xff\xfe\xff",
            health(answer=None),
            health(findings={}),
            health(findings=["deny"]),
            health(findings=[{}] * 1001),
        ):
            self.assertRaises(Unreadable, read, bad, figures())
        negative = figures().replace(b'"calls": 0', b'"calls": -1')
        huge = figures().replace(b'"calls": 0', b'"calls": 9223372036854775808')
        for bad in (b"{", b"{}", b'{"figures": 1}', negative, huge, b"null"):
            self.assertRaises(Unreadable, read, health(), bad)

    @given(JSON, JSON)
    def test_any_json_is_read_or_refused(self, one, two):
        for told, known in ((one, two), ({**FINE, "origin": one}, {"figures": two})):
            try:
                found = read(json.dumps(told).encode(), json.dumps(known).encode())
            except Unreadable:
                continue
            found.said.encode()
            found.instance.encode()

    @given(st.binary(), st.binary())
    def test_any_bytes_are_refused(self, one, two):
        self.assertRaises(Unreadable, read, one, figures())
        self.assertRaises(Unreadable, read, health(), two)

    def test_a_bucket_with_nothing_in_it(self):
        row = row_of([1] * len(COUNTERS), {"whole": (5, {3: 0})})
        found = read(health(), figures(row)).row
        self.assertEqual((mean_ms(found), percentiles(found, "whole")["p95_ms"]), (0.0, 0.0))


class Together(SynchronousTestCase):
    @given(ROWS, st.lists(ROWS, max_size=4))
    def test_figures_add_up_exactly(self, own, rows):
        told = [
            read(health(origin={"service.instance.id": str(place)}), figures(row)).row
            for place, row in enumerate(rows)
        ]
        others = [other(str(place), row) for place, row in enumerate(told)]
        expected = Row()
        for row in (own, *rows):
            expected.add(row)
        before = own.as_json()
        whole = together(own, "own", [*others, AWAY])
        self.assertEqual(whole.as_json(), expected.as_json())
        self.assertEqual(own.as_json(), before)
        # In another order, too.
        self.assertEqual(together(own, "own", others[::-1]).as_json(), whole.as_json())

    def test_each_server_counts_once(self):
        others = [other("own"), other("a"), AWAY, other("a", at="again:1"), other("b")]
        self.assertEqual(counted("own", others), [False, True, False, False, True])
        once = [(others[1], others[1].told), (others[4], others[4].told)]
        self.assertEqual(list(counting("own", others)), once)
        # Who has no instance cannot be told from others.
        self.assertEqual(counted("", [other(""), other("")]), [True, True])

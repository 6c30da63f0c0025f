"""Figures as people read them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.figures.buckets import bucket
from acra_twisted.telemetry.figures.rows import Layer, Row, of_json
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import Found
from acra_twisted.telemetry.figures.summary import ORDERS, described, ordered

MS = 10**6


def a_found(text, calls=1, took=MS, proxy=0, errors=0, denied=0, rows=0):
    row = Row()
    row.calls, row.errors, row.denied, row.rows = calls, errors, denied, rows
    row.layers["whole"] = Layer(calls * took, {bucket(took): calls})
    row.layers["proxy"] = Layer(calls * proxy, {bucket(proxy): calls})
    row.layers["stage censor"] = Layer(calls * MS, {bucket(MS): calls})
    row.layers["first byte"] = Layer(calls * took // 2, {bucket(took // 2): calls})
    row.layers["rows"] = Layer(calls * took // 4, {bucket(took // 4): calls})
    return Found(Shape("toydb", "shop", "statement", "SELECT", text), row)


class Descriptions(SynchronousTestCase):
    def test_a_statement(self):
        found = a_found("SELECT ?", calls=4, took=8 * MS, proxy=2 * MS)
        known = described(*found)
        self.assertEqual((known["database"], known["statement"]), ("shop", "SELECT ?"))
        self.assertEqual((known["total_ms"], known["mean_ms"]), (32.0, 8.0))
        self.assertEqual((known["ours_ms"], known["database_ms"]), (12.0, 24.0))
        self.assertLess(abs(known["p95_ms"] / 8 - 1), 0.09)
        self.assertEqual(of_json(known).as_json(), found.row.as_json())

    def test_nothing(self):
        known = described(Shape("", "", "call", "call", ""), Row())
        self.assertEqual((known["mean_ms"], known["p50_ms"], known["ours_ms"]), (0.0, 0.0, 0.0))


class Orders(SynchronousTestCase):
    def test_the_largest_first(self):
        some = {
            "calls": a_found("calls", calls=20),
            "time": a_found("time", calls=9, took=7 * MS),
            "p95": a_found("p95", took=50 * MS),
            "ours": a_found("ours", calls=2, proxy=40 * MS),
            "errors": a_found("errors", errors=1),
            "denied": a_found("denied", denied=1),
            "rows": a_found("rows", rows=1),
        }
        some["mean"] = some["p95"]
        for order in ORDERS:
            first = ordered({one.shape.id: one for one in some.values()}.values(), order)[0]
            self.assertIs(first, some[order], order)

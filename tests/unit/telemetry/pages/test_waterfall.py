"""Rows of a waterfall, shares, the terminal's picture."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.waterfall import (
    arrange,
    daemons,
    draw,
    folded,
    shares,
    summary,
    ticks,
)
from acra_twisted.telemetry.tracing.records import as_record
from tests.support.sample_spans import sample


class Waterfall(SynchronousTestCase):
    def setUp(self):
        self.records = [as_record(span, "acra-server") for span in sample()]

    def test_rows(self):
        parent, child = arrange(reversed(self.records))
        self.assertEqual((parent.depth, parent.start, parent.length), (0, 0.0, 1.0))
        self.assertEqual((child.depth, child.start), (1, 0.2))
        self.assertEqual(arrange([]), [])

    def test_an_orphan_stands_at_the_top(self):
        (row,) = arrange(self.records[1:])
        self.assertEqual(row.depth, 0)

    def test_those_that_go_round_in_a_circle_stand_at_the_top(self):
        parent, child = self.records
        below = {**child, "span_id": "e" * 16, "parent_id": child["span_id"]}
        parent["parent_id"] = below["span_id"]
        alone = {**child, "span_id": "d" * 16, "parent_id": "d" * 16, "start": 1_000_200_000}
        rows = arrange([alone, below, child, parent])
        found = [(row.depth, row.span["span_id"]) for row in rows]
        names = [one["span_id"] for one in (parent, child, below, alone)]
        self.assertEqual(found, list(zip((0, 1, 2, 0), names, strict=True)))

    def test_a_first_byte_that_is_no_time(self):
        for waited in ("x", [1], None, 10**400, -1, float("nan")):
            self.records[0]["attributes"]["acra.time.first_byte_ms"] = waited
            self.assertIsNone(arrange(self.records)[0].mark)

    def test_shares(self):
        exchange, stage = self.records
        exchange["attributes"]["acra.time.proxy_ms"] = 1
        stage["attributes"]["acra.stage"] = "censor"
        known = {"db.system.name": "postgresql"}
        database = {**stage, "span_id": "d" * 16, "attributes": known, "kind": "client"}
        found = shares([exchange, stage, database])
        self.assertEqual(found, {"stage censor": 400, "database": 400, "proxy": 499_200})
        self.assertEqual(shares([]), {})

    def test_what_a_stage_asks_is_a_part_of_its_time(self):
        exchange, stage = self.records
        exchange["attributes"]["acra.time.proxy_ms"] = 1
        stage["attributes"]["acra.stage"] = "censor"
        asked = {**stage, "span_id": "d" * 16, "attributes": {}, "kind": "client"}
        expected = {"stage censor": 400, "proxy": 499_600}
        self.assertEqual(shares([exchange, stage, asked]), expected)

    def test_picture(self):
        first, second = draw(self.records, width=10)
        self.assertIn("|##########| ", first)
        self.assertIn("  stage censor", second)
        self.assertIn("|  #       |!", second)
        self.records[0]["running"] = True
        self.assertIn("|##########|~", draw(self.records, width=10)[0])


class Marks(SynchronousTestCase):
    def test_where_the_first_byte_came(self):
        parent, child = (as_record(span, "acra-server") for span in sample())
        child["attributes"]["acra.time.first_byte_ms"] = 0.0002
        rows = arrange([parent, child])
        self.assertIsNone(rows[0].mark)
        self.assertAlmostEqual(rows[1].mark, rows[1].start + 0.0004)
        child["attributes"]["acra.time.first_byte_ms"] = 9e9
        self.assertEqual(arrange([child])[0].mark, 1.0)

    def test_the_connectors_share(self):
        parent, child = (as_record(span, "acra-server") for span in sample())
        parent["attributes"]["db.system.name"] = "postgresql"
        child["attributes"]["acra.time.proxy_ms"] = 1
        self.assertEqual(shares([parent, child])["connector and link"], 499_600)


def record(span_id, parent_id, took):
    """A span of ``took`` nanoseconds."""
    return {
        "span_id": span_id,
        "parent_id": parent_id,
        "start": 0,
        "end": took,
        "kind": "server",
        "status": 0,
        "attributes": {},
    }


def of_connector(span_id, took, parent_id="root"):
    return {**record(span_id, parent_id, took), "attributes": {"db.system.name": "postgresql"}}


def of_server(span_id, parent_id, took):
    known = {"db.system.name": "postgresql", "acra.time.proxy_ms": 1.0}
    return {**record(span_id, parent_id, took), "attributes": known}


class Shares(SynchronousTestCase):
    """Return the view of traces with all that a trace may have."""

    def test_only_those_that_are_known_on_both_sides_tell_of_the_link(self):
        spans = [
            record("root", "", 10_000),
            record("session", "root", 9_000),
            # A startup that the connector's is not above of, and one that it is.
            of_connector("startup", 900),
            of_server("startup of server", "session", 700),
            of_connector("other startup", 500),
            of_server("other startup of server", "other startup", 450),
            of_connector("request", 300),
            of_server("request of server", "request", 200),
            # Requests that only one of them knows.
            of_connector("lost", 800),
            of_server("lost of server", "gone", 600),
        ]
        self.assertEqual(shares(spans)["connector and link"], 50 + 100)
        self.assertEqual(shares(spans)["proxy"], 700 + 450 + 200 + 600)

    def test_one_that_is_odd_takes_nothing_from_others(self):
        database = {**record("database", "short", 500), "kind": "client"}
        database["attributes"] = {"db.system.name": "postgresql"}
        spans = [of_server("short", "", 100), database, of_server("long", "", 300)]
        self.assertEqual(shares(spans), {"database": 500, "proxy": 300})
        spans = [
            of_connector("a", 100),
            of_server("a of server", "a", 400),
            of_connector("b", 100),
            of_server("b of server", "b", 60),
        ]
        self.assertEqual(shares(spans)["connector and link"], 40)

    def test_several_below_one(self):
        spans = [of_connector("a", 100), of_server("1", "a", 30), of_server("2", "a", 50)]
        self.assertEqual(shares(spans)["connector and link"], 20)

    def test_a_servers_exchange_below_another_servers_is_no_link(self):
        spans = [of_server("1", "", 100), of_server("2", "1", 50)]
        self.assertEqual(shares(spans), {"proxy": 150})


class OfThePage(SynchronousTestCase):
    def chain(self, *depths):
        """Records one below the other, as deep as is said."""
        records, above = [], []
        for number, depth in enumerate(depths):
            above = above[:depth]
            found = record(f"{number:016}", above[-1] if above else "", 5)
            found["start"] = number
            above.append(found["span_id"])
            records.append(found)
        return arrange(records)

    def test_groups_end_where_they_began(self):
        for depths, below, closes in (
            ((0,), [0], [0]),
            ((0, 0), [0, 0], [0, 0]),
            ((0, 1, 2, 1, 0), [3, 1, 0, 0, 0], [0, 0, 1, 1, 0]),
            ((0, 1, 2, 3), [3, 2, 1, 0], [0, 0, 0, 3]),
            ((0, 1, 2, 0, 1), [2, 1, 0, 1, 0], [0, 0, 2, 0, 1]),
        ):
            rows = folded(self.chain(*depths))
            self.assertEqual([row.depth for row, _, _ in rows], list(depths))
            self.assertEqual([count for _, count, _ in rows], below, depths)
            self.assertEqual([count for _, _, count in rows], closes, depths)

    def test_a_chain_of_many_costs_little(self):
        rows = folded(self.chain(*range(500)))
        self.assertEqual(sum(bool(count) for _, count, _ in rows), 499)
        self.assertEqual(rows[-1][2], 499)

    def test_the_axis(self):
        self.assertEqual(ticks(4_000_000)[1:3], [(25, "1 ms"), (50, "2 ms")])
        self.assertEqual([text for _, text in ticks(800)][-1], "0.8 us")
        self.assertEqual(ticks(60 * 10**9)[-1], (100, "60 s"))

    def test_colours_of_daemons(self):
        records = [{"service": name} for name in ("z", "acra-server", "acra-connector", "a", "b")]
        expected = {"acra-connector": 0, "acra-server": 1, "a": 2, "b": 3, "z": 0}
        self.assertEqual(daemons(records), expected)

    def test_in_a_few_words(self):
        whole, refused = record("1", "", 9), record("2", "1", 4)
        whole["attributes"]["acra.client_id"] = "ann"
        whole["attributes"]["acra.verdict"] = "allow"
        refused["status"] = 7
        refused["attributes"] = {"acra.verdict": "deny", "acra.denied_by": "censor"}
        stage = record("3", "2", 1)
        stage["attributes"] = {"acra.stage": "censor", "acra.verdict": "pass"}
        head = summary([whole, refused, stage])
        known = {"Client id": "ann", "Verdict": "deny", "Refused by": "censor"}
        self.assertEqual((dict(head.known), head.running), (known, False))
        self.assertEqual(head.took, whole["end"] - whole["start"])

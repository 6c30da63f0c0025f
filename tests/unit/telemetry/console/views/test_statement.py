"""The view of one statement: why it is slow, and since when."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import statement
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import MINUTE, NOW, ORDERS, Hour
from tests.support.kepttraces import a_trace
from tests.support.stepping import returned
from tests.support.webpages import body


class Statement(SynchronousTestCase):
    def view(self, hour, table, **arguments):
        wanted = statement.asked({"id": hour.shape(table), **arguments}, NOW - 1)
        self.gathered = returned(statement.gather(hour.sources, wanted))
        return statement.as_json(self.gathered)

    def test_slow_since(self):
        data = self.view(Hour().slow_since(20), "orders")
        self.assertEqual(data["answer"]["rules"], ["slower"])
        self.assertEqual(
            data["answer"]["text"],
            "Slow since 23:40: mean 41.4 ms instead of 3.26 ms, nearly all of it before the "
            "database's first byte.",
        )
        self.assertEqual(data["break"]["since"], "23:40")
        self.assertAlmostEqual(data["share"], 0.74, 2)
        self.assertEqual(sum(one["calls"] for one in data["columns"]), data["figures"]["calls"])
        self.assertEqual(len(data["columns"]), 60)

    def test_the_distribution(self):
        self.view(Hour().slow_since(20), "orders")
        shown = returned(statement.shown(self.gathered))
        self.assertEqual(shown["spread"].heads, ("before 23:40", "since"))
        lines = {line.name: line.shown for line in shown["spread"].lines}
        self.assertEqual(lines, {"2 to 4 ms": ("100 %", "0 %"), "32 to 64 ms": ("0 %", "100 %")})
        self.assertIn("slower", shown["heat"])
        self.assertEqual(shown["figures"][2][:5], ("Mean", "16.0", "ms", "3.26 ms before", True))

    def test_sample_traces_and_callers(self):
        hour = Hour().slow_since(20)
        slow = [a_trace(hour.store, NOW - n * 10**9, first=41_000) for n in (1, 2, 3)]
        fast = a_trace(hour.store, NOW - 50 * MINUTE, first=2_900, client_id="billing")
        a_trace(hour.store, NOW - 50 * MINUTE + 1, summary="prepare it")
        told = {"peers": {"peers": [{"client_id": "shop", "peer": "10.0.0.1"}]}}
        hour.sources = hour.sources._replace(fact=told.get)
        data = self.view(hour, "orders")
        samples = {one["takes"]: one["traces"] for one in data["samples"]}
        self.assertEqual(samples, {"2 to 4 ms": [fast], "32 to 64 ms": slow[:2]})
        self.assertEqual(data["kept"], 4)
        self.assertEqual(
            [(one["client_id"], one["calls"], one["peers"]) for one in data["callers"]],
            [("shop", 3, ["10.0.0.1"]), ("billing", 1, [])],
        )
        page = body(Console("acra-server", hour.sources).page(statement.VIEW, {"id": data["id"]}))
        self.assertIn(f'href="/console/trace?id={fast}"', page)
        self.assertIn(f"?shape={data['id']}&amp;since=1h&amp;min_ms=32&amp;max_ms=64", page)
        self.assertIn(f"?shape={data['id']}&amp;since=1h&amp;client_id=billing", page)
        self.assertIn(f"/console/compare?id={slow[0]}", page)

    def test_slow_ones_have_something_in_common(self):
        hour = Hour().slow_since(20)
        for number in range(6):
            at = NOW - 10 * MINUTE + number
            a_trace(hour.store, at, first=41_000, protocol="prepared")
            a_trace(hour.store, at + 100, first=2_900, protocol="simple")
        data = self.view(hour, "orders")
        self.assertEqual(data["answer"]["rules"], ["slower", "common"])
        self.assertTrue(
            data["answer"]["text"].endswith(
                "100 % of the slow calls that are kept are prepared; of the others, 0 %."
            )
        )
        slow = data["slow"]
        self.assertEqual((slow["slow"], slow["others"]), (6, 6))
        self.assertAlmostEqual(slow["least_ms"], 11.6, 1)
        self.assertEqual(
            slow["factors"][0],
            {"name": "protocol", "value": "prepared", "slow": 1.0, "others": 0.0},
        )

    def test_a_long_statement_keeps_to_the_budget(self):
        hour = Hour()
        text = b"SELECT " + b", ".join(b"column_%d" % n for n in range(450)) + b" FROM t"
        for minute in range(119, 0, -1):
            hour.ask(minute, text, 3)
        page = body(
            Console("acra-server", hour.sources).page(statement.VIEW, {"id": hour.shape("t")})
        )
        self.assertLess(len(page), 60_000)

    def test_a_day_has_each_hour_once(self):
        """Older times are known by the hour."""
        hour = Hour(1440)
        for minute in range(1439, 0, -20):
            hour.pass_to(minute)
            hour.ask(minute, ORDERS, 2)
        for key, columns, least in (("24h", 24, 6), ("7d", 56, 18), ("30d", 60, 72)):
            data = self.view(hour, "customer", range=key)
            calls = [one["calls"] for one in data["columns"]]
            self.assertEqual((len(calls), sum(calls)), (columns, 144), key)
            busy = [count for count in calls if count]
            self.assertTrue(all(count >= least for count in busy[1:-1]), (key, busy))
            self.assertGreaterEqual(len(busy), 1440 // data["step_minutes"])

    def test_a_schema_change_is_marked(self):
        hour = Hour(119)
        for minute in range(118, 0, -1):
            hour.pass_to(minute)
            hour.ask(minute, ORDERS, 4, first=41_000 if minute <= 20 else 2_900)
            if minute == 20:
                hour.ask(minute, b"ALTER TABLE orders ALTER COLUMN total TYPE numeric(9, 2)")
        data = self.view(hour, "customer")
        self.assertEqual(data["answer"]["rules"], ["slower", "schema"])
        self.assertTrue(
            data["answer"]["text"].endswith(
                " ALTER TABLE orders ALTER CO\N{HORIZONTAL ELLIPSIS} ran at 23:40, and names a "
                "table of it."
            ),
            data["answer"]["text"],
        )
        ((since, statement_text),) = [
            (one["since"], one["statement"]) for one in data["schema_changes"]
        ]
        self.assertEqual(since, "23:40")
        self.assertIn("ALTER TABLE orders", statement_text)
        self.assertIn(
            ">23:40 slower, ALTER TABLE orders", returned(statement.shown(self.gathered))["heat"]
        )

    def test_what_cannot_be(self):
        hour = Hour()
        self.assertRaises(Unfit, statement.asked, {}, NOW)
        wanted = statement.asked({"id": "0" * 16}, NOW)
        self.assertRaises(NotKept, returned, statement.gather(hour.sources, wanted))

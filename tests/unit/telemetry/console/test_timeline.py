"""Where the time of a trace went: layers, own time, critical path."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.timeline import FOLDED_FROM, arrange, arranged, folded
from acra_twisted.telemetry.console.waterfall import Window, rows
from tests.support.kepttraces import US, many, records_of, spans_of
from tests.support.stepping import returned

START = 1_000_000_000


def parts(times):
    return [(part.layer, part.start // US, part.end // US) for part in times]


class Times(SynchronousTestCase):
    def test_layers_of_a_request(self):
        timeline = arrange(records_of(spans_of(START, opening=100)))
        self.assertEqual(
            timeline.layers,
            {
                "link": 0.3,
                "proxy": 0.2,
                "censor": 0.2,
                "dbfirst": 2.0,
                "dbrows": 0.3,
                "cipher": 0.1,
            },
        )
        self.assertAlmostEqual(sum(timeline.layers.values()) * 1e6, timeline.took, 3)

    def test_own_times_and_the_critical_path(self):
        bars = arrange(records_of(spans_of(START, opening=100))).bars
        self.assertEqual([bar.depth for bar in bars], [0, 1, 2, 2, 2])
        self.assertEqual([bar.below for bar in bars], [4, 3, 0, 0, 0])
        link, proxy, censor, database, cipher = bars
        self.assertEqual(parts(link.own), [("link", 0, 150), ("link", 2950, 3100)])
        self.assertEqual(parts(proxy.own), [("proxy", 150, 250), ("proxy", 2850, 2950)])
        self.assertEqual(parts(censor.own), [("censor", 250, 450)])
        self.assertEqual(parts(database.own), [("dbfirst", 450, 2450), ("dbrows", 2450, 2850)])
        self.assertEqual(database.first_byte, 2450 * US)
        # The decryptor worked while the database sent: one of them is what was waited for.
        waited = sum(part.end - part.start for bar in bars for part in bar.critical)
        self.assertEqual(waited, 3100 * US)
        self.assertEqual(parts(link.critical), parts(link.own))
        self.assertEqual(cipher.itself, 100 * US)

    def test_what_a_stage_asks_is_a_part_of_its_time(self):
        made = spans_of(START, link=0)
        censor = next(span for span in made if span.name == "stage censor")
        asked = censor.child("ask", 2, censor.start + 10 * US)
        asked.end = censor.end
        asked.attributes = {"db.system.name": "redis"}
        timeline = arrange(records_of([*made, asked]))
        self.assertEqual(timeline.layers["censor"], 0.2)
        self.assertEqual(timeline.layers["dbfirst"], 2.0)

    def test_a_connection_is_in_no_layer(self):
        made = spans_of(START, link=0)
        connection = made[0].child("handleConnection", 1, START - 10_000 * US)
        connection.end = START + 60_000 * US
        connection.parent_id = ""
        made[-1].parent_id = connection.span_id
        timeline = arrange(records_of([*made, connection]))
        self.assertEqual(timeline.bars[0].layer, "")
        self.assertAlmostEqual(sum(timeline.layers.values()), 2.8)

    def test_one_that_still_runs_waits_for_the_database(self):
        (record,) = records_of(spans_of(START, link=0)[-1:])
        record["running"] = True
        record["attributes"]["acra.in_database"] = True
        self.assertEqual(list(arrange([record]).layers), ["dbfirst"])

    def test_many_spans_are_arranged_in_steps(self):
        records = records_of(many(1_000, 60))
        steps, count = arranged(records), 0
        while True:
            try:
                self.assertEqual(next(steps), "")
            except StopIteration as end:
                self.assertEqual(end.value, arrange(records))
                break
            count += 1
        # Whoever looks at them one by one does so at them in the tree, as bars, and on the way.
        self.assertGreater(count, 3 * len(records) // 32)

    def test_circles_and_orphans_are_there(self):
        made = spans_of(START)
        made[0].parent_id = made[-1].span_id
        made[1].parent_id = "f" * 16
        self.assertEqual(len(arrange(records_of(made)).bars), len(made))

    @given(
        st.lists(
            st.tuples(
                st.integers(0, 8),
                st.integers(0, 50),
                st.integers(-5, 50),
                st.sampled_from(("", "censor", "mine")),
                st.sampled_from((None, -1, 0.00001, 5, float("nan"), float("inf"))),
            ),
            min_size=1,
            max_size=9,
        )
    )
    def test_whatever_spans_say(self, some):
        records = []
        for number, (parent, start, took, stage, waited) in enumerate(some):
            known = {"acra.stage": stage} if stage else {"db.system.name": "x"}
            if waited is not None:
                known["acra.time.first_byte_ms"] = waited
            records.append(
                {
                    "service": "s",
                    "name": "n",
                    "span_id": str(number),
                    "parent_id": str(parent),
                    "kind": "client",
                    "start": start,
                    "end": start + took,
                    "status": 0,
                    "attributes": known,
                }
            )
        timeline = arrange(records)
        self.assertEqual(
            sorted(bar.record["span_id"] for bar in timeline.bars),
            sorted(record["span_id"] for record in records),
        )
        # Each moment counts once, and nothing is waited for twice.
        covered = set()
        for bar in timeline.bars:
            for part in bar.own:
                self.assertTrue(bar.start <= part.start <= part.end <= bar.end)
                covered.update(range(part.start, part.end))
        self.assertAlmostEqual(sum(timeline.layers.values()) * 1e6, len(covered), 3)
        waited_for = [
            moment
            for bar in timeline.bars
            for part in bar.critical
            for moment in range(part.start, part.end)
        ]
        self.assertEqual(len(waited_for), len(set(waited_for)))
        self.assertLessEqual(len(waited_for), timeline.took)


class Folding(SynchronousTestCase):
    def test_alike_ones_are_folded_where_there_are_many(self):
        few = arrange(records_of(many(START, 15))).bars
        self.assertEqual(len(returned(folded(few))), len(few))
        made = many(START, 1, link=0)
        request = made[-1]
        for number in range(FOLDED_FROM):
            one = request.child("mine", 0, request.start + number * 100)
            one.end = one.start + 100
            made.append(one)
        timeline = arrange(records_of(made))
        bars = returned(folded(timeline.bars))
        self.assertLess(len(bars), 10)
        (joined,) = [bar for bar in bars if bar.alike > 1]
        self.assertEqual((joined.alike, joined.itself), (FOLDED_FROM, FOLDED_FROM * 100))
        window = Window(0, timeline.took)
        row = next(r for r in rows(window, bars, "?span=") if r["alike"] > 1)
        self.assertEqual(row["picture"].count('class="f-proxy"'), 1)

    def test_alike_requests_are_folded_with_what_is_below_them(self):
        made = many(START, 60, link=0)
        bars = returned(folded(arrange(records_of(made)).bars))
        self.assertEqual([bar.alike for bar in bars], [1, 60])
        self.assertEqual([bar.spans for bar in bars], [1, 180])
        self.assertEqual(bars[1].below, 0)
        self.assertEqual(sum(bar.spans for bar in bars), len(made))
        # One that failed parts them.
        made[1 + 3 * 30].status = 2
        bars = returned(folded(arrange(records_of(made)).bars))
        self.assertEqual([bar.alike for bar in bars], [1, 30, 1, 1, 1, 29])

    def test_the_row_of_many_requests_is_short(self):
        made = many(START, 300)
        timeline = arrange(records_of(made))
        bars = returned(folded(timeline.bars))
        picture = list(rows(Window(0, timeline.took), bars, "?span="))[1]["picture"]
        self.assertLess(len(picture), 20_000)
        self.assertIn('class="f-link pale"', picture)

"""Findings about rules."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.rulefindings import judged, said_of
from tests.support.incidents import HOUR, rule

NOW = 500_000 * HOUR


def found(told):
    return [(one.handler, one.found) for one in judged(told, NOW).shown]


class Findings(SynchronousTestCase):
    def test_each(self):
        told = [
            rule(1, "allow", "query", "f:1", 5),
            rule(1, "allow", "query", "f:2"),
            rule(1, "allow", "handler", "f:0"),
            rule(2, "deny", "table", "f:3", 1, clients={"a": 1}),
            rule(2, "deny", "table", "f:4"),
        ]
        self.assertEqual(
            found(told),
            [(1, "in-use"), (1, "never"), (2, "denies"), (2, "quiet")],
        )
        self.assertEqual(judged(told, NOW).shown[2].words, "1 client, look")
        self.assertEqual(judged(told, NOW).decided, 6)

    def test_nothing_is_reached_behind_a_handler_that_decides_all(self):
        told = [
            rule(1, "denyall", "handler", "f:1", 3, clients={"a": 3}),
            rule(2, "allow", "query", "f:2"),
            {**rule(3, "allow", "query", "f:3"), "listener": "other"},
        ]
        self.assertEqual(found(told), [(1, "denies"), (2, "unreached"), (3, "never")])
        self.assertIn("handler 1", judged(told, NOW).shown[1].words)

    def test_the_last_day(self):
        hours = [{"start": NOW - n * HOUR, "count": n + 1} for n in (0, 1, 23, 24)]
        one = judged([rule(1, "allow", "query", "f:1", 9, hours=hours)], NOW + 5).shown[0]
        self.assertEqual(one.by_hour, [24, *[0] * 21, 2, 1])

    def test_folders_are_not_shown(self):
        one = judged([rule(1, "allow", "query", "/etc/private/f.yaml:1")], NOW).shown[0]
        self.assertEqual(one.place, "f.yaml:1")

    def said(self, *told):
        return said_of(judged(told, NOW)).as_json()

    def test_a_sentence_tells_whether_they_are_right(self):
        used = rule(1, "allow", "query", "f:1", 5)
        quiet, whole = rule(2, "deny", "table", "f:2"), rule(3, "denyall", "handler", "f:3")
        self.assertEqual(self.said()["rules"], ["no-rules"])
        self.assertEqual(self.said(used, quiet, whole)["rules"], ["right"])
        never = [rule(1, "allow", "query", f"f:{n}") for n in range(4, 9)]
        self.assertEqual(
            self.said(used, *never)["text"],
            "5 rules that allow never decided: f:4, f:5, f:6 and 2 more.",
        )
        behind = rule(4, "allow", "query", "f:9")
        self.assertEqual(
            self.said(used, whole, behind)["text"],
            "1 rule is never reached: f:9; a handler before it decides everything.",
        )
        self.assertEqual(self.said(never[0], whole, behind)["rules"], ["unreached", "never"])

    @given(st.lists(st.integers(0, 50), max_size=300))
    def test_those_that_decide_most_are_shown(self, counts):
        told = [rule(1, "allow", "query", f"f:{n}", count) for n, count in enumerate(counts)]
        rules = judged(told, NOW)
        self.assertLessEqual(len(rules.shown), 60)
        self.assertEqual(len(rules.shown) + rules.left, len(counts))
        self.assertEqual(rules.decided, sum(counts))
        most = sorted(counts, reverse=True)[:40]
        shown = sorted((one.decided for one in rules.shown), reverse=True)
        self.assertEqual([n for n in shown if n][: len(most)], [n for n in most if n])

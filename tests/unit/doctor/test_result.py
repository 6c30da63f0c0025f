"""Results as text and as JSON."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.doctor.result import (
    FAIL,
    WARN,
    Result,
    as_records,
    fail,
    lines_of,
    of_lines,
    ok,
    summary,
    warn,
)


class Results(SynchronousTestCase):
    def test_what_to_do_stands_below(self):
        self.assertEqual(lines_of(ok("keys", "6 keys")), ["ok    keys:          6 keys"])
        self.assertEqual(
            lines_of(fail("database", "refused", "start it")),
            ["FAIL  database:      refused", "      -> start it"],
        )

    def test_messages_of_several_lines(self):
        found = of_lines(FAIL, "settings", "a: wrong; set b; or c\nd: missing")
        self.assertEqual(
            found,
            [
                Result(FAIL, "settings", "a: wrong; set b", "or c"),
                Result(FAIL, "settings", "d: missing"),
            ],
        )
        self.assertEqual(of_lines(WARN, "x", ""), [])

    def test_how_many_and_json(self):
        results = [ok("a", "1"), warn("b", "2", "c"), fail("d", "3")]
        self.assertEqual(summary(results), "1 ok, 1 to look at, 1 wrong")
        records = as_records(results)
        self.assertEqual([record["state"] for record in records], ["ok", "warn", "fail"])
        self.assertEqual(records[1]["remedy"], "c")

"""``acra-top``, on pages that were kept."""

import io
import json
import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import top

MINUTE = {
    "count": 4,
    "average_ms": 1.5,
    "p99_ms": 4.5,
    "rate": 2.0,
    "input_kb": 0.1,
    "output_kb": 0.2,
    "errors": 1,
    "time_ms": 3.0,
}


def session(number, state, milliseconds, now="", last="", sent=6):
    return {
        "session_id": number,
        "client_id": "ann" * 40,
        "peer": "10.0.0.1:5000",
        "user": "bob",
        "state": state,
        "state_ms": milliseconds,
        "seconds": 9000.0,
        "received": 5,
        "sent": sent,
        "statement": now,
        "last_statement": last,
    }


PAGES = {
    "/debug/sessions": {
        "service": "acra-server",
        "sessions": [
            session(8, "in_transaction", 7_500_000.0, last="UPDATE card"),
            session(7, "active", 12.34, now="SELECT ?\x1b[2J", sent=23_456_789),
        ],
    },
    "/debug/rpcz": {
        "received": {"postgresql query": {"minute": MINUTE}},
        "sent": {"postgresql query": {"minute": {**MINUTE, "count": 0}}},
        "stages": {"censor": {"minute": MINUTE}, "poison": {"minute": {"time_ms": 1.0}}},
    },
    "/debug/traces": {
        "traces": [
            {
                "took": 5_000_000,
                "trace_id": "1" * 32,
                "client_id": "ann",
                "name": "SELECT",
                "verdict": "allow",
            }
        ]
    },
}


class Pages:
    def get(self, source, path, asked=None):
        return PAGES[path]


class Top(SynchronousTestCase):
    def setUp(self):
        self.patch(top.Pages, "get", lambda pages, source, path, asked=None: PAGES[path])
        # Of the terminal: a narrow one has fewer columns.
        self.patch(os, "environ", {**os.environ, "COLUMNS": "120"})

    def run_with(self, *arguments):
        output = io.StringIO()
        top.main(["--from=http://127.0.0.1:1", *arguments], {}, output)
        return output.getvalue()

    def test_once(self):
        text = self.run_with("--once")
        for words in (
            "acra-server at http://127.0.0.1:1    sessions: 1 active, 1 in_transaction",
            "received postgresql query          2.0     1.500     4.500       1       0.1",
            "stages' time: censor 75%, poison 25%",
            "in transaction     2h05m",
            "(UPDATE card)",
            "      5     23M SELECT ?",
            "SELECT ? [2J",
            f"5.000  {'1' * 32} ann",
        ):
            self.assertIn(words, text)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("sent postgresql", text)

    def test_who_waits_comes_first(self):
        lines = self.run_with("--once", "--sort=age").splitlines()
        self.assertLess(
            *(
                next(n for n, line in enumerate(lines) if text in line)
                for text in ("SELECT ?", "UPDATE")
            )
        )

    def test_narrow_terminals_have_fewer_columns_and_whole_words(self):
        seen = top.look(Pages(), "http://127.0.0.1:1")
        for width in (60, 80, 100, 120, 200):
            lines = [line[:width] for line in top.draw(seen, width)]
            [head] = [line for line in lines if "STATE" in line]
            self.assertEqual("PEER" in head, width >= 150)
            self.assertIn("STATEMENT", head)
            [row] = [line for line in lines if "SELECT ?" in line]
            self.assertEqual(row.index("active"), head.index("STATE "))
            [slowest] = [line for line in lines if line.startswith("SLOWEST")]
            self.assertTrue(slowest.endswith("REQUEST"), slowest)

    def test_json(self):
        (found,) = json.loads(self.run_with("--json"))
        self.assertEqual(found["denied"], PAGES["/debug/traces"]["traces"])

    def test_again_and_again(self):
        def end(seconds):
            raise KeyboardInterrupt

        self.patch(top, "sleep", end)
        self.assertTrue(self.run_with().startswith("\x1b[H"))

    def test_nothing_to_look_at(self):
        self.assertRaises(ConfigError, self.run_with, "--interval=0")
        self.assertRaises(ConfigError, top.main, [], {}, None)

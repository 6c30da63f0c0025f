"""``acra-top``, on pages that were kept."""

import io
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tools import top

MINUTE = {
    "count": 4,
    "average_ms": 1.5,
    "rate": 2.0,
    "input_kb": 0.1,
    "output_kb": 0.2,
    "errors": 1,
    "time_ms": 3.0,
}
PAGES = {
    "/debug/sessions": {
        "service": "acra-server",
        "sessions": [
            {
                "session_id": 7,
                "client_id": "ann",
                "state": "active",
                "running_ms": 12.34,
                "received": 5,
                "sent": 6,
                "statement": "SELECT ?\x1b[2J",
            }
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


class Top(SynchronousTestCase):
    def setUp(self):
        self.patch(top.Pages, "get", lambda pages, source, path, asked=None: PAGES[path])

    def run_with(self, *arguments):
        output = io.StringIO()
        top.main(["--from=http://127.0.0.1:1", *arguments], {}, output)
        return output.getvalue()

    def test_once(self):
        text = self.run_with("--once")
        for words in (
            "acra-server at http://127.0.0.1:1    sessions: 1 active",
            "received postgresql query          2.0     1.500       1       0.1       0.2",
            "stages' time: censor 75%, poison 25%",
            "     7 ann                  active",
            "SELECT ? [2J",
            f"5.000  {'1' * 32}  ann",
        ):
            self.assertIn(words, text)
        self.assertNotIn("\x1b", text)
        self.assertNotIn("sent postgresql", text)

    def test_json(self):
        (found,) = json.loads(self.run_with("--json"))
        self.assertEqual(found["denied"], PAGES["/debug/traces"]["traces"])

    def test_again_and_again(self):
        def end(seconds):
            raise KeyboardInterrupt

        self.patch(top.time, "sleep", end)
        self.assertTrue(self.run_with().startswith("\x1b[H"))

    def test_nothing_to_look_at(self):
        self.assertRaises(ConfigError, self.run_with, "--interval=0")
        self.assertRaises(ConfigError, top.main, [], {}, None)

"""The tutorial's incidents, as it solves them."""

import re
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from acra_twisted.sandbox.processes import Process
from tests.integration.base import get

TOP = Path(__file__).parents[2]


class Tutorial(unittest.TestCase):
    def test_both_incidents_and_the_pages_afterwards(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        program = str(TOP / "examples/tutorial/incidents.py")
        tutorial = Process([sys.executable, program], folder / "log")
        self.addCleanup(tutorial.stop)
        tutorial.wait_until(lambda: "until Ctrl-C" in tutorial.output(), "solved", 300)
        tutorial.wait_until(lambda: "ACRA_TRACE_FROM" in tutorial.output(), "told", 60)
        # What the page shows is what the program runs.
        page = (TOP / "docs/tutorial.rst").read_text()
        for line in tutorial.output().splitlines():
            if line.startswith("$ "):
                self.assertIn(" ".join(line.split()[:2]), page)
        for path in re.findall(r"^http://127.0.0.1:\d+(/console/\w+)", tutorial.output(), re.M):
            self.assertIn(path, page)
        for sentence in (
            "costs most of the proxy",
            "Stage slow_audit took",
            "A poison record was read",
        ):
            self.assertIn(sentence, page)
            self.assertIn(sentence, tutorial.output())
        (console,) = re.findall(r"the console +http://127.0.0.1:(\d+)/console/", tutorial.output())
        self.assertIn("poison record", get(int(console), "/console/"))
        told = re.findall(r"(acra-\S+) +http://127.0.0.1:(\d+)/debug/tracez", tutorial.output())
        self.assertEqual([daemon for daemon, _ in told], ["acra-server", "acra-connector"])
        for _, port in told:
            self.assertIn("Span name", get(int(port), "/debug/tracez"))
        self.assertEqual(tutorial.stop(signal.SIGINT), 0)

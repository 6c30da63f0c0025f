"""docs/security.rst: each requirement has tests that are there, or a reason why it has none."""

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

TOP = Path(__file__).parents[2]
#: How many requirements there are of each kind.
NUMBERS = {
    **{"ST": 19, "MS": 10, "CL": 8, "TL": 12, "AU": 8, "FR": 13, "DS": 9, "FW": 9},
    **{"EN": 12, "KE": 11, "OB": 9, "RL": 12, "PK": 5},
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def known_tests():
    """The names of all tests."""
    found = set()
    for path in (TOP / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, _FUNCTIONS) and node.name.startswith("test_"):
                found.add(node.name)
    return found


class Requirements(SynchronousTestCase):
    def setUp(self):
        text = (TOP / "docs/security.rst").read_text()
        self.entries = dict(re.findall(r"^:([A-Z]{2}-\d+): (.*)$", text, re.M))
        self.demands = re.findall(r"^\* ([A-Z]{2}-\d+): \S.{20}", text, re.M)

    def test_each_is_there_once(self):
        wanted = [f"{kind}-{n}" for kind, last in NUMBERS.items() for n in range(1, last + 1)]
        self.assertEqual(sorted(self.entries), sorted(wanted))
        self.assertEqual(sorted(self.demands), sorted(wanted))

    def test_what_is_named_exists(self):
        known = known_tests()
        for number, text in self.entries.items():
            named = re.findall(r"\btest_\w+", text)
            self.assertEqual([name for name in named if name not in known], [], number)
            if text.startswith("Exempt:"):
                self.assertRegex(text, r"Exempt: (as [A-Z]{2}-\d+|.{20})", number)
            else:
                self.assertTrue(named, number)

    def test_names_tell_the_number(self):
        """A test that bears a requirement's number is told of there."""
        for name in known_tests():
            for kind, digits in re.findall(r"_([a-z]{2})(\d+)(?=_|$)", name):
                entry = self.entries.get(f"{kind.upper()}-{digits}")
                if entry is not None:
                    self.assertRegex(entry, r"\btest_", name)

    def test_asserts_check_nothing_that_comes_from_outside(self):
        """``python -O`` leaves asserts out: each of ours says why nothing depends on it."""
        for path in (TOP / "acra_twisted").rglob("*.py"):
            for line in path.read_text().splitlines():
                if line.lstrip().startswith("assert "):
                    self.assertRegex(line, r"# noqa: S101 - \w", f"{path.name}: {line}")

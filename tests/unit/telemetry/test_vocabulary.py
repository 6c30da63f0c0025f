"""The table of attributes and the code say the same."""

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import acra_twisted
from acra_twisted.telemetry.vocabulary import ATTRIBUTES, SPANS, attribute

PACKAGE = Path(acra_twisted.__file__).parent


def put_by_the_code():
    """First arguments of ``add_attribute(...)`` and of the short ``put(...)``."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or len(node.args) != 2:
                continue
            called = node.func
            name = getattr(called, "attr", getattr(called, "id", ""))
            key = node.args[0]
            if name == "add_attribute" or (name == "put" and isinstance(called, ast.Name)):
                if isinstance(key, ast.Constant):
                    yield key.value
                elif isinstance(key, ast.JoinedStr):
                    yield key.values[0].value + "REASON"


class Vocabulary(SynchronousTestCase):
    def test_every_attribute_is_described(self):
        self.assertEqual(set(put_by_the_code()), {known.name for known in ATTRIBUTES})

    def test_names_that_vary(self):
        self.assertIs(attribute("acra.containers_failed.no_key").type, int)
        self.assertEqual(attribute("acra.containers_failed").name, "acra.containers_failed")
        self.assertIsNone(attribute("acra.other"))
        self.assertEqual(len({(span.name, span.daemon) for span in SPANS}), len(SPANS))

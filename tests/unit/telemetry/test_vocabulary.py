"""The table of attributes and the code say the same."""

import ast
from pathlib import Path
from string import ascii_uppercase

from twisted.trial.unittest import SynchronousTestCase

import acra_twisted
from acra_twisted.telemetry.vocabulary import ATTRIBUTES, SPANS, attribute

PACKAGE = Path(acra_twisted.__file__).parent


def put_by_the_code():
    """First arguments of ``add_attribute(...)``, and what tracing puts into dicts."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_attribute":
                key = node.args[0]
                if isinstance(key, ast.JoinedStr):
                    yield key.values[0].value
                else:
                    yield key.value
            elif path.name in ("tracing.py", "recorded.py"):
                keys = node.keys if isinstance(node, ast.Dict) else []
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                    keys = [node.slice]
                for key in keys:
                    if isinstance(key, ast.Constant) and "." in str(key.value):
                        yield key.value


class Vocabulary(SynchronousTestCase):
    def test_every_attribute_is_described(self):
        self.assertEqual(
            set(put_by_the_code()), {known.name.rstrip(ascii_uppercase) for known in ATTRIBUTES}
        )

    def test_names_that_vary(self):
        self.assertIs(attribute("acra.containers_failed.no_key").type, int)
        self.assertEqual(attribute("acra.containers_failed").name, "acra.containers_failed")
        self.assertIsNone(attribute("acra.other"))
        self.assertEqual(len({(span.name, span.daemon) for span in SPANS}), len(SPANS))

"""Messages that the page about them quotes are those of the program."""

import ast
import re
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

TOP = Path(__file__).parents[2]
PAGE = TOP / "docs/troubleshooting.rst"
GAP = "…"
_MESSAGE = re.compile(r"^``(.+)``\n    \S", re.M)


def text_of(node):
    """The template of a text, with a gap for each value."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else GAP
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) for part in node.values)
    return GAP


@cache
def templates():
    found = set()
    for path in (TOP / "acra_twisted").rglob("*.py"):
        tree = ast.parse(path.read_text())
        # What a text of its own line says is for who reads the code.
        told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if id(node) in told:
                continue
            if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.Constant) and isinstance(node.value, str)
            ):
                found.add(text_of(node))
    return found


def is_said(message):
    parts = [part for part in message.split(GAP) if part.strip(" :;,")]
    pattern = re.compile(".*".join(map(re.escape, parts)), re.S)
    return any(pattern.search(template) for template in templates())


class Messages(SynchronousTestCase):
    def test_each_is_said_somewhere(self):
        messages = _MESSAGE.findall(PAGE.read_text())
        self.assertGreater(len(messages), 35)
        self.assertEqual([message for message in messages if not is_said(message)], [])

    def test_what_nobody_says_is_found(self):
        self.assertFalse(is_said("this is said … by nobody"))
        self.assertTrue(is_said("connection refused"))

    def test_settings_on_the_page_exist(self):
        from acra_twisted.config.connector import CONNECTOR_SECTIONS
        from acra_twisted.config.server import SERVER_SECTIONS

        sections = (*SERVER_SECTIONS, *CONNECTOR_SECTIONS)
        known = {option.name for section in sections for option in section.options}
        literals = re.findall(r"``([a-z]+(?:_[a-z]+)+)(?: = \w+)?``", PAGE.read_text())
        named = {name for name in literals if name not in known}
        # Keys of log lines, and a setting of MariaDB's.
        others = {"trace_id", "peer_port", "claimed_client_id", "skip_name_resolve"}
        self.assertEqual(named, others)

"""Statements that make, read and close cursors, told from others."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.cursorcommands import (
    CLOSE,
    DECLARE,
    FETCH,
    CursorCommand,
    may_command,
)
from tests.support.planning import MODE, planner

TEXTS = (
    ("declare c cursor for select 1", CursorCommand(DECLARE, "c")),
    ('declare "C" binary scroll cursor without hold for select 1', CursorCommand(DECLARE, "C")),
    ("declare c insensitive cursor with hold for select 1", CursorCommand(DECLARE, "c", True)),
    ("fetch c", CursorCommand(FETCH, "c")),
    ("fetch backward all in c", CursorCommand(FETCH, "c")),
    ('fetch first u&"\\0043"', CursorCommand(FETCH, "C")),
    ("close c", CursorCommand(CLOSE, "c")),
    ("close all", CursorCommand(CLOSE, None)),
    ("discard all", CursorCommand(CLOSE, None)),
    ("discard plans", None),
    ("move 5 in c", None),
    ("select 1 fetch first row only", None),
    ("select 'fetch c'", None),
)


class Commands(SynchronousTestCase):
    def test_the_command_of_each_statement_is_told(self):
        made = planner()
        for text, expected in TEXTS:
            self.assertEqual(made.commands(text.encode(), MODE), [expected], text)
        whole = "; ;".join(text for text, _ in TEXTS)
        self.assertEqual(made.commands(whole.encode(), MODE), [one for _, one in TEXTS])

    def test_a_text_may_have_one_that_begins_a_statement(self):
        for text, expected in TEXTS:
            if expected is not None:
                for before in ("", " \n", "/* a */", "-- a\n", "select 1;", "select 1 ; \t"):
                    self.assertTrue(may_command((before + text).upper().encode()), before + text)
        for text in ("select 1 fetch first row only", "select closed, discarded", "move 1 in c"):
            self.assertFalse(may_command(text.encode()), text)

    @given(st.lists(st.sampled_from([*"*/;\n\r \t\f\vx", "fetch", "CLOSE"])))
    def test_blanks_before_a_statement_are_of_any_kind_and_number(self, parts):
        text = "".join(parts).encode()
        before = re.compile(rb"(?:\A|;|\*/|\n|\r)\s*(?:fetch|close)\b", re.I)
        self.assertEqual(may_command(text), before.search(text) is not None)

    def test_each_blank_of_a_long_text_is_read_once(self):
        for piece in (b"\n", b"\r\n ", b" ", b";", b"; \n", b"*/ ", b"*/"):
            self.assertFalse(may_command(piece * 500_000 + b"x"))
            self.assertTrue(may_command(piece * 500_000 + b"\nfetch c"))

    def test_rows_that_are_alike_are_read_once(self):
        rows = ", ".join(["(1, '\nclose')"] * 20_000)
        text = f"insert into other values {rows}; fetch c"
        found = planner().commands(text.encode(), MODE)
        self.assertEqual(found, [None, CursorCommand(FETCH, "c")])

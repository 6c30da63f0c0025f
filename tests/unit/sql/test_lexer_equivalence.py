"""PostgreSQL's lexer against the scanner of libpg_query: the same literals at the same places."""

import random

import postgast
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer

PIECES = (
    *("'a'", "'it''s'", "''", "'", "E'a\\'b'", "e'x'", "U&'d'", "N'n'", "x'1F'", "b'01'", "$$a$$"),
    *("$t$ ' $t$", "$1", "$", "1", "1.5", ".5", "1e3", "1_000", "0x1F", "0b1", "1..2", '"q"', '"'),
    *('"a""b"', "a", "é", "a$b", "--x\n", "-- '\r", "/* ' */", "/* /* */ */", "/*", "*/", "\n"),
    *(" ", "\t", "+", "-", "*", "/", "@", "#", "?", "::", ":=", ":", ";", "(", ")", ",", ".", "\\"),
    *("||", "=-1", "@-", "<", ">=", "SELECT", "U&", "E"),
)
#: The scanner's names of what stands for a value.
LITERALS = {"SCONST", "USCONST", "BCONST", "XCONST", "ICONST", "FCONST"}
COMMENTS = {"SQL_COMMENT", "C_COMMENT"}


def scanned(text):
    """The scanner's literals; None if it refuses the text."""
    try:
        found = postgast.scan(text).tokens
    except postgast.PgQueryError:
        return None
    name = (
        type(found[0]).DESCRIPTOR.fields_by_name["token"].enum_type.values_by_number
        if found
        else {}
    )
    return [(t.start, t.end) for t in found if name[t.token].name in LITERALS]


class Equivalence(SynchronousTestCase):
    def test_token_soup(self):
        chosen = random.Random(20261124)  # noqa: S311 - reproducible, not secret
        agreed = refused = 0
        for _ in range(20_000):
            blank = chosen.choice(("", " "))
            text = blank.join(chosen.choices(PIECES, k=chosen.randint(1, 8)))
            raw = text.encode()
            expected = scanned(text)
            try:
                tokens = lexer.tokens(raw)
            except LexError:
                refused += 1
                # The scanner is looser than the parser; what a statement can be we must read.
                self.assertFalse(expected is not None and self.parses(text), text)
                continue
            if expected is None:
                continue
            found = [(a, b) for kind, a, b in tokens if kind in lexer.LITERALS]
            if found != expected:
                # libpg_query's scanner makes tokens of comments, so that a literal continued behind
                # one is two to it; its parser then refuses the text, and so do we.
                self.assertFalse(self.parses(text), repr(text))
            else:
                agreed += 1
        self.assertGreater(agreed, 5000)
        self.assertGreater(refused, 1000)

    @staticmethod
    def parses(text):
        try:
            postgast.parse(text)
        except postgast.PgQueryError:
            return False
        return True

"""Parsing by sqlglot: texts that it cuts otherwise, and those that would take too long."""

import re

from sqlglot import exp
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import mysqlparser
from acra_twisted.sql.tree import UnparsableError

LITERAL = re.compile("L[0-9]+").fullmatch


def nested(before, after="", *, depth):
    return "SELECT " + before * depth + "a" + after * depth


class Parsing(SynchronousTestCase):
    def parse(self, text):
        return mysqlparser.parse(text, LITERAL)

    def test_what_is_cut_otherwise_is_not_read(self):
        for text in ("SELECT 1 -- a", "SELECT 1 /* a */", "SELECT 'a'", "SELECT @'L0 , b'"):
            with self.assertRaises(UnparsableError):
                self.parse(text)
        self.assertEqual(len(self.parse("SELECT 'L0' , 'L12'")), 1)

    def test_what_is_not_analysed_is_a_command(self):
        [found] = self.parse("CALL f ( 'L0' , a )")
        self.assertIsInstance(found, exp.Command)

    def test_calls_within_each_other(self):
        """Each level would take two or three times as long."""
        for before, after in (
            ("BINARY ( ", " )"),
            ("BIGINT ( ", " )"),
            ("STRUCT ( ", " )"),
            ("CHAR ( ", " USING utf8 )"),
            ("DATE ( 1 , ", " )"),
            ("f ( TIMESTAMP ( ", " ) )"),
            ("SORT_ARRAY ( a , ", " )"),
            ("UNION ( ", " )"),
        ):
            self.assertEqual(len(self.parse(nested(before, after, depth=5))), 1, before)
            for depth in (7, 30):
                with self.assertRaises(LexError):
                    self.parse(nested(before, after, depth=depth))

    def test_calls_side_by_side_are_as_many_as_there_are(self):
        self.parse("SELECT " + " , ".join(["CHAR ( a )"] * 200))
        self.parse(nested("f ( ", " )", depth=60))

    def test_a_union_with_a_query_in_brackets_is_no_call(self):
        self.parse("SELECT 1 " + "UNION ( SELECT 1 " * 20 + " )" * 20)

    def test_a_text_that_is_read_again_and_again_ends(self):
        """The dialect is asked each time."""
        text = "SELECT a FROM t WHERE b = c"
        with self.assertRaises(LexError):
            mysqlparser.parse(text, LITERAL, 2)
        self.assertEqual(len(mysqlparser.parse(text, LITERAL, 80)), 1)

"""Texts that are certain to have nothing to do with protected columns."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import unconcerned
from acra_twisted.encryption.postgresql.concerns import Concerns
from acra_twisted.encryption.postgresql.statementwords import is_quiet
from acra_twisted.encryption.postgresql.unconcerned import Unconcerned
from acra_twisted.fast.compiled import COMPILED

PROTECTED = ["people", "People2", "Odd Table", 'a"b', "żaba", "x" * 63, "y" * 59, "17", "a$b"]
TEXTS = Unconcerned(PROTECTED)
#: Without names that only quotes can hold, which it finds without them and in other words, too.
CONCERNS = Concerns(name for name in PROTECTED if name not in ("People2", "Odd Table", "17"))
_STRING_OR_WORD = re.compile(rb"'[^']*'|[A-Za-z_][A-Za-z0-9_]*")
_INSIDE = re.compile(
    rb".+(?:dblink|query_to_xml|set_config|pg_settings|temp)|(?:set_config|pg_settings|temp).+",
    re.I,
)


def shown(match):
    """A string or word as those see it who look for names inside of words, and for words that
    begin no statement in the middle of one."""
    word = match[0]
    if word.startswith(b"'"):
        return b"''"
    return b"w" if word.lower() == b"do" or _INSIDE.match(word) else word


PIECES = st.sampled_from(
    [
        *(b"select", b"SELECT", b"Insert", b"update", b"delete", b"with", b"merge", b"values"),
        *(b"people", b"PEOPLE", b"people2", b"peoples", b"Odd Table", b"17", b"y" * 59, b"z" * 60),
        *(b"dblink", b"DBLINK_open", b"my_dblink", b"query_to_xmlschema", b"xpath_table", b"dblin"),
        *(
            b"do",
            b"execute",
            b"prepare",
            b"call",
            b"set_config",
            b"temp",
            b"into",
            b"t",
            "é".encode(),
        ),
        *(b"'", b'"', b"\\", b"$", b"$1", b";", b"-", b"--", b"/", b"/*", b"*/", b"&", b"U&", b"E"),
        *(b" ", b"\n", b"\t", b"\0", b".", b",", b"(", b")", b"1", b"9", b"_", b"=", b"`", b"{"),
    ]
)
#: Values, and what only seems to be one.
VALUES = st.sampled_from(
    [
        *(b"1", b"23", b"1.5", b".5", b"1e5", b"1a", b"t1", b"17", b'"17"', b'"a1"', b"$1", b"-1"),
        *(b"''", b"'x'", b"'people'", b"'a''b'", b"'\\'", b"'\0'", b"'", b"E'x'", "'é'".encode()),
        *(
            b"1 from people",
            b"'' from people where ''",
            b"1; select 2",
            b"1--",
            b"'\"'",
            b"\4",
            b"\1",
        ),
    ]
)
JOINED = st.sampled_from([b"", b" "])
BEGUN = st.sampled_from([b"select", b"INSERT INTO t", b" with", b"select people", b"update t1"])
SOUP = st.lists(PIECES, max_size=12).map(b"".join)
SPACED = st.lists(PIECES, max_size=12).map(b" ".join)


class Texts(SynchronousTestCase):
    def test_statements_without_a_protected_name(self):
        for text in (
            "SELECT abalance FROM pgbench_accounts WHERE aid = 17;",
            " select\n1 ; \r\n",
            "select",
            "INSERT INTO t (a, b) VALUES (1, 'it''s people; -- $1 /* é'), (-2.5, E'x')",
            "insert into t values (1) on conflict (a) do update set b = excluded.b",
            'UPDATE "t" SET "a" = "t"."b" + 1, c = \'\' WHERE d @> \'{1}\' AND e::int % 2 <> 0',
            "delete from peoples where people_2 = 1 / 2 - 3",
            "with a as (values (1)) select * from a",
            "select temperature from t",
            "select '" + "people" * 1000 + "'",
            "select my_dblink, dblin(xpath_tables) from " + "z" * 59,
        ):
            self.assertTrue(TEXTS.has(text.encode()), text)

    def test_a_protected_name_is_seen_however_it_is_written(self):
        for text in (
            "select * from people",
            "select * from PeopLE;",
            'select * from "people"',
            "select(people.id)",
            "select 'x'from people where a = 'x'",
            'select * from "People2", t',
            "select * from people2",
            'select * from "Odd Table"',
            'select * from "a""b"',
            'select * from "17"',
            "select * from a$b",
            "select * from U&\"p!0065ople\" uescape '!'",
            "select * from u&\"peg006fple\" uescape 'g'",
            "select * from żaba",
            "select * from " + "x" * 63,
            "select * from " + "x" * 70,
            "select * from " + "Y" * 59,
            "select 1people",
            "select 1from people",
            "select 'a\n'' people', b from people",
            "select '' ' from t --', a from people where b = '",
        ):
            self.assertFalse(TEXTS.has(text.encode()), text)

    def test_a_name_between_what_only_seems_to_be_a_string_is_seen(self):
        for text in (
            "select 1 -- don't\n from people where a = ''",
            "select 1 /* don't */ from people where a = ''",
            "select 'a\\' from people where b = ' ",
            "select E'a\\' ' from people where b = ' ",
            "select $$'$$ from people where b = '",
            "select \"'\" from people where b = '",
            "select 'a' from people where b = 'open",
            "select '\0' from people",
        ):
            self.assertFalse(TEXTS.has(text.encode()), text)

    def test_texts_that_run_or_change_something_else_are_not_certain(self):
        for text in (
            *("", "begin", "set a = 1", "create table t (a int)", "(select 1)", "explain select 1"),
            *("table t", "show x", "selects 1", "select1", "execute q", "fetch 1 from c"),
            *("select 1; select 2", "select 1;drop table t", "insert into t values (1); commit"),
            *("select dblink('x')", 'select "dblink_exec"(1)', "select query_to_xml('x')"),
            *("select xpath_table('x')", "select set_config('a', 'b', true)"),
            *("update pg_settings set setting = 1", "select 1 into temp t", "select {fn now()}"),
        ):
            self.assertFalse(TEXTS.has(text.encode()), text)

    @settings(max_examples=1000)
    @given(st.one_of(SOUP, SPACED, st.binary(max_size=30)), st.booleans())
    @example(b"people", True)
    @example(b"'a' from people where b = 'c'", True)
    def test_what_is_certain_is_so_by_words_as_well(self, text, begins):
        text = b"select " + text if begins else text
        certain = TEXTS.has(text)
        self.assertEqual(TEXTS.beginning(text), TEXTS.beginning_by_expressions(text))
        self.assertEqual(TEXTS.has_by_expressions(text), certain)
        if certain:
            code = _STRING_OR_WORD.sub(shown, text)
            self.assertFalse(CONCERNS.may_touch(code))
            self.assertTrue(is_quiet(code))

    def test_only_words_that_can_be_looked_for_are_compiled(self):
        if not COMPILED:
            return
        make = unconcerned.Names
        find = make(frozenset([b"c"]), (), (b"b", b"a")).beginning
        self.assertEqual([find(text) for text in (b"a b", b"b", b"a c", b"c")], [1, 0, -1, -1])
        for words, starts in (
            (frozenset([b"x" * 60]), ()),
            (frozenset([b""]), ()),
            (frozenset([b"a"]), (b"dblin",)),
            (frozenset(["a"]), ()),
        ):
            self.assertRaises(ValueError, make, words, starts, ())
        self.assertRaises(TypeError, make, [b"a"], (), ())
        self.assertRaises(TypeError, make, frozenset(), (), ("a",))
        self.assertRaises(TypeError, find, "a")

    @settings(max_examples=500)
    @given(st.lists(st.one_of(PIECES, st.none()), max_size=12), VALUES, VALUES, JOINED, BEGUN)
    @example([b"where", b"a", b"=", None], b"17", b"people", b" ", b"select 1")
    @example([b"x", None], b"1", b"7", b"", b"select a from t")
    @example([None, b"from", b"t"], b"'a'", b"'a' from people where b = ''", b" ", b"select")
    def test_texts_that_differ_in_their_values_alone(self, pieces, one, other, join, begun):
        """Nothing is certain of one because it was so of the other."""
        texts = Unconcerned(PROTECTED)
        written = [
            begun + b" " + join.join([value if piece is None else piece for piece in pieces])
            for value in (one, other)
        ]
        for text in (*written, written[0]):
            self.assertEqual(texts.beginning(text), texts.beginning_by_expressions(text), text)

    def test_long_texts_are_seen_whole(self):
        for size in (*range(240, 270), *range(490, 530), 1_000, 1_023, 1_024, 1_025, 3_000):
            texts = Unconcerned(PROTECTED)
            text = b"select a from t where " + (b"b1 = 1 or " * (size // 10)).ljust(size)
            for behind in (b"2", b"31", b"people", b"2", b"'x'", b"'people'", b"", b"2 "):
                found = texts.beginning(text + behind)
                self.assertEqual(found, texts.beginning_by_expressions(text + behind))
                self.assertEqual(found < 0, behind == b"people")

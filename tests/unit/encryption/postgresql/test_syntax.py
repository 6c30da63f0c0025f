"""Texts with their tokens, and trees with positions."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.syntax import (
    Text,
    is_glued,
    is_star,
    node,
    parse,
    strings,
)
from acra_twisted.sql import lexer
from acra_twisted.sql.tree import UnparsableError


def read(text):
    return Text(text, lexer.tokens(text))


class Texts(SynchronousTestCase):
    def test_literals_are_known_by_where_they_begin(self):
        text = read(b"select 'a', -- 'no'\n 5, $1")
        self.assertEqual([text.ordinal(start) for start, _ in text.literals], [0, 1])
        self.assertEqual(text.ordinal(0), -1)
        self.assertIsNone(text.at(3))
        self.assertEqual(text.place(4), -1)

    def test_a_statement_has_the_tokens_and_literals_in_it(self):
        raw = b"select 1, 'a'; ; select $1 ;select 2"
        text = read(raw)
        shown = [
            ([raw[start:end] for _, start, end in text.tokens_of(one)], list(text.literals_of(one)))
            for one in parse(raw, text.tokens)
        ]
        self.assertEqual(
            shown,
            [
                ([b"select", b"1", b",", b"'a'", b";", b";"], [0, 1]),
                ([b"select", b"$1", b";"], []),
                ([b"select", b"2"], [2]),
            ],
        )

    def test_a_sign_belongs_to_the_literal_behind_it(self):
        text = read(b"select - /* */ 5")
        self.assertEqual(text.literal(7), (15, True))
        self.assertEqual(text.literal(15), (15, False))
        self.assertEqual(text.literal(0), (-1, False))
        self.assertEqual(text.sign(15), 7)
        self.assertEqual(read(b"select -").literal(7), (-1, False))

    def test_the_name_of_a_type_ends_with_its_modifiers(self):
        for name, expected in (
            (b"text", b"text"),
            (b"varchar(80)", b"varchar(80)"),
            (b"character varying (80) , x", b"character varying (80)"),
            (b"national character varying(3)", b"national character varying(3)"),
            (b"double precision = 1", b"double precision"),
            (b'pg_catalog . "text" x', b'pg_catalog . "text"'),
            (b"text[]", None),
            (b"a.b%type", None),
            (b"int array", None),
            (b"varchar(8", None),
            (b"'x'", None),
        ):
            text = Text(name, list(lexer.scan(name)))
            span = text.type_span(0)
            self.assertEqual(span and name[slice(*span)], expected, name)

    def test_a_call_ends_with_its_bracket(self):
        for call, expected in (
            (b"decode('a', (b)) + 1", b"decode('a', (b))"),
            (b"pg_catalog.decode ( ) x", b"pg_catalog.decode ( )"),
            (b"decode", None),
            (b"decode(1", None),
        ):
            text = read(call)
            span = text.call_span(0)
            self.assertEqual(span and call[slice(*span)], expected, call)
        self.assertIsNone(read(b"f()").call_span(1))

    def test_a_word_runs_into_what_begins_like_one(self):
        self.assertTrue(is_glued(b"ab", 1))
        self.assertTrue(is_glued(b"a'b'", 1))
        self.assertFalse(is_glued(b"a b", 1))
        self.assertFalse(is_glued(b"a", 1))


class Trees(SynchronousTestCase):
    def test_statements_divide_the_whole_text_between_them(self):
        text = b" select 1; ; update t set a = 2 ;-- end"
        found = parse(text, lexer.tokens(text))
        self.assertEqual([one.kind for one in found], ["SelectStmt", "UpdateStmt"])
        self.assertEqual(b"".join(text[one.start : one.end] for one in found), text)

    def test_what_is_unread_moves_no_place(self):
        text = b"insert into t values (1), (2 /* , */, 3), ('" + b"x" * 300 + b"'), (4)"
        found = parse(text, lexer.tokens(text), [(24, 40)])
        rows = found[0].fields["selectStmt"]["SelectStmt"]["valuesLists"]
        self.assertEqual(len(rows), 3)
        last = rows[-1]["List"]["items"][0]["A_Const"]["location"]
        self.assertEqual(text[last : last + 1], b"4")

    def test_a_text_of_another_grammar_is_unparsable(self):
        with self.assertRaises(UnparsableError):
            parse(b"insert t", lexer.tokens(b"insert t"))
        self.assertEqual(parse(b"-- t", lexer.tokens(b"-- t")), [])

    def test_nodes_and_names_are_told_from_the_rest(self):
        self.assertEqual(node({"A_Star": {}}), ("A_Star", {}))
        for other in ({}, {"a": {}}, {"A": 1}, [], None, {"A": {}, "B": {}}):
            self.assertEqual(node(other), ("", {}))
        self.assertEqual(strings([{"String": {"sval": "a"}}, {"A_Star": {}}, 1]), ["a", "*"])
        self.assertEqual(strings(None), [])

    def test_an_item_that_stands_for_several_columns_is_told(self):
        text = b'select *, a.*, s.a.*, (f()).*, (a).b.*, a, a."*", (a).b, f(a.*), 1'
        (statement,) = parse(text, lexer.tokens(text))
        found = [is_star(node(one)[1]["val"]) for one in statement.fields["targetList"]]
        self.assertEqual(found, [True] * 5 + [False] * 5)

    @given(st.lists(st.sampled_from(["'a'", "-- '\n", "/* ' */", "5", "$$b'$$", "é", "$1"])))
    def test_each_literal_is_where_the_tree_says(self, pieces):
        shown = [f"{piece} as a" for piece in pieces if piece[0] not in "-/é"]
        comments = " ".join(piece for piece in pieces if piece[0] in "-/")
        text = f"select {comments} {','.join(shown)}".encode()
        read_text = read(text)
        (statement,) = parse(text, lexer.tokens(text))
        places = [
            node(node(one)[1]["val"])[1].get("location", 0)
            for one in statement.fields.get("targetList", ())
            if node(node(one)[1]["val"])[0] == "A_Const"
        ]
        self.assertEqual(places, [start for start, _ in read_text.literals])

"""Pairs in comments: how they are written in the field, and what is cut out."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql import lexer
from acra_twisted.sql.tags import context_in_value, read

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = b"00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
QUOTED = b"traceparent='" + PARENT + b"'"


def looked(text):
    return read(text, lexer.tokens(text))


class Forms(SynchronousTestCase):
    def test_a_context_however_it_is_written(self):
        for form in (
            b"/*traceparent='%b'*/",
            b"/* traceparent=%b */",
            b"/*traceparent=%b*/",
            b"/*traceparent:%b*/",
            b"/* traceparent: %b */",
            b'/*traceparent="%b"*/',
            b"/*application=shop,traceparent=%b*/",
            b"/*application:shop,controller:cart,traceparent:%b*/",
            b"/* application='shop' traceparent='%b' */",
            b"/*key='it\\'s',traceparent='%b',tracestate='a%%3D1'*/",
            b"/*a='b;c';traceparent='%b'*/",
            b"/* before /*traceparent='%b'*/ behind */",
            b"/*source:/app/models/x.rb:12,traceparent:%b*/",
        ):
            for text in (b"SELECT 1 " + form, form + b" SELECT 1", b"SELECT " + form + b" 1"):
                found = looked(text % PARENT)
                self.assertEqual(found.context.traceparent().encode(), PARENT, text)
                self.assertFalse(found.malformed)
                self.assertNotIn(b"traceparent", found.sent)
                self.assertEqual(found.text.split(), [b"SELECT", b"1"])

    def test_encoded(self):
        found = looked(b"SELECT 1 /*traceparent='" + PARENT.replace(b"-", b"%2D") + b"'*/")
        self.assertEqual(found.context.traceparent().encode(), PARENT)
        state = b",tracestate='rojo%3D00f0%2Ccongo%3Dt61'"
        self.assertEqual(
            looked(b"SELECT 1 /*" + QUOTED + state + b"*/").context.state, "rojo=00f0,congo=t61"
        )

    def test_malformed_ones_stay_as_they_are(self):
        for form in (
            b"/*traceparent=x*/",
            b"/*traceparent=%b-x,a='b'*/" % PARENT,
            b"/*traceparent=%b*/" % PARENT.upper(),
            b"/*xtraceparent='%b'*/" % PARENT,
            b"/* see traceparent */",
            b"/*traceparent*/",
        ):
            text = b"SELECT 1 " + form
            found = looked(text)
            self.assertEqual((found.text, found.sent, found.context), (text, text, None))
            self.assertTrue(found.malformed)

    def test_hints_are_left_alone(self):
        hint = b"/*+ IndexScan(a) */ SELECT 1"
        found = looked(hint + b" /*" + QUOTED + b"*/")
        self.assertEqual((found.text, found.sent), (hint, hint))
        within = b"/*+ IndexScan(a) " + QUOTED + b" */ SELECT 1"
        self.assertIsNone(looked(within).context)

    def test_the_last_of_several_holds(self):
        other = b"traceparent=" + OTHER
        for text in (
            b"/*%b*/ SELECT 1 /*%b*/" % (other, QUOTED),
            b"SELECT 1 /*%b,%b*/" % (other, QUOTED),
            b"SELECT 1 /*%b*/ /*a='b',%b*/" % (other, QUOTED),
        ):
            found = looked(text)
            self.assertEqual(found.context.traceparent().encode(), PARENT)
            self.assertNotIn(b"traceparent", found.sent)


class Cutting(SynchronousTestCase):
    def test_the_rest_stays_byte_for_byte(self):
        for comment, rest in (
            (b"a='b',%b", b"/*a='b'*/"),
            (b"%b,a='b'", b"/*a='b'*/"),
            (b"a='b',%b,c='d'", b"/*a='b',c='d'*/"),
            (b" a='b' , %b , c='d' ", b"/* a='b' , c='d' */"),
            (b" a=b %b ", b"/* a=b */"),
            (b"%b a=b", b"/*a=b*/"),
            (b"a:b,%b,tracestate='x'", b"/*a:b*/"),
            (b"tracestate='x',%b,a:b", b"/*a:b*/"),
            (b"tracestate='x',a:b;%b", b"/*a:b*/"),
            (b"words, %b", b"/*words*/"),
            (b"a='%%20%%2F', %b", b"/*a='%20%2F'*/"),
        ):
            found = looked(b"SELECT 1 /*" + comment % QUOTED + b"*/")
            self.assertEqual((found.text, found.sent), (b"SELECT 1", b"SELECT 1 " + rest))
            self.assertEqual(found.comments, [rest])

    def test_empty_comments_go(self):
        for comment in (b"%b", b" %b ", b"%b,tracestate='x'", b",%b,", b" tracestate='x' ; %b\n"):
            found = looked(b"SELECT 1 /*" + comment % QUOTED + b"*/")
            self.assertEqual((found.text, found.sent), (b"SELECT 1", b"SELECT 1"))

    @given(
        st.lists(
            st.sampled_from(
                (QUOTED, b"traceparent=" + OTHER, b"a='b'", b"action:x", b",", b" ", b"/", b"*")
                + (b"+", b"!", b"/*", b"*/", b"--", b"\n", b"'", b'"', b";", b"x", b"\\")
            ),
            max_size=12,
        ),
        st.sampled_from((b"", b"SELECT 1 ", b"'x' ")),
    )
    def test_what_is_sent_is_read_as_before(self, pieces, before):
        """No mark of a comment, no hint is made or lost by what is cut out."""
        text = before + b"/*" + b"".join(pieces) + b"*/ + 2"
        try:
            tokens = lexer.tokens(text)
        except LexError:
            return
        found = read(text, tokens)

        def code(text):
            kept = [token for token in lexer.tokens(text) if token[0] != lexer.COMMENT]
            return [text[start:end] for _, start, end in kept]

        def hints(text):
            return [
                text[start:end]
                for kind, start, end in lexer.tokens(text)
                if kind == lexer.COMMENT and text[start : start + 3] in (b"/*+", b"/*!")
            ]

        self.assertEqual(code(found.sent), code(text))
        self.assertEqual(code(found.text), code(text))
        self.assertTrue(set(hints(found.sent)) <= set(hints(text)))


class Tags(SynchronousTestCase):
    def tags(self, comment):
        return looked(b"SELECT 1 /*" + QUOTED + b"," + comment + b"*/").tags

    def test_the_usual_ones(self):
        self.assertEqual(
            self.tags(
                b"application='shop',route='%2Fbuy%2F%3Cint%3Aid%3E',db_driver='psycopg%3A3'"
            ),
            {"application": "shop", "route": "/buy/<int:id>", "db_driver": "psycopg:3"},
        )
        self.assertEqual(self.tags(b"dddbs='pg',ddps='shop'"), {"dddbs": "pg", "ddps": "shop"})
        self.assertEqual(self.tags(b"controller:cart,action:buy")["action"], "buy")

    def test_others_and_what_is_no_name_are_not_shown(self):
        for comment in (
            b"password='x'",
            b"Application='x'",
            b"application='" + b"x" * 200 + b"'",
            b"application='a%27b'",
            b"application='a%0Ab'",
            b"application=''",
        ):
            self.assertEqual(self.tags(comment), {})

    def test_comments_of_tags_alone(self):
        found = looked(b"/*dddbs='pg',x='y'*/ SELECT 1 /* words */ /*" + QUOTED + b"*/")
        self.assertEqual(found.text, b" SELECT 1 /* words */")
        self.assertEqual(found.sent, b"/*dddbs='pg',x='y'*/ SELECT 1 /* words */")
        self.assertEqual(found.tags, {"dddbs": "pg"})

    def test_without_a_context_nothing_is_touched(self):
        text = b"SELECT 1 /*application='x'*/"
        found = looked(text)
        self.assertEqual((found.text, found.sent, found.tags), (text, text, {}))


class Values(SynchronousTestCase):
    def test_a_setting_that_is_or_holds_a_context(self):
        for value in (
            b"%b",
            b" %b ",
            b"traceparent=%b",
            b"traceparent='%b'",
            b"shop traceparent=%b",
            b"shop,traceparent='%b',tracestate=''",
        ):
            context, malformed = context_in_value(value % PARENT)
            self.assertEqual(context.traceparent().encode(), PARENT, value)
            self.assertFalse(malformed)

    def test_no_context(self):
        for value in (b"", b"shop", PARENT + b"x", PARENT[:-1], b"x" * 10000 + PARENT):
            self.assertEqual(context_in_value(value), (None, False))
        self.assertEqual(context_in_value(b"traceparent=x"), (None, True))

    @given(st.binary(max_size=80))
    def test_random_bytes(self, value):
        context_in_value(value)
        context_in_value(b"traceparent=" + value)

"""Trace context in sqlcommenter comments (OB-2)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import comments, mysqlcomments
from acra_twisted.sql.comments import add_context, may_hold_context, take_context
from acra_twisted.wire.link.tracecontext import parse_traceparent

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = b"00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def taken(text):
    """Return the findings of `take_context` as a tuple."""
    found = take_context(text)
    return found.text, found.context, found.malformed


def comment(value=PARENT):
    return b"/*tracestate='x%20y',traceparent='" + value + b"'*/"


class Found(SynchronousTestCase):
    def found(self, text, rest, parent=PARENT):
        found = take_context(text)
        self.assertEqual(found.context.traceparent().encode(), parent)
        self.assertEqual(found.text, rest)

    def test_places(self):
        self.found(b"SELECT 1 " + comment(), b"SELECT 1")
        self.found(b"SELECT 1" + comment(), b"SELECT 1")
        self.found(comment() + b" SELECT 1", b" SELECT 1")
        self.found(b"SELECT 1 " + comment() + b";", b"SELECT 1;")
        self.found(b"SELECT" + comment() + b"1", b"SELECT 1")
        self.found(b"SELECT 1 /* /* nested */ */ " + comment(), b"SELECT 1 /* /* nested */ */")

    def test_the_last_of_two_holds_and_both_go(self):
        self.found(b"SELECT 1 " + comment(OTHER) + b" " + comment(), b"SELECT 1")

    def test_nothing_there(self):
        self.assertEqual(taken(b"SELECT 1"), (b"SELECT 1", None, False))

    def test_where_it_is_worth_a_look(self):
        for text, expected in (
            (b"SELECT 1 / 2", False),
            (b"SELECT traceparent", False),
            (b"SELECT 1 " + comment(), True),
        ):
            self.assertEqual(may_hold_context(text), expected)


class NotHonoured(SynchronousTestCase):
    def test_in_literals_identifiers_and_line_comments(self):
        for text in (
            b"SELECT '" + comment().replace(b"'", b"''") + b"'",
            b'SELECT "' + comment() + b'"',
            b"SELECT $$" + comment() + b"$$",
            b"SELECT 1 -- " + comment(),
        ):
            found = take_context(text)
            self.assertEqual((found.text, found.context), (text, None))

    def test_malformed(self):
        for value in (b"", PARENT.upper(), PARENT + b"-x", b"%00", PARENT * 100):
            text = b"SELECT 1 " + comment(value)
            self.assertEqual(taken(text)[:2], (text, None))
        self.assertTrue(take_context(b"SELECT 1 " + comment(b"x")).malformed)
        self.assertTrue(take_context(b"SELECT 'traceparent").malformed)

    @given(st.binary(max_size=60))
    def test_random_bytes(self, data):
        take_context(b"SELECT traceparent " + data)
        take_context(b"SELECT 1 /*traceparent='" + data + b"'*/")


class Added(SynchronousTestCase):
    CONTEXT = parse_traceparent(PARENT.decode())

    @given(st.sampled_from((b"", b"SELECT 1", b"x -- y", b"'", b"/*", b"$$", b"E'\\")), st.binary())
    def test_what_is_added_is_taken_off_again(self, start, rest):
        text = start + rest.replace(b"traceparent", b"")
        added = add_context(text, self.CONTEXT)
        self.assertTrue(added.startswith(text))
        if b"--" not in text:
            self.assertEqual(taken(added), (text, self.CONTEXT, False))

    def test_behind_a_line_comment(self):
        added = add_context(b"SELECT 1 -- one", self.CONTEXT)
        self.assertEqual(taken(added), (b"SELECT 1 -- one\n", self.CONTEXT, False))

    def test_a_state(self):
        added = add_context(b"SELECT 1", self.CONTEXT, "rojo=00f0,congo=t61")
        found = take_context(added)
        self.assertEqual(found.context.state, "rojo=00f0,congo=t61")
        for state in (b"a%0Ab", b"%FF", b"a" * 600):
            text = b"SELECT 1 /*traceparent='" + PARENT + b"',tracestate='" + state + b"'*/"
            self.assertEqual(take_context(text).context, self.CONTEXT)

    def test_nothing_is_lexed_for_it(self):
        """An open literal, which no lexer would read to its end."""
        text = b"SELECT 'open"
        self.assertEqual(take_context(add_context(text, self.CONTEXT)).text, text)


class Kept(SynchronousTestCase):
    """The rest of a comment is for the database, not for stages."""

    CONTEXT = parse_traceparent(OTHER.decode())

    def kept(self, text):
        found = take_context(text)
        self.assertEqual(found.context.traceparent().encode(), PARENT)
        return found

    def test_in_its_place(self):
        tag = b"application='shop'"
        context = b"traceparent='" + PARENT + b"'"
        for text, view, sent in (
            (b"SELECT 1 /*%b,%b*/" % (tag, context), b"SELECT 1", b"SELECT 1 /*%b*/" % tag),
            (b"/*%b,%b*/ SELECT 1" % (context, tag), b" SELECT 1", b"/*%b*/ SELECT 1" % tag),
            (
                b"/*%b*/ SELECT 1 /*%b*/" % (tag, context),
                b" SELECT 1",
                b"/*%b*/ SELECT 1" % tag,
            ),
        ):
            found = self.kept(text)
            self.assertEqual((found.text, found.kept.text), (view, sent))
            self.assertEqual(found.tags, {"application": "shop"})

    def test_a_context_comes_back_in_its_place(self):
        other = b"traceparent='" + OTHER + b"'"
        context = b"traceparent='" + PARENT + b"'"
        for text in (
            b"SELECT 1 /*a='b',%b*/",
            b"/*a='b',%b,c='d'*/ SELECT 1",
            b"/*%b, c='d'*/ SELECT 1 /*x='y'*/",
            b"/*c='d'*/ SELECT 1 /*x='y'; %b */",
        ):
            found = self.kept(text % context)
            self.assertEqual(found.kept.with_context(self.CONTEXT), text % other)

    def test_a_context_that_had_a_comment_of_its_own_comes_back_at_the_end(self):
        text = b"/*a='b'*/ SELECT 1 /*traceparent='" + PARENT + b"'*/"
        self.assertIsNone(take_context(text).kept)
        found = self.kept(text.replace(b"a='b'", b"action='b'"))
        expected = b"/*action='b'*/ SELECT 1 /*traceparent='" + OTHER + b"'*/"
        self.assertEqual(found.kept.with_context(self.CONTEXT), expected)

    def test_another_text_takes_the_comments_along(self):
        text = b"/*x='y'*/ SELECT 1 /*a='b',traceparent='" + PARENT + b"'*/"
        kept = self.kept(text).kept.replaced(b"SELECT 2 -- two")
        self.assertEqual(kept.text, b"SELECT 2 -- two\n/*x='y'*/ /*a='b'*/")
        again = take_context(kept.with_context(self.CONTEXT))
        self.assertEqual(again.context, self.CONTEXT)

    def test_nothing_else_nothing_kept(self):
        for text in (b"SELECT 1 " + comment(), b"SELECT 1 /* traceparent=" + PARENT + b" */"):
            found = self.kept(text)
            self.assertEqual((found.text, found.kept, found.tags), (b"SELECT 1", None, None))


#: Texts around contexts: whatever decides between the short ways and the long one.
PIECES = st.lists(
    st.sampled_from(
        (
            b"SELECT 1",
            b" ",
            b"\n",
            b";",
            b"-",
            b"--",
            b"#",
            b"/",
            b"/*",
            b"*/",
            b"'",
            b"t",
            b"trace",
        )
        + (b"traceparent", b"/*traceparent='", comment(), b"\\", b"\xff", b"/*vt+ */")
        + tuple(b"/*traceparent='" + parent + b"'*/" for parent in (PARENT, OTHER, PARENT[:-1]))
    ),
    max_size=6,
).map(b"".join)


def parts(found):
    """Return what tells a Found from another; None for none."""
    if found is None:
        return None
    return found.text, found.context, found.malformed, found.kept, found.tags


class ShortWay(SynchronousTestCase):
    """A context that stands alone at the very end of a text in which nothing else is a comment."""

    def test_it_is_taken_for_what_it_is(self):
        for end in (b"", b" ", b"\n"):
            for parent in (PARENT, OTHER):
                text = b"SELECT t" + end + b"/*traceparent='" + parent + b"'*/"
                found = comments.tail_by_python(text)
                self.assertEqual(found.text, b"SELECT t")
                self.assertEqual(found.context, parse_traceparent(parent.decode()))
                self.assertEqual(parts(comments.look_for_context(text, True)), parts(found))

    @given(PIECES, st.sampled_from((b"", b"/*traceparent='" + PARENT + b"'*/")))
    def test_it_finds_what_the_long_way_does(self, text, end):
        text += end
        short = comments.tail_by_python(text)
        self.assertEqual(parts(comments.plain_tail(text)), parts(short))
        for module in (comments, mysqlcomments):
            for conforming in (True, False, None):
                found = module.look_for_context(text, conforming)
                if module.may_hold_context(text):
                    long = module.take_context(text, conforming)
                    self.assertEqual(found is None, False)
                    if long.kept is None:
                        self.assertEqual(parts(found), parts(long))
                else:
                    self.assertIsNone(found)
                if short is not None:
                    self.assertEqual(found.context, short.context)

    @given(st.binary(max_size=120))
    def test_random_bytes(self, data):
        found = comments.tail_by_python(data)
        self.assertEqual(parts(comments.plain_tail(data)), parts(found))

    @given(st.integers(0, 72), st.integers(0, 255))
    def test_it_is_strict_with_each_byte(self, place, byte):
        changed = bytearray(b"/*traceparent='" + PARENT + b"'*/")
        changed[place] = byte
        text = b"SELECT 1 " + bytes(changed)
        short = comments.tail_by_python(text)
        self.assertEqual(parts(comments.plain_tail(text)), parts(short))
        if short is not None:
            self.assertEqual(parts(short), parts(take_context(text)))

    def test_a_text_that_is_nothing_else_goes_the_long_way(self):
        self.assertIsNone(comments.tail_by_python(b"/*traceparent='" + PARENT + b"'*/"))
        self.assertIsNone(comments.plain_tail(b"/*traceparent='" + PARENT + b"'*/"))

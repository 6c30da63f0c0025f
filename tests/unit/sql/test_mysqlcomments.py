"""Trace context in the comments of MySQL's texts."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import LexError
from acra_twisted.sql.mysqlcomments import add_context, take_context
from acra_twisted.sql.mysqllexer import tokens
from acra_twisted.wire.link.tracecontext import parse_traceparent

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONTEXT = parse_traceparent(PARENT.decode())
COMMENT = b"/*traceparent='" + PARENT + b"'*/"
WITH_STATE = b"/*tracestate='x%20y',traceparent='" + PARENT + b"'*/"


#: Texts of what makes comments, literals and statements begin and end.
TEXTS = st.lists(
    st.sampled_from(
        (
            b"SELECT",
            b" ",
            b"1",
            b"\n",
            b";",
            b"#",
            b"--",
            b"-",
            b"/*",
            b"*/",
            b"/",
            b"'",
            b"`",
            b"\\",
        )
    ),
    max_size=12,
).map(b"".join)


def significant(text):
    """The tokens of a text but its comments."""
    return [(kind, text[a:b]) for kind, a, b in tokens(text) if kind != "c"]


class Taken(SynchronousTestCase):
    def taken(self, text, rest):
        found = take_context(text)
        self.assertEqual((found.context, found.text), (CONTEXT, rest))

    def test_at_the_end_before_a_semicolon_and_in_front(self):
        self.taken(b"SELECT 1 " + COMMENT, b"SELECT 1")
        self.taken(b"SELECT 1 " + COMMENT + b";", b"SELECT 1;")
        self.taken(b"SELECT 1 # one\n" + COMMENT + b" ;\n", b"SELECT 1 # one\n ;\n")
        self.taken(COMMENT + b" SELECT /*+ NO_ICP(t) */ 1", b" SELECT /*+ NO_ICP(t) */ 1")
        found = take_context(b"SELECT 1 " + WITH_STATE)
        self.assertEqual((found.text, found.context.trace_id), (b"SELECT 1", CONTEXT.trace_id))

    def test_behind_the_semicolon_an_empty_statement_stays_one(self):
        self.taken(b"SELECT 1;" + COMMENT, b"SELECT 1;/**/")
        self.taken(b"SELECT 1; -- x\n" + COMMENT, b"SELECT 1; -- x\n")

    def test_other_pairs_of_its_comment_stay_for_the_database(self):
        found = take_context(b"SELECT 1 /*route='a',traceparent='" + PARENT + b"'*/;")
        self.assertEqual((found.text, found.tags), (b"SELECT 1;", {"route": "a"}))
        self.assertEqual(found.kept.text, b"SELECT 1 /*route='a'*/;")
        again = found.kept.with_context(CONTEXT)
        self.assertEqual(take_context(again).text, b"SELECT 1;")
        replaced = found.kept.replaced(b"SELECT 2;")
        self.assertEqual(replaced.text, b"SELECT 2 /*route='a'*/;")

    def test_a_cut_behind_minus_signs_leaves_no_comment(self):
        """With a blank in its place the rest of the line would be one."""
        for comment in (COMMENT, b"/*route='a',traceparent='" + PARENT + b"'*/"):
            for behind in (b"1 FROM t", b" 1 FROM t"):
                found = take_context(b"SELECT 1--" + comment + behind)
                self.assertEqual(found.text, b"SELECT 1--/**/" + behind)

    @given(TEXTS, TEXTS, st.sampled_from((b"", b"route='a',")), st.booleans())
    def test_what_is_judged_means_what_is_sent(self, before, behind, pair, again):
        comment = b"/*" + pair + b"traceparent='" + PARENT + b"'*/"
        text = before + comment + behind + (COMMENT if again else b"")
        found = take_context(text)
        try:
            expected = significant(text)
        except LexError:
            return
        self.assertEqual(significant(found.text), expected)
        if found.kept is not None:
            self.assertEqual(significant(found.kept.text), expected)

    def test_what_a_cut_leaves_is_never_run(self):
        for code in (b"!50000 DROP", b"M!100000 DROP", b"+ HINT"):
            body = b"SELECT 1 /*traceparent='" + PARENT + b"'," + code + b"*/"
            self.assertEqual(take_context(body).kept.text, b"SELECT 1 /* " + code + b"*/")

    def test_a_comment_ends_where_the_first_end_is(self):
        found = take_context(b"SELECT 1 /* open " + COMMENT)
        self.assertEqual((found.text, found.kept.text), (b"SELECT 1", b"SELECT 1 /* open /**/"))

    def test_hints_code_literals_and_line_comments_are_no_place(self):
        for text in (
            b"SELECT /*+ traceparent='" + PARENT + b"' */ 1",
            b"SELECT /*! traceparent='" + PARENT + b"' */ 1",
            b"SELECT 1 # " + COMMENT,
            b"SELECT 1 -- " + COMMENT,
            b'SELECT "' + COMMENT + b'"',
            b"SELECT `" + COMMENT + b"`",
        ):
            found = take_context(text)
            self.assertEqual((found.text, found.context), (text, None))

    def test_where_a_backslash_may_end_a_string_nothing_is_cut(self):
        text = b"SELECT 'a\\', 1 " + COMMENT + b" -- '"
        self.assertEqual(take_context(text, None).text, text)
        self.assertEqual(take_context(text, False).context, None)

    @given(TEXTS, st.sampled_from((b"", b" ", b"\n")), st.sampled_from((b"", b";")))
    def test_the_short_way_takes_off_what_the_long_way_does(self, text, before, end):
        """A blank at the end of a text is enough for the long way."""
        for comment in (COMMENT, COMMENT.replace(b"'*/", b"',tracestate='x'*/")):
            sent = text + before + comment + end
            short, long = take_context(sent), take_context(sent + b" ")
            if can_be_read(text) and can_be_read(sent):
                self.assertEqual(short.context, long.context, sent)
                self.assertEqual(
                    short.text.translate(None, b" \n"), long.text.translate(None, b" \n"), sent
                )

    @given(st.binary(max_size=60))
    def test_random_bytes(self, data):
        take_context(b"SELECT traceparent " + data)
        take_context(b"SELECT 1 /*traceparent='" + data + b"'*/", None)


def can_be_read(text):
    try:
        tokens(text)
    except LexError:
        return False
    return True


class Added(SynchronousTestCase):
    def test_at_the_end_or_before_the_last_semicolon(self):
        for text, expected in (
            (b"SELECT 1", b"SELECT 1 %b"),
            (b"SELECT 1;", b"SELECT 1 %b;"),
            (b"SELECT 1 ; \n", b"SELECT 1  %b; \n"),
            (b"SELECT 1; SELECT 2;", b"SELECT 1; SELECT 2 %b;"),
            (b"SELECT 1 -- x", b"SELECT 1 -- x\n%b"),
            (b"SELECT 1 # x;", b"SELECT 1 # x;\n%b"),
            (b"SELECT '#';", b"SELECT '#'\n%b;"),
            (b"SELECT 1; # x;", b"SELECT 1\n%b; # x;"),
            (b"SELECT 1;/**/", b"SELECT 1;/**/ %b"),
            (b"SELECT /* a */ 1;", b"SELECT /* a */ 1 %b;"),
        ):
            self.assertEqual(add_context(text, CONTEXT), expected.replace(b"%b", COMMENT))

    def test_not_where_it_would_change_what_is_answered(self):
        """An empty text is an error, a comment alone is none; an open comment would be closed."""
        for text in (b"", b" ", b";", b"SELECT 1;;", b"SELECT 1 /* open", b"SELECT 1 /* open;"):
            self.assertEqual(add_context(text, CONTEXT), text)

    @given(TEXTS)
    def test_the_short_way_adds_what_the_long_way_does(self, text):
        """A blank at the end of a text is enough for the long way."""
        short, long = add_context(text, CONTEXT), add_context(text + b" ", CONTEXT)
        self.assertEqual(short.translate(None, b" "), long.translate(None, b" "))
        self.assertEqual(short == text, long == text + b" ")

    @given(
        st.sampled_from((b"SELECT 1", b"SELECT 'a", b"x -- y", b"x # y", b"/*", b"`", b"\\")),
        st.binary(max_size=40),
        st.sampled_from((b"", b";", b" ;", b"; ")),
    )
    def test_what_is_added_is_taken_off_again(self, start, rest, end):
        text = start + rest.replace(b"traceparent", b"") + end
        added = add_context(text, CONTEXT)
        if added != text and can_be_read(text) and not set(b"#-/*\"'`\\") & set(text):
            taken = take_context(added).text
            self.assertEqual(taken.translate(None, b" \n"), text.translate(None, b" \n"))
        self.assertEqual(
            added.replace(COMMENT, b"").translate(None, b" \n"), text.translate(None, b" \n")
        )

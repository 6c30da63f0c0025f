"""Contexts of Vitess's clients in the first comment of a text."""

import json
from base64 import b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import vitess
from acra_twisted.sql.mysqlcomments import add_context, may_hold_context, take_context
from acra_twisted.wire.link.tracecontext import TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OTHER = TraceContext("1" * 32, "2" * 16, True)


def comment(value):
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return b"/*VT_SPAN_CONTEXT=" + b64encode(content) + b"*/"


def jaeger(trace=TRACE, span=SPAN, parent="0", flags="1"):
    return comment({"uber-trace-id": f"{trace}:{span}:{parent}:{flags}"})


def ids(found):
    return found.trace_id, found.span_id, found.sampled


class Reading(SynchronousTestCase):
    def test_a_context(self):
        for flags, sampled in (("1", True), ("0", False), ("3", True), ("2", True), ("04", False)):
            text = jaeger(flags=flags) + b" SELECT 1"
            self.assertTrue(may_hold_context(text))
            found = take_context(text)
            self.assertEqual(ids(found.context), (TRACE, SPAN, sampled))
            self.assertEqual((found.text, found.malformed, found.kept), (b"SELECT 1", False, None))

    def test_short_ids_and_large_letters_and_escaped_colons(self):
        for text in (
            jaeger("AF7", "7B"),
            comment({"uber-trace-id": "af7%3A7b%3A0%3A1", "other": [1, {}]}),
        ):
            found = take_context(text + b"SELECT 1")
            self.assertEqual(ids(found.context), ("0" * 29 + "af7", "0" * 14 + "7b", True))
            self.assertEqual(found.text, b"SELECT 1")

    def test_what_cannot_be_used_stays(self):
        for first in (
            jaeger("0", "0"),
            jaeger("0" * 32),
            jaeger(span="0"),
            jaeger("x"),
            jaeger(TRACE + "0"),
            comment({"uber-trace-id": 7}),
            comment({"uber-trace-id": f"{TRACE}:{SPAN}:0"}),
            comment(b"[" * 900),
            comment(b"no json"),
            comment(b"\xff\xfe"),
            comment([1]),
            comment({"uber-trace-id": "1:1:0:1", "more": "x" * 3000}),
            b"/*VT_SPAN_CONTEXT=*/",
            b"/*VT_SPAN_CONTEXT=e30*/",
            b"/*VT_SPAN_CONTEXT=e30",
            b"/*VT_SPAN_CONTEXT=e'30*/",
        ):
            text = first + b" SELECT 1"
            found = take_context(text)
            self.assertEqual((found.text, found.context, found.malformed), (text, None, True), text)

    def test_another_tracers_is_left_alone(self):
        text = comment({"x-datadog-trace-id": "1"}) + b" SELECT 1"
        found = take_context(text)
        self.assertEqual((found.text, found.context, found.malformed), (text, None, False))

    def test_only_the_first_comment(self):
        for text in (
            b"SELECT 1 " + jaeger(),
            b"SELECT '" + jaeger() + b"'",
            b"/*x*/" + jaeger() + b"SELECT 1",
            b" " + jaeger() + b"SELECT 1",
        ):
            self.assertFalse(may_hold_context(text))
            found = take_context(text)
            self.assertEqual((found.text, found.context, found.malformed), (text, None, False))

    def test_without_a_statement_the_comment_is_the_statement(self):
        for text in (jaeger(), jaeger() + b" ", jaeger() + b";", jaeger() + b" ;"):
            found = take_context(text)
            self.assertEqual((found.text, found.context), (text, None))

    def test_the_last_context_holds_and_both_are_taken(self):
        text = add_context(jaeger() + b"SELECT 1", OTHER)
        found = take_context(text)
        self.assertEqual((found.text, found.context), (b"SELECT 1", OTHER))
        found = take_context(jaeger() + b"SELECT 1 /*traceparent='00-1-1-01'*/")
        self.assertEqual(ids(found.context), (TRACE, SPAN, True))
        self.assertEqual(found.text, b"SELECT 1 /*traceparent='00-1-1-01'*/")
        self.assertTrue(found.malformed)

    def test_hints_and_code_behind_it_stay_as_they_are(self):
        for rest in (b"/*+ MAX_EXECUTION_TIME(1) */ SELECT 1", b"/*!50000 SELECT 1 */"):
            found = take_context(jaeger() + rest)
            self.assertEqual((found.text, found.context is None), (rest, False))

    @given(st.binary(max_size=80) | st.text(max_size=60).map(str.encode), st.booleans())
    def test_anything(self, content, encoded):
        inner = b64encode(content) if encoded else content
        for text in (vitess.OPEN + inner, vitess.OPEN + inner + b"*/SELECT 1"):
            first = vitess.first(text)
            self.assertTrue(first.context is None or not first.malformed)
            self.assertEqual(first.end > 0, first.context is not None)
            self.assertTrue(text.endswith(take_context(text).text))

    @given(
        st.dictionaries(st.sampled_from(("uber-trace-id", "x")), st.text("0123456789abcdef:%3A")),
    )
    def test_every_context_that_is_read_is_a_whole_one(self, found):
        context = vitess.first(comment(found) + b"SELECT 1").context
        if context is not None:
            self.assertEqual((len(context.trace_id), len(context.span_id)), (32, 16))
            self.assertNotIn(0, (int(context.trace_id, 16), int(context.span_id, 16)))

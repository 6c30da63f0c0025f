"""Frontend messages: decode after encode, hostile bodies."""

import struct

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.postgres import frontend
from acra_twisted.wire.postgres.frontend import Bind, Parse

words = st.binary(max_size=10).map(lambda b: b.replace(b"\0", b"0"))
values = st.lists(st.tuples(st.integers(0, 1), st.one_of(st.none(), st.binary(max_size=9))))
DECODERS = (
    lambda body: frontend.decode_query(b"Q\0\0\0\4" + body, 5, 5 + len(body)),
    frontend.decode_parse,
    frontend.decode_bind,
    frontend.bind_names,
    frontend.decode_target,
    frontend.decode_execute,
    lambda body: frontend.decode_formats(body, 2),
)


class RoundTrips(SynchronousTestCase):
    @given(words)
    def test_query_and_execute(self, text):
        query = frontend.encode_query(text)
        self.assertEqual(frontend.decode_query(query, 5, len(query)), text)
        self.assertEqual(frontend.decode_query(b"x" + query + b"y", 6, len(query) + 1), text)
        self.assertEqual(frontend.decode_execute(frontend.encode_execute(text)[5:]), text)

    @given(words, words, st.lists(st.binary(min_size=4, max_size=4), max_size=4))
    def test_parse(self, name, text, oids):
        parse = Parse(name, text, struct.pack(">H", len(oids)) + b"".join(oids))
        self.assertEqual(frontend.decode_parse(frontend.encode_parse(parse)[5:]), parse)

    @given(words, words, values, st.sampled_from([b"\0\0", b"\0\1\0\1", b"\0\2\0\1\0\0"]))
    def test_bind(self, portal, name, parameters, results):
        bind = Bind(portal, name, [f for f, _ in parameters], [v for _, v in parameters], results)
        body = frontend.encode_bind(bind)[5:]
        self.assertEqual(frontend.decode_bind(body), bind)
        self.assertEqual(frontend.bind_names(body), (portal, name))
        self.assertEqual(frontend.bind_results(body, len(portal + name) + 2), results)


class Irregular(SynchronousTestCase):
    @given(st.binary(max_size=60))
    @example(b"")
    def test_fr4_random_bytes(self, body):
        for decode in DECODERS:
            try:
                decode(body)
            except WireError:
                pass

    def test_fr6_bind(self):
        for body in (
            b"\0\0",
            b"\0\0\0\2\0\0",
            b"\0\0\0\2\0\0\0\0\0\5",
            b"\0\0\0\0\0\5",
            b"\0\0\0\0\0\1\xff\xff\xff\xfe",
            b"\0\0\0\0\0\1\0\0\0\5ab",
            b"\0\0\0\1\0\2\0\0\0\0",
            b"\0\0\0\1\xff\xff\0\0\0\0",
            b"\0\0\0\0\0\0\0\0x",
            b"\0\0\0\2\0\0\0\1\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        ):
            self.assertRaises(WireError, frontend.decode_bind, body)
            self.assertRaises(WireError, frontend.bind_results, body, 2)

    @given(st.lists(st.sampled_from([*range(4), 0xFF]), max_size=24).map(bytes))
    def test_the_short_way_is_as_strict(self, rest):
        outcomes = []
        for decode in (
            lambda body: frontend.decode_bind(body).results,
            lambda body: frontend.bind_results(body, 4),
        ):
            try:
                outcomes.append(decode(b"p\0s\0" + rest))
            except WireError:
                outcomes.append(None)
        self.assertEqual(*outcomes)

    def test_others(self):
        for query in (b"a\0b\0", b"a", b"", b"\0\0"):
            self.assertRaises(WireError, frontend.decode_query, query, 0, len(query))
        self.assertRaises(WireError, frontend.decode_parse, b"a\0b\0\0\1")
        self.assertRaises(WireError, frontend.decode_parse, b"a\0b\0")
        self.assertRaises(WireError, frontend.decode_target, b"X\0")
        self.assertRaises(WireError, frontend.decode_target, b"S\0\0")
        self.assertRaises(WireError, frontend.decode_execute, b"\0\0\0")
        self.assertRaises(WireError, frontend.decode_formats, b"\0\3\0\0\0\0\0\0", 2)

    def test_one_format_is_for_all(self):
        self.assertEqual(frontend.decode_formats(b"\0\1\0\1", 3), [1, 1, 1])
        self.assertEqual(frontend.decode_formats(b"\0\0", 2), [0, 0])

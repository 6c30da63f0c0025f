"""Trace context: golden bytes, leniency, hostility."""

from hypothesis import given
from hypothesis import strategies as st
from opencensus.trace.propagation.b3_format import B3FormatPropagator
from opencensus.trace.propagation.binary_format import BinaryFormatPropagator
from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.propagation.tracestate_string_format import TracestateStringFormatter
from opencensus.trace.span_context import SpanContext
from opencensus.trace.trace_options import TraceOptions
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.link import tracecontext
from acra_twisted.wire.link.tracecontext import TraceContext

# From acra-wire reference section 19, and opencensus-go's encoder.
GOLDEN = bytes.fromhex("1d0000000000463ac35c9f6413ad48485a3953bb61240100200000000000010201")
CONTEXT = TraceContext("463ac35c9f6413ad48485a3953bb6124", "0020000000000001", True)
HEX = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Binary(SynchronousTestCase):
    def test_golden(self):
        self.assertEqual(tracecontext.encode(CONTEXT), GOLDEN)
        self.assertEqual(tracecontext.decode(GOLDEN[4:]), CONTEXT)
        self.assertEqual(tracecontext.decode(GOLDEN[4:] + b"more"), CONTEXT)

    def test_without_options_it_is_not_sampled(self):
        unsampled = TraceContext(CONTEXT.trace_id, CONTEXT.span_id, False)
        self.assertEqual(tracecontext.decode(GOLDEN[4:31]), unsampled)

    def test_a_mark_behind_it_is_read_by_those_who_look_for_it(self):
        marked = tracecontext.encode(CONTEXT, tracecontext.DECIDES)
        self.assertEqual(marked[:4], b"\x1f\0\0\0")
        self.assertEqual(marked[4:], GOLDEN[4:] + b"\x7f\1")
        self.assertEqual(tracecontext.decode(marked[4:]), CONTEXT)
        self.assertEqual(tracecontext.mark_of(marked[4:]), tracecontext.DECIDES)
        self.assertEqual(tracecontext.startup_of(marked[4:]), "")
        startup = "00f067aa0ba902b7"
        both = tracecontext.encode(CONTEXT, tracecontext.FOLLOWS, startup)[4:]
        self.assertEqual(both, GOLDEN[4:] + b"\x7f\2" + bytes.fromhex(startup))
        self.assertEqual(tracecontext.mark_of(both), tracecontext.FOLLOWS)
        self.assertEqual(tracecontext.startup_of(both), startup)
        for blob in (both[:-1], both[:31] + bytes(8), GOLDEN[4:] + both[31:]):
            self.assertEqual(tracecontext.startup_of(blob), "")
        for blob in (b"", GOLDEN[4:], marked[4:-1], GOLDEN[4:] + b"\x7e\1", GOLDEN[4:31] + b"more"):
            self.assertEqual(tracecontext.mark_of(blob), 0)

    def test_an_offer_of_spans_has_a_mark_and_no_context(self):
        offer = tracecontext.encode_offer()
        self.assertTrue(tracecontext.looks_framed(offer[:4]))
        self.assertIsNone(tracecontext.decode(offer[4:]))
        self.assertEqual(tracecontext.mark_of(offer[4:]), tracecontext.OFFERS)

    def test_equality(self):
        other = CONTEXT.with_state("a=b")
        self.assertNotEqual(other, CONTEXT)
        self.assertEqual(other.with_state(""), CONTEXT)
        self.assertEqual(len({CONTEXT, other, other.with_state("")}), 2)
        self.assertNotEqual(CONTEXT, HEX)
        self.assertIn(CONTEXT.trace_id, repr(CONTEXT))

    def test_cl4_what_is_not_well_formed_is_no_context(self):
        blob = GOLDEN[4:]
        for bad in (
            b"",
            blob[:26],
            blob[:17],
            b"\1" + blob[1:],
            b"\0\1" + blob[2:],
            blob[:18] + b"\7" + blob[19:],
            b"\0\0" + b"\0" * 16 + blob[18:],
            blob[:19] + b"\0" * 8 + blob[27:],
        ):
            self.assertIsNone(tracecontext.decode(bad))

    @given(st.binary(max_size=40))
    def test_random_bytes(self, data):
        found = tracecontext.decode(data)
        self.assertIn(tracecontext.mark_of(data), range(256))
        if found is not None:
            self.assertEqual(tracecontext.encode(found)[4:31], data[:27])


trace_ids = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
span_ids = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)


class AsOpenCensusHasIt(SynchronousTestCase):
    """The library's propagators and samplers take ours, and write the same of it and of theirs."""

    @given(trace_ids, span_ids, st.booleans(), st.sampled_from(["", "a=b", "a=b, c@d=e"]))
    def test_propagators_write_the_same(self, trace_id, span_id, sampled, state):
        ours = TraceContext(trace_id, span_id, sampled, state)
        options = TraceOptions("1" if sampled else "0")
        entries = TracestateStringFormatter().from_string(state) if state else None
        theirs = SpanContext(trace_id, span_id, options, entries)
        for propagator in (TraceContextPropagator(), B3FormatPropagator()):
            self.assertEqual(propagator.to_headers(ours), propagator.to_headers(theirs))
        headers = TraceContextPropagator().to_headers(ours)
        self.assertEqual(headers["traceparent"], ours.traceparent())
        self.assertEqual(headers.get("tracestate", ""), state.replace(" ", ""))
        self.assertEqual(ours.trace_options.get_enabled(), options.get_enabled())
        self.assertEqual(ours.trace_options.trace_options_byte, options.trace_options_byte)
        self.assertEqual(ours.tracestate, entries)

    @given(trace_ids, span_ids, st.booleans())
    def test_what_its_propagators_write_is_read(self, trace_id, span_id, sampled):
        ours = TraceContext(trace_id, span_id, sampled)
        theirs = SpanContext(trace_id, span_id, TraceOptions("1" if sampled else "0"))
        binary = BinaryFormatPropagator().to_header(theirs)
        self.assertEqual(binary, tracecontext.encode(ours)[4:])
        self.assertEqual(BinaryFormatPropagator().to_header(ours), binary)
        self.assertEqual(tracecontext.decode(binary), ours)
        text = TraceContextPropagator().to_headers(theirs)["traceparent"]
        self.assertEqual(tracecontext.parse_traceparent(text), ours)
        self.assertEqual(tracecontext.plain_at(text.encode(), 0), ours)

    @given(trace_ids, span_ids, st.booleans())
    def test_what_we_write_its_propagators_read(self, trace_id, span_id, sampled):
        ours = TraceContext(trace_id, span_id, sampled)
        for read in (
            BinaryFormatPropagator().from_header(tracecontext.encode(ours)[4:]),
            TraceContextPropagator().from_headers({"traceparent": ours.traceparent()}),
        ):
            self.assertEqual((read.trace_id, read.span_id), (trace_id, span_id))
            self.assertEqual(read.trace_options.get_enabled(), sampled)


class OnTheLink(SynchronousTestCase):
    def test_framed_contexts_are_told_from_databases_protocols(self):
        for head in (GOLDEN[:4], b"\0\0\0\0", b"\x1c\0\0\0", b"\0\4\0\0"):
            self.assertTrue(tracecontext.looks_framed(head), head)
        for head in (b"\0\0\0\x08", b"\0\0\x27\x10", b"\x16\3\1\2", b"GET ", b"\1\4\0\0"):
            self.assertFalse(tracecontext.looks_framed(head), head)


class Traceparent(SynchronousTestCase):
    def test_round_trip(self):
        for sampled in (True, False):
            context = TraceContext(*HEX, sampled)
            self.assertEqual(tracecontext.parse_traceparent(context.traceparent()), context)

    @given(
        st.text("0123456789abcdef", min_size=32, max_size=32),
        st.text("0123456789abcdef", min_size=16, max_size=16),
        st.sampled_from([*(f"{n:02x}" for n in range(256)), "0A", "1", "g1"]),
        st.sampled_from(["00", "01", "ff"]),
        st.sampled_from("-_"),
        st.binary(max_size=3),
    )
    def test_the_short_way_is_as_strict(self, trace_id, span_id, flags, version, dash, before):
        value = f"{version}-{trace_id}{dash}{span_id}-{flags}"
        expected = tracecontext.parse_traceparent(value) if version == "00" else None
        data = before + value.encode()
        self.check_short(data, len(before), expected)
        self.check_short(data, len(before) + 1, None)
        self.check_short(data[:-1], len(before), None)

    @given(
        st.integers(0, tracecontext.PLAIN - 1),
        st.one_of(st.sampled_from(b"-0123456789abcdefABCDEFg/:`\0\x80"), st.integers(0, 255)),
    )
    def test_it_is_as_strict_with_each_byte(self, place, byte):
        value = bytearray("00-{}-{}-01".format(*HEX).encode())
        value[place] = byte
        data = bytes(value)
        expected = tracecontext.parse_traceparent(data.decode("latin-1"))
        self.check_short(data, 0, expected if data[:2] == b"00" else None)

    def check_short(self, data, start, expected):
        """Both forms of it, where compiled."""
        self.assertEqual(tracecontext.plain_at(data, start), expected)
        self.assertEqual(tracecontext.plain_by_python(data, start), expected)

    def test_ob2(self):
        good = "00-{}-{}-01".format(*HEX)
        later = "cc-{}-{}-09-what-comes-later".format(*HEX)
        self.assertTrue(tracecontext.parse_traceparent(later).sampled)
        for bad in (
            "",
            good.upper(),
            good + "-x",
            good + "\n",
            "ff" + good[2:],
            "00-{}-{}-01".format("0" * 32, HEX[1]),
            "00-{}-{}-01".format(HEX[0], "0" * 16),
            "00-{}-{}-1".format(*HEX),
            good * 100,
        ):
            self.assertIsNone(tracecontext.parse_traceparent(bad), bad)
            if len(bad) <= tracecontext.PLAIN:
                self.check_short(bad.encode(), 0, None)

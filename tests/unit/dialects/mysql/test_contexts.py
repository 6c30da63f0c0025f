"""Trace contexts in query attributes, and in the command that carries one."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.contexts import (
    announced,
    carrier,
    take_attributes,
    told,
    with_context,
)
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql.commands import NOBODYS, encode_close
from acra_twisted.wire.mysql.handshake import Attribute as Said
from acra_twisted.wire.mysql.parameters import Attribute

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
PARENT = CONTEXT.traceparent().encode()
OURS = Attribute(254, b"traceparent", PARENT)
OTHER = Attribute(3, b"shop", b"\1\0\0\0")


class Logins(SynchronousTestCase):
    def test_the_first_one_counts(self):
        given = [Said(b"shop", b"x"), Said(b"traceparent", PARENT), Said(b"traceparent", b"x")]
        self.assertEqual(told(given), (CONTEXT, False))
        self.assertEqual(told(given[:1]), (None, False))

    def test_one_that_cannot_be_used(self):
        for value in (b"", b"x", PARENT.upper(), b"\xff" * 55):
            self.assertEqual(told([Said(b"traceparent", value)]), (None, True))


class Attributes(SynchronousTestCase):
    def test_ours_go_and_the_rest_stays(self):
        state = Attribute(253, b"tracestate", b"a=b")
        rest, context, malformed = take_attributes([OURS, OTHER, state])
        self.assertEqual((rest, context, malformed), ([OTHER], CONTEXT.with_state("a=b"), False))

    def test_without_any_it_is_the_same_object(self):
        for given in ((), [OTHER], [Attribute(253, b"tracestate", b"a=b")]):
            self.assertIs(take_attributes(given)[0], given)

    def test_one_that_cannot_be_used_stays(self):
        for value in (b"", b"x", PARENT.upper(), b"\xff" * 55):
            given = [Attribute(254, b"traceparent", value)]
            self.assertEqual(take_attributes(given), (given, None, True))
        self.assertEqual(take_attributes([Attribute(254, b"traceparent", None)])[1:], (None, False))

    def test_one_that_is_not_sampled_decides_nothing(self):
        """Drivers say so of traces that they record."""
        value = PARENT[:-2] + b"00"
        context = take_attributes([Attribute(254, b"traceparent", value)])[1]
        self.assertEqual((context.sampled, context.decides), (False, False))
        self.assertTrue(take_attributes([OURS])[1].decides)

    def test_one_of_a_peer_that_decides(self):
        value = PARENT[:-2] + b"00"
        context = take_attributes([Attribute(254, b"traceparent", value)], True)[1]
        self.assertEqual((context.sampled, context.decides), (False, True))

    def test_put_behind_the_others(self):
        made = with_context([OURS, OTHER], CONTEXT, "a=b")
        self.assertEqual(take_attributes(made), ([OTHER], CONTEXT.with_state("a=b"), False))
        self.assertEqual(made[:2], [OTHER, OURS])


class Carrier(SynchronousTestCase):
    def test_both_ways(self):
        packet = carrier(CONTEXT)
        self.assertEqual(packet[3:9], b"\0\x19\xfe\xff\xff\xff")
        self.assertEqual(announced(packet[4:]), CONTEXT)

    def test_any_other_command(self):
        for payload in (
            encode_close(7, b"traceparent=" + PARENT),
            encode_close(NOBODYS, PARENT),
            encode_close(NOBODYS),
        ):
            self.assertIsNone(announced(payload))

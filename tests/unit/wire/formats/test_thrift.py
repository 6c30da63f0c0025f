"""Thrift's protocols, read back by the library that others wrote."""

from hypothesis import given
from hypothesis import strategies as st
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TType
from thrift.transport.TTransport import TMemoryBuffer
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.formats import thrift
from acra_twisted.wire.formats.thrift import BOOL, DOUBLE, I32, I64, LIST, STRING, STRUCT

FLAT = st.one_of(
    st.tuples(st.just(BOOL), st.booleans()),
    st.tuples(st.just(DOUBLE), st.floats(allow_nan=False)),
    st.tuples(st.just(I32), st.integers(-(1 << 31), (1 << 31) - 1)),
    st.tuples(st.just(I64), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.tuples(st.just(STRING), st.text(st.characters(exclude_categories=("Cs",)))),
)
NESTED = st.recursive(
    st.lists(FLAT, max_size=5),
    lambda inner: st.lists(
        st.one_of(
            FLAT,
            st.tuples(st.just(STRUCT), inner),
            st.tuples(st.just(LIST), st.lists(inner, max_size=20)),
        ),
        max_size=4,
    ),
    max_leaves=30,
)


def written(write, values):
    """A struct from kinds and values, its fields numbered from 1."""
    fields = []
    for number, (kind, value) in enumerate(values, 1):
        if kind == STRUCT:
            value = written(write, value)
        elif kind == LIST:
            value = [written(write, item) for item in value]
        fields.append((number, kind, value))
    return write(fields)


def read(protocol):
    found = []
    protocol.readStructBegin()
    while True:
        _, kind, number = protocol.readFieldBegin()
        if kind == TType.STOP:
            break
        assert number == len(found) + 1
        if kind == TType.LIST:
            element, size = protocol.readListBegin()
            assert element == TType.STRUCT
            value = [read(protocol) for _ in range(size)]
            protocol.readListEnd()
        else:
            reader = {
                TType.BOOL: protocol.readBool,
                TType.DOUBLE: protocol.readDouble,
                TType.I32: protocol.readI32,
                TType.I64: protocol.readI64,
                TType.STRING: protocol.readString,
                TType.STRUCT: lambda: read(protocol),
            }[kind]
            value = reader()
        protocol.readFieldEnd()
        found.append((kind, value))
    protocol.readStructEnd()
    return found


class Structs(SynchronousTestCase):
    @given(NESTED)
    def test_both_protocols(self, values):
        for write, protocol in (
            (thrift.binary, TBinaryProtocol),
            (thrift.compact, TCompactProtocol),
        ):
            data = written(write, values)
            buffer = TMemoryBuffer(data)
            self.assertEqual(read(protocol(buffer)), values)
            self.assertEqual(buffer.read(1), b"")

    def test_a_message(self):
        data = thrift.compact_message("emitBatch", 300, b"\0")
        protocol = TCompactProtocol(TMemoryBuffer(data))
        self.assertEqual(protocol.readMessageBegin(), ("emitBatch", thrift.ONEWAY, 300))

"""Definitions of columns."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import columndefinitions
from acra_twisted.wire.mysql.columndefinitions import ColumnDefinition
from tests.support.mysqlvectors import SERVER, conversations

_EXTENDED = 8
names = st.binary(max_size=300)
definitions = st.builds(
    ColumnDefinition,
    *[names] * 5,
    st.none() | names,
    st.integers(0, 2**16 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.integers(0, 2**16 - 1),
    st.integers(0, 255),
    st.sampled_from([b"def", *("def".encode(f"utf-{form}") for form in ("16be", "16le", "32be"))]),
)


class Definitions(SynchronousTestCase):
    @given(definitions)
    def test_what_is_written_is_read(self, column):
        written = columndefinitions.encode(column)
        self.assertEqual(columndefinitions.decode(written, column.extended is not None), column)

    @given(definitions, st.data())
    def test_a_cut_one_is_refused(self, column, data):
        # The two bytes of nothing at its end do not matter.
        written = columndefinitions.encode(column)[:-2]
        size = data.draw(st.integers(0, len(written) - 1))
        extended = column.extended is not None
        self.assertRaises(WireError, columndefinitions.decode, written[:size], extended)

    @given(st.binary(max_size=80), st.booleans())
    def test_any_bytes_are_read_or_refused(self, said, extended):
        try:
            columndefinitions.decode(b"\3def" + said, extended)
        except WireError:
            pass

    def test_recorded_ones_are_read_and_written_as_they_were(self):
        seen = 0
        for one in conversations().values():
            extended = bool(one.extended & _EXTENDED)
            for packet in one.packets:
                payload = packet.payload
                if packet.leg == SERVER and payload[:4] == b"\3def":
                    column = columndefinitions.decode(payload, extended)
                    # Lists of a table's columns have a default value behind.
                    self.assertTrue(payload.startswith(columndefinitions.encode(column)))
                    seen += 1
        self.assertGreater(seen, 200)

    def test_names_have_their_places(self):
        packets = conversations()["maria_extended_metadata"].packets
        found = {
            column.name: column
            for column in (
                columndefinitions.decode(packet.payload, True)
                for packet in packets
                if packet.leg == SERVER and packet.payload[:4] == b"\3def"
            )
        }
        self.assertIn(b"\1\4json", {column.extended for column in found.values()})

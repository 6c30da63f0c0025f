"""OK, EOF and ERR."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import okpackets
from acra_twisted.wire.mysql.lenenc import encode_bytes, encode_int
from acra_twisted.wire.mysql.okpackets import SCHEMA, STATE_CHANGED
from tests.support.mysqlvectors import SERVER, conversations

numbers = st.integers(0, 2**64 - 1)
short = st.integers(0, 2**16 - 1)


def ok(affected, insert_id, status, warnings, rest=b"", first=b"\0"):
    flags = status.to_bytes(2, "little") + warnings.to_bytes(2, "little")
    return first + encode_int(affected) + encode_int(insert_id) + flags + rest


def changes(*entries):
    """An OK's end: an info, and what has changed of the session."""
    told = b"".join(bytes((kind,)) + encode_bytes(entry) for kind, entry in entries)
    return b"\0" + encode_bytes(told)


def variable(name, value):
    return 0, encode_bytes(name) + encode_bytes(value)


class Oks(SynchronousTestCase):
    @given(numbers, numbers, short, short, st.binary(max_size=20), st.sampled_from(b"\0\xfe"))
    def test_what_is_written_is_read(self, affected, insert_id, status, warnings, rest, first):
        payload = ok(affected, insert_id, status, warnings, rest, bytes((first,)))
        found = okpackets.decode_ok(payload)
        self.assertEqual(found[:4], (affected, insert_id, status, warnings))
        self.assertEqual(payload[found.end :], rest)

    @given(st.binary(max_size=40))
    def test_any_bytes_are_read_or_refused(self, said):
        for read in (okpackets.decode_ok, okpackets.decode_error, okpackets.decode_eof):
            try:
                read(b"\xff" + said)
            except WireError:
                pass

    @given(st.binary(max_size=60))
    def test_any_changes_are_read_or_refused(self, said):
        payload = ok(0, 0, STATE_CHANGED, 0, said)
        found = okpackets.decode_ok(payload)
        for read in (okpackets.tracked, okpackets.untracked):
            try:
                read(payload, found)
            except WireError:
                pass

    def test_a_status_behind_a_long_number_is_found(self):
        """From a recorded session: 70,000 rows affected."""
        found = okpackets.decode_ok(bytes.fromhex("00fd7011010022000000"))
        self.assertEqual(found, (70_000, 0, 0x22, 0, 10))

    def test_a_cut_one_is_refused(self):
        whole = ok(300, 70_000, 2, 1)
        for size in range(1, len(whole)):
            self.assertRaises(WireError, okpackets.decode_ok, whole[:size])
        self.assertRaises(WireError, okpackets.decode_ok, b"\0\xfc\0\0\0\0\0")

    def test_an_eof_has_its_warnings_first(self):
        self.assertEqual(okpackets.decode_eof(bytes.fromhex("fe03002200")), (3, 0x22))
        self.assertRaises(WireError, okpackets.decode_eof, bytes.fromhex("fe0300"))


class Errors(SynchronousTestCase):
    def test_with_and_without_a_state(self):
        found = okpackets.decode_error(b"\xff\x25\x05#70100Query execution was interrupted")
        self.assertEqual(found, (1317, b"70100", b"Query execution was interrupted"))
        self.assertEqual(okpackets.decode_error(b"\xff\x10\x04Too many"), (1040, b"", b"Too many"))
        self.assertEqual(okpackets.decode_error(b"\xff\x10\x04#08"), (1040, b"", b"#08"))
        self.assertRaises(WireError, okpackets.decode_error, b"\xff\x10")


class Tracking(SynchronousTestCase):
    def test_variables_and_the_schema_are_told(self):
        entries = (variable(b"character_set_client", b"gbk"), (1, b"\x04shop"), (2, b"\x011"))
        payload = ok(0, 0, 2 | STATE_CHANGED, 0, changes(*entries))
        found = okpackets.decode_ok(payload)
        self.assertEqual(
            okpackets.tracked(payload, found),
            [(b"character_set_client", b"gbk"), (SCHEMA, b"shop")],
        )

    def test_changes_may_be_aligned_to_wide_characters(self):
        """MariaDB sends such where the database is in UCS-2 or UTF-32."""
        told = changes((1, b"\5utf32"))[1:]
        for info, zeros in ((b"", 1), (b"", 3), (b"a", 2), (b"abc", 0)):
            end = encode_bytes(info) + bytes(zeros) + told
            payload = ok(0, 0, 2 | STATE_CHANGED, 0, end)
            found = okpackets.decode_ok(payload)
            self.assertEqual(okpackets.tracked(payload, found), [(SCHEMA, b"utf32")])
            shown = ok(0, 0, 2, 0, encode_bytes(info) if info else b"")
            self.assertEqual(okpackets.untracked(payload, found), shown)
        for end in (bytes(5) + told, bytes(6), b"\0" + told + b"\0"):
            payload = ok(0, 0, 2 | STATE_CHANGED, 0, end)
            found = okpackets.decode_ok(payload)
            self.assertRaises(WireError, okpackets.tracked, payload, found)
        payload = ok(0, 0, 2 | STATE_CHANGED, 0, b"\0\0")
        self.assertEqual(okpackets.tracked(payload, okpackets.decode_ok(payload)), [])

    def test_nothing_is_told_without_the_flag(self):
        payload = ok(0, 0, 2, 0, changes(variable(b"a", b"b")))
        self.assertEqual(okpackets.tracked(payload, okpackets.decode_ok(payload)), [])

    def test_a_client_that_tracks_nothing_sees_nothing_of_it(self):
        info = b"Rows matched: 1"
        tracked = ok(1, 0, 2 | STATE_CHANGED, 3, encode_bytes(info) + changes((1, b"\1a"))[1:])
        self.assertEqual(
            okpackets.untracked(tracked, okpackets.decode_ok(tracked)),
            ok(1, 0, 2, 3, encode_bytes(info)),
        )
        tracked = ok(1, 0, 2 | STATE_CHANGED, 3, changes((1, b"\1a")), b"\xfe")
        self.assertEqual(
            okpackets.untracked(tracked, okpackets.decode_ok(tracked)), ok(1, 0, 2, 3, b"", b"\xfe")
        )
        self.assertEqual(okpackets.untracked_eof(b"\xfe\1\0\x22\x40"), b"\xfe\1\0\x22\0")

    def test_recorded_sessions_with_and_without_tracking_differ_in_nothing_else(self):
        """The same statements were recorded twice, with numbers of rows that went on."""

        def oks(name):
            found = set()
            for packet in conversations()[name].packets:
                payload = packet.payload
                if packet.leg == SERVER and payload[:1] == b"\0" and packet.sequence == 1:
                    payload = okpackets.untracked(payload, okpackets.decode_ok(payload))
                    read = okpackets.decode_ok(payload)
                    found.add((read.affected, read.status, read.warnings, payload[read.end :]))
            return found

        self.assertEqual(oks("session_track"), oks("session_notrack"))
        self.assertGreater(len(oks("session_track")), 5)

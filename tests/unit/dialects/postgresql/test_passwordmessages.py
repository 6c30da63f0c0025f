"""A client's answers, read within a limit."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.passwordmessages import (
    TooLong,
    Unconvinced,
    password_of,
    refusal,
    take,
)
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres.frames import message


def buffer(data):
    made = ChunkBuffer()
    made.feed(data)
    return made


class Messages(SynchronousTestCase):
    def test_one_after_the_other_and_what_is_behind_stays(self):
        read = buffer(message(b"p", b"one") + message(b"p", b"two") + b"Q")
        self.assertEqual([take(read, 10, "SASL") for _ in range(2)], [b"one", b"two"])
        self.assertEqual(read.drain(), b"Q")

    def test_in_pieces(self):
        read, whole = ChunkBuffer(), message(b"p", b"secret\0")
        for at in range(len(whole) - 1):
            read.feed(whole[at : at + 1])
            self.assertIsNone(take(read, 10, "SASL"))
        read.feed(whole[-1:])
        self.assertEqual(take(read, 10, "SASL"), b"secret\0")

    def test_the_limit_is_known_from_the_header_alone(self):
        self.assertIsNone(take(buffer(b"p" + (14).to_bytes(4, "big")), 10, "SASL"))
        for length in (15, 2**31, 2**32 - 1):
            self.assertRaises(TooLong, take, buffer(b"p" + length.to_bytes(4, "big")), 10, "SASL")

    def test_other_messages_are_none(self):
        for data, text in ((b"Q", "expected password response"), (b"p\0\0\0\3", "length")):
            error = self.assertRaises(Unconvinced, take, buffer(data), 10, "password")
            self.assertIn(text, str(error))
            self.assertEqual((error.result, error.sqlstate), ("malformed", b"08P01"))

    def test_a_password_ends_with_the_only_nul(self):
        self.assertEqual(password_of(b"secret\0"), b"secret")
        for body in (b"", b"secret", b"a\0b\0", b"\0a"):
            self.assertRaises(Unconvinced, password_of, body)

    def test_the_text_of_postgresql(self):
        text = 'password authentication failed for user "ann"'
        self.assertEqual(refusal(b"ann"), text)
        self.assertIn("\ufffd", refusal(b"\xff"))

    @given(st.binary(max_size=40))
    def test_any_bytes_are_a_message_or_none(self, data):
        try:
            found = take(buffer(data), 10, "SASL")
        except (Unconvinced, TooLong):
            return
        self.assertLessEqual(len(found or b""), 10)

"""The errors by which MySQL's sessions end."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.farewells import SITUATIONS, encode_farewell, read_refusal
from acra_twisted.endreason import EndReason
from acra_twisted.wire.mysql.errors import NO_RIGHT, encode_error
from acra_twisted.wire.mysql.frames import packets


class Ours(SynchronousTestCase):
    def test_each_reason_has_a_number(self):
        self.assertEqual(set(SITUATIONS), set(EndReason))
        for reason in EndReason:
            data = encode_farewell(reason, "the text", number=3)
            self.assertEqual(data[3], 3)
            self.assertTrue(data.endswith(b"the text"))

    def test_those_that_clients_know(self):
        for reason, number, state in (
            (EndReason.LOGIN, 1045, b"28000"),
            (EndReason.TLS_REQUIRED, 3159, b"HY000"),
            (EndReason.HANDSHAKE, 1043, b"08S01"),
            (EndReason.TOO_MANY, 1040, b"08004"),
            (EndReason.SEQUENCE, 1156, b"08S01"),
            (EndReason.TOO_LARGE, 1153, b"08S01"),
            (EndReason.SHUTDOWN, 1053, b"08S01"),
            (EndReason.NOT_READY, 1159, b"08S01"),
            (EndReason.DATABASE, 1105, b"HY000"),
        ):
            payload = encode_farewell(reason, "bye")[4:]
            self.assertEqual(
                payload, b"\xff" + number.to_bytes(2, "little") + b"#" + state + b"bye"
            )

    def test_in_place_of_the_greeting(self):
        data = encode_farewell(EndReason.TOO_MANY, "full", greeted=False)
        self.assertEqual(data, b"\x07\0\0\0\xff\x10\x04full")

    def test_a_trace(self):
        self.assertTrue(encode_farewell(EndReason.IDLE, "bye", "7").endswith(b"bye (trace_id 7)"))


class Theirs(SynchronousTestCase):
    def test_what_may_be_shown(self):
        for payload, shown in (
            (b"\xff\x10\x04Too many\nconnections", "Too many connections (1040)"),
            (encode_error(NO_RIGHT, "no " + "x" * 300), "no " + "x" * 197 + " (1045)"),
            (b"\xff\x26\x04a value", "error 1062"),
            (b"\x0a5.7", ""),
            (b"\xff\x10", ""),
            (b"", ""),
        ):
            self.assertEqual(read_refusal(packets(payload, 0)), shown)

    def test_nothing_but_the_number_of_one_that_anyone_may_have_written(self):
        data = packets(b"\xff\x10\x04call 555-0100", 0)
        self.assertEqual(read_refusal(data, trusted=False), "error 1040")

"""Commands of a client, but for their values."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.mysql import commands
from acra_twisted.wire.mysql.commands import LongData
from tests.support.mysqlvectors import CLIENT, conversations

SIZES = {0x04: 2, 0x0C: 5, 0x17: 10, 0x18: 7, 0x19: 5, 0x1A: 5, 0x1B: 3, 0x1C: 9, 0xFA: 7}


class Sizes(SynchronousTestCase):
    def test_fixed_parts(self):
        self.assertEqual(commands.FIXED, SIZES)

    def test_what_a_server_ignores_is_cut_off(self):
        self.assertEqual(commands.fixed_part(b"\x0emore"), b"\x0e")
        self.assertEqual(commands.fixed_part(b"\x19\1\0\0\0more"), b"\x19\1\0\0\0")
        whole = b"\x1a\1\0\0\0"
        self.assertIs(commands.fixed_part(whole), whole)

    def test_recorded_commands_are_whole(self):
        for conversation in conversations().values():
            for packet in conversation.packets:
                if packet.leg == CLIENT and packet.sequence == 0 and packet.payload:
                    size = commands.FIXED.get(packet.payload[0], 1)
                    self.assertGreaterEqual(len(packet.payload), size)


class Fields(SynchronousTestCase):
    def test_an_execution_may_ask_for_a_cursor(self):
        for flags, opens in ((0, False), (1, True), (8, False), (9, True)):
            payload = b"\x17\1\0\0\0" + bytes((flags,)) + b"\1\0\0\0"
            self.assertIs(commands.opens_cursor(payload), opens)

    def test_the_number_of_a_statement(self):
        close = commands.encode_close(commands.NOBODYS, b"traceparent=x")
        self.assertEqual(close, b"\x19\xfe\xff\xff\xfftraceparent=x")
        self.assertEqual(commands.statement_number(close), commands.NOBODYS)

    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1), st.binary(max_size=20))
    def test_long_data(self, statement, parameter, data):
        message = LongData(statement, parameter, data)
        self.assertEqual(commands.decode_long_data(commands.encode_long_data(message)), message)

    def test_an_option(self):
        self.assertEqual(commands.decode_option(b"\x1b\1\0"), commands.MULTI_STATEMENTS_OFF)

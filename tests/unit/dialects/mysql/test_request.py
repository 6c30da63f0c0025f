"""Commands of a client that is logged in: what the database gets, and what is owed for them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql import replies
from acra_twisted.exchange import STATEMENT
from acra_twisted.session import IDLE
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.mysql import capabilities
from acra_twisted.wire.mysql.frames import PART_MAX, packets
from tests.support.mysqlrequests import Desk, about, query, said
from tests.support.mysqlvectors import CLIENT, SERVER, conversations

DENIED = Deny("AcraCensor blocked this query", reason="no")
LOCAL = capabilities.LOCAL_FILES
LOAD = query(b"LOAD DATA LOCAL INFILE 'x' INTO TABLE t")


def number(answer):
    """The number of an error."""
    assert answer[:1] == b"\xff"
    return int.from_bytes(answer[1:3], "little")


def refuses(text):
    """A verdict against one text alone."""
    return lambda work: DENIED if text in work.item.text else PASS


class Idle(SynchronousTestCase):
    def test_its_attributes_are_so_few_that_sessions_share_their_names(self):
        """Python 3.11 gives an object of thirty a dict of its own: a kilobyte for each session."""
        desk = Desk()
        desk.says(said(query(b"SELECT 1")))
        self.assertLess(len(getattr(desk.flow, "__dict__", ())), 30)


class Passing(SynchronousTestCase):
    def test_the_object_that_came_leaves(self):
        desk = Desk()
        data = said(query(b"SELECT 1"))
        self.assertIs(desk.says(data), data)
        self.assertEqual(desk.owed(), [replies.RESULT])
        self.assertEqual(desk.works, [])

    def test_each_command_that_is_allowed(self):
        for payload, code in (
            (b"\x02shop", replies.ONE),
            (query(b"SELECT 1"), replies.RESULT),
            (b"\x09", replies.TEXT),
            (b"\x0e", replies.ONE),
            (b"\x16SELECT ?", replies.PREPARE),
            (about(0x17, 7, b"\0\1\0\0\0"), replies.RESULT),
            (about(0x1A, 7), replies.ONE),
            (b"\x1b\0\0", replies.ONE),
            (about(0x1C, 7, b"\5\0\0\0"), replies.FETCH),
            (b"\x1f", replies.ONE),
            (about(0xFA, 7, b"\x80\0"), replies.RESULT),
        ):
            desk = Desk()
            desk.prepares(b"SELECT ?", 7, 1)
            self.assertEqual(desk.says(said(payload)), said(payload))
            self.assertEqual(desk.owed(), [code], payload)

    def test_commands_that_no_reply_answers(self):
        desk = Desk()
        desk.prepares(b"SELECT ?", 7, 1)
        both = said(about(0x18, 7, b"\0\0value"), about(0x19, 7))
        self.assertEqual(desk.says(both), both)
        self.assertEqual(desk.owed(), [])

    def test_what_a_server_ignores_behind_a_command_is_cut_off(self):
        desk = Desk()
        desk.prepares(b"SELECT ?", 7, 1)
        more = said(b"\x0emore", about(0x19, 7, b"more"), b"\x1fmore")
        self.assertEqual(desk.says(more), said(b"\x0e", about(0x19, 7), b"\x1f"))

    def test_quit_is_passed_on_and_nothing_behind_it(self):
        desk = Desk()
        out = desk.says(said(query(b"SELECT 1"), b"\1", query(b"SELECT 2")))
        self.assertEqual(out, said(query(b"SELECT 1"), b"\1"))
        self.assertTrue(desk.flow.terminated)
        self.assertEqual(desk.owed(), [replies.RESULT])

    def test_the_schema_of_a_use_where_nothing_is_tracked(self):
        for agreed, schema in ((0, b"shop"), (capabilities.SESSION_TRACK, None)):
            desk = Desk(capabilities=agreed)
            data = said(query(b"USE `shop`"))
            self.assertEqual(desk.says(data), data)
            self.assertEqual(desk.session.outstanding[0][3].schema, schema)

    def test_a_schema_goes_with_its_reply(self):
        desk = Desk()
        desk.says(said(b"\x02shop"))
        self.assertEqual(desk.session.outstanding[0][3].schema, b"shop")


class Refused(SynchronousTestCase):
    def test_commands_that_nobody_allows(self):
        """Replication, processes, shutdown; and what nobody knows.  The session goes on."""
        for code in (*range(0x05, 0x09), 0x0A, 0x12, 0x15, 0x1D, 0x1E, 0x20, 0x99, 0xFE):
            desk = Desk()
            self.assertEqual(desk.says(said(bytes((code,)) + bytes(9), b"\x0e")), said(b"\x0e"))
            answer, ping = desk.owed()
            self.assertEqual((number(answer), answer[3:9], ping), (1047, b"#08S01", replies.ONE))

    def test_an_empty_command(self):
        desk = Desk()
        self.assertEqual(desk.says(said(b"")), b"")
        self.assertEqual(number(desk.owed()[0]), 1047)

    def test_one_that_is_cut_short(self):
        for payload in (
            b"\x04",
            b"\x0c\1\0\0",
            b"\x17\1\0\0\0\0",
            b"\x1a\1",
            b"\x1b\0",
            b"\x1c\1\0\0\0",
            b"\xfa\1",
        ):
            desk = Desk()
            self.assertEqual(desk.says(said(payload)), b"")
            self.assertEqual(number(desk.owed()[0]), 1835)
        for payload in (b"\x18\1\0\0\0", b"\x19\1"):
            desk = Desk()
            self.assertEqual((desk.says(said(payload)), desk.owed()), (b"", []))

    def test_an_option_that_nobody_knows(self):
        desk = Desk()
        self.assertEqual(desk.says(said(b"\x1b\2\0")), b"")
        self.assertEqual(number(desk.owed()[0]), 1047)

    def test_texts_of_several_statements_where_nobody_may_have_them(self):
        """The option that switches them on is refused, the one that switches them off is not."""
        desk = Desk(may_have_several=False)
        on, off = (said(b"\x1b" + number) for number in (b"\0\0", b"\1\0"))
        self.assertEqual((desk.says(on), desk.says(off)), (b"", off))
        self.assertEqual(number(desk.owed()[0]), 1047)
        self.assertEqual(desk.owed()[1], replies.ONE)
        self.assertEqual(Desk().says(on + off), on + off)

    def test_malformed_attributes(self):
        desk = Desk(capabilities=capabilities.QUERY_ATTRIBUTES)
        self.assertEqual(desk.says(said(b"\x03\1\1\0\0SELECT 1")), b"")
        self.assertEqual(number(desk.owed()[0]), 1835)

    def test_a_number_out_of_order_ends_the_session_behind_what_is_owed(self):
        desk = Desk()
        out = desk.says(said(query(b"SELECT 1")) + packets(b"\x0e", 5) + said(b"\x0e"))
        self.assertEqual(out, said(query(b"SELECT 1")))
        first, answer = desk.owed()
        self.assertEqual((first, number(answer)), (replies.RESULT, 1156))
        self.assertTrue(desk.flow.terminated)

    def test_a_command_over_the_limit_is_not_waited_for(self):
        desk = Desk(message_limit=100)
        self.assertEqual(desk.says(b"\x65\0\0\0\x03"), b"")
        self.assertEqual(number(desk.owed()[0]), 1153)
        self.assertTrue(desk.flow.terminated)

    def test_more_statements_than_may_be_prepared(self):
        desk = Desk(max_prepared=1)
        desk.prepares(b"SELECT 1", 1, 0)
        self.assertEqual(desk.says(said(b"\x16SELECT 2", about(0x17, 0xFFFFFFFF, bytes(5)))), b"")
        self.assertEqual([number(answer) for answer in desk.owed()], [1461, 1243])


class Judged(SynchronousTestCase):
    def test_a_refusal_takes_its_place(self):
        desk = Desk(refuses(b"2"), (STATEMENT,))
        out = desk.says(said(query(b"SELECT 1"), query(b"SELECT 2"), b"\x0e", query(b"SELECT 3")))
        self.assertEqual(out, said(query(b"SELECT 1"), b"\x0e", query(b"SELECT 3")))
        owed = desk.owed()
        self.assertEqual([owed[0], *owed[2:]], [replies.RESULT, replies.ONE, replies.RESULT])
        self.assertEqual(owed[1][:9] + owed[1][9:], b"\xff\x25\x05#70100" + DENIED.text.encode())
        denied = desk.recorder.opened[1]
        self.assertEqual((denied.outcome, denied.status_code), ("denied", "1317"))

    def test_text_in_parts_is_judged_whole_and_numbered_behind_them(self):
        long = query(b"SELECT '" + b"x" * PART_MAX + b"'")
        desk = Desk(inspects=(STATEMENT,), message_limit=1 << 25)
        data = said(long, b"\x0e")
        self.assertEqual(desk.says_in_pieces(data, 5_000_000), data)
        self.assertEqual(desk.works[0].item.text, long[1:])
        self.assertEqual([entry[3].sequence for entry in desk.session.outstanding], [2, 1])
        desk = Desk(lambda work: DENIED, (STATEMENT,), message_limit=1 << 25)
        desk.says(data)
        self.assertEqual([entry[3].sequence for entry in desk.session.outstanding], [2, 1])

    def test_at_a_part_s_end_it_is_unfinished_and_has_begun(self):
        """So its time counts, from the first byte on."""
        data = said(query(b"x" * PART_MAX))
        end = PART_MAX + 4
        for more in (0, 2, 4):
            desk = Desk(message_limit=1 << 25)
            self.assertEqual(desk.says(data[:end]) + desk.says(data[end : end + more]), b"")
            self.assertEqual((desk.flow.unfinished, desk.flow.unread), (True, end + more))
            self.assertEqual(desk.says(data[end + more :]), data)
            self.assertEqual((desk.flow.unfinished, desk.flow.unread), (False, 0))
            self.assertIn("acra.time.client_read_ms", desk.recorder.opened[0].attributes)

    def test_while_a_stage_thinks_everything_waits(self):
        desk = Desk(inspects=(STATEMENT,))
        work = desk.flow.begin(said(query(b"SELECT 1"), b"\x0e"))
        desk.flow.feed(said(query(b"SELECT 2")))
        self.assertEqual((desk.flow.take_output(), desk.owed()), (b"", []))
        desk.flow.settle(work, PASS)
        self.assertEqual(desk.goes_on(), said(query(b"SELECT 1"), b"\x0e", query(b"SELECT 2")))
        work = desk.flow.begin(said(query(b"SELECT 1")))
        self.assertEqual(desk.flow.take_output(), b"")
        desk.flow.settle(work, PASS)
        self.assertEqual(desk.goes_on(), said(query(b"SELECT 1")))


class Read(SynchronousTestCase):
    """How a text is read may change with the one before it."""

    def in_flight(self, *texts, answered=False):
        desk = Desk(inspects=(STATEMENT,))
        seen = []
        desk.verdict = lambda work: seen.append(desk.session.in_flight) or PASS
        for text in texts:
            desk.says(said(query(text)))
            if answered:
                desk.replied()
        return seen

    def test_unknown_until_the_answer_is_there(self):
        odd = b"SELECT '\\'"
        self.assertEqual(self.in_flight(b"SET sql_mode = 'ANSI'", odd), [False, True])
        self.assertEqual(self.in_flight(b"SET NAMES gbk", b'SELECT "a"'), [False, True])
        self.assertEqual(self.in_flight(b"SET NAMES gbk", b"SELECT 1"), [False, False])
        self.assertEqual(self.in_flight(b"SELECT 1", odd), [False, False])
        self.assertEqual(self.in_flight(b"SET NAMES gbk", odd, answered=True), [False, False])


class Files(SynchronousTestCase):
    """A file that the database has asked for."""

    def setUp(self):
        self.desk = Desk(inspects=(STATEMENT,), capabilities=LOCAL)

    def test_nothing_passes_before_it_is_known_whether_one_is_asked_for(self):
        desk = self.desk
        self.assertEqual(desk.says(said(LOAD, b"\x0e")), said(LOAD))
        self.assertTrue(desk.flow.awaits_load)
        self.assertTrue(desk.session.outstanding[0][3].files)
        self.assertEqual(desk.replied(), said(b"\x0e"))
        self.assertFalse(desk.flow.awaits_load)

    def test_its_packets_pass_unread_with_the_numbers_of_the_database(self):
        desk = self.desk
        desk.says(said(LOAD))
        for shift in (0, 7):
            desk.state.upload = (2 + shift) & 0xFF
            file = packets(query(b"DROP TABLE t"), 2) + packets(b"more", 3) + packets(b"", 4)
            out = packets(query(b"DROP TABLE t"), 2 + shift) + packets(b"more", 3 + shift)
            self.assertEqual(desk.says(file), out + packets(b"", 4 + shift))
            self.assertEqual((desk.state.upload, len(desk.works)), (-1, 1))
        self.assertEqual(desk.session.outstanding[0][2].attributes["acra.mysql.infile_bytes"], 17)
        # The reply is still owed: a command waits for it.
        self.assertEqual(desk.says(said(b"\x0e")), b"")
        self.assertEqual(desk.replied(), said(b"\x0e"))

    @given(st.integers(1, 40), st.sampled_from((2, 254)))
    def test_however_it_is_cut(self, size, first):
        desk = Desk(capabilities=LOCAL)
        desk.says(said(LOAD))
        desk.state.upload = first
        file = packets(b"x" * 30, 2) + packets(b"y", 3) + packets(b"", 4)
        out = packets(b"x" * 30, first) + packets(b"y", first + 1)
        out += packets(b"", (first + 2) & 0xFF)
        self.assertEqual(desk.says_in_pieces(file, size), out)
        self.assertEqual(desk.replied(), b"")

    def test_a_part_of_full_size_does_not_end_it(self):
        desk = self.desk
        desk.says(said(LOAD))
        desk.state.upload = 2
        file = packets(b"x" * PART_MAX, 2) + packets(b"", 4)
        self.assertEqual(desk.says(file[:-4]), file[:-4])
        self.assertEqual(desk.state.upload, 4)
        self.assertEqual(desk.says(file[-4:]), file[-4:])
        self.assertEqual(desk.state.upload, -1)

    def test_who_may_not_send_files_waits_for_nothing(self):
        desk = Desk()
        self.assertEqual(desk.says(said(LOAD, b"\x0e")), said(LOAD, b"\x0e"))
        self.assertFalse(desk.session.outstanding[0][3].files)


class Cut(SynchronousTestCase):
    """However the bytes come, the same leaves and the same is owed."""

    def of(self, conversation):
        """Return a client's commands behind its login."""
        talk, begun = [], not conversation.has_login
        for packet in conversation.packets:
            if not begun:
                begun = packet.leg == SERVER and packet.payload[:1] == b"\0"
            elif packet.leg == CLIENT and packet.sequence == 0 and packet.payload[:1] != b"\x11":
                talk.append(packet.encoded)
        return b"".join(talk)

    def test_recorded_ones(self):
        commands = 0
        for conversation in conversations().values():
            data = self.of(conversation)
            made = []
            for size in (len(data) or 1, 1, 7):
                desk = Desk(
                    inspects=(STATEMENT,),
                    capabilities=conversation.capabilities & ~LOCAL,
                    extended=conversation.extended,
                )
                out, replied = desk.says_in_pieces(data, size), 0
                while desk.flow.awaits_load:
                    # Numbers of statements are known once they are prepared.
                    replied += 1
                    out += desk.replied(replied, 1)
                made.append((out, desk.owed(), [work.item.text for work in desk.works]))
                commands += replied
            self.assertEqual(made[0], made[1], conversation.name)
            self.assertEqual(made[0], made[2], conversation.name)
            commands += len(made[0][1])
        self.assertGreater(commands, 300)

    COMMANDS = st.sampled_from(
        (
            query(b"SELECT 1"),
            query(b"SELECT secret"),
            query(b"SET NAMES 'utf8mb4'"),
            b"\x0e",
            b"\x0emore",
            b"\x16SELECT ?",
            b"\x16SELECT secret",
            b"",
            b"\x12binlog",
            about(0x17, 0xFFFFFFFF, b"\0\1\0\0\0"),
            about(0x17, 1, b"\0\1\0\0"),
            about(0x18, 1, b"\0\0x"),
            about(0x19, 0xFFFFFFFF),
            about(0x1A, 0xFFFFFFFF),
            b"\x1f",
        )
    )

    @given(st.lists(COMMANDS, max_size=12), st.integers(1, 30))
    def test_any(self, given, size):
        data = said(*given)
        made = []
        for piece in (len(data) or 1, size):
            desk = Desk(refuses(b"secret"), (STATEMENT,))
            made.append((desk.says_in_pieces(data, piece), desk.owed()))
        self.assertEqual(*made)

    @given(st.binary(max_size=60), st.integers(1, 9))
    def test_anything_at_all(self, data, size):
        made = []
        for piece in (len(data) or 1, size):
            desk = Desk(inspects=(STATEMENT,), capabilities=capabilities.QUERY_ATTRIBUTES)
            made.append((desk.says_in_pieces(data, piece), desk.owed(), desk.flow.terminated))
        self.assertEqual(*made)
        self.assertEqual(desk.session.transaction, IDLE)

"""Both directions of a session together, along recorded conversations."""

from itertools import zip_longest

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.exchange import PARAMETERS, STATEMENT
from acra_twisted.sql.tags import CONTEXT_KEY
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from tests.support.mysqlrequests import Desk, query, said
from tests.support.mysqlvectors import CLIENT, SERVER, conversations

#: Commands that may reach a database.
ALLOWED = {1, 2, 3, 9, 0x0E, 0x11, *range(0x16, 0x1D), 0x1F, 0xFA}
#: The database's error about a statement that is not there.
UNKNOWN = b"\xff\xdb\x04"
#: Ended by the database in the middle of what would be refused here before.
LEFT_OUT = {"bad_sequence", "change_user_no_attributes", "empty_packet", "idle_timeout"}
#: It has packets of progress, which no session here agrees on.
LEFT_OUT |= {"maria_progress"}


class Session:
    """Both flows of one, and their verdicts: PASS but for texts that have ``refused`` in them."""

    def __init__(self, conversation, inspects=(STATEMENT, PARAMETERS), refused=b"\xff"):
        self.desk = desk = Desk(
            lambda work: Deny("no") if refused in getattr(work.item, "text", b"") else PASS,
            inspects,
            conversation.capabilities,
            conversation.extended,
            legs=LegsPolicy(),
        )
        in_force = InForce(conversation.capabilities, conversation.extended, True)
        self.replies = MysqlReplies(desk.session, desk.state, in_force)

    def client(self, data):
        """Return what the database gets, and the client."""
        out = self.desk.says(data)
        if self.desk.session.outstanding.is_due:
            self.replies.release_answers()
        return out, self.replies.take_output()

    def database(self, data):
        """Return what the client gets, and the database."""
        work = self.replies.begin(data)
        assert work is None
        if self.desk.session.outstanding.is_due:
            self.replies.release_answers()
        out = self.replies.take_output()
        return out, self.desk.goes_on() if self.desk.flow.awaits_load else b""


def turns(conversation, joins):
    """A conversation behind its login, without commands that are refused, or that are about no
    statement: each packet, or what one side says ``joins`` until the other one does."""
    begun, refused, found = not conversation.has_login, False, []
    alive: set[bytes] = set()
    for packet, following in zip_longest(conversation.packets, conversation.packets[1:]):
        if not begun:
            begun = packet.leg == SERVER and packet.sequence > 1 and packet.payload[:1] == b"\0"
            continue
        if packet.leg == CLIENT and packet.sequence == 0:
            refused = not packet.payload or packet.payload[0] not in ALLOWED
            refused = refused or (following is not None and following.payload[:3] == UNKNOWN)
            if packet.payload[:1] in (b"\x11", b"\x1f"):
                alive.clear()
            elif packet.payload[:1] in (b"\x18", b"\x19"):
                refused = packet.payload[1:5] not in alive | {b"\xff" * 4}
                if packet.payload[:1] == b"\x19":
                    alive.discard(packet.payload[1:5])
        elif packet.leg == SERVER and packet.payload[:1] == b"\0" and len(packet.payload) == 12:
            alive.add(packet.payload[1:5])
        if refused:
            continue
        if joins and found and found[-1][0] == packet.leg:
            found[-1][1].append(packet.encoded)
        else:
            found.append((packet.leg, [packet.encoded]))
    # An attribute by another name is nobody's here.
    return [(leg, b"".join(parts).replace(CONTEXT_KEY, b"application")) for leg, parts in found]


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


class Recorded(SynchronousTestCase):
    def passes(self, conversation, size, inspects):
        session = Session(conversation, inspects)
        said = {CLIENT: b"", SERVER: b""}
        passed = {CLIENT: b"", SERVER: b""}
        # An execution may wait for the reply before it.
        for leg, data in turns(conversation, PARAMETERS not in inspects):
            other = SERVER if leg == CLIENT else CLIENT
            side = session.client if leg == CLIENT else session.database
            said[leg] += data
            for piece in pieces(data, size or len(data)):
                there, back = side(piece)
                passed[leg] += there
                passed[other] += back
        self.assertEqual(passed, said, conversation.name)
        return len(session.desk.works)

    def chosen(self):
        return [one for name, one in conversations().items() if name not in LEFT_OUT]

    def test_each_passes_as_if_nobody_were_between(self):
        works = [
            self.passes(one, 0, (STATEMENT, PARAMETERS))
            for one in self.chosen()
            # Executions are malformed, or have a value of a type that MariaDB does not read.
            if one.name not in ("query_attributes_masked", "param_types")
        ]
        self.assertGreater(sum(works), 250)

    def test_nor_does_it_matter_how_it_is_cut(self):
        for one in self.chosen():
            self.passes(one, 3, (STATEMENT,))

    def test_nor_whether_anybody_judges(self):
        for one in self.chosen():
            self.assertEqual(self.passes(one, 0, ()), 0)


class Denied(SynchronousTestCase):
    """Refusals between commands that pass, however many are under way."""

    OK = b"\0\0\0\2\0\0\0"
    MOVES = st.lists(st.sampled_from(("passes", "refused", "unknown", "answered")), max_size=20)

    @given(MOVES)
    def test_each_answer_comes_in_its_place(self, moves):
        session = Session(conversations()["text_simple"], (STATEMENT,), b"secret")
        expected, got, owed = [], [], []
        for move in moves:
            if move == "answered":
                if not owed:
                    continue
                owed.pop(0)
                got.append(session.database(packets(self.OK, 1))[0])
                continue
            payload = {
                "passes": query(b"SELECT 1"),
                "refused": query(b"SELECT secret"),
                "unknown": b"\x99",
            }[move]
            out, answer = session.client(said(payload))
            got.append(answer)
            if move == "passes":
                owed.append(payload)
                self.assertEqual(out, said(payload))
            else:
                self.assertEqual(out, b"")
            expected.append({"passes": 0, "refused": 1317, "unknown": 1047}[move])
        while owed:
            owed.pop(0)
            got.append(session.database(packets(self.OK, 1))[0])
        data, found = b"".join(got), []
        while data:
            size = int.from_bytes(data[:3], "little")
            self.assertEqual(data[3], 1)
            found.append(int.from_bytes(data[5:7], "little") if data[4] == 0xFF else 0)
            data = data[4 + size :]
        self.assertEqual(found, expected)
        self.assertFalse(session.desk.session.outstanding)

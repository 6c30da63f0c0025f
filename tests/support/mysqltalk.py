"""Both directions of a session of MySQL together, along recorded conversations.

Questions about how texts are read, which no recorded server was asked, are answered here.
"""

from itertools import zip_longest

from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.modequestions import TEXT
from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.exchange import PARAMETERS, STATEMENT
from acra_twisted.results import Planner
from acra_twisted.sql.tags import CONTEXT_KEY
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.mysql.capabilities import InForce
from tests.support.mysqlrequests import Desk
from tests.support.mysqlvectors import CLIENT, SERVER

#: Commands that may reach a database.
ALLOWED = {1, 2, 3, 9, 0x0E, 0x11, *range(0x16, 0x1D), 0x1F, 0xFA}
#: The database's error about a statement that is not there.
UNKNOWN = b"\xff\xdb\x04"
#: Conversations that the database ends in the middle of what would be refused here before.
LEFT_OUT = {"bad_sequence", "change_user_no_attributes", "empty_packet", "idle_timeout"}
#: It has packets of progress, which no session here agrees on.
LEFT_OUT |= {"maria_progress"}


class Talk:
    """Both flows of a session, and their verdicts: PASS but for texts that have ``refused`` in
    them.  ``plan`` makes the plan of stages that look at rows."""

    def __init__(
        self, conversation, inspects=(STATEMENT, PARAMETERS), refused=b"\xff", plan=None, **settings
    ):
        self.desk = desk = Desk(
            lambda work: Deny("no") if refused in getattr(work.item, "text", b"") else PASS,
            inspects,
            conversation.capabilities,
            conversation.extended,
            legs=LegsPolicy(),
            **settings,
        )
        in_force = InForce(conversation.capabilities, conversation.extended, True)
        # Of a question: that of its packet, its code, and no attributes.
        self._head = bytes(4 + (3 if in_force.query_attributes else 1))
        planner = None if plan is None else Planner(plan)
        self.replies = MysqlReplies(desk.session, desk.state, in_force, planner, **settings)

    def client(self, data):
        """Return what the database gets, and the client."""
        out = self._answered(self.desk.says(data))
        if self.desk.session.outstanding.is_due:
            self.replies.release_answers()
        return out, self.replies.take_output()

    def database(self, data):
        """Return what the client gets, and the database."""
        replies, parts = self.replies, []
        work = replies.begin(data)
        while work is not None:
            parts.append(replies.take_output())
            replies.settle(work, PASS)
            work = replies.next_work()
        if self.desk.session.outstanding.is_due:
            replies.release_answers()
        parts.append(replies.take_output())
        return b"".join(parts), self._answered(self._gone_on())

    def _gone_on(self):
        return self.desk.goes_on() if self.desk.flow.awaits_load else b""

    def _answered(self, out):
        """Return what the database gets but for a question, which has its answer."""
        session = self.desk.session
        question = session.outstanding[0][3].question if session.outstanding else None
        if question is None:
            return out
        question.add((b"", b"utf8mb4", b"utf8mb4"), 1)
        question.is_over = True
        return out[: out.rindex(TEXT) - len(self._head)] + self.desk.replied()


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
    """Cut into pieces of so many bytes."""
    return [data[at : at + size] for at in range(0, len(data), size)]


def whole_packets(data):
    """Return the packets that are whole, number and payload, and the bytes that are left over."""
    found = []
    while len(data) >= 4:
        end = 4 + int.from_bytes(data[:3], "little")
        if end > len(data):
            break
        found.append((data[3], data[4:end]))
        data = data[end:]
    return found, data

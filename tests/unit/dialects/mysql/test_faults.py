"""Sessions of MySQL whose peers fail at any byte: cut off behind it, or saying another one."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.farewells import encode_farewell
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import STATEMENT
from tests.support.mysqlmachine import Machine
from tests.support.mysqlreplies import see_all
from tests.support.mysqltalk import LEFT_OUT, Talk, turns, whole_packets
from tests.support.mysqlvectors import CLIENT, SERVER, conversations

#: Nobody looks at anything; somebody looks at texts and rows.
JUDGES = ({"inspects": ()}, {"inspects": (STATEMENT,), "plan": see_all})
#: What a byte becomes, in turn: smaller and greater lengths, marks, other numbers and flags.
WRONG = (
    lambda old: 0,
    lambda old: old ^ 1,
    lambda old: 0xFF,
    lambda old: 0xFE,
    lambda old: old ^ 8,
)
#: Some of its executions are malformed.
ODD = LEFT_OUT | {"query_attributes_masked"}


def chosen():
    return [one for name, one in conversations().items() if name not in ODD]


class Client:
    """A client that takes what it gets at its word."""

    def __init__(self, conversation):
        self.machine = Machine(conversation.capabilities, conversation.extended)
        self.got = self.said = b""

    def says(self, data):
        self.said = self._took(CLIENT, self.said + data)

    def gets(self, data):
        self.got = self._took(SERVER, self.got + data)

    def _took(self, leg, data):
        packets, rest = whole_packets(data)
        for number, payload in packets:
            self.machine.feed(leg, number, payload)
        return rest

    @property
    def due(self):
        """The number that the next packet must have that it gets; -1 if its own one is due."""
        replies = self.machine.replies
        if not replies:
            return 0
        return replies[0].sequence if replies[0].due == SERVER else -1


class CutOff(SynchronousTestCase):
    """Behind any byte the client has whole packets and can be told of the end, or it has a part of
    one and is told nothing."""

    def walk(self, conversation, judge):
        talk, client = Talk(conversation, **judge), Client(conversation)
        replies, told, parts = talk.replies, 0, 0
        for leg, data in turns(conversation, False):
            for at in range(len(data)):
                piece = data[at : at + 1]
                if leg == CLIENT:
                    client.says(piece)
                _, got = talk.client(piece) if leg == CLIENT else talk.database(piece)[::-1]
                client.gets(got)
                where = (conversation.name, leg, data[: at + 1].hex())
                if client.got:
                    self.assertFalse(replies.may_interject, where)
                    parts += 1
                elif replies.may_interject and client.due >= 0:
                    self.assertEqual(replies.due, client.due, where)
                    end = encode_farewell(EndReason.DATABASE, "gone", "", replies.due)
                    self.assertEqual(len(whole_packets(end)[0]), 1)
                    told += 1
        return told, parts

    def test_fr13_the_client_is_told_or_sees_that_a_packet_is_cut_off(self):
        told = parts = 0
        for judge in JUDGES:
            for one in chosen():
                found = self.walk(one, judge)
                told, parts = told + found[0], parts + found[1]
        self.assertGreater(told, 20_000)
        self.assertGreater(parts, 1000)


class Replaced(SynchronousTestCase):
    """A byte is another one: the session goes on or ends by an error with a type, and each side
    gets whole packets or one that is visibly cut off."""

    def try_all(self, conversation, seen):
        """Replace each byte of what has not been seen elsewhere; return how many, and how many
        sessions ended."""
        said, count, ended = turns(conversation, True), 0, 0
        for number, (leg, data) in enumerate(said):
            key = tuple(said[max(0, number - 1) : number + 1])
            if key in seen:
                continue
            seen.add(key)
            for at, old in enumerate(data):
                new = WRONG[(number + at) % len(WRONG)](old)
                if new == old:
                    continue
                changed = data[:at] + bytes((new,)) + data[at + 1 :]
                count += 1
                replaced = [*said[:number], (leg, changed), *said[number + 1 :]]
                ended += self.ends(replaced, conversation, JUDGES[at % len(JUDGES)])
        return count, ended

    def ends(self, said, conversation, judge):
        """Play a session; return True if it ends before all is said."""
        talk, got = Talk(conversation, **judge, message_limit=1 << 16), {CLIENT: b"", SERVER: b""}
        over = False
        try:
            for leg, data in said:
                there, back = (talk.client if leg == CLIENT else talk.database)(data)
                got[SERVER if leg == CLIENT else CLIENT] += there
                got[leg] += back
        except WireError:
            over = True
            # As `Relay` does when it ends a session.
            got[SERVER] += talk.desk.flow.take_output()
            got[CLIENT] += talk.replies.take_output()
        where = (conversation.name, [(leg, data.hex()) for leg, data in said])
        if whole_packets(got[CLIENT])[1]:
            self.assertFalse(talk.replies.may_interject, where)
        if whole_packets(got[SERVER])[1]:
            self.assertTrue(talk.desk.flow.unfinished, where)
        return over or talk.desk.flow.terminated

    def test_fr13_it_goes_on_or_ends_by_an_error_with_a_type(self):
        seen, count, ended = set(), 0, 0
        for one in chosen():
            found = self.try_all(one, seen)
            count, ended = count + found[0], ended + found[1]
        self.assertGreater(count, 15_000)
        self.assertGreater(ended, 3_000)
        self.assertGreater(count - ended, 3_000)

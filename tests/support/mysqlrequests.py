"""The client's direction of a session of MySQL alone: what it lets pass, asks and answers."""

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.prepared import PreparedStatements
from acra_twisted.dialects.mysql.request import MysqlRequests
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.exchange import take_reply
from acra_twisted.outstanding import is_answer
from acra_twisted.verdicts import PASS
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from tests.support.sessions import Recorder, make_session


def said(*payloads):
    """Commands, each in packets of its own."""
    return b"".join(packets(payload, 0) for payload in payloads)


def query(text):
    """A query where attributes are not in force."""
    return b"\x03" + text


def about(code, number, rest=b""):
    """A command about a prepared statement."""
    return bytes((code,)) + number.to_bytes(4, "little") + rest


class Desk:
    """``verdict`` is asked about each work; those asked are in ``works``."""

    def __init__(
        self,
        verdict=lambda work: PASS,
        inspects=(),
        capabilities=0,
        extended=0,
        mariadb=True,
        may_have_several=True,
        **given,
    ):
        self.recorder = Recorder()
        self.session = session = make_session(observer=self.recorder)
        limit = given.get("message_limit", 1 << 20)
        session.prepared = PreparedStatements(given.pop("max_prepared", 10), limit, mariadb)
        self.state = MysqlState(session, mariadb=mariadb, status=2, collation=45)
        self.flow = MysqlRequests(
            session,
            self.state,
            InForce(capabilities, extended, mariadb, may_have_several=may_have_several),
            frozenset(inspects),
            **given,
        )
        self.verdict = verdict
        self.works = []

    def says(self, data):
        """Return what the database gets of what the client says."""
        return self._settled(self.flow.begin(data)) if data else b""

    def says_in_pieces(self, data, size):
        """Return the same where it comes in pieces."""
        return b"".join(self.says(data[at : at + size]) for at in range(0, len(data), size))

    def says_meanwhile(self, data, size):
        """Return the same where it comes in pieces, one before each verdict is there."""
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        out = b""
        while pieces:
            work = self.flow.begin(pieces.pop(0))
            while work is not None:
                self.works.append(work)
                verdict = self.verdict(work)
                if pieces:
                    self.flow.feed(pieces.pop(0))
                self.flow.settle(work, verdict)
                out += self.flow.take_output()
                work = self.flow.next_work()
            out += self.flow.take_output()
        return out

    def goes_on(self):
        """Return what the database gets once something else has changed."""
        return self._settled(self.flow.next_work())

    def _settled(self, work):
        while work is not None:
            self.works.append(work)
            self.flow.settle(work, self.verdict(work))
            work = self.flow.next_work()
        return self.flow.take_output()

    def owed(self):
        """Return what is owed: codes of the database's replies, and answers of ours."""
        return [
            entry[3].answer if is_answer(entry[0]) else entry[1]
            for entry in self.session.outstanding
        ]

    def replied(self, number=-1, parameters=0):
        """The reply at the head has come; to a preparation with a number, or without as an error.
        Return what the database gets then."""
        _, code, _, reply = self.session.outstanding[0]
        if code == replies.PREPARE:
            if number < 0:
                self.session.prepared.failed(reply.prepared)
            else:
                self.session.prepared.confirm(reply.prepared, number, parameters)
        if reply.changes:
            self.state.changing -= 1
        if reply.changes & replies.RESETS:
            self.session.prepared.clear()
        take_reply(self.session)
        return self.goes_on()

    def prepares(self, text, number, parameters):
        """A statement is prepared."""
        self.says(said(b"\x16" + text))
        self.replied(number, parameters)

"""The reply flow of MySQL for tests: requests as entries of the queue, and its database's bytes."""

from __future__ import annotations

from types import SimpleNamespace

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import ANSWER, FORWARD
from acra_twisted.results import Plan, Planner
from acra_twisted.session import Identity, Session
from acra_twisted.verdicts import PASS
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.commands import opens_cursor
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.resultrows import encode_text
from tests.support.sessions import Recorder

LAST = 0xFFFFFFFF


class Statements:
    """Prepared statements by their number, as the flows of a session share them."""

    def __init__(self):
        self.known = {}
        self.failures = []

    def confirm(self, prepared, number, parameters, taken=-1):
        prepared.parameters = parameters
        self.known[number] = prepared

    def failed(self, prepared):
        self.failures.append(prepared)

    def clear(self):
        self.known.clear()


def statement():
    """A statement that is being prepared."""
    return SimpleNamespace(columns=None, parameters=-1, shown=None, statement=None)


def see_all(columns):
    """Plan for every row to be judged."""
    return Plan(columns, ("hook",), None)


class Followed:
    """A session that is logged in.  ``plan`` makes the stages' plan, if any look at rows."""

    def __init__(
        self, capabilities=0, extended=0, plan=None, *, tracked_for_us=False, status=2, **settings
    ):
        self.observer = Recorder()
        self.ticks = 0
        self.session = Session(1, Identity("client", "127.0.0.1", False), self.observer, self.tick)
        self.session.prepared = self.statements = Statements()
        self.state = MysqlState(self.session, mariadb=True, status=status, collation=45)
        self.flow = MysqlReplies(
            self.session,
            self.state,
            InForce(capabilities, extended, True, tracked_for_us),
            None if plan is None else Planner(plan),
            **settings,
        )
        self.last = None
        self.works = 0

    def tick(self):
        self.ticks += 1
        return self.ticks

    def ask(self, code=replies.RESULT, reply=replies.PLAIN, *, action=FORWARD, statement=None):
        """A request has left that draws a reply of this form; return its exchange."""
        exchange = Exchange(self.session, "query", statement, self.tick())
        if action == FORWARD:
            self.state.sent(reply)
        self.session.outstanding.append((action, code, exchange, reply))
        return exchange

    def deny(self, answer, sequence=1):
        """A request was refused."""
        return self.ask(reply=Reply(sequence, answer=answer), action=ANSWER)

    def command(self, payload, sequence=0, **more):
        """A client's command has left: its entry by its first byte."""
        code, first = replies.ONE, payload[:1]
        prepared = None
        if first in (b"\x17", b"\xfa", b"\x1c"):
            number = int.from_bytes(payload[1:5], "little")
            prepared = self.last if number == LAST else self.statements.known.get(number)
            code = replies.FETCH if first == b"\x1c" else replies.RESULT
        elif first == b"\x16":
            code, prepared = replies.PREPARE, statement()
            self.last = prepared
        elif first in (b"\x03", b"\x0a"):
            code = replies.RESULT
        elif first in (b"\x01", b"\x18", b"\x19"):
            return None
        else:
            code = {b"\x09": replies.TEXT, b"\x11": replies.AUTH}.get(first, replies.ONE)
            if first in (b"\x11", b"\x1f"):
                more["changes"] = replies.RESETS
        more["opens"] = first == b"\x17" and opens_cursor(payload)
        reply = Reply((sequence + 1) % 256, prepared=prepared, files=1, **more)
        return self.ask(code, reply)

    def feed(self, data, judge=lambda work: PASS):
        """Bytes of the database; return those for the client."""
        out = []
        work = self.flow.begin(data)
        while work is not None:
            out.append(self.flow.take_output())
            self.works += 1
            self.flow.settle(work, judge(work))
            work = self.flow.next_work()
        out.append(self.flow.take_output())
        return b"".join(out)


_DEFINITION = b"\x03def\0\x01t\x01t\x01c\x01c\x0c\x2d\0\x50\0\0\0\xfd\0\0\0\0\0"


def text_head(first=1, status=2, deprecate=False):
    """The beginning of a result with a column of text."""
    said = [b"\x01", _DEFINITION]
    return numbered(said if deprecate else [*said, _end(status, False)], first)


def text_tail(number, status=2, deprecate=False):
    """The end of its rows."""
    return packets(_end(status, deprecate), number)


def text_result(*rows, first=1, status=2, deprecate=False, follow=None):
    """A result with a column of text, each row a value: packets with their numbers.  ``follow``: it
    tells that the definition follows, or does not."""
    said = [b"\x01" if follow is None else bytes((1, follow))]
    if follow != 0:
        said.append(_DEFINITION)
    if not deprecate:
        said.append(_end(status, False))
    return numbered([*said, *map(cells, rows), _end(status, deprecate)], first)


def _end(status, deprecate):
    flags = status.to_bytes(2, "little")
    return b"\xfe\0\0" + (flags + b"\0\0" if deprecate else flags)


def cells(*values):
    """The payload of a row in text form."""
    return encode_text(values)


def numbered(payloads, first=1):
    """Payloads as packets, numbered on."""
    out = []
    for payload in payloads:
        out.append(packets(payload, first % 256))
        first += len(payload) // 0xFFFFFF + 1
    return b"".join(out)

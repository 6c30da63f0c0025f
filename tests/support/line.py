"""A client, a connector, a server and a database in one process, and the bytes between them.

Who takes the next step, and how many bytes at a time, is drawn by whoever runs it; everyone stops
where the daemons would: at a peer that is not read, at a buffer that is full.
"""

from __future__ import annotations

from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer

from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import QuestionError
from acra_twisted.interfaces import IStatementStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import message
from tests.support.reference_server import ReferenceServer
from tests.support.sessions import (
    FLUSH,
    SYNC,
    FakeChannel,
    bind,
    execute,
    make_session,
    parse,
    query,
)

_CONTEXT = TraceContext("ab" * 16, "cd" * 8, True)
_CARRYING = Propagation(lambda exchange: _CONTEXT, lambda exchange: _CONTEXT, to_acra=True)


KINDS = [
    *("ok", "ok wait", "ok fired", "error", "error wait", "deny", "deny wait", "deny fired"),
    *("begin", "begin wait", "commit"),
    *("ok ask", "error ask", "deny ask", "begin ask", "commit ask"),
]
#: Asked by a stage; the database takes it for a statement like any other.
QUESTION = b"ok question"
statements = st.sampled_from(KINDS)
programs = st.lists(
    st.one_of(
        st.tuples(st.just("query"), statements),
        st.tuples(st.sampled_from(("extended", "extended")), statements),
        st.tuples(st.sampled_from(("again", "flush", "sync", "data")), st.just("")),
    ),
    max_size=12,
)


def said(kind, text):
    """The messages of one step of a program."""
    return {
        "query": query(text),
        "extended": parse(b"", text) + bind(b"", b"") + execute(),
        "again": bind(b"", b"") + execute(),
        "flush": FLUSH,
        "sync": SYNC,
        # Nobody copies: it draws nothing.
        "data": message(b"d", b"x" * 30),
    }[kind]


def texts(program):
    """Each step with a text of its own."""
    return [(kind, f"{words} {at}".encode()) for at, (kind, words) in enumerate(program)]


@implementer(IStatementStage)
class Judge:
    """Denies what says so; waits where it says so, until told to go on, and asks where it says so,
    before it goes on.  ``answers`` are those that came."""

    name = "judge"

    def __init__(self):
        self.waiting = []
        self.answers = []

    def on_statement(self, statement, exchange):
        verdict = Deny() if b"deny" in statement.text else PASS
        if b"wait" in statement.text:
            waiting = Deferred()
            self.waiting.append((waiting, verdict))
            return waiting
        if b"ask" in statement.text:
            asked = exchange.session.ask(QUESTION)
            asked.addCallbacks(self.answers.append, lambda failure: failure.trap(QuestionError))
            return asked.addCallback(lambda _: verdict)
        return succeed(verdict) if b"fired" in statement.text else verdict

    def stop(self):
        pass


class Timer:
    def __init__(self, timers, function):
        self.timers, self.function = timers, function
        timers.append(self)

    def fire(self):
        self.timers.remove(self)
        self.function()

    def cancel(self):
        self.timers.remove(self)


class Pipe(FakeChannel):
    """The bytes that one end has written and the other has not taken; its producer pauses above
    ``room``."""

    def __init__(self, room=1 << 30):
        super().__init__()
        self.room = room
        self.waiting = b""
        self.full = False

    def write(self, data):
        super().write(data)
        self.waiting += data
        if len(self.waiting) > self.room and not self.full and self.transport.producer:
            self.full = True
            self.transport.producer.pauseProducing()

    def take(self, size):
        taken, self.waiting = self.waiting[:size], self.waiting[size:]
        if self.full and not self.waiting:
            self.full = False
            self.transport.producer.resumeProducing()
        return taken


class Line:
    """``pending`` are both daemons' limits, the connector's first; ``hold`` is the server's."""

    def __init__(self, sent, *, pending, hold_limit, room, carries=False, hold_time=0.0):
        self.sent = sent
        self.pending = pending
        self.judge = Judge()
        self.timers = []
        self.server = ReferenceServer(buffers=True)
        self.client, self.link = FakeChannel(), Pipe(room)
        self.back, self.database = Pipe(room), Pipe(room)
        self.answers = b""
        self.room = room
        self.recorders = []
        pipeline = Pipeline([self.judge])
        self.connector = self._relay(
            (self.client, self.link),
            Pipeline(),
            Limits(pending[0]),
            hold_limit=0,
            function_call=True,
            propagation=_CARRYING if carries else NOTHING,
        )
        self.proxy = self._relay(
            (self.back, self.database),
            pipeline,
            Limits(pending[1], hold=hold_time),
            hold_limit=hold_limit,
        )

    def _relay(self, channels, pipeline, limits, *, propagation=NOTHING, **options):
        session = make_session()
        self.recorders.append(session.observer)
        return Relay(
            session,
            *channels,
            (
                RequestFlow(session, pipeline.inspects, propagation=propagation, **options),
                ResponseFlow(session, propagation=propagation),
            ),
            pipeline,
            limits,
            fatal=lambda reason, text, number: b"",
            seconds=lambda: 0.0,
            later=lambda seconds, function: Timer(self.timers, function),
            ended=lambda reason: None,
            valves=between(*channels, lambda: 0.0),
        )

    def steps(self):
        """Return the parts that can do something."""
        possible = {
            "client": self.sent and not self.client.transport.paused,
            "server": self.link.waiting and not self.back.transport.paused,
            # PostgreSQL reads nothing while what it says is not read.
            "database": self.database.waiting and len(self.answers) <= self.room,
            "reply": self.answers and not self.database.transport.paused,
            "delivery": self.back.waiting and not self.link.transport.paused,
            "verdict": self.judge.waiting,
            "silence": self.timers,
        }
        return [name for name, can in possible.items() if can]

    def step(self, who, size):
        """Have one of them do it, with so many bytes at most."""
        if who == "client":
            chunk, self.sent = self.sent[:size], self.sent[size:]
            self.connector.from_client(chunk)
        elif who == "server":
            self.proxy.from_client(self.link.take(size))
        elif who == "database":
            self.answers += self.server.feed(self.database.take(size))
        elif who == "reply":
            chunk, self.answers = self.answers[:size], self.answers[size:]
            self.proxy.from_database(chunk)
        elif who == "delivery":
            self.connector.from_database(self.back.take(size))
        elif who == "verdict":
            waiting, verdict = self.judge.waiting.pop(0)
            waiting.callback(verdict)
        else:
            self.timers[0].fire()

    def run(self, data, sizes):
        """Until nobody can do anything; ``data`` draws."""
        while True:
            steps = self.steps()
            if not steps:
                return
            who = data.draw(st.sampled_from(steps))
            self.step(who, data.draw(sizes))

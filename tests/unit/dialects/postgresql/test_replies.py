"""Random pipelines through the whole relay against a model: every reply in its place."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.wholereplies import WholeReplies
from acra_twisted.dialects.postgresql.wholerequests import WholeRequests
from acra_twisted.interfaces import IStatementStage
from acra_twisted.model import Exchange
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.transport.relay import Limits, Relay
from acra_twisted.verdicts import PASS, Deny
from tests.support.reference_server import ReferenceServer
from tests.support.sessions import (
    FLUSH,
    SYNC,
    FakeChannel,
    bind,
    execute,
    make_session,
    messages,
    parse,
    query,
)


@implementer(IStatementStage)
class Judge:
    """Denies what says so; waits where it says so, until told to go on."""

    name = "judge"

    def __init__(self):
        self.waiting = []

    def on_statement(self, statement, exchange):
        verdict = Deny() if b"deny" in statement.text else PASS
        if b"wait" in statement.text:
            waiting = Deferred()
            self.waiting.append((waiting, verdict))
            return waiting
        return succeed(verdict) if b"fired" in statement.text else verdict

    def stop(self):
        pass


KINDS = ["ok", "ok wait", "ok fired", "error", "error wait", "deny", "deny wait", "deny fired"]
statements = st.sampled_from(KINDS)
batches = st.lists(st.lists(statements, max_size=3), min_size=1, max_size=3)
programs = st.lists(st.one_of(statements, batches), max_size=8)


def outline(program):
    """Bytes that the client sends, and what it must get: a list of (type, text) pairs."""
    sent, expected, number = [], [], 0
    for step in program:
        if isinstance(step, str):
            text = f"{step} {number}".encode()
            number += 1
            sent.append(query(text))
            if step.startswith("ok"):
                expected += [("T", None), ("D", text), ("C", None)]
            else:
                expected.append(("E", b"42000" if "deny" in step else text))
            expected.append(("Z", None))
            continue
        failed = False
        for part in step:
            texts = []
            for kind in part:
                texts.append(f"{kind} {number}".encode())
                number += 1
            denied = any(b"deny" in text for text in texts)
            for text in texts:
                sent.append(parse(b"", text) + bind(b"", b"") + execute())
                if failed or denied:
                    continue
                expected += [("1", None), ("2", None)]
                if text.startswith(b"error"):
                    failed = True
                    expected.append(("E", text))
                else:
                    expected += [("D", text), ("C", None)]
            if denied and not failed:
                failed = True
                expected.append(("E", b"42000"))
            if part is not step[-1]:
                sent.append(FLUSH)
        sent.append(SYNC)
        expected.append(("Z", None))
    return b"".join(sent), expected


def reading(kind, body):
    """What tells a reply from its like: the row's text, the error's code or text."""
    if kind == "D":
        return kind, body[6:]
    if kind == "E":
        fields = {part[:1]: part[1:] for part in body.split(b"\0") if part}
        return kind, b"42000" if fields[b"C"] == b"42000" else fields[b"M"]
    return kind, None


class Order(SynchronousTestCase):
    @given(programs, st.data())
    def test_every_reply_is_in_its_place(self, program, data):
        sent, expected = outline(program)
        session = make_session()
        judge = Judge()
        client, database = FakeChannel(), FakeChannel()
        pipeline = Pipeline([judge])
        relay = Relay(
            session,
            client,
            database,
            (WholeRequests(session, pipeline.inspects), WholeReplies(session)),
            pipeline,
            Limits(10_000, 0, 0, 0),
            fatal=lambda sqlstate, text: b"",
            seconds=lambda: 0.0,
            ended=lambda reason: None,
        )
        server = ReferenceServer()
        to_server = to_proxy = b""
        while True:
            to_server += database.data
            database.writes.clear()
            choices = []
            if sent and not client.transport.paused:
                choices.append("client")
            if to_server:
                choices.append("server")
            if to_proxy:
                choices.append("proxy")
            if judge.waiting:
                choices.append("verdict")
            if not choices:
                break
            choice = data.draw(st.sampled_from(choices))
            size = data.draw(st.integers(1, 80) | st.just(10_000))
            if choice == "client":
                chunk, sent = sent[:size], sent[size:]
                relay.from_client(chunk)
            elif choice == "server":
                chunk, to_server = to_server[:size], to_server[size:]
                to_proxy += server.feed(chunk)
            elif choice == "proxy":
                chunk, to_proxy = to_proxy[:size], to_proxy[size:]
                relay.from_database(chunk)
            else:
                waiting, verdict = judge.waiting.pop(0)
                waiting.callback(verdict)
        self.assertEqual(session.observer.events, [])
        got = [reading(*item) for item in messages(client.data)]
        self.assertEqual(got, expected)
        self.assertFalse(session.outstanding)
        self.assertFalse([text for text in server.executed if b"deny" in text])
        opened, closed = session.observer.opened, session.observer.closed
        self.assertEqual(sorted(map(id, opened)), sorted(map(id, closed)))


class Queue(SynchronousTestCase):
    def test_what_is_outstanding_when_the_connection_ends_is_lost(self):
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        session.outstanding.extend([(replies.QUERY, exchange, None), (replies.SYNC, None, None)])
        replies.lose(session)
        self.assertFalse(session.outstanding)
        self.assertEqual(session.observer.outcomes, [("query", "lost")])

    def test_an_exchange_closes_once(self):
        session = make_session()
        exchange = Exchange(session, "query", None, 1)
        replies.close(exchange, "ok")
        replies.close(exchange, "error")
        self.assertEqual(session.observer.outcomes, [("query", "ok")])

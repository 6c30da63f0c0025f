"""Random pipelines through the whole relay against a model: every reply in its place."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.replies import denial
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres.backend import decode_error
from tests.support.line import QUESTION, Judge, programs, said, texts
from tests.support.reference_server import ReferenceServer
from tests.support.sessions import (
    FakeChannel,
    make_session,
    messages,
)


def outline(program):
    """The client's bytes, and those for a database that refuses statements by itself.

    Where one is refused, nothing of what came before it, and was held with it, is ever run, unless
    that begins or ends a transaction: the client takes itself to be in it, or not.
    """
    sent, alone, held = b"", b"", []
    if any(step[0] == "extended" and step[1][:5] in ("begin", "commi") for step in program):
        # What is executed again may be that.
        program = [step for step in program if step[0] != "again"]
    for kind, text in texts([*program, ("sync", "")]):
        message = said(kind, text)
        sent += message
        if kind in ("extended", "again"):
            if text.startswith(b"deny") and not any(
                b"begin" in one or b"commit" in one for one in held
            ):
                held = []
            held.append(message)
        else:
            alone += b"".join(held) + message
            held = []
    return sent, alone


def reading(kind, body):
    """Return the part that tells replies apart: of our errors, whose text differs, the SQLSTATE."""
    if kind == "E" and b"\0C42000\0" in body:
        return kind, b"42000"
    return kind, body


class Denials(SynchronousTestCase):
    def test_a_hint_has_its_own_place(self):
        deny = Deny("it is refused", sqlstate=b"0A000", hint="Write another.", routine="here")
        for traced, hint in (("", "Write another."), ("trace_id 1", "Write another; trace_id 1")):
            ((kind, body),) = messages(denial(deny, traced))
            fields = decode_error(body)
            self.assertEqual(kind, "E")
            self.assertEqual((fields["M"], fields["R"]), (b"it is refused", b"here"))
            self.assertEqual(fields["H"], hint.encode())
        for traced, hint in (("", None), ("trace_id 1", b"trace_id 1")):
            ((_, body),) = messages(denial(Deny("it is refused"), traced))
            self.assertEqual(decode_error(body).get("H"), hint)


class Order(SynchronousTestCase):
    @given(programs, st.data())
    def test_every_reply_is_in_its_place(self, program, data):
        sent, alone = outline(program)
        unproxied = ReferenceServer()
        expected = [reading(*item) for item in messages(unproxied.feed(alone))]
        session = make_session()
        judge = Judge()
        client, database = FakeChannel(), FakeChannel()
        pipeline = Pipeline([judge])
        relay = Relay(
            session,
            client,
            database,
            (RequestFlow(session, pipeline.inspects), ResponseFlow(session)),
            pipeline,
            Limits(10_000),
            fatal=lambda reason, text, number: b"",
            seconds=lambda: 0.0,
            later=lambda seconds, function: None,
            ended=lambda reason: None,
            valves=between(client, database, lambda: 0.0),
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
        self.assertEqual(server.refused, [])
        kept = [text for text in server.kept if text != QUESTION]
        self.assertEqual(kept, unproxied.kept)
        # What a stage has asked, it was told.
        self.assertEqual(judge.answers, [[[QUESTION]]] * server.executed.count(QUESTION))
        opened, closed = session.observer.opened, session.observer.closed
        self.assertEqual(sorted(map(id, opened)), sorted(map(id, closed)))

"""Cursors and statements that SQL gives names to, and the contexts that they came with."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.namedcontexts import NamedContexts
from acra_twisted.exchange import Exchange
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.playbook import Playbook
from tests.support.sessions import SYNC, bind, execute, make_session, parse, query

CONTEXT = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", True)
COMMENT = b" /*traceparent='" + CONTEXT.traceparent().encode() + b"'*/"
FIRST, LATER, NOTHING = (CONTEXT, None), (None, CONTEXT), (None, None)


class Names(SynchronousTestCase):
    def contexts(self, made, *texts):
        play = Playbook()
        play.client(query(made + COMMENT))
        for text in texts:
            play.client(query(text))
        return [(e.remote, e.linked) for e in play.recorder.opened[1:]]

    def test_cursors(self):
        for made, fetched in (
            (b"DECLARE c CURSOR FOR SELECT 1", b"FETCH c"),
            (b"declare C NO SCROLL CURSOR WITH HOLD FOR SELECT 1", b"fetch all from c;"),
            (b'DECLARE "C d" CURSOR FOR SELECT 1', b'FETCH FORWARD 100 FROM "C d"'),
            (b"\n DECLARE c BINARY CURSOR FOR SELECT 1", b" MOVE BACKWARD ALL IN c ; "),
        ):
            found = self.contexts(made, fetched, fetched, b"CLOSE c", fetched)
            self.assertEqual(found, [FIRST, LATER, NOTHING, LATER])

    def test_prepared_statements(self):
        for made, executed in (
            (b"PREPARE p AS SELECT 1", b"EXECUTE p"),
            (b"prepare P (int) AS SELECT $1", b"execute p(1);"),
            (b'PREPARE "p"(int) AS SELECT $1', b'EXECUTE "p" (1)'),
        ):
            self.assertEqual(self.contexts(made, executed, executed), [FIRST, LATER])

    def test_others(self):
        found = self.contexts(
            b"DECLARE c CURSOR FOR SELECT 1",
            b"FETCH d",
            b"EXECUTE c",
            b"SELECT 'FETCH c'",
            b'FETCH "C"',
            b"FETCH " + b" " * 300 + b"c",
        )
        self.assertEqual(found, [NOTHING] * 5)
        self.assertEqual(self.contexts(b"SELECT 1", b"FETCH c"), [NOTHING])

    def test_a_context_of_its_own_wins_and_leaves_the_first_execution_to_others(self):
        play = Playbook()
        play.client(query(b"DECLARE c CURSOR FOR SELECT 1" + COMMENT))
        other = COMMENT.replace(b"0af7", b"1af7")
        play.client(query(b"FETCH c" + other) + query(b"FETCH c"))
        self.assertEqual(play.recorder.opened[1].remote.trace_id[:4], "1af7")
        self.assertEqual(play.recorder.opened[2].remote, CONTEXT)

    def test_in_the_extended_protocol(self):
        play = Playbook()
        rest = bind(b"", b"") + execute() + SYNC
        declared = b"DECLARE c CURSOR FOR SELECT $1" + COMMENT
        play.client(parse(b"", declared) + rest)
        for _ in range(2):
            play.client(parse(b"", b"FETCH 10 FROM c") + rest)
        found = [(e.remote, e.linked) for e in play.recorder.opened]
        self.assertEqual(found, [FIRST, FIRST, LATER])

    def test_names_are_bounded(self):
        named = NamedContexts()
        for number in range(1000):
            named.note(b"DECLARE c%d CURSOR FOR SELECT 1" % number, CONTEXT)
        kept = 0
        for number in range(1000):
            exchange = Exchange(make_session(), "query", None, 0)
            named.follow(exchange, b"FETCH c%d" % number)
            kept += exchange.remote is not None
        self.assertEqual(kept, 100)

    @given(st.lists(st.sampled_from((b"FETCH", b"EXECUTE", b" ", b'"', b"c", b";", b"(", b"\n"))))
    def test_any_text(self, pieces):
        named = NamedContexts()
        named.note(b"".join(pieces), CONTEXT)
        named.follow(Exchange(make_session(), "query", None, 0), b"".join(pieces))

"""Statements that are parsed, bound and executed: what is known of them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    bind,
    close,
    columns,
    complete,
    describe,
    execute,
    parse,
    ready,
    row,
)


class Prepared(SynchronousTestCase):
    def test_a_prepared_statement_is_known_when_it_is_executed(self):
        play = Playbook()
        play.client(parse(b"s", b"select 7") + describe(b"S", b"s") + SYNC)
        play.database(PARSE_COMPLETE + message(b"t", b"\0\0") + columns(b"a") + ready())
        play.client(bind(b"", b"s") + execute() + SYNC)
        play.database(BIND_COMPLETE + row(b"7") + complete(b"SELECT 1") + ready())
        play.done()
        self.assertEqual(play.recorder.outcomes, [("prepare", "ok"), ("execute", "ok")])
        self.assertEqual(play.recorder.closed[1].statement.text, b"select 7")
        self.assertEqual(play.session.prepared.names(), {b"s"})

    def test_closed_statements_are_forgotten(self):
        play = Playbook()
        play.client(parse(b"s", b"select 7") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        play.client(close(b"S", b"s") + SYNC)
        play.database(CLOSE_COMPLETE + ready())
        play.done()
        self.assertEqual(play.session.prepared.names(), set())

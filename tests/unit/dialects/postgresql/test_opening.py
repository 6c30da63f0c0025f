"""A request begins: by which settings its text is read, and which context stays in it."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    complete,
    execute,
    parse,
    query,
    ready,
)

TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COMMENT = b" /*traceparent='" + TRACEPARENT + b"'*/"


class InFlight(SynchronousTestCase):
    """Tell whether an earlier message may have changed how a text is read, unreported."""

    TEXT = rb"select 'a\b'"
    CHANGE = b"select f()"

    def after(self, *steps, text=TEXT):
        """Return the settings that are known behind these messages ("c" or "d" and bytes)."""
        play = Playbook()
        for side, data in steps:
            (play.client if side == "c" else play.database)(data)
        play.client(parse(b"", text))
        statement = play.recorder.opened[-1].statement
        self.assertEqual(statement.text, text)
        return play.session.in_flight, statement.conforming

    def run_of(self, text):
        return parse(b"", text) + bind(b"", b"") + execute()

    def test_fw5_until_the_database_is_ready_again(self):
        done = PARSE_COMPLETE + BIND_COMPLETE + complete(b"SELECT 1")
        sent = ("c", self.run_of(self.CHANGE) + FLUSH)
        for steps in (
            [("c", query(self.CHANGE))],
            [("c", query(self.CHANGE)), ("d", complete(b"SELECT 1"))],
            [("c", self.run_of(self.CHANGE))],
            [("c", self.run_of(self.CHANGE) + SYNC)],
            [sent],
            [sent, ("d", done)],
            [sent, ("d", done), ("c", FLUSH)],
            [sent, ("d", done), ("c", SYNC)],
            [("c", bind(b"", b"prepared_before") + execute() + FLUSH)],
            [("c", execute(b"bound_before"))],
            [("c", self.run_of(b"begin") * 6)],
            [
                ("c", query(b"begin")),
                ("d", complete(b"BEGIN") + ready(b"T")),
                ("c", query(b"show x")),
            ],
            [sent, ("d", done), ("c", self.run_of(b"begin") + SYNC)],
            [sent, ("d", done), ("c", query(b"begin"))],
            [("c", self.run_of(b"begin") + FLUSH), ("d", done)],
            [("c", self.run_of(b"begin") + SYNC)],
        ):
            self.assertEqual(self.after(*steps), (True, None), steps)

    def test_fw5_function_calls(self):
        play = Playbook(function_call=True)
        play.client(message(b"F", b"\0\0\0\1\0\0\0\0\0\0") + query(self.TEXT))
        self.assertTrue(play.session.in_flight)

    def test_fw5_not_where_the_database_has_said_what_holds(self):
        done = PARSE_COMPLETE + BIND_COMPLETE + complete(b"SELECT 1")
        for steps in (
            [],
            [("c", query(self.CHANGE)), ("d", complete(b"SELECT 1") + ready())],
            [("c", self.run_of(self.CHANGE) + SYNC), ("d", done + ready())],
            [("c", self.run_of(self.CHANGE) + FLUSH), ("d", done), ("c", SYNC), ("d", ready())],
            [("c", self.run_of(b"begin"))],
            [("c", self.run_of(b"begin") + self.run_of(b"savepoint a"))],
            [("c", query(b"begin"))],
        ):
            self.assertEqual(self.after(*steps), (False, True), steps)

    def test_fw5_texts_that_all_settings_read_alike_are_not_concerned(self):
        behind = ("c", self.run_of(self.CHANGE))
        self.assertEqual(self.after(behind, text=b"select 'a'"), (False, True))
        self.assertEqual(self.after(behind, text="select 'ä'".encode()), (True, None))

    def test_what_the_database_has_reported(self):
        for name, value, expected in (
            (b"standard_conforming_strings", b"off", False),
            (b"client_encoding", b"SJIS", None),
            (b"client_encoding", b"LATIN1", True),
        ):
            status = ("d", message(b"S", name + b"\0" + value + b"\0"))
            self.assertEqual(self.after(status), (False, expected))

    def test_a_context_behind_what_can_be_read_in_two_ways_stays(self):
        play = Playbook()
        play.client(query(self.CHANGE))
        text = rb"select '\' , ' /* " + COMMENT + b" */, ' -- "
        self.assertEqual(play.client(query(text)), query(text))

"""Names of statements, portals and cursors in whole sessions with protected columns: what the
database means by them where it has not done what was asked."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.values import VALUES
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.results import Columns
from acra_twisted.session import FAILED_TRANSACTION
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.containers import Workbench, Workers
from tests.support.encryptors import NAMES, SECRET, Database
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    NO_DATA,
    PARSE_COMPLETE,
    SYNC,
    bind,
    close,
    complete,
    describe,
    error,
    execute,
    parse,
    query,
    ready,
    row,
)

VALUE = SECRET.encode()
NAME = parse(b"s", b"INSERT INTO people (name) VALUES ($1)")
NOTE = parse(b"s", b"INSERT INTO people (note) VALUES ($1)")
RUN = bind(b"", b"s", [VALUE]) + execute() + SYNC
LOAD = query(b"COPY other FROM STDIN")
#: The database asks for rows of one column, as text.
ASKS = message(b"G", b"\0\0\1\0\0")
ROWS = message(b"d", VALUE + b"\n") + message(b"c", b"")


class Names(SynchronousTestCase):
    def setUp(self):
        bench, self.workers = Workbench(), Workers()
        bench.keys.follow = lambda drop: True
        stage = Encryptor(NAMES, bench.keys, self.workers, lambda: 1000.0)
        self.pipeline = Pipeline([stage, Decryptor(bench.keys, self.workers)])
        self.refused = False
        self.play = Playbook(
            self.judge,
            self.pipeline.inspects,
            results=self.pipeline.results,
            loads=self.pipeline.loads,
            looks_at=self.pipeline.looks_at,
            judges=self.pipeline.judges,
        )
        self.play.session.database = b"db"
        self.database = Database(self.play.session)
        self.talk(query(b"SELECT note FROM people"), complete(b"SELECT 0") + ready())

    def judge(self, work):
        if work.kind == "rows" and self.refused:
            return Deny(reason="test")
        verdict = self.pipeline.run(work)
        if isinstance(verdict, Deferred):
            self.workers.turn()
            verdict = self.successResultOf(verdict)
        return verdict

    def talk(self, request, reply):
        """Send both, and return the bytes that the database and the client get."""
        return self.play.client(request), self.play.database(reply)

    def prepare(self, *statements):
        self.talk(b"".join(statements) + SYNC, PARSE_COMPLETE * len(statements) + ready())
        self.database.prepared = [b"s"]

    def begin(self):
        self.talk(query(b"BEGIN"), complete(b"BEGIN") + ready(b"T"))

    def described(self, *names):
        nothing = [0] * len(names)
        types = [17] * len(names)
        return backend.encode_row_description(
            Columns(list(names), types, nothing, nothing, attributes=nothing, values=VALUES)
        )

    def test_a_load_reads_a_parse_that_is_sent_behind_its_query(self):
        self.prepare(NAME)
        self.assertNotIn(VALUE, self.play.client(LOAD + NOTE + RUN))

    def test_a_load_that_goes_on_reads_a_parse(self):
        self.prepare(NAME)
        self.talk(LOAD, ASKS)
        self.assertNotIn(VALUE, self.play.client(NOTE + RUN))

    def test_a_load_by_a_portal_reads_a_parse_and_fails_up_to_sync(self):
        self.prepare(NAME, parse(b"c", b"COPY other FROM STDIN"))
        self.talk(bind(b"", b"c") + execute() + SYNC, BIND_COMPLETE + NO_DATA + ASKS)
        self.assertNotIn(VALUE, self.play.client(NOTE + SYNC + RUN))

    def test_a_sync_behind_a_load_that_was_not_known(self):
        self.prepare(NAME, parse(b"c", b"COPY other FROM STDIN"))
        self.play.client(bind(b"", b"c") + execute() + SYNC + NOTE)
        self.play.database(BIND_COMPLETE + NO_DATA + ASKS)
        self.assertNotIn(VALUE, self.play.client(SYNC + RUN))

    def test_a_parse_behind_any_other_query_is_certain(self):
        self.prepare(NAME)
        sent = self.play.client(query(b"BEGIN") + close(b"S", b"s") + NOTE + RUN)
        self.assertIn(VALUE, sent)

    def test_what_stands_behind_the_end_of_a_failed_transaction_in_its_batch(self):
        self.prepare(parse(b"s", b"COMMIT"))
        self.play.session.prepared.command_complete(b"CALL", None)
        self.prepare(parse(b"r", b"ROLLBACK"))
        self.begin()
        self.talk(query(b"SELECT 1/0"), error() + ready(b"E"))
        self.assertEqual(self.play.session.transaction, FAILED_TRANSACTION)
        self.database.fails = True
        sent = self.play.client(bind(b"", b"r") + execute() + RUN)
        self.assertNotIn(VALUE, sent)

    def test_a_portal_ends_with_its_transaction_however_its_reply_was_read(self):
        self.prepare(parse(b"u", b"SELECT note FROM people"))
        described = self.described(b"note").replace(b"\0\0\0\x11", b"\0\0\0\x19")
        reply = BIND_COMPLETE + described + row(b"x") + complete(b"SELECT 1") + ready()
        for _ in range(2):
            # Known by then, its description is read with the rest.
            run = bind(b"c", b"u") + describe(b"P", b"c") + execute(b"c") + SYNC
            self.assertEqual(self.talk(run, reply)[1], reply)
            self.assertIsNone(self.play.session.prepared.portal(b"c").statement)

    def test_what_stands_behind_a_set_in_its_batch(self):
        """Most settings decide nothing of what it means."""
        for setting, passes in (
            (b"SET application_name = 'a'", True),
            (b"SET LOCAL statement_timeout TO 100", True),
            (b"RESET TIME ZONE", True),
            (b"SET search_path = b", False),
            (b"SET ROLE b", False),
            (b"SET client_encoding = LATIN1", False),
            (b"SET jit = off; SET search_path = b", False),
            (b"RESET ALL", False),
        ):
            self.setUp()
            sets = parse(b"", setting) + bind(b"", b"") + execute()
            sent = self.play.client(sets + NAME + RUN)
            self.assertEqual(b"INSERT INTO people" in sent, passes, setting)
            self.assertNotIn(VALUE, sent)

    def test_names_behind_a_result_that_was_refused(self):
        """The database goes on where the client is told that nothing has been done."""
        self.prepare(NOTE, parse(b"q", b"SELECT name FROM people"))
        self.refused = True
        reply = self.described(b"name") + row(b"\\x2525259f") + complete(b"SELECT 1")
        self.talk(
            bind(b"", b"q") + execute() + close(b"S", b"s") + NAME + SYNC,
            BIND_COMPLETE + reply + CLOSE_COMPLETE + PARSE_COMPLETE + ready(),
        )
        self.assertNotIn(VALUE, self.play.client(RUN))

    def test_a_portal_that_could_not_be_bound_anew_loads_what_it_did(self):
        copies = (
            parse(b"s1", b"COPY people (name) FROM STDIN"),
            parse(b"s2", b"COPY other FROM STDIN"),
        )
        for is_pipelined in (False, True):
            self.setUp()
            self.prepare(*copies)
            self.begin()
            self.talk(bind(b"p", b"s1") + SYNC, BIND_COMPLETE + ready(b"T"))
            self.talk(query(b"SAVEPOINT a"), complete(b"SAVEPOINT") + ready(b"T"))
            steps = (
                (bind(b"p", b"s2") + SYNC, error(b"42P03") + ready(b"E")),
                (query(b"ROLLBACK TO a"), complete(b"ROLLBACK") + ready(b"T")),
                (execute(b"p") + SYNC, NO_DATA + ASKS),
            )
            if is_pipelined:
                steps = (tuple(map(b"".join, zip(*steps, strict=True))),)
            for request, reply in steps:
                self.talk(request, reply)
            sent = self.play.client(ROWS)
            self.assertTrue(sent)
            self.assertNotIn(VALUE, sent)

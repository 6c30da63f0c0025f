"""A question of ours among a client's requests: the client sees nothing of it."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import QuestionError, WireError
from acra_twisted.question import Question
from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import message
from tests.support.playbook import Playbook, denying
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    FLUSH,
    PARSE_COMPLETE,
    SYNC,
    bind,
    call,
    close,
    columns,
    complete,
    describe,
    error,
    execute,
    messages,
    parse,
    query,
    ready,
    row,
    types,
)

TEXT = b"SELECT a, b FROM pg_catalog.pg_class"
BEGUN = CLOSE_COMPLETE + PARSE_COMPLETE + BIND_COMPLETE
ENDED = complete(b"SELECT 2") + CLOSE_COMPLETE * 2
ANSWER = BEGUN + row(b"1", None) + row(b"2", b"") + ENDED + ready()
NOTICE = backend.encode_notice("of the question")
SETTING = backend.encode_parameter_status(b"client_encoding", b"LATIN1")
NOTIFICATION = message(b"A", b"\0\0\0\1channel\0payload\0")


class Asking(SynchronousTestCase):
    def setUp(self):
        self.play = Playbook(inspects=["statement"])
        self.question = Question(TEXT)

    def ask(self):
        """Put the question; returned are the bytes for the database."""
        self.assertTrue(self.play.request.ask(self.question))
        return self.play.request.take_output()

    def cut(self, data, size):
        return b"".join(
            self.play.database(data[at : at + size]) for at in range(0, len(data), size)
        )

    def test_it_goes_as_a_statement_of_its_own(self):
        """The client's unnamed statement and portal stay."""
        name = b"acra: question"
        self.assertEqual(
            self.ask(),
            close(b"S", name)
            + parse(name, TEXT)
            + bind(name, name)
            + execute(name)
            + close(b"P", name)
            + close(b"S", name)
            + SYNC,
        )

    def test_the_server_does_not_compile_a_long_one(self):
        """In a client's transaction the setting is what it was behind it."""
        self.question = Question(TEXT + b" " * 1000)
        steps = self.ask().split(close(b"P", b"acra: question"))
        self.assertEqual(len(steps), 4)
        self.assertIn(b"set_config('jit', 'off', true)", steps[0])
        self.assertIn(self.question.text, steps[1])
        self.assertIn(
            b"set_config('jit', pg_catalog.current_setting('acra_twisted.jit'), true)", steps[2]
        )
        self.assertTrue(steps[3].endswith(SYNC))
        none = BEGUN + complete(b"SELECT 0") + CLOSE_COMPLETE * 2
        self.assertEqual(self.play.database(none + ANSWER.removesuffix(ready())), b"")
        self.assertFalse(self.question.is_over)
        self.assertEqual(self.play.database(none + ready()), b"")
        self.assertTrue(self.question.is_over)
        self.assertEqual(self.question.rows, [[b"1", None], [b"2", b""]])

    @given(st.integers(1, 200), st.sampled_from("ITE"))
    def test_the_reply_is_read_in_any_pieces_and_left_out(self, size, status):
        self.setUp()
        self.ask()
        said = ANSWER[:-6] + ready(status.encode())
        self.assertEqual(self.cut(said, size), b"")
        question = self.question
        self.assertEqual((question.rows, question.failure), ([[b"1", None], [b"2", b""]], ""))
        self.assertTrue(question.is_over)
        state = {"I": IDLE, "T": IN_TRANSACTION, "E": FAILED_TRANSACTION}[status]
        self.assertEqual(self.play.session.transaction, state)
        self.play.done()

    @given(st.integers(1, 300))
    def test_what_is_the_clients_reaches_it_meanwhile(self, size):
        self.setUp()
        self.ask()
        said = NOTIFICATION + BEGUN + NOTICE + SETTING + row(b"1", None) + NOTIFICATION
        got = self.cut(said + ENDED + ready(), size)
        self.assertEqual(got, NOTIFICATION + SETTING + NOTIFICATION)
        self.assertEqual(self.question.rows, [[b"1", None]])
        self.assertEqual(self.play.session.parameters[b"client_encoding"], b"LATIN1")

    @given(st.integers(1, 300))
    def test_requests_may_stand_behind_it(self, size):
        self.setUp()
        self.ask()
        play = self.play
        said = query(b"select 1")
        self.assertEqual(play.client(said), said)
        reply = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()
        self.assertEqual(self.cut(ANSWER + reply, size), reply)
        batch = bind(b"", b"") + describe(b"P", b"") + execute() + SYNC
        self.assertEqual(play.client(batch), batch)
        play.database(BIND_COMPLETE + reply)
        play.done()
        self.assertEqual(play.recorder.outcomes, [("query", "ok"), ("execute", "ok")])

    @given(st.integers(1, 300))
    def test_answers_of_ours_may_stand_behind_it(self, size):
        """They come with what the database says next."""
        self.setUp()
        self.ask()
        batch = bind(b"", b"") + execute() + SYNC
        carrier = close(b"S", b"traceparent=00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")
        self.assertEqual(self.play.client(carrier + batch), batch)
        self.assertEqual(self.play.extra, b"")
        reply = BIND_COMPLETE + complete(b"SELECT 1") + ready()
        self.assertEqual(self.cut(ANSWER + reply, size), CLOSE_COMPLETE + reply)
        self.play.done()

    def test_what_stands_behind_it_has_begun_when_its_reply_has(self):
        """Also if the reply comes with the answer."""
        said = complete(b"SELECT 1") + ready()
        for pieces in ((ANSWER + said,), (ANSWER, said)):
            self.setUp()
            self.ask()
            self.play.client(query(b"select 1"))
            for piece in pieces:
                asked = self.play.session.clock()
                self.play.database(piece)
            exchange = self.play.recorder.closed[-1]
            self.assertGreater(exchange.first_byte, asked)
            self.assertLessEqual(exchange.first_byte, exchange.closed)

    def test_it_waits_for_what_is_owed(self):
        play = self.play
        play.client(query(b"select 1"))
        self.assertFalse(play.request.ask(self.question))
        self.assertEqual(play.request.take_output(), b"")
        play.database(complete(b"SELECT 1") + ready(b"T"))
        self.ask()
        play.database(ANSWER[:-6] + ready(b"T"))
        self.assertEqual(len(self.question.rows), 2)
        self.assertEqual(play.session.transaction, IN_TRANSACTION)

    def test_it_stands_before_a_batch_that_is_held(self):
        play = self.play
        held = parse(b"", b"one") + bind(b"", b"")
        self.assertEqual(play.client(held), b"")
        self.assertEqual(types(self.ask()), "CPBECCS")
        self.assertEqual(play.client(execute() + SYNC), held + execute() + SYNC)
        reply = PARSE_COMPLETE + BIND_COMPLETE + complete(b"SELECT 0") + ready()
        self.assertEqual(play.database(ANSWER + reply), reply)
        play.done()

    def test_it_may_be_put_while_a_statement_waits_for_a_verdict(self):
        flow = self.play.request
        flow.feed(query(b"first")[:-1])
        flow.feed(query(b"first")[-1:])
        work = flow.next_work()
        self.assertEqual(types(self.ask()), "CPBECCS")
        self.assertEqual(self.play.database(ANSWER), b"")
        flow.settle(work, self.play.judge(work))
        self.assertEqual(flow.take_output(), query(b"first"))

    def refused(self):
        return str(self.assertRaises(QuestionError, self.play.request.ask, self.question))

    def test_it_cannot_be_put_into_what_the_client_has_begun(self):
        play = self.play
        play.client(parse(b"", b"one") + FLUSH)
        self.assertIn("batch", self.refused())
        play.database(PARSE_COMPLETE)
        self.assertIn("batch", self.refused())
        play.client(SYNC)
        play.database(ready())
        self.assertEqual(types(self.ask()), "CPBECCS")

    def test_nor_behind_a_request_that_leaves_what_was_begun_open(self):
        """The Sync of a question would commit what the client has not."""
        for request in (query(b"select"), call(1, [])):
            self.play = play = Playbook(inspects=["statement"], function_call=True)
            play.client(bind(b"", b"") + execute() + request)
            play.database(BIND_COMPLETE + complete(b"INSERT 0 1"))
            self.assertFalse(play.request.ask(self.question))
            play.database(complete(b"SELECT 0")[: 99 * request.startswith(b"Q")] + ready(b"T"))
            self.assertIn("batch", self.refused())
            play.client(query(b"commit"))
            play.database(complete(b"COMMIT") + ready())
            self.assertEqual(types(self.ask()), "CPBECCS")
            play.database(ANSWER)
            # It ends with its own transaction, and not with the next one.
            play.client(query(b"begin"))
            play.database(complete(b"BEGIN") + ready(b"T"))
            self.question = Question(TEXT)
            self.assertEqual(types(self.ask()), "CPBECCS")
            play.database(ANSWER)
            self.question = Question(TEXT)
            play.client(SYNC)
            play.database(ready(b"T"))
            self.ask()
            self.question = Question(TEXT)

    def test_nor_behind_a_load_of_a_batch_whose_sync_the_database_has_not_heeded(self):
        play = self.play
        play.client(parse(b"", b"copy t from stdin") + bind(b"", b"") + execute() + SYNC)
        play.database(PARSE_COMPLETE + BIND_COMPLETE + message(b"G", b"\0\0\0"))
        play.client(message(b"c", b""))
        play.database(complete(b"COPY 0"))
        self.assertIn("batch", self.refused())
        play.client(query(b"select"))
        play.database(complete(b"SELECT 0") + ready(b"T"))
        self.assertIn("batch", self.refused())
        play.client(SYNC)
        play.database(ready())
        self.ask()

    def test_nor_into_a_load(self):
        play = self.play
        play.client(query(b"copy t from stdin"))
        play.database(message(b"G", b"\0\0\0"))
        self.assertIn("loading", self.refused())
        data = message(b"d", b"x" * 20)
        play.client(data[:9])
        self.assertIn("loading", self.refused())
        play.client(data[9:] + message(b"c", b""))
        play.database(complete(b"COPY 1") + ready())
        self.ask()

    def test_nor_into_a_transaction_that_has_failed(self):
        self.play.client(query(b"select 1/0"))
        self.play.database(error() + ready(b"E"))
        self.assertIn("failed", self.refused())

    def test_nor_into_a_batch_of_which_something_was_refused(self):
        self.play = denying()
        self.play.client(parse(b"", b"deny"))
        self.assertIn("batch", self.refused())

    def test_a_database_that_cannot_answer_says_why(self):
        said = BEGUN + row(b"1", None) + error(b"42501", "permission denied for table secret")
        for size in (1 << 20, 1):
            self.setUp()
            self.ask()
            self.assertEqual(self.cut(said + ready(b"E"), size), b"")
            question = self.question
            self.assertEqual((question.rows, question.sqlstate), ([], b"42501"))
            self.assertEqual(question.failure, "the database says 42501")
            self.play.done()

    def test_an_sqlstate_that_is_none_is_not_shown(self):
        self.ask()
        self.play.database(error(b"\xff\xfe<b>") + ready())
        self.assertEqual(self.question.failure, "the database says XX000")

    def test_a_database_that_ends_the_session_tells_the_client(self):
        fatal = backend.encode_error(b"FATAL", b"57P01", "terminating connection")
        for size in (1 << 20, 1):
            self.setUp()
            self.ask()
            self.assertEqual(self.cut(BEGUN + fatal, size), fatal)
            self.assertTrue(self.question.is_over)
            self.assertIn("ends the session", self.question.failure)
            self.play.done()

    def test_what_answers_no_question_breaks_the_protocol(self):
        for said in (
            columns(b"a"),
            message(b"G", b"\0\0\0"),
            message(b"D", b""),
            message(b"D", b"\0\1\0\0\0\x09x"),
            message(b"E", b"no terminator"),
            message(b"Z", b"?"),
        ):
            self.setUp()
            self.ask()
            self.assertRaises(WireError, self.play.database, said)

    def test_the_clients_prepared_statements_are_known_behind_it(self):
        play = self.play
        play.client(parse(b"s", b"select 1") + SYNC)
        play.database(PARSE_COMPLETE + ready())
        self.ask()
        play.database(ANSWER)
        self.assertEqual(play.session.prepared.names(), {b"s"})
        self.assertEqual(messages(play.client(bind(b"", b"s") + execute() + SYNC))[0][0], "B")

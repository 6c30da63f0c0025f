"""Questions of stages: put when the database can take one, answered while a statement is held."""

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.dialects.flow import ClientFlow
from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.errors import QuestionError
from acra_twisted.interfaces import IStatementStage
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.question import Question
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import (
    CLOSE_COMPLETE,
    FakeChannel,
    bind,
    columns,
    complete,
    error,
    execute,
    make_session,
    messages,
    parse,
    query,
    ready,
    row,
    types,
)

ASKED = "CPBECCS"
ANSWER = (
    *(CLOSE_COMPLETE, b"1\0\0\0\x04", b"2\0\0\0\x04", row(b"x"), complete(b"SELECT 1")),
    *(CLOSE_COMPLETE, CLOSE_COMPLETE),
)
REPLY = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()


def answer(status=b"I"):
    return b"".join(ANSWER) + ready(status)


@implementer(IStatementStage)
class Asking:
    """Asks before each statement, and holds it until it knows."""

    name = "asking"

    def __init__(self):
        self.known = []

    def on_statement(self, statement, exchange):
        if b"ask" not in statement.text:
            return PASS
        asked = exchange.session.ask(b"SELECT 1")
        return asked.addCallbacks(self.answered, self.failed)

    def answered(self, rows):
        self.known.append(rows)
        return PASS

    def failed(self, failure):
        failure.trap(QuestionError)
        self.known.append(str(failure.value))
        return Deny("it is not known", sqlstate=b"0A000")

    def stop(self):
        pass


class Timer:
    def __init__(self, seconds, function):
        self.seconds = seconds
        self.function = function
        self.is_active = True

    def cancel(self):
        assert self.is_active
        self.is_active = False

    def fire(self):
        assert self.is_active
        self.is_active = False
        self.function()


class Held(SynchronousTestCase):
    """A stage holds a statement until it has its answer."""

    def setUp(self):
        self.session = make_session()
        self.client, self.database = FakeChannel(), FakeChannel()
        self.stage = Asking()
        self.timers = []
        pipeline = Pipeline([self.stage])
        flows = RequestFlow(self.session, pipeline.inspects), ResponseFlow(self.session)
        self.relay = Relay(
            self.session,
            self.client,
            self.database,
            flows,
            pipeline,
            Limits(100),
            fatal=lambda reason, text, number: encode_farewell(reason, text),
            seconds=lambda: 0.0,
            later=self.later,
            ended=lambda reason: None,
            valves=between(self.client, self.database, lambda: 0.0),
        )

    def later(self, seconds, function):
        self.timers.append(Timer(seconds, function))
        return self.timers[-1]

    def active(self):
        return [timer for timer in self.timers if timer.is_active]

    def test_the_question_goes_first_and_the_statement_behind_its_answer(self):
        for size in (1 << 20, 1):
            self.setUp()
            self.relay.from_client(query(b"ask"))
            self.assertEqual(types(self.database.data), ASKED)
            said = answer() + REPLY
            for at in range(0, len(answer()), size):
                self.relay.from_database(said[at : min(at + size, len(answer()))])
            self.assertEqual(types(self.database.data), ASKED + "Q")
            self.assertEqual(self.client.data, b"")
            self.relay.from_database(REPLY)
            self.assertEqual(self.client.data, REPLY)
            self.assertEqual(self.stage.known, [[[b"x"]]])
            self.assertEqual(self.active(), [])
            self.assertEqual(self.session.observer.outcomes, [("query", "ok")])

    def test_replies_that_are_owed_come_first(self):
        self.relay.from_client(query(b"one") + query(b"ask") + query(b"two"))
        self.assertEqual(types(self.database.data), "Q")
        self.relay.from_database(REPLY)
        self.assertEqual(types(self.database.data), "Q" + ASKED)
        self.relay.from_database(answer())
        self.assertEqual(types(self.database.data), "Q" + ASKED + "QQ")
        self.relay.from_database(REPLY + REPLY)
        self.assertEqual(self.client.data, REPLY * 3)

    def test_statements_of_a_batch_ask_one_after_the_other(self):
        batch = parse(b"a", b"ask 1") + parse(b"b", b"ask 2") + bind(b"", b"a") + execute()
        self.relay.from_client(batch + query(b"x"))
        self.assertEqual(types(self.database.data), ASKED)
        self.relay.from_database(answer())
        self.assertEqual(types(self.database.data), ASKED * 2)
        self.relay.from_database(answer())
        self.assertEqual(types(self.database.data), ASKED * 2 + "PPBEQ")
        self.assertEqual(len(self.stage.known), 2)

    def test_in_a_transaction(self):
        self.relay.from_client(query(b"BEGIN"))
        self.relay.from_database(complete(b"BEGIN") + ready(b"T"))
        self.relay.from_client(query(b"ask"))
        self.relay.from_database(answer(b"T"))
        self.assertEqual(self.stage.known, [[[b"x"]]])

    def test_where_it_cannot_be_put_the_stage_is_told_at_once(self):
        self.relay.from_client(query(b"BEGIN"))
        self.relay.from_database(error() + ready(b"E"))
        self.relay.from_client(query(b"ask"))
        self.assertEqual(self.stage.known, ["the client's transaction has failed"])
        self.assertEqual(types(self.client.data), "EZEZ")
        self.assertEqual(self.active(), [])

    def test_a_load_that_a_reply_begins_keeps_it_from_being_put(self):
        self.relay.from_client(query(b"copy t from stdin") + query(b"ask"))
        self.relay.from_database(b"G\0\0\0\x07\0\0\0")
        self.assertEqual(self.stage.known, ["the client is loading rows"])

    def test_an_answer_that_does_not_come(self):
        self.relay.from_client(query(b"ask"))
        [timer] = self.active()
        self.assertEqual(timer.seconds, 10)
        timer.fire()
        self.assertEqual(self.stage.known, ["the database has not answered within 10 s"])
        self.assertEqual(self.client.data, b"")
        # It comes at last, and is not the client's: that gets the refusal behind it.
        self.relay.from_database(answer())
        self.relay.from_database(error() + ready())
        (kind, body), (last, _) = messages(self.client.data)
        self.assertEqual((kind, last), ("E", "Z"))
        self.assertIn(b"it is not known", body)

    def test_a_question_whose_time_is_over_before_its_turn_is_not_put(self):
        self.relay.from_client(query(b"one") + query(b"ask"))
        self.active()[0].fire()
        self.assertIsNone(self.session.question)
        self.relay.from_database(REPLY)
        self.assertNotIn("P", types(self.database.data))

    def test_two_at_once(self):
        found = []
        for text in (b"SELECT 1", b"SELECT 2"):
            self.session.ask(text).addCallback(found.append)
        self.assertEqual(types(self.database.data), ASKED)
        self.relay.from_database(answer())
        self.assertEqual(types(self.database.data), ASKED * 2)
        self.relay.from_database(answer())
        self.assertEqual(found, [[[b"x"]]] * 2)
        self.assertIsNone(self.session.question)

    def test_a_connection_that_ends(self):
        asked = [self.session.ask(b"SELECT 1"), self.session.ask(b"SELECT 2")]
        self.relay.database_lost(Failure(ConnectionLost()))
        for one in asked:
            self.assertIn("ended", str(self.failureResultOf(one, QuestionError).value))
        self.assertEqual(self.active(), [])
        self.assertRaises(QuestionError, self.session.ask, b"SELECT 3")

    def test_a_database_that_is_not_asked(self):
        flow = ClientFlow(self.session)
        self.assertRaises(QuestionError, flow.ask, Question(b"SELECT 1"))

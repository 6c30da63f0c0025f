"""The source that asks the database: connections, the queue, back-off, the time limit."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.queryconnection import KeyDerivation, NoAnswer
from acra_twisted.authentication.querysource import WAITING_MAX, QuerySource
from acra_twisted.errors import ConfigError, HandshakeError
from acra_twisted.queryactions import Answered, Refused
from tests.support.lookups import Channel, Client

TIMEOUT = 2.0


class Base(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.channels = []
        self.clients = []
        self.down = None
        self.pending = None
        self.tries = []
        self.password = b"secret"
        self.source = QuerySource(
            self.clock,
            self.connect,
            self.make_client,
            self.read_password,
            KeyDerivation(None),
            lambda error: f"explained {error}",
            TIMEOUT,
        )

    def connect(self):
        self.tries.append(self.clock.seconds())
        if self.down is not None:
            return fail(self.down)
        if self.pending is not None:
            return self.pending
        self.channels.append(Channel())
        return succeed(self.channels[-1])

    def make_client(self, password):
        self.clients.append(Client(password))
        return self.clients[-1]

    def read_password(self):
        if self.password is None:
            raise ConfigError("auth_query_password_file: it is empty")
        return self.password

    def log_in(self, number=-1):
        self.channels[number].receiver(b"welcome")

    def lose(self, number=-1):
        self.channels[number].on_lost(Failure(OSError("gone")))

    def refused(self, answer):
        return str(self.failureResultOf(answer, NoAnswer).value)


class Questions(Base):
    def test_a_connection_is_made_when_somebody_asks_and_is_kept(self):
        self.assertEqual(self.channels, [])
        for name in (b"alice", b"bob"):
            answer = self.source.look_up(name)
            if name == b"alice":
                self.log_in()
            self.assertEqual(self.channels[0].written[-1], b"ask " + name)
            self.channels[0].receiver(name + b"=x")
            self.assertEqual(self.successResultOf(answer), b"x")
        self.assertEqual(len(self.channels), 1)
        self.assertEqual(self.clients[0].password, b"secret")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_another_name_is_no_answer(self):
        for said in (b"Alice=x", b"alice =x", b"nothing"):
            answer = self.source.look_up(b"alice")
            if said == b"Alice=x":
                self.log_in()
            self.channels[0].receiver(said)
            self.assertIsNone(self.successResultOf(answer))

    def test_two_connections_at_most_and_the_rest_waits_in_order(self):
        answers = [self.source.look_up(b"user%d" % number) for number in range(5)]
        self.log_in(0)
        self.log_in(1)
        self.assertEqual(len(self.channels), 2)
        self.assertEqual((self.source.connections, self.source.waiting), (2, 3))
        asked = []
        for _ in range(5):
            for channel in self.channels:
                name = channel.written[-1].removeprefix(b"ask ")
                if name not in asked:
                    asked.append(name)
                    channel.receiver(name + b"=x")
        self.assertEqual(asked, [b"user%d" % number for number in range(5)])
        self.assertEqual([self.successResultOf(answer) for answer in answers], [b"x"] * 5)

    def test_one_question_opens_one_connection(self):
        self.source.look_up(b"alice")
        self.assertEqual(self.source.connections, 1)

    def test_a_thousand_may_wait(self):
        answers = [self.source.look_up(b"%d" % number) for number in range(WAITING_MAX)]
        error = self.failureResultOf(self.source.look_up(b"one more"), NoAnswer).value
        self.assertFalse(error.is_away)
        self.assertNoResult(answers[0])

    def test_a_refusal_of_the_database_is_handed_on(self):
        answer = self.source.look_up(b"alice")
        self.clients[0].says[b"no"] = [Refused("the database says 42501")]
        self.log_in()
        self.channels[0].receiver(b"no")
        self.assertEqual(self.refused(answer), "the database says 42501")
        answer = self.source.look_up(b"alice")
        self.channels[0].receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), b"x")


class Lost(Base):
    def test_a_connection_that_was_dead_is_replaced_without_a_failure(self):
        answer = self.source.look_up(b"alice")
        self.log_in()
        self.lose()
        self.assertEqual(len(self.channels), 2)
        self.log_in()
        self.channels[1].receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), b"x")

    def test_a_second_loss_is_told(self):
        answer = self.source.look_up(b"alice")
        for _ in range(2):
            self.log_in()
            self.lose()
        self.assertEqual(self.refused(answer), "explained gone")

    def test_an_idle_connection_that_is_lost_is_not_used(self):
        self.source.look_up(b"alice")
        self.log_in()
        self.channels[0].receiver(b"alice=x")
        self.lose()
        self.assertEqual(self.source.connections, 0)
        answer = self.source.look_up(b"bob")
        self.log_in()
        self.channels[1].receiver(b"bob=y")
        self.assertEqual(self.successResultOf(answer), b"y")

    def test_a_database_that_is_down_is_tried_at_growing_intervals(self):
        self.down = OSError("refused")
        for _ in range(200):
            self.assertEqual(self.refused(self.source.look_up(b"alice")), "explained refused")
            self.clock.advance(0.125)
        pauses = [after - before for before, after in zip(self.tries, self.tries[1:], strict=False)]
        self.assertEqual(pauses[:6], [0.25, 0.5, 1.0, 2.0, 4.0, 5.0])
        self.down = None
        self.clock.advance(5.0)
        answer = self.source.look_up(b"alice")
        self.log_in()
        self.channels[0].receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), b"x")

    def test_a_login_that_fails_is_told_to_those_who_wait(self):
        answer = self.source.look_up(b"alice")
        self.clients[0].says[b"no"] = HandshakeError("the password is wrong")
        self.channels[0].receiver(b"no")
        self.assertEqual(self.refused(answer), "the password is wrong")


class Time(Base):
    def test_an_answer_that_does_not_come_ends_its_connection(self):
        answer = self.source.look_up(b"alice")
        self.log_in()
        self.clock.advance(TIMEOUT)
        self.assertEqual(self.refused(answer), "no answer within 2 s")
        self.assertTrue(self.channels[0].aborted)
        self.assertEqual(self.source.connections, 0)

    def test_a_connection_that_does_not_come_up(self):
        self.pending = Deferred()
        answer = self.source.look_up(b"alice")
        self.clock.advance(TIMEOUT)
        self.assertEqual(self.refused(answer), "no answer within 2 s")
        self.assertEqual(self.source.waiting, 0)
        self.pending.errback(OSError("refused at last"))
        self.assertEqual(self.source.connections, 0)

    def test_a_login_that_stops_ends_its_connection(self):
        self.source.look_up(b"alice").addErrback(lambda _: None)
        self.channels[0].receiver(b"half")
        self.clock.advance(TIMEOUT)
        self.assertTrue(self.channels[0].aborted)
        self.assertEqual(self.source.connections, 0)


class Ends(Base):
    def test_a_new_password_is_used_for_new_connections(self):
        answer = self.source.look_up(b"alice")
        self.log_in()
        self.password = None
        self.assertRaises(ConfigError, self.source.read)
        self.assertEqual(self.source.connections, 1)
        self.password = b"next"
        self.source.read()()
        self.assertTrue(self.channels[0].aborted)
        self.log_in()
        self.assertEqual(self.clients[-1].password, b"next")
        self.channels[1].receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), b"x")

    def test_a_connection_that_is_being_made_with_the_old_one_is_no_failure(self):
        self.pending = Deferred()
        answer = self.source.look_up(b"alice")
        self.pending = None
        self.source.read()()
        self.log_in()
        self.channels[0].receiver(b"alice=x")
        self.assertEqual(self.successResultOf(answer), b"x")

    def test_stop(self):
        running, waiting = [self.source.look_up(name) for name in (b"a", b"b")]
        self.log_in(0)
        self.source.stop()
        for answer in (running, waiting, self.source.look_up(b"c")):
            self.assertEqual(self.refused(answer), "the server stops")
        self.assertEqual(self.source.connections, 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_an_answer_in_pieces_frees_its_connection_once(self):
        first = self.source.look_up(b"a")
        self.log_in()
        self.clients[0].says[b"twice"] = [Answered(((b"a", b"x"),)), Answered(((b"a", b"y"),))]
        self.channels[0].receiver(b"twice")
        self.assertEqual(self.successResultOf(first), b"x")
        self.assertEqual(self.source.connections, 1)

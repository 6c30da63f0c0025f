"""A connection to Redis that is made when it is needed."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import TokenStoreError
from acra_twisted.tokens.redisconnection import RedisConnection

ERRORS = {b"BAD": "ERR no", b"CHANGE": "READONLY You can't write against a read only replica."}


class Protocol:
    """Has the parts of txredisapi's protocol that are used, and answers with its words."""

    connected = 1

    def __init__(self):
        self.transport = self
        self.in_use, self.gone = Deferred(), Deferred()
        self.aborted = False

    def whenConnected(self):
        return self.in_use

    def whenDisconnected(self):
        return self.gone

    def loseConnection(self):
        self.connected = 0
        self.gone.callback(self)

    def abortConnection(self):
        self.aborted = True

    def execute_command(self, name, *words):
        if name in ERRORS:
            return fail(ValueError(ERRORS[name]))
        return succeed([name, *words])


class Endpoint:
    """Connects when it is told."""

    def __init__(self):
        self.dials = []
        self.made = []

    def connect(self, factory):
        self.dials.append((factory, Deferred()))
        return self.dials[-1][1]

    def arrive(self):
        factory, dialled = self.dials[-1]
        protocol = factory.buildProtocol(None)
        self.made.append(protocol)
        dialled.callback(protocol)
        return protocol


class Connecting(SynchronousTestCase):
    def setUp(self):
        self.endpoint = Endpoint()
        self.connection = RedisConnection(self.endpoint, Protocol, "db:6379")

    def ask(self, *words):
        return self.connection.ask([words])

    def ready(self):
        protocol = self.endpoint.arrive()
        protocol.in_use.callback(protocol)
        return protocol

    def test_it_dials_once_for_all_who_ask_and_not_before(self):
        self.assertEqual(self.endpoint.dials, [])
        asked = [self.ask(b"GET", b"%d" % n) for n in range(3)]
        protocol = self.endpoint.arrive()
        for one in asked:
            self.assertNoResult(one)
        protocol.in_use.callback(protocol)
        for n, one in enumerate(asked):
            self.assertEqual(self.successResultOf(one), [[b"GET", b"%d" % n]])
        self.successResultOf(self.ask(b"GET", b"4"))
        self.assertEqual(len(self.endpoint.dials), 1)

    def test_it_dials_again_for_the_next_question(self):
        asked = self.ask(b"GET")
        self.endpoint.dials[0][1].errback(ConnectionRefusedError())
        said = str(self.failureResultOf(asked, TokenStoreError).value)
        self.assertIn("Redis at db:6379 cannot be used: ", said)
        self.assertIn("refused", said)
        asked = self.ask(b"GET")
        self.ready().connected = 0
        self.successResultOf(asked)
        asked = self.ask(b"GET")
        self.assertEqual(len(self.endpoint.dials), 3)
        self.ready()
        self.successResultOf(asked)

    def test_a_refused_login_is_an_error_and_not_the_end(self):
        asked = self.ask(b"GET")
        factory = self.endpoint.arrive().factory
        factory.stopTrying()
        factory.connectionError("LOADING")
        self.assertIn("LOADING", str(self.failureResultOf(asked, TokenStoreError).value))
        asked = self.ask(b"GET")
        self.ready()
        self.successResultOf(asked)

    def test_a_failed_command_fails_the_question(self):
        asked = self.connection.ask([(b"GET",), (b"BAD",)])
        self.ready()
        self.assertIn("ERR no", str(self.failureResultOf(asked, TokenStoreError).value))

    def test_a_redis_that_has_become_a_replica_is_left(self):
        """The same name may lead to another one by then."""
        asked = self.ask(b"CHANGE")
        old = self.ready()
        self.assertIn("READONLY", str(self.failureResultOf(asked, TokenStoreError).value))
        self.assertFalse(old.connected)
        asked = self.ask(b"GET")
        self.assertEqual(len(self.endpoint.dials), 2)
        self.ready()
        self.successResultOf(asked)
        self.failureResultOf(self.ask(b"BAD"), TokenStoreError)
        self.successResultOf(self.ask(b"GET"))
        self.assertEqual(len(self.endpoint.dials), 2)

    def test_closing_ends_a_dial_a_login_and_a_connection(self):
        dialling = self.ask(b"GET")
        self.successResultOf(self.connection.close())
        self.failureResultOf(dialling, TokenStoreError)
        self.failureResultOf(self.ask(b"GET"), TokenStoreError)

        self.setUp()
        asked = self.ask(b"GET")
        protocol = self.endpoint.arrive()
        self.successResultOf(self.connection.close())
        self.failureResultOf(asked, TokenStoreError)
        self.assertTrue(protocol.aborted)
        protocol.factory.connectionError("Lost connection")

        self.setUp()
        asked = self.ask(b"GET")
        protocol = self.ready()
        self.successResultOf(asked)
        self.successResultOf(self.connection.close())
        self.assertFalse(protocol.connected)

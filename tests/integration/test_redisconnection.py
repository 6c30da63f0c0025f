"""A connection to Redis by txredisapi's protocol, to a server of ours."""

from twisted.internet import reactor  # noqa: TID251 - txredisapi wants a real one
from twisted.internet.defer import gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.trial.unittest import TestCase

from acra_twisted.errors import TokenStoreError
from acra_twisted.tokens.redisconnection import RedisConnection, redis_protocol
from tests.support.redisserver import RedisServer

MGET = (b"MGET", b"a", b"b")


class Redis(TestCase):
    def serve(self, **options):
        self.server = RedisServer(**options)
        self.server.redis.texts = {b"a": b"12", b"b": b"\xff\0"}
        port = reactor.listenTCP(0, self.server, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.port = port.getHost().port

    def connect(self, **options):
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port)
        connection = RedisConnection(endpoint, redis_protocol(**options))
        self.addCleanup(connection.close)
        return connection

    def names(self):
        return [words[0] for words in self.server.words]

    async def test_answers_are_bytes_and_come_in_order_over_one_connection(self):
        self.serve()
        connection = self.connect()
        asked = [connection.ask([MGET, (b"MGET", b"none")]), connection.ask([MGET])]
        both = [b"12", b"\xff\0"]
        self.assertEqual(await gatherResults(asked), [[both, [None]], [both]])
        self.assertEqual(len(self.server.connections), 1)
        self.assertEqual(self.names(), [b"MGET"] * 3)

    async def test_it_logs_in_as_it_is_told(self):
        self.serve(password=b"secret", username=b"acra")
        connection = self.connect(password="secret", username="acra", database=3)
        await connection.ask([MGET])
        self.assertEqual(self.server.words[:2], [[b"AUTH", b"acra", b"secret"], [b"SELECT", b"3"]])

    async def test_a_login_that_is_refused_fails_and_is_tried_again(self):
        self.serve(password=b"secret")
        connection = self.connect(password="secret")
        self.server.refusals = ["LOADING Redis is loading the dataset in memory"]
        error = await self.assertFailure(connection.ask([MGET]), TokenStoreError)
        self.assertIn("LOADING", str(error))
        self.assertNotIn("secret", str(error))
        self.assertEqual(len(await connection.ask([MGET])), 1)

    async def test_a_lost_connection_is_made_anew(self):
        self.serve()
        connection = self.connect()
        await connection.ask([MGET])
        self.server.silent = True
        waiting = connection.ask([MGET])
        self.server.connections[0].transport.abortConnection()
        await self.assertFailure(waiting, TokenStoreError)
        self.server.silent = False
        self.assertEqual(len(await connection.ask([MGET])), 1)

    async def test_silence_is_an_error_and_ends_the_connection(self):
        self.serve()
        connection = self.connect(timeout=0.01)
        self.server.silent = True
        asked = [connection.ask([MGET, MGET]), connection.ask([MGET])]
        for one in asked:
            await self.assertFailure(one, TokenStoreError)
        self.server.silent = False
        patient = self.connect()
        self.assertEqual(len(await patient.ask([MGET])), 1)

    async def test_an_error_of_one_command_is_that_of_all(self):
        self.serve()
        connection = self.connect()
        error = await self.assertFailure(connection.ask([MGET, (b"BAD",), MGET]), TokenStoreError)
        self.assertIn("unknown command", str(error))
        self.assertEqual(len(await connection.ask([MGET])), 1)
        self.assertEqual(len(self.server.connections), 1)

    async def test_nobody_there(self):
        self.serve()
        self.port = 1
        error = await self.assertFailure(self.connect().ask([MGET]), TokenStoreError)
        self.assertIn("refused", str(error))

    async def test_closing_fails_what_waits(self):
        self.serve()
        connection = self.connect()
        dialling = connection.ask([MGET])
        await connection.close()
        await self.assertFailure(dialling, TokenStoreError)
        await self.assertFailure(connection.ask([MGET]), TokenStoreError)

    async def test_closing_ends_a_login(self):
        self.serve(password=b"secret")
        self.server.silent = True
        connection = self.connect(password="secret")
        waiting = connection.ask([MGET])
        while not self.server.words:
            await self.turn()
        await connection.close()
        await self.assertFailure(waiting, TokenStoreError)
        while self.server.connections:
            await self.turn()

    def turn(self):
        """Let the reactor turn once."""
        from twisted.internet.task import deferLater

        return deferLater(reactor, 0, lambda: None)

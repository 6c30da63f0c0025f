"""Sources of secrets as AcraServer makes them of its settings."""

import os

from prometheus_client import CollectorRegistry, generate_latest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.server import checks
from acra_twisted.server.credentials import make_credentials, read_password
from acra_twisted.server.service import AcraServer
from acra_twisted.telemetry.metrics.lookups import LookupMetrics
from tests.support.lookups import MemoryDatabase
from tests.support.serviceserver import refusal, verifier
from tests.unit.server.test_service import close, settings

SECRET = verifier(b"hunter2").encode()


class Log:
    """Takes lines."""

    def __init__(self):
        self.lines = []

    def info(self, text, **fields):
        self.lines.append(text)


class Base(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.registry = CollectorRegistry()
        self.events = []
        self.log = Log()
        self.database = MemoryDatabase(users={b"alice": SECRET, b"acra_service": SECRET})

    def event(self, code, text, **fields):
        self.events.append((code, fields))

    def file(self, data, mode=0o600):
        path = self.mktemp()
        with open(path, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        return path

    def made(self, **changes):
        return make_credentials(
            self.clock,
            settings(**changes),
            self.database,
            lambda function, *args: succeed(function(*args)),
            LookupMetrics(self.registry, int, bool),
            self.event,
            self.log,
        )

    def by_query(self, **changes):
        path = self.file(b"secret\n")
        return self.made(auth_query_user="acra_service", auth_query_password_file=path, **changes)

    def looked_up(self, credentials, user):
        found = credentials.look_up(user)
        return self.successResultOf(found) if isinstance(found, Deferred) else found


class Sources(Base):
    def test_none(self):
        self.assertIsNone(self.made())
        self.assertIn("acra_auth_source_away 0.0", generate_latest(self.registry).decode())
        self.registry = CollectorRegistry()
        path = self.file(b'"alice" "%b"' % SECRET)
        self.assertIsNone(self.made(auth_file=path, auth_mode="passthrough"))

    def test_a_file(self):
        credentials = self.made(auth_file=self.file(b'"bob" "%b"' % SECRET))
        self.assertEqual(credentials.look_up(b"bob").secret, SECRET)
        self.assertIsNone(credentials.look_up(b"alice").secret)
        credentials.stop()

    def test_the_database(self):
        credentials = self.by_query()
        self.assertEqual(self.looked_up(credentials, b"alice").secret, SECRET)
        self.assertEqual(self.database.server.startup[b"user"], b"acra_service")
        self.assertIsNone(self.looked_up(credentials, b"nobody").secret)
        self.assertIsNone(self.looked_up(credentials, b"acra_service").secret)
        lines = generate_latest(self.registry).decode()
        self.assertIn('acra_auth_lookups_total{result="secret",source="query"} 1.0', lines)
        self.assertIn("acra_auth_source_away 0.0", lines)
        credentials.stop()
        self.assertTrue(self.database.channels[0].aborted)

    def test_ages_and_iterations_are_settings(self):
        credentials = self.by_query(
            auth_cache_soft=5.0, auth_cache_hard=20.0, auth_scram_iterations=7000
        )
        self.looked_up(credentials, b"alice")
        self.clock.advance(4.0)
        self.assertEqual(credentials.look_up(b"alice").age, 4.0)
        self.assertEqual(credentials.look_up(b"alice").iterations, 7000)
        self.clock.advance(1.0)
        self.assertEqual(self.looked_up(credentials, b"alice").age, 0.0)
        self.assertEqual(len(self.database.server.asked), 2)


class Told(Base):
    def test_a_source_that_is_away_and_back(self):
        credentials = self.by_query()
        reply = self.database.server.reply
        self.looked_up(credentials, b"alice")
        self.database.server.reply = lambda data: refusal(b"42501")
        self.clock.advance(11.0)
        found = self.looked_up(credentials, b"alice")
        self.assertEqual((found.secret, found.away), (SECRET, True))
        self.assertIn("42501", credentials.trouble)
        self.assertEqual((credentials.sources, credentials.waiting), (["query"], 0))
        [(code, fields)] = self.events
        self.assertEqual(code, events.SOURCE_AWAY)
        self.assertIn("42501", fields["error"])
        self.assertNotIn("alice", str(fields))
        self.database.server.reply = reply
        self.looked_up(credentials, b"alice")
        self.assertEqual(self.log.lines, ["Secrets of users can be looked up again"])
        self.assertEqual(credentials.trouble, "")

    def test_secrets_that_are_not_the_databases(self):
        credentials = self.by_query(auth_file=self.file(b'"b\x01b" "%b"' % SECRET))
        self.looked_up(credentials, b"alice")
        credentials.stale(b"alice")
        credentials.stale(b"b\x01b")
        self.looked_up(credentials, b"alice")
        self.database.server.users[b"alice"] = verifier(b"new").encode()
        self.clock.advance(2.0)
        credentials.wrong(b"alice")
        self.assertEqual(
            self.events,
            [
                (events.SECRET_OUTDATED, {"user": "alice"}),
                (events.SECRET_OUTDATED, {"user": "b?b"}),
                (events.SECRET_OUTDATED, {"user": "alice"}),
            ],
        )


class Passwords(Base):
    def test_one_line(self):
        for data, expected in ((b"secret\n", b"secret"), (b"a b\r\n", b"a b"), (b" x ", b" x ")):
            path = self.file(data)
            self.assertEqual(read_password(settings(auth_query_password_file=path)), expected)
        self.assertEqual(read_password(settings()), b"")

    def test_files_that_have_none(self):
        for path in (self.file(b"\n"), self.file(b"a\0b"), self.file(b"x", 0o644), self.mktemp()):
            chosen = settings(auth_query_password_file=path)
            error = self.assertRaises(ConfigError, read_password, chosen)
            self.assertIn("auth_query_password_file", str(error))


class Daemon(Base):
    """The daemon has them, reads them anew and checks them before it starts."""

    def refused(self, **changes):
        return str(self.assertRaises(ConfigError, checks.check, settings(**changes)))

    def test_files_are_read_before_the_start(self):
        self.assertIn("line 1", self.refused(auth_file=self.file(b'"a" ""')))
        self.assertIn("auth_query_password_file", self.refused(auth_query_user="acra_service"))
        path = self.mktemp()
        said = self.refused(auth_query_user="acra_service", auth_query_password_file=path)
        self.assertIn("there is no", said)
        path = self.file(b"secret")
        role = {"auth_query_user": "acra_service", "auth_query_password_file": path}
        self.assertIn("$1", self.refused(**role, auth_query="select 'alice', 'x'"))
        checks.check(settings(**role, auth_without_tls=True))

    def test_a_reload(self):
        path = self.file(b'"a" "%b"' % SECRET)
        server = AcraServer(
            MemoryReactorClock(),
            settings(
                auth_file=path,
                auth_without_tls=True,
                incoming_connection_string=Address("127.0.0.1", 0),
            ),
        )
        self.addCleanup(close, server)
        self.assertEqual(server.context.credentials.look_up(b"a").secret, SECRET)
        with open(path, "wb") as file:
            file.write(b'"b" "%b"' % SECRET)
        server.reload()
        self.assertIsNone(server.context.credentials.look_up(b"a").secret)
        self.assertEqual(server.context.credentials.look_up(b"b").secret, SECRET)
        with open(path, "wb") as file:
            file.write(b'"b" "')
        server.reload()
        self.assertEqual(server.context.credentials.look_up(b"b").secret, SECRET)

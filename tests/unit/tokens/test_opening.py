"""Token stores and sources by name."""

import os

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.tokens.boltstore import BoltSource
from acra_twisted.tokens.exportfile import ExportSource, ExportWriter
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.opening import check_store, open_source, open_store
from acra_twisted.tokens.redisstore import RedisStore
from acra_twisted.tokens.sqlitestore import SQLiteStore
from tests.unit.tokens.test_boltstore import FILE

SETTINGS = {
    "redis_host_port": "localhost:6379",
    "redis_username": "",
    "redis_password": "",
    "redis_db_tokens": 0,
}


def checked(text, settings, reactor):
    check_store(text, settings)


class Opening(SynchronousTestCase):
    def open(self, text, opener=open_store, **changes):
        return opener(text, {**SETTINGS, **changes}, MemoryReactorClock())

    def refused(self, expected, text, opener=open_store, **changes):
        error = self.assertRaises(ConfigError, self.open, text, opener, **changes)
        self.assertIn(expected, str(error))

    def test_stores(self):
        path = self.mktemp()
        store = self.open(f"sqlite:{path}")
        self.assertIsInstance(store, SQLiteStore)
        self.assertTrue(os.path.exists(path))
        self.successResultOf(store.close())
        self.assertIsInstance(self.open("memory"), MemoryStore)
        self.assertIsInstance(self.open("redis"), RedisStore)
        self.assertIsInstance(self.open("redis", redis_host_port="/run/redis.sock"), RedisStore)
        self.assertIsInstance(self.open("redis", redis_host_port="[::1]:6379"), RedisStore)

    def test_sources_are_no_stores(self):
        bolt, export = self.mktemp(), self.mktemp()
        with open(bolt, "wb") as file:
            file.write(FILE)
        ExportWriter(export).close()
        self.assertIsInstance(self.open(f"boltdb:{bolt}", open_source), BoltSource)
        self.assertIsInstance(self.open(f"export:{export}", open_source), ExportSource)
        for text in (f"boltdb:{bolt}", f"export:{export}"):
            self.refused("acra-tokens import", text)

    def test_names_that_are_none(self):
        self.refused("did you mean 'sqlite'", "sqllite:tokens")
        self.refused("expected sqlite:FILE", "sqlite")
        self.refused("expected redis", "redis:localhost")
        expected = "expected redis, not 'redis:...'; redis_host_port names the server"
        self.refused(expected, "redis://:password@localhost")
        self.refused("expected memory", "memory:x")

    def test_a_missing_file_is_made_only_where_it_is_wanted(self):
        path = self.mktemp()

        def without(*given):
            return open_source(*given, create=False)

        self.refused("No such file", f"sqlite:{path}", without)
        self.assertFalse(os.path.exists(path))

    def test_redis_needs_an_address_and_a_database(self):
        for opener in (open_store, checked):
            self.refused("redis_host_port", "redis", opener, redis_host_port="")
            self.refused("no port", "redis", opener, redis_host_port="localhost")
            self.refused("redis_db_tokens", "redis", opener, redis_db_tokens=-1)

    def test_a_look_before_the_start_makes_and_opens_nothing(self):
        path = self.mktemp()
        for text in (f"sqlite:{path}", "redis", "memory"):
            self.open(text, checked)
        self.assertFalse(os.path.exists(path))
        self.open("redis", checked, redis_host_port="/run/redis")
        self.refused("no token store is named", "sqllite:tokens", checked)
        self.refused("expected sqlite:FILE", "sqlite", checked)
        self.refused("acra-tokens import", f"boltdb:{path}", checked)
        self.refused("no such folder", f"sqlite:{path}/tokens", checked)
        os.mkdir(path, 0o755)
        self.open(f"sqlite:{path}/tokens", checked)
        self.refused("no regular file", f"sqlite:{path}", checked)
        with open(f"{path}/tokens", "wb") as file:
            os.fchmod(file.fileno(), 0o644)
        self.refused("has mode 0644", f"sqlite:{path}/tokens", checked)

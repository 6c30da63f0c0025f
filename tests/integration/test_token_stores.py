"""Token stores in a real Redis and in real files, that others use and that are killed."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

from twisted.internet import reactor  # noqa: TID251 - txredisapi wants a real one
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from acra_twisted.errors import TokenStoreError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.options import Settings
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.sandbox.authority import Authority
from acra_twisted.tokens.sqlitestore import open_file
from acra_twisted.tokens.tokenizer import FOUND
from acra_twisted.tools.tokenrewrap import Habits, Rewrap
from acra_twisted.transport.credentials import Credentials
from tests.support import vectors
from tests.support.documents import TOP
from tests.support.realredis import RealRedis
from tests.support.tokenizing import Desk, setting
from tests.support.tokenstores import BUCKETS, compare, everything
from tests.unit.tokens.test_boltstore import FILE

VECTORS = vectors.encryption()["token_store"]


class Base(TestCase):
    def setUp(self):
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def redis(self, *options, **more):
        found = RealRedis(self.folder, *options, **more)
        self.addCleanup(found.stop)
        return found

    def store(self, redis, *given, **login):
        store = redis.store(*given, **login)
        self.addCleanup(store.close)
        return store


class InRedis(Base):
    async def test_it_does_what_the_contract_says(self):
        redis = self.redis()
        store, other = self.store(redis), redis.connection()
        self.addCleanup(other.close)
        for seed in range(40):
            await other.ask([(b"FLUSHDB",)])
            await compare(self, store, Random(seed))

    async def test_two_writers_at_once_agree(self):
        redis = self.redis()
        stores = [self.store(redis) for _ in range(2)]
        answers = await gatherResults(
            [
                store.add(BUCKETS[0], [[(b"t.%d.%d" % (mine, n), b"x"), (b"h.%d" % n, b"y")]])
                for n in range(100)
                for mine, store in enumerate(stores)
            ]
        )
        for n in range(100):
            self.assertEqual(sorted(x for [x] in answers[2 * n : 2 * n + 2]), [False, True])
        self.assertEqual(len(await everything(stores[0])), 200)

    async def test_many_pages(self):
        store = self.store(self.redis())
        groups = [[(b"t.%d" % n, b"%d" % n)] for n in range(5000)]
        self.assertEqual(await store.add(BUCKETS[0], groups), [True] * 5000)
        self.assertEqual(len(set(await everything(store))), 5000)

    async def test_what_acra_has_written_is_read_and_written_alike(self):
        redis = self.redis()
        store, raw = self.store(redis), redis.connection()
        self.addCleanup(raw.close)
        texts = {r["redis_key"].encode(): r["redis_value"].encode() for r in VECTORS["records"]}
        await raw.ask([(b"SET", *pair) for pair in texts.items()])
        pairs = [tuple(vectors.unhex(record, "key", "record")) for record in VECTORS["records"]]
        found = await everything(store)
        self.assertEqual(sorted(entry[1:] for entry in found), sorted(pairs))
        self.assertEqual(await store.remove(found), [True] * 3)
        await store.add(bytes.fromhex(VECTORS["bucket"]), [[pair] for pair in pairs])
        self.assertEqual(await raw.ask([(b"MGET", *texts)]), [list(texts.values())])

    async def test_a_redis_that_is_killed_loses_nothing_that_was_promised(self):
        redis = self.redis()
        desk = Desk(store=self.store(redis))
        column = setting(consistent=True)
        values = [[b"value %d of %d" % (n, turn) for n in range(20)] for turn in range(30)]
        writing = DeferredList(
            [desk.tokenizer.tokenize(column, some, "client") for some in values],
            consumeErrors=True,
        )
        redis.kill()
        promised = {}
        for some, (succeeded, result) in zip(values, await writing, strict=True):
            if succeeded:
                promised.update(zip(some, result, strict=True))
            else:
                result.trap(TokenStoreError)
        error = await self.assertFailure(
            desk.another().tokenize(column, [b"another"], "client"), TokenStoreError
        )
        self.assertNotIn("another", str(error))
        redis.start()
        again = desk.another()
        found = await again.detokenize(column, list(promised.values()), "client")
        self.assertEqual([tuple(each) for each in found], [(FOUND, value) for value in promised])
        every = [value for some in values for value in some]
        made = await again.tokenize(column, every, "client")
        for value, token in zip(every, made, strict=True):
            self.assertEqual(promised.get(value, token), token)

    async def test_a_user_needs_no_more_than_the_page_says(self):
        page = (TOP / "docs/tokens.rst").read_text()
        rights = re.search(r"ACL SETUSER acra on >PASSWORD (.*)", page)[1]
        users = self.folder / "users.acl"
        users.write_text(f"user default off\nuser acra on >secret {rights}\n")
        redis = self.redis("--aclfile", str(users))
        store = self.store(redis, username="acra", password="secret", database=2)
        for seed in range(4):
            await store.remove(await everything(store))
            await compare(self, store, Random(seed))
        error = await self.assertFailure(
            self.store(redis, username="acra", password="wrong").page(), TokenStoreError
        )
        self.assertIn("WRONGPASS", str(error))

    async def test_tls_is_verified(self):
        authority = Authority(self.folder)
        certificate, key = authority.issue("redis", hosts=("redis.example",))
        redis = self.redis(
            *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
            *("--tls-ca-cert-file", str(authority.path)),
            tls=True,
        )

        def creator(name, **changes):
            files = {"ca": str(authority.path), "cert": str(certificate), "key": str(key)}
            named = {f"redis_tls_client_{k}": v for k, v in {**files, **changes}.items()}
            credentials = Credentials(
                Settings({"tls_auth": 4, **named}), "redis_tls_client_", falls_back=False
            )
            return credentials.client_creator(name).creator

        store = self.store(redis, creator("redis.example"))
        await compare(self, store, Random(0))
        await self.assertFailure(
            self.store(redis, creator("other.example")).page(), TokenStoreError
        )
        unknown = self.folder / "unknown"
        unknown.mkdir()
        stranger = creator("redis.example", ca=str(Authority(unknown).path))
        await self.assertFailure(self.store(redis, stranger).page(), TokenStoreError)
        await self.assertFailure(self.store(redis).page(), TokenStoreError)


#: Stores pairs until it is killed; prints each that the store has promised.
WRITER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred
from acra_twisted.tokens.sqlitestore import open_file

async def write(store):
    n = 0
    while True:
        n += 1
        pair = [(b"t.%d" % n, b"x" * 300), (b"h.%d" % n, b"y" * 300)]
        [done] = await store.add(bytes(32), [pair])
        print(n, done, flush=True)

reactor.callWhenRunning(lambda: ensureDeferred(write(open_file(sys.argv[1], reactor))))
reactor.run()
"""


class InFiles(Base):
    async def test_a_writer_that_is_killed_leaves_whole_groups(self):
        path = str(self.folder / "tokens.db")
        child = subprocess.Popen(  # noqa: ASYNC220 - its lines are waited for
            [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True
        )
        lines = [child.stdout.readline() for _ in range(30)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.read().splitlines()
        child.stdout.close()
        child.wait()
        promised = {int(line.split()[0]) for line in lines if line.endswith(("True\n", "True"))}
        self.assertGreater(len(promised), 29)
        store = open_file(path, reactor)
        self.addCleanup(store.close)
        found = {entry.key for entry in await everything(store)}
        numbers = {int(key[2:]) for key in found}
        self.assertEqual(found, {b"%b.%d" % (k, n) for n in numbers for k in (b"t", b"h")})
        self.assertLessEqual(promised, numbers)


class Rewrapping(Base):
    """Records get the newest key while a server writes and reads them."""

    async def under_way(self, ours, servers):
        column, fleeting = setting(consistent=True), setting()
        server = Desk(store=servers)
        known = [b"known %d" % n for n in range(1500)]
        before = await server.tokenizer.tokenize(column, known, "client")
        server.keys.put(STORAGE_SYMMETRIC, b"newest".ljust(32), "client")
        # Every record is a day old: each that is read is written, too.
        server.now += 25 * 3600
        owners = {"client": server.keys.keys(STORAGE_SYMMETRIC, "client")}
        habits = Habits(False, lambda number: deferLater(reactor, 0), lambda number, counts: None)
        work = Deferred.fromCoroutine(Rewrap(ours, owners, habits, is_whole=True).run())
        made = {}
        for turn in range(200):
            if work.called:
                break
            values = [b"new %d of %d" % (n, turn) for n in range(5)]
            found = await server.another().tokenize(fleeting, values, "client")
            made |= dict(zip(found, values, strict=True))
            some = slice(turn * 7, turn * 7 + 7)
            found = await server.another().detokenize(column, before[some], "client")
            self.assertEqual([tuple(one) for one in found], [(FOUND, v) for v in known[some]])
        counts = await work
        self.assertEqual((counts.sealed, counts.closed), (3000, {}))
        self.assertGreater(len(made), 0)
        alone = Desk(store=servers)
        alone.keys = MemoryKeyStore()
        alone.keys.put(STORAGE_SYMMETRIC, b"newest".ljust(32), "client")
        reader = alone.another()
        found = await reader.detokenize(column, before, "client")
        self.assertEqual([tuple(one) for one in found], [(FOUND, value) for value in known])
        found = await reader.detokenize(fleeting, list(made), "client")
        self.assertEqual([tuple(one) for one in found], [(FOUND, v) for v in made.values()])

    async def test_in_redis(self):
        redis = self.redis()
        await self.under_way(self.store(redis), self.store(redis))

    async def test_in_a_file(self):
        stores = [open_file(str(self.folder / "tokens.db"), reactor) for _ in range(2)]
        for store in stores:
            self.addCleanup(store.close)
        await self.under_way(*stores)


class Tool(Base):
    """acra-tokens, as a program."""

    def call(self, *arguments, status=0, answer=""):
        program = "import sys; from acra_twisted.tools.tokens import script; sys.exit(script())"
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            input=answer,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if not status else done.stderr

    def test_from_boltdb_over_sqlite_to_redis(self):
        redis = self.redis()
        there = (f"-redis_host_port=127.0.0.1:{redis.port}", "-redis_db_tokens=0")
        (self.folder / "acra.db").write_bytes(FILE)
        self.assertIn("TokenCount: 3\n", self.call("status", "-token_db=acra.db"))
        here = "--token_store=sqlite:tokens.db"
        self.assertIn("Imported: 3\n", self.call("import", here, "boltdb:acra.db"))
        self.assertIn("Imported: 3\n", self.call("import", *there, "sqlite:tokens.db"))
        self.assertIn("AlreadyThere: 3\n", self.call("import", *there, "boltdb:acra.db"))
        self.assertIn("DisabledTokenCount: 1\n", self.call("status", *there))
        self.assertIn("Enabled: 1\n", self.call("enable", *there))
        self.assertIn("Disabled: 3\n", self.call("disable", *there))
        self.assertIn("Removed: 3\n", self.call("remove", *there, "-only_disabled", "--yes"))
        self.assertIn("TokenCount: 0\n", self.call("status", *there))
        self.call("remove", here, "--all", status=1, answer="yes\n")
        self.assertIn("TokenCount: 3\n", self.call("status", here))

    def test_a_redis_that_is_not_there_is_one_line(self):
        error = self.call(
            "status", "--redis_host_port=127.0.0.1:1", "--redis_db_tokens=0", status=1
        )
        self.assertEqual(error.count("\n"), 1)
        self.assertIn("refused", error)

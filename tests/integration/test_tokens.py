"""Tokens in the place of values: the database holds tokens, clients see their values."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import psycopg

from acra_twisted import events, purposes
from acra_twisted.encryption import tokens
from tests.integration.protected import ProtectedCase, asyncpg_session
from tests.support import preloaded, vectors
from tests.support.realredis import RealRedis
from tests.unit.tokens.test_boltstore import FILE

CONFIG = """
schemas:
  - table: people
    columns: [id, phone, account, name, email, raw, once, hidden]
    encrypted:
      - column: phone
        token_type: int32
        consistent_tokenization: true
      - column: account
        token_type: int64
        consistent_tokenization: true
      - column: name
        token_type: str
        consistent_tokenization: true
      - column: email
        token_type: email
        consistent_tokenization: true
      - column: raw
        token_type: bytes
        consistent_tokenization: true
      - column: once
        token_type: str
      - column: hidden
        token_type: str
        read: [others alone]
"""
TABLE = (
    "CREATE TABLE people (id int PRIMARY KEY, phone int, account bigint, name text,"
    " email varchar(80), raw bytea, once text, hidden text)"
)
COLUMNS = "phone, account, name, email, raw, once"
ZAPHOD = (4711, -(1 << 40), "Zaphodius", "zaphod@example.com", b"\0\xff Trillian", "Marvinius")
OTHER = "other application"


class Base(ProtectedCase):
    """Daemons with one store of tokens, for two clients."""

    config = CONFIG
    table = TABLE

    @classmethod
    def make_served(cls):
        for purpose in (purposes.SEARCH_HMAC, purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            cls.keys.writer.generate(purpose, OTHER)
        cls.work = Path(tempfile.mkdtemp(prefix="acra-tokens-"))
        cls.store = cls.make_store()
        return cls.daemon()

    @classmethod
    def make_store(cls):
        """The section [tokens] of the daemons."""
        return {"token_store": f"sqlite:{cls.work}/tokens.db"}

    @classmethod
    def daemon(cls, client=ProtectedCase.client):
        return cls.protect(cls.keys, {"server": {"client_id": client}, "tokens": cls.store})

    def stored(self, columns=COLUMNS, where="true"):
        with self.direct() as db:
            return db.execute(f"SELECT {columns} FROM people WHERE {where} ORDER BY id").fetchall()

    def insert(self, db, key, values=ZAPHOD):
        places = ", ".join(["%s"] * (len(values) + 1))
        db.execute(f"INSERT INTO people (id, {COLUMNS}) VALUES ({places})", (key, *values))

    def assert_tokens(self, row, values=ZAPHOD):
        for token, value in zip(row, values, strict=True):
            self.assertIs(type(token), type(value))
            self.assertNotEqual(token, value)
            if not isinstance(value, int):
                self.assertEqual(len(token), len(value))

    def tool(self, *arguments):
        ended, said = preloaded.run("acra-tokens", arguments)
        self.assertEqual(ended, 0, said)
        return said


class InSQLite(Base):
    def test_literals_of_all_types(self):
        with self.connect(self.served) as db:
            db.execute(
                f"INSERT INTO people (id, {COLUMNS}) VALUES (1, 4711, -1099511627776, 'Zaphodius',"
                " 'zaphod@example.com', '\\x00ff205472696c6c69616e', 'Marvinius'),"
                " (2, -4711, 5, '', 'z@b.de', NULL, E'it\\'s')"
            )
            first, second = db.execute(f"SELECT {COLUMNS} FROM people ORDER BY id").fetchall()
            self.assertEqual(first, ZAPHOD)
            self.assertEqual(second, (-4711, 5, "", "z@b.de", None, "it's"))
            found = db.execute("SELECT once FROM people WHERE id = 1")
            self.assertEqual(found.description[0].type_code, 25)
        self.assert_tokens(self.stored()[0])

    def test_parameters_in_text_and_binary(self):
        with self.connect(self.served) as db:
            self.insert(db, 1)
            for binary in (False, True):
                cursor = db.cursor(binary=binary)
                cursor.execute(f"SELECT {COLUMNS} FROM people")
                self.assertEqual(cursor.fetchone(), ZAPHOD)
                self.assertEqual(
                    [one.type_code for one in cursor.description], [23, 20, 25, 25, 17, 25]
                )
                cursor.execute(
                    "SELECT id FROM people WHERE phone = %s AND name = %s AND raw = %s AND"
                    " account = %s AND email = %s",
                    (4711, "Zaphodius", ZAPHOD[4], ZAPHOD[1], ZAPHOD[3]),
                )
                self.assertEqual(cursor.fetchall(), [(1,)])
        self.assert_tokens(self.stored()[0])

    def test_asyncpg(self):
        async def use():
            async with asyncpg_session(self.served) as db:
                await db.executemany(
                    f"INSERT INTO people (id, {COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    [(key, *ZAPHOD) for key in range(50)],
                )
                rows = await db.fetch(f"SELECT {COLUMNS} FROM people")
                self.assertEqual([tuple(row) for row in rows], [ZAPHOD] * 50)
                for text, value in (
                    ("phone = $1", 4711),
                    ("phone = ANY($1)", [1, 4711]),
                    ("name = $1", "Zaphodius"),
                    ("name = ANY($1)", ["Zaphodius", None]),
                    ("raw = $1", ZAPHOD[4]),
                ):
                    found = await db.fetchval(f"SELECT count(*) FROM people WHERE {text}", value)
                    self.assertEqual(found, 50, text)
                text = "SELECT count(*) FROM people WHERE phone = 31337 AND id >= $1"
                self.assertEqual(await db.fetchval(text, 0), 0)
                await db.execute("UPDATE people SET phone = $1 WHERE id = 7", 31337)
                self.assertEqual(await db.fetchval(text, 0), 1)
                prepared = await db.prepare("SELECT name, phone FROM people WHERE id = $1")
                self.assertEqual(tuple(await prepared.fetchrow(8)), ("Zaphodius", 4711))

        asyncio.run(use())

    def test_the_same_value_has_the_same_token_in_all_sessions_and_daemons(self):
        second = self.daemon()
        for key, chain in enumerate((self.served, second, self.served)):
            with self.connect(chain) as db:
                self.insert(db, key)
        rows = self.stored("phone, account, name, email, raw")
        self.assertEqual(len(set(rows)), 1)
        self.assertEqual(len(set(self.stored("once"))), 3)
        with self.connect(second) as db:
            self.assertEqual(db.execute(f"SELECT {COLUMNS} FROM people").fetchall(), [ZAPHOD] * 3)
        second.stop()

    def test_searches_joins_and_groups(self):
        with self.connect(self.served) as db:
            for key in range(4):
                self.insert(db, key, (key % 2, key, f"name {key % 2}", "a@b.de", b"x", "o"))
            for text, rows in (
                ("SELECT id FROM people WHERE phone = 1 ORDER BY id", [(1,), (3,)]),
                (
                    "SELECT id FROM people WHERE name IN ('name 0', 'none') ORDER BY id",
                    [(0,), (2,)],
                ),
                (
                    "SELECT id FROM people WHERE name <> 'none' ORDER BY id",
                    [(k,) for k in range(4)],
                ),
                (
                    "SELECT id FROM people WHERE name NOT IN ('none', 'name 1') ORDER BY id",
                    [(0,), (2,)],
                ),
                (
                    "SELECT a.id, b.id FROM people a JOIN people b ON a.name = b.name"
                    " AND a.id < b.id ORDER BY 1",
                    [(0, 2), (1, 3)],
                ),
                ("SELECT id FROM people WHERE phone = 99", []),
            ):
                self.assertEqual(db.execute(text).fetchall(), rows, text)
            found = db.execute("SELECT name, count(*) FROM people GROUP BY name").fetchall()
            self.assertEqual(sorted(found), [("name 0", 2), ("name 1", 2)])
            for text in (
                "SELECT id FROM people WHERE once = 'o'",
                "SELECT id FROM people WHERE phone > 3",
                "SELECT id FROM people ORDER BY name",
            ):
                with self.assertRaises(psycopg.errors.FeatureNotSupported) as caught:
                    db.execute(text)
                self.assertNotIn("'o'", str(caught.exception))

    def test_a_search_makes_no_token(self):
        with self.connect(self.served) as db:
            before = self.tool("status", f"--token_store={self.store['token_store']}")
            for number in range(20):
                db.execute("SELECT id FROM people WHERE phone = %s", (10_000 + number,))
            after = self.tool("status", f"--token_store={self.store['token_store']}")
        self.assertEqual(after, before)

    def test_others_see_the_token(self):
        other = self.daemon(OTHER)
        with self.connect(self.served) as db, self.connect(other) as foreign:
            self.insert(db, 1)
            [row] = foreign.execute(f"SELECT {COLUMNS} FROM people").fetchall()
            self.assert_tokens(row)
            self.assertEqual(self.stored(), [row])
            found = foreign.execute("SELECT id FROM people WHERE name = 'Zaphodius'").fetchall()
            self.assertEqual(found, [])
            self.insert(foreign, 2)
            self.assertEqual(
                foreign.execute(f"SELECT {COLUMNS} FROM people WHERE id = 2").fetchone(), ZAPHOD
            )
            db.execute("UPDATE people SET hidden = 'secret word' WHERE id = 1")
            hidden = db.execute("SELECT hidden FROM people WHERE id = 1").fetchone()
            self.assertEqual([hidden], self.stored("hidden", "id = 1"))
            self.assertNotEqual(hidden, ("secret word",))
        other.stop()

    def test_ten_thousand_rows(self):
        with self.connect(self.served) as db:
            rows = ", ".join(f"({key}, 'name {key}')" for key in range(10_000))
            db.execute(f"INSERT INTO people (id, name) VALUES {rows}")
            found = db.execute("SELECT id, name FROM people ORDER BY id").fetchall()
        self.assertEqual(found, [(key, f"name {key}") for key in range(10_000)])
        self.assertEqual(len(set(self.stored("name"))), 10_000)

    def test_a_disabled_token_is_an_error_until_it_is_enabled(self):
        store = f"--token_store={self.store['token_store']}"
        with self.connect(self.served) as db:
            self.insert(db, 1)
        self.tool("disable", store)
        fresh = self.daemon()
        try:
            with self.connect(fresh) as db:
                with self.assertRaises(psycopg.errors.DataException) as caught:
                    db.execute("SELECT name FROM people")
                self.assertIn("people.name", str(caught.exception))
                [token] = self.stored("name")[0]
                self.assertNotIn(token, str(caught.exception))
                with self.assertRaises(psycopg.Error):
                    self.insert(db, 2)
                self.assertEqual(db.execute("SELECT id FROM people").fetchall(), [(1,)])
                db.execute("SELECT id FROM people WHERE name = 'Zaphodius'")
                self.tool("enable", store)
                self.assertEqual(db.execute(f"SELECT {COLUMNS} FROM people").fetchone(), ZAPHOD)
        finally:
            self.tool("enable", store)
            fresh.stop()

    def test_copied_rows(self):
        with self.connect(self.served) as db:
            self.insert(db, 1)
            with db.cursor().copy("COPY people (id, phone, name, raw) FROM STDIN") as copy:
                for number in range(2, 500):
                    copy.write_row((number, 4711, "Zaphodius", ZAPHOD[4]))
            rows = self.stored("phone, name, raw")
            self.assertEqual((len(rows), len(set(rows))), (499, 1))
            self.assert_tokens(rows[0], (4711, "Zaphodius", ZAPHOD[4]))
            with db.cursor().copy("COPY people (phone, name) TO STDOUT") as copy:
                read = b"".join(bytes(piece) for piece in copy)
            self.assertEqual(read, b"4711\tZaphodius\n" * 499)

    def test_refusals_inside_a_transaction_leave_it_in_order(self):
        with self.connect(self.served, autocommit=False) as db:
            self.insert(db, 1)
            with self.assertRaises(psycopg.errors.NumericValueOutOfRange):
                db.execute("UPDATE people SET phone = 99999999999")
            db.rollback()
            self.insert(db, 2)
            db.commit()
            self.assertEqual(db.execute("SELECT id FROM people").fetchall(), [(2,)])


class InRedis(Base):
    @classmethod
    def make_store(cls):
        cls.redis = RealRedis(cls.work)
        cls.addClassCleanup(cls.redis.stop)
        return {"redis_host_port": f"127.0.0.1:{cls.redis.port}", "redis_db_tokens": "0"}

    def test_a_redis_that_is_killed_refuses_statements_and_comes_back(self):
        with self.connect(self.served) as db:
            self.insert(db, 1)
        fresh = self.daemon()
        with self.connect(fresh) as db, self.connect(fresh, autocommit=False) as busy:
            busy.execute("INSERT INTO people (id) VALUES (5)")
            self.redis.kill()
            for statement in (
                f"SELECT {COLUMNS} FROM people WHERE id = 1",
                "UPDATE people SET name = 'Trilliania'",
                "SELECT id FROM people WHERE name = 'Zaphodius'",
            ):
                with self.assertRaises(psycopg.errors.IoError) as caught:
                    db.execute(statement)
                self.assertIn("column people.", str(caught.exception))
                for token in self.stored()[0]:
                    self.assertNotIn(str(token), str(caught.exception))
            self.assertEqual(db.execute("SELECT id FROM people").fetchall(), [(1,)])
            with self.assertRaises(psycopg.errors.IoError):
                busy.execute("UPDATE people SET name = 'Trilliania' WHERE id = 5")
            self.assertEqual(busy.info.transaction_status, psycopg.pq.TransactionStatus.INERROR)
            busy.rollback()
            self.redis.start()
            self.assertEqual(
                db.execute(f"SELECT {COLUMNS} FROM people WHERE id = 1").fetchone(), ZAPHOD
            )
            db.execute("UPDATE people SET name = 'Trilliania'")
            self.assertEqual(self.stored("id"), [(1,)])
        log = (fresh.folder / "acra-server.log").read_text()
        self.assertIn(f'"code":{events.TOKENS_AWAY}', log.replace(" ", ""))
        fresh.stop()

    def test_two_daemons_that_write_the_same_values_at_once_agree(self):
        second = self.daemon()
        names = [f"name {number}" for number in range(300)]

        async def write(chain, first):
            async with asyncpg_session(chain) as db:
                await db.executemany(
                    "INSERT INTO people (id, name) VALUES ($1, $2)",
                    [(first + number, name) for number, name in enumerate(names)],
                )

        async def both():
            await asyncio.gather(write(self.served, 0), write(second, 1000))

        asyncio.run(both())
        found = [token for (token,) in self.stored("name")]
        self.assertEqual(found[:300], found[300:])
        self.assertEqual(len(set(found)), 300)
        second.stop()

    def test_records_have_the_names_that_acra_gives_them(self):
        with self.connect(self.served) as db:
            self.insert(db, 1)
        place = ("--redis_host_port", f"127.0.0.1:{self.redis.port}", "--redis_db_tokens", "0")
        exported = self.work / f"{self.id()}.export"
        self.tool("export", *place, str(exported))
        text = exported.read_text()
        token = self.stored("name")[0][0]
        scope = tokens.scope_of(self.keys.client_id)
        for key in (
            tokens.value_key("str", b"Zaphodius", scope),
            tokens.token_key("str", token.encode(), scope),
        ):
            self.assertIn(key.hex(), text)
        self.assertNotIn("Zaphodius", text)

    def test_tokens_that_acra_has_made_are_read_and_found(self):
        key = bytearray(bytes.fromhex(vectors.encryption()["keys"]["symmetric"]))
        self.keys.writer.put(purposes.STORAGE_SYMMETRIC, "client", key)
        file = self.work / "acra.db"
        file.write_bytes(FILE)
        place = ("--redis_host_port", f"127.0.0.1:{self.redis.port}", "--redis_db_tokens", "0")
        self.assertIn("Imported: 3", self.tool("import", *place, f"boltdb:{file}"))
        with self.direct() as db:
            db.execute("INSERT INTO people (id, name, phone) VALUES (1, 'czpL', -388003460)")
        acra = self.daemon("client")
        with self.connect(acra) as db:
            self.assertEqual(db.execute("SELECT name FROM people").fetchall(), [("Anna",)])
            found = db.execute("SELECT id FROM people WHERE name = %s", ("Anna",))
            self.assertEqual(found.fetchall(), [(1,)])
            with self.assertRaises(psycopg.errors.DataException):
                db.execute("SELECT phone FROM people")
            db.execute("INSERT INTO people (id, name) VALUES (2, 'Anna')")
            self.assertEqual(self.stored("name"), [("czpL",)] * 2)
        acra.stop()

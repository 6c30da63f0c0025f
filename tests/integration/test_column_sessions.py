"""Sessions that use protected columns and end in every way: nothing of them is left behind."""

from __future__ import annotations

import socket
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymysql

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.mariadb import MariaDB
from acra_twisted.sandbox.processes import resident
from acra_twisted.wire.mysql.frames import packets
from tests.integration.base import Surroundings, eventually, raw_session
from tests.soak import columns
from tests.support.daemons import WATCHED, defects, descriptors, metric
from tests.support.sessions import SYNC, TERMINATE, bind, execute, message, parse, query, ready, row

#: Sessions of a round, and what AcraServer may hold more behind a round once it is warm: less than
#: 3 kB for each.
SESSIONS, GROWTH = 600, 3 << 19
#: Rounds in which it gets warm at the latest.
ROUNDS = 8
_AT_ONCE = 4
#: The option by which the end of a connection is a reset.
_RESET = (socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


READY = ready()


class Left(Surroundings):
    """``one_session(n)`` is a session that ends in the way ``n``."""

    WAYS = 11

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = Keys(cls.folder, "columns application")
        cls.keys.writer.generate(purposes.SEARCH_HMAC, cls.keys.client_id)
        for purpose in (purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            cls.keys.writer.generate(purpose, columns.ANOTHER)
        cls.config = cls.folder / "columns.yaml"
        cls.config.write_text(columns.CONFIG)

    def served(self, port, **more):
        """A server with protected columns, before the database at ``port``."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        chain = Chain(
            ("127.0.0.1", port),
            link="none",
            folder=folder,
            keys=self.keys,
            server={
                "server": WATCHED,
                "logging": {"v": "false"},
                "encryptor": {"encryptor_config_file": str(self.config)},
                "tokens": {"token_store": f"sqlite:{folder}/tokens.db"},
                "database": more,
            },
        )
        self.addCleanup(chain.stop)
        return chain.start()

    def check(self):
        """Begin rounds of sessions, until one leaves nothing behind."""
        chain, pid, pages = self.chain_, self.chain_.server.pid, self.chain_.server_pages
        grown = []
        self.some(range(SESSIONS))
        files, memory = descriptors(pid), resident(pid)
        for begun in range(SESSIONS, (ROUNDS + 1) * SESSIONS, SESSIONS):
            self.some(range(begun, begun + SESSIONS))
            eventually(lambda: metric(pages, "acra_open_connections") == 0, "connections end")
            eventually(lambda: descriptors(pid) <= files, "descriptors are closed")
            eventually(lambda: self.others() == 0, "the database has no session any more")
            eventually(lambda: metric(pages, "acra_sessions") == 0, "sessions end")
            self.assertEqual(metric(pages, "acraserver_connections_total"), begun + SESSIONS)
            memory, before = resident(pid), memory
            grown.append(memory - before)
            if grown[-1] < GROWTH:
                break
        else:
            self.fail(f"memory grows for ever: {grown}")
        self.assertEqual(defects(chain.folder / "acra-server.log"), [])

    def some(self, numbers):
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(self.one_session, numbers):
                pass

    def one_session(self, number):
        raise NotImplementedError

    def others(self):
        """The sessions of the database, but for the one that asks."""
        raise NotImplementedError


class Postgresql(Left):
    def setUp(self):
        with self.direct() as db:
            db.execute(columns.postgresql(self.config))
        self.chain_ = self.served(self.postgres.port)

    def test_rl11_sessions_of_postgresql(self):
        self.check()

    def others(self):
        text = "SELECT count(*) - 1 FROM pg_stat_activity WHERE backend_type = 'client backend'"
        with self.direct() as db:
            return db.execute(text).fetchone()[0]

    def one_session(self, number):
        name = f"plainly {number}".encode()
        insert = b"INSERT INTO people (id, name) VALUES (%d, '%s')" % (number, name)
        select = b"SELECT name FROM people WHERE id = %d" % number
        statement = parse(b"s", b"INSERT INTO people (id, name, nick) VALUES ($1, $2, 'nick')")
        values = bind(b"", b"s", (b"%d" % number, name))
        way = number % self.WAYS
        with raw_session(self.chain_.port) as raw:

            def ask(data, until=READY):
                raw.sendall(data)
                return said(raw, until)

            if way == 0:
                ask(query(insert))
                self.assertIn(row(name), ask(query(select)))
                raw.sendall(TERMINATE)
            elif way == 1:
                ask(statement + values + execute() + SYNC)
                self.assertIn(row(name), ask(query(select)))
                raw.sendall(TERMINATE)
            elif way == 2:
                ask(statement + SYNC)
                raw.setsockopt(*_RESET)
            elif way == 3:
                ask(query(b"BEGIN"), ready(b"T"))
                raw.sendall(query(insert))
                raw.setsockopt(*_RESET)
            elif way == 4:
                raw.sendall(query(insert) + statement)
            elif way == 5:
                ask(query(b"COPY people (id, name) FROM STDIN"), b"G\0\0\0")
                raw.sendall(message(b"d", b"%d\t%s" % (number, name)))
            elif way == 6:
                self.assertIn(b"C0A000", ask(query(b"UPDATE people SET name = name || 'a'")))
                raw.sendall(TERMINATE)
            elif way == 7:
                raw.sendall(query(b"SELECT * FROM people"))
                raw.recv(20)
                raw.setsockopt(*_RESET)
            elif way == 8:
                ask(query(b"CREATE TEMP TABLE apart (name bytea)") + query(insert))
            elif way == 9:
                ask(query(b"BEGIN; DECLARE c CURSOR FOR SELECT name FROM people"), ready(b"T"))
                ask(query(b"FETCH 3 FROM c"), ready(b"T"))
            else:
                raw.sendall(query(insert)[: number % 50])


class Mariadb(Left):
    @classmethod
    def make_postgres(cls):
        return Unused()

    def setUp(self):
        self.mariadb = MariaDB(listens=True)
        self.addCleanup(self.mariadb.stop)
        self.mariadb.start()
        self.mariadb.account("u", "pw")
        self.mariadb.run(f"CREATE DATABASE shop; USE shop; {columns.mysql(self.config)}")
        self.chain_ = self.served(self.mariadb.port, mysql_enable="true")

    def test_rl11_sessions_of_mariadb(self):
        self.check()

    def others(self):
        text = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE user = 'u'"
        return int(self.mariadb.run(text))

    def one_session(self, number):
        name = f"plainly {number}"
        insert = f"INSERT INTO people (id, name) VALUES ({number}, '{name}')"
        db = pymysql.connect(
            host="127.0.0.1",
            port=self.chain_.port,
            user="u",
            password="pw",
            database="shop",
            autocommit=True,
            read_timeout=60,
            # It takes longer than all the rest to read the certificates of the system.
            ssl_disabled=True,
        )
        raw, way, cursor = db._sock, number % self.WAYS, db.cursor()
        if way == 0:
            cursor.execute(insert)
            cursor.execute("SELECT name FROM people WHERE id = %s", (number,))
            self.assertEqual(cursor.fetchall(), ((name,),))
        elif way == 1:
            with self.assertRaises(pymysql.MySQLError):
                cursor.execute("PREPARE s FROM 'INSERT INTO people (id, name) VALUES (?, ?)'")
            cursor.execute("PREPARE s FROM 'SELECT ?'")
        elif way == 2:
            raw.sendall(packets(b"\x16INSERT INTO people (id, name) VALUES (?, ?)", 0))
            raw.recv(4)
            raw.setsockopt(*_RESET)
        elif way == 3:
            cursor.execute("BEGIN")
            raw.sendall(packets(b"\x03" + insert.encode(), 0))
            raw.setsockopt(*_RESET)
        elif way == 4:
            raw.sendall(packets(b"\x03" + insert.encode(), 0) * 2)
        elif way == 5:
            raw.sendall(packets(b"\x1cINSERT", 0)[: 4 + number % 3])
        elif way == 6:
            with self.assertRaises(pymysql.MySQLError) as caught:
                cursor.execute("UPDATE people SET name = CONCAT(name, 'a')")
            self.assertEqual(caught.exception.args[0], 1235)
        elif way == 7:
            raw.sendall(packets(b"\x03SELECT * FROM people", 0))
            raw.recv(20)
            raw.setsockopt(*_RESET)
        elif way == 8:
            cursor.execute("CREATE TEMPORARY TABLE apart (name BLOB)")
            cursor.execute(insert)
        elif way == 9:
            cursor.execute("SET @a = 1")
            cursor.execute("SELECT name FROM people LIMIT 3")
        else:
            raw.sendall(packets(b"\x03" + insert.encode(), 0)[: number % 50])
        raw.close()
        db._force_close()


class Unused:
    """Nothing where no PostgreSQL is wanted."""

    def start(self):
        """Start nothing."""

    def remove(self):
        """Remove nothing."""


def said(raw, until):
    """All that comes until this has come."""
    heard = b""
    while until not in heard:
        more = raw.recv(1 << 16)
        if not more:
            raise AssertionError(f"the session has ended behind {heard[-200:]!r}")
        heard += more
    return heard

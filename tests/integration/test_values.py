"""Values that hold containers, as real drivers read them, against a twin that holds plaintext."""

import asyncio
import socket
from contextlib import contextmanager

import asyncpg
import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from acra_twisted.wire.postgres.frames import StartupPacket
from acra_twisted.writer import create_acrablock, create_acrastruct
from tests.integration.base import get
from tests.integration.test_protection import Protected
from tests.support.sessions import query

#: Of the tables stored and plain; `{t}` is either.
NESTED = (
    "SELECT array_agg(data ORDER BY id) FROM {t}",
    "SELECT array_agg(ARRAY[data, NULL, data] ORDER BY id) FROM {t}",
    "SELECT array_agg(data::text ORDER BY id) FROM {t}",
    "SELECT array_agg(to_jsonb(data) ORDER BY id) FROM {t}",
    "SELECT array_agg(to_json(data) ORDER BY id) FROM {t}",
    "SELECT row(id, data, data::text, NULL) FROM {t} ORDER BY id",
    "SELECT array_agg(row(id, data) ORDER BY id) FROM {t}",
    "SELECT row(1, array_agg(row(id, array[data])), 'x') FROM {t}",
    "SELECT {t} FROM {t} ORDER BY id",
    "SELECT row(id, data)::pair FROM {t} ORDER BY id",
    "SELECT array_agg(row(id, data)::pair ORDER BY id) FROM {t}",
    "SELECT row(data::blob, 'x'::word) FROM {t} ORDER BY id",
    "SELECT ARRAY[data::blob] FROM {t} ORDER BY id",
    "SELECT words(data::text, NULL) FROM {t} ORDER BY id",
    "SELECT wordses(words(data::text, NULL)) FROM {t} ORDER BY id",
    "SELECT bytes(data, data, '[]') FROM {t} ORDER BY id",
    "SELECT ARRAY[bytes(data, data, '[]')] FROM {t} ORDER BY id",
    "SELECT hstore('a', data::text) || hstore('b', NULL) FROM {t} ORDER BY id",
    "SELECT ARRAY[hstore('a', data::text)] FROM {t} ORDER BY id",
    "SELECT to_jsonb(row(id, data)), to_json(data), data, data::text FROM {t} ORDER BY id",
    "SELECT NULL::bytea[], '{{}}'::bytea[], ARRAY[]::text[] FROM {t}",
)
COPIES = (
    "COPY (SELECT * FROM {t} ORDER BY id) TO STDOUT (FORMAT binary)",
    "COPY (SELECT id, array_agg(data), row(data, data) FROM {t} GROUP BY id, data ORDER BY id)"
    " TO STDOUT (FORMAT binary)",
    "COPY (SELECT id, note, to_jsonb(data), data::text FROM {t} ORDER BY id) TO STDOUT"
    " (FORMAT binary)",
    "COPY (SELECT * FROM {t} WHERE false) TO STDOUT (FORMAT binary)",
    "COPY (SELECT * FROM {t} ORDER BY id) TO STDOUT",
    "COPY (SELECT id, ARRAY[data], row(ARRAY[data], note) FROM {t} ORDER BY id) TO STDOUT",
    "COPY (SELECT * FROM {t} ORDER BY id) TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)",
    "COPY (SELECT *, ARRAY[data], row(data) FROM {t} ORDER BY id) TO STDOUT"
    " (FORMAT csv, DELIMITER ';', QUOTE '''', ESCAPE '!', NULL 'none')",
)
TYPES = """
    CREATE DOMAIN blob AS bytea; CREATE DOMAIN word AS text;
    CREATE TYPE pair AS (id int, data bytea);
    CREATE TYPE words AS RANGE (subtype = text, multirange_type_name = wordses);
    CREATE EXTENSION hstore;
    CREATE TYPE bytes AS RANGE (subtype = bytea);
"""


class Values(Protected):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy = cls.chain(link="none", keys=cls.keys)
        plain = [b"one", b'quo"te,\\ and\nline', b"\0\xff" * 50, b"x" * 1000]
        makers = (create_acrastruct, create_acrablock)
        keys = (cls.public, cls.keys.symmetric_key)
        with cls.connect(cls.postgres) as db:
            db.execute(TYPES)
            for table in ("stored", "plain"):
                db.execute(f"CREATE TABLE {table} (id int, data bytea, note text)")
            for number, text in enumerate(plain):
                container = makers[number % 2](text, keys[number % 2])
                note = f"note {number}"
                db.execute("INSERT INTO stored VALUES (%s, %s, %s)", (number, container, note))
                db.execute("INSERT INTO plain VALUES (%s, %s, %s)", (number, text, note))

    @staticmethod
    def raw(db, text, form):
        """Every value of a result as it came."""
        result = db.pgconn.exec_params(text.encode(), [], result_format=form)
        assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message
        return [
            [result.get_value(row, column) for column in range(result.nfields)]
            for row in range(result.ntuples)
        ]

    @staticmethod
    def dump(db, text):
        with db.cursor().copy(text) as copy:
            return b"".join(map(bytes, copy))

    def test_fr3_as_the_database_writes_the_plaintext(self):
        with self.connect(self.proxy) as db, self.connect(self.postgres) as direct:
            for text in NESTED:
                for form in (0, 1):
                    found = self.raw(db, text.format(t="stored"), form)
                    expected = self.raw(direct, text.format(t="plain"), form)
                    self.assertEqual(found, expected, f"{text} ({form})")

    def test_fr3_bytea_made_of_values(self):
        texts = (
            "SELECT array_send(array_agg(data ORDER BY id)) FROM {t}",
            "SELECT record_send(row(id, data, data::text)) FROM {t} ORDER BY id",
        )
        with self.connect(self.proxy) as db, self.connect(self.postgres) as direct:
            for text in texts:
                found = self.raw(db, text.format(t="stored"), 1)
                self.assertEqual(found, self.raw(direct, text.format(t="plain"), 1), text)
                stored = text.format(t="stored")
                self.assertEqual(self.raw(db, stored, 0), self.raw(direct, stored, 0), text)

    def test_fr12_dumps_are_those_of_the_plaintext_and_restore(self):
        with self.connect(self.proxy) as db, self.connect(self.postgres) as direct:
            for text in COPIES:
                found = self.dump(db, text.format(t="stored"))
                self.assertEqual(found, self.dump(direct, text.format(t="plain")), text)
            direct.execute("CREATE TEMPORARY TABLE restored (LIKE plain)")
            whole = self.dump(db, COPIES[0].format(t="stored"))
            with direct.cursor().copy("COPY restored FROM STDIN (FORMAT binary)") as copy:
                copy.write(whole)
            rows = direct.execute("SELECT * FROM restored EXCEPT SELECT * FROM plain").fetchall()
            self.assertEqual(rows, [])

    def test_drivers_read_them(self):
        async def read(port):
            db = await asyncpg.connect(
                host="127.0.0.1", port=port, user=SUPERUSER, database="postgres", ssl=False
            )
            try:
                # It reads no domain within a record, and no hstore.
                texts = [
                    text.format(t=self.table)
                    for text in NESTED
                    if "row(data::blob" not in text and "hstore" not in text
                ]
                return [await db.fetch(text) for text in texts]
            finally:
                await db.close()

        self.table = "stored"
        found = asyncio.run(read(self.proxy.port))
        self.table = "plain"
        self.assertEqual(found, asyncio.run(read(self.postgres.port)))
        for binary in (False, True):
            for text in NESTED:
                with self.connect(self.proxy) as db, self.connect(self.postgres) as direct:
                    rows = [
                        one.execute(text.format(t=table), binary=binary).fetchall()
                        for one, table in ((db, "stored"), (direct, "plain"))
                    ]
                    self.assertEqual(*rows, text)

    def test_what_cannot_be_written_safely_is_as_stored(self):
        texts = (
            "COPY (SELECT id, data FROM stored ORDER BY id) TO STDOUT (FORMAT csv)",
            "COPY (SELECT id, data FROM stored ORDER BY id) TO STDOUT",
            "COPY (SELECT '\\x00'::bytea || data FROM stored) TO STDOUT (FORMAT binary)",
        )
        with self.connect(self.proxy) as db, self.connect(self.postgres) as direct:
            for one in (db, direct):
                one.execute("SET bytea_output = escape")
            before = self.failed()
            for text in texts:
                self.assertEqual(self.dump(db, text), self.dump(direct, text))
            for text in NESTED[:1] + NESTED[5:6]:
                for form in (0,):
                    text = text.format(t="stored")
                    self.assertEqual(self.raw(db, text, form), self.raw(direct, text, form))
        self.assertGreater(self.failed(), before)

    def failed(self):
        lines = get(self.proxy.server_pages, "/metrics").splitlines()
        wanted = 'acra_decryptions_total{status="fail",'
        return sum(float(line.split()[-1]) for line in lines if line.startswith(wanted))


class Replicated(Protected):
    """Replication is no result: it is as stored, byte for byte."""

    @classmethod
    def make_postgres(cls):
        return Postgres(settings=["wal_level = logical"])

    @contextmanager
    def replicating(self, port):
        start = StartupPacket(
            0,
            {
                b"user": SUPERUSER.encode(),
                b"database": b"postgres",
                b"replication": b"database",
            },
        )
        with socket.create_connection(("127.0.0.1", port), 60) as raw:
            raw.sendall(start.encode())
            replies = raw.makefile("rb")
            self.until(replies, b"Z")
            yield raw, replies

    @staticmethod
    def until(replies, kind, holds=b""):
        """The body of the first message of a kind that holds something."""
        while head := replies.read(5):
            body = replies.read(int.from_bytes(head[1:], "big") - 4)
            if head[:1] == kind and holds in body:
                return body
        raise AssertionError("the connection was closed")

    def test_fr12_logical_replication(self):
        chain = self.chain(
            link="none", keys=self.keys, server={"database": {"replication_enable": "true"}}
        )
        made = create_acrastruct(b"text", self.public)
        with self.connect(self.postgres) as db:
            db.execute("CREATE PUBLICATION all_of_it FOR TABLE secrets")
            for port in (self.postgres.port, chain.port):
                db.execute(
                    "SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (f"s{port}",)
                )
            db.execute("INSERT INTO secrets (data, note) VALUES (%s, 'behind')", (made,))
        found = []
        for port in (self.postgres.port, chain.port):
            with self.replicating(port) as (raw, replies):
                options = "(proto_version '1', publication_names 'all_of_it')"
                raw.sendall(query(f"START_REPLICATION SLOT s{port} LOGICAL 0/0 {options}".encode()))
                # Behind the positions and the time.
                found.append(self.until(replies, b"d", b"behind")[25:])
        self.assertIn(made.hex().encode(), found[0])
        self.assertEqual(*found)

"""Rows of MariaDB on their way through AcraServer's decryptor, in text and in binary form."""

import os
import tempfile
from pathlib import Path

import mysql.connector
import pymysql
from pymysql.constants import CLIENT
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.sandbox.keys import Keys
from tests.support import classmariadb
from tests.support.mysqldaemon import MysqlServer

_CLIENT = "an application"
#: Behind these sizes a row takes another packet.
_PART = 0xFFFFFF


class Rows(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.keys = Keys(Path(tempfile.mkdtemp()), _CLIENT)
        cls.database = classmariadb.started(cls, settings=("--max-allowed-packet=64M",))
        cls.database.run(
            "CREATE DATABASE shop; USE shop;"
            "CREATE TABLE t (id INT PRIMARY KEY, plain VARCHAR(40), kept LONGBLOB);"
            "GRANT ALL ON shop.* TO u@'%'"
        )
        cls.server = MysqlServer(
            cls.database.port,
            client_id=_CLIENT,
            stages=("decryptor",),
            message_timeout=300.0,
            **cls.keys.ini(),
        )
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.stop)
        cls.values = {
            1: (b"", None),
            2: (b"short", cls.block(b"short")),
            3: (b"y" * 300, cls.struct(b"y" * 300)),
            4: (b"z" * 70_000, cls.block(b"z" * 70_000)),
            5: (b"plain bytes", b"plain bytes"),
        }
        with cls.direct() as connection, connection.cursor() as cursor:
            for number, (_, stored) in cls.values.items():
                cursor.execute("INSERT INTO t VALUES (%s, 'p', %s)", (number, stored))
            connection.commit()

    @classmethod
    def block(cls, text):
        made = acrablock.create(text, cls.keys.symmetric_key, b"", os.urandom)
        return envelopes.wrap(envelopes.ACRABLOCK, made)

    @classmethod
    def struct(cls, text):
        return acrastruct.create(text, cls.keys.storage_public_key, b"", os.urandom)

    @classmethod
    def direct(cls, port=None, **more):
        return pymysql.connect(
            host="127.0.0.1",
            port=port or cls.database.port,
            user="u",
            password="pw",
            database="shop",
            max_allowed_packet=64 << 20,
            **more,
        )

    def through(self, **more):
        return self.direct(self.server.port, **more)

    def expected(self):
        return [
            (number, "p", opened if stored is not None else None)
            for number, (opened, stored) in self.values.items()
        ]

    def test_containers_are_opened_in_text_rows(self):
        with self.through() as connection, connection.cursor() as cursor:
            for _ in range(2):
                cursor.execute("SELECT id, plain, kept FROM t ORDER BY id")
                self.assertEqual(list(cursor.fetchall()), self.expected())

    def test_containers_are_opened_in_binary_rows(self):
        connection = mysql.connector.connect(
            host="127.0.0.1",
            port=self.server.port,
            user="u",
            password="pw",
            database="shop",
            use_pure=True,
            ssl_disabled=True,
        )
        self.addCleanup(connection.close)
        cursor = connection.cursor(prepared=True)
        for number, (opened, stored) in self.values.items():
            cursor.execute("SELECT id, plain, kept FROM t WHERE id = %s", (number,))
            expected = (number, "p", opened if stored is not None else None)
            self.assertEqual([tuple(row) for row in cursor.fetchall()], [expected])

    def test_results_behind_each_other_are_all_opened(self):
        more = {"client_flag": CLIENT.MULTI_STATEMENTS}
        with self.through(**more) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT kept FROM t WHERE id = 2; DO 1; SELECT kept FROM t WHERE id = 4; SELECT 1"
            )
            found = [cursor.fetchall()]
            while cursor.nextset():
                found.append(cursor.fetchall())
            self.assertEqual(
                [list(rows) for rows in found], [[(b"short",)], [], [(b"z" * 70_000,)], [(1,)]]
            )

    def test_rows_that_change_the_number_of_their_packets(self):
        """Two stored values are longer than 16 MiB, and not when they are opened; one stays so."""
        clear = (os.urandom(1000) * 16_778)[: _PART - 100]
        with self.direct() as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE large (id INT, kept LONGBLOB)")
            stored = self.block(clear)
            self.assertGreater(len(stored) + 6, _PART)
            for number, value in ((1, stored), (2, b"x" * _PART), (3, b"y"), (4, stored)):
                cursor.execute("INSERT INTO large VALUES (%s, _binary %s)", (number, value))
            connection.commit()
        with self.through() as connection, connection.cursor() as cursor:
            for _ in range(2):
                cursor.execute("SELECT kept FROM large ORDER BY id")
                found = [row[0] for row in cursor.fetchall()]
                sizes = [len(clear), _PART, 1, len(clear)]
                self.assertEqual([len(value) for value in found], sizes)
                self.assertTrue(found[0] == clear == found[3])
                cursor.execute("SELECT 1")
                self.assertEqual(list(cursor.fetchall()), [(1,)])

    def test_an_error_in_the_middle_of_rows(self):
        with self.through() as connection, connection.cursor() as cursor:
            with self.assertRaises(pymysql.err.OperationalError) as caught:
                cursor.execute(
                    "SET STATEMENT max_statement_time = 0.2 FOR SELECT kept, SLEEP(0.05) FROM t "
                    "JOIN (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS more"
                )
                cursor.fetchall()
            self.assertEqual(caught.exception.args[0], 1969)
            cursor.execute("SELECT kept FROM t WHERE id = 2")
            self.assertEqual(list(cursor.fetchall()), [(b"short",)])

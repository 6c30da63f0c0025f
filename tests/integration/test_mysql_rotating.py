"""acra-rotate and acra-rollback, by a real MariaDB."""

from __future__ import annotations

import json

import pymysql
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.sandbox.mariadb import MariaDB
from tests.integration.base import eventually
from tests.support.rotated import OWNER, ROWS, Rotated

PASSWORD = "pa:ss'word"


class Rows(Rotated, SynchronousTestCase):
    database_flags = ("--mysql_enable",)
    password = PASSWORD
    update = "UPDATE people SET data = ? WHERE id = ? AND region = ?;"

    @classmethod
    def setUpClass(cls):
        cls.database = MariaDB(listens=True)
        cls.addClassCleanup(cls.database.stop)
        cls.database.start()
        cls.database.account("me", PASSWORD.replace("'", "''"))
        cls.database.run("CREATE DATABASE shop")
        cls.dsn = f"me:{PASSWORD}@tcp(127.0.0.1:{cls.database.port})/shop"

    def setUp(self):
        self.make_keys()
        self.db = pymysql.connect(
            host="127.0.0.1",
            port=self.database.port,
            user="me",
            password=PASSWORD,
            database="shop",
            autocommit=True,
        )
        self.addCleanup(self.db.close)
        self.run_sql("DROP TABLE IF EXISTS people, clear")
        self.run_sql("CREATE TABLE people (id INT, region VARCHAR(20), owner TEXT, data BLOB)")
        self.run_sql("CREATE TABLE clear (name VARCHAR(80), number BLOB)")
        with self.db.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO people VALUES (%s, %s, %s, %s)",
                [
                    (number, "no\\r'th", OWNER, self.sealed(b"Name %d" % number, number))
                    for number in range(ROWS)
                ],
            )

    def run_sql(self, text):
        with self.db.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def test_rows_get_new_keys_and_the_former_ones_may_go(self):
        asked = "SELECT id, data FROM people ORDER BY id"
        before = self.run_sql(asked)
        self.rotate("--dry-run")
        self.assertEqual(self.run_sql(asked), before)
        [public] = json.loads(self.rotate()).values()
        self.assertTrue(public)
        after = self.run_sql(asked)
        self.assertFalse({data for _, data in before} & {data for _, data in after})
        for purpose in (purposes.STORAGE, purposes.STORAGE_SYMMETRIC):
            self.assertEqual(len(self.keys.store.keys(purpose, OWNER)), 2)
        said = self.roll_back("--insert=INSERT INTO clear VALUES (?, NULL)", "--execute")
        self.assertEqual(said, f"{ROWS} values decrypted\n")
        found = {name for (name,) in self.run_sql("SELECT name FROM clear")}
        self.assertEqual(found, {f"Name {number}" for number in range(ROWS)})

    def test_a_value_that_does_not_open_undoes_a_rotation(self):
        self.run_sql("UPDATE people SET data = 'planted secret' WHERE id = 1100")
        before = self.run_sql("SELECT * FROM people")
        said = self.rotate(status=1)
        self.assertIn("row 1101: ", said)
        self.assertNotIn("planted", said)
        self.assertEqual(self.run_sql("SELECT * FROM people"), before)

    def test_a_table_without_transactions_keeps_its_rows_but_one(self):
        self.run_sql("ALTER TABLE people ENGINE = MyISAM")
        asked = "SELECT id, data FROM people ORDER BY id"
        before = self.run_sql(asked)
        said = self.rotate(status=1)
        self.assertIn("row 1: its table has no transactions", said)
        self.assertIn("make it InnoDB; rows that were written, and stay", said)
        self.assertIn("has no transactions: 1\n", said)
        after = self.run_sql(asked)
        self.assertEqual(sum(one != other for one, other in zip(before, after, strict=True)), 1)
        self.rotate("--dry-run")

    def test_values_that_stay_behind_an_error_are_counted(self):
        self.run_sql("ALTER TABLE clear ENGINE = MyISAM, MODIFY name VARCHAR(8)")
        said = self.roll_back("--insert=INSERT INTO clear VALUES (?, NULL)", "--execute", status=1)
        self.assertIn("error 1406", said)
        [(number,)] = self.run_sql("SELECT COUNT(*) FROM clear")
        self.assertIn(f"has no transactions: {number}\n", said)
        self.run_sql("DELETE FROM clear")
        self.run_sql("ALTER TABLE clear ENGINE = InnoDB")
        said = self.roll_back("--insert=INSERT INTO clear VALUES (?, NULL)", "--execute", status=1)
        self.assertIn("; no row was written", said)
        self.assertEqual(self.run_sql("SELECT COUNT(*) FROM clear"), ((0,),))

    def test_what_others_write_meanwhile_is_not_lost(self):
        self.run_sql("ALTER TABLE people ADD PRIMARY KEY (id)")
        self.run_sql("SELECT GET_LOCK('gate', 0)")
        tool = self.begin_rotation(
            "SELECT id, owner, data FROM people WHERE id < 2 ORDER BY id",
            "UPDATE people SET data = IF(GET_LOCK('gate', 60), ?, NULL) WHERE id = ?",
        )
        waits = "SELECT 1 FROM information_schema.PROCESSLIST WHERE STATE = 'User lock'"
        eventually(lambda: self.run_sql(waits), "the first row is written")
        # Whoever is between reading and writing lets nobody in, or sees what was written.
        self.run_sql("SET innodb_lock_wait_timeout = 1")
        try:
            self.run_sql("UPDATE people SET data = 'later' WHERE id = 1")
            was_let_in = True
        except pymysql.err.OperationalError as error:
            self.assertEqual(error.args[0], 1205)
            was_let_in = False
        self.run_sql("SELECT RELEASE_LOCK('gate')")
        self.assertEqual(tool.wait(), 0, tool.said)
        [(data,)] = self.run_sql("SELECT data FROM people WHERE id = 1")
        self.assertEqual(data == b"later", was_let_in)

    def test_rows_that_others_hold_are_waited_for(self):
        other = pymysql.connect(
            host="127.0.0.1", port=self.database.port, user="me", password=PASSWORD, database="shop"
        )
        self.addCleanup(other.close)
        other.cursor().execute("UPDATE people SET region = 'north' WHERE id = 1")
        tool = self.begin_rotation(
            "SELECT id, owner, data FROM people ORDER BY id",
            "UPDATE people SET data = ? WHERE id = ?",
        )
        # Longer than rows are waited for that acra-migrate can pass over.
        waits = (
            "SELECT 1 FROM information_schema.PROCESSLIST"
            " WHERE INFO LIKE 'SELECT id, owner%' AND TIME > 1"
        )
        eventually(lambda: self.run_sql(waits), "it waits for a row")
        other.commit()
        self.assertEqual(tool.wait(), 0, tool.said)

    def test_a_rollback_leaves_out_what_does_not_open(self):
        self.run_sql("UPDATE people SET data = 'planted secret' WHERE id = 7")
        path = self.folder / "values.sql"
        said = self.roll_back(
            "--insert=INSERT INTO clear VALUES ('?', ?)",
            *("--execute", f"--output_file={path}"),
            status=1,
        )
        self.assertIn("row 8: the container cannot be opened: it is not encrypted", said)
        self.assertNotIn("planted", said)
        stored = {bytes(number) for (number,) in self.run_sql("SELECT number FROM clear")}
        self.assertEqual(stored, {b"Name %d" % n for n in range(ROWS) if n != 7})
        self.run_sql("DELETE FROM clear")
        for line in path.read_text().splitlines():
            self.run_sql(line)
        again = {bytes(number) for (number,) in self.run_sql("SELECT number FROM clear")}
        self.assertEqual(again, stored)

    def test_statements_that_the_database_refuses(self):
        said = self.roll_back("--insert=INSERT INTO nowhere VALUES (?)", "--execute", status=1)
        self.assertIn("error 1146: there is no such table", said)
        said = self.roll_back("--insert=INSERT INTO clear VALUES (?, ?)", "--execute", status=1)
        self.assertIn("expected one placeholder, ?, and no other", said)

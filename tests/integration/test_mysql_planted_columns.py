"""Values that are like no others are written to protected columns of MariaDB by every way there is,
errors of each kind are provoked, and then everything that anybody has written is searched for
them."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path

import mysql.connector
import pymysql
from pymysql.constants import CLIENT

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import Surroundings
from tests.integration.planted import PlantedCase
from tests.support import classmariadb
from tests.support.planted import Planting, Search, forms

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: big, data_type: int64}
      - {column: raw}
      - {column: card, masking: xxxx, plaintext_length: 0, plaintext_side: right, data_type: str}
      - {column: struct, crypto_envelope: acrastruct, data_type: str}
      - {column: phone, token_type: str, consistent_tokenization: true}
"""
#: All that the database writes to its logs it writes; what it changes, with the texts.
TALKATIVE = (
    "--local-infile=ON",
    "--log-bin",
    "--binlog-format=ROW",
    "--binlog-annotate-row-events=ON",
    "--general-log=1",
    "--general-log-file=all.log",
    "--slow-query-log=1",
    "--slow-query-log-file=slow.log",
    "--long-query-time=0",
    "--log-warnings=9",
)
SCRIPT = """
CREATE DATABASE shop; USE shop;
CREATE TABLE people (id INT PRIMARY KEY, name VARBINARY(250), email VARBINARY(300),
  big VARBINARY(250), raw BLOB, card VARBINARY(300), struct VARBINARY(300),
  phone VARCHAR(100) CHARACTER SET utf8mb4, note VARCHAR(20) CHECK (note <> 'refused'),
  KEY (email(33)));
CREATE TABLE clear (id INT AUTO_INCREMENT PRIMARY KEY, note TEXT, big BIGINT, raw BLOB);
"""
COLUMNS = ("name", "email", "big", "raw", "card", "struct", "phone")
PLACES = f"(id, {', '.join(COLUMNS)}) VALUES "
PARAMETERS = f"INSERT INTO people {PLACES}({', '.join(['%s'] * 8)})"
CLIENT_ID = "people application"


def literal(value) -> str:
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value) if isinstance(value, int) else f"'{value}'"


def row_of(row) -> str:
    return f"({', '.join(map(literal, row))})"


class MysqlPlantedColumns(PlantedCase, Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database = classmariadb.started(cls, settings=TALKATIVE)
        cls.database.run(SCRIPT + "GRANT ALL ON *.* TO u@'%';")
        (cls.folder / "columns.yaml").write_text(CONFIG)
        keys = Keys(cls.folder, CLIENT_ID)
        keys.writer.generate(purposes.SEARCH_HMAC, CLIENT_ID)
        sections, environment = cls.watched()
        cls.served = Chain(
            ("127.0.0.1", cls.database.port),
            link="none",
            folder=cls.folder,
            authority=cls.authority,
            keys=keys,
            environment=environment,
            server={
                **sections,
                "database": {"mysql_enable": "true", "local_infile": "true"},
                "encryptor": {"encryptor_config_file": str(cls.folder / "columns.yaml")},
                "tokens": {"token_store": f"sqlite:{cls.folder}/tokens.db"},
            },
        )
        cls.addClassCleanup(cls.served.stop)
        cls.served.start()

    def setUp(self):
        self.planting = Planting(COLUMNS, 4712)
        self.said: list[str] = []
        self.began = time.time()
        self.connection = pymysql.connect(
            **self.access(), client_flag=CLIENT.MULTI_STATEMENTS, local_infile=True
        )
        self.addCleanup(self.connection.close)

    def access(self):
        return {
            "host": "127.0.0.1",
            "port": self.served.port,
            "user": "u",
            "password": "pw",
            "database": "shop",
            "autocommit": True,
        }

    def one(self, way, column):
        return self.planting.one(way, column)

    def row(self, way, kept=True):
        return self.planting.row(way, kept)

    def execute(self, text, given=None):
        with self.connection.cursor() as cursor:
            cursor.execute(text, given)
            found = list(cursor.fetchall())
            while cursor.nextset():
                found += cursor.fetchall()
        return found

    # -- ways -------------------------------------------------------------------------------------

    def write(self):
        """Every way on which a value can come into the table."""
        for verb in ("INSERT INTO", "REPLACE INTO", "INSERT IGNORE INTO"):
            self.execute(f"{verb} people {PLACES}{row_of(self.row(verb))}")
        rows = [self.row(f"row {number} of many") for number in range(3)]
        self.execute(f"INSERT INTO people {PLACES}{', '.join(map(row_of, rows))}")
        for way in ('"{}"', "N'{}'", "_utf8mb4'{}'", "'{}' ''", "CAST('{}' AS BINARY)"):
            row = self.row(way)
            text = f"INSERT INTO people {PLACES}{row_of(row)}"
            self.execute(text.replace(f"'{row[1]}'", way.format(row[1])))
        number, *values = self.row("set")
        given = ", ".join(f"{c} = {literal(v)}" for c, v in zip(COLUMNS, values, strict=True))
        self.execute(f"INSERT INTO people SET id = {number}, {given}")
        number, *values = self.row("select")
        chosen = ", ".join(map(literal, (number, *values)))
        self.execute(f"INSERT INTO people (id, {', '.join(COLUMNS)}) SELECT {chosen}")
        self.execute(PARAMETERS, self.row("values that the client writes"))
        with self.connection.cursor() as cursor:
            cursor.executemany(PARAMETERS, [self.row(f"one of many {n}") for n in range(3)])
        self.prepared()
        for way in ("update", "on duplicate key"):
            number, *values = self.row(way)
            given = ", ".join(f"{c} = {literal(v)}" for c, v in zip(COLUMNS, values, strict=True))
            self.execute("INSERT INTO people (id) VALUES (%s)", (number,))
            self.execute(
                f"UPDATE people SET {given} WHERE id = {number}"
                if way == "update"
                else f"INSERT INTO people (id) VALUES ({number}) ON DUPLICATE KEY UPDATE {given}"
            )
        first, second = self.row("first of a text"), self.row("second of a text")
        self.execute("; ".join(f"INSERT INTO people {PLACES}{row_of(r)}" for r in (first, second)))
        self.load()

    def prepared(self):
        with closing(mysql.connector.connect(**self.access(), use_pure=True)) as db:
            with closing(db.cursor(prepared=True)) as cursor:
                for number in range(4):
                    cursor.execute(PARAMETERS, self.row(f"prepared {number}"))
                number, *values = self.row("prepared update")
                cursor.execute("INSERT INTO people (id) VALUES (%s)", (number,))
            with closing(db.cursor(prepared=True)) as cursor:
                given = ", ".join(f"{column} = %s" for column in COLUMNS)
                cursor.execute(f"UPDATE people SET {given} WHERE id = %s", (*values, number))
            with closing(db.cursor(prepared=True)) as cursor:
                email, phone = self.one("prepared", "email"), self.one("prepared", "phone")
                text = "SELECT id FROM people WHERE email = %s OR phone = %s"
                cursor.execute(text, (email, phone))
                self.assertEqual(cursor.fetchall(), [])

    def load(self):
        """A file of the client, which is the only place where its values stand."""
        row = self.row("loaded")
        cells = (v if isinstance(v, bytes) else str(v).encode() for v in row)
        cells = (c.replace(b"\\", b"\\\\").replace(b"\t", b"\\\t") for c in cells)
        line = b"\t".join(c.replace(b"\n", b"\\\n") for c in cells) + b"\n"
        with tempfile.NamedTemporaryFile() as file:
            file.write(line)
            file.flush()
            self.execute(
                f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE people CHARACTER SET utf8mb4 "
                f"(id, {', '.join(COLUMNS)})"
            )
            file.seek(0)
            file.truncate()
            file.write(b"-5\t" + str(self.one("loaded in vain", "name")).encode() + b"\tx\n")
            file.flush()
            text = f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE people CHARACTER SET utf8mb4"
            self.refuse("loaded for a number", f"{text} (id, big)")

    def search(self):
        """Values that are looked for, and are nowhere."""
        one = self.one
        for way, condition in (
            ("literal", "email = {email}"),
            ("other side", "{email} = email"),
            ("list", "email IN ({email}, 'x')"),
            ("pattern", "email LIKE {email}"),
            ("null-safe", "email <=> {email}"),
            ("token", "phone = {phone}"),
        ):
            found = condition.format(**{c: literal(one(way, c)) for c in ("email", "phone")})
            self.assertEqual(self.execute(f"SELECT id FROM people WHERE {found}"), [], way)
            self.execute(f"DELETE FROM people WHERE {found}")
            self.execute(f"EXPLAIN SELECT id FROM people WHERE {found}")
            self.execute(f"SELECT id FROM people WHERE {found} INTO @found")

    def refuse(self, way, text, given=None):
        """A statement with an error; what the client is told is kept."""
        with self.assertRaises(pymysql.MySQLError, msg=way) as raised:
            self.execute(text, given)
        self.said.append(f"{way}: {raised.exception!r}")
        try:
            self.said.append(f"{self.execute('SHOW WARNINGS')}")
        except pymysql.MySQLError as error:
            self.said.append(repr(error))

    def provoke(self):
        """Errors of each kind: ours, the database's, of the statement and of the value."""
        insert = "INSERT INTO people (id, {}) VALUES (-1, {})"
        for way, text in (
            ("expression", "UPDATE people SET name = UPPER({name})"),
            ("concatenated", "UPDATE people SET name = CONCAT(name, {name})"),
            ("pattern", "SELECT id FROM people WHERE email LIKE CONCAT({email}, '%')"),
            ("order", "SELECT id FROM people WHERE name > {name}"),
            ("comparison", "SELECT id FROM people WHERE name = {name}"),
            ("unparsable", "INSERT INTO people (id, name) VALUES (1, {name}"),
            ("unscannable", "INSERT INTO people (id, name) VALUES (1, {name}, '"),
            ("other text", insert.format("big", "{name}")),
            ("too large", insert.format("big", "99{big}")),
            ("no such column", "UPDATE people SET name = {name}, nothing = 1"),
            ("no such function", "UPDATE people SET name = {name}, note = NO_SUCH(1)"),
            ("check", "INSERT INTO people (id, name, note) VALUES (-1, {name}, 'refused')"),
            ("routine", "CREATE PROCEDURE p() UPDATE people SET name = {name}"),
            (
                "trigger",
                "CREATE TRIGGER t BEFORE INSERT ON people FOR EACH ROW SET NEW.name = {name}",
            ),
            ("default", "ALTER TABLE people ALTER name SET DEFAULT {name}"),
            ("checked", "ALTER TABLE people ADD CHECK (name <> {name})"),
            ("view", "CREATE VIEW shown AS SELECT id FROM people WHERE name = {name}"),
            ("copy", "CREATE TABLE copied SELECT {name} AS name FROM people"),
            ("file", "SELECT id FROM people WHERE name = {name} INTO OUTFILE '/nowhere/x'"),
            ("at once", "EXECUTE IMMEDIATE 'UPDATE people SET name = ''' || {name} || ''''"),
            ("handler", "HANDLER people READ `PRIMARY` = (1) WHERE name = {name}"),
            ("many", "SELECT 1; UPDATE people SET name = UPPER({name})"),
            ("version", "UPDATE people SET name = /*!99999 {name} */ 'x'"),
        ):
            given = {c: literal(self.one(way, c)) for c in COLUMNS if f"{{{c}}}" in text}
            self.refuse(way, text.format(**given))
        number, *values = self.row("unique", kept=False)
        known = next(iter(self.planting.rows))
        self.refuse("unique", f"INSERT INTO people {PLACES}{row_of((known, *values))}")
        self.refuse("unique values", PARAMETERS, (known, *values))
        long = f"{self.one('too long', 'name')}{'x' * 200}"
        self.refuse("too long", insert.format("name", literal(long)))
        with (
            closing(mysql.connector.connect(**self.access(), use_pure=True)) as db,
            closing(db.cursor(prepared=True)) as cursor,
        ):
            for way, text in (
                ("wrong parameter", "INSERT INTO people (id, big) VALUES (-2, %s)"),
                ("refused parameter", "UPDATE people SET name = UPPER(%s)"),
            ):
                with self.assertRaises(mysql.connector.Error, msg=way) as raised:
                    cursor.execute(text, (self.one(way, "name"),))
                self.said.append(f"{way}: {raised.exception!r}")

    # -- the search -------------------------------------------------------------------------------

    def control(self):
        """Values that nobody protects, in each form: all are found, or the search is no good."""
        planting = Planting(COLUMNS, 42)
        note, big, raw = (planting.one("control", one) for one in ("name", "big", "raw"))
        self.execute("INSERT INTO clear (note, big, raw) VALUES (%s, %s, %s)", (note, big, raw))
        for value in (note, raw):
            for form in forms(value).values():
                self.execute(f"INSERT INTO clear (raw) VALUES ({literal(form)})")
        return {"note": note, "big": big, "raw": raw}

    def readable(self):
        """Everything that was written is there, and is what it was."""
        rows = self.execute(f"SELECT id, {', '.join(COLUMNS)} FROM people")
        found = {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}
        self.assertEqual(found, self.planting.rows)

    def test_en1_no_value_is_written_anywhere_in_clear(self):
        planted = self.control()
        self.write()
        self.search()
        self.provoke()
        self.readable()
        self.assertGreater(len(self.planting.values), 200)
        self.database.run(
            "SET GLOBAL innodb_max_dirty_pages_pct = 0; FLUSH TABLES; FLUSH LOGS;"
            "FLUSH TABLES shop.people, shop.clear FOR EXPORT; UNLOCK TABLES"
        )
        data = Path(self.database.folder)
        self.assert_nowhere(Search(self.planting.values), data)
        # A number in a column stands there in an order of its own, in logs in digits.
        kinds = {one.name for one in self.assert_found(planted, data, ("as it is",))}
        self.assertTrue({"all.log", "slow.log", "ib_logfile0", "clear.ibd"} <= kinds, kinds)
        self.assertTrue(any("bin.0" in name for name in kinds), kinds)

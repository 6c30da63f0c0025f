"""Files that clients load into protected columns of MariaDB, beside a twin in clear that reads the
same files itself."""

import random
import re
import socket
from pathlib import Path

import pymysql

from acra_twisted.wire.mysql.filepatterns import InfileError, InfileFormat
from acra_twisted.wire.mysql.infile import InfileRows
from tests.integration.base import eventually
from tests.integration.test_mysql_encryption import Case

_SEED = 20261130
_TWIN = """
CREATE DATABASE twin; USE twin;
CREATE TABLE people (
  id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(100), email VARCHAR(100), age INT, score BIGINT,
  born DATE, raw BLOB, card VARCHAR(100), ident INT, nick VARCHAR(100), note TEXT
) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
GRANT ALL ON twin.* TO u@'%';
"""
_ALL = "SELECT name, email, age, score, born, raw, card, ident, nick, note FROM people ORDER BY id"
_REST = "(name, email, age, score, born, raw, card, ident, nick, note)"


class Loads(Case):
    settings = ("--local-infile=ON",)

    @classmethod
    def more(cls):
        return {"local_infile": True}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.run(_TWIN)
        cls.file = cls.folder / "rows"

    def setUp(self):
        super().setUp()
        self.database.run("TRUNCATE twin.people")
        self.ours = self.cursor(self.server.port, "shop")
        self.twins = self.cursor(self.database.port, "twin")

    def cursor(self, port, database):
        connection = pymysql.connect(
            **{**self.access(port), "database": database},
            charset="utf8mb4",
            autocommit=True,
            local_infile=True,
        )
        self.addCleanup(lambda: connection.open and connection.close())
        return connection.cursor()

    def text(self, rest, table="people"):
        return f"LOAD DATA LOCAL INFILE '{self.file}' INTO TABLE {table} {rest}"

    def load(self, data, rest=_REST, cursor=None, table="people"):
        self.file.write_bytes(data)
        return (cursor or self.ours).execute(self.text(rest, table))

    def refusal(self, data, rest=_REST, cursor=None):
        with self.assertRaises(pymysql.MySQLError) as caught:
            self.load(data, rest, cursor)
        return caught.exception.args

    def rows(self, cursor=None, text=_ALL):
        cursor = cursor or self.ours
        cursor.execute(text)
        return [
            tuple(one.encode() if isinstance(one, str) else one for one in row)
            for row in cursor.fetchall()
        ]

    def assert_alike(self, data, rest=_REST):
        self.assertEqual(self.load(data, rest), self.load(data, rest, self.twins), rest)
        found = self.rows()
        self.assertEqual(found, self.rows(self.twins), rest)
        return found

    # -- values -----------------------------------------------------------------------------------

    def test_values_of_all_kinds_are_what_the_twin_reads(self):
        data = (
            "Zaphodsecret\tmailsecret@example.com\t42\t-9223372036854775808\t2026-11-30\tr\\\\w\\0"
            "\t4929123412341234\t7\tnicksecret\tnote\n"
            "\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\n"
            "Żółć\t\t-1\t0\t1000-01-01\t\\t\\n\t\t-5\tñ\t\n"
        ).encode()
        self.assertEqual(len(self.assert_alike(data, f"CHARACTER SET utf8mb4 {_REST}")), 3)
        self.assertEqual(self.run_("SELECT COUNT(*) FROM people WHERE email = ''"), [(1,)])
        self.assertEqual(self.run_("SELECT note FROM people WHERE ident = 7"), [("note",)])
        for column in ("name", "email", "raw", "card"):
            stored = self.stored(column)[0]
            self.assertIn(b"%%%", stored, column)
            for secret in (b"secret", b"r\\w", b"492912"):
                self.assertNotIn(secret, stored, column)
        self.assertNotIn(b"secret", self.stored("nick")[0])

    def test_no_file_of_the_server_has_a_value(self):
        """Nor do its logs of texts and of changes; the twin's name is not there to tell of it."""
        self.load(b"Hotblackname\thotblack@example.com\tHotblacknick\n", "(name, email, nick)")
        self.refusal(b"Hotblackname\n" * 50 + b"\ta\n", "(name)")
        self.database.run("FLUSH LOGS; FLUSH TABLES; SET GLOBAL innodb_max_dirty_pages_pct = 0")
        read = b""
        for path in Path(self.database.folder).rglob("*"):
            if path.is_file():
                data = path.read_bytes().lower()
                self.assertNotIn(b"hotblack", data, path)
                read += data if path.name == "all.log" else b""
        self.assertIn(b"acra_load_1", read)

    def test_formats_and_columns(self):
        data = b'#id;name;note\r\n>>1;"a;b""c\r\nd";x\r\nrest>>2;NULL;"NULL"\r\n>>3;"";y;\r\n'
        rest = (
            "FIELDS TERMINATED BY ';' OPTIONALLY ENCLOSED BY '\"' LINES STARTING BY '>>' "
            "TERMINATED BY '\\r\\n' IGNORE 1 ROWS (id, name, @note) "
            "SET note = CONCAT(@note, '!'), raw = NULL"
        )
        self.assertIn("raw", str(self.refusal(data, rest)))
        rest = rest.replace(", raw = NULL", "")
        found = self.assert_alike(data, rest)
        self.assertEqual([row[0] for row in found], [b'a;b"c\r\nd', None, b""])

    def test_all_columns_in_their_order(self):
        data = b"7\tn\te@x.org\t1\t2\t2026-01-01\tr\tc\t3\tk\tnote\n"
        self.assertEqual(len(self.assert_alike(data, "")), 1)
        replaced = data.replace(b"\tn\t", b"\tm\t")
        text = self.text("").replace("INTO", "REPLACE INTO")
        for cursor in (self.ours, self.twins):
            self.file.write_bytes(replaced)
            self.assertEqual(cursor.execute(text), 2)
        self.assertEqual(self.rows(), self.rows(self.twins))

    def test_character_sets(self):
        for charset, codec in (
            ("latin1", "latin-1"),
            ("utf8mb4", "utf-8"),
            ("latin2", "iso8859-2"),
        ):
            self.setUp()
            data = "é\té\té\n".encode(codec)
            found = self.assert_alike(data, f"CHARACTER SET {charset} (name, nick, note)")
            self.assertEqual(found[0][0], "é".encode())
        told = self.refusal(b"a\n", "CHARACTER SET gbk (name)")
        self.assertIn("character set", told[1])
        # Without one it is that of the session's database.
        self.ours.execute("SET character_set_database = latin1")
        self.twins.execute("SET character_set_database = latin1")
        self.assert_alike(b"\xe9\t\xe9\n", "(name, note)")
        self.assertEqual(self.refusal(b"\xe9\n", "CHARACTER SET utf8mb4 (name)")[0], 1366)

    def test_files_in_every_form(self):
        """The twin reads files that nobody would write, and rows of ours are the same."""
        drawn = random.Random(_SEED)
        loaded = 0
        for _ in range(250):
            form, data = _file(drawn)
            for cursor in (self.ours, self.twins):
                cursor.execute("TRUNCATE people")
            rest = (
                f"CHARACTER SET {drawn.choice(('binary', 'utf8mb4', 'latin1'))} "
                f"FIELDS TERMINATED BY {_literal(form.fields)} "
                f"ENCLOSED BY {_literal(form.enclosed)} ESCAPED BY {_literal(form.escape)} "
                f"LINES STARTING BY {_literal(form.start)} TERMINATED BY {_literal(form.lines)} "
                f"IGNORE {form.skipped} LINES (raw, @unused)"
            )
            if _is_read(form, data):
                self.assert_alike(data, rest)
                loaded += 1
            else:
                self.refusal(data, rest)
                self.assertEqual(self.rows(), [])
        self.assertGreater(loaded, 100)

    def test_backslashes_are_as_the_mode_says(self):
        for cursor in (self.ours, self.twins):
            cursor.execute("SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'")
        found = self.assert_alike(b"a\\tb\t\\N\n", "(name, note)")
        self.assertEqual((found[0][0], found[0][-1]), (b"a\\tb", b"\\N"))
        self.assert_alike(b"a!tb\t!N\n", "FIELDS ESCAPED BY '!' (name, note)")

    def test_a_view_that_has_just_been_made(self):
        """The server is asked what it is: another program has made it."""
        self.load(b"known\n", "(name)")
        self.database.run("CREATE VIEW shop.fresh AS SELECT id, name, note AS n FROM shop.people")
        self.addCleanup(self.database.run, "DROP VIEW shop.fresh")
        self.load(b"Zaphodsecret\tn\n", "(name, n)", table="fresh")
        self.assertEqual(
            self.run_("SELECT name, n FROM fresh WHERE n = 'n'"), [("Zaphodsecret", "n")]
        )
        for one in self.stored("name"):
            self.assertTrue(one.startswith(b"%%%"), one)

    def test_a_large_file(self):
        data = b"".join(b"name %d\t%d\tnick %d\n" % (n, n, n % 50) for n in range(20_000))
        self.assertEqual(self.load(data, "(name, age, nick)"), 20_000)
        self.assertEqual(
            self.run_("SELECT name, age, nick FROM people ORDER BY id DESC LIMIT 1"),
            [("name 19999", 19999, "nick 49")],
        )

    def test_a_long_value(self):
        # Through AcraServer, which knows at once what the column holds.
        self.run_("ALTER TABLE people MODIFY raw LONGBLOB")
        self.addCleanup(self.run_, "ALTER TABLE people MODIFY raw BLOB")
        self.addCleanup(self.run_, "TRUNCATE people")
        raw = bytes(range(1, 9)) * (1 << 20)
        self.assertEqual(self.load(b"1\t" + raw + b"\n", "CHARACTER SET binary (id, raw)"), 1)
        self.assertTrue(self.run_("SELECT raw FROM people") == [(raw,)])

    # -- what is refused --------------------------------------------------------------------------

    def test_a_refused_value_leaves_nothing(self):
        """Neither rows before it, nor those behind; the session goes on."""
        for how in ("", "IGNORE", "REPLACE"):
            for many in (0, 20_000):
                data = (
                    b"".join(b"%d\tname %d\n" % (n, n) for n in range(1, many + 1))
                    + b"x\tZaphodsecret\n"
                    + b"1\tlast\n" * many
                )
                self.file.write_bytes(data)
                with self.assertRaises(pymysql.MySQLError) as caught:
                    self.ours.execute(self.text("(age, name)").replace("INTO", f"{how} INTO"))
                self.assertEqual(caught.exception.args[0], 1366)
                self.assertIn("people.age", caught.exception.args[1])
                self.assertNotIn("Zaphodsecret", caught.exception.args[1])
                self.assertEqual(self.rows(), [], (how, many))
        self.assertEqual(self.load(b"1\tone\n", "(age, name)"), 1)
        self.assertEqual(len(self.rows()), 1)

    def test_what_the_server_would_cut_is_refused(self):
        """It loads a client's file as with IGNORE: it cuts and warns, in strict modes, too."""
        for rest, value in (("(name)", "x" * 300), ("(nick)", "x" * 101)):
            for how in ("", "IGNORE"):
                self.file.write_text(f"short\n{value}\n")
                with self.assertRaises(pymysql.MySQLError) as caught:
                    self.ours.execute(self.text(rest).replace("INTO", f"{how} INTO"))
                self.assertEqual(caught.exception.args[0], 1406)
                self.assertEqual(self.rows(), [])

    def test_a_transaction_goes_on_behind_a_refused_file(self):
        self.ours.execute("START TRANSACTION")
        self.ours.execute("INSERT INTO people (name) VALUES ('before')")
        self.refusal(b"a\nb\tc\n", "(name)")
        self.ours.execute("INSERT INTO people (name) VALUES ('behind')")
        self.ours.execute("COMMIT")
        self.assertEqual(self.run_("SELECT name FROM people"), [("before",), ("behind",)])

    def test_rows_that_are_none(self):
        for data in (b"a\n", b"a\tb\tc\n", b"\n", b"a\tb\n\n", b"a\t"):
            self.assertIn("row", self.refusal(data, "(name, note)")[1], data)
        self.assertIn("ended", self.refusal(b'"a\n', "FIELDS ENCLOSED BY '\"' (name)")[1])
        self.assertEqual(self.rows(), [])
        self.assertEqual(self.load(b"", "(name)"), 0)

    def test_statements_that_are_refused(self):
        for rest in (
            "FIELDS TERMINATED BY '' ENCLOSED BY '' (name)",
            "FIELDS TERMINATED BY '\\n' (name)",
            "FIELDS ENCLOSED BY 'ab' (name)",
            "FIELDS ESCAPED BY 'é' (name)",
            "(name, name)",
            "(name) SET name = 'Zaphodsecret'",
            "(@n) SET name = @n",
            "(name) SET note = name",
            "(name) SET note = (SELECT id FROM people WHERE email = 'a')",
            "(name, @acra_load_1)",
            "(name, nothing)",
            "(name); DO 1",
        ):
            self.assertIn("AcraServer", self.refusal(b"a\n", rest)[1], rest)
        for text in (
            self.text("(name)").replace(" LOCAL", ""),
            self.text("").replace("DATA", "XML"),
            f"PREPARE s FROM {self.ours.connection.escape(self.text('(name)'))}",
            f"EXECUTE IMMEDIATE {self.ours.connection.escape(self.text('(name)'))}",
        ):
            self.assertIn("AcraServer", self.refused(text), text)
        self.assertEqual(self.rows(), [])

    def test_a_client_that_leaves_in_the_middle(self):
        connection = pymysql.connect(**self.access(), autocommit=True, local_infile=True)
        connection._execute_command(3, self.text("(name)"))
        connection._read_packet(pymysql.connections.MysqlPacket)
        rows = b"Zaphodsecret\n" * 5_000
        connection._sock.sendall(len(rows).to_bytes(3, "little") + b"\2" + rows)
        connection._sock.shutdown(socket.SHUT_RDWR)
        connection._force_close()
        eventually(lambda: self.shown() == 0, "the load's end", 60)
        self.assertEqual(self.rows(), [])

    def shown(self):
        """The number of loads that the server is at."""
        listed = self.database.run("SHOW FULL PROCESSLIST")
        return len(re.findall(r"LOAD DATA", listed))

    def test_other_tables_pass_unread(self):
        self.database.run("CREATE TABLE shop.plain (a VARBINARY(50))")
        self.addCleanup(self.database.run, "DROP TABLE shop.plain")
        data = b"x,\xff;y"
        rest = "FIELDS TERMINATED BY ',' LINES TERMINATED BY ';' (a)"
        self.load(data, rest, table="plain")
        self.assertEqual(self.rows(text="SELECT a FROM plain"), [(b"x",), (b"y",)])


def _literal(value):
    return f"x'{value.hex()}'" if value else "''"


def _is_read(form, data):
    rows = InfileRows(form, 2, 1_000, "latin-1")
    try:
        rows.feed(data)
        rows.finish()
    except InfileError:
        return False
    return True


def _file(drawn):
    """A format, and a file that is in it or nearly."""
    pick = drawn.choice
    form = InfileFormat(
        pick((b"\t", b",", b"||", b";;")),
        pick((b"", b'"', b"'")),
        pick((b"\\", b"\\", b"", b'"', b"!")),
        pick((b"", b"", b"xx")),
        pick((b"\n", b"\r\n", b"||\n")),
        pick((0, 0, 1)),
    )
    signs = [form.fields, form.lines, form.enclosed, form.escape, form.start]
    signs += [b"N", b"NULL", b"a", b"n", b"0", b"x", b"|", b"\r", b"\n", b'"', b"\0", b"\xff"]

    def field():
        value = b"".join(pick(signs) for _ in range(drawn.randrange(4)))
        if form.enclosed and drawn.random() < 0.6:
            return form.enclosed + value.replace(form.enclosed, form.enclosed * 2) + form.enclosed
        return value

    rows = [field() + form.fields + field() for _ in range(drawn.randrange(4))]
    data = b"head" * form.skipped + form.lines * form.skipped
    data += b"".join(form.start + row + form.lines for row in rows)
    if drawn.random() < 0.3:
        data = data.removesuffix(form.lines)
    return form, data

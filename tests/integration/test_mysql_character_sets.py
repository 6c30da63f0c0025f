"""Protected columns of MariaDB in the character sets of clients and of their results."""

import mysql.connector
import pymysql

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql import encodings
from tests.integration.test_mysql_encryption import Case

_TEXTS = ("plain", "Müller, 5", "€ 5", "Żółć", "Жук", "中文", "ｱ가", "a\\b[c]~", "😀")
_SETS = ("utf8mb4", "latin1", "cp1251", "gbk", "euckr", "ujis", "ucs2", "utf16le", "utf32", "swe7")
_COLUMNS = "name, age, born, raw, ident, nick"
#: Sets of whose characters some are known, and those that only have ASCII here.
_KNOWN = (
    *("ascii", "big5", "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "euckr"),
    *("gb2312", "gbk", "greek", "hebrew", "hp8", "koi8r", "koi8u", "latin1", "latin2", "latin5"),
    *("latin7", "macce", "macroman", "swe7", "tis620", "ucs2", "ujis", "utf16", "utf16le"),
    *("utf32", "utf8mb4"),
)
_ASCII = ("armscii8", "cp932", "dec8", "eucjpms", "geostd8", "keybcs2", "sjis")


def answer(connection, text):
    """The collations and the rows of an answer, or the number of its error."""
    connection._execute_command(3, text.encode())
    try:
        count = connection._read_packet().read_length_encoded_integer()
    except pymysql.MySQLError as error:
        return error.args[0], []
    collations, rows = [], []
    for _ in range(count):
        packet = connection._read_packet()
        for _ in range(6):
            packet.read_length_coded_string()
        packet.advance(1)
        collations.append(packet.read_uint16())
    connection._read_packet()
    try:
        while not (packet := connection._read_packet()).is_eof_packet():
            rows.append([packet.read_length_coded_string() for _ in range(count)])
    except pymysql.MySQLError as error:
        return error.args[0], rows
    return collations, rows


class Results(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.database.run(
            "CREATE TABLE shop.twin (id INT PRIMARY KEY, name VARCHAR(100), age INT, born DATE, "
            "raw VARBINARY(100), ident INT, nick VARCHAR(100)) CHARACTER SET utf8mb4"
        )

    def setUp(self):
        super().setUp()
        self.database.run("TRUNCATE shop.twin")
        cursor = self.connected()
        for number, text in enumerate(_TEXTS, 1):
            values = (number, text, number, "2026-11-30", text.encode(), number, text)
            for table in ("people", "twin"):
                cursor.execute(
                    f"INSERT INTO {table} (id, {_COLUMNS}) VALUES (%s,%s,%s,%s,%s,%s,%s)", values
                )

    def compared(self, connection, label):
        """Compare what the two tables show, row by row: where the twin has a question mark in place
        of a character, the row is refused."""
        for number in range(1, len(_TEXTS) + 1):
            where = f"FROM {{}} WHERE id = {number}"
            collations, [row] = answer(connection, f"SELECT {_COLUMNS} {where.format('twin')}")
            found = answer(connection, f"SELECT {_COLUMNS} {where.format('people')}")
            if b"?" in row[0]:
                self.assertEqual(found, (1977, []), label)
            else:
                self.assertEqual(found[1], [row], label)
                self.assertEqual(found[0][0], collations[0], label)

    def test_pairs_of_sets(self):
        for client in ("utf8mb4", "latin1", "cp1251"):
            connection = pymysql.connect(**self.access(), charset=client, autocommit=True)
            self.addCleanup(connection.close)
            for results in (*_SETS, "NULL", "binary"):
                connection.query(f"SET character_set_results = {results}")
                self.compared(connection, f"{client}, {results}")
            connection.query("SET NAMES latin1")
            self.compared(connection, f"{client}, SET NAMES")

    def test_statements_with_values_are_read_while_results_are_wide(self):
        connection = pymysql.connect(**self.access(), charset="utf8mb4", autocommit=True)
        self.addCleanup(connection.close)
        connection.query("SET character_set_results = utf16")
        connection.query("INSERT INTO people (id, name, email) VALUES (100, 'Żółć', 'ż@x.org')")
        connection.query("CREATE TABLE other (id INT)")
        self.addCleanup(self.database.run, "DROP TABLE shop.other")
        _, rows = answer(connection, "SELECT name, id FROM people WHERE email = 'ż@x.org'")
        self.assertEqual(rows, [["Żółć".encode("utf-16-be"), "100".encode("utf-16-be")]])
        self.assertEqual(self.run_("SELECT name FROM people WHERE id = 100"), [("Żółć",)])

    def test_behind_a_statement_that_may_have_changed_them(self):
        """It runs another one, and nothing is told of what that has done."""
        text = "SELECT name, nick FROM people WHERE id = 2"
        bound = "SELECT name FROM people WHERE name IS NOT NULL AND nick = ?"
        cursor = self.connected()
        prepared = mysql.connector.connect(**self.access(), autocommit=True)
        self.addCleanup(prepared.close)
        asking = prepared.cursor(prepared=True)
        for running in (
            "EXECUTE IMMEDIATE 'DO 1'",
            "SET STATEMENT max_statement_time = 9 FOR DO 1",
            "EXECUTE nothing",
            "BEGIN NOT ATOMIC DO 1; END",
        ):
            for run in (cursor.execute, prepared.cmd_query):
                try:
                    run(running)
                except (pymysql.MySQLError, mysql.connector.Error) as error:
                    self.assertEqual(error.args[0], 1243, (running, error))
            cursor.execute(text)
            self.assertEqual(cursor.fetchall(), ((_TEXTS[1], _TEXTS[1]),), running)
            asking.execute(bound, (_TEXTS[1],))
            self.assertEqual(asking.fetchall(), [(_TEXTS[1],)], running)


class Searches(Case):
    def test_tokens_are_found_whatever_sets_texts_and_columns_have(self):
        """A server compares bytes of a text in the set of its connection, and of a column in its
        own."""
        for charset in ("utf8mb4", "latin1", "ucs2"):
            self.database.run("TRUNCATE shop.people")
            self.run_(f"ALTER TABLE people MODIFY nick VARCHAR(100) CHARACTER SET {charset}")
            cursor = self.connected()
            prepared = mysql.connector.connect(**self.access(), autocommit=True)
            self.addCleanup(prepared.close)
            asking = prepared.cursor(prepared=True)
            cursor.execute("INSERT INTO people (id, nick) VALUES (1, 'nicksecret'), (2, 'Nick')")
            for connection in ("utf8mb4", "latin1", "utf16", "utf32"):
                text = f"SET character_set_connection = {connection}"
                cursor.execute(text)
                prepared.cmd_query(text)
                for nick, number in (("nicksecret", 1), ("Nick", 2), ("nick", None)):
                    label = f"{charset}, {connection}, {nick}"
                    expected = [(number, nick)] if number else []
                    cursor.execute("SELECT id, nick FROM people WHERE nick = %s", (nick,))
                    self.assertEqual(list(cursor.fetchall()), expected, label)
                    asking.execute("SELECT id, nick FROM people WHERE nick IN (?, 'x')", (nick,))
                    self.assertEqual(asking.fetchall(), expected, label)
                cursor.execute("SELECT COUNT(DISTINCT nick) FROM people")
                self.assertEqual(cursor.fetchall(), ((2,),))
                cursor.execute("SELECT a.id FROM people a JOIN people b ON a.nick = b.nick")
                self.assertEqual(len(cursor.fetchall()), 2)


class Characters(Case):
    def setUp(self):
        super().setUp()
        self.direct = pymysql.connect(**self.access(self.database.port), charset="utf8mb4")
        self.addCleanup(self.direct.close)

    def shown(self, charset, characters):
        """Characters, as the server has them in a set."""
        found, cursor = {}, self.direct.cursor()
        for at in range(0, len(characters), 400):
            some = characters[at : at + 400]
            asked = ", ".join(
                f"HEX(CONVERT(_utf8mb4 x'{one.encode().hex()}' USING {charset}))" for one in some
            )
            cursor.execute(f"SELECT {asked}")
            found.update(zip(some, map(bytes.fromhex, cursor.fetchone()), strict=True))
        return found

    def test_results_have_the_server_s_characters(self):
        """A sample of all characters; each is the server's, or an error."""
        sample = [
            *map(chr, range(0x20, 0x250)),
            *map(chr, range(0x250, 0xD800, 97)),
            "😀",
            "\uffe3",
        ]
        for charset in (*_KNOWN, *_ASCII):
            codec = encodings.result_codec_of(charset)
            known, wrong = 0, []
            unknown = encodings.from_utf8(b"?", codec)
            for character, sent in self.shown(charset, sample).items():
                try:
                    made = encodings.from_utf8(character.encode(), codec)
                except ValueRefusedError:
                    continue
                known += 1
                if made != sent or (sent == unknown and character != "?"):
                    wrong.append((character, made, sent))
            self.assertEqual(wrong, [], charset)
            self.assertGreater(known, 70, charset)

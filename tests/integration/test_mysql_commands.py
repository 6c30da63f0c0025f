"""Commands of MySQL's protocol beside queries, through AcraServer's stages to MariaDB."""

import os
import struct
import tempfile
from contextlib import closing
from pathlib import Path

import mysql.connector
import pymysql
from pymysql.constants import CLIENT, COMMAND
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import acrablock, envelopes
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import eventually
from tests.support import classmariadb
from tests.support.mysqldaemon import MysqlServer

_CLIENT = "an application"
RULES = """version: 0.85.0
ignore_parse_error: false
handlers:
  - handler: allow
    queries: ["CALL several()", "CALL moving()", "CALL given(?)", "{load}"]
  - handler: deny
    tables: [secrets]
"""
SECRET = b"SELECT * FROM secrets"
TEXT = b"what was encrypted"
#: Read as a table by those to whom a backslash is no sign of its own.
ESCAPED = b"SELECT '\\' FROM secrets -- ' AS a"
#: Commands that reach no database: of administrators and replicas, unknown ones, and such as have
#: texts or tables in them that nobody judges.
REFUSED = (0x00, *range(0x05, 0x09), 0x0A, 0x0B, 0x0D, *range(0x0F, 0x11), *range(0x12, 0x16))
REFUSED += (0x1D, 0x1E, *range(0x20, 0xFA), *range(0xFB, 0x100))
_LAST = 0xFFFFFFFF
#: Flags of an execution and of a status: rows are fetched; there are more of them, or no more.
_CURSOR = 1
_CURSOR_EXISTS, _LAST_ROW_SENT = 0x40, 0x80


class Raw:
    """Sends a command's bytes, and reads the packets of its reply."""

    def __init__(self, port, **more):
        self.connection = pymysql.connect(
            host="127.0.0.1",
            port=port,
            user="u",
            password="pw",
            database="shop",
            read_timeout=120,
            client_flag=CLIENT.MULTI_STATEMENTS | CLIENT.MULTI_RESULTS | 1 << 18,
            **more,
        )

    def close(self):
        self.connection._force_close()

    def send(self, code, payload=b""):
        self.connection._execute_command(code, payload)

    def packet(self):
        """The next packet; an error as its number."""
        try:
            return self.connection._read_packet().get_all_data()
        except pymysql.MySQLError as error:
            return error.args[0]

    def ask(self, code, payload=b""):
        """The first packet that answers a command."""
        self.send(code, payload)
        return self.packet()

    def prepare(self, text):
        """The number of a statement, or that of an error."""
        head = self.ask(COMMAND.COM_STMT_PREPARE, text)
        if isinstance(head, int):
            return -head
        number, columns, parameters = struct.unpack("<IHH", head[1:9])
        for count in (columns, parameters):
            if count:
                [self.packet() for _ in range(count + 1)]
        return number

    def execute(self, number, flags=0, values=b""):
        self.send(COMMAND.COM_STMT_EXECUTE, struct.pack("<IBI", number, flags, 1) + values)

    def upto_eof(self):
        """Packets before an EOF, and the status that it tells."""
        found = []
        while True:
            packet = self.packet()
            if isinstance(packet, int) or (packet[0] == 0xFE and len(packet) < 9):
                return found, packet if isinstance(packet, int) else packet[3] + (packet[4] << 8)
            found.append(packet)


class Commands(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        rules = cls.folder / "rules.yaml"
        cls.file = cls.folder / "rows.tsv"
        cls.file.write_text("".join(f"{n}\tword {n}\n" for n in range(5000)))
        cls.load = f"LOAD DATA LOCAL INFILE '{cls.file}' INTO TABLE loaded"
        rules.write_text(RULES.format(load=cls.load))
        cls.keys = Keys(cls.folder, _CLIENT)
        made = acrablock.create(TEXT, cls.keys.symmetric_key, b"", os.urandom)
        cls.block = envelopes.wrap(envelopes.ACRABLOCK, made)
        cls.database = classmariadb.started(cls, settings=("--local-infile=ON",))
        cls.database.account("other", "secret")
        block = f"x'{cls.block.hex()}'"
        cls.database.run(
            "CREATE DATABASE elsewhere; CREATE DATABASE wide CHARACTER SET utf32;"
            "CREATE DATABASE shop; USE shop;"
            "CREATE TABLE secrets (a text); CREATE TABLE t (id INT, kept VARBINARY(500));"
            "CREATE TABLE loaded (n INT, word TEXT);"
            f"INSERT INTO t VALUES (1, {block}), (2, {block}), (3, {block}), (4, 'plain');\n"
            "DELIMITER //\n"
            "CREATE PROCEDURE several() BEGIN"
            " SELECT kept FROM t WHERE id = 1; DO 1; SELECT id, kept FROM t WHERE id > 2; END //\n"
            "CREATE PROCEDURE moving() BEGIN"
            " DECLARE one INT; DECLARE c CURSOR FOR SELECT id FROM t; OPEN c; FETCH c INTO one;"
            " SELECT one; SELECT kept FROM t WHERE id = 1; END //\n"
            "CREATE PROCEDURE given(OUT found VARBINARY(500)) BEGIN"
            " SELECT 7; SELECT kept INTO found FROM t WHERE id = 2; END //\n"
            "DELIMITER ;\n"
        )
        cls.server = cls.serve()

    @classmethod
    def serve(cls, **settings):
        server = MysqlServer(
            cls.database.port,
            stages=("censor", "decryptor"),
            client_id=_CLIENT,
            acracensor_config_file=str(cls.folder / "rules.yaml"),
            **settings,
            **cls.keys.ini(),
        )
        server.__enter__()
        cls.addClassCleanup(server.stop)
        return server

    def open(self, server=None, **more):
        raw = Raw((server or self.server).port, **more)
        self.addCleanup(raw.close)
        return raw

    def usable(self, raw):
        self.assertEqual(raw.ask(COMMAND.COM_PING)[0], 0)
        with raw.connection.cursor() as cursor:
            cursor.execute("SELECT kept FROM t WHERE id = 1")
            self.assertEqual(cursor.fetchall(), ((TEXT,),))

    # -- the list ---------------------------------------------------------------------------------

    def test_commands_that_are_not_allowed(self):
        raw = self.open()
        for code in REFUSED:
            for payload in (b"", b"secrets\0", b"\1\0\0\0\0\0\0\0"):
                self.assertEqual(raw.ask(code, payload), 1047, hex(code))
        self.usable(raw)

    def test_commands_that_are_cut_short(self):
        raw = self.open()
        for code in (0x0C, 0x17, 0x1A, 0x1B, 0x1C, 0xFA):
            self.assertEqual(raw.ask(code, b"\1"), 1835, hex(code))
        # No reply answers these.
        raw.send(COMMAND.COM_STMT_CLOSE, b"\1")
        raw.send(COMMAND.COM_STMT_SEND_LONG_DATA, b"\1\0\0\0")
        self.usable(raw)

    def test_commands_that_are_allowed(self):
        raw = self.open()
        self.assertEqual(raw.ask(COMMAND.COM_INIT_DB, b"elsewhere")[0], 0)
        self.assertEqual(raw.ask(COMMAND.COM_INIT_DB, b"nowhere"), 1049)
        with raw.connection.cursor() as cursor:
            cursor.execute("SELECT DATABASE()")
            self.assertEqual(cursor.fetchall(), (("elsewhere",),))
        self.assertEqual(raw.ask(COMMAND.COM_INIT_DB, b"shop")[0], 0)
        self.assertTrue(raw.ask(COMMAND.COM_STATISTICS).startswith(b"Uptime"))
        # No text holds several statements any more.
        self.assertEqual(raw.ask(0x1B, b"\1\0")[0], 0xFE)
        self.assertEqual(raw.ask(COMMAND.COM_QUERY, b"SELECT 1; SELECT 2"), 1064)
        self.usable(raw)

    def test_several_statements_where_no_text_may_hold_them(self):
        """The client has asked for them at its login, and does so once more."""
        raw = self.open(self.serve(multi_statements_enable=False))
        for _ in range(2):
            self.assertEqual(raw.ask(COMMAND.COM_QUERY, b"SELECT 1; SELECT 2"), 1064)
            self.assertEqual(raw.ask(0x1B, b"\0\0"), 1047)
        self.assertEqual(raw.ask(0x1B, b"\1\0")[0], 0xFE)
        self.usable(raw)

    def test_a_database_is_chosen_as_by_its_statement(self):
        rules = self.folder / "names.yaml"
        rules.write_text(
            "version: 0.85.0\nhandlers:\n"
            '  - {handler: allow, queries: ["USE wide"], tables: [t]}\n'
            '  - {handler: deny, patterns: ["%%SELECT%%"]}\n'
        )
        server = MysqlServer(
            self.database.port, stages=("censor",), acracensor_config_file=str(rules)
        )
        server.__enter__()
        self.addCleanup(server.stop)
        raw = self.open(server)
        for name, said in ((b"elsewhere", 1317), (b"shop", 1317), (b"t", 1317), (b"", 1317)):
            self.assertEqual(raw.ask(COMMAND.COM_INIT_DB, name), said, name)
            self.assertEqual(raw.ask(COMMAND.COM_QUERY, b"USE `" + name + b"`"), said, name)
        with raw.connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM t")
            self.assertEqual(cursor.fetchall(), ((4,),))
        self.assertEqual(raw.ask(COMMAND.COM_INIT_DB, b"wide")[0], 0)
        with raw.connection.cursor() as cursor, self.assertRaises(pymysql.MySQLError) as caught:
            cursor.execute("SELECT COUNT(*) FROM t")
        self.assertEqual(caught.exception.args, (1146, "Table 'wide.t' doesn't exist"))

    def test_columns_of_a_table(self):
        """They are told as SHOW COLUMNS tells them: of the tables that the rules allow."""
        raw = self.open()
        for wanted, names in ((b"t\0", (b"id", b"kept")), (b"t\0k%", (b"kept",))):
            raw.send(0x04, wanted)
            columns, _ = raw.upto_eof()
            self.assertEqual(
                [name in column for name, column in zip(names, columns, strict=True)],
                [True] * len(names),
            )
        for name in (b"secrets", b"SECRETS"):
            self.assertEqual(raw.ask(0x04, name + b"\0"), 1317)
        self.assertEqual(raw.ask(0x04, b"nowhere\0"), 1146)
        for name in (b"`secrets`", b"#mysql50#secrets", b"t` LIKE 'x"):
            self.assertEqual(raw.ask(0x04, name + b"\0"), 1047)
        self.usable(raw)

    def test_a_session_that_is_killed(self):
        """A command and a statement end it; that of no session is an error."""
        raw = self.open()
        for by in (
            lambda number: raw.ask(0x0C, struct.pack("<I", number)),
            lambda number: raw.ask(COMMAND.COM_QUERY, b"KILL %d" % number),
        ):
            victim = self.open()
            with victim.connection.cursor() as cursor:
                cursor.execute("SELECT CONNECTION_ID()")
                ((number,),) = cursor.fetchall()
            self.assertEqual(by(number)[0], 0)
            self.assertRaises(pymysql.MySQLError, victim.connection.ping, reconnect=False)
            eventually(lambda by=by, number=number: by(number) == 1094, "the session is gone")
        self.usable(raw)

    # -- denied statements ------------------------------------------------------------------------

    def test_a_statement_that_was_refused_cannot_be_executed(self):
        raw = self.open()
        self.assertEqual(raw.prepare(SECRET), -1317)
        for number in (_LAST, 1, 77):
            raw.execute(number)
            self.assertEqual(raw.packet(), 1243, number)
        # What concerns it and is not answered reaches nobody.
        raw.send(COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", _LAST, 0) + b"x")
        raw.send(COMMAND.COM_STMT_CLOSE, struct.pack("<I", _LAST))
        self.usable(raw)
        number = raw.prepare(b"SELECT kept FROM t WHERE id = 2")
        self.assertEqual(raw.prepare(SECRET), -1317)
        raw.execute(_LAST)
        self.assertEqual(raw.packet(), 1243)
        raw.execute(number)
        raw.packet()
        raw.upto_eof()
        rows, _ = raw.upto_eof()
        self.assertEqual(len(rows), 1)
        self.assertIn(TEXT, rows[0])

    # -- results of other forms -------------------------------------------------------------------

    def test_results_of_a_procedure(self):
        raw = self.open()
        with raw.connection.cursor() as cursor:
            cursor.execute("CALL several()")
            found = [list(cursor.fetchall())]
            while cursor.nextset():
                found.append(list(cursor.fetchall()))
        self.assertEqual(found, [[(TEXT,)], [(3, TEXT), (4, b"plain")], []])
        self.usable(raw)

    def test_results_whose_names_are_in_wide_characters(self):
        for charset, codec in (
            ("ucs2", "utf-16be"),
            ("utf16le", "utf-16le"),
            ("utf32", "utf-32be"),
        ):
            raw = self.open()
            with raw.connection.cursor() as cursor:
                cursor.execute(f"SET character_set_results = {charset}")
            raw.send(COMMAND.COM_QUERY, b"SELECT id, kept FROM t ORDER BY id")
            self.assertEqual(raw.packet(), b"\2")
            self.assertIn("kept".encode(codec), raw.upto_eof()[0][1])
            self.assertEqual([TEXT in row for row in raw.upto_eof()[0]], [True, True, True, False])

    def test_a_database_of_wide_characters(self):
        for flags in (0, 1 << 23):
            raw = self.open()
            raw.close()
            raw.connection.client_flag |= flags
            raw.connection.db = "wide"
            raw.connection.connect()
            with raw.connection.cursor() as cursor:
                for name in ("shop", "wide"):
                    cursor.execute(f"USE {name}")
                    cursor.execute("SET autocommit = 0")
                    cursor.execute("SELECT DATABASE()")
                    self.assertEqual(cursor.fetchone(), (name,))

    def test_results_of_a_procedure_with_a_cursor(self):
        """Its rows come at once: the flag in its results is about its own cursor."""
        raw = self.open()
        with raw.connection.cursor() as cursor:
            cursor.execute("CALL moving()")
            found = [list(cursor.fetchall())]
            while cursor.nextset():
                found.append(list(cursor.fetchall()))
        self.assertEqual(found, [[(1,)], [(TEXT,)], []])
        number = raw.prepare(b"CALL moving()")
        for flags in (0, _CURSOR):
            raw.execute(number, flags)
            results = []
            for _ in range(2):
                raw.packet()
                _, status = raw.upto_eof()
                self.assertTrue(status & _CURSOR_EXISTS)
                results.append(raw.upto_eof()[0])
            self.assertEqual([len(rows) for rows in results], [1, 1])
            self.assertIn(TEXT, results[1][0])
            self.assertEqual(raw.packet()[0], 0)
        self.usable(raw)

    def test_parameters_that_a_procedure_gives_back(self):
        raw = self.open()
        number = raw.prepare(b"CALL given(?)")
        self.assertGreater(number, 0)
        for _ in range(2):
            # One parameter, whose type is told: NULL.
            raw.execute(number, values=b"\1\1\6\0")
            results = []
            for _ in range(2):
                raw.packet()
                raw.upto_eof()
                results.append(raw.upto_eof()[0])
            self.assertEqual([len(rows) for rows in results], [1, 1])
            self.assertIn(TEXT, results[1][0])
            self.assertNotIn(self.block, results[1][0])
            self.assertEqual(raw.packet()[0], 0)
        self.usable(raw)

    def test_rows_of_a_cursor(self):
        raw = self.open()
        number = raw.prepare(b"SELECT id, kept FROM t ORDER BY id")
        for _ in range(2):
            raw.execute(number, _CURSOR)
            raw.packet()
            _, status = raw.upto_eof()
            self.assertTrue(status & _CURSOR_EXISTS)
            fetched = []
            while not status & _LAST_ROW_SENT:
                raw.send(0x1C, struct.pack("<II", number, 2))
                rows, status = raw.upto_eof()
                fetched += rows
            self.assertEqual([TEXT in row for row in fetched], [True, True, True, False])
        raw.send(0x1C, struct.pack("<II", 77, 2))
        self.assertEqual(raw.packet(), 1243)
        self.usable(raw)

    def test_values_that_come_ahead(self):
        raw = self.open()
        number = raw.prepare(b"SELECT CONCAT(?, '!')")
        for piece in (self.block[:50], self.block[50:]):
            raw.send(COMMAND.COM_STMT_SEND_LONG_DATA, struct.pack("<IH", number, 0) + piece)
        raw.execute(number, values=b"\0\1\xfb\0")
        raw.packet()
        raw.upto_eof()
        [row], _ = raw.upto_eof()
        self.assertIn(TEXT + b"!", row)
        self.usable(raw)

    # -- sessions that begin anew -----------------------------------------------------------------

    def test_a_session_that_is_reset(self):
        raw = self.open()
        number = raw.prepare(b"SELECT 1")
        self.assertEqual(raw.ask(COMMAND.COM_QUERY, b"SET sql_mode='NO_BACKSLASH_ESCAPES'")[0], 0)
        self.assertEqual(raw.ask(COMMAND.COM_QUERY, ESCAPED), 1317)
        self.assertEqual(raw.ask(0x1F)[0], 0)
        raw.execute(number)
        self.assertEqual(raw.packet(), 1243)
        with raw.connection.cursor() as cursor:
            cursor.execute(ESCAPED)
            self.assertEqual(cursor.fetchall(), (("' FROM secrets -- ",),))
        self.assertEqual(raw.ask(COMMAND.COM_QUERY, SECRET), 1317)
        self.usable(raw)

    def change(self, server, pure=True):
        return mysql.connector.connect(
            host="127.0.0.1",
            port=server.port,
            user="u",
            password="pw",
            database="shop",
            use_pure=pure,
            ssl_disabled=True,
        )

    @staticmethod
    def one(connection, text):
        with closing(connection.cursor()) as cursor:
            cursor.execute(text)
            return cursor.fetchall()

    def test_another_user(self):
        """The rules hold for every user, and the modes are those of a new session."""
        server = self.serve(change_user_enable=True)
        connection = self.change(server)
        self.addCleanup(connection.close)
        self.one(connection, "SET sql_mode='NO_BACKSLASH_ESCAPES'")
        connection.cmd_change_user("other", "secret", "shop")
        self.assertEqual(self.one(connection, "SELECT CURRENT_USER()"), [("other@%",)])
        self.assertEqual(self.one(connection, ESCAPED.decode()), [("' FROM secrets -- ",)])
        error = self.assertRaises(mysql.connector.Error, self.one, connection, SECRET.decode())
        self.assertEqual((error.errno, error.sqlstate), (1317, "70100"))
        found = self.one(connection, "SELECT kept FROM t WHERE id = 1")
        self.assertEqual([bytes(row[0]) for row in found], [TEXT])
        wrong = self.assertRaises(
            mysql.connector.Error, connection.cmd_change_user, "other", "wrong", "shop"
        )
        self.assertEqual(wrong.errno, 1045)

    def test_another_user_where_that_is_not_allowed(self):
        connection = self.change(self.serve(change_user_enable=False))
        self.addCleanup(connection.close)
        error = self.assertRaises(
            mysql.connector.Error, connection.cmd_change_user, "other", "secret", "shop"
        )
        self.assertEqual(error.errno, 1047)
        self.assertEqual(self.one(connection, "SELECT CURRENT_USER()"), [("u@%",)])

    # -- files ------------------------------------------------------------------------------------

    def loads(self, server):
        """The number of the error, or None; and how many rows there are."""
        raw = self.open(server, local_infile=True, autocommit=True)
        error = None
        with raw.connection.cursor() as cursor:
            try:
                cursor.execute(self.load)
            except pymysql.MySQLError as raised:
                error = raised.args[0]
        self.usable(raw)
        refused = b"LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE secrets"
        self.assertEqual(raw.ask(COMMAND.COM_QUERY, refused), 1317)
        self.usable(raw)
        return error, int(self.database.run("SELECT COUNT(*) FROM shop.loaded"))

    def test_files_of_the_client(self):
        """They are loaded where that is allowed, into the tables that the rules allow."""
        error, rows = self.loads(self.server)
        self.assertIn(error, (1148, 3948, 4166))
        self.assertEqual(rows, 0)
        self.assertEqual(self.loads(self.serve(local_infile=True)), (None, 5000))

    def loading(self):
        """A cursor of a session that may load files into the table, through no stage."""
        server = MysqlServer(self.database.port, local_infile=True)
        server.__enter__()
        self.addCleanup(server.stop)
        self.database.run("TRUNCATE shop.loaded")
        return self.open(server, local_infile=True, autocommit=True).connection.cursor()

    def test_files_of_several_statements(self):
        with self.loading() as cursor:
            cursor.execute(f"SELECT 1; {self.load}; {self.load}; SELECT COUNT(*) FROM loaded")
            self.assertEqual(cursor.fetchall(), ((1,),))
            for _ in range(3):
                self.assertTrue(cursor.nextset())
            self.assertEqual(cursor.fetchall(), ((10_000,),))
        self.database.run("TRUNCATE shop.loaded")

    def test_files_that_a_prepared_text_loads(self):
        with self.loading() as cursor:
            cursor.execute(f'PREPARE loading FROM "{self.load}"')
            cursor.execute("EXECUTE loading")
            cursor.execute("SELECT COUNT(*) FROM loaded")
            self.assertEqual(cursor.fetchall(), ((5000,),))
            cursor.execute(f'SET @loading = "{self.load}"')
            cursor.execute("EXECUTE IMMEDIATE @loading")
            cursor.execute("SELECT COUNT(*) FROM loaded")
            self.assertEqual(cursor.fetchall(), ((10000,),))
        self.database.run("TRUNCATE shop.loaded")

    def test_what_was_refused_is_in_the_log(self):
        raw = self.open()
        self.assertEqual(raw.ask(COMMAND.COM_SHUTDOWN), 1047)
        eventually(lambda: "AcraServer refused a request" in self.server.output, "the log")

"""Containers of each size, poison records, and stages of others in MariaDB's rows and values."""

import json
import os
import shutil
import tempfile
import threading
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path

import mysql.connector
import pymysql
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import acrablock, acrastruct, envelopes, poison
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import eventually
from tests.integration.test_example_stage import EXAMPLE, RemoteRule
from tests.support import classmariadb, mysqlsteps
from tests.support.mysqldaemon import MysqlServer

_CLIENT = "an application"
#: Lengths at which the form of a cell's length changes.
EDGES = (250, 251, 0xFFFF, 0x1_0000)
#: A third party's stage with every hook that a request and its rows have.
STAGE = """
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.exchange import Statement
from acra_twisted.interfaces import IParameterStage, IResultStage, IRowTransform
from acra_twisted.interfaces import IStageFactory, IStatementStage
from acra_twisted.verdicts import PASS, Deny, Replace


@implementer(IPlugin, IStageFactory)
class Factory:
    name = "courteous"
    options = after = before = ()
    advisory = False

    def make(self, settings, services):
        return Courteous()


@implementer(IStatementStage, IParameterStage, IResultStage, IRowTransform)
class Courteous:
    name = "courteous"

    def on_statement(self, statement, exchange):
        if b"impolite" in statement.text:
            return Deny("mind your language", reason="impolite")
        text = statement.text.replace(b"'hello'", b"'how do you do?'")
        return PASS if text is statement.text else Replace(Statement(text, statement.prepared_name))

    def on_parameters(self, parameters, exchange):
        if b"impolite" in parameters.values:
            return Deny("mind your language", reason="impolite")
        values = [b"how do you do?" if v == b"hello" else v for v in parameters.values]
        if values == list(parameters.values):
            return PASS
        return Replace(parameters.replaced(values, parameters.formats))

    columns = concerns = None

    def plan_result(self, columns):
        return self

    def transform(self, batch, exchange):
        for row in range(len(batch)):
            for number, cell in enumerate(batch.cells(row)):
                if cell == b"how are you?":
                    batch.set_cell(row, number, b"fine")
        return Replace(batch) if batch.is_changed else PASS

    def stop(self):
        pass


courteous = Factory()
"""


class ContainerCase(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.keys = Keys(cls.folder, _CLIENT)
        cls.database = classmariadb.started(cls)
        cls.database.run("CREATE DATABASE shop")

    @classmethod
    def serve(cls, **settings):
        server = MysqlServer(cls.database.port, client_id=_CLIENT, **settings, **cls.keys.ini())
        server.__enter__()
        cls.addClassCleanup(server.stop)
        return server

    @staticmethod
    def connect(port, **more):
        return pymysql.connect(
            host="127.0.0.1",
            port=port,
            user="u",
            password="pw",
            database="shop",
            read_timeout=120,
            autocommit=True,
            **more,
        )

    def prepared(self, port, text, *parameters):
        """The rows of a statement that is prepared and executed twice."""
        connection = mysql.connector.connect(
            host="127.0.0.1",
            port=port,
            user="u",
            password="pw",
            database="shop",
            use_pure=True,
            ssl_disabled=True,
        )
        with closing(connection), closing(connection.cursor(prepared=True)) as cursor:
            for _ in range(2):
                cursor.execute(text, parameters or None)
                rows = [tuple(row) for row in cursor.fetchall()]
            return rows

    @classmethod
    def block(cls, text):
        made = acrablock.create(text, cls.keys.symmetric_key, b"", os.urandom)
        return envelopes.wrap(envelopes.ACRABLOCK, made)

    @classmethod
    def struct(cls, text):
        made = acrastruct.create(text, cls.keys.storage_public_key, b"", os.urandom)
        return envelopes.wrap(envelopes.ACRASTRUCT, made)


class Cells(ContainerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.capture = cls.folder / "captured.jsonl"
        cls.server = cls.serve(
            stages=("query_capture", "decryptor", "poison"),
            own={"query_capture": {"filepath": str(cls.capture), "flush_interval": 0.1}},
            poison_stop_session_enable=True,
        )
        cls.database.run(
            "USE shop; CREATE TABLE cells (id INT PRIMARY KEY, before_it VARCHAR(9), kept LONGBLOB,"
            " short VARBINARY(2000), words LONGTEXT CHARACTER SET latin1, after_it DOUBLE);"
            "CREATE TABLE poisoned (id INT, kept LONGBLOB)"
        )
        (secret,) = cls.keys.store.keys(purposes.POISON_SYMMETRIC)
        public = cls.keys.store.public_key(purposes.POISON)
        cls.records = [
            poison.make_acrastruct(public, 50, os.urandom),
            poison.make_acrablock(secret.value, 50, os.urandom),
        ]
        cls.clear = {}
        with closing(cls.connect(cls.database.port)) as db, db.cursor() as cursor:
            # Each edge is one of the opened value's length, and of the stored one's.
            sizes = sorted({size for edge in EDGES for size in cls.around(edge)} | {1})
            for number, size in enumerate(sizes):
                make = cls.struct if number % 2 else cls.block
                text = os.urandom(size)
                stored = make(text)
                short = stored if len(stored) <= 2000 else None
                cls.clear[number] = (text, text if short else None, text)
                cursor.execute(
                    "INSERT INTO cells VALUES (%s, NULL, %s, %s, %s, 0.5)",
                    (number, stored, short, stored),
                )
            for number, record in enumerate(cls.records):
                cursor.execute("INSERT INTO poisoned VALUES (%s, %s)", (number, record))

    @classmethod
    def around(cls, edge):
        overhead = [len(make(b"x" * edge)) - edge for make in (cls.block, cls.struct)]
        return [edge, *(edge - more for more in overhead if edge > more)]

    EVERY = "SELECT id, before_it, kept, short, words, after_it FROM cells ORDER BY id"

    def expected(self):
        return [(number, None, *texts, 0.5) for number, texts in self.clear.items()]

    def check(self, found):
        self.assertEqual(len(found), len(self.clear))
        for row, wanted in zip(found, self.expected(), strict=True):
            kept = (bytes(c) if isinstance(c, (bytearray, bytes)) else c for c in row)
            self.assertTrue(tuple(kept) == wanted, row[0])

    def test_cells_of_every_length_in_text_rows(self):
        raw = self.connect(self.server.port, charset="latin1", use_unicode=False)
        with closing(raw), raw.cursor() as cursor:
            cursor.execute(self.EVERY)
            self.check(cursor.fetchall())

    def test_cells_of_every_length_in_binary_rows(self):
        text = self.EVERY.replace("words", "CAST(words AS BINARY)")
        self.check(self.prepared(self.server.port, text))

    def test_containers_within_cells(self):
        with closing(self.connect(self.server.port)) as db, db.cursor() as cursor:
            cursor.execute("SELECT CONCAT('[', kept, '|', short, ']') FROM cells WHERE id = 1")
            text, short, _ = self.clear[1]
            self.assertEqual(cursor.fetchone(), (b"[" + text + b"|" + short + b"]",))

    def test_what_cannot_be_opened_stays(self):
        other = Keys(Path(tempfile.mkdtemp()), _CLIENT)
        made = acrablock.create(b"not ours", other.symmetric_key, b"", os.urandom)
        foreign = envelopes.wrap(envelopes.ACRABLOCK, made)
        for value in (foreign, self.block(b"x")[:-1], b"%%%" * 100, b"\x22" * 600):
            with closing(self.connect(self.server.port)) as db, db.cursor() as cursor:
                cursor.execute("SELECT %s, NULL", (value,))
                self.assertEqual(cursor.fetchone(), (value, None))
            found = self.prepared(self.server.port, "SELECT CAST(? AS BINARY), NULL", value)
            self.assertEqual(found, [(value, None)])

    # -- poison records ---------------------------------------------------------------------------

    def caught(self):
        return self.server.output.count("Recognized poison record")

    def test_a_poison_record_ends_its_session(self):
        texts = (
            "SELECT kept FROM poisoned WHERE id = {}",
            "SELECT CONCAT('x', kept, 'y') FROM poisoned WHERE id = {}",
            "SELECT 1; SELECT id, kept FROM poisoned WHERE id = {}",
            "SELECT GROUP_CONCAT(kept SEPARATOR '') FROM poisoned WHERE id >= {}",
            "INSERT INTO poisoned SELECT 9, kept FROM poisoned WHERE id = {} RETURNING kept",
        )
        flag = pymysql.constants.CLIENT.MULTI_STATEMENTS
        for number, record in enumerate(self.records):
            for text in texts:
                before = self.caught()
                with closing(self.connect(self.server.port, client_flag=flag)) as db:
                    with self.assertRaises(pymysql.MySQLError) as raised, db.cursor() as cursor:
                        cursor.execute(text.format(number))
                        while cursor.nextset():
                            self.assertNotIn(record, str(cursor.fetchall()).encode())
                    self.assertEqual(raised.exception.args[0], 1317, text)
                eventually(lambda n=before: self.caught() == n + 1, text)

    def test_a_poison_record_in_binary_rows(self):
        for number in range(len(self.records)):
            before = self.caught()
            text = "SELECT 1.5, kept FROM poisoned WHERE id = ?"
            for client in mysqlsteps.PREPARING:
                [said] = mysqlsteps.take(client, self.server.port, [("execute", text, number)])
                # This driver has no number for any error amid rows, the database's own neither.
                shown = -1 if client == "libmysqlclient" else 1317
                self.assertEqual(said.get("error"), shown, (client, said))
            eventually(lambda n=before: self.caught() == n + 4, text)

    def test_a_poison_record_that_is_echoed(self):
        for record in self.records:
            before = self.caught()
            with self.assertRaises(mysql.connector.Error):
                self.prepared(self.server.port, "SELECT ?", record)
            eventually(lambda n=before: self.caught() == n + 1, "the record")

    # -- captured texts ---------------------------------------------------------------------------

    def test_captured_texts_have_no_values(self):
        with closing(self.connect(self.server.port)) as db, db.cursor() as cursor:
            cursor.execute(
                "SELECT id, 'it''s a \\'literal', \"literal\", 0x6C69, x'6c69', 1234.5, N'literal'"
                " FROM cells /* literal */ WHERE words = _latin1'literal' -- literal"
            )
        self.prepared(self.server.port, "SELECT ?, 'literal' FROM cells WHERE id = 1234", "literal")
        eventually(lambda: "SELECT ?, ? FROM cells" in self.capture.read_text(), "what is captured")
        text = self.capture.read_text()
        shown = [json.loads(line)["query"] for line in text.splitlines()]
        self.assertTrue([one for one in shown if one and one.startswith("SELECT id, ?, ?, ?, ?")])
        for value in ("literal", "6C69", "6c69", "1234"):
            self.assertNotIn(value, text)


class OfOthers(ContainerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.site = cls.folder / "site"
        shutil.copytree(EXAMPLE, cls.site)
        (cls.site / "acra_twisted" / "plugins" / "courteous.py").write_text(STAGE)
        cls.service = ThreadingHTTPServer(("127.0.0.1", 0), RemoteRule)
        threading.Thread(target=cls.service.serve_forever, daemon=True).start()
        cls.addClassCleanup(cls.service.server_close)
        cls.addClassCleanup(cls.service.shutdown)

    def test_a_stage_that_waits_for_another_service(self):
        """The example's, as it is."""
        url = f"http://127.0.0.1:{self.service.server_address[1]}/rule"
        server = self.serve(
            site=self.site, stages=("remote_rule",), own={"remote_rule": {"url": url}}
        )
        steps = [
            ("query", "SELECT 'secret'"),
            ("query", "SELECT 1"),
            ("execute", "SELECT 'secret'"),
            ("execute", "SELECT 2"),
        ]
        denied = {"error": 1317, "state": "70100"}
        expected = [denied, {"rows": [[1]]}, denied, {"rows": [[2]]}]
        for client in ("libmysqlclient", "mysql2", "npm mariadb"):
            at_once = client != "libmysqlclient"
            said = mysqlsteps.take(client, server.port, steps * 3, at_once=at_once)
            self.assertEqual(said, expected * 3, client)

    def test_a_stage_that_changes_texts_values_and_rows(self):
        server = self.serve(site=self.site, stages=("courteous",))
        self.database.run(
            "USE shop; CREATE TABLE met (n INT, how VARCHAR(40) CHARACTER SET utf8mb4)"
        )
        denied = {"error": 1317, "state": "70100"}
        steps = [
            (("query", "SELECT 'hello'"), {"rows": [["how do you do?"]]}),
            (("query", "SELECT 'impolite'"), denied),
            (("execute", "SELECT 'hello', ?", 5), {"rows": [["how do you do?", 5]]}),
            (("execute", "SELECT CONCAT(?, '')", "hello"), {"rows": [["how do you do?"]]}),
            (("execute", "SELECT CONCAT(?, '')", "impolite"), denied),
            (("execute", "SELECT CONCAT(?, '')", "fine"), {"rows": [["fine"]]}),
            (("execute", "SELECT ?, 'how are you?'", None), {"rows": [[None, "fine"]]}),
            (("query", "SELECT 1, 'how are you?', NULL"), {"rows": [[1, "fine", None]]}),
        ]
        texts, expected = zip(*steps, strict=True)
        for client in mysqlsteps.PREPARING:
            said = mysqlsteps.take(client, server.port, texts)
            self.assertEqual(said, list(expected), client)
        insert = ("execute", "INSERT INTO met VALUES (?, ?)", 3, "hello")
        mysqlsteps.take("npm mariadb", server.port, [insert] * 3, at_once=True)
        self.assertEqual(
            self.database.run("SELECT DISTINCT n, how FROM shop.met"), "3\thow do you do?\n"
        )

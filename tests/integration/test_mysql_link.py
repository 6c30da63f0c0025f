"""Applications of MySQL and MariaDB through AcraConnector and AcraServer, over all links."""

import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

import pymysql

from acra_twisted import events
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain, merge
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.wire.mysql.frames import packets
from tests.integration.base import eventually, get, until_end
from tests.integration.test_doctor import DOCTOR, speaking
from tests.support import classmariadb
from tests.support.fakemysql import FakeMySQL
from tests.support.mysqlclients import CLIENTS, Login, Refused, plugins
from tests.support.mysqllogins import MARIADB
from tests.support.tap import Tap

#: One of each family.
DRIVERS = ("PyMySQL", "connector, pure", "libmysqlclient", "mysql2", "npm mariadb", "mariadb")
LINKS = ("tls", "secure-session", "plain")
MYSQL = {"mysql_enable": "true"}
CONTEXT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class LinkCase(unittest.TestCase):
    """``database`` is a MariaDB; `chain` makes chains before it that end with the class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Authority(cls.folder)
        hosts = ("127.0.0.1", "localhost")
        cls.pair = cls.authority.issue("application", hosts=hosts)
        cls.database = classmariadb.started(cls, plugins=plugins())
        cls.database.account("edwards", "pw", plugin="ed25519")
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)

    @classmethod
    def chain(cls, link="tls", server=None, connector=None, port=0):
        """Both daemons; spans come to ``collector``."""
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        tracing = {"tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"}}
        ours = merge(tracing, {"database": MYSQL})
        theirs = merge(tracing, {"connector": MYSQL})
        if link == "plain":
            plain = "transport_encryption_disable"
            own = {"acraconnector_tls_transport_enable": "false", "client_id": "an application"}
            ours["server"] = {**own, f"acraconnector_{plain}": "true"}
            ours["tls"] = {"tls_client_id_from_cert": "false", "tls_client_auth": "0"}
            theirs["acraserver"] = {
                "acraserver_tls_transport_enable": "false",
                f"acraserver_{plain}": "true",
            }
        chain = Chain(
            ("127.0.0.1", port or cls.database.port),
            link="tls" if link == "plain" else link,
            server=merge(ours, server),
            connector=merge(theirs, connector),
            folder=folder,
            authority=cls.authority,
            keys=Keys(folder, "sandbox client") if link == "secure-session" else None,
        )
        cls.addClassCleanup(chain.stop)
        return chain.start()

    def connect(self, chain, **more):
        options = {"host": "127.0.0.1", "user": "u", "password": "pw", "autocommit": True}
        session = pymysql.connect(port=chain.port, read_timeout=120, **{**options, **more})
        self.addCleanup(lambda: session.open and session.close())
        return session

    def ask(self, session, text, *values):
        with session.cursor() as cursor:
            cursor.execute(text, values or None)
            return cursor.fetchall()

    def spans(self, count, suits):
        """The spans that suit, if there are so many."""
        found = [span for span in self.collector.spans if suits(span)]
        return found if len(found) >= count else None

    def in_trace(self, trace_id, count):
        return self.spans(count, lambda span: span["trace_id"] == trace_id)

    def named(self, name, count):
        return self.spans(count, lambda span: span["name"] == name)

    def texts(self, text, count):
        return self.spans(count, lambda span: span["attributes"].get("db.query.text") == text)

    def chained(self, text, count):
        """`texts` of which AcraServer has ``count``, once the connector's span of each is there."""
        found = self.texts(text, 2 * count) or []
        known = {span["span_id"] for span in found if span["service"] == "acra-connector"}
        far = [span for span in found if span["service"] == "acra-server"]
        whole = len(far) >= count and all(span["parent_id"] in known for span in far)
        return found if whole else None

    def log(self, chain, name):
        lines = (chain.folder / f"{name}.log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line[0] == "{" and line.endswith("}\n")]

    def codes(self, chain):
        """The codes of warnings."""
        return {line["code"] for line in self.warned(chain)}

    def warned(self, chain):
        return [
            line
            for name in ("acra-server", "acra-connector")
            for line in self.log(chain, name)
            if line["level"] not in ("info", "debug")
        ]


class Links(LinkCase):
    def each(self, links=LINKS, **options):
        for link in links:
            with self.subTest(link):
                chain = self.chain(link, **options)
                yield link, chain
                chain.stop()

    def test_every_driver(self):
        for link, chain in self.each():
            for name in DRIVERS:
                said = Login(chain.port, text="SELECT CURRENT_USER()")
                self.assertEqual(CLIENTS[name](said), "u@%", (link, name))
            edwards = Login(chain.port, "edwards", text="SELECT 'in'")
            self.assertEqual(CLIENTS["npm mariadb"](edwards), "in")
            self.assertRaises(Refused, CLIENTS["PyMySQL"], Login(chain.port, password="no"))
            # Of the one that was refused; and certificates are of no use without TLS.
            expected = {events.LOGIN_REFUSED, *([events.IDLE_SETTING] if link == "plain" else ())}
            eventually(lambda c=chain, e=expected: self.codes(c) >= e, f"{expected} by {link}")
            self.assertEqual(self.codes(chain), expected, link)

    def test_one_trace_from_the_application_to_the_database(self):
        for link, chain in self.each():
            self.collector.spans.clear()
            with self.connect(chain) as session:
                text = f"SELECT '{link}' /*traceparent='{CONTEXT}'*/;"
                self.assertEqual(self.ask(session, text), ((link,),))
                session.ping()
            trace = eventually(lambda: self.in_trace(CONTEXT[3:35], 3), "three spans")
            by_id = {one["span_id"]: one for one in trace}
            (database,) = [one for one in trace if one["name"] == "mariadb SELECT"]
            far = by_id[database["parent_id"]]
            near = by_id[far["parent_id"]]
            self.assertEqual(near["parent_id"], CONTEXT[36:52])
            services = [one["service"] for one in (near, far, database)]
            self.assertEqual(services, ["acra-connector", "acra-server", "acra-server"])
            for one in (near, far, database):
                self.assertEqual(one["attributes"]["db.system.name"], "mariadb")
            for one in (near, far):
                self.assertEqual(one["attributes"]["db.query.text"], "SELECT ?;")
            # What has no text follows its context.
            pings = eventually(lambda: self.named("ping", 2), "spans of a ping")
            near, far = sorted(pings, key=lambda span: span["start"])
            self.assertEqual((far["parent_id"], near["parent_id"]), (near["span_id"], ""))

    def test_one_page_shows_both(self):
        """The connector's spans on the server's page, by their own link, without a collector."""
        section = {"tracing": {"tracing_to_server": "true"}}
        for _, chain in self.each(LINKS[:2], connector=section):
            with self.connect(chain) as session:
                self.ask(session, "SELECT 1 AS whole")

            def whole(pages=chain.server_pages):
                found = json.loads(get(pages, "/debug/traces?format=json"))["traces"]
                for match in found:
                    page = f"/debug/trace/{match['trace_id']}?format=json"
                    spans = json.loads(get(pages, page))["spans"]
                    asked = [span for span in spans if span["name"] == "SELECT"]
                    services = {span["service"] for span in asked}
                    if services == {"acra-connector", "acra-server"}:
                        return asked
                return None

            near, far = sorted(eventually(whole, "both spans"), key=lambda span: span["start"])
            self.assertEqual(
                (near["service"], far["parent_id"]), ("acra-connector", near["span_id"])
            )
            # No session of the database was made for the spans.
            started = [line["msg"] for line in self.log(chain, "acra-server")]
            self.assertEqual(started.count("Session started"), 1)


class Sessions(LinkCase):
    """Requests of applications, over a link with TLS."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.linked = cls.chain()

    def test_a_large_result_and_a_large_text(self):
        self.database.run("SET GLOBAL max_allowed_packet = 64 * 1024 * 1024")
        size = (1 << 24) + 99
        with self.connect(self.linked, max_allowed_packet=1 << 26) as session:
            ((found,),) = self.ask(session, f"SELECT REPEAT('x', {size})")
            self.assertEqual(found, "x" * size)
            for more in (-11, 0, 500):
                text = "y" * ((1 << 24) - 20 + more)
                ((found,),) = self.ask(session, f"SELECT LENGTH('{text}')")
                self.assertEqual(found, len(text))
            rows = self.ask(session, "SELECT seq FROM mysql.seq_1_to_100000")
            self.assertEqual((len(rows), rows[-1]), (100_000, (100_000,)))

    def test_prepared_statements(self):
        import mysql.connector

        session = mysql.connector.connect(
            host="127.0.0.1",
            port=self.linked.port,
            user="u",
            password="pw",
            use_pure=True,
            ssl_disabled=True,
        )
        self.addCleanup(session.close)
        cursor = session.cursor(prepared=True)
        for number in range(3):
            cursor.execute("SELECT ? + 1 AS prepared_here", (number,))
            self.assertEqual(cursor.fetchall(), [(number + 1,)])
        cursor.close()
        texts = "SELECT ? + ? AS prepared_here"
        # A preparation, and at least one request for each number.
        named = eventually(lambda: self.chained(texts, 4), "spans of two daemons")
        self.assertEqual({one["service"] for one in named}, {"acra-connector", "acra-server"})
        near = {one["span_id"]: one for one in named if one["service"] == "acra-connector"}
        for one in named:
            if one["service"] == "acra-server":
                self.assertEqual(one["name"], near[one["parent_id"]]["name"])

    def test_several_results_and_errors(self):
        more = pymysql.constants.CLIENT.MULTI_STATEMENTS
        with self.connect(self.linked, client_flag=more) as session, session.cursor() as cursor:
            cursor.execute("SELECT 1; SELECT 2;")
            self.assertEqual(cursor.fetchall(), ((1,),))
            self.assertTrue(cursor.nextset())
            self.assertEqual(cursor.fetchall(), ((2,),))
            # The comment made no further one.
            self.assertFalse(cursor.nextset())
            self.assertRaises(pymysql.Error, cursor.execute, "SELECT nothing FROM nowhere")
            cursor.execute("SELECT 3 # a comment")
            self.assertEqual(cursor.fetchall(), ((3,),))

    def test_a_client_that_does_not_wait(self):
        with self.connect(self.linked) as session:
            texts = [f"SELECT {number}" for number in range(50)]
            raw = session._sock
            raw.sendall(b"".join(packets(b"\x03" + text.encode(), 0) for text in texts))
            for number in range(50):
                session._next_seq_id = 1
                session._read_query_result()
                self.assertEqual(session._result.rows, ((number,),))
            self.assertEqual(self.ask(session, "SELECT 'still there'"), (("still there",),))

    def test_either_end_goes(self):
        leaving = self.connect(self.linked)
        before = self.closed()
        leaving._execute_command(3, "SELECT SLEEP(600) AS leaving")
        eventually(lambda: self.running("leaving"), "it runs")
        leaving._force_close()
        eventually(lambda: self.closed() > before, "it has ended")
        eventually(lambda: not self.running("leaving"), "it runs no more")
        with self.connect(self.linked) as session:
            ((number,),) = self.ask(session, "SELECT CONNECTION_ID()")
            self.database.run(f"KILL {number}")
            with self.assertRaises(pymysql.Error):
                self.ask(session, "SELECT 1")

    def test_a_password_that_is_encrypted_with_the_server_s_key(self):
        with FakeMySQL() as server:
            server.accounts.add("u", "pw")
            chain = self.chain(port=server.port, server={"database": {"db_tls": "disable"}})
            for way in ("rsa", "fast"):
                login = Login(chain.port, text="SELECT 'in'")
                self.assertEqual(CLIENTS["PyMySQL"](login), "in", way)
            self.assertEqual(server.logins, ["rsa", "fast"])
            chain.stop()

    def test_who_does_not_answer_the_greeting_is_told_so(self):
        chain = self.chain(server={"server": {"handshake_timeout": "1"}})
        with socket.create_connection(("127.0.0.1", chain.port), 60) as silent:
            said = until_end(silent)
        size = int.from_bytes(said[:3], "little")
        told = said[4 + size :]
        self.assertEqual((said[3], told[3], told[4:7]), (0, 2, b"\xff\x87\x04"))
        self.assertIn(b"took too long", told)
        chain.stop()

    def running(self, word):
        return word in self.database.run("SELECT info FROM information_schema.processlist")

    def closed(self):
        """How many sessions have ended."""
        found = [line["msg"] for line in self.log(self.linked, "acra-server")]
        return found.count("Finished processing client's connection")


class WithTLS(LinkCase):
    """Applications that use TLS."""

    def files(self):
        return {"application_tls_cert": str(self.pair[0]), "application_tls_key": str(self.pair[1])}

    def secured(self, chain, **more):
        context = ssl.create_default_context(cafile=str(self.authority.path))
        return self.connect(chain, ssl=context, **more)

    def test_that_goes_through_to_the_server(self):
        chain = self.chain(
            server={"database": {"client_tls": "allow"}},
            connector={"connector": {"application_tls": "pass"}},
        )
        with self.secured(chain) as session:
            self.assertEqual(self.ask(session, "SELECT 'inside'"), (("inside",),))
            self.assertEqual(self.states(chain), ["unread"])
        with self.connect(chain, ssl_disabled=True) as session:
            self.assertEqual(self.ask(session, "SELECT 'beside'"), (("beside",),))
            eventually(lambda: len(self.states(chain)) == 1, "the other one has ended")
            self.assertNotIn("unread", self.states(chain))
        line = 'acra_unread_sessions_total{reason="encrypted"} 1.0'
        self.assertIn(line, get(chain.connector_pages, "/metrics"))

    def states(self, chain):
        """How the connector has its sessions."""
        page = json.loads(get(chain.connector_pages, "/debug/sessions?format=json"))
        return [row["state"] for row in page["sessions"]]

    def test_that_the_connector_ends(self):
        for scope in ("request", "connection"):
            chain = self.chain(
                connector={
                    "connector": {"application_tls": "require", **self.files()},
                    "tracing": {"tracing_scope": scope},
                },
            )
            self.collector.spans.clear()
            with self.secured(chain) as session:
                self.assertEqual(self.ask(session, "SELECT 'ended'"), (("ended",),))
            for name in DRIVERS:
                login = Login(chain.port, ca=str(self.authority.path))
                self.assertEqual(CLIENTS[name](login), "one", (scope, name))
            with self.assertRaises(pymysql.Error) as caught:
                self.connect(chain, ssl_disabled=True)
            self.assertIn("requires TLS", str(caught.exception))
            expected = {"acra-server"} | ({"acra-connector"} if scope == "request" else set())
            eventually(lambda e=expected: self.asked() >= e, "spans of the daemons")
            chain.stop()
            self.assertEqual(self.asked(), expected)

    def asked(self):
        """The daemons of which there are spans of a text."""
        return {span["service"] for span in self.texts("SELECT ?", 0)}

    def test_a_password_that_is_sent_inside_tls_alone(self):
        ours = {"database": {"db_tls": "require"}, "tls": {"tls_database_ca": self.authority.path}}
        for tls, ways in ((self.pair, ["clear", "fast"]), (None, ["refused"])):
            with self.subTest(bool(tls)), FakeMySQL(tls=tls) as server:
                server.accounts.add("u", "pw")
                chain = self.chain(
                    port=server.port,
                    server=ours if tls else {"database": {"db_tls": "disable"}},
                    connector={"connector": {"application_tls": "require", **self.files()}},
                )
                if tls:
                    for _ in ways:
                        with self.secured(chain) as session:
                            self.assertEqual(self.ask(session, "SELECT 'in'"), (("in",),))
                else:
                    with self.assertRaises(pymysql.Error) as caught:
                        self.secured(chain)
                    self.assertIn("db_tls = require", str(caught.exception))
                    # AcraServer ends the login, with the answer of a user without a password.
                    eventually(lambda: server.shown == [b"\0"], "the end of the login")
                    eventually(lambda: server.logins, "its decision")
                self.assertEqual(server.logins, ways)
                chain.stop()


class Doctor(LinkCase):
    """acra-doctor looks at the connector's link."""

    def finds(self, chain, status, words):
        done = subprocess.run(
            [DOCTOR, "connector", f"--config_file={chain.connector_ini}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertIn(words, done.stdout)

    def test_a_healthy_link(self):
        for link in LINKS:
            with self.subTest(link):
                chain = self.chain(link)
                self.finds(chain, 0, "can be reached")
                chain.stop()

    def test_a_database_where_a_server_should_be(self):
        """Over a plain link both greet; AcraServer says behind that that it takes no spans."""
        greeting = packets(MARIADB, 0)
        with speaking(greeting) as silent, speaking(greeting + b"N") as declining:
            for port, status in ((self.database.port, 1), (silent, 1), (declining, 0)):
                there = {"acraserver_connection_string": f"tcp://127.0.0.1:{port}"}
                chain = self.chain("plain", connector={"acraserver": there})
                self.finds(chain, status, "FAIL  link:" if status else "can be reached")
                chain.stop()


class BeforeAcrasServer(LinkCase):
    """A connector before a server that others made."""

    def test_nothing_is_added_to_what_is_said(self):
        far = Tap(self.database.port, acraserver=True)
        self.addCleanup(far.stop)
        link = {"acraserver_connection_string": f"tcp://127.0.0.1:{far.port}"}
        chain = self.chain("plain", connector={"acraserver": link})
        near = Tap(chain.port)
        self.addCleanup(near.stop)
        with self.connect(near) as session:
            text = f"SELECT 1 /*traceparent='{CONTEXT}'*/"
            self.assertEqual(self.ask(session, text), ((1,),))
            self.assertEqual(self.ask(session, "SELECT 2;"), ((2,),))
            session.ping()
        eventually(lambda: len(near.ended) == len(far.ended) == 1, "both have ended")
        for ours, theirs in zip(near.ended[0], far.ended[0], strict=True):
            # The greeting and its answer say what both can do.
            self.assertEqual(behind_first(ours), behind_first(theirs))
            self.assertTrue(behind_first(ours))
        line = 'acra_unread_sessions_total{reason="foreign"} 1.0'
        self.assertIn(line, get(chain.connector_pages, "/metrics"))
        for name in DRIVERS:
            self.assertEqual(CLIENTS[name](Login(near.port)), "one", name)


def behind_first(data):
    """Bytes of one side behind its first packet."""
    return data[4 + int.from_bytes(data[:3], "little") :]

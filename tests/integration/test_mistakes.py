"""Mistakes as people make them, with real daemons: what each side says.

Every line must name who and where, say what happened and what to look at, and never the name of a
Python class.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import unittest
from contextlib import suppress
from pathlib import Path

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import write_ini
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import Daemon, free_port, twistd
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET
from tests.integration.base import eventually

CLIENT = "client"
NOBODY = "127.0.0.1:1"
#: Names of classes of Twisted's, OpenSSL's and Python's, and what a traceback looks like.
FOREIGN_WORDS = re.compile(r"\b(?:[A-Z][a-z]+){1,4}(?:Error|Lost|Done|Aborted)\b|Traceback|Failure")
NOT_CLASSES = {"OpenSSLError"}


class Fake(threading.Thread):
    """Answers each connection with some bytes and closes it, or says nothing."""

    def __init__(self, answer: bytes | None, first: bool = False):
        super().__init__(daemon=True)
        self._answer, self._first = answer, first
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if self._answer is None:
                self._open.append(peer)
                continue
            # Whoever connects may be gone already.
            with peer, suppress(OSError):
                if not self._first:
                    peer.recv(4096)
                peer.sendall(self._answer)
                peer.settimeout(20)
                # A reset would take the answer back.
                peer.shutdown(socket.SHUT_WR)
                while peer.recv(4096):
                    pass

    def stop(self):
        self._listener.close()
        for peer in self._open:
            peer.close()


class Lab(unittest.TestCase):
    """Daemons from ini files, at the default log level."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-mistakes-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Authority(cls.folder)
        hosts = ("localhost", "127.0.0.1")
        cls.server_pair = cls.authority.issue("acra-server", hosts=hosts)
        cls.connector_pair = cls.authority.issue("acra-connector")
        cls.keys = Keys(cls.folder, CLIENT)
        cls.connector_keys = cls.keys.connector_folder()
        cls.number = 0

    @classmethod
    def run_daemon(cls, program, sections):
        cls.number += 1
        pages = free_port()
        address = f"tcp://127.0.0.1:{pages}"
        sections["metrics"] = {"incoming_connection_prometheus_metrics_string": address}
        ini = write_ini(cls.folder / f"{program}-{cls.number}.ini", sections)
        daemon = Daemon(twistd(program, ini), ini.with_suffix(".log"))
        daemon.wait_until_it_serves()
        return daemon

    @classmethod
    def server(cls, link, database=None, pair=None, **tls):
        """A server for one kind of link, and its port."""
        port = free_port()
        certificate, key = pair or cls.server_pair
        sections = {
            "server": {"incoming_connection_string": f"tcp://127.0.0.1:{port}"},
            "database": {"db_host": "127.0.0.1", "db_port": "1", **(database or {})},
            "pipeline": {"stages": ""},
        }
        tls = {
            "tls_ca": cls.authority.path,
            "tls_cert": certificate,
            "tls_key": key,
            **tls,
        }
        if link == "tls":
            sections["server"]["acraconnector_tls_transport_enable"] = "true"
            sections["tls"] = {**tls, "tls_client_id_from_cert": "true"}
        elif link == "plain":
            sections["server"]["acraconnector_transport_encryption_disable"] = "true"
            sections["server"]["client_id"] = CLIENT
            sections["tls"] = {name: tls[name] for name in ("tls_ca",)} if database else {}
        else:
            sections["keystore"] = cls.keys.ini()
        return cls.run_daemon("acra-server", sections), port

    @classmethod
    def connector(cls, link, server, pair=None, keys=None, more=None, **tls):
        """A connector, and its port; ``server`` is a port or host:port."""
        port = free_port()
        where = server if isinstance(server, str) else f"127.0.0.1:{server}"
        sections = {
            "connector": {"incoming_connection_string": f"tcp://127.0.0.1:{port}"},
            "acraserver": {"acraserver_connection_string": f"tcp://{where}", **(more or {})},
        }
        if link == "tls":
            certificate, key = pair or cls.connector_pair
            sections["acraserver"]["acraserver_tls_transport_enable"] = "true"
            sections["tls"] = {
                "tls_ca": cls.authority.path,
                "tls_cert": certificate,
                "tls_key": key,
                **tls,
            }
        elif link == "plain":
            sections["acraserver"]["acraserver_transport_encryption_disable"] = "true"
        else:
            sections["acraserver"].setdefault("client_id", CLIENT)
            sections["keystore"] = cls.keys.ini(keys or cls.connector_keys)
        return cls.run_daemon("acra-connector", sections), port

    def ask(self, port, sslmode="disable"):
        """Return the error that an application gets."""
        with self.assertRaises(psycopg.OperationalError) as caught:
            psycopg.connect(
                host="127.0.0.1", port=port, user="ann", sslmode=sslmode, connect_timeout=300
            )
        return str(caught.exception)

    def said(self, process, since, *parts):
        """The lines that a daemon has written since, once all parts are in one of them."""

        def found():
            lines = process.output()[since:].splitlines()
            return [line for line in lines if all(part in line for part in parts)]

        try:
            (line, *_) = eventually(found, f"it says {parts}")
        except AssertionError:
            raise AssertionError(f"not said: {parts}\n{process.output()[since:]}") from None
        self.fit_for_people(process)
        return line

    def fit_for_people(self, process):
        found = set(FOREIGN_WORDS.findall(process.output())) - NOT_CLASSES
        self.assertEqual(found, set(), process.output())


class Links(Lab):
    """Two daemons that do not fit together."""

    #: Connector, server, what the connector says, what the server says, what the client is told.
    PAIRS = (
        (
            "plain",
            "tls",
            ("Lost AcraServer", "hung up before it answered; does it take connections without enc"),
            ("speaks Acra's link without encryption; set acraserver_tls_transport_enable = true",),
            "AcraConnector lost AcraServer before it answered: it hung up",
        ),
        (
            "plain",
            "secure-session",
            ("Lost AcraServer", "hung up before it answered; does it take connections without enc"),
            ("speaks Acra's link without encryption; set acraserver_transport_encryption_disable",),
            "AcraConnector lost AcraServer before it answered: it hung up",
        ),
        (
            "tls",
            "plain",
            ("Can't wrap connection", "hung up during the TLS handshake; is it AcraServer, and"),
            ("speaks TLS; set acraserver_transport_encryption_disable = true in the connector",),
            "AcraConnector could not connect to AcraServer: it hung up",
        ),
        (
            "tls",
            "secure-session",
            ("Can't wrap connection", "hung up during the TLS handshake; is it AcraServer, and"),
            ("speaks TLS; set acraserver_tls_transport_enable = false in the connector",),
            "AcraConnector could not connect to AcraServer: it hung up",
        ),
        (
            "secure-session",
            "plain",
            ("Can't wrap connection", "hung up during the Secure Session handshake; does it know"),
            ("speaks Secure Session; set acraserver_transport_encryption_disable = true in the",),
            "AcraConnector could not connect to AcraServer: it hung up",
        ),
        (
            "secure-session",
            "tls",
            ("Can't wrap connection", "hung up during the Secure Session handshake; does it know"),
            ("speaks Secure Session; set acraserver_tls_transport_enable = true in the connector",),
            "AcraConnector could not connect to AcraServer: it hung up",
        ),
    )
    STRAYS = (
        (b"GET / HTTP/1.1\r\n\r\n", "the peer speaks HTTP; a probe or a browser?"),
        (b"SSH-2.0-OpenSSH\r\n", "the peer speaks SSH"),
        (b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", "speaks the PROXY protocol; it is not understood"),
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.servers = {}
        for link in ("plain", "tls", "secure-session"):
            process, port = cls.servers[link] = cls.server(link)
            cls.addClassCleanup(process.stop)

    def test_every_wrong_pair(self):
        for link, other, of_connector, of_server, told in self.PAIRS:
            with self.subTest(f"{link} to {other}"):
                server, port = self.servers[other]
                since = len(server.output())
                connector, own = self.connector(link, port)
                self.addCleanup(connector.stop)
                self.assertIn(told, self.ask(own))
                where = f"AcraServer at 127.0.0.1:{port} "
                line = self.said(connector, 0, where, *of_connector)
                told_of = self.said(server, since, "the peer ", *of_server)
                # No context has crossed: both have the address and the port of the link.
                local = re.search(r'local="127.0.0.1:(\d+)"', line)[1]
                self.assertIn(f"peer=127.0.0.1 peer_port={local} ", told_of)

    def test_pairs_that_fit_tell_of_one_failure_in_one_trace(self):
        for link, (server, port) in self.servers.items():
            with self.subTest(link):
                since = len(server.output())
                connector, own = self.connector(link, port)
                self.addCleanup(connector.stop)
                told = "could not connect to the database: connection refused"
                self.assertIn(told, self.ask(own))
                refused = self.said(connector, 0, "AcraServer refused the session", told)
                cause = self.said(server, since, f"the database at {NOBODY}: connection refused; ")
                self.assertIn("see db_host and db_port", cause)
                (trace,) = re.findall(r"trace_id=([0-9a-f]{32})", refused)
                self.assertIn(f"trace_id={trace}", cause)

    def test_what_has_nothing_to_do_with_the_port(self):
        for link, (server, port) in self.servers.items():
            for data, expected in self.STRAYS:
                since = len(server.output())
                with socket.create_connection(("127.0.0.1", port), 60) as stray:
                    stray.sendall(data)
                    try:
                        while stray.recv(4096):
                            pass
                    except ConnectionResetError:
                        pass
                    own = stray.getsockname()[1]
                with self.subTest(link=link, data=data):
                    self.said(server, since, expected, f"peer_port={own} ", "code=538")

    def test_an_application_without_its_connector(self):
        for link in ("tls", "secure-session"):
            server, port = self.servers[link]
            since = len(server.output())
            for sslmode in ("disable", "prefer"):
                told = self.ask(port, sslmode)
                self.assertIn("this port is for AcraConnector: connect to the connector's", told)
            self.assertIn("server does not support SSL", self.ask(port, "require"))
            expected = "an application connects to AcraConnector and not here"
            self.said(server, since, "the peer speaks the PostgreSQL protocol", expected)


class Servers(Lab):
    """A connector meets something else where its server should be."""

    def check(self, link, where, *parts, told, **options):
        connector, own = self.connector(link, where, **options)
        self.addCleanup(connector.stop)
        self.assertIn(f"could not connect to AcraServer: {told}", self.ask(own))
        return self.said(connector, 0, "AcraServer at ", *parts)

    def test_nobody(self):
        for link in ("tls", "plain", "secure-session"):
            line = self.check(
                link,
                NOBODY,
                "Can't connect to AcraServer",
                f"{NOBODY}: connection refused; is it running, and does it listen there?",
                "see acraserver_connection_string",
                told="connection refused",
            )
            self.assertIn("code=534", line)

    def test_a_name_that_nobody_has(self):
        line = self.check(
            "tls",
            "nobody.invalid:9393",
            "nobody.invalid:9393: the name cannot be resolved",
            "see acraserver_connection_string",
            told="its name cannot be resolved",
        )
        self.assertIn("code=534", line)

    def test_other_programs(self):
        error = backend.encode_error(b"FATAL", b"08P01", "no")
        for answer, parts, told in (
            (error, ("speaks the PostgreSQL protocol",), "it speaks another protocol"),
            (b"HTTP/1.1 400 Bad\r\n\r\n", ("speaks HTTP; another program",), "it speaks another"),
            (b"SSH-2.0-OpenSSH\r\n", ("speaks SSH; another program listens",), "it speaks another"),
            (b"", ("hung up during the", "its log says why"), "it hung up"),
        ):
            for link in ("secure-session", "tls"):
                fake = Fake(answer)
                self.addCleanup(fake.stop)
                if link == "tls" and answer:
                    # Who answers quickly is read by OpenSSL before anybody has looked at it.
                    parts = (" speak", "see acraserver_connection_string")
                with self.subTest(answer=answer, link=link):
                    self.check(link, fake.port, f"127.0.0.1:{fake.port} ", *parts, told=told)

    def test_a_server_of_tls_that_says_so_to_a_plain_connector(self):
        fake = Fake(b"\x15\x03\x01\x00\x02\x02\x46", first=True)
        self.addCleanup(fake.stop)
        parts = ("speaks TLS; set acraserver_tls_transport_enable = true",)
        self.check("plain", fake.port, *parts, told="it speaks another protocol")

    def test_silence(self):
        fake = Fake(None)
        self.addCleanup(fake.stop)
        parts = ("no answer in time; is it up", "acraserver_connect_timeout")
        told = "it does not answer in time"
        more = {"acraserver_connect_timeout": "1"}
        self.check("tls", fake.port, *parts, told=told, more=more)


class Identities(Lab):
    """Certificates and keys that are not what they must be."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.folder / "stranger").mkdir()
        cls.stranger = Authority(cls.folder / "stranger", "Stranger CA")

    def check(self, server, connector, of_connector, of_server, told=""):
        (server, _), (connector, own) = server, connector
        self.addCleanup(server.stop)
        self.addCleanup(connector.stop)
        self.assertIn(told or "AcraConnector", self.ask(own))
        self.said(connector, 0, "AcraServer at 127.0.0.1:", *of_connector)
        self.said(server, 0, "the peer", "peer_port=", *of_server)

    def test_certificates_of_servers(self):
        hosts = ("localhost", "127.0.0.1")
        expired = self.authority.issue("expired", hosts=hosts, days=-2)
        other = self.authority.issue("other", hosts=("db.example",))
        for name, pair, tls, parts, alert in (
            ("expired", expired, {}, ("CN=expired", "expired"), "certificate expired"),
            ("other name", other, {}, ("db.example", "tls_acraserver_sni"), ""),
            (
                "other CA",
                None,
                {"tls_ca": self.stranger.path},
                ("its certificate", "Sandbox CA", "its CA must be in tls_ca"),
                "unknown ca",
            ),
        ):
            with self.subTest(name):
                server = self.server("tls", pair=pair)
                connector = self.connector("tls", server[1], **tls)
                said = (f"says: {alert}",) if alert else ()
                self.check(server, connector, parts, said, "its certificate")

    def test_certificates_of_connectors(self):
        for name, pair, parts, alert in (
            ("expired", self.authority.issue("old", days=-2), ("CN=old", "expired"), "expired"),
            ("early", self.authority.issue("new", begins_in=2), ("CN=new", "set the clock"), ""),
            (
                "other CA",
                self.stranger.issue("foreign"),
                ("its certificate", "Stranger CA", "tls_client_ca"),
                "unknown ca",
            ),
        ):
            with self.subTest(name):
                server = self.server("tls")
                connector = self.connector("tls", server[1], pair=pair)
                self.check(server, connector, ("says: ", alert), parts)

    def test_secure_session_ids_and_keys(self):
        other = Keys(Path(tempfile.mkdtemp(dir=self.folder)), "another client")
        theirs = other.connector_folder()
        shutil.copy2(other.master_key_file, theirs / "master.key")
        mine = Path(tempfile.mkdtemp(dir=self.folder)) / "changed"
        shutil.copytree(self.connector_keys, mine)
        changed = Keys(Path(tempfile.mkdtemp(dir=self.folder)), CLIENT)
        shutil.copy2(changed.path / f"{CLIENT}_server.pub", mine / f"{CLIENT}_server.pub")
        hung_up = ("hung up during the Secure Session handshake", "does it know this client_id")
        for name, more, parts, said in (
            (
                "an id that the server has no keys for",
                {"keystore": other.ini(theirs), "client": "another client"},
                hung_up,
                (
                    "there are no transport keys for this client id; keys_dir must hold",
                    'claimed_client_id="another client"',
                ),
            ),
            (
                "another server's public key",
                {"keystore": self.keys.ini(mine), "client": CLIENT},
                ("the file of the client id with _server.pub behind must be",),
                ("hung up during the Secure Session handshake", f"claimed_client_id={CLIENT}"),
            ),
            (
                "another server's id",
                {"keystore": None, "client": CLIENT, "id": "somebody else"},
                ("Secure Session id is not the expected one", "acraserver_securesession_id"),
                ("hung up during the Secure Session handshake", f"claimed_client_id={CLIENT}"),
            ),
        ):
            with self.subTest(name):
                server = self.server("secure-session")
                options = {"client_id": more["client"]}
                if "id" in more:
                    options["acraserver_securesession_id"] = more["id"]
                sections = {
                    "connector": {
                        "incoming_connection_string": f"tcp://127.0.0.1:{(own := free_port())}"
                    },
                    "acraserver": {
                        "acraserver_connection_string": f"tcp://127.0.0.1:{server[1]}",
                        **options,
                    },
                    "keystore": more["keystore"] or self.keys.ini(self.connector_keys),
                }
                connector = self.run_daemon("acra-connector", sections)
                self.check(server, (connector, own), parts, said)


class Databases(Lab):
    """A server meets something else where its database should be."""

    def check(self, database, *parts, told, code=540):
        server, port = self.server("plain", database)
        self.addCleanup(server.stop)
        self.assertIn(f"could not connect to the database: {told}", self.ask(port))
        line = self.said(server, 0, "Can't connect to db", "the database ", *parts)
        self.assertIn(f"code={code} ", line)

    def fake(self, answer, first=False):
        fake = Fake(answer, first)
        self.addCleanup(fake.stop)
        return str(fake.port)

    def test_places(self):
        unix = {"db_host": str(self.folder), "db_port": "5432"}
        for database, parts, told in (
            ({}, (f"{NOBODY}: connection refused; is it run", "db_host and"), "connection refused"),
            ({"db_host": "nobody.invalid"}, ("nobody.invalid:1: the name cannot",), "its name can"),
            (unix, (f"{self.folder}/.s.PGSQL.5432: there is no such socket",), "it cannot be reac"),
        ):
            with self.subTest(database):
                self.check({"db_tls": "disable", **database}, *parts, told=told)

    def test_other_programs(self):
        greeting = b"\x4a\0\0\0\x0a8.0.36\0" + b"\0" * 60
        http = b"HTTP/1.1 400 Bad Request\r\n\r\n"
        for tls in ("disable", "require"):
            for answer, first, parts in (
                (greeting, True, ("speaks the MySQL protocol; it is MySQL or MariaDB",)),
                (http, False, ("speaks HTTP; another program listens there: see db_host",)),
            ):
                with self.subTest(tls=tls, answer=answer[:9]):
                    database = {"db_tls": tls, "db_port": self.fake(answer, first)}
                    self.check(database, *parts, told="it speaks another protocol")

    def test_tls_that_is_not_there(self):
        database = {"db_tls": "require", "db_port": self.fake(b"N")}
        parts = ("does not offer TLS, and db_tls requires it",)
        self.check(database, *parts, told="the handshake with it failed", code=1302)

    def test_silence(self):
        database = {"db_tls": "require", "db_port": self.fake(None), "db_connect_timeout": "1"}
        parts = ("no answer in time", "db_connect_timeout")
        self.check(database, *parts, told="it does not answer in time")


class Starts(Lab):
    """Starts that fail: a line that helps, status 1, and nothing a programmer would write."""

    def start(self, program, *arguments, cwd=None):
        command = [twistd(program, Path("x"))[0], "-n", "--pidfile=", program, *arguments]
        environment = {n: v for n, v in os.environ.items() if not n.startswith("ACRA_")}
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=300,
            cwd=cwd or self.folder,
            env=environment,
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(FOREIGN_WORDS.findall(done.stderr), [], done.stderr)
        return done.stderr

    def test_mistakes(self):
        plain = ("--acraconnector_transport_encryption_disable=true", "--client_id=client")
        server = ("--db_host=127.0.0.1", "--stages=", *plain)
        connector = ("--acraserver_transport_encryption_disable=true",)
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        port = taken.getsockname()[1]
        broken = self.folder / "broken.pem"
        broken.write_text("no certificate")
        keys = Keys(Path(tempfile.mkdtemp(dir=self.folder)), CLIENT)
        open_key = keys.path / f"{CLIENT}_server"
        open_key.chmod(0o644)
        certificate, key = self.server_pair
        for program, arguments, parts in (
            ("acra-server", plain, ("db_host: name the database's host",)),
            ("acra-server", (*server, "--db_port=99999"), ("--db_port", "expected a whole number")),
            ("acra-server", (*server, "--db_hots=x"), ("did you mean --db_host?",)),
            ("acra-server", (*server, "--config_file=/nowhere"), ("cannot read /nowhere",)),
            ("acra-server", (*server, "--log_to_file=/nowhere/x"), ("log_to_file: cannot write",)),
            ("acra-server", (*server, "--stages=decrptor"), ("did you mean 'decryptor'?",)),
            (
                "acra-server",
                (*server, f"--incoming_connection_string=tcp://127.0.0.1:{port}"),
                ("incoming_connection_string: cannot listen on", "another program listens there"),
            ),
            (
                "acra-server",
                (*server, "--incoming_connection_string=tcp://192.0.2.1:9393"),
                ("cannot listen on tcp://192.0.2.1:9393: Cannot assign requested address",),
            ),
            (
                "acra-server",
                (*server, "--acracensor_config_file=/nowhere"),
                ("acracensor_config_file: cannot read /nowhere",),
            ),
            (
                "acra-server",
                (*server, f"--tls_cert={broken}", f"--tls_key={key}", "--client_tls=require"),
                ("holds no certificate in PEM form",),
            ),
            (
                "acra-server",
                (*server, f"--tls_cert={certificate}", "--client_tls=require"),
                ("tls_client_key: give both or neither",),
            ),
            (
                "acra-server",
                (
                    "--db_host=127.0.0.1",
                    "--stages=",
                    f"--keys_dir={keys.path}",
                    f"--master_key_file={keys.master_key_file}",
                ),
                (f"{open_key} has mode 0644", f"chmod 600 {open_key}"),
            ),
            (
                "acra-server",
                (*server, "--incoming_connection_zpages_string=tcp://0.0.0.0:9399"),
                ("zpages",),
            ),
            ("acra-connector", connector, ("acraserver_connection_string: name the server",)),
            (
                "acra-connector",
                (*connector, "--acraserver_connection_string=localhost:9393"),
                ("tcp://host:port",),
            ),
            (
                "acra-connector",
                ("--acraserver_connection_string=tcp://127.0.0.1:1",),
                ("client_id: Secure Session needs one",),
            ),
            (
                "acra-connector",
                ("--acraserver_connection_string=tcp://127.0.0.1:1", "--client_id=client"),
                ("keys_dir", "acra-keymaker"),
            ),
            (
                "acra-connector",
                (*connector, "--acraserver_connection_string=tcp://x:1", "--tracing_to_server"),
                ("tracing_to_server",),
            ),
            (
                "acra-connector",
                (
                    *connector,
                    "--acraserver_connection_string=tcp://x:1",
                    "--unix_socket_mode=0999",
                ),
                ("unix_socket_mode: expected an octal mode",),
            ),
            (
                "acra-connector",
                (
                    *connector,
                    "--acraserver_connection_string=tcp://x:1",
                    "--allowed_users=nobody-of-this-name",
                ),
                ("allowed_users",),
            ),
        ):
            with self.subTest(arguments):
                said = self.start(program, *arguments)
                for part in parts:
                    self.assertIn(part, said)
                self.assertTrue(said.startswith(f"{program}: "))

    def test_the_configured_log_has_it_too(self):
        path = self.folder / "start.log"
        self.start("acra-server", f"--log_to_file={path}", "--logging_format=json")
        self.assertIn('"code": 507', path.read_text())

    def test_in_the_background_nothing_is_silent(self):
        here = Path(tempfile.mkdtemp(dir=self.folder))
        port = free_port()
        command = [
            twistd("acra-server", Path("x"))[0],
            "acra-server",
            "--db_host=127.0.0.1",
            "--stages=",
            "--acraconnector_transport_encryption_disable=true",
            "--client_id=client",
            f"--incoming_connection_string=tcp://127.0.0.1:{port}",
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=300, cwd=here, check=True
        )
        log = here / "acra-server.log"
        self.assertIn(f"log lines go to {log} (log_to_file)", done.stderr)
        eventually(lambda: log.exists() and "Start listening" in log.read_text(), "it listens")
        # It listens before it takes signals, and answers when it does.
        with socket.create_connection(("127.0.0.1", port), 60) as raw:
            raw.sendall(SSL_REQUEST_PACKET)
            self.assertEqual(raw.recv(1), b"N")
        pid = int((here / "acra-server.pid").read_text())
        os.kill(pid, 15)
        eventually(lambda: "msg=Stopped" in log.read_text(), "it has stopped")
        self.assertIn(
            f'msg="Start listening connections" address="127.0.0.1:{port}"', log.read_text()
        )

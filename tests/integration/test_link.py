"""Connections to the daemons' ports that come and go, and the daemons' account of them."""

import json
import socket
import tempfile
import time
from pathlib import Path

import psycopg

from acra_twisted.sandbox.chain import write_ini
from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import Daemon, free_port, twistd
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET
from tests.integration.base import Surroundings, check_cancel, eventually, get
from tests.support.tap import Tap


def probe(port: int, said: bytes = b"", reset: bool = False) -> bytes:
    """Connect, perhaps say something and hear the answer, and go."""
    with socket.create_connection(("127.0.0.1", port), 60) as peer:
        answer = b""
        if said:
            peer.sendall(said)
            answer = peer.recv(16)
        if reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    return answer


def silent(pages: int) -> float:
    """How many connections asked for nothing, as the metrics say."""
    lines = get(pages, "/metrics").splitlines()
    counts = [line for line in lines if line.startswith("acra_silent_connections_total{")]
    return sum(float(line.split()[-1]) for line in counts)


class Probes(Surroundings):
    def warned(self, chain, name):
        text = (chain.folder / f"{name}.log").read_text()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["level"] not in ("info", "debug")]

    def leave(self, **options):
        """Probes of both ports; nothing is told of them but a count, and sessions go on."""
        collector = Collector().start()
        self.addCleanup(collector.stop)
        tracing = {"tracing": {"otlp_endpoint": collector.url, "tracing_interval": "0.1"}}
        events = self.folder / f"events-{options['link']}.json"
        server = {**tracing, "logging": {"security_log_file": str(events), "v": "true"}}
        chain = self.chain(server=server, connector=tracing, **options)
        self.addCleanup(chain.stop)
        ports = [(chain.server_port, chain.server_pages)]
        if chain.link != "none":
            ports.append((chain.connector_port, chain.connector_pages))
        for _ in range(3):
            for port, _ in ports:
                probe(port)
                probe(port, reset=True)
        # The server's own six, and those of the connector, which had a link made for each.
        links = 6 * (len(ports) - 1)
        eventually(lambda: silent(chain.server_pages) == 6 + links, "the server's are counted")
        if links:
            eventually(lambda: silent(chain.connector_pages) == 6, "the connector's are counted")
        if chain.link != "secure-session":
            asked = chain.port
            # The connector has no TLS for applications; a server that is alone offers it.
            self.assertEqual(probe(asked, SSL_REQUEST_PACKET), b"N" if links else b"S")
            eventually(lambda: silent(ports[-1][1]) == 7, "who left behind the answer is counted")
        time.sleep(0.3)
        self.assertEqual(collector.spans, [])
        with self.connect(chain) as db:
            db.execute("SELECT 1")
        eventually(lambda: collector.spans, "spans of a session come")
        chain.stop()
        for name in ("acra-server", "acra-connector")[: len(ports)]:
            self.assertEqual(self.warned(chain, name), [])
        self.assertEqual(events.read_text() if events.exists() else "", "")

    def test_tls(self):
        self.leave(link="tls")

    def test_secure_session(self):
        self.leave(
            link="secure-session",
            keys=Keys(Path(tempfile.mkdtemp(dir=self.folder)), "sandbox client"),
        )

    def test_plain(self):
        self.leave(link="none")

    def test_in_the_middle_of_a_handshake_it_is_a_warning(self):
        chain = self.chain(link="tls")
        with socket.create_connection(("127.0.0.1", chain.server_port), 60) as peer:
            peer.sendall(b"\x16\3\1")
        path = chain.folder / "acra-server.log"
        eventually(lambda: "Can't wrap connection" in path.read_text(), "a warning")
        chain.stop()
        self.assertEqual([line["code"] for line in self.warned(chain, "acra-server")], [538])


class BeforeAcrasServer(Surroundings):
    """A connector with its defaults before a server that others made."""

    def setUp(self):
        self.far = Tap(self.postgres.port, acraserver=True)
        self.addCleanup(self.far.stop)
        self.port, self.pages = free_port(), free_port()
        ini = write_ini(
            self.folder / "before.ini",
            {
                "connector": {"incoming_connection_string": f"tcp://127.0.0.1:{self.port}"},
                "acraserver": {
                    "acraserver_connection_string": f"tcp://127.0.0.1:{self.far.port}",
                    "acraserver_transport_encryption_disable": "true",
                },
                "metrics": {
                    "incoming_connection_prometheus_metrics_string": f"tcp://127.0.0.1:{self.pages}"
                },
            },
        )
        self.log = self.folder / "before.log"
        self.connector = Daemon(twistd("acra-connector", ini), self.log)
        self.addCleanup(self.connector.stop)
        self.connector.wait_until_it_serves()
        self.near = Tap(self.port)
        self.addCleanup(self.near.stop)

    def test_nothing_is_added_whatever_is_said(self):
        def connect(**options):
            return self.connect(self.near, **options)

        with connect() as db:
            db.execute(
                "SELECT 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/"
            )
            self.assertRaises(psycopg.Error, db.execute, "select 'unfinished")
            self.assertRaises(psycopg.Error, db.execute, "/* unfinished")
            db.execute("CREATE TEMP TABLE t (a text)")
            for _ in range(7):
                db.execute("INSERT INTO t VALUES (%s)", ("x",), prepare=True)
            with db.pipeline():
                for _ in range(3):
                    db.execute("SELECT a FROM t")
            with db.cursor() as cursor, cursor.copy("COPY t FROM STDIN") as copy:
                copy.write("a\n" * 10_000)
            with db.transaction():
                db.execute("SELECT 1")
        context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with connect(application_name=f"shop traceparent={context}") as db:
            self.assertRaises(psycopg.Error, db.execute, "SELECT 1/0")
        self.assertRaises(psycopg.Error, connect, dbname="nowhere")
        # The other kind of cancelling keeps the interpreter, which the taps need.
        with connect() as db, self.direct() as other:
            check_cancel(db, db.cancel_safe, other)
        eventually(lambda: len(self.near.ended) == len(self.far.ended) == 5, "all have ended")
        self.assertEqual(sorted(self.near.ended), sorted(self.far.ended))
        self.assertTrue(all(said for said, _ in self.far.ended))
        text = get(self.pages, "/metrics")
        self.assertIn('acra_unread_sessions_total{reason="foreign"} 3.0', text)
        self.connector.stop()
        self.assertEqual(self.log.read_text().count("does not make itself known"), 1)

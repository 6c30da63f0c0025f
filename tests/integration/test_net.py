"""Sockets, names and readiness of real daemons."""

from __future__ import annotations

import os
import struct
import tempfile
import urllib.error
from pathlib import Path

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import free_port
from tests.integration.base import Surroundings, eventually, get

#: /proc/net/tcp's number of a timer that is keepalive's.
_KEEPALIVE = 2
#: As if /etc/hosts had them: what Python runs before a program.
_NAMES = """
import socket
_system = socket.getaddrinfo

def _getaddrinfo(host, *args, **named):
    known = ("my_db", "acra_server", "my_collector")
    return _system("127.0.0.1" if host in known else host, *args, **named)

socket.getaddrinfo = _getaddrinfo
"""


def timers(pid):
    """Return each established TCP connection of a process: local and remote port, its timer and the
    seconds until that fires."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{entry}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "01" and fields[9] in inodes:
            ports = [
                struct.unpack(">H", bytes.fromhex(a.partition(":")[2]))[0] for a in fields[1:3]
            ]
            kind, _, when = fields[5].partition(":")
            found.append((*ports, int(kind, 16), int(when, 16) / os.sysconf("SC_CLK_TCK")))
    return found


class KeepAlive(Surroundings):
    """Client side, both ends of the link, database side."""

    def carried(self, **options):
        settings = {"tcp_keepalives_idle": "100", "tcp_keepalives_interval": "9"}
        chain = self.chain(
            server={"server": settings}, connector={"connector": settings}, **options
        )
        with self.connect(chain) as db:
            db.execute("SELECT 1")
            for daemon, expected in ((chain.connector, 2), (chain.server, 2)):

                def kept(daemon=daemon, expected=expected):
                    found = [one for one in timers(daemon._child.pid) if one[2] == _KEEPALIVE]
                    return len(found) >= expected and found

                for *_, seconds in eventually(kept, "every socket waits to ask its peer"):
                    self.assertLessEqual(seconds, 101)

    def test_over_tls(self):
        self.carried(link="tls")

    def test_over_secure_session(self):
        keys = Keys(Path(tempfile.mkdtemp(dir=self.folder)), "sandbox application")
        self.carried(link="secure-session", keys=keys)


class Names(Surroundings):
    """Names with underscores, as container tools give them: database, link, collectors."""

    def test_of_everything(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "sitecustomize.py").write_text(_NAMES)
        collector = Collector().start()
        self.addCleanup(collector.stop)
        url = f"http://my_collector:{collector.port}"
        tracing = {"tracing": {"otlp_endpoint": url, "tracing_interval": "0.1"}}
        port = free_port()
        chain = self.chain(
            server={
                "server": {"incoming_connection_string": f"tcp://127.0.0.1:{port}"},
                "database": {"db_host": "my_db", "db_tls": "disable"},
                **tracing,
            },
            connector={
                "acraserver": {
                    "acraserver_connection_string": f"tcp://acra_server:{port}",
                    "acraserver_tls_transport_enable": "true",
                },
                "tls": {"tls_acraserver_sni": "localhost"},
                **tracing,
            },
            environment={"PYTHONPATH": str(folder)},
        )
        with self.connect(chain) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

        def both():
            found = {span["service"] for span in collector.spans}
            return found == {"acra-server", "acra-connector"}

        eventually(both, "spans of both")


class Readiness(Surroundings):
    def ready(self, port, query=""):
        try:
            return get(port, f"/readyz{query}").strip()
        except urllib.error.HTTPError as error:
            with error:
                self.assertEqual(error.code, 503)
                return error.read().decode().strip()

    def test_what_stands_behind(self):
        chain = self.chain()
        server, connector = chain.server_pages, chain.connector_pages
        self.assertEqual(self.ready(server, "?database"), "ok")
        self.assertEqual(self.ready(connector, "?acraserver"), "ok")
        # Nothing is said on such a connection, and nothing of it in the database's log.
        log = (self.postgres.folder / "postgres.log").read_text()
        self.assertNotIn("reset by peer", log)
        self.assertNotIn("incomplete startup packet", log)
        self.postgres.stop()
        gone = "database cannot be reached"
        eventually(lambda: self.ready(server, "?database") == gone, "it is found out")
        # Without the question it is what it was: clients get an error that says what is wrong.
        self.assertEqual(self.ready(server), "ok")
        chain.server.stop()
        gone = "acraserver cannot be reached"
        eventually(lambda: self.ready(connector, "?acraserver") == gone, "it is found out")
        self.assertEqual(self.ready(connector), "ok")

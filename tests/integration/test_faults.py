"""Faults of networks on each of the three links, under load: nothing is lost or left behind."""

from __future__ import annotations

import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import resident
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.postgres.frames import SSL_REQUEST_PACKET, StartupPacket
from tests.integration.base import Surroundings, eventually
from tests.support import loads, mysqllogins, mysqlreplies
from tests.support.daemons import WATCHED, defects, descriptors, metric, sockets
from tests.support.faults import FaultProxy, RandomFaults
from tests.support.sessions import columns, complete, message, query, ready, row

SECONDS = 6
CLIENTS = 5


class Faulty(Surroundings):
    def check_log(self, path):
        """No line tells of a defect of ours."""
        self.assertEqual(defects(path), [])


class Links(Faulty):
    def chain(self, link, database):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        keys = Keys(folder, "client") if link == "secure-session" else None
        quick = {
            "server": {"handshake_timeout": "5", **WATCHED},
            "tracing": {"tracing_sampler": "always"},
        }
        return Chain(
            ("127.0.0.1", database),
            link=link,
            folder=folder,
            keys=keys,
            server={**quick, "pipeline": {"stages": ""}},
            connector={"connector": WATCHED, "tracing": {"tracing_sampler": "always"}},
        )

    def proxy(self, target, seed):
        proxy = FaultProxy(target, RandomFaults(seed)).start()
        self.addCleanup(proxy.stop)
        return proxy

    def idle(self, process, pages):
        """Descriptors, once no connection is open and those of the database are closed."""
        eventually(
            lambda: metric(pages, "acra_open_connections") == 0 and not sockets(process.pid),
            "connections have ended",
        )
        return descriptors(process.pid)

    def keeps(self, process, count):
        """So many descriptors, once the connection that asked for the metrics has ended."""
        eventually(lambda: descriptors(process.pid) <= count, "no descriptor is left open")

    def check(self, link, seed):
        to_database = self.proxy(self.postgres.port, seed)
        chain = self.chain(link, to_database.port)
        if link == "none":
            between = None
        else:
            between = self.proxy(chain.server_port, seed + 1)
            chain.connector_ini.write_text(
                chain.connector_ini.read_text().replace(
                    f"tcp://127.0.0.1:{chain.server_port}", f"tcp://127.0.0.1:{between.port}"
                )
            )
        with chain:
            to_chain = self.proxy(chain.port, seed + 2)
            daemons = [(chain.server, chain.server_pages)]
            if chain.connector is not None:
                daemons.append((chain.connector, chain.connector_pages))
            # What the first session makes them open stays open: the epoll object of sockets.
            self.assertEqual(loads.run(chain.port, 1, 0.5)[0].wrong, [])
            before = [self.idle(*daemon) for daemon in daemons]
            clients = loads.run(to_chain.port, CLIENTS, SECONDS)
            # A machine that has much else to do needs longer.
            for _ in range(9):
                if sum(c.replies for c in clients) > 50 and sum(c.losses for c in clients) > 5:
                    break
                clients += loads.run(to_chain.port, CLIENTS, SECONDS)
            self.assertEqual([c.wrong for c in clients if c.wrong], [])
            self.assertGreater(sum(c.replies for c in clients), 50)
            self.assertGreater(sum(c.losses for c in clients), 5)
            self.assertLess(max(c.longest for c in clients), SECONDS + loads.PATIENCE)
            for (process, pages), count in zip(daemons, before, strict=True):
                self.idle(process, pages)
                self.keeps(process, count)
                self.assertEqual(metric(pages, "acra_sessions"), 0)
        for name in ("acra-server", "acra-connector")[: len(daemons)]:
            self.check_log(chain.folder / f"{name}.log")

    def test_ds9_server_alone(self):
        self.check("none", 1)

    def test_ds9_tls(self):
        self.check("tls", 10)

    def test_ds9_secure_session(self):
        self.check("secure-session", 20)


class TinyDatabase(threading.Thread):
    """Answers startup packets and queries with one row; goes away now and then."""

    def __init__(self):
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self._number = 0

    def run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._number += 1
            with peer:
                peer.settimeout(5)
                try:
                    self._serve(peer, self._number % 7)
                except OSError:
                    pass

    def _serve(self, peer, fate):
        if peer.recv(4096) == SSL_REQUEST_PACKET:
            peer.sendall(b"N")
            peer.recv(4096)
        if fate == 1:
            return
        peer.sendall(message(b"R", b"\0\0\0\0") + ready())
        if fate == 2 or not peer.recv(4096):
            return
        answer = columns(b"a") + row(b"1") + complete(b"SELECT 1") + ready()
        peer.sendall(answer[: len(answer) // 2] if fate == 3 else answer)
        if fate != 3:
            peer.recv(4096)

    def stop(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join()


class TinyMysql(TinyDatabase):
    """Greets, lets everybody in but some, and answers queries with one row."""

    GREETING = packets(mysqllogins.without_tls(mysqllogins.MARIADB), 0)
    REPLY = mysqlreplies.text_result(b"1")

    def _serve(self, peer, fate):
        if fate == 1:
            return
        peer.sendall(self.GREETING)
        if fate == 2 or not peer.recv(4096):
            return
        peer.sendall(packets(mysqllogins.DENIED if fate == 4 else mysqllogins.OK, 2))
        if fate == 4 or not peer.recv(4096):
            return
        peer.sendall(self.REPLY[: len(self.REPLY) // 2] if fate == 3 else self.REPLY)
        if fate != 3:
            peer.recv(4096)


class ManySessions(Faulty):
    SESSIONS = 10_000
    DATABASE = TinyDatabase
    MYSQL = "false"
    STARTUP = StartupPacket(0, {b"user": b"postgres"}).encode()
    QUERY = query(b"SELECT 1")
    SPEAKS_FIRST = False

    def test_rl11_ten_thousand_leave_nothing_behind(self):
        database = self.DATABASE()
        database.start()
        self.addCleanup(database.stop)
        with Chain(
            ("127.0.0.1", database.port),
            link="none",
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            server={
                "server": WATCHED,
                "logging": {"v": "false"},
                "pipeline": {"stages": ""},
                "database": {"mysql_enable": self.MYSQL},
            },
        ) as chain:
            self.sessions(chain.port, 200)
            files, memory = descriptors(chain.server.pid), resident(chain.server.pid)
            opened = self.sessions(chain.port, self.SESSIONS)
            pages = chain.server_pages
            eventually(
                lambda: metric(pages, "acra_open_connections") == 0, "connections have ended"
            )
            self.assertEqual(metric(pages, "acra_sessions"), 0)
            self.assertEqual(metric(pages, "acraserver_connections_total"), 200 + self.SESSIONS)
            # The startup of each, and the query of those that came so far.
            self.assertGreaterEqual(metric(pages, "acra_exchanges_total"), opened)
            eventually(lambda: descriptors(chain.server.pid) <= files, "descriptors are closed")
            self.assertLess(resident(chain.server.pid) - memory, 8 << 20)
        self.check_log(chain.folder / "acra-server.log")

    def sessions(self, port, count):
        """One after the other; how many were answered at all."""
        startup, answered = self.STARTUP, 0
        for number in range(count):
            with socket.create_connection(("127.0.0.1", port), 60) as peer:
                if number % 11 == 5 or (self.SPEAKS_FIRST and not peer.recv(4096)):
                    continue
                if number % 11 == 1:
                    peer.sendall(startup[: number % len(startup)])
                    continue
                peer.sendall(startup)
                if number % 11 == 2:
                    continue
                if not peer.recv(4096):
                    continue
                answered += 1
                with suppress(OSError):
                    # Who was denied is sent away.
                    peer.sendall(self.QUERY)
                if number % 11 == 3:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                elif number % 11 != 4:
                    with suppress(OSError):
                        peer.recv(4096)
        return answered


class ManyMysqlSessions(ManySessions):
    DATABASE = TinyMysql
    MYSQL = "true"
    STARTUP = packets(mysqllogins.response().encode(), 1)
    QUERY = packets(b"\x03SELECT 1", 0)
    SPEAKS_FIRST = True

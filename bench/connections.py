"""Measure the cost of connections: memory of idle sessions, TLS handshakes, latency of one
client."""

from __future__ import annotations

import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import psycopg
from spoken import Login, Spoken

from acra_twisted.loginactions import CLIENT, DATABASE
from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.sandbox.processes import (
    Process,
    accepts,
    free_port,
    processor_time,
    resident,
)
from acra_twisted.wire.postgres.frames import GSSENC_REQUEST, STARTUP_HEADER

SESSIONS = 1000
#: Bytes at the end of what either side says that pass through a server as they are.
_ALIKE = 6
#: Requests of a round that do not count: whoever was asleep has cold caches.
_WARMING = 100
_PLAIN = {"pipeline": {"stages": ""}, "logging": {"v": "false"}}


class Welcome(threading.Thread):
    """A database that lets everybody in and says no more: a real one has no room for a thousand."""

    def __init__(self, login: Login) -> None:
        super().__init__(daemon=True)
        self._login = login
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []

    def run(self) -> None:
        """Accept until `stop`."""
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(peer)
            _say(peer, DATABASE, self._login)

    def stop(self) -> None:
        """Close everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in (self._listener, *self._open):
            one.close()


def idle_sessions(folder: Path, spoken: Spoken, compiled: Path | None = None) -> float:
    """Kilobytes of the server's memory for each session that does nothing."""
    with ExitStack() as stack:
        database = Welcome(spoken.login)
        database.start()
        stack.callback(database.stop)
        chain = Chain(
            ("127.0.0.1", database.port),
            link="none",
            folder=Path(tempfile.mkdtemp(dir=folder)),
            server={
                **_PLAIN,
                "database": {**spoken.section, "db_tls": "disable"},
                "server": {"max_connections": str(2 * SESSIONS)},
            },
            environment=None if compiled is None else {"PYTHONPATH": str(compiled)},
        )
        stack.enter_context(chain)
        sizes = []
        for count in (100, SESSIONS):
            for _ in range(count):
                peer = stack.enter_context(socket.create_connection(("127.0.0.1", chain.port)))
                _say(peer, CLIENT, spoken.login)
            sizes.append(resident(chain.server.pid))
    return (sizes[1] - sizes[0]) / SESSIONS / 1024


def _say(peer: socket.socket, side: str, login: Login) -> None:
    """Say a side's part of a login, each behind what the other says.  Raises ConnectionError if
    that does not come."""
    for whose, data in login:
        if whose == side:
            peer.sendall(data)
            continue
        got = b""
        while not got.endswith(data[-_ALIKE:]):
            more = peer.recv(4096)
            if not more:
                raise ConnectionError(f"the other side ends a login: {got!r}")
            got += more


def handshakes(folder: Path, port: int, compiled: Path, count: int = 300) -> dict[str, float]:
    """Microseconds of processor time for a new TLS connection of the link, full and resumed: of
    the server, up to where the connector's trace context would come, interpreted and
    ``compiled``; and of a loop that does nothing else, with the same settings of TLS.  ``port`` is
    the database's."""
    found: dict[str, float] = {}
    for form, environment in (("", None), (", compiled", {"PYTHONPATH": str(compiled)})):
        chain = Chain(
            ("127.0.0.1", port),
            link="tls",
            folder=Path(tempfile.mkdtemp(dir=folder)),
            server=_PLAIN,
            environment=environment,
        )
        with chain:
            certificates = chain.authority.issue("bench")
            spent = _spent(
                chain.authority, certificates, chain.server_port, chain.server.pid, count
            )
        found |= {kind + form: value for kind, value in spent.items()}
    return found | _bare_handshakes(folder, count)


def _bare_handshakes(folder: Path, count: int) -> dict[str, float]:
    """Measure ``bench/handshaker.py``."""
    place = Path(tempfile.mkdtemp(dir=folder))
    authority, port = Authority(place), free_port()
    certificate, key = authority.issue("server", hosts=("localhost", "127.0.0.1"))
    script = Path(__file__).with_name("handshaker.py")
    command = [sys.executable, str(script), str(port), str(authority.path)]
    process = Process([*command, str(certificate), str(key)], place / "handshaker.log")
    try:
        process.wait_until(lambda: accepts(port), "the bare loop")
        spent = _spent(authority, authority.issue("bench"), port, process.pid, count)
    finally:
        process.stop()
    return {f"{kind}, bare loop": value for kind, value in spent.items()}


def _spent(
    authority: Authority, certificates: tuple[Path, Path], port: int, pid: int, count: int
) -> dict[str, float]:
    context = ssl.create_default_context(cafile=str(authority.path))
    context.load_cert_chain(*certificates)
    session = None
    found = {}
    for kind in ("full", "resumed"):
        before = processor_time(pid)
        for _ in range(count):
            peer = socket.create_connection(("127.0.0.1", port))
            resumes = session if kind == "resumed" else None
            with context.wrap_socket(peer, server_hostname="localhost", session=resumes) as tls:
                # An empty trace context and a request that is answered at once: the ticket
                # comes before the answer.
                tls.sendall(b"\0\0\0\0" + STARTUP_HEADER.pack(8, GSSENC_REQUEST))
                tls.recv(1)
                assert tls.session_reused == (kind == "resumed")
                session = tls.session
        found[kind] = (processor_time(pid) - before) / count * 1e6
    return found


def latency(
    ports: Mapping[str, int],
    rounds: int,
    awake: Callable[[str], AbstractContextManager[Any]],
    count: int = 1000,
) -> dict[str, list[float]]:
    """Microseconds of one client's ``SELECT 1``: median and 99th percentile of each round's, of
    those the medians.  Targets in turns, of which only one is ``awake``, and warm before it
    counts."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ports}
    with ExitStack() as stack:
        clients = {}
        for name, port in ports.items():
            with awake(name):
                where = {"host": "127.0.0.1", "port": port, "sslmode": "disable"}
                db = psycopg.connect(**where, user=SUPERUSER, dbname="postgres")
                clients[name] = stack.enter_context(db).pgconn
        for _ in range(rounds):
            for name, client in clients.items():
                with awake(name):
                    times = []
                    for _ in range(count + _WARMING):
                        began = time.perf_counter()
                        client.exec_(b"SELECT 1")
                        times.append((time.perf_counter() - began) * 1e6)
                    late = statistics.quantiles(times[_WARMING:], n=100)[98]
                    found[name].append((statistics.median(times[_WARMING:]), late))
    return {
        name: [statistics.median(one) for one in zip(*each, strict=True)]
        for name, each in found.items()
    }


def gigabyte(folder: Path, port: int) -> list[float]:
    """Megabytes that server and connector hold at most while a gigabyte is copied out over TLS."""
    place = Path(tempfile.mkdtemp(dir=folder))
    with Chain(("127.0.0.1", port), link="tls", folder=place, server=_PLAIN) as chain:

        def copy() -> None:
            sql = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT"
            where = {"host": "127.0.0.1", "port": chain.port, "user": SUPERUSER}
            with psycopg.connect(**where, dbname="postgres") as db, db.cursor().copy(sql) as parts:
                assert sum(map(len, parts)) > 1_000_000_000

        return most_memory([chain.server.pid, chain.connector.pid], copy)


def most_memory(pids: Sequence[int], work: Callable[[], None]) -> list[float]:
    """Megabytes that each process holds at most during some work."""
    most = [0] * len(pids)
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.05):
            most[:] = [max(was, resident(pid)) for was, pid in zip(most, pids, strict=True)]

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        work()
    finally:
        ended.set()
        watching.join()
    return [size / 1e6 for size in most]


def table(
    memory: float, tls: dict[str, float], flat: list[float], waits: dict[str, list[float]]
) -> str:
    """The measurements as text."""
    lines = [
        "Connections (of TLS: processor time of the server)",
        f"  memory of an idle session                {memory:6.1f} kB",
        *(
            f"  TLS connection{form}".ljust(43)
            + f"{tls['full' + form]:6.0f} us, resumed {tls['resumed' + form]:.0f} us"
            for form in ("", ", compiled", ", bare loop")
        ),
        f"  memory while 1 GB is copied out          {flat[0]:6.1f} + {flat[1]:.1f} MB",
        "Latency of one client, us".ljust(44) + "median".rjust(10) + "99th".rjust(10),
    ]
    for name, (median, late) in waits.items():
        lines.append(f"  {name}".ljust(44) + f"{median:10.0f}{late:10.0f}")
    return "\n".join(lines)

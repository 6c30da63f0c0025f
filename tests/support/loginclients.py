"""Clients of PostgreSQL, each of which logs in by a driver of its own.

A login of a driver in another language is an object in JSON on the standard input of its program:
``client``, ``port``, ``user``, ``password``, ``database``, ``tls``, ``direct`` (TLS without asking
for it first), ``binding`` (what its driver is told about channel binding); its answer is an object
with ``user`` or ``error``.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg
import pg8000.native
import psqlpy
import psycopg

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.postgres import system
from tests.support.servercertificates import ECDSA, KINDS, RSA
from tests.support.themis_peer import FOLDER as INTEROP

TOP = Path(__file__).parents[2]
#: Made by `.ci/install-servers`.
SERVERS = TOP / ".servers"
GO = SERVERS / "go-logins"
LIBPQ = {version: SERVERS / f"libpq-{version}" for version in (16, 17)}
_QUESTION = "SELECT current_user"
_PATIENCE = 60

PLAIN, TLS, DIRECT = LEGS = ("plain", "tls", "direct")


class Login(NamedTuple):
    """Where a client logs in, as whom and over which kind of leg."""

    port: int
    leg: str = PLAIN
    user: str = "alice"
    password: str = "alice's"
    database: str = "postgres"

    @property
    def encrypted(self) -> bool:
        """True if the client is told to use TLS."""
        return self.leg != PLAIN


class Refused(Exception):
    """A login failed; ``args[0]`` is the client's text."""


class Client(NamedTuple):
    """``binding`` is when it uses channel binding: "never", "offered" (wherever it is), "require"
    (and it refuses to do without).  ``binds_to`` are the kinds of certificates with which it tries;
    with others it is as if there were none."""

    name: str
    binding: str
    legs: Sequence[str]
    log_in: Callable[[Login], str]
    binds_to: Sequence[str] = KINDS

    def binds(self, kind: str) -> bool:
        """Return True if it tries, where it is offered by a server with a certificate of a kind."""
        return self.binding != "never" and kind in self.binds_to


def _unverified(direct: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if direct:
        context.set_alpn_protocols(["postgresql"])
    return context


def _psycopg(binding: str) -> Callable[[Login], str]:
    def log_in(login: Login) -> str:
        with psycopg.connect(
            host="127.0.0.1",
            port=login.port,
            user=login.user,
            password=login.password,
            dbname=login.database,
            sslmode="require" if login.encrypted else "disable",
            sslnegotiation="direct" if login.leg == DIRECT else "postgres",
            channel_binding=binding,
            connect_timeout=_PATIENCE,
        ) as db:
            return str(db.execute(_QUESTION).fetchone()[0])

    return log_in


def _psql(binding: str) -> Callable[[Login], str]:
    def log_in(login: Login) -> str:
        done = subprocess.run(
            [str(system() / "bin" / "psql"), "-XAtc", _QUESTION],
            env={
                "PGHOST": "127.0.0.1",
                "PGPORT": str(login.port),
                "PGUSER": login.user,
                "PGPASSWORD": login.password,
                "PGDATABASE": login.database,
                "PGSSLMODE": "require" if login.encrypted else "disable",
                "PGCHANNELBINDING": binding,
                "PGCONNECT_TIMEOUT": str(_PATIENCE),
            },
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Refused(done.stderr)
        return done.stdout.strip()

    return log_in


def _pg8000(login: Login) -> str:
    db = pg8000.native.Connection(
        login.user,
        host="127.0.0.1",
        port=login.port,
        database=login.database,
        password=login.password,
        timeout=_PATIENCE,
        # None would mean: TLS if there is any.
        ssl_context=_unverified() if login.encrypted else False,
    )
    try:
        return str(db.run(_QUESTION)[0][0])
    finally:
        db.close()


def _asyncpg(login: Login) -> str:
    async def log_in() -> str:
        db = await asyncpg.connect(
            host="127.0.0.1",
            port=login.port,
            user=login.user,
            password=login.password,
            database=login.database,
            ssl=_unverified(login.leg == DIRECT) if login.encrypted else "disable",
            direct_tls=login.leg == DIRECT,
            timeout=_PATIENCE,
        )
        try:
            return str(await db.fetchval(_QUESTION))
        finally:
            await db.close()

    return asyncio.run(log_in())


def _psqlpy(binding: str) -> Callable[[Login], str]:
    async def ask(login: Login) -> str:
        who = f"{login.user}:{quote(login.password)}"
        where = f"127.0.0.1:{login.port}/{login.database}"
        db = await psqlpy.connect(
            dsn=f"postgres://{who}@{where}?channel_binding={binding}",
            ssl_mode=psqlpy.SslMode.Require if login.encrypted else psqlpy.SslMode.Disable,
        )
        try:
            result = await db.execute("SELECT current_user::text AS name")
            return str(result.result()[0]["name"])
        finally:
            db.close()

    return lambda login: asyncio.run(ask(login))


class _Program:
    """A program that logs in for each line."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self._process = subprocess.Popen(
            bound(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
        )

    def client(self, name: str, *, binding: object = False) -> Callable[[Login], str]:
        """A driver of this program."""

        def log_in(login: Login) -> str:
            told = {
                "client": name,
                **login._asdict(),
                "tls": login.encrypted,
                "direct": login.leg == DIRECT,
                "binding": binding,
            }
            self._process.stdin.write(json.dumps(told) + "\n")
            self._process.stdin.flush()
            answer = json.loads(self._process.stdout.readline())
            if "error" in answer:
                raise Refused(answer["error"])
            return str(answer["user"])

        return log_in

    def close(self) -> None:
        """End it."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(_PATIENCE)


_MODES = (("disable", "never"), ("prefer", "offered"), ("require", "require"))


def in_python() -> list[Client]:
    """Return those that need no other program."""
    return [
        *(Client(f"libpq 18, {mode}", uses, LEGS, _psycopg(mode)) for mode, uses in _MODES),
        Client("pg8000", "offered", (PLAIN, TLS), _pg8000),
        Client("asyncpg", "never", LEGS, _asyncpg),
    ]


@contextmanager
def clients() -> Iterator[list[Client]]:
    """All of them; the programs of other languages run meanwhile."""
    for place in (INTEROP / "node_modules" / "pg", GO, *LIBPQ.values()):
        if not place.exists():
            raise RuntimeError(f"{place.name} is not there: run .ci/install-servers")
    with ExitStack() as stack:

        def program(*command: str, **options: Any) -> _Program:
            running = _Program(command, **options)
            stack.callback(running.close)
            return running

        node = program("node", "logins.js", cwd=INTEROP)
        java = program(sys.executable, "-m", "tests.support.pgjdbclogins", cwd=TOP)
        go = program(str(GO), env={**os.environ, "PGSSLROOTCERT": ""})
        negotiated, every = (PLAIN, TLS), LEGS
        old, new = (
            program(
                sys.executable,
                *("-m", "tests.support.libpqlogins", str(version)),
                cwd=TOP,
                env={**os.environ, "PYTHONPATH": str(place)},
            )
            for version, place in LIBPQ.items()
        )
        yield [
            *in_python(),
            *(
                Client(f"{name}, {mode}", uses, legs, make(mode), binds_to)
                for name, make, legs, binds_to in (
                    ("libpq 17", lambda mode: new.client("libpq", binding=mode), every, KINDS),
                    ("libpq 16", lambda mode: old.client("libpq", binding=mode), negotiated, KINDS),
                    ("libpq of psql", _psql, negotiated, KINDS),
                    ("tokio-postgres", _psqlpy, negotiated, (RSA, ECDSA)),
                )
                for mode, uses in _MODES
            ),
            Client("node-postgres", "never", every, node.client("pg")),
            Client("node-postgres, binding", "offered", every, node.client("pg", binding=True)),
            Client("postgres.js", "never", every, node.client("postgres")),
            Client("pgjdbc", "never", negotiated, java.client("pgjdbc")),
            Client("pgx", "never", negotiated, go.client("pgx")),
            Client("lib/pq", "never", negotiated, go.client("pq")),
        ]

"""Clients of MySQL and MariaDB, each of which logs in by a driver of its own and asks once.

Each runs in a process of its own, for one login or for several.  Logins of a driver are a list in
JSON on the standard input of its program (this module, or ``tests/interop/mysql.js``), and so are
their answers, objects with ``value`` or ``error``.  The linker of libmysqlclient must find the
libraries that its wheel brings.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from acra_twisted.sandbox.endings import bound
from acra_twisted.sandbox.mariadb import PLUGINS, program
from tests.support.themis_peer import FOLDER as INTEROP

TOP = Path(__file__).parents[2]
#: Made by `.ci/install-servers`, where Debian's package is not installed.
_UNPACKED = TOP / ".servers/usr/lib/mysql/plugin"
_PATIENCE = 60


class Login(NamedTuple):
    """A login at a server on loopback.  ``ca`` is its authority's certificate: then there is TLS.
    ``keys``: the client may ask for the server's RSA key.  Some drivers send ``attributes``."""

    port: int
    user: str = "u"
    password: str = "pw"
    ca: str = ""
    keys: bool = True
    text: str = "SELECT 'one'"
    attributes: Mapping[str, str] | None = None


class Refused(Exception):
    """The server or the driver said no."""


def plugins() -> Path:
    """The folder of MariaDB's plugins."""
    return PLUGINS if PLUGINS.exists() else _UNPACKED


def _context(login: Login) -> ssl.SSLContext | None:
    return ssl.create_default_context(cafile=login.ca) if login.ca else None


def _pymysql(login: Login) -> str:
    import pymysql

    try:
        connection = pymysql.connect(
            host="127.0.0.1",
            port=login.port,
            user=login.user,
            password=login.password,
            ssl=_context(login),
            ssl_disabled=not login.ca,
            connect_timeout=_PATIENCE,
            read_timeout=_PATIENCE,
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(login.text)
            return str(cursor.fetchone()[0])
    except pymysql.Error as error:
        raise Refused(str(error)) from None


def _aiomysql(login: Login) -> str:
    import aiomysql
    import pymysql

    return _awaited(aiomysql.connect, pymysql.Error, login)


def _asyncmy(login: Login) -> str:
    import asyncmy
    import asyncmy.errors

    return _awaited(asyncmy.connect, asyncmy.errors.MySQLError, login)


def _awaited(connect: Callable[..., Any], refusal: type[Exception], login: Login) -> str:
    """Ask with a driver for asyncio whose errors are ``refusal``."""

    async def ask() -> str:
        connection = await connect(
            host="127.0.0.1",
            port=login.port,
            user=login.user,
            password=login.password,
            ssl=_context(login),
            connect_timeout=_PATIENCE,
        )
        try:
            async with connection.cursor() as cursor:
                await cursor.execute(login.text)
                return str((await cursor.fetchone())[0])
        finally:
            connection.close()

    try:
        return asyncio.run(asyncio.wait_for(ask(), _PATIENCE))
    except refusal as error:
        raise Refused(str(error)) from None


def _connector(login: Login, pure: bool = True) -> str:
    import mysql.connector

    tls = {"ssl_ca": login.ca, "ssl_verify_cert": True} if login.ca else {"ssl_disabled": True}
    try:
        connection = mysql.connector.connect(
            host="127.0.0.1",
            port=login.port,
            user=login.user,
            password=login.password,
            use_pure=pure,
            connection_timeout=_PATIENCE,
            **tls,
        )
        try:
            cursor = connection.cursor(prepared=True)
            for name, value in (login.attributes or {}).items():
                cursor.add_attribute(name, value)
            cursor.execute(login.text)
            row = cursor.fetchone()
            cursor.close()
            return str(row[0])
        finally:
            connection.close()
    except mysql.connector.Error as error:
        raise Refused(str(error)) from None


Answer = Mapping[str, str]
Asking = Callable[[Sequence[Login]], Sequence[Answer]]


class Client:
    """A driver or a program.  ``ask`` uses it for logins, in their order."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    def __call__(self, login: Login) -> str:
        """Return the first value of a login's statement.  Raises `Refused`."""
        (said,) = self._ask([login])
        if "error" in said:
            raise Refused(said["error"])
        return str(said["value"])

    def each(self, logins: Sequence[Login]) -> list[str]:
        """Return the first value of each, or why it was refused, from one process of a driver."""
        return [str(said.get("value", said.get("error"))) for said in self._ask(logins)]


def _elsewhere(arguments: list[str], environment: dict[str, str]) -> Asking:
    def ask(logins: Sequence[Login]) -> Any:
        done = subprocess.run(
            bound(arguments),
            input=json.dumps([login._asdict() for login in logins]),
            capture_output=True,
            text=True,
            check=False,
            timeout=(1 + len(logins)) * _PATIENCE,
            cwd=TOP,
            env={**os.environ, **environment},
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    return ask


def _python(driver: str) -> Asking:
    def ask(logins: Sequence[Login]) -> Sequence[Answer]:
        import mysql

        vendor = Path(mysql.__path__[0]) / "vendor"
        path = {"LD_LIBRARY_PATH": f"{vendor}:{vendor / 'private'}"}
        arguments = [sys.executable, "-m", "tests.support.mysqlclients", driver]
        return _elsewhere(arguments, path if driver == "libmysqlclient" else {})(logins)

    return ask


def _node(driver: str) -> Asking:
    return _elsewhere(["node", str(INTEROP / "mysql.js"), driver], {})


def _command_lines(logins: Sequence[Login]) -> Sequence[Answer]:
    return [_answer(_command_line, login) for login in logins]


def _answer(ask: Callable[[Login], str], login: Login) -> Answer:
    try:
        return {"value": ask(login)}
    except Refused as error:
        return {"error": str(error)}


def arguments_of(login: Login, path: str | Path) -> list[str]:
    """Return how a program of MariaDB is told to log in; its password is in MYSQL_PWD."""
    tls = [f"--ssl-ca={login.ca}", "--ssl-verify-server-cert"] if login.ca else ["--skip-ssl"]
    options = ["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", f"--port={login.port}"]
    return [str(path), *options, f"--user={login.user}", *tls]


def _command_line(login: Login) -> str:
    begin = arguments_of(login, program("mariadb"))
    done = subprocess.run(
        bound([*begin, "--batch", "--skip-column-names", f"--execute={login.text}"]),
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE,
        env={**os.environ, "MYSQL_PWD": login.password},
    )
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout.rstrip("\n")


_DRIVERS: dict[str, Callable[[Login], str]] = {
    "PyMySQL": _pymysql,
    "aiomysql": _aiomysql,
    "asyncmy": _asyncmy,
    "connector, pure": _connector,
    "libmysqlclient": partial(_connector, pure=False),
}
CLIENTS: dict[str, Client] = {
    **{driver: Client(_python(driver)) for driver in _DRIVERS},
    "mysql2": Client(_node("mysql2")),
    "npm mariadb": Client(_node("mariadb")),
    "mariadb": Client(_command_lines),
}


def _main() -> None:
    ask = _DRIVERS[sys.argv[1]]
    json.dump([_answer(ask, Login(**each)) for each in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    _main()

"""Clients of MySQL and MariaDB, each of which takes several steps in one session.

A step is ``(how, text, *parameters)``: "query" asks a text, "execute" prepares and executes it.
Each gives its rows, or the number and the SQLSTATE of an error.  ``at_once``: a driver that can
sends all steps without waiting for an answer.  Each client runs in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from acra_twisted.sandbox.endings import bound
from tests.support.mysqlclients import TOP
from tests.support.themis_peer import FOLDER as INTEROP

Step = tuple[Any, ...]
Answer = dict[str, Any]
#: Those that can prepare a statement.
PREPARING = ("connector, pure", "libmysqlclient", "mysql2", "npm mariadb")
CLIENTS = ("PyMySQL", *PREPARING)
_NODE = {"mysql2": "mysql2", "npm mariadb": "mariadb"}


def take(
    client: str, port: int, steps: Sequence[Step], *, at_once: bool = False, **login: Any
) -> list[Answer]:
    """The answers to all steps: ``{"rows": [...]}`` or ``{"error": number, "state": ...}``."""
    import mysql

    arguments = [sys.executable, "-m", "tests.support.mysqlsteps", client]
    environment = dict(os.environ)
    if client in _NODE:
        arguments = ["node", str(INTEROP / "mysql-steps.js"), _NODE[client]]
    elif client == "libmysqlclient":
        vendor = Path(mysql.__path__[0]) / "vendor"
        environment["LD_LIBRARY_PATH"] = f"{vendor}:{vendor / 'private'}"
    given = {"port": port, "user": "u", "password": "pw", "database": "shop", **login}
    done = subprocess.run(
        bound(arguments),
        input=json.dumps({**given, "steps": steps, "at_once": at_once}),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        cwd=TOP,
        env=environment,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    said: list[Answer] = json.loads(done.stdout)
    return said


def _pymysql(given: dict[str, Any]) -> list[Answer]:
    import pymysql
    from pymysql.constants import CLIENT

    connection = pymysql.connect(
        host="127.0.0.1",
        port=given["port"],
        user=given["user"],
        password=given["password"],
        database=given["database"],
        client_flag=CLIENT.MULTI_STATEMENTS,
        connect_timeout=60,
    )

    def one(how: str, text: str, *parameters: Any) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(text)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                rows += cursor.fetchall()
            return rows

    return _each(one, given["steps"], pymysql.MySQLError, lambda error: (error.args[0], None))


def _connector(given: dict[str, Any], pure: bool) -> list[Answer]:
    import mysql.connector

    connection = mysql.connector.connect(
        host="127.0.0.1",
        port=given["port"],
        user=given["user"],
        password=given["password"],
        database=given["database"],
        use_pure=pure,
        ssl_disabled=True,
        connection_timeout=60,
    )

    def one(how: str, text: str, *parameters: Any) -> list[Any]:
        cursor = connection.cursor(prepared=how == "execute")
        try:
            cursor.execute(text, parameters or None)
            return [list(row) for row in cursor.fetchall()] if cursor.with_rows else []
        finally:
            cursor.close()

    return _each(
        one, given["steps"], mysql.connector.Error, lambda error: (error.errno, error.sqlstate)
    )


def _each(
    one: Callable[..., list[Any]],
    steps: Sequence[Step],
    failure: type[Exception],
    told: Callable[[Any], tuple[int, str | None]],
) -> list[Answer]:
    answers: list[Answer] = []
    for step in steps:
        try:
            answers.append({"rows": one(*step)})
        except failure as error:
            number, state = told(error)
            answers.append({"error": number, "state": state})
    return answers


def _main(client: str) -> None:
    given = json.load(sys.stdin)
    if client == "PyMySQL":
        said = _pymysql(given)
    else:
        said = _connector(given, client == "connector, pure")
    json.dump(said, sys.stdout, default=str)


if __name__ == "__main__":
    _main(sys.argv[1])

"""Logins by the libpq that psycopg2 finds, in a process of their own: for each line of standard
input, an object in JSON (see `tests.support.loginclients`), prints the name of the session's user,
or the error.  The argument is the version that it must be."""

from __future__ import annotations

import json
import sys
from typing import Any

import psycopg2


def ask(login: dict[str, Any]) -> str:
    """The session's user.  Raises what the driver raises."""
    db = psycopg2.connect(
        host="127.0.0.1",
        port=login["port"],
        user=login["user"],
        password=login["password"],
        dbname=login["database"],
        sslmode="require" if login["tls"] else "disable",
        channel_binding=login["binding"],
        connect_timeout=60,
        **({"sslnegotiation": "direct"} if login["direct"] else {}),
    )
    try:
        cursor = db.cursor()
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])
    finally:
        db.close()


def main(version: int) -> None:
    """Answer until the input ends."""
    found = psycopg2.extensions.libpq_version() // 10000
    assert found == version, f"it is libpq {found}"
    for line in sys.stdin:
        try:
            answer = {"user": ask(json.loads(line))}
        except psycopg2.Error as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))

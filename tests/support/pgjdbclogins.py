"""Logins by pgjdbc, in a process of their own: for each line of standard input, an object in JSON
(see `tests.support.loginclients`), prints the name of the session's user, or the error."""

from __future__ import annotations

import json
import sys
from typing import Any

import jpype

from tests.support.pgjdbc import jar


def ask(driver: Any, login: dict[str, Any]) -> str:
    """The session's user.  Raises what the driver raises."""
    properties = jpype.JClass("java.util.Properties")()
    settings = {
        "user": login["user"],
        "password": login["password"],
        "sslmode": "require" if login["tls"] else "disable",
        "connectTimeout": "15",
        "socketTimeout": "15",
    }
    for key, value in settings.items():
        properties.setProperty(key, value)
    db = driver.connect(f"jdbc:postgresql://127.0.0.1:{login['port']}/postgres", properties)
    try:
        result = db.createStatement().executeQuery("SELECT current_user")
        result.next()
        return str(result.getString(1))
    finally:
        db.close()


def main() -> None:
    """Answer until the input ends."""
    jpype.startJVM("-Xmx64m", classpath=[jar()])
    driver = jpype.JClass("org.postgresql.Driver")()
    for line in sys.stdin:
        try:
            answer = {"user": ask(driver, json.loads(line))}
        except jpype.JException as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

"""Statements of pgjdbc, in a process of its own: ``python -m tests.support.pgjdbc PORT``.

Prints a JSON list: name, trace id, executions that its context is for, executions that are linked
with it.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import jpype

_TOP = Path(__file__).parents[2]
_PLACES = (Path("/usr/share/java"), _TOP / ".servers/usr/share/java")


def jar() -> str:
    """Debian's driver, installed or unpacked by `.ci/install-servers`."""
    found = [place / "postgresql.jar" for place in _PLACES if (place / "postgresql.jar").exists()]
    if not found:
        raise RuntimeError("no pgjdbc: run .ci/install-servers")
    return str(found[0])


def statements(port: int) -> list[tuple[str, str, int, int]]:
    """Run them, and say which there were."""
    jpype.startJVM("-Xmx64m", classpath=[jar()])
    properties = jpype.JClass("java.util.Properties")()
    for key, value in {"user": "postgres", "sslmode": "disable"}.items():
        properties.setProperty(key, value)
    driver = jpype.JClass("org.postgresql.Driver")()
    db = driver.connect(f"jdbc:postgresql://127.0.0.1:{port}/postgres", properties)
    shown = []

    def text(name: str, own: int, linked: int) -> str:
        trace_id = os.urandom(16).hex()
        shown.append((name, trace_id, own, linked))
        return f"SELECT ?::int /*traceparent='00-{trace_id}-{os.urandom(8).hex()}-01'*/"

    # With its text four times, then with a name, then by that name alone.
    statement = db.prepareStatement(text("prepareThreshold", 5, 2))
    for value in range(7):
        statement.setInt(1, value)
        statement.executeQuery().next()
    # A portal that is executed for each ten rows.
    db.setAutoCommit(False)
    fetching = text("fetch size", 1, 3).replace("SELECT ", "SELECT n + ").split("::int")
    statement = db.prepareStatement("::int FROM generate_series(1, 30) n".join(fetching))
    statement.setFetchSize(10)
    statement.setInt(1, 1)
    result = statement.executeQuery()
    while result.next():
        pass
    db.commit()
    db.close()
    return shown


if __name__ == "__main__":
    print(json.dumps(statements(int(sys.argv[1]))))

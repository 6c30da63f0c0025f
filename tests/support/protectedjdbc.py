"""pgjdbc with protected columns, in a process of its own: ``python -m tests.support.protectedjdbc
PORT STRANGERS``.

Prints a JSON object: by name what was seen.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import jpype

from tests.support.pgjdbc import jar

_WRITE = (
    "INSERT INTO people (name, email, age, big, raw, flag, born, key, score, card, phone)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_READ = "SELECT name, email, age, big, raw, flag, born, key, score, card, phone FROM people"


def connect(port: int, **properties: str) -> Any:
    """A connection of the driver."""
    made = jpype.JClass("java.util.Properties")()
    for key, value in {"user": "postgres", "sslmode": "disable", **properties}.items():
        made.setProperty(key, value)
    driver = jpype.JClass("org.postgresql.Driver")()
    return driver.connect(f"jdbc:postgresql://127.0.0.1:{port}/postgres", made)


def give(statement: Any, number: int) -> None:
    """Set the parameters of a row, each by the method for its type."""
    uuid, date = jpype.JClass("java.util.UUID"), jpype.JClass("java.sql.Date")
    statement.setString(1, f"Zaphodius {number}")
    statement.setString(2, f"zaphodius{number}@example.com")
    statement.setInt(3, 1_471_108_000 + number)
    statement.setLong(4, 47110815000000 + number)
    statement.setBytes(5, b"\0\xffTrilliania%d" % number)
    statement.setBoolean(6, number % 2 == 0)
    statement.setDate(7, date.valueOf(f"1942-03-{number % 28 + 1:02}"))
    statement.setObject(8, uuid(0x7A6170686F646975, number))
    statement.setDouble(9, 0.5 + number)
    statement.setString(10, f"401288888888{number:04}")
    statement.setString(11, f"+3725550815{number:04}")


def row(result: Any) -> list[Any]:
    """The values of a row, each by the method for its type."""
    return [
        str(result.getString(1)),
        str(result.getString(2)),
        int(result.getInt(3)),
        int(result.getLong(4)),
        bytes(result.getBytes(5)).hex(),
        bool(result.getBoolean(6)),
        str(result.getDate(7)),
        str(result.getObject(8)),
        float(result.getDouble(9)),
        str(result.getString(10)),
        str(result.getString(11)),
    ]


def rows(result: Any) -> list[list[Any]]:
    """All rows of a result."""
    found = []
    while result.next():
        found.append(row(result))
    return found


def ids(result: Any) -> list[int]:
    """The numbers in the first column of a result."""
    found = []
    while result.next():
        found.append(int(result.getInt(1)))
    return found


def use(db: Any) -> dict[str, Any]:
    """Write, read, search and fail in a connection; the table is empty before."""
    seen: dict[str, Any] = {}
    returned = jpype.JClass("java.sql.Statement").RETURN_GENERATED_KEYS
    statement = db.prepareStatement(_WRITE, returned)
    # With its text four times, then with a name, then by that name and in binary format.
    for number in range(1, 9):
        give(statement, number)
        statement.executeUpdate()
    seen["generated"] = ids(statement.getGeneratedKeys())
    batch = db.prepareStatement(_WRITE)
    for number in range(9, 40):
        give(batch, number)
        batch.addBatch()
    seen["batch"] = len(batch.executeBatch())
    reading = db.prepareStatement(_READ + " WHERE id = ?")
    seen["rows"] = []
    for number in range(1, 40):
        reading.setInt(1, number)
        seen["rows"] += rows(reading.executeQuery())
    meta = reading.getMetaData()
    seen["types"] = [str(meta.getColumnTypeName(n)) for n in range(1, 12)]
    seen["found"] = found = []
    for condition in ("email = ?", "email IN (?, 'nobody')", "email = ANY (ARRAY[?])"):
        search = db.prepareStatement(f"SELECT id FROM people WHERE {condition}")
        for number in range(1, 8):
            search.setString(1, f"zaphodius{number}@example.com")
            found.append(ids(search.executeQuery()))
    search = db.prepareStatement("SELECT id FROM people WHERE email = ANY (?) ORDER BY id")
    for number in range(1, 8):
        wanted = [f"zaphodius{n}@example.com" for n in (number, number + 1)]
        search.setArray(1, db.createArrayOf("text", wanted))
        found.append(ids(search.executeQuery()))
    search = db.prepareStatement("SELECT id FROM people WHERE age = ? AND big = ?")
    for number in range(1, 8):
        search.setInt(1, 1_471_108_000 + number)
        search.setLong(2, 47110815000000 + number)
        found.append(ids(search.executeQuery()))
    db.setAutoCommit(False)
    fetching = db.prepareStatement(_READ + " ORDER BY id")
    fetching.setFetchSize(7)
    seen["fetched"] = rows(fetching.executeQuery())
    update = db.prepareStatement("UPDATE people SET name = ?, born = NULL WHERE email = ?")
    update.setString(1, "Zaphodius new")
    update.setString(2, "zaphodius3@example.com")
    seen["updated"] = int(update.executeUpdate())
    db.commit()
    seen["errors"] = fail(db)
    db.setAutoCommit(True)
    return seen


def fail(db: Any) -> list[str]:
    """The SQLSTATEs of statements that are refused in a transaction, which goes on."""
    error = jpype.JClass("org.postgresql.util.PSQLException")
    states = []
    for text in (
        "UPDATE people SET name = name || 'x'",
        "UPDATE people SET age = 'x'",
        "SELECT id FROM people WHERE name = 'x'",
    ):
        point = db.setSavepoint()
        try:
            db.prepareStatement(text).execute()
        except error as refused:
            states.append(str(refused.getSQLState()))
        db.rollback(point)
        result = db.prepareStatement("SELECT name FROM people WHERE id = 3").executeQuery()
        result.next()
        states.append(str(result.getString(1)))
    db.commit()
    return states


def main(port: int, strangers: int) -> dict[str, Any]:
    """Use the driver with its defaults, with batches made into one statement, and with values in
    binary format from the first execution on; then as another client."""
    jpype.startJVM("-Xmx64m", classpath=[jar()])
    seen: dict[str, Any] = {}
    for name, properties in (
        ("defaults", {}),
        ("rewriting", {"reWriteBatchedInserts": "true"}),
        ("binary", {"prepareThreshold": "-1", "binaryTransfer": "true"}),
    ):
        db = connect(port, **properties)
        db.createStatement().execute("TRUNCATE people RESTART IDENTITY")
        seen[name] = use(db)
        db.close()
    db = connect(strangers)
    result = db.createStatement().executeQuery("SELECT card, phone, name FROM people WHERE id = 1")
    result.next()
    seen["stranger"] = [str(result.getString(n)) for n in (1, 2, 3)]
    db.close()
    return seen


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))

"""Statements on a protected table and beside it, and the names that they are given, for programs of
pipelined messages."""

from __future__ import annotations

from typing import NamedTuple

SECRETS = ("Zaphodius", "Trillianna", "Zaph\u00f3dius")
NAMES = (
    *(b"", b"s") * 6,
    *(b"t",) * 4,
    b"S",
    b"x" * 63 + b"a",
    b"x" * 63 + b"b",
    "\u00e9".encode(),
)
PORTALS = (*(b"",) * 8, *(b"p",) * 4, b"q")


class Known(NamedTuple):
    """A statement with parameters: "t" for each text, "i" for each number."""

    text: str
    takes: str = ""


WRITES = (
    Known("INSERT INTO people (name) VALUES ($1)", "t"),
    Known("INSERT INTO people (note) VALUES ($1)", "t"),
    Known("INSERT INTO notes (note) VALUES ($1)", "t"),
    Known("UPDATE people SET name = $1 WHERE id = 1 RETURNING id, name, note", "t"),
    Known("UPDATE people SET note = $1 WHERE id = 1 RETURNING id, note, name", "t"),
    Known("INSERT INTO people (email, id) VALUES ($1, $2)", "ti"),
    Known("INSERT INTO people (note, id) VALUES ($1, $2)", "ti"),
    Known("INSERT INTO people (id, name) VALUES (7, 'Zaphodius') RETURNING id, name"),
    Known("INSERT INTO people (id, note) VALUES (7, 'Zaphodius') RETURNING id, note"),
    Known("DELETE FROM people WHERE email = $1", "t"),
)
READS = (
    Known("SELECT id, name, note FROM people WHERE email = $1 ORDER BY n", "t"),
    Known("SELECT id, note, name FROM people WHERE note = $1 ORDER BY n", "t"),
    Known("SELECT id, name, email FROM people ORDER BY n"),
    Known("SELECT id, note, note AS also FROM people ORDER BY n"),
    Known("SELECT name FROM people ORDER BY n"),
    Known("SELECT note FROM notes ORDER BY n"),
)
CONTROLS = tuple(
    Known(text)
    for text in (
        *("BEGIN", "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "ROLLBACK"),
        *("SAVEPOINT a", "ROLLBACK TO a", "RELEASE a"),
    )
)
FAILING = tuple(
    Known(text)
    for text in (
        *("SELECT 1 / 0", "SELEC", "SELECT nothing", "SELECT $1 / 0", ""),
        "UPDATE people SET name = name || 'a'",
    )
)
NAMING = tuple(
    Known(text)
    for text in (
        *("DEALLOCATE s", "DEALLOCATE ALL", "DISCARD ALL", "DEALLOCATE t"),
        "PREPARE s(text) AS INSERT INTO people (name) VALUES ($1)",
        "PREPARE s(text) AS INSERT INTO people (note) VALUES ($1)",
        "PREPARE t AS SELECT id, name, email FROM people ORDER BY n",
        "PREPARE t AS SELECT id, note, note AS also FROM people ORDER BY n",
        *("EXECUTE s ('Trillianna')", "EXECUTE s ('Zaphodius')", "EXECUTE t"),
        "DECLARE p CURSOR FOR SELECT name FROM people ORDER BY n",
        "DECLARE p CURSOR FOR SELECT note FROM people ORDER BY n",
        "DECLARE p CURSOR WITH HOLD FOR SELECT name FROM people ORDER BY n",
        *("FETCH 1 FROM p", "FETCH ALL FROM p", "CLOSE p", "CLOSE ALL", "MOVE 1 FROM p"),
        *("CALL give_people()", "CALL give_notes()", "SELECT take_s()", "CALL give_portal()"),
        "DO $$ BEGIN EXECUTE 'DEALLOCATE s'; END $$",
        *("SET client_encoding TO LATIN1", "SET client_encoding TO UTF8"),
        *("SET standard_conforming_strings TO off", "RESET ALL"),
        *("SET application_name TO 'Zaphod'", "SET LOCAL work_mem TO 4096", "RESET jit"),
    )
)
SEVERAL = (
    "BEGIN; INSERT INTO people (name) VALUES ('Zaphodius')",
    "BEGIN; SELECT name FROM people ORDER BY n",
    "INSERT INTO people (name) VALUES ('Zaphodius'); SELECT 1 / 0",
    "COMMIT; BEGIN",
    "ROLLBACK; SELECT note FROM notes ORDER BY n",
    "BEGIN; UPDATE people SET name = name || 'a'",
    "SELECT name FROM people ORDER BY n; DEALLOCATE ALL",
)
LOADS = (
    "COPY people (name) FROM STDIN",
    "COPY people (note) FROM STDIN",
    "COPY notes (note) FROM STDIN",
    "COPY nowhere FROM STDIN",
)
UNLOADS = (
    "COPY (SELECT id, name, email FROM people ORDER BY n) TO STDOUT",
    "COPY (SELECT id, note FROM people ORDER BY n) TO STDOUT",
)
#: What both databases have besides their tables.
CREATED = """
CREATE TABLE notes (n serial, id int, note text);
CREATE PROCEDURE give_people() LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'DEALLOCATE ALL';
    EXECUTE 'PREPARE s(text) AS INSERT INTO peo' || 'ple (note) VALUES ($1)'; END $$;
CREATE PROCEDURE give_notes() LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'DEALLOCATE ALL';
    EXECUTE 'PREPARE s(text) AS INSERT INTO notes (note) VALUES ($1)'; END $$;
CREATE PROCEDURE give_portal() LANGUAGE plpgsql AS $$ DECLARE p refcursor := 'p'; BEGIN
    OPEN p FOR SELECT note FROM notes ORDER BY n; END $$;
CREATE FUNCTION take_s() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    EXECUTE 'DEALLOCATE ALL'; RETURN 1; END $$;
"""

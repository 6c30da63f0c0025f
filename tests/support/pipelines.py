"""Programs of messages that pipeline statements on a protected table and beside it, and their
conversations with a server."""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acra_twisted.wire.postgres.frames import StartupPacket, message
from tests.support.answering import Answering, Reply
from tests.support.sessions import FLUSH, SYNC, TERMINATE, close, describe, execute, parse, query

#: Seconds until a conversation counts as one that hangs.
LIMIT = 30.0
COPY_FAIL = message(b"f", b"no more\0")
SECRETS = ("Zaphodius", "Trillianna", "Zaph\u00f3dius")
_NAMES = (
    *(b"", b"s") * 6,
    *(b"t",) * 4,
    b"S",
    b"x" * 63 + b"a",
    b"x" * 63 + b"b",
    "\u00e9".encode(),
)
_PORTALS = (*(b"",) * 8, *(b"p",) * 4, b"q")
_TEXT, _NUMBER = 25, 23


class Step(NamedTuple):
    """A message; ``written`` tells how: with what comes next (""), as the end of a write
    ("behind"), also in two parts ("inside"), or so that all replies are waited for ("waits")."""

    label: str
    data: bytes
    written: str = ""

    @property
    def kind(self) -> str:
        """Its type."""
        return chr(self.data[0])


class Known(NamedTuple):
    """A statement with parameters: "t" for each text, "i" for each number."""

    text: str
    takes: str = ""


_WRITES = (
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
_READS = (
    Known("SELECT id, name, note FROM people WHERE email = $1 ORDER BY n", "t"),
    Known("SELECT id, note, name FROM people WHERE note = $1 ORDER BY n", "t"),
    Known("SELECT id, name, email FROM people ORDER BY n"),
    Known("SELECT id, note, note AS also FROM people ORDER BY n"),
    Known("SELECT name FROM people ORDER BY n"),
    Known("SELECT note FROM notes ORDER BY n"),
)
_CONTROLS = tuple(
    Known(text)
    for text in (
        *("BEGIN", "BEGIN", "BEGIN", "COMMIT", "COMMIT", "ROLLBACK", "ROLLBACK"),
        *("SAVEPOINT a", "ROLLBACK TO a", "RELEASE a"),
    )
)
_FAILING = tuple(
    Known(text)
    for text in (
        *("SELECT 1 / 0", "SELEC", "SELECT nothing", "SELECT $1 / 0", ""),
        "UPDATE people SET name = name || 'a'",
    )
)
_NAMING = tuple(
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
    )
)
_SEVERAL = (
    "BEGIN; INSERT INTO people (name) VALUES ('Zaphodius')",
    "BEGIN; SELECT name FROM people ORDER BY n",
    "INSERT INTO people (name) VALUES ('Zaphodius'); SELECT 1 / 0",
    "COMMIT; BEGIN",
    "ROLLBACK; SELECT note FROM notes ORDER BY n",
    "BEGIN; UPDATE people SET name = name || 'a'",
    "SELECT name FROM people ORDER BY n; DEALLOCATE ALL",
)
_LOADS = (
    "COPY people (name) FROM STDIN",
    "COPY people (note) FROM STDIN",
    "COPY notes (note) FROM STDIN",
    "COPY nowhere FROM STDIN",
)
_UNLOADS = (
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


class Writer:
    """Writes programs, drawn by ``chance``: always the same for the same seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._steps: list[Step] = []
        # The statement that a name was given last.
        self._given: dict[bytes, Known] = {}
        self._waits = chance.choice((0.0, 0.3, 0.7, 1.0))
        self._cuts = chance.choice((0.0, 0.1, 0.4))

    def program(self) -> list[Step]:
        """Draw one program."""
        for _ in range(self._chance.randint(2, 16)):
            self._phrase()
        return self._steps

    def _phrase(self) -> None:
        phrases = (
            *((30, self._run), (14, self._prepare), (12, self._rerun), (14, self._simple)),
            *((5, self._closed), (3, self._described), (4, self._load), (4, self._executed)),
            *((3, self._flush), (8, self._sync)),
        )
        weights, phrased = zip(*phrases, strict=True)
        self._chance.choices(phrased, weights)[0]()

    def _one(self, *among: bytes) -> bytes:
        return self._chance.choice(among)

    def _is(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _add(self, label: str, data: bytes) -> None:
        written = ""
        kind = chr(data[0])
        if self._is(self._cuts):
            written = "inside" if self._is(0.3) else "behind"
        if kind in "SQ" and self._is(self._waits):
            written = "waits"
        self._steps.append(Step(label, data, written))

    def _statement(self) -> Known:
        kinds = (_WRITES, _READS, _CONTROLS, _FAILING, _NAMING, [Known(_UNLOADS[0])])
        return self._chance.choice(self._chance.choices(kinds, (12, 8, 5, 3, 4, 0.5))[0])

    def _name(self) -> bytes:
        return self._chance.choice(_NAMES)

    def _portal(self) -> bytes:
        return self._chance.choice(_PORTALS)

    # -- phrases ----------------------------------------------------------------------------------

    def _prepare(self, name: bytes | None = None, ends: float = 0.6) -> bytes:
        name = self._name() if name is None else name
        if self._is(0.15):
            self._close(b"S", name)
        statement = self._statement()
        self._given[name] = statement
        data = parse(name, statement.text.encode())
        if self._is(0.3):
            types = b"".join(
                (_TEXT if one == "t" else _NUMBER).to_bytes(4, "big") for one in statement.takes
            )
            head = data[5:-2] + len(statement.takes).to_bytes(2, "big")
            data = message(b"P", head + types)
        self._add(f"Parse {name!r} {statement.text}", data)
        self._end(ends)
        return name

    def _run(self) -> None:
        name = self._prepare(ends=0.25)
        self._bound(name)

    def _rerun(self) -> None:
        self._bound(self._name())

    def _bound(self, name: bytes) -> None:
        if self._is(0.1):
            self._describe(b"S", name)
        portal = self._portal()
        self._bind(portal, name)
        if self._is(0.3):
            self._describe(b"P", portal)
        if portal:
            self._end(0.05)
        self._execute(portal)
        self._end(0.6)

    def _bind(self, portal: bytes, name: bytes) -> None:
        statement = self._given.get(name, Known("", "t"))
        takes = statement.takes if self._is(0.95) else self._chance.choice(("", "t", "ti"))
        is_binary = self._is(0.3)
        values = []
        for one in takes:
            if one == "i":
                number = self._chance.randint(1, 3)
                values.append(number.to_bytes(4, "big") if is_binary else b"%d" % number)
            else:
                values.append(self._value())
        formats = b"\0\1\0\1" if is_binary else b"\0\0"
        results = self._chance.choice((b"\0\0", b"\0\1\0\0", b"\0\1\0\1"))
        cells = b"".join(
            b"\xff" * 4 if one is None else len(one).to_bytes(4, "big") + one for one in values
        )
        body = portal + b"\0" + name + b"\0" + formats + len(values).to_bytes(2, "big")
        shown = f"{values} {'binary' if is_binary else 'text'} results {results[-1]}"
        self._add(f"Bind {portal!r} to {name!r} {shown}", message(b"B", body + cells + results))

    def _value(self) -> bytes | None:
        if self._is(0.05):
            return None
        return self._chance.choice((*SECRETS[:2] * 3, SECRETS[2], "plain")).encode()

    def _execute(self, portal: bytes) -> None:
        rows = self._chance.choice((0, 0, 0, 0, 1, 2))
        self._add(f"Execute {portal!r} {rows or ''}", execute(portal, rows))

    def _executed(self) -> None:
        # Not the unnamed one: a text that has failed may leave there what ends the database.
        self._execute(self._one(b"p", b"q"))
        self._end(0.5)

    def _describe(self, kind: bytes, name: bytes) -> None:
        self._add(f"Describe {kind.decode()} {name!r}", describe(kind, name))

    def _described(self) -> None:
        kind = self._chance.choice((b"S", b"P"))
        self._describe(kind, self._name() if kind == b"S" else self._one(b"p", b"q"))
        self._end(0.5)

    def _close(self, kind: bytes, name: bytes) -> None:
        self._add(f"Close {kind.decode()} {name!r}", close(kind, name))

    def _closed(self) -> None:
        kind = self._chance.choice((b"S", b"S", b"P"))
        self._close(kind, self._name() if kind == b"S" else self._portal())
        self._end(0.4)

    def _settle(self) -> None:
        """End a batch, mostly: PostgreSQL is confused by a simple query within one."""
        if self._steps and self._steps[-1].kind not in "SQ" and self._is(0.85):
            self._sync()

    def _simple(self) -> None:
        self._settle()
        if self._is(0.12):
            text = self._chance.choice((*_SEVERAL, *_UNLOADS))
        else:
            statement = self._statement()
            text = statement.text.replace("$1", f"'{self._chance.choice(SECRETS)}'")
            text = text.replace("$2", str(self._chance.randint(1, 3)))
            if text.startswith("PREPARE"):
                text = statement.text
        self._add(f"Query {text}", query(text.encode()))

    def _load(self) -> None:
        text = self._chance.choice(_LOADS)
        if self._is(0.4):
            name = self._name()
            self._given[name] = Known(text)
            self._add(f"Parse {name!r} {text}", parse(name, text.encode()))
            self._add(f"Bind '' to {name!r}", message(b"B", b"\0" + name + b"\0" + bytes(6)))
            self._add("Execute ''", execute())
            if self._is(0.3):
                self._steps.append(Step("Sync", SYNC))
        else:
            self._settle()
            self._steps.append(Step(f"Query {text}", query(text.encode()), self._cut()))
        for _ in range(self._chance.randint(0, 2)):
            row = f"{self._chance.choice(SECRETS)}\n"
            self._steps.append(Step(f"CopyData {row!r}", message(b"d", row.encode()), self._cut()))
            if self._is(0.1):
                self._steps.append(self._chance.choice((Step("Flush", FLUSH), Step("Sync", SYNC))))
        last = self._chance.choice((message(b"c", b""),) * 3 + (COPY_FAIL,))
        self._steps.append(Step("CopyDone" if last[0] == ord("c") else "CopyFail", last))
        self._end(0.7)

    def _cut(self) -> str:
        return "behind" if self._is(self._cuts) else ""

    def _flush(self) -> None:
        self._add("Flush", FLUSH)

    def _sync(self) -> None:
        self._add("Sync", SYNC)

    def _end(self, probability: float) -> None:
        if self._is(probability):
            self._sync()
        elif self._is(0.05):
            self._flush()


#: Ends whatever a program has left open.
END = (
    Step("CopyFail", COPY_FAIL),
    Step("Sync", SYNC),
    Step("Query ROLLBACK", query(b"ROLLBACK"), "waits"),
)


def failing(step: Step) -> Step:
    """A step that fails where another one was refused, and leaves nothing else behind."""
    label = f"(refused) {step.label}"
    if step.kind == "Q":
        text = b"BEGIN; ROLLBACK TO nowhere" if step.data[5:].startswith(b"BEGIN; ") else b"SELEC"
        return Step(label, query(text))
    if step.kind in "cf":
        return Step(label, COPY_FAIL)
    return Step(label, parse(b"refused", b"SELEC"))


def converse(port: int, database: bytes, steps: Sequence[Step]) -> Answering:
    """Say all messages, and wait as they say.  Raises TimeoutError if it hangs."""
    startup = StartupPacket(0, {b"user": b"postgres", b"database": database}).encode()
    answering = Answering()
    with socket.create_connection(("127.0.0.1", port), LIMIT) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(startup)
        replies = _replies(raw)
        for reply in replies:
            assert reply.kind != "E", reply
            if reply.kind == "Z":
                break
        else:
            raise AssertionError("the session does not begin")
        try:
            _say(raw, replies, answering, steps)
        except (ConnectionError, StopIteration):
            answering.ended = True
        for reply in replies:
            # Behind a write that nobody takes any more.
            answering.came(reply)
    return answering


def _say(
    raw: socket.socket, replies: Iterator[Reply], answering: Answering, steps: Sequence[Step]
) -> None:
    unsent = b""
    for step in steps:
        answering.sent(step.kind)
        unsent += step.data
        if step.written:
            if step.written == "inside":
                raw.sendall(unsent[:-3])
                time.sleep(0.001)
                unsent = unsent[-3:]
            raw.sendall(unsent)
            unsent = b""
            while step.written == "waits" and not answering.settled:
                answering.came(next(replies))
    raw.sendall(unsent + TERMINATE)
    for reply in replies:
        answering.came(reply)


def _replies(raw: socket.socket) -> Iterator[Reply]:
    """Replies as they come, until the session ends."""
    deadline = time.monotonic() + LIMIT
    got = b""
    while True:
        while len(got) >= 5 and len(got) > (size := int.from_bytes(got[1:5], "big")):
            yield Reply(chr(got[0]), got[5 : size + 1])
            got = got[size + 1 :]
        if time.monotonic() > deadline:
            raise TimeoutError("a conversation hangs")
        try:
            more = raw.recv(1 << 16)
        except ConnectionResetError:
            return
        if not more:
            return
        got += more

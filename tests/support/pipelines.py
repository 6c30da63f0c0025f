"""Programs of messages that pipeline statements on a protected table and beside it."""

from __future__ import annotations

import random

from acra_twisted.wire.postgres.frames import message
from tests.support.pipelinetalk import COPY_FAIL, Step
from tests.support.pipelinewords import (
    CONTROLS,
    FAILING,
    LOADS,
    NAMES,
    NAMING,
    PORTALS,
    READS,
    SECRETS,
    SEVERAL,
    UNLOADS,
    WRITES,
    Known,
)
from tests.support.sessions import FLUSH, SYNC, close, describe, execute, parse, query

_TEXT, _NUMBER = 25, 23


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
            *((3, self._flush), (8, self._sync), (5, self._taken_back), (5, self._given_twice)),
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
        kinds = (WRITES, READS, CONTROLS, FAILING, NAMING, [Known(UNLOADS[0])])
        return self._chance.choice(self._chance.choices(kinds, (12, 8, 5, 3, 4, 0.5))[0])

    def _name(self) -> bytes:
        return self._chance.choice(NAMES)

    def _portal(self) -> bytes:
        return self._chance.choice(PORTALS)

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

    def _taken_back(self) -> None:
        """Bind a portal, and perhaps once more, in a part of a transaction that is rolled back."""
        self._settle()
        if self._is(0.7):
            self._add("Query BEGIN", query(b"BEGIN"))
        portal = self._one(b"p", b"p", b"q")
        self._bind(portal, self._prepare(ends=0.2))
        self._sync()
        self._add("Query SAVEPOINT a", query(b"SAVEPOINT a"))
        if self._is(0.5):
            self._prepare(ends=0.2)
        self._bind(portal, self._name())
        self._end(0.3)
        self._execute(portal)
        self._sync()
        self._add("Query ROLLBACK TO a", query(b"ROLLBACK TO a"))
        self._execute(portal)
        self._end(0.8)

    def _given_twice(self) -> None:
        """Prepare two statements of a name, of which one may fail, and run what it means."""
        name = self._prepare(ends=0.7)
        if self._is(0.3):
            failing = self._chance.choice(FAILING).text
            self._add(f"Parse 'u' {failing}", parse(b"u", failing.encode()))
        self._prepare(name, ends=0.8)
        self._bound(name)

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
            text = self._chance.choice((*SEVERAL, *UNLOADS))
        else:
            statement = self._statement()
            text = statement.text.replace("$1", f"'{self._chance.choice(SECRETS)}'")
            text = text.replace("$2", str(self._chance.randint(1, 3)))
            if text.startswith("PREPARE"):
                text = statement.text
        self._add(f"Query {text}", query(text.encode()))

    def _load(self) -> None:
        text = self._chance.choice(LOADS)
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

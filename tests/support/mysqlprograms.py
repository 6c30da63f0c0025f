"""Programs of MySQL's commands for two sessions, and for another program beside them.

A program is written for the schema of `OURS`, in which ``shop.people`` is the table with
protected columns.  Values for such columns begin with `SECRET`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.support import mysqlplayer
from tests.support.mysqlplayer import Step

SECRET = "Zsecret"  # noqa: S105 - no password
_COLUMNS = (
    "(id INT PRIMARY KEY, name {0}, email {0}, nick VARCHAR(100) CHARACTER SET utf8mb4, "
    "note VARCHAR(100) CHARACTER SET utf8mb4)"
)
COLUMNS_OF_BYTES = _COLUMNS.format("VARBINARY(400)")
_LETTERS = _COLUMNS.format("VARCHAR(400) COLLATE utf8mb4_nopad_bin")
#: What each program begins with, beside the table of people: kinds, names and definitions.
_SCHEMA = (
    ("TABLE", "shop.plain", _LETTERS),
    ("TABLE", "away.people", _LETTERS),
    ("TABLE", "away.plain", _LETTERS),
    ("VIEW", "shop.seen", "AS SELECT id, name, email FROM shop.people"),
    ("VIEW", "away.seen", "AS SELECT id, name, email FROM shop.people"),
    (
        "PROCEDURE",
        "shop.preparing",
        "() PREPARE s FROM 'INSERT INTO plain (id, name) VALUES (?, ?)'",
    ),
    ("PROCEDURE", "shop.reading", "() SELECT id, name FROM plain ORDER BY id"),
    ("PROCEDURE", "shop.releasing", "() DEALLOCATE PREPARE s"),
    ("PROCEDURE", "shop.executing", "() EXECUTE s USING @i, @b"),
    (
        "PROCEDURE",
        "shop.shadowing",
        "() CREATE TEMPORARY TABLE plain (id INT, name VARCHAR(400))",
    ),
    ("PROCEDURE", "shop.quoting", "() SET sql_mode = 'ANSI_QUOTES'"),
    ("PROCEDURE", "shop.naming", "() SET NAMES latin1"),
)
OURS = (("TABLE", "shop.people", COLUMNS_OF_BYTES), *_SCHEMA)
TWINS = (("TABLE", "shop.people", _LETTERS), *_SCHEMA)
EMPTIED = "; ".join(
    f"DELETE FROM {table}" for table in ("shop.people", "shop.plain", "away.people", "away.plain")
)
FILLED = "INSERT INTO shop.people VALUES (1, 'one', 'one@x', 'first', 'n')"
#: Words of texts behind which the schema is made anew.
_CHANGING = re.compile(rb"create|drop|alter|rename|truncate|global", re.I).search
#: Names of commands.
_COMMANDS = {
    name: code
    for name, code in vars(mysqlplayer).items()
    if name[0] != "_" and isinstance(code, int) and 0 < code < 0x100
}
#: The session of another program.
DIRECT = 2


class Batch(NamedTuple):
    """Steps of one session that are said at once; session DIRECT is another program's, which does
    not go through AcraServer."""

    session: int
    steps: tuple[Step, ...]


#: The number of a batch, and a step of it; None: the step behind it is said at once with the one
#: ahead.
Part = tuple[int, Step | None]
#: Stands for further capabilities.
_MORE: Part = (-1, None)


class Program(NamedTuple):
    """``more`` are further capabilities of its clients."""

    more: int
    batches: tuple[Batch, ...]

    @property
    def fills(self) -> bool:
        """It may leave a server without room for prepared statements."""
        return any(b"max_prepared" in step.text for batch in self.batches for step in batch.steps)

    @property
    def is_past(self) -> bool:
        """Another program makes a view: what that shows is not the twin's for some seconds."""
        return any(batch.session == DIRECT for batch in self.batches)

    @property
    def changes_tables(self) -> bool:
        """It may change more than rows."""
        return any(_CHANGING(step.text) for batch in self.batches for step in batch.steps)

    def parts(self) -> list[Part]:
        """Return all that could be left out: its steps, that some are said at once, and the
        capabilities."""
        found = [_MORE] if self.more else []
        for at, batch in enumerate(self.batches):
            for number, step in enumerate(batch.steps):
                found += [(at, None), (at, step)] if number else [(at, step)]
        return found

    def of(self, parts: Sequence[Part]) -> Program:
        """Return the program of some of its parts, in their order."""
        batches: list[Batch] = []
        joined = last = _MORE[0]
        for at, step in parts:
            if step is None:
                joined = at
                continue
            if at == joined == last:
                batches[-1] = batches[-1]._replace(steps=(*batches[-1].steps, step))
            else:
                batches.append(Batch(self.batches[at].session, (step,)))
            joined, last = _MORE[0], at
        return Program(self.more if _MORE in parts else 0, tuple(batches))

    def told(self) -> str:
        """Its steps, a line each; steps that are said at once stand behind the same number."""
        lines = [f"capabilities {self.more:#x}"]
        for number, (session, steps) in enumerate(self.batches):
            lines += [f"{number} session {session}: {_shown(step)}" for step in steps]
        return "\n".join(lines)


def _shown(step: Step) -> str:
    name = next((name for name, code in _COMMANDS.items() if code == step.code), hex(step.code))
    given = zip(step._fields[1:], step[1:], strict=False)
    return " ".join([name, *(f"{field}={value!r}" for field, value in given if value)])

"""Statements of MySQL that SQL's PREPARE makes of strings, as one session knows them.

None names anything protected when it is prepared; but the server reads the names of its tables
again when it is executed, and they may be those of views by then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.plan import Refusal
from acra_twisted.sql.pieces import pieces
from acra_twisted.stages.mysqlbindings import ReadBy
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot

#: Bytes of the texts that are kept at most, and those that each takes beside its text.
_BYTES: Final = 1 << 20
_BESIDE: Final = 256
_NAME: Final = rb"(`[^`\x80-\xff]++`|[A-Za-z_$][0-9A-Za-z_$]*+)"
#: One statement that prepares another, in a string that ends there in every mode.
_prepares_one: Final = re.compile(
    rb"\s*+prepare\s++" + _NAME + rb"\s++from\s*+'[^'\\]*+'[\s;]*+", re.I
).fullmatch
_releases_one: Final = re.compile(
    rb"\s*+(?:deallocate|drop)\s++prepare\s++" + _NAME + rb"[\s;]*+", re.I
).fullmatch
_executes: Final = re.compile(rb"\bexecute\b", re.I).search
_LOST: Final = Refusal(
    refusals.OPAQUE_CODE,
    "",
    "the session has prepared more statements by SQL than AcraServer keeps",
    "Let the driver prepare them, or DEALLOCATE them.",
)


def prepares(text: bytes) -> bool:
    """Tell whether a text may prepare a statement by SQL."""
    return b"prepare" in text.lower()


def executes(text: bytes) -> bool:
    """Tell whether a text may execute a statement that SQL has prepared."""
    if b"execute" not in text.lower():
        return False
    return any(_executes(piece) is not None for piece in pieces(text))


def name_in(text: bytes) -> bytes:
    """Return the name of the only statement that a text prepares or releases by SQL, in small
    letters; empty for any other text."""
    found = _prepares_one(text) or _releases_one(text)
    return b"" if found is None else found[1].strip(b"`").lower()


class Kept:
    """A text, and what came of it by one reading of the tables."""

    __slots__ = ("text", "read", "name", "number", "snapshot", "refusal", "targets")

    def __init__(self, text: bytes, read: ReadBy) -> None:
        self.text, self.read = text, read
        self.name = name_in(text)
        self.number = 0
        self.snapshot: MysqlSnapshot | None = None
        self.refusal: Refusal | None = None
        self.targets: Sequence[Target] = ()

    def check(self, snapshot: MysqlSnapshot) -> None:
        """Plan the text, unless that was done by the same reading of the tables."""
        if self.snapshot is snapshot:
            return
        plan = snapshot.planner.plan(self.text, *self.read).plan
        database = self.read.database or ""
        self.snapshot, self.refusal = snapshot, plan.refusal
        self.targets = [one.within(database) for one in plan.targets]


def check_all(kept: Sequence[Kept], snapshot: MysqlSnapshot) -> None:
    """Plan some texts by a reading of the tables.  A worker may do it."""
    for one in kept:
        one.check(snapshot)


class SqlPrepared:
    """Keeps the texts that prepare statements which give values to something.  ``resets`` is how
    often the session had begun anew when it was made: then the server forgets them.  ``number`` is
    how often a text was kept."""

    def __init__(self, resets: int) -> None:
        self.resets = resets
        self.number = 0
        self._texts: dict[tuple[bytes, ReadBy], Kept] = {}
        self._size = 0
        self._is_lost = False
        self._checked: MysqlSnapshot | None = None
        self._found: tuple[Refusal | None, Sequence[Target]] = (None, ())

    def keep(self, text: bytes, read: ReadBy) -> None:
        """Keep a text beside all others: each may prepare more than one statement, and the server
        may refuse it."""
        self.number += 1
        known = self._texts.get((text, read))
        if known is not None:
            known.number = self.number
            return
        self._size += len(text) + _BESIDE
        self._is_lost = self._is_lost or self._size > _BYTES
        if self._is_lost:
            self._texts.clear()
        else:
            kept = self._texts[text, read] = Kept(text, read)
            kept.number = self.number
        self._checked = None

    def done(self, text: bytes, number: int) -> None:
        """Take in that the server has run a text that prepares or releases a statement: nothing
        that was kept before it has its name any more.  ``number`` is as it was when it was sent:
        others may have been sent behind it."""
        name = name_in(text)
        if not name:
            return
        gone = [
            key
            for key, one in self._texts.items()
            if one.name == name and key[0] != text and one.number <= number
        ]
        for key in gone:
            del self._texts[key]
            self._size -= len(key[0]) + _BESIDE
        if gone:
            self._checked = None

    def due(self, snapshot: MysqlSnapshot) -> Sequence[Kept]:
        """Return the texts that `again` would have to plan."""
        if self._is_lost or self._checked is snapshot:
            return ()
        return [one for one in self._texts.values() if one.snapshot is not snapshot]

    def again(self, snapshot: MysqlSnapshot) -> tuple[Refusal | None, Sequence[Target]]:
        """Return the refusal of what may be executed, by the tables as they are known now, and what
        it gives values to."""
        if self._is_lost:
            return _LOST, ()
        if self._checked is not snapshot:
            self._found = self._planned(snapshot)
            self._checked = snapshot
        return self._found

    def _planned(self, snapshot: MysqlSnapshot) -> tuple[Refusal | None, Sequence[Target]]:
        targets: dict[Target, None] = {}
        for one in self._texts.values():
            one.check(snapshot)
            if one.refusal is not None:
                return one.refusal, ()
            targets.update(dict.fromkeys(one.targets))
        return None, tuple(targets)

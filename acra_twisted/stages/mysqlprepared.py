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
from acra_twisted.stages.mysqlbindings import ReadBy
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot

#: Texts that are kept at most, and their bytes.
_TEXTS: Final = 256
_BYTES: Final = 1 << 20
_executes: Final = re.compile(rb"\bexecute\b", re.I).search
_LOST: Final = Refusal(
    refusals.OPAQUE_CODE,
    "",
    "the session has prepared more statements by SQL than AcraServer keeps",
    "Let the driver prepare them.",
)


def prepares(text: bytes) -> bool:
    """Tell whether a text may prepare a statement by SQL."""
    return b"prepare" in text.lower()


def executes(text: bytes) -> bool:
    """Tell whether a text may execute a statement that SQL has prepared."""
    return b"execute" in text.lower() and _executes(text) is not None


class SqlPrepared:
    """Keeps the texts that prepare statements which give values to something.  ``resets`` is how
    often the session had begun anew when it was made: then the server forgets them."""

    def __init__(self, resets: int) -> None:
        self.resets = resets
        self._texts: dict[tuple[bytes, ReadBy], None] = {}
        self._size = 0
        self._is_lost = False
        self._checked: MysqlSnapshot | None = None
        self._found: tuple[Refusal | None, Sequence[Target]] = (None, ())

    def keep(self, text: bytes, read: ReadBy) -> None:
        """Keep a text beside all others: each may prepare more than one statement, and the server
        may have refused it."""
        if (text, read) in self._texts:
            return
        self._size += len(text)
        self._is_lost = self._is_lost or len(self._texts) >= _TEXTS or self._size > _BYTES
        if self._is_lost:
            self._texts.clear()
        else:
            self._texts[text, read] = None
        self._checked = None

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
        for text, read in self._texts:
            plan = snapshot.planner.plan(text, *read).plan
            if plan.refusal is not None:
                return plan.refusal, ()
            for one in plan.targets:
                is_bare = bool(one.name) and not one.database
                targets[Target(read.database or "", one.name) if is_bare else one] = None
        return None, tuple(targets)

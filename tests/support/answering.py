"""Replies of PostgreSQL by the messages that they answer, told from both alone, whenever they come:
also where messages are skipped behind an error, or read as copied rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

#: Messages of the extended protocol, and the last message of a reply to each.  All end by an error.
_LAST = {"P": "1", "B": "2", "D": "Tn", "E": "CIs", "C": "3"}
#: Messages that have no answer of their own.
_SILENT = "Hdcf"
#: Replies that answer nothing: notices, and settings that have changed.
_ASIDE = "NSA"


class Reply(NamedTuple):
    """A message of the database: its type and its body."""

    kind: str
    body: bytes

    @property
    def fields(self) -> dict[str, bytes]:
        """The fields of an error or a notice."""
        parts = self.body.rstrip(b"\0").split(b"\0")
        return {chr(part[0]): part[1:] for part in parts if part}

    @property
    def is_refusal(self) -> bool:
        """Tell whether AcraServer itself refuses something by it."""
        return self.kind == "E" and b"AcraServer" in self.fields.get("M", b"")


class Answering:
    """Replies by the messages that they answer: ``answers`` has a list for each message that has
    been sent.  Rows are loaded by messages that stand together, apart from Flush and Sync: errors
    about them count as the answer to their end.

    ``ended``: the session has ended, by the database or by what is in front of it; ``farewell`` are
    the replies that say so.
    """

    def __init__(self) -> None:
        self._kinds: list[str] = []
        self.answers: list[list[Reply]] = []
        self._at = 0
        self._skips = False
        # The type of the message that loads rows.
        self._loads = ""
        self.ended = False
        self.farewell: list[Reply] = []

    def sent(self, kind: str) -> None:
        """Take note of a message by its type."""
        self._kinds.append(kind)
        self.answers.append([])
        self._go_on()

    @property
    def settled(self) -> bool:
        """Tell whether all messages are answered, or never will be."""
        return self.ended or self._at == len(self._kinds)

    @property
    def is_confused(self) -> bool:
        """Tell whether the database has said that it is in a state that it does not know."""
        errors = (one for answer in self.answers for one in answer if one.kind == "E")
        return any(one.fields.get("C") == b"XX000" for one in errors)

    def came(self, reply: Reply) -> None:
        """Take a reply.  Raises AssertionError if it answers nothing."""
        if reply.kind == "E" and reply.fields.get("V") == b"FATAL":
            self.ended = True
        if self.ended:
            self.farewell.append(reply)
            return
        if reply.kind in _ASIDE:
            self.answers[min(self._at, len(self.answers) - 1)].append(reply)
            return
        assert self._at < len(self._kinds), f"{reply} answers nothing"
        self.answers[self._at].append(reply)
        kind = self._loads or self._kinds[self._at]
        if reply.kind == "G":
            self._loads = kind
            self._at += 1
        elif kind in "QF":
            if reply.kind == "Z":
                self._over()
        elif reply.kind == "E":
            self._skips = True
            self._over()
        elif kind == "S":
            assert reply.kind == "Z", f"{reply} answers a Sync"
            self._over()
        elif reply.kind in _LAST[kind]:
            self._over()
        self._go_on()

    def _over(self) -> None:
        self._at += 1
        self._loads = ""

    def _go_on(self) -> None:
        """Step over what is not answered."""
        while self._at < len(self._kinds) and self._is_silent(self._kinds[self._at]):
            self._at += 1

    def _is_silent(self, kind: str) -> bool:
        if self._loads:
            return kind in "dHS"
        if self._skips:
            self._skips = kind != "S"
            return kind != "S"
        return kind in _SILENT


def shown(replies: Sequence[Reply]) -> list[object]:
    """An answer as it can be compared with the twin's: rows in no order, errors by their SQLSTATE,
    columns without the numbers of their tables."""
    found: list[object] = []
    rows: list[bytes] = []
    for reply in replies:
        if reply.kind in "Dd":
            rows.append(reply.body)
            continue
        if rows:
            found.append(sorted(rows))
            rows = []
        if reply.kind in "EN":
            found.append((reply.kind, reply.fields["C"]))
        elif reply.kind == "T":
            found.append((reply.kind, _columns(reply.body)))
        else:
            found.append(tuple(reply))
    return [*found, sorted(rows)] if rows else found


def _columns(body: bytes) -> list[tuple[bytes, bytes]]:
    """Name, and type, size, modifier and format of each column."""
    found, at = [], 2
    for _ in range(int.from_bytes(body[:2], "big")):
        end = body.index(b"\0", at)
        found.append((body[at:end], body[end + 7 : end + 19]))
        at = end + 19
    return found

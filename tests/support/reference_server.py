"""A database of few words for property tests: PostgreSQL's rules of replying, nothing else.

A statement's first word says what becomes of it: ``ok`` returns one row with the text itself and
is kept, if its transaction is; ``error`` and ``deny`` fail, the latter before all else, with the
firewall's SQLSTATE; ``begin`` and ``commit`` are what they are.  Anything else is no SQL.

With ``buffers`` what is said to the extended protocol is kept back until Sync, Flush or an error,
as PostgreSQL does.
"""

from __future__ import annotations

from acra_twisted.wire.framing import ChunkBuffer
from tests.support.sessions import (
    BIND_COMPLETE,
    CLOSE_COMPLETE,
    PARSE_COMPLETE,
    columns,
    complete,
    error,
    ready,
    row,
)

WORDS = (b"ok", b"error", b"deny", b"begin", b"commit")


class ReferenceServer:
    """Feed it what a database gets; it returns what a database says."""

    def __init__(self, buffers=False):
        self.buffer = ChunkBuffer()
        self.buffers = buffers
        self.unsaid = b""
        self.skipping = False
        self.status = b"I"
        self.statements = {}
        self.portals = {}
        self.executed = []
        #: What should have been refused before it came here.
        self.refused = []
        self.kept = []
        self._pending = []

    def feed(self, data):
        buffer = self.buffer
        buffer.feed(data)
        out = b""
        while len(buffer.data) - buffer.position >= 5:
            start = buffer.position
            length = int.from_bytes(buffer.data[start + 1 : start + 5], "big")
            end = start + 1 + length
            if end > len(buffer.data):
                break
            buffer.position = end
            kind = chr(buffer.data[start])
            said = self.answer(kind, buffer.data[start + 5 : end])
            self.unsaid += said
            if not self.buffers or kind in "SHQ" or said[:1] == b"E":
                out += self.unsaid
                self.unsaid = b""
        return out

    def answer(self, kind, body):
        if kind == "S":
            self.skipping = False
            return self.done()
        if self.skipping or kind in "Hd":
            return b""
        if kind == "Q":
            said = self.run(body[:-1], simple=True)
            self.skipping = False
            return said + self.done()
        if kind == "P":
            name, text = body.split(b"\0")[:2]
            if text.startswith(b"error") and self.status != b"E":
                self.statements[name] = text
                return PARSE_COMPLETE
            problem = self.problem(text)
            if problem:
                return self.fail(problem, text)
            self.statements[name] = text
            return PARSE_COMPLETE
        if kind == "B":
            portal, name = body.split(b"\0")[:2]
            if name not in self.statements:
                return self.fail(b"26000")
            self.portals[portal] = self.statements[name]
            return BIND_COMPLETE
        if kind == "E":
            portal = body.split(b"\0")[0]
            if portal not in self.portals:
                return self.fail(b"34000")
            return self.run(self.portals[portal], simple=False)
        if kind == "C":
            (self.statements if body[:1] == b"S" else self.portals).pop(body[1:-1], None)
            return CLOSE_COMPLETE
        raise AssertionError(f"unexpected message {kind}")

    def problem(self, text):
        """The SQLSTATE of a statement that fails; nothing if it does not."""
        word = text.split()[0]
        if word not in WORDS:
            return b"42601"
        if word == b"deny":
            self.refused.append(text)
            return b"42000"
        if self.status == b"E" and word != b"commit":
            return b"25P02"
        return b"22012" if word == b"error" else b""

    def run(self, text, simple):
        problem = self.problem(text)
        if problem:
            return self.fail(problem, text)
        self.executed.append(text)
        if text.startswith(b"begin"):
            self.status = b"T"
            return complete(b"BEGIN")
        if text.startswith(b"commit"):
            failed, self.status = self.status == b"E", b"I"
            self.keep()
            return complete(b"ROLLBACK" if failed else b"COMMIT")
        self._pending.append(text)
        described = columns(b"text") if simple else b""
        return described + row(text) + complete(b"SELECT 1")

    def keep(self):
        self.kept += self._pending
        self._pending = []

    def done(self):
        if self.status == b"I":
            self.keep()
        return ready(self.status)

    def fail(self, sqlstate, text=b"no"):
        self.skipping = True
        self._pending = []
        if self.status == b"T":
            self.status = b"E"
        return error(sqlstate, text.decode())

"""A database of few words for property tests: PostgreSQL's rules of replying, nothing else.

A statement's text says what becomes of it: ``error N`` fails, anything else returns one row with
its own text.
"""

from __future__ import annotations

from acra_twisted.wire.framing import ChunkBuffer
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    columns,
    complete,
    error,
    ready,
    row,
)


class ReferenceServer:
    """Feed it what a database gets; it returns what a database says."""

    def __init__(self):
        self.buffer = ChunkBuffer()
        self.skipping = False
        self.statements = {}
        self.portals = {}
        self.executed = []

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
            out += self.answer(chr(buffer.data[start]), buffer.data[start + 5 : end])
        return out

    def answer(self, kind, body):
        if kind == "S":
            self.skipping = False
            return ready()
        if self.skipping or kind == "H":
            return b""
        if kind == "Q":
            return self.run(body[:-1], simple=True) + ready()
        if kind == "P":
            name, text = body.split(b"\0")[:2]
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
        raise AssertionError(f"unexpected message {kind}")

    def run(self, text, simple):
        self.executed.append(text)
        if text.startswith(b"error"):
            return error(b"22012", text.decode()) if simple else self.fail(b"22012", text.decode())
        described = columns(b"text") if simple else b""
        return described + row(text) + complete(b"SELECT 1")

    def fail(self, sqlstate, text="no"):
        self.skipping = True
        return error(sqlstate, text)

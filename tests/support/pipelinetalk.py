"""Conversations with a server by programs of messages."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from acra_twisted.wire.postgres.frames import StartupPacket, message
from tests.support.answering import Answering, Reply
from tests.support.sessions import SYNC, TERMINATE, bind, close, execute, parse, query

#: Seconds until a conversation counts as one that hangs.
LIMIT = 30.0
COPY_FAIL = message(b"f", b"no more\0")

#: Begins a block, and takes the unnamed statement away as a simple query does.
_BEGUN = (
    close(b"S", b"begun")
    + parse(b"begun", b"BEGIN")
    + bind(b"begun", b"begun")
    + execute(b"begun")
    + close(b"S", b"")
)


class Step(NamedTuple):
    """A message, by its type; ``written`` tells how: with what comes next (""), as the end of a
    write ("behind"), also in two parts ("inside"), or so that all replies are waited for ("waits").
    """

    label: str
    data: bytes
    written: str = ""
    is_query: bool = False

    @property
    def kind(self) -> str:
        """Its type, or that of a simple query for messages that are answered as one is."""
        return "Q" if self.is_query else chr(self.data[0])


#: Ends whatever a program has left open.
END = (
    Step("CopyFail", COPY_FAIL),
    Step("Sync", SYNC),
    Step("Query ROLLBACK", query(b"ROLLBACK"), "waits"),
)


def failing(step: Step, keeps: bool) -> Step:
    """Return a step that fails where another one was refused, and leaves nothing else behind.
    ``keeps``: the unnamed statement stays, as it does where the database gets no simple query."""
    label = f"(refused) {step.label}"
    wrong = parse(b"refused", b"SELEC")
    if step.kind == "Q":
        if step.data[5:].startswith(b"BEGIN; "):
            if keeps:
                # It stays in a transaction that has failed: of that, no database needs to be told.
                return Step(label, _BEGUN + wrong + SYNC, is_query=True)
            return Step(label, query(b"BEGIN; ROLLBACK TO nowhere"))
        return Step(label, wrong + SYNC if keeps else query(b"SELEC"), is_query=True)
    return Step(label, COPY_FAIL if step.kind in "cf" else wrong)


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

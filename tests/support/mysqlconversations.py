"""Random conversations with MySQL or MariaDB: what may be said, and all that is answered.

A conversation is said at once, or each command when all before it is answered, in pieces of any
size, by a client of a few lines that shares no code with what is tested.  The strict machine sees
that the answers follow the protocol.  They are packets, to be compared with those of another way;
MariaDB numbers prepared statements of all sessions together, so their numbers become places.
"""

from __future__ import annotations

import socket
import struct
from itertools import chain
from typing import NamedTuple

from hypothesis import strategies as st

from tests.support.mysqlaccounts import NATIVE, digest_native
from tests.support.mysqlfields import Violation
from tests.support.mysqlmachine import (
    CACHE_METADATA,
    CLIENT,
    DEPRECATE_EOF,
    LAST,
    SERVER,
    TRACK,
    Machine,
)

#: MariaDB's bulk executions.
BULK = 4

#: LONG_PASSWORD is not among them: so MariaDB's own capabilities are meant.
_BASE = 0x003FA20A & ~0x100000
_LONG_PASSWORD = 1
_LIMIT = 1 << 30
_PATIENCE = 60
QUIT = b"\x01"

#: Each has one parameter.
PREPARED = (
    b"SELECT ?",
    b"SELECT seq, ? FROM seq_1_to_5",
    b"INSERT INTO t VALUES (?)",
    b"INSERT INTO t VALUES (?) RETURNING a",
    b"SELECT ?, (SELECT seq FROM seq_1_to_2 AS b WHERE seq <= a.seq) FROM seq_1_to_3 AS a",
    b"CALL told(?)",
    b"SELECT counted(), ?",
    b"SELECT * FROM nowhere WHERE a = ?",
    b"SELEC ?",
)
TEXTS = (
    b"SELECT 1",
    b"SELECT NULL, 'a', 2.5",
    b"SELECT seq FROM seq_1_to_300",
    b"SELECT REPEAT('x', 70000)",
    b"SELECT 1 WHERE 1 = 0",
    b"SELECT nope",
    b"SELEC",
    b"",
    b";",
    b"SELECT 1; SELECT 2",
    b"SELECT 1; SELECT nope; SELECT 2",
    b"CREATE TEMPORARY TABLE IF NOT EXISTS t (a TEXT)",
    b"INSERT INTO t VALUES ('x'), ('y')",
    b"TABLE t",
    b"SELECT * FROM t",
    b"BEGIN",
    b"COMMIT",
    b"ROLLBACK",
    b"SET autocommit = 0",
    b"SET @a = 1",
    b"SET sql_mode = 'ANSI_QUOTES'",
    b"SET NAMES latin1",
    b"CALL many()",
    b"CALL half()",
    b"CALL own()",
    b"SELECT 1; CALL many(); CALL half(); SELECT 2",
    b"SELECT (SELECT seq FROM seq_1_to_2 AS b WHERE seq <= a.seq) FROM seq_1_to_3 AS a",
    b"KILL 2147483647",
    b"USE d",
    b"USE nowhere",
    b"DO 1",
)
#: Number of a statement that is not there; above it, the place of one among those of the session.
_NOWHERE = 0x70000000
_NUMBERS = st.sampled_from((*(_NOWHERE + place for place in (1, 2, 3)), LAST, LAST, _NOWHERE))
#: Errors 1047, an unknown command, and 1243, an unknown statement.
_OWN_WORDS = (b"\xff\x17\x04", b"\xff\xdb\x04")
_BY_NUMBER = (0x17, 0x18, 0x19, 0x1A, 0x1C, 0xFA)
#: Where they run: procedures with results, one that fails in the middle, one with a parameter, and
#: a procedure and a function with cursors of their own.
PROCEDURES = """CREATE DATABASE d; USE d;
CREATE PROCEDURE many() SELECT 1 UNION SELECT 2;
DELIMITER //
CREATE PROCEDURE half() BEGIN SELECT 1; SELECT nope FROM nowhere; SELECT 2; END//
CREATE PROCEDURE told(x TEXT) BEGIN SELECT x; SELECT 1, x UNION SELECT 2, x; END//
CREATE FUNCTION counted() RETURNS INT DETERMINISTIC
BEGIN
  DECLARE x INT;
  DECLARE c CURSOR FOR SELECT seq FROM seq_1_to_3;
  OPEN c;
  FETCH c INTO x;
  RETURN x;
END//
CREATE PROCEDURE own()
BEGIN
  DECLARE x INT;
  DECLARE c CURSOR FOR SELECT seq FROM seq_1_to_3;
  OPEN c;
  FETCH c INTO x;
  SELECT x;
  SELECT seq FROM seq_1_to_3;
END//
DELIMITER ;
"""
#: Stands for a change of user, whose proof depends on the session.
CHANGE_USER = b"\x11"
_STATISTICS = b"Uptime"
_SWITCH = b"\xfe" + NATIVE.encode() + b"\0"


def _statement(code: int, number: int, rest: bytes = b"") -> bytes:
    return bytes((code,)) + struct.pack("<I", number) + rest


def execute(number: int, value: bytes | int | None, cursor: bool) -> bytes:
    """COM_STMT_EXECUTE with one parameter and its type."""
    kind, data = b"\x06\0", b""
    if isinstance(value, bytes):
        kind, data = b"\xfd\0", bytes((len(value),)) + value
    elif value is not None:
        kind, data = b"\x08\0", struct.pack("<q", value)
    null = bytes((value is None,))
    return _statement(
        0x17, number, bytes((cursor,)) + struct.pack("<I", 1) + null + b"\1" + kind + data
    )


def long_data(number: int) -> tuple[bytes, bytes]:
    """COM_STMT_SEND_LONG_DATA, and the execution that has its value from there."""
    types = b"\0\1\xfc\0"
    return (
        _statement(0x18, number, b"\0\0long"),
        _statement(0x17, number, b"\0" + struct.pack("<I", 1) + types),
    )


def bulk(number: int, values: list[bytes | int]) -> bytes:
    """COM_STMT_BULK_EXECUTE with rows of one string, or of an indicator in its place."""
    rows = [
        bytes((value,)) if isinstance(value, int) else bytes((0, len(value))) + value
        for value in values
    ]
    return _statement(0xFA, number, b"\x80\0\xfd\0" + b"".join(rows))


_COMMANDS = st.one_of(
    st.sampled_from(TEXTS).map(b"\x03".__add__),
    st.sampled_from(PREPARED).map(b"\x16".__add__),
    st.builds(execute, _NUMBERS, st.sampled_from((b"z", b"", 7, None)), st.booleans()),
    st.builds(lambda number: _statement(0x1C, number, struct.pack("<I", 2)), _NUMBERS),
    st.builds(lambda number: _statement(0x1A, number), _NUMBERS),
    st.builds(lambda number: _statement(0x19, number), _NUMBERS),
    st.sampled_from((b"\x0e", b"\x1f", b"\x02d", b"\x1b\0\0", b"\x1b\1\0", b"\x50")),
    st.sampled_from((b"\x02nowhere", b"\x1b\2\0", b"\x0c\xff\xff\xff\x7f", b"\x09", CHANGE_USER)),
    st.builds(bulk, _NUMBERS, st.lists(st.sampled_from((b"x", b"", 1, 2)), max_size=3)),
    st.sampled_from((b"\x04t\0", b"\x04t\0b%", b"\x04seq_1_to_5\0", b"\x04nowhere\0")),
)
#: Commands that are said one behind the other.
SAYINGS = st.one_of(_COMMANDS.map(lambda command: (command,)), _NUMBERS.map(long_data))
#: What a client has beside the rest, of MySQL and of MariaDB.
CAPABILITIES = st.tuples(
    st.sampled_from((0, DEPRECATE_EOF, TRACK, DEPRECATE_EOF | TRACK)),
    st.sampled_from((0, CACHE_METADATA, BULK, CACHE_METADATA | BULK)),
)


class Answer(NamedTuple):
    """A packet of the server's."""

    sequence: int
    payload: bytes


class Client:
    """A session that has logged in."""

    def __init__(self, port: int, user: str, password: str, more: int, extended: int) -> None:
        self.raw = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._data = b""
        #: Numbers of the statements that were prepared, in order.
        self._prepared: list[int] = []
        greeting = self.packet()
        assert greeting is not None
        shown, scramble = _read(greeting.payload)
        self.machine = Machine((_BASE | more) & shown, extended)
        response = struct.pack("<IIB19xI", _BASE | more, _LIMIT, 45, extended) + user.encode()
        self._password = password.encode()
        digest = digest_native(self._password, scramble)
        proof = bytes((len(digest),)) + digest + b"d\0"
        response += b"\0" + proof + NATIVE.encode() + b"\0"
        self._change = b"".join(
            (CHANGE_USER, user.encode(), b"\0", proof, b"\x2d\0", NATIVE.encode(), b"\0")
        )
        self.raw.sendall(encoded(response, 1))
        done = self.packet()
        if done is None or done.payload[:1] != b"\0":
            raise RuntimeError(f"no login: {done}")

    def packet(self) -> Answer | None:
        """The next packet; None at the end."""
        while len(self._data) < 4 or len(self._data) < 4 + int.from_bytes(self._data[:3], "little"):
            part = self.raw.recv(1 << 16)
            if not part:
                return None
            self._data += part
        end = 4 + int.from_bytes(self._data[:3], "little")
        found = Answer(self._data[3], self._data[4:end])
        self._data = self._data[end:]
        return found

    def ask(self, sayings: list[tuple[bytes, ...]], size: int, at_once: bool) -> list[Answer]:
        """Say all of it in pieces of a size, then that it is the end; all that is answered.
        Raises Violation if an answer does not follow the protocol."""
        found: list[Answer] = []
        for saying in chain.from_iterable(sayings):
            if not self._may_say(saying, at_once):
                continue
            resolved = saying if at_once else self._resolved(saying)
            self.machine.feed(CLIENT, 0, resolved)
            self._say(encoded(resolved, 0), size)
            while not at_once and not self.machine.idle:
                found.append(self._answer())
        self._say(encoded(QUIT, 0), size)
        while not self.machine.idle:
            found.append(self._answer())
        if self.packet() is not None:
            raise Violation("an answer that nobody asked for")
        return [self._placed(answer) for answer in found]

    def _say(self, data: bytes, size: int) -> None:
        for start in range(0, len(data), size):
            self.raw.sendall(data[start : start + size])

    def _answer(self) -> Answer:
        answer = self.packet()
        if answer is None:
            raise Violation("answers are missing")
        self.machine.feed(SERVER, *answer)
        if answer.payload.startswith(_SWITCH):
            # To the user's own plugin, with something new to prove.
            scramble = answer.payload[len(_SWITCH) :][:20]
            sequence, digest = answer.sequence + 1, digest_native(self._password, scramble)
            self.machine.feed(CLIENT, sequence, digest)
            self.raw.sendall(encoded(digest, sequence))
            return answer._replace(payload=_SWITCH)
        self._prepared += self.machine.statements.keys() - set(self._prepared)
        return answer

    def _may_say(self, saying: bytes, at_once: bool) -> bool:
        """Return False for a change of user behind which more comes at once, which would be taken
        for its proof, and for bulk executions that were not agreed on."""
        if saying[:1] == b"\xfa":
            return bool(self.machine.extended & BULK)
        return saying != CHANGE_USER or not at_once

    def _resolved(self, saying: bytes) -> bytes:
        """A command whose statement has its number, or that has this session's proof."""
        if saying == CHANGE_USER:
            return self._change
        place = int.from_bytes(saying[1:5], "little") - _NOWHERE
        if saying[:1] and saying[0] in _BY_NUMBER and 0 < place <= len(self._prepared):
            number = self._prepared[place - 1]
            return saying[:1] + struct.pack("<I", number) + saying[5:]
        return saying

    def _placed(self, answer: Answer) -> Answer:
        """An answer with places for numbers of statements."""
        payload = answer.payload
        for place, number in enumerate(self._prepared, 1):
            packed = struct.pack("<I", number)
            if len(payload) == 12 and payload[:5] == b"\0" + packed:
                payload = b"\0" + struct.pack("<I", place) + payload[5:]
            elif payload[:1] == b"\xff":
                payload = payload.replace(b"(%d)" % number, b"(place %d)" % place)
        if payload.startswith(_STATISTICS):
            payload = _STATISTICS
        # A proxy answers these itself, in its own words.
        if payload[:3] in _OWN_WORDS:
            payload = payload[:9]
        return answer._replace(payload=payload)


def encoded(payload: bytes, sequence: int) -> bytes:
    """A packet with its header."""
    return len(payload).to_bytes(3, "little") + bytes((sequence,)) + payload


def _read(greeting: bytes) -> tuple[int, bytes]:
    """Capabilities and scramble."""
    at = greeting.index(b"\0") + 1 + 4
    low, high = greeting[at + 9 : at + 11], greeting[at + 14 : at + 16]
    return int.from_bytes(low + high, "little"), greeting[at : at + 8] + greeting[at + 27 : at + 39]


def answers(
    port: int,
    sayings: list[tuple[bytes, ...]],
    *,
    capabilities: tuple[int, int] = (0, 0),
    size: int = 1 << 20,
    at_once: bool = True,
    user: str = "u",
    password: str = "pw",
) -> list[Answer]:
    """All answers to a conversation at a port, which follow the protocol.  Raises Violation if
    they do not."""
    client = Client(port, user, password, *capabilities)
    with client.raw:
        return client.ask(sayings, size, at_once)

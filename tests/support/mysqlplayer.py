"""A client of MySQL or MariaDB that plays steps of a program, and reads what became of each.

It shares no code with what is tested, and needs no answer before it says more.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from tests.support.mysqlaccounts import NATIVE, digest_native
from tests.support.mysqlfields import Reader, Violation, read_column

QUIT, INIT_DB, QUERY, FIELD_LIST, PING = 0x01, 0x02, 0x03, 0x04, 0x0E
CHANGE_USER, PREPARE, EXECUTE, LONG_DATA = 0x11, 0x16, 0x17, 0x18
CLOSE, RESET, SET_OPTION, FETCH, RESET_CONNECTION, BULK = 0x19, 0x1A, 0x1B, 0x1C, 0x1F, 0xFA
#: Commands that no reply answers.
SILENT = frozenset((QUIT, LONG_DATA, CLOSE))
#: Commands about a statement, by its number.
BY_NUMBER = frozenset((EXECUTE, LONG_DATA, CLOSE, RESET, FETCH, BULK))
DEPRECATE_EOF = 0x1000000
#: Places of statements: the one prepared last, and the one that is prepared next, whose number the
#: client guesses.  Others count those of the session, from 1.
LAST, GUESS = -1, -2
#: FOUND_ROWS, CONNECT_WITH_DB, LOCAL_FILES, PROTOCOL_41, TRANSACTIONS, SECURE_CONNECTION, several
#: statements and results, PLUGIN_AUTH; and bulk executions, which MariaDB alone has.
_CAPABILITIES = 0x2 | 0x8 | 0x80 | 0x200 | 0x2000 | 0x8000 | 0x70000 | 0x80000
_BULKS = 4
_MORE, _CURSOR = 0x8, 0x40
_NOWHERE = 0x70000000
_INTEGERS = {0x01: 1, 0x02: 2, 0x0D: 2, 0x03: 4, 0x09: 4, 0x08: 8}
_STRING = b"\xfd\0"
_PATIENCE = 60


class Step(NamedTuple):
    """A command.  ``text`` is that of a query, or what the command has; ``place`` that of a
    statement; ``values`` those of an execution, without the last ones if these were sent ahead;
    ``file`` what is sent if the server asks for one; ``flag`` a cursor's, or another of one
    byte."""

    code: int
    text: bytes = b""
    place: int = 0
    values: tuple[bytes | None, ...] = ()
    file: bytes = b""
    flag: int = 0


class Result(NamedTuple):
    """Part of a reply: ``kind`` is "ok" with the count of rows, "error" with its number, "rows",
    "prepared" with counts of parameters and columns, or "ended" where the session has ended."""

    kind: str
    number: int = 0
    rows: tuple[tuple[bytes | None, ...], ...] = ()
    text: str = ""


Reply = tuple[Result, ...]
#: The reply to what no reply answers.
SAYS_NOTHING: Reply = ()
ENDED: Reply = (Result("ended"),)


class _EndedError(Exception):
    """The server has closed the session."""


class Player:
    """A session that has logged in.  ``reply`` is what came so far of the one that is read."""

    def __init__(
        self, port: int, user: str, password: str, database: bytes, *, more: int = 0
    ) -> None:
        self.is_over = False
        self._socket = socket.create_connection(("127.0.0.1", port), _PATIENCE)
        self._data = b""
        self._password = password.encode()
        self._database = database
        self._eof = not more & DEPRECATE_EOF
        self._sequence = 0
        self._numbers: list[int] = []
        self._columns: dict[int, tuple[int, ...]] = {}
        self._parameters: dict[int, int] = {}
        # Marks of the text prepared last.
        self._marks = 0
        self._proof = b""
        self._log_in(user.encode(), _CAPABILITIES | more)

    def close(self) -> None:
        """End the session, if it has not ended."""
        if not self.is_over:
            self.is_over = True
            try:
                self._socket.sendall(_framed(bytes((QUIT,)), 0))
            except OSError:
                pass
        self._socket.close()

    def play(self, steps: Sequence[Step], skipped: int = 0) -> list[Reply]:
        """Say all steps at once, and return the reply to each.  ``skipped``: so many numbers of
        statements are used up for nothing before the one that is guessed."""
        if self.is_over:
            return [ENDED] * len(steps)
        numbers = []
        said = []
        for step in steps:
            if step.code == PREPARE:
                self._marks = step.text.count(b"?")
            number = self._number(step.place, skipped)
            numbers.append(number)
            said.append(_framed(self._payload(step, number), 0))
        replies: list[Reply] = []
        try:
            self._socket.sendall(b"".join(said))
        except OSError:
            # Its reason may have come.
            pass
        for step, number in zip(steps, numbers, strict=True):
            replies.append(ENDED if self.is_over else self._reply(step, number))
        return replies

    # -- what is said ---------------------------------------------------------------------------

    def _number(self, place: int, more: int) -> int:
        if place == LAST:
            return 0xFFFFFFFF
        if place == GUESS:
            return (self._numbers[-1] if self._numbers else _NOWHERE) + 1 + more
        return self._numbers[place - 1] if 0 < place <= len(self._numbers) else _NOWHERE

    def _payload(self, step: Step, number: int) -> bytes:
        code = bytes((step.code,))
        if step.code == CHANGE_USER:
            proof = bytes((len(self._proof),)) + self._proof
            rest = self._database + b"\0\x2d\0" + NATIVE.encode() + b"\0"
            return code + step.text + b"\0" + proof + rest
        if step.code == SET_OPTION:
            return code + struct.pack("<H", step.flag)
        if step.code not in BY_NUMBER:
            return code + step.text
        head = code + struct.pack("<I", number)
        if step.code == LONG_DATA:
            return head + struct.pack("<H", step.flag) + step.text
        if step.code == FETCH:
            return head + struct.pack("<I", 5)
        if step.code == EXECUTE:
            count = self._parameters.get(number, self._marks)
            return head + struct.pack("<BI", step.flag, 1) + _bound(step.values, count)
        if step.code == BULK:
            count = self._parameters.get(number, self._marks)
            rows = [step.values[at : at + count] for at in range(0, len(step.values), count or 1)]
            cells = [cell for row in rows if len(row) == count for cell in row]
            given = b"".join(b"\1" if one is None else b"\0" + _string(one) for one in cells)
            return head + struct.pack("<H", 0x80) + _STRING * count + given
        return head

    # -- what is answered -----------------------------------------------------------------------

    def _reply(self, step: Step, number: int) -> Reply:
        if step.code in SILENT:
            return SAYS_NOTHING
        self._sequence = 1
        found: list[Result] = []
        try:
            if step.code == PREPARE:
                self._read_prepared(found)
            elif step.code == FETCH:
                self._read_rows(self._columns.get(number, ()), True, found)
            elif step.code == FIELD_LIST:
                self._read_fields(found)
            else:
                self._read_results(step, number, found)
        except (_EndedError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            self.is_over = True
            found.append(Result("ended"))
        return tuple(found)

    def _read_prepared(self, found: list[Result]) -> None:
        first = self._packet()
        if first[:1] == b"\xff":
            found.append(_error(first))
            return
        number, columns, parameters = struct.unpack("<IHH", first[1:9])
        self._skip(parameters)
        self._columns[number] = self._definitions(columns)
        self._parameters[number] = parameters
        self._numbers.append(number)
        found.append(Result("prepared", parameters, text=str(columns)))

    def _read_results(self, step: Step, number: int, found: list[Result]) -> None:
        is_binary = step.code in (EXECUTE, BULK)
        more = _MORE
        while more & _MORE:
            first = self._packet()
            kind = first[:1]
            if kind == b"\xfe" and step.code == CHANGE_USER:
                scramble = first[first.index(b"\0") + 1 :][:20]
                self._say(digest_native(self._password, scramble))
                continue
            if kind == b"\xfb":
                self._say(step.file)
                self._say(b"")
                continue
            if kind == b"\xff":
                found.append(_error(first))
                return
            if kind == b"\0" or (kind == b"\xfe" and len(first) < 9):
                rows, more = _ok(first)
                found.append(Result("ok", rows))
                continue
            columns = self._types(Reader(first).length())
            self._columns[number] = columns
            if self._eof:
                behind = self._packet()
                if behind[:1] == b"\xff":
                    found.append(_error(behind))
                    return
                more = struct.unpack("<H", behind[3:5])[0]
                if is_binary and step.flag & 1 and more & (_CURSOR | _MORE) == _CURSOR:
                    found.append(Result("rows"))
                    return
            more = self._read_rows(columns, is_binary, found)

    def _read_rows(self, columns: tuple[int, ...], is_binary: bool, found: list[Result]) -> int:
        """Read rows up to their end; return the status that is told there."""
        rows = []
        while True:
            packet = self._packet()
            if packet[:1] == b"\xff":
                found += [Result("rows", rows=tuple(rows))] if rows else []
                found.append(_error(packet))
                return 0
            if packet[:1] == b"\xfe" and len(packet) < (9 if self._eof else 0xFFFFFF):
                found.append(Result("rows", rows=tuple(rows)))
                return struct.unpack("<H", packet[3:5])[0] if self._eof else _ok(packet)[1]
            rows.append(_binary(packet, columns) if is_binary else _cells(packet, len(columns)))

    def _read_fields(self, found: list[Result]) -> None:
        count = 0
        while True:
            packet = self._packet()
            if packet[:1] == b"\xff":
                found.append(_error(packet))
                return
            if packet[:1] == b"\xfe" and len(packet) < 9:
                found.append(Result("ok", count))
                return
            count += 1

    def _definitions(self, count: int) -> tuple[int, ...]:
        found = self._types(count)
        if count and self._eof:
            self._packet()
        return found

    def _types(self, count: int) -> tuple[int, ...]:
        return tuple(read_column(self._packet(), False) for _ in range(count))

    def _skip(self, count: int) -> None:
        self._definitions(count)

    # -- packets ----------------------------------------------------------------------------------

    def _log_in(self, user: bytes, capabilities: int) -> None:
        greeting = self._packet()
        at = greeting.index(b"\0") + 1 + 4
        scramble = greeting[at : at + 8] + greeting[at + 27 : at + 39]
        self._proof = digest_native(self._password, scramble)
        head = struct.pack("<IIB19xI", capabilities, 1 << 30, 45, _BULKS)
        proof = bytes((len(self._proof),)) + self._proof
        rest = self._database + b"\0" + NATIVE.encode() + b"\0"
        self._say(head + user + b"\0" + proof + rest)
        done = self._packet()
        if done[:1] != b"\0":
            raise RuntimeError(f"no login: {done!r}")

    def _say(self, payload: bytes) -> None:
        self._socket.sendall(_framed(payload, self._sequence))
        self._sequence = (self._sequence + 1) % 256

    def _packet(self) -> bytes:
        """The payload of the next packet, whose number must be the next."""
        head = self._take(4)
        if head[3] != self._sequence:
            raise Violation(f"number {head[3]} instead of {self._sequence}")
        self._sequence = (self._sequence + 1) % 256
        return self._take(int.from_bytes(head[:3], "little"))

    def _take(self, size: int) -> bytes:
        while len(self._data) < size:
            part = self._socket.recv(1 << 16)
            if not part:
                raise _EndedError
            self._data += part
        found, self._data = self._data[:size], self._data[size:]
        return found


def _framed(payload: bytes, sequence: int) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes((sequence,)) + payload


def _string(value: bytes) -> bytes:
    if len(value) < 0xFB:
        return bytes((len(value),)) + value
    return b"\xfc" + struct.pack("<H", len(value)) + value


def _bound(values: Sequence[bytes | None], count: int) -> bytes:
    """So many values with their types, all strings; those that are not there came before."""
    if not count:
        return b""
    nulls = sum(1 << at for at, one in enumerate(values[:count]) if one is None)
    given = b"".join(_string(one) for one in values[:count] if one is not None)
    return nulls.to_bytes((count + 7) // 8, "little") + b"\1" + _STRING * count + given


def _error(packet: bytes) -> Result:
    text = packet[9:] if packet[3:4] == b"#" else packet[3:]
    return Result(
        "error", struct.unpack("<H", packet[1:3])[0], text=text.decode("utf-8", "replace")
    )


def _ok(packet: bytes) -> tuple[int, int]:
    """The count of rows, and the status."""
    read = Reader(packet)
    read.take(1)
    rows = read.length()
    read.length()
    return rows, read.int(2)


def _cells(packet: bytes, count: int) -> tuple[bytes | None, ...]:
    read = Reader(packet)
    found: list[bytes | None] = []
    for _ in range(count):
        if packet[read.at : read.at + 1] == b"\xfb":
            read.take(1)
            found.append(None)
        else:
            found.append(read.string())
    read.end()
    return tuple(found)


def _binary(packet: bytes, columns: tuple[int, ...]) -> tuple[bytes | None, ...]:
    """Cells of a binary row, as the text form has them."""
    read = Reader(packet)
    read.take(1)
    nulls = int.from_bytes(read.take((len(columns) + 9) // 8), "little") >> 2
    found: list[bytes | None] = []
    for at, kind in enumerate(columns):
        if nulls >> at & 1:
            found.append(None)
        elif kind in _INTEGERS:
            number = int.from_bytes(read.take(_INTEGERS[kind]), "little", signed=True)
            found.append(b"%d" % number)
        else:
            found.append(read.string())
    read.end()
    return tuple(found)

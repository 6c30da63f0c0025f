"""The protocol of MySQL and MariaDB as a strict machine, for tests: it takes what both sides say.

Every packet must be one that is due, have the right number, and be understood to its last byte.
It shares no code with what it tests.  Each reply is a generator that says whose packet is due.
"""

from __future__ import annotations

from collections import deque

from tests.support.mysqlfields import (
    Reader,
    Violation,
    read_change_user,
    read_column,
    read_eof,
    read_error,
    read_greeting,
    read_ok,
    read_response,
    read_types,
    read_value,
    read_values,
)

CLIENT, SERVER = "C", "S"

SSL, TRACK, DEPRECATE_EOF = 0x800, 0x800000, 0x1000000
OPTIONAL_METADATA, QUERY_ATTRIBUTES = 0x2000000, 0x8000000
PROGRESS, EXTENDED_METADATA, CACHE_METADATA = 1, 8, 16
MORE, CURSOR = 0x8, 0x40
LAST = 0xFFFFFFFF
_SHORT = {2: 1, 0x0C: 5, 0x17: 10, 0x18: 7, 0x19: 5, 0x1A: 5, 0x1B: 3, 0x1C: 9, 0xFA: 7}


class Statement:
    """A prepared statement; ``parameters`` is None until it is there."""

    def __init__(self):
        self.parameters = None
        self.columns = ()
        self.types = None
        self.long = set()


class Reply:
    """The packets that are due for one command, beginning with the server's: see `take`."""

    def __init__(self, grammar, sequence=1):
        self.grammar = grammar
        self.sequence = sequence
        self.due = SERVER
        self._begun = False

    def take(self, payload):
        """Take one packet.  Raises StopIteration behind the last."""
        if not self._begun:
            # Now, when all that was before it is answered.
            self._begun = True
            next(self.grammar)
        self.due = self.grammar.send(payload)


class Machine:
    """Feed it packets in the order of a conversation; see `idle` at its end."""

    def __init__(self, capabilities, extended=0, *, logged_in=True, one_leg=True):
        self.capabilities, self.extended = capabilities, extended
        self.statements = {}
        self.last = Statement()
        self.replies = deque()
        self.closed = False
        self.numbered = logged_in or one_leg
        if not logged_in:
            self.replies.append(Reply(self._login(), 0))

    @property
    def idle(self):
        """True if nothing is due."""
        return not self.replies

    def feed(self, leg, sequence, payload):
        """Take one packet.  Raises Violation."""
        if self.closed:
            raise Violation("the session is over")
        head = self.replies[0] if self.replies else None
        if head is not None and head.due == leg:
            if self.numbered and sequence != head.sequence:
                raise Violation(f"number {sequence} instead of {head.sequence}")
            head.sequence = (sequence + 1) % 256
            if leg == SERVER and self.extended & PROGRESS and payload[:3] == b"\xff\xff\xff":
                return
            try:
                head.take(payload)
            except StopIteration:
                self.replies.popleft()
                self.numbered = True
        elif leg == CLIENT and self.numbered:
            self._command(sequence, payload)
        else:
            raise Violation(f"nothing is due of {leg}: {payload[:40].hex()}")

    # -- login ------------------------------------------------------------------------------------

    def _login(self):
        first = yield SERVER
        if first[:1] == b"\xff":
            self.closed = True
            return
        read_greeting(first)
        response = yield CLIENT
        if int.from_bytes(response[:4], "little") & SSL:
            if len(response) != 32:
                raise Violation("a request for TLS has 32 bytes")
            response, request = (yield CLIENT), response
            if response[:32] != request:
                raise Violation("the response begins otherwise than the request")
        read_response(response)
        yield from self._authentication()

    def _authentication(self):
        while True:
            said = yield SERVER
            kind = said[:1]
            if kind == b"\0":
                read_ok(said, bool(self.capabilities & TRACK))
                return
            if kind == b"\xff":
                read_error(said)
                return
            if kind not in (b"\x01", b"\x02", b"\xfe"):
                raise Violation(f"not of authentication: {said[:40].hex()}")
            if said != b"\x01\x03":
                yield CLIENT

    # -- commands ---------------------------------------------------------------------------------

    def _command(self, sequence, payload):
        if sequence:
            self.replies.append(Reply(self._one(b"\xff"), 0))
            return
        if len(payload) < _SHORT.get(payload[0] if payload else 0, 0):
            raise Violation(f"a short command: {payload.hex()}")
        code = payload[:1]
        if code == b"\x01":
            self.closed = True
        elif code == b"\x03":
            self._query(payload)
            self.replies.append(Reply(self._result(None)))
        elif code == b"\x0a":
            self.replies.append(Reply(self._result(None)))
        elif code == b"\x04":
            self.replies.append(Reply(self._fields()))
        elif code == b"\x09":
            self.replies.append(Reply(self._one(None)))
        elif code == b"\x11":
            read_change_user(payload)
            self.replies.append(Reply(self._changing()))
        elif code == b"\x16":
            self.last = Statement()
            self.replies.append(Reply(self._prepare(self.last)))
        elif code in (b"\x17", b"\xfa"):
            statement = self._statement(payload)
            long, statement.long = statement.long, set()
            read = self._parameters if code == b"\x17" else self._bulk
            self.replies.append(
                Reply(self._executed(statement, payload, lambda: read(payload, statement, long)))
            )
        elif code == b"\x18":
            self._statement(payload).long.add(int.from_bytes(payload[5:7], "little"))
        elif code == b"\x19":
            self.statements.pop(int.from_bytes(payload[1:5], "little"), None)
        elif code == b"\x1a":
            self._statement(payload).long.clear()
            self.replies.append(Reply(self._one(b"\0\xff")))
        elif code == b"\x1b":
            self.replies.append(Reply(self._one(b"\xfe\xff")))
        elif code == b"\x1c":
            self.replies.append(Reply(self._fetch(self._statement(payload))))
        elif code == b"\x1f":
            self.replies.append(Reply(self._changing()))
        else:
            self.replies.append(Reply(self._one(b"\0\xff\xfe")))

    def _statement(self, payload):
        number = int.from_bytes(payload[1:5], "little")
        if number == LAST:
            return self.last
        return self.statements.get(number, Statement())

    def _query(self, payload):
        if self.capabilities & QUERY_ATTRIBUTES:
            read = Reader(payload)
            read.take(1)
            count, sets = read.length(), read.length()
            if sets != 1:
                raise Violation(f"{sets} sets of attributes")
            if count:
                nulls = read.take((count + 7) // 8)
                types = read_types(read, count, read.int(1), named=True)
                read_values(read, types, nulls)

    def _parameters(self, payload, statement, long):
        read = Reader(payload)
        read.take(5)
        flags, iterations = read.int(1), read.int(4)
        if iterations != 1:
            raise Violation(f"{iterations} iterations")
        count, named = statement.parameters, bool(self.capabilities & QUERY_ATTRIBUTES)
        if named and (count or flags & 8):
            count = read.length()
        if count:
            nulls = read.take((count + 7) // 8)
            new = read.int(1)
            if new:
                statement.types = read_types(read, count, new, named)
            if statement.types is None and not named:
                raise Violation("no types were ever said")
            types = (statement.types or ())[: count if new else statement.parameters]
            read_values(read, types, nulls, long=long)
        read.end()

    def _bulk(self, payload, statement, long):
        read = Reader(payload)
        read.take(5)
        if read.int(2) & 0x80:
            statement.types = read_types(read, statement.parameters, 1, named=False)
        while read.left():
            for kind in statement.types:
                indicator = read.int(1)
                if indicator > 3:
                    raise Violation(f"indicator {indicator}")
                if not indicator:
                    read_value(read, kind)

    # -- replies ----------------------------------------------------------------------------------

    def _one(self, kinds):
        said = yield SERVER
        if kinds is not None:
            if said[:1] not in [bytes((kind,)) for kind in kinds]:
                raise Violation(f"not a reply of one packet: {said[:40].hex()}")
            self._last(said)

    def _last(self, said):
        """The status of a packet that ends something; 0 of an error."""
        if said[:1] == b"\xff":
            read_error(said)
            return 0
        if said[:1] == b"\xfe" and not self.capabilities & DEPRECATE_EOF:
            return read_eof(said)
        return read_ok(said, bool(self.capabilities & TRACK))

    def _changing(self):
        said = yield SERVER
        while said[:1] in (b"\xfe", b"\x01"):
            if said != b"\x01\x03":
                yield CLIENT
            said = yield SERVER
        self._last(said)
        if said[:1] == b"\0":
            self.statements, self.last = {}, Statement()

    def _executed(self, statement, payload, read):
        if statement.parameters is not None:
            read()
            opens = payload[0] == 0x17 and payload[5] & 1
            yield from self._result(statement, opens)
        else:
            yield from self._one(b"\xff")

    def _result(self, statement, opens=False):
        status = MORE
        while status & MORE:
            first = yield SERVER
            kind = first[:1]
            if kind == b"\xfb" and statement is None:
                while (yield CLIENT):
                    pass
                first = yield SERVER
                kind = first[:1]
            if kind in (b"\0", b"\xff"):
                status = self._last(first)
            else:
                status = yield from self._rows_of(first, statement, opens)

    def _rows_of(self, first, statement, opens):
        read = Reader(first)
        count = read.length()
        if not 0 < count <= 4096:
            raise Violation(f"{count} columns")
        follow = True
        if self.extended & CACHE_METADATA or self.capabilities & OPTIONAL_METADATA:
            follow = read.int(1)
        read.end()
        if follow:
            columns = yield from self._columns(count)
        else:
            columns = statement.columns
            if len(columns) != count:
                raise Violation("columns that were not kept")
        if statement is not None:
            statement.columns = columns
        if not self.capabilities & DEPRECATE_EOF:
            behind = yield SERVER
            if behind[:1] == b"\xff":
                # A cursor's rows are worked out before it is open.
                return self._last(behind)
            # Within a procedure the flag is about a cursor of its own.
            if opens and read_eof(behind) & (CURSOR | MORE) == CURSOR:
                return 0
        return (yield from self._rows(columns, binary=statement is not None))

    def _rows(self, columns, binary):
        limit = 0xFFFFFF if self.capabilities & DEPRECATE_EOF else 9
        while True:
            row = yield SERVER
            if row[:1] == b"\xff" or (row[:1] == b"\xfe" and len(row) < limit):
                return self._last(row)
            read = Reader(row)
            if binary:
                if read.int(1):
                    raise Violation("a binary row begins with zero")
                nulls = read.take((len(columns) + 9) // 8)
                read_values(read, columns, nulls, 2)
            else:
                for _ in columns:
                    if row[read.at : read.at + 1] == b"\xfb":
                        read.take(1)
                    else:
                        read.string()
            read.end()

    def _columns(self, count):
        types, extended = [], bool(self.extended & EXTENDED_METADATA)
        for _ in range(count):
            types.append(read_column((yield SERVER), extended))
        return types

    def _fields(self):
        while True:
            said = yield SERVER
            if said[:1] == b"\xff" or (said[:1] == b"\xfe" and len(said) < 9):
                self._last(said)
                return
            read_column(said, bool(self.extended & EXTENDED_METADATA), default=True)

    def _prepare(self, statement):
        said = yield SERVER
        if said[:1] == b"\xff":
            read_error(said)
            return
        read = Reader(said)
        if read.int(1):
            raise Violation("neither OK nor an error")
        number, columns, parameters = read.int(4), read.int(2), read.int(2)
        read.take(1 + 2)
        if self.capabilities & OPTIONAL_METADATA:
            read.take(1)
        read.end()
        for count in (parameters, columns):
            if count:
                statement.columns = yield from self._columns(count)
                if not self.capabilities & DEPRECATE_EOF:
                    read_eof((yield SERVER))
        statement.columns = statement.columns if columns else ()
        statement.parameters = parameters
        self.statements[number] = statement

    def _fetch(self, statement):
        if statement.parameters is None:
            yield from self._one(b"\xff")
        else:
            yield from self._rows(statement.columns, binary=True)

"""The protocol of a connection of the service's own to MySQL or MariaDB: login, then one question
after another, each with one result.

Nothing of a client's reaches such a connection.  The machine has no socket: it is fed what the
server sends, and returns actions (``queryactions.py``).
"""

from __future__ import annotations

from typing import Final

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IServiceQuery
from acra_twisted.dialects.mysql.servicelogin import Account, ServiceLogin, refusal
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.loginactions import DATABASE
from acra_twisted.queryactions import Answered, LoggedIn, QueryAction, Refused, Send
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.mysql import lenenc
from acra_twisted.wire.mysql.frames import Assembler, following, out_of_order, packets
from acra_twisted.wire.mysql.okpackets import (
    EOF,
    EOF_BELOW,
    ERR,
    LOCAL_FILE,
    MORE_RESULTS,
    OK,
    decode_eof,
    decode_error,
    decode_ok,
)
from acra_twisted.wire.mysql.parameters import Query, encode_query
from acra_twisted.wire.mysql.resultrows import split_text

#: Statements before the first question: names and literals are read as they are sent, whatever
#: character set the server gives to clients.
_OPENING: Final = (b"SET NAMES utf8mb4",)
#: Columns of a result; a server has no more.
_COLUMNS: Final = 4096

# How far an answer has come: each waits for what its name says.
_NOTHING: Final = 0
_HEAD: Final = 1
_DEFINITIONS: Final = 2
_ROWS: Final = 3
#: Reasons of errors of a question, by their numbers.
_REMEDIES: Final = {
    1044: "the user lacks a right",
    1064: "it does not understand the question",
    1048: "a value is missing",
    1054: "there is no such column",
    1062: "there is such a row already",
    1142: "the user lacks a right",
    1143: "the user lacks a right",
    1146: "there is no such table",
    1153: "a value is longer than its max_allowed_packet",
    1205: "somebody else held a lock for too long",
    1213: "somebody else held a lock",
    1227: "the user lacks a right",
    1264: "a number is out of the range of its column",
    1290: "it is switched to reading only",
    1406: "a value is longer than its column",
    1969: "it took longer than the database allows",
    3024: "it took longer than the database allows",
    3819: "a CHECK does not admit a value",
    4025: "a CHECK does not admit a value",
}


class ServiceQuery:
    """See `dialectinterfaces.IServiceQuery`; the questions are texts of SQL."""

    plain = True

    def __init__(self, account: Account) -> None:
        self._account = account
        self._login: ServiceLogin | None = ServiceLogin(account)
        # What is to be sent before the connection is ready.
        self._opening = [*_OPENING]
        self._buffer = ChunkBuffer()
        self._assembler = Assembler(DATABASE, self._buffer, account.size)
        self._stage = _NOTHING
        self._due = 0
        # Of the answer that comes: columns, and definitions that are still to come.
        self._columns = self._undefined = 0
        self._rows: list[tuple[bytes | None, ...]] = []
        self._size = 0

    @property
    def problem(self) -> str:
        """See IServiceQuery."""
        return "" if self._login is None else self._login.problem

    def begin(self, encrypted: bool, end_point: bytes | None) -> list[QueryAction]:
        """See IServiceQuery: the server speaks first."""
        return []

    def tls_started(self) -> list[QueryAction]:
        """See IServiceQuery."""
        return [] if self._login is None else self._login.tls_started()

    def derived(self, key: bytes) -> list[QueryAction]:
        """See IServiceQuery: no key is derived."""
        raise HandshakeError("a key was derived for no login")

    def ask(self, value: bytes) -> list[QueryAction]:
        """See IServiceQuery."""
        if self._login is not None or self._opening or self._stage != _NOTHING:
            raise HandshakeError("a question before its time")
        return self._ask(value or self._account.statement)

    def _ask(self, statement: bytes) -> list[QueryAction]:
        self._stage = _HEAD
        self._rows, self._size = [], 0
        question = encode_query(Query(statement), with_attributes=False)
        self._due = following(0, len(question))
        return [Send(packets(question, 0))]

    def feed(self, data: bytes) -> list[QueryAction]:
        """See IServiceQuery."""
        if self._login is not None:
            actions = self._login.feed(data)
            if self._login.over:
                self._login = None
                # Not yet logged in: the last one says it.
                return [*actions[:-1], *self._ask(self._opening[0])]
            return actions
        self._buffer.feed(data)
        actions = []
        while (packet := self._assembler.take()) is not None:
            if self._stage == _NOTHING:
                raise WireError(DATABASE, "it speaks and was not asked")
            if packet.sequence != self._due:
                raise out_of_order(DATABASE)
            self._due = packet.following
            if not packet.payload:
                raise WireError(DATABASE, "an empty packet in an answer")
            actions += self._read(packet.payload)
        self._assembler.wait()
        return actions

    def _read(self, payload: bytes) -> list[QueryAction]:
        first = payload[0]
        if first == ERR:
            return self._end(_refused(payload))
        if self._stage == _HEAD:
            return self._head(payload)
        if self._undefined:
            self._undefined -= 1
            return []
        if first == EOF and len(payload) < EOF_BELOW:
            _, status = decode_eof(payload)
            if self._stage == _DEFINITIONS:
                self._stage = _ROWS
                return []
            return self._answered(status)
        if self._stage == _DEFINITIONS:
            raise WireError(DATABASE, "a result with more columns than it has said")
        self._row(payload)
        return []

    def _head(self, payload: bytes) -> list[QueryAction]:
        """Take the first packet of an answer."""
        first = payload[0]
        if first == OK:
            return self._answered(decode_ok(payload).status)
        if first == LOCAL_FILE:
            raise WireError(DATABASE, "it asks for a file of this host")
        self._columns, at = lenenc.read_int(payload, 0, DATABASE)
        if at != len(payload) or not 0 < self._columns <= _COLUMNS:
            raise WireError(DATABASE, "an answer that is none")
        self._undefined = self._columns
        self._stage = _DEFINITIONS
        return []

    def _row(self, payload: bytes) -> None:
        self._size += len(payload)
        if len(self._rows) >= self._account.rows or self._size > self._account.size:
            raise HandshakeError(
                f"its answer is longer than {self._account.rows} rows or {self._account.size} "
                "bytes; ask for fewer rows at a time"
            )
        self._rows.append(tuple(split_text(payload, 0, len(payload), self._columns)))

    def _answered(self, status: int) -> list[QueryAction]:
        if status & MORE_RESULTS:
            raise WireError(DATABASE, "more results than were asked for")
        return self._end(Answered(tuple(self._rows)))

    def _end(self, action: QueryAction) -> list[QueryAction]:
        self._stage = _NOTHING
        self._undefined = 0
        self._rows = []
        if not self._opening:
            return [action]
        if isinstance(action, Refused):
            raise HandshakeError(action.reason)
        del self._opening[0]
        return self._ask(self._opening[0]) if self._opening else [LoggedIn()]


classImplements(ServiceQuery, IServiceQuery)


def _refused(payload: bytes) -> Refused:
    number = decode_error(payload).number
    return Refused(refusal(number, _REMEDIES), str(number))

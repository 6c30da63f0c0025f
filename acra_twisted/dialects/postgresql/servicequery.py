"""The protocol of a connection of the service's own: login, then one query with one parameter.

Nothing of a client's reaches such a connection.  The machine has no socket: it is fed what the
database sends, and returns actions (``queryactions.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from zope.interface import implementer

from acra_twisted.dialectinterfaces import IServiceQuery
from acra_twisted.dialects.postgresql.rows import DataRows
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.queryactions import (
    AUTH_QUERY,
    Answered,
    Derive,
    LoggedIn,
    Names,
    QueryAction,
    Refused,
    Send,
)
from acra_twisted.results import Columns
from acra_twisted.wire import scram
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend, frames, frontend
from acra_twisted.wire.postgres.frames import StartupPacket, check_length, header, message

#: Bytes of a message that the database may send, with its length.
LIMIT: Final = 16 * 1024
#: Iterations that a password's key may need: half a second of CPU.
ITERATIONS_MAX: Final = 1_000_000
#: No kind of Authentication message: the next one answers what has not been sent yet.
_NO_METHOD: Final = -1
_NAME_OID: Final = 19
_NOT_A_NAME: Final = frozenset((b"22021", b"22P05"))
#: What is to be done about errors at login, and about errors of the query, by SQLSTATE: with the
#: fields of `queryactions.Names`.
_REMEDIES: Final = {
    b"28P01": "the password in {password} is not that of {user}",
    b"28000": "there must be the role of {user}, and pg_hba.conf must admit it from this host, by "
    "scram-sha-256",
    b"3D000": "there is no database of the name in {database}",
    b"42501": "{user} may not run {question}{help}",
    b"42883": "the function in {question} does not exist{help}",
    b"3F000": "the schema in {question} does not exist{help}",
    b"42P01": "the table in {question} does not exist{help}",
    b"42601": "{question} has a mistake in its syntax",
    b"08P01": "{question} must have one parameter, $1, and no other",
    b"57014": "the database took longer than {limit}",
    b"53300": "the database has no connection left for {user}",
}


class Account(NamedTuple):
    """The role that asks, and its question.

    ``database``: empty for that of the role's name.  ``password``: empty if the role proves itself
    by the certificate of the TLS connection.  ``statement`` has one parameter and two columns.
    ``timeout`` is in seconds; the database enforces it, too.  ``binding`` is the option
    ``db_channel_binding``.  ``rows`` is the number of rows that an answer may have.  ``names`` are
    for messages.
    """

    user: bytes
    statement: bytes
    password: bytes = b""
    database: bytes = b""
    timeout: float = 2.0
    binding: str = "prefer"
    rows: int = 1
    names: Names = AUTH_QUERY


@implementer(IServiceQuery)
class ServiceQuery:
    """See `dialectinterfaces.IServiceQuery`.  ``nonce`` is a new random text of printable ASCII."""

    plain = False
    #: See IServiceQuery: a login that cannot go on ends at once.
    problem = ""

    def __init__(self, account: Account, nonce: bytes) -> None:
        self._account = account
        self._nonce = nonce
        self._buffer = ChunkBuffer()
        self._encrypted = False
        self._end_point: bytes | None = None
        self._proof: scram.ClientConversation | None = None
        #: The next kind of Authentication message, besides AuthenticationOk.
        self._awaited = backend.AUTH_SASL
        self._is_proven = False
        self._handle: Callable[[int, bytes], list[QueryAction]] = self._in_login
        self._expected = b""
        self._columns = Columns([], [], [], [])
        self._rows: list[tuple[bytes | None, bytes | None]] = []
        self._refused = ""

    def begin(self, encrypted: bool, end_point: bytes | None) -> list[QueryAction]:
        """See IServiceQuery."""
        self._encrypted, self._end_point = encrypted, end_point
        account = self._account
        parameters = {b"user": account.user}
        if account.database:
            parameters[b"database"] = account.database
        parameters |= {
            b"application_name": b"acra-auth",
            b"search_path": b"",
            b"statement_timeout": b"%d" % max(1, round(account.timeout * 1000)),
        }
        return [Send(StartupPacket(0, parameters).encode())]

    def feed(self, data: bytes) -> list[QueryAction]:
        """See IServiceQuery."""
        buffer = self._buffer
        buffer.feed(data)
        actions: list[QueryAction] = []
        while len(buffer) >= 5 and not buffer.held:
            kind, length = header(buffer.data, buffer.position)
            check_length("database", kind, length, LIMIT)
            if len(buffer) <= length:
                buffer.wait_for(length + 1)
                break
            start = buffer.position + 5
            buffer.position += length + 1
            try:
                actions += self._handle(kind, buffer.data[start : buffer.position])
            except scram.ScramError as error:
                user = self._account.names.user
                raise HandshakeError(f"the login of {user} failed: {error}") from None
        return actions

    def derived(self, key: bytes) -> list[QueryAction]:
        """See IServiceQuery."""
        if self._proof is None:
            raise HandshakeError("a key was derived for no login")
        self._awaited = backend.AUTH_SASL_FINAL
        return [Send(message(b"p", self._proof.answer(scram.keys_of(key))))]

    def tls_started(self) -> list[QueryAction]:
        """See IServiceQuery: TLS is there before the login begins."""
        raise HandshakeError("TLS that nobody has asked for")

    def ask(self, value: bytes) -> list[QueryAction]:
        """See IServiceQuery."""
        self._handle, self._expected = self._in_answer, b"12T"
        self._rows, self._refused = [], ""
        types = struct.pack(">HI", 1, _NAME_OID)
        return [
            Send(
                frontend.encode_parse(frontend.Parse(b"", self._account.statement, types))
                + frontend.encode_bind(frontend.Bind(b"", b"", [0], [value], b"\0\0"))
                + message(b"D", b"P\0")
                + frontend.encode_execute(b"")
                + frontend.SYNC
            )
        ]

    # -- login ------------------------------------------------------------------------------------

    def _in_login(self, kind: int, body: bytes) -> list[QueryAction]:
        if kind == frames.AUTHENTICATION:
            return self._authentication(backend.authentication_kind(body), body)
        if kind == frames.ERROR_RESPONSE:
            raise HandshakeError(self._reason(body))
        if kind != frames.NOTICE:
            raise _unexpected(kind)
        return []

    def _authentication(self, method: int, body: bytes) -> list[QueryAction]:
        names = self._account.names
        if method == backend.AUTH_OK:
            if self._proof is not None and not self._is_proven:
                raise HandshakeError(
                    f"the database has not proven that it knows the password of {names.user}"
                )
            if self._proof is None and self._account.binding == "require":
                raise HandshakeError(
                    "the database asks for no proof, and db_channel_binding requires a bound one"
                )
            self._handle = self._in_start
            return []
        if method != self._awaited:
            raise HandshakeError(
                f"the database asks for a password of kind {method}; its pg_hba.conf must say "
                f"scram-sha-256 for {names.user}"
            )
        if self._proof is None:
            self._awaited = backend.AUTH_SASL_CONTINUE
            return self._first(backend.sasl_mechanisms(body))
        if method == backend.AUTH_SASL_FINAL:
            self._awaited = backend.AUTH_OK
            self._is_proven = self._proof.accepted(body[4:])
            return []
        self._awaited = _NO_METHOD
        salt, iterations = self._proof.challenged(body[4:])
        if iterations > ITERATIONS_MAX:
            raise HandshakeError(
                f"the database wants {iterations} iterations, the limit is {ITERATIONS_MAX}"
            )
        return [Derive(self._account.password, salt, iterations)]

    def _first(self, offered: list[bytes]) -> list[QueryAction]:
        if not self._account.password:
            names = self._account.names
            raise HandshakeError(
                f"the database asks for a password; give {names.password}, or have its "
                f"pg_hba.conf say cert for {names.user}"
            )
        choice = scram.choose(offered, self._encrypted, self._end_point, self._account.binding)
        self._proof = scram.ClientConversation(choice, self._nonce)
        return [Send(frontend.encode_sasl_initial(choice.mechanism, self._proof.first))]

    def _in_start(self, kind: int, body: bytes) -> list[QueryAction]:
        """Take what comes between AuthenticationOk and the first ReadyForQuery."""
        if kind == frames.READY_FOR_QUERY:
            self._handle = self._idle
            return [LoggedIn()]
        if kind != frames.BACKEND_KEY_DATA:
            self._aside(kind, body)
        return []

    # -- questions --------------------------------------------------------------------------------

    def _idle(self, kind: int, body: bytes) -> list[QueryAction]:
        self._aside(kind, body)
        return []

    def _in_answer(self, kind: int, body: bytes) -> list[QueryAction]:
        if self._expected and kind == self._expected[0]:
            self._expected = self._expected[1:] or b"DC"
            if kind == frames.ROW_DESCRIPTION:
                self._describe(body)
            elif kind == frames.DATA_ROW:
                self._expected = b"DC"
                self._row(body)
        elif kind == frames.COMMAND_COMPLETE and self._expected == b"DC":
            self._expected = b""
        elif kind == frames.ERROR_RESPONSE:
            fields = backend.decode_error(body)
            if fields.get("C") not in _NOT_A_NAME:
                self._refused = self._reason(body)
            self._expected = b""
        elif kind == frames.READY_FOR_QUERY and not self._expected:
            self._handle = self._idle
            return [Refused(self._refused) if self._refused else Answered(tuple(self._rows))]
        else:
            self._aside(kind, body)
        return []

    def _describe(self, body: bytes) -> None:
        columns = self._columns = backend.decode_row_description(body)
        if len(columns) != 2 or any(columns.formats):
            self._refused = (
                f"{self._account.names.question} gives {len(columns)} columns; it must give name "
                "and secret"
            )

    def _row(self, body: bytes) -> None:
        if self._refused:
            return
        if len(self._rows) >= self._account.rows:
            question = self._account.names.question
            self._refused = f"{question} gives more than one row for a name"
            return
        if body[:2] != b"\0\2":
            raise WireError("database", "DataRow has another number of values than columns")
        name, secret = DataRows(message(b"D", body), self._columns).cells(0)
        self._rows.append((name, secret))

    def _aside(self, kind: int, body: bytes) -> None:
        """Pass over what may come at any time.  Raises HandshakeError, WireError."""
        if kind == frames.ERROR_RESPONSE:
            raise HandshakeError(self._reason(body))
        if kind not in (frames.NOTICE, frames.PARAMETER_STATUS, frames.NOTIFICATION):
            raise _unexpected(kind)

    def _reason(self, body: bytes) -> str:
        """Return the SQLSTATE of an ErrorResponse and a remedy, for the operator: its text may
        quote values."""
        sqlstate = backend.decode_error(body).get("C", b"")
        known = len(sqlstate) == 5 and sqlstate.isalnum()
        shown = sqlstate.decode("ascii", "replace") if known else "an error"
        remedy = _REMEDIES.get(sqlstate, "the database's log says why")
        return f"the database says {shown}: {remedy.format(**self._account.names._asdict())}"


def _unexpected(kind: int) -> WireError:
    return WireError("database", f"message {chr(kind)!r} at a place where none is expected")

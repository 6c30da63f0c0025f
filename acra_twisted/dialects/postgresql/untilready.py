"""From the startup packet to the first ReadyForQuery: how a session gets ready.

The client sends nothing but answers to the database's authentication.  It may send requests behind
its startup packet without waiting, as PostgreSQL allows: they wait here, and become the flows'.
The database sends authentication, settings, notices, its cancel key and perhaps an error.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.authentication import Mediated, Mediator, tell_refusal
from acra_twisted.dialects.postgresql.contextsettings import note_parameter
from acra_twisted.dialects.postgresql.propagation import SERVER_NAME, SERVER_VALUE
from acra_twisted.dialects.postgresql.rows import CopyRows
from acra_twisted.dialects.postgresql.values import ANYTHING
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import MESSAGES, Work, take_reply
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    UNKNOWN_SERVER,
    Action,
    Ask,
    Cancellable,
    Carry,
    Copy,
    Fail,
    Ready,
    Unproven,
    Write,
)
from acra_twisted.session import IDLE, Session
from acra_twisted.verdicts import Deny
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend, frames

#: The requests that may come before their time.
_REQUESTS: Final = frozenset(
    (
        frames.QUERY,
        frames.PARSE,
        frames.BIND,
        frames.DESCRIBE,
        frames.EXECUTE,
        frames.CLOSE,
        frames.SYNC,
        frames.FLUSH,
        frames.FUNCTION_CALL,
    )
)
#: All else that a client says before its session is ready.
_LOGIN: Final = frozenset((frames.PASSWORD, frames.TERMINATE))
#: All that a database says before it has let the client in.
_UNTIL_ADMITTED: Final = frozenset(
    (frames.AUTHENTICATION, frames.NEGOTIATE_VERSION, frames.ERROR_RESPONSE)
)
#: The texts that stages judge: they may hold something out of a table.
_TEXTS: Final = frozenset(
    (frames.NOTICE, frames.NOTIFICATION, frames.PARAMETER_STATUS, frames.ERROR_RESPONSE)
)


class UntilReady:
    """One session, whose startup is the head of its queue of replies; sans-IO.

    ``flows`` makes the session's flows.  ``mediator`` is a party to authentication, which may
    answer the database itself; None: the login is another's, and so are its refusals and its cancel
    key.  ``judges``: stages look at texts.  ``unknown`` are the options of the protocol that the
    client must be told about, ``minor`` the version that it asked for; ``negotiated``: it has been
    told.
    ``announces``: the client is a connector, to which this server makes itself known;
    ``must_announce``: AcraServer must have done so, or the session is carried unread.
    """

    def __init__(
        self,
        session: Session,
        flows: Callable[[], tuple[Any, Any]],
        *,
        mediator: Mediator | None = None,
        judges: bool = False,
        unknown: list[bytes] | None = None,
        minor: int = 0,
        negotiated: bool = False,
        announces: bool = False,
        must_announce: bool = False,
        propagation: Propagation = NOTHING,
    ) -> None:
        exchange = session.outstanding[0][2]
        assert exchange is not None  # noqa: S101 - a startup has one
        self._session = session
        self._exchange = exchange
        self._flows = flows
        self._mediator = mediator
        self._judges = judges
        self._unknown = unknown or []
        # Whether NegotiateProtocolVersion is still to be sent, or completed.
        self._negotiated = negotiated
        self._negotiates = not negotiated and (bool(unknown) or minor > frames.PROTOCOL_MINOR)
        self._announces = announces
        self._must_announce = must_announce
        self._announced = False
        self._propagation = propagation
        self._has_key = False
        self._buffers = {CLIENT: ChunkBuffer(), DATABASE: ChunkBuffer()}
        self._out: dict[str, list[bytes]] = {CLIENT: [], DATABASE: []}
        # Actions that come before the writes of a step, and behind them.
        self._before: list[Action] = []
        self._more: list[Action] = []
        # The database has let the client in.
        self._admitted = False
        # The message about which stages were asked.
        self._asked: bytes | None = None
        self._is_over = False
        #: Requests wait: the client need not be read.
        self.holding = False
        #: The client has said that it goes.
        self.terminated = False
        self._on: dict[int, Callable[[bytes], None]] = {
            frames.AUTHENTICATION: self._authentication,
            frames.BACKEND_KEY_DATA: self._backend_key,
            frames.NEGOTIATE_VERSION: self._versions,
            frames.ERROR_RESPONSE: self._error,
            frames.NOTICE: self._to_client,
            frames.NOTIFICATION: self._to_client,
            frames.PARAMETER_STATUS: self._parameter_status,
            frames.READY_FOR_QUERY: self._ready,
        }

    @property
    def unanswered(self) -> bool:
        """True if the client waits for the session, and has been told of no error."""
        return not self._is_over and self._exchange.outcome is None

    def feed(self, leg: str, data: bytes) -> list[Action]:
        """Bytes of a leg; see ILogin."""
        if self._is_over or (leg == CLIENT and self.terminated):
            return []
        self._buffers[leg].feed(data)
        if leg == DATABASE and not self._exchange.first_byte:
            self._exchange.first_byte = self._session.clock()
        return self._act(self._read_client if leg == CLIENT else self._read_database)

    def answered(self, verdict: Any) -> list[Action]:
        """The stages' verdict on a text: PASS, or Deny."""
        asked, self._asked = self._asked, None
        assert asked is not None  # noqa: S101 - the question was about one
        return self._act(lambda: self._judged(asked, verdict))

    def _act(self, step: Callable[[], None]) -> list[Action]:
        """The actions of one step, with one write for each leg."""
        try:
            step()
        except WireError as error:
            self._is_over = True
            self._more = [Fail(error)]
        traffic = self._session.traffic
        actions, self._before = self._before, []
        for leg, parts in self._out.items():
            data = b"".join(parts)
            if data:
                actions.append(Write(leg, data))
                parts.clear()
                if leg == CLIENT:
                    traffic.to_client += len(data)
                else:
                    traffic.to_database += len(data)
        actions += self._more
        self._more = []
        return actions

    # -- the client -------------------------------------------------------------------------------

    def _read_client(self) -> None:
        buffer = self._buffers[CLIENT]
        while not (self.holding or self.terminated):
            data, position = buffer.data, buffer.position
            if position < len(data) and data[position] in _REQUESTS:
                self.holding = True
                return
            message = _take(buffer, "client", _LOGIN)
            if not message:
                return
            self._session.traffic.from_client += len(message)
            if message[0] == frames.TERMINATE:
                self.terminated = True
            elif self._mediator is not None:
                self._mediator.from_client(message[5:])
            self._out[DATABASE].append(message)

    # -- the database -----------------------------------------------------------------------------

    def _read_database(self) -> None:
        buffer = self._buffers[DATABASE]
        while not self._is_over and self._asked is None:
            waits = self._mediator is not None and not self._admitted
            message = _take(buffer, "database", _UNTIL_ADMITTED if waits else self._on)
            if not message:
                return
            kind = message[0]
            self._session.traffic.from_database += len(message)
            if self._negotiates and kind != frames.ERROR_RESPONSE:
                self._negotiate(message)
                if kind == frames.NEGOTIATE_VERSION:
                    continue
            self._negotiates = False
            if self._judges and kind in _TEXTS:
                self._ask(message)
            else:
                self._on[kind](message)

    def _to_client(self, message: bytes) -> None:
        self._out[CLIENT].append(message)

    def _versions(self, message: bytes) -> None:
        """Pass on what the database does not speak, unless the client has been told already."""
        if not self._negotiated:
            self._to_client(message)

    def _negotiate(self, message: bytes) -> None:
        """Tell the client what we, besides the database, do not speak: before all else."""
        self._negotiates = False
        minor, unknown = frames.PROTOCOL_MINOR, list(self._unknown)
        if message[0] == frames.NEGOTIATE_VERSION:
            minor, more = frames.decode_negotiation(message[5:])
            unknown += more
        self._to_client(frames.encode_negotiation(minor, unknown))

    def _authentication(self, message: bytes) -> None:
        if self._mediator is None:
            self._to_client(message)
        else:
            if self._admitted:
                raise WireError("database", "an Authentication message behind AuthenticationOk")
            found = self._mediator.from_database(message)
            if backend.authentication_kind(message[5:]) == backend.AUTH_OK:
                # The host decides about the client before the client is told.
                self._admitted = True
                session = self._session
                self._before += self._mediator.admitted(session.user, session.database)
            self._mediated(found)

    def _mediated(self, found: Mediated) -> None:
        self._before += found.actions
        self._out[CLIENT].append(found.to_client)
        self._out[DATABASE].append(found.to_database)
        if _is_unproven(found):
            self._is_over = True

    def _backend_key(self, message: bytes) -> None:
        if self._has_key:
            raise WireError("database", "a second BackendKeyData")
        self._has_key = True
        key = backend.decode_backend_key(message[5:])
        if self._mediator is not None:
            self._more.append(Cancellable(key))
        self._to_client(message)

    def _parameter_status(self, message: bytes) -> None:
        if self._follow(message):
            self._to_client(message)

    def _follow(self, message: bytes) -> bool:
        """Take note of a setting; False if it is none of the client's."""
        name, value = backend.decode_parameter_status(message[5:])
        if name == SERVER_NAME and self._must_announce:
            self._announced = True
            return False
        note_parameter(self._session, name, value)
        return True

    def _error(self, message: bytes) -> None:
        hint = self._propagation.hint(self._exchange)
        self._refuse(message, backend.with_hint(message[5:], hint) if hint else message)

    def _refuse(self, message: bytes, shown: bytes) -> None:
        """Take note of an error; the client gets the one that is to be ``shown``."""
        fields = backend.decode_error(message[5:])
        failed = replies.note_error(self._exchange, fields)
        if self._mediator is None:
            self._to_client(shown)
            return
        found = self._mediator.refused(shown, fields)
        if failed and not _is_unproven(found):
            tell_refusal(self._session, self._exchange, fields)
        self._mediated(found)

    def _ready(self, message: bytes) -> None:
        session, propagation = self._session, self._propagation
        status = replies.transaction(message[5:])
        notice = propagation.notice(self._exchange)
        if notice:
            self._to_client(backend.encode_notice(notice))
        session.now_in(status)
        if status == IDLE:
            session.prepared.transaction_ended()
        session.ready = True
        if self._announces:
            self._to_client(backend.encode_parameter_status(SERVER_NAME, SERVER_VALUE))
        self._to_client(message)
        take_reply(session)
        if session.settings is not None:
            session.settings.ready()
        self._is_over = True
        # It may know a secret of the user, and the session may last.
        self._mediator = None
        rest = self._buffers[CLIENT].drain(), self._buffers[DATABASE].drain()
        if self._must_announce and not self._announced:
            self._more += [Carry(UNKNOWN_SERVER), Copy(*rest)]
        else:
            self._more.append(Ready(self._flows(), *rest))

    # -- stages -----------------------------------------------------------------------------------

    def _ask(self, message: bytes) -> None:
        self._asked = message
        batch = CopyRows(message, ANYTHING, 0, len(message))
        self._more.append(Ask(Work(MESSAGES, batch, self._exchange)))

    def _judged(self, message: bytes, verdict: Any) -> None:
        if type(verdict) is not Deny:
            self._on[message[0]](message)
        elif message[0] == frames.ERROR_RESPONSE:
            self._refuse(message, replies.denial(verdict))
        elif message[0] == frames.PARAMETER_STATUS:
            self._follow(message)
        self._read_database()


def _is_unproven(found: Mediated) -> bool:
    """Return True if the login has failed; the host tells of it."""
    return any(type(action) is Unproven for action in found.actions)


def _take(buffer: ChunkBuffer, side: str, expected: Container[int]) -> bytes:
    """Take a message of an ``expected`` type; empty until it is whole.  Raises WireError."""
    data, position = buffer.data, buffer.position
    if len(data) - position < 5:
        buffer.wait_for(5)
        return b""
    kind, length = frames.header(data, position)
    if kind not in expected:
        raise WireError(side, f"message type {chr(kind)!r} is not expected here")
    frames.check_length(side, kind, length, frames.AUTHENTICATION_LIMIT)
    end = position + 1 + length
    if end > len(data):
        buffer.wait_for(length + 1)
        return b""
    buffer.position = end
    return data[position:end]

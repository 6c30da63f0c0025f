"""Before the protocol proper: what a client may say first, and how TLS to the database begins.

Client side, in order (each step at most once, at most two negotiation requests in all):

1. optional GSSENCRequest: answered ``N``;
2. optional SSLRequest: answered ``S`` (then TLS) or ``N``; or a TLS ClientHello as the very first
   byte, which must agree on ALPN ``postgresql`` (``sslnegotiation=direct``);
3. StartupMessage, or CancelRequest.

Whatever a peer sends behind a negotiation request before it was answered is an attempt to inject
bytes into the session that follows: the connection is dropped (ST-1, ST-3, ST-12).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from acra_twisted.dialects.postgresql.startupsettings import FIELDS, setting_names
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import CancelRequest, StartupPacket

ALPN = b"postgresql"
#: The SQLSTATE of errors about which a peer is told nothing.
_QUIET = b""
_ABSURD = 1 << 20
_OFF = frozenset((b"false", b"off", b"no", b"0"))
_SHOWN = re.compile(r"[a-z0-9_.]{1,63}")

#: What drivers commonly set.  Anything else must be named in allowed_startup_parameters.
ALLOWED_PARAMETERS = (
    "user",
    "database",
    "application_name",
    "client_encoding",
    "datestyle",
    "intervalstyle",
    "timezone",
    "extra_float_digits",
    "options",
    "search_path",
    "geqo",
    "jit",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_transaction_deferrable",
    "standard_conforming_strings",
    "bytea_output",
    "lc_messages",
    "client_min_messages",
    "acra.traceparent",
    "pg_tracing.trace_context",
    "acra.trace_notice",
)


class StartupPolicy(NamedTuple):
    """``tls``: ``"disable"``, ``"allow"`` or ``"require"`` on the client's leg.

    ``parameters``: lower-case names allowed in the startup packet; ``"*"`` allows all.
    """

    tls: str = "allow"
    parameters: frozenset[str] = frozenset(ALLOWED_PARAMETERS)
    replication: bool = False


class StartTLS(NamedTuple):
    """Begin TLS with the client; ``direct`` bytes, if any, are its ClientHello already."""

    direct: bytes


class SpansOffered(NamedTuple):
    """A connector that wants to hand over spans."""


class ClientStartup:
    """Feeds on the client's first bytes; sans-IO.  ``encrypted`` follows what was negotiated.

    ``rest`` is what came behind a startup packet in the same chunk: the next message's, as if it
    had come in a chunk of its own.
    """

    def __init__(self, policy: StartupPolicy, encrypted: bool = False) -> None:
        self._policy = policy
        self._buffer = ChunkBuffer()
        self._seen: set[int] = set()
        self._begun = False
        self.encrypted = encrypted
        self.reply = b""
        self.rest = b""

    def feed(self, data: bytes) -> StartTLS | StartupPacket | CancelRequest | SpansOffered | None:
        """The next thing to act on, or None if more must arrive.

        After the call ``reply`` holds bytes to send first.  Raises WireError; its SQLSTATE is
        what the client may be told.
        """
        self.reply = b""
        buffer = self._buffer
        buffer.feed(data)
        while True:
            if not len(buffer):
                return None
            if not self._seen and not self.encrypted and buffer.data[:1] == b"\x16":
                return self._direct_tls()
            if len(buffer.data) < 8:
                buffer.wait_for(8)
                return None
            length, code = frames.STARTUP_HEADER.unpack_from(buffer.data)
            if length < 8:
                raise WireError("client", f"startup packet announces {length} bytes", _QUIET)
            if length > frames.STARTUP_LIMIT:
                # Far more is no startup packet at all, but another protocol or noise.
                sqlstate = b"08P01" if length < _ABSURD else _QUIET
                raise FrameTooLarge("client", f"startup packet announces {length} bytes", sqlstate)
            if len(buffer.data) < length:
                buffer.wait_for(length)
                return None
            if code in (frames.SSL_REQUEST, frames.GSSENC_REQUEST):
                if self._negotiate(length, code):
                    return StartTLS(b"")
                continue
            self._begun = True
            return self._decode(buffer.drain(), length, code)

    @property
    def declined(self) -> bool:
        """A client asked for TLS and there is none, and nothing has come since."""
        asked = frames.SSL_REQUEST in self._seen and self._policy.tls == "disable"
        return asked and not (self._begun or len(self._buffer))

    def tls_started(self) -> None:
        """The handshake with the client is complete."""
        self.encrypted = True

    def _direct_tls(self) -> StartTLS:
        if self._policy.tls == "disable":
            raise WireError("client", "direct TLS on a listener without TLS", _QUIET)
        self._seen.add(frames.SSL_REQUEST)
        return StartTLS(self._buffer.drain())

    def _negotiate(self, length: int, code: int) -> bool:
        """Answer a request for encryption; True if TLS begins."""
        rest = self._buffer.drain()
        if length != 8 or len(rest) > 8:
            raise WireError("client", "bytes behind a request for encryption", _QUIET)
        if code in self._seen or self.encrypted:
            raise WireError("client", "encryption was asked for twice")
        self._seen.add(code)
        begins = code == frames.SSL_REQUEST and self._policy.tls != "disable"
        self.reply += b"S" if begins else b"N"
        return begins

    def _decode(
        self, data: bytes, length: int, code: int
    ) -> StartupPacket | CancelRequest | SpansOffered:
        packet, self.rest = data[:length], data[length:]
        if self.rest and code in (frames.SPANS_OFFERED, frames.CANCEL_REQUEST):
            raise WireError("client", "bytes behind a request that is the last one", _QUIET)
        if code == frames.SPANS_OFFERED:
            return SpansOffered()
        if code == frames.CANCEL_REQUEST:
            return frames.decode_cancel(packet)
        if self._policy.tls == "require" and not self.encrypted:
            raise WireError("client", "this server requires TLS (sslmode=require)", b"28000")
        startup = frames.decode_startup(packet)
        self._check(startup)
        return startup

    def _check(self, startup: StartupPacket) -> None:
        allowed = self._policy.parameters
        replication = startup.parameters.get(b"replication", b"off").lower()
        if not self._policy.replication and replication not in _OFF:
            raise WireError("client", "replication connections are not enabled", b"28000")
        fields = [name for name in startup.parameters if name in FIELDS and name != b"replication"]
        _check_names([name.decode() for name in fields], allowed)
        _check_names(setting_names(startup), allowed - {name.decode() for name in FIELDS})


def _check_names(names: list[str], allowed: frozenset[str]) -> None:
    for name in names:
        if name not in allowed and "*" not in allowed:
            shown = name if _SHOWN.fullmatch(name) else "of that name"
            raise WireError(
                "client",
                f"startup parameter {shown} is not allowed (allowed_startup_parameters)",
                b"28000",
            )


def settle_version(startup: StartupPacket) -> tuple[StartupPacket, list[bytes]]:
    """Return the version for the database, and the protocol options to report to the client.

    A minor version or a ``_pq_.`` option that this proxy does not know is never passed on: a
    session can't be in a mode that the proxy cannot read.
    """
    unknown = [name for name in startup.parameters if name.startswith(b"_pq_.")]
    kept = {k: v for k, v in startup.parameters.items() if k not in unknown}
    return StartupPacket(min(startup.minor, frames.PROTOCOL_MINOR), kept), unknown


def database_accepts_tls(answer: bytes) -> bool:
    """Read the database's answer to SSLRequest: exactly one byte.  Raises WireError.

    Its text, should it send an error instead, is not shown to anyone: it is not authenticated.
    """
    if len(answer) != 1:
        raise WireError("database", "bytes behind the answer to SSLRequest")
    if answer not in (b"S", b"N"):
        raise WireError("database", "the answer to SSLRequest is neither S nor N")
    return answer == b"S"

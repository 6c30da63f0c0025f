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

from acra_twisted.dialects.postgresql.firstpackets import (
    ASKS_FOR_ENCRYPTION,
    FirstPackets,
    Impossible,
    Packet,
)
from acra_twisted.dialects.postgresql.startupsettings import FIELDS, setting_names
from acra_twisted.endreason import EndReason
from acra_twisted.errors import FrameTooLarge, WireError
from acra_twisted.wire.postgres import frames
from acra_twisted.wire.postgres.frames import CancelRequest, StartupPacket

ALPN = b"postgresql"
#: The reason of errors about which a peer is told nothing.
_QUIET = None
_ABSURD = 1 << 20
_OFF = frozenset((b"false", b"off", b"no", b"0"))
_SHOWN = re.compile(r"[a-z0-9_.]{1,63}")

#: Parameters that drivers commonly set.  Anything else must be named in allowed_startup_parameters.
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
    """Judges a client's first packets by a policy; sans-IO.  ``encrypted`` follows what was
    negotiated.

    ``rest`` is what came behind a startup packet in the same chunk: the next message's, as if it
    had come in a chunk of its own.
    """

    def __init__(self, policy: StartupPolicy, encrypted: bool = False) -> None:
        self._policy = policy
        self._packets = FirstPackets()
        self._seen: set[int] = set()
        self._begun = False
        self.encrypted = encrypted
        self.reply = b""
        self.rest = b""

    def feed(self, data: bytes) -> StartTLS | StartupPacket | CancelRequest | SpansOffered | None:
        """The next thing to act on, or None if more must arrive.

        After the call ``reply`` holds bytes to send first.  Raises WireError; its reason is
        what the client may be told.
        """
        self.reply = b""
        packets = self._packets
        packets.feed(data)
        while len(packets):
            if packets.begins_tls and not (self._seen or self.encrypted):
                return self._direct_tls()
            packet = packets.next()
            if packet is None:
                return None
            if isinstance(packet, Impossible):
                raise _impossible(packet.length)
            if packet.code not in ASKS_FOR_ENCRYPTION:
                self._begun = True
                return self._decode(packet)
            if self._negotiate(packet):
                return StartTLS(b"")
        return None

    @property
    def declined(self) -> bool:
        """A client asked for TLS and there is none, and nothing has come since."""
        asked = frames.SSL_REQUEST in self._seen and self._policy.tls == "disable"
        return asked and not (self._begun or len(self._packets))

    def tls_started(self) -> None:
        """The handshake with the client is complete."""
        self.encrypted = True

    def _direct_tls(self) -> StartTLS:
        if self._policy.tls == "disable":
            raise WireError("client", "direct TLS on a listener without TLS", _QUIET)
        self._seen.add(frames.SSL_REQUEST)
        return StartTLS(self._packets.rest())

    def _negotiate(self, packet: Packet) -> bool:
        """Answer a request for encryption; True if TLS begins."""
        if len(packet.data) != 8 or len(self._packets):
            raise WireError("client", "bytes behind a request for encryption", _QUIET)
        if packet.code in self._seen or self.encrypted:
            raise WireError("client", "encryption was asked for twice")
        self._seen.add(packet.code)
        begins = packet.code == frames.SSL_REQUEST and self._policy.tls != "disable"
        self.reply += b"S" if begins else b"N"
        return begins

    def _decode(self, packet: Packet) -> StartupPacket | CancelRequest | SpansOffered:
        self.rest = self._packets.rest()
        if self.rest and packet.code in (frames.SPANS_OFFERED, frames.CANCEL_REQUEST):
            raise WireError("client", "bytes behind a request that is the last one", _QUIET)
        if packet.code == frames.SPANS_OFFERED:
            return SpansOffered()
        if packet.code == frames.CANCEL_REQUEST:
            return frames.decode_cancel(packet.data)
        if self._policy.tls == "require" and not self.encrypted:
            raise WireError("client", "this server requires TLS (sslmode=require)", EndReason.LOGIN)
        startup = frames.decode_startup(packet.data)
        self._check(startup)
        return startup

    def _check(self, startup: StartupPacket) -> None:
        allowed = self._policy.parameters
        replication = startup.parameters.get(b"replication", b"off").lower()
        if not self._policy.replication and replication not in _OFF:
            raise WireError("client", "replication connections are not enabled", EndReason.LOGIN)
        fields = [name for name in startup.parameters if name in FIELDS and name != b"replication"]
        _check_names([name.decode() for name in fields], allowed)
        _check_names(setting_names(startup), allowed - {name.decode() for name in FIELDS})


def _impossible(length: int) -> WireError:
    text = f"startup packet announces {length} bytes"
    if length < 8:
        return WireError("client", text, _QUIET)
    # Far more is no startup packet at all, but another protocol or noise.
    return FrameTooLarge("client", text, EndReason.PROTOCOL if length < _ABSURD else _QUIET)


def _check_names(names: list[str], allowed: frozenset[str]) -> None:
    for name in names:
        if name not in allowed and "*" not in allowed:
            shown = name if _SHOWN.fullmatch(name) else "of that name"
            raise WireError(
                "client",
                f"startup parameter {shown} is not allowed (allowed_startup_parameters)",
                EndReason.LOGIN,
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

"""Plain reasons for failures of connections: what happened, where, and what to do about it.

Every log line, span and message about a connection that failed has its words from here: an
exception of Twisted, OpenSSL, the resolver or the operating system, and the `Party` at the other
end, become a `Reason`.  The name of a Python class is never part of it.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.python.failure import Failure

from acra_twisted.errors import (
    AcraError,
    CryptoError,
    ForeignProtocol,
    HandshakeError,
    KeyStoreError,
)
from acra_twisted.optionkinds import Address
from acra_twisted.transport import certificates
from acra_twisted.transport.verifier import CertificateRefused

#: Kinds of reasons: the value of ``error.type`` in spans.
REFUSED: Final = "connection_refused"
UNREACHABLE: Final = "host_unreachable"
TIMEOUT: Final = "timeout"
NAME: Final = "name_resolution_failed"
PROTOCOL: Final = "protocol_mismatch"
HUNG_UP: Final = "connection_closed"
CERTIFICATE: Final = "peer_certificate_invalid"
REJECTED: Final = "rejected_by_peer"
TLS: Final = "tls_handshake_failed"
HANDSHAKE: Final = "handshake_failed"
ABANDONED: Final = "abandoned"
OTHER: Final = "_OTHER"
#: Kinds that have nothing to do with TLS.
WITHOUT_TLS: Final = frozenset((REFUSED, UNREACHABLE, TIMEOUT, NAME, PROTOCOL, HUNG_UP))

#: Texts for applications, by kind: no address, no name, nothing out of a certificate.
_PUBLIC: Final[Mapping[str, str]] = {
    REFUSED: "connection refused",
    UNREACHABLE: "it cannot be reached",
    TIMEOUT: "it does not answer in time",
    NAME: "its name cannot be resolved",
    PROTOCOL: "it speaks another protocol",
    HUNG_UP: "it hung up",
    CERTIFICATE: "its certificate is not accepted",
    REJECTED: "it refuses who we are",
    TLS: "TLS with it failed",
    HANDSHAKE: "the handshake with it failed",
}
_NO_ROUTE: Final = frozenset(
    (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL)
)
#: A unix socket that is not there.
_NO_SOCKET: Final = frozenset((errno.ENOENT, errno.ENOTDIR))
_GONE: Final = frozenset((errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED))
_ALERT: Final = re.compile(r".*\balert (.+)")
#: OpenSSL's words for first bytes that are no TLS.
_NO_TLS: Final = (
    "wrong version number",
    "packet length too long",
    "http request",
    "https proxy request",
    "bad record type",
    "unexpected message",
)


@dataclass(frozen=True)
class Role:
    """A kind of peer, with the names of its settings; a setting that does not exist is empty.

    ``address``: its address.  ``timeout``: the time limit for it.  ``certificate`` is ours for
    it, ``authorities`` are the CAs that its own must be of, ``expected`` the name that it must be
    for.  Remedies: ``speaks`` by what it speaks (empty: nobody knows what), ``serves`` by the
    protocol of another database that it speaks when its handshake is done, ``hung_up`` where it
    ends the connection before ``handshake`` is done, ``unproven`` where it does not prove who it
    is.
    """

    name: str
    handshake: str = "handshake"
    address: str = ""
    timeout: str = ""
    certificate: str = ""
    authorities: str = ""
    expected: str = ""
    hung_up: str = ""
    unproven: str = ""
    speaks: Mapping[str, str] = field(default_factory=dict)
    serves: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Party:
    """The other side of one connection: ``where`` is host:port, or a unix socket's path."""

    role: Role
    where: str = ""

    def __str__(self) -> str:
        return f"{self.role.name} at {self.where}" if self.where else self.role.name


@dataclass(frozen=True)
class Reason:
    """``kind`` is one of the above, ``what`` has happened, ``remedy`` is what to do (or empty);
    ``told`` says more to who is not the operator than the kind does."""

    kind: str
    party: Party
    what: str
    remedy: str = ""
    told: str = ""

    def __str__(self) -> str:
        """The text for the log: who, where, what, and what to do."""
        return f"{self.happened}; {self.remedy}" if self.remedy else self.happened

    @property
    def happened(self) -> str:
        """The same without what to do, for spans."""
        name = str(self.party)
        if self.what.startswith("it "):
            return f"{name} {self.what.removeprefix('it ')}"
        return f"{name}: {self.what}"

    @property
    def public(self) -> str:
        """The text for peers other than the operator."""
        return self.told or _PUBLIC.get(self.kind, "it failed")


def shown(address: Any) -> str:
    """An Address, or an address of Twisted's, as host:port or the path of a unix socket."""
    if isinstance(address, Address):
        return address.path or str(address).removeprefix("tcp://")
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None or port is None:
        name = getattr(address, "name", None)
        return name.decode("utf-8", "replace") if isinstance(name, bytes) and name else "unix"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason_of(
    problem: BaseException | Failure,
    party: Party,
    stood: bool = False,
    unanswered: bool = False,
) -> Reason:
    """Why the connection with ``party`` failed, or was not even made; ``stood``: its handshake
    had been done before; ``unanswered``: and something said that is not answered."""
    value: Any = problem.value if isinstance(problem, Failure) else problem
    if unanswered and isinstance(value, error.ConnectionDone | error.ConnectionLost):
        return Reason(HUNG_UP, party, "it hung up before it answered", party.role.hung_up)
    if stood and isinstance(value, error.ConnectionDone):
        return Reason(HUNG_UP, party, "it closed the connection")
    if stood and isinstance(value, error.ConnectionLost):
        why = errno_text(getattr(value, "osError", None))
        return Reason(HUNG_UP, party, f"the connection was lost{why and f': {why}'}")
    if isinstance(value, ForeignProtocol):
        return _foreign(value.protocol, party, stood)
    if isinstance(value, CertificateRefused):
        return _of_certificate(value, party)
    if isinstance(value, AcraError):
        if isinstance(value, HandshakeError | CryptoError):
            return Reason(HANDSHAKE, party, str(value), party.role.unproven)
        kind = HANDSHAKE if isinstance(value, KeyStoreError) else PROTOCOL
        return Reason(kind, party, str(value))
    if isinstance(value, SSL.Error):
        return _of_openssl(value, party)
    if isinstance(value, error.ConnectionAborted | defer.CancelledError):
        return Reason(ABANDONED, party, "given up on this side")
    if isinstance(value, error.ConnectionDone | error.ConnectionLost):
        return _hung_up(value, party)
    if isinstance(value, error.DNSLookupError | error.UnknownHostError | socket.gaierror):
        return _unresolved(value, party)
    if isinstance(value, error.TimeoutError | error.TCPTimedOutError | defer.TimeoutError):
        return _timed_out(party)
    if isinstance(value, error.ConnectError | OSError):
        return _of_system(value, party)
    if isinstance(value, ValueError) and not stood:
        return Reason(NAME, party, "its address cannot be used", _see(party.role.address))
    return Reason(OTHER, party, "an error inside this program")


def _see(settings: str) -> str:
    return f"see {settings}" if settings else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _foreign(protocol: str, party: Party, stood: bool) -> Reason:
    role = party.role
    what = f"it speaks {protocol}"
    if stood and protocol in role.serves:
        return Reason(PROTOCOL, party, what, role.serves[protocol], told=what)
    return Reason(PROTOCOL, party, what, role.speaks.get(protocol, "") or _other_program(role))


def _other_program(role: Role) -> str:
    if role.address:
        return f"another program listens there: see {role.address}"
    return "nothing that speaks it has to do with this port"


def _of_openssl(value: SSL.Error, party: Party) -> Reason:
    details = value.args[0] if value.args and isinstance(value.args[0], list) else []
    words = [str(entry[-1]) for entry in details if entry]
    for text in words:
        alert = _ALERT.fullmatch(text)
        if alert is not None:
            return _alert(alert[1], party)
        if "certificate verify failed" in text:
            return Reason(
                CERTIFICATE, party, "its certificate is not trusted", _see(party.role.authorities)
            )
        if "did not return a certificate" in text:
            return Reason(CERTIFICATE, party, "it shows no certificate", _no_certificate())
        if any(known in text for known in _NO_TLS):
            remedy = party.role.speaks.get("") or _other_program(party.role)
            return Reason(PROTOCOL, party, "it does not speak TLS", remedy)
        if "unexpected eof" in text:
            return _hung_up(value, party)
    if not words:
        return _hung_up(value, party)
    return Reason(TLS, party, f"TLS failed: {'; '.join(words)}")


def _of_certificate(value: CertificateRefused, party: Party) -> Reason:
    role = party.role
    remedies = {
        certificates.EXPIRED: "renew it there, or set this machine's clock",
        certificates.EARLY: "set the clock that is wrong, of this machine or where it was made",
        certificates.ISSUER: f"its CA must be in {role.authorities}" if role.authorities else "",
        certificates.NAME: f"have it made for that name, or set {role.expected} to one of its own"
        if role.expected
        else "",
        certificates.REVOKED: "give it a new one there, and find out why it was revoked",
        certificates.UNCHECKED: "see tls_ocsp_url, tls_crl_url and tls_ocsp_required",
        certificates.USE: "have it made for that use there, or for any (acra-certs does)",
    }
    what = f"its certificate {value.about}"
    return Reason(CERTIFICATE, party, what, remedies.get(value.problem, ""), value.public)


def _no_certificate() -> str:
    return (
        "tls_client_auth demands one: a connector shows its tls_cert, and for applications that "
        "have none 0 demands none"
    )


def _alert(alert: str, party: Party) -> Reason:
    """The other side has said why, in a TLS alert."""
    role = party.role
    own = f" ({role.certificate})" if role.certificate else ""
    remedies = {
        "certificate expired": f"renew this side's certificate{own}, or set that side's clock",
        "unknown ca": f"the CA of this side's certificate{own} must be in that side's tls_ca",
        "bad certificate": f"that side's log says what is wrong with this side's certificate{own}",
        "unsupported certificate": f"this side's certificate{own} is for another use",
        "certificate required": f"it demands a certificate of this side{own}",
        "protocol version": "TLS 1.2 and 1.3 are spoken here, and that side has to speak TLS",
        "handshake failure": f"no cipher in common, or it demands a certificate{own}",
        "unrecognized name": f"it has no certificate for the name asked for ({role.expected})",
        "no application protocol": "it does not speak PostgreSQL there",
    }
    kind = REJECTED if "certificate" in alert or "ca" in alert.split() else TLS
    return Reason(kind, party, f"it says: {alert}", remedies.get(alert, "see that side's log"))


def _hung_up(value: Any, party: Party) -> Reason:
    number = getattr(value, "osError", None)
    if isinstance(number, int) and number not in _GONE:
        return _of_system(value, party)
    role = party.role
    return Reason(HUNG_UP, party, f"it hung up during the {role.handshake}", role.hung_up)


def _unresolved(value: Any, party: Party) -> Reason:
    words = [part for part in getattr(value, "args", ()) if isinstance(part, str)]
    why = f" ({words[-1]})" if isinstance(value, socket.gaierror) and words else ""
    return Reason(
        NAME, party, f"the name cannot be resolved{why}", _joined(_see(party.role.address))
    )


def _timed_out(party: Party) -> Reason:
    role = party.role
    settings = " and ".join(name for name in (role.address, role.timeout) if name)
    return Reason(
        TIMEOUT,
        party,
        "no answer in time",
        f"is it up, and is a firewall in between? {_see(settings)}".rstrip(),
    )


def _of_system(value: Any, party: Party) -> Reason:
    role = party.role
    number = value.osError if isinstance(value, error.ConnectError) else value.errno
    if isinstance(value, ConnectionRefusedError | error.ConnectionRefusedError):
        number = errno.ECONNREFUSED
    if number == errno.ECONNREFUSED:
        running = "is it running, and does it listen there?"
        return Reason(
            REFUSED, party, "connection refused", f"{running} {_see(role.address)}".rstrip()
        )
    if number == errno.ETIMEDOUT:
        return _timed_out(party)
    if number in _GONE:
        return _hung_up(value, party)
    text = errno_text(number)
    if number in _NO_ROUTE or isinstance(value, error.NoRouteError):
        return Reason(UNREACHABLE, party, text or "no route to host", _see(role.address))
    if number in _NO_SOCKET:
        what = "there is no such socket"
        return Reason(UNREACHABLE, party, what, f"is it running? {_see(role.address)}".rstrip())
    return Reason(UNREACHABLE, party, text or "it cannot be reached", _see(role.address))


def errno_text(number: Any) -> str:
    """The operating system's text, in lower case; empty for none."""
    text = os.strerror(number) if isinstance(number, int) else ""
    return text[:1].lower() + text[1:]


def tell(span: Any, code: int, reason: Reason) -> None:
    """Give a span its end by ``reason``: the status, and OpenTelemetry's ``error.type``."""
    span.fail(code, reason.happened)
    span.add_attribute("error.type", reason.kind)

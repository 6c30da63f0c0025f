"""What is at the other end: the database, AcraServer, collectors.  Each is talked to as the daemon
would, up to where somebody would have to log in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.connector.api import api_address, api_role
from acra_twisted.connector.link import LinkChannel, Way, begin
from acra_twisted.connector.upstream import link_security, server_address
from acra_twisted.daemon.link import ACRASERVER, is_secure_session, protection
from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import ConfigError, WireError
from acra_twisted.keystore.opening import open_keys
from acra_twisted.options import Address, Settings
from acra_twisted.server.database import DatabaseChannel, foreign
from acra_twisted.server.offered import offers_binding
from acra_twisted.server.upstream import (
    database_address,
    database_tls,
    make_database,
    uses_database_tls,
)
from acra_twisted.telemetry.export.destinations import make_exporters
from acra_twisted.telemetry.export.probe import ask
from acra_twisted.transport import certificates, peers
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, Reason, Role, reason_of, shown
from acra_twisted.transport.keepalive import keepalive
from acra_twisted.transport.tls import TLSContexts
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.link import lengthprefix
from acra_twisted.wire.link.spanlink import ACCEPTED, DECLINED
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import SPANS_OFFERED_PACKET, StartupPacket

#: The user that the database is asked for; nobody logs in.
USER = b"acra_doctor"
#: Bytes of the database's first answer.
_ANSWER_MAX = 8192
_TEXT_MAX = 300
#: No context, and whether spans are taken: a connector may say so.
_HELLO = lengthprefix.encode(b"") + SPANS_OFFERED_PACKET
#: Seconds in which a server that does not accept this side has said so.
_PATIENCE = 0.7


def told(about: str, reason: Reason) -> Result:
    """Why a connection cannot be made."""
    return fail(about, reason.happened, reason.remedy)


async def database(reactor: Any, settings: Settings) -> AsyncIterator[Result]:
    """Reach it as the server would, and begin to log in."""
    if not settings["db_host"]:
        # It has been told of where settings are checked.
        return
    address, about = database_address(settings), "database"
    party = Party(peers.DATABASE, shown(address))
    try:
        reached = make_database(reactor, settings, database_tls(settings), keepalive(settings))
    except ConfigError:
        # It has been told of where files are checked.
        return
    try:
        channel = await reached.connect()
    except Exception as error:
        yield told(about, reason_of(error, party))
        return
    try:
        yield ok(about, f"{party} can be reached, {_protection(channel)}")
        for result in _peer(about, channel.certificate):
            yield result
        async for result in _login(reactor, channel, settings, party):
            yield result
    finally:
        channel.abort()


def _protection(channel: Any) -> str:
    return "with TLS" if channel.certificate is not None else "without TLS"


def _peer(about: str, certificate: bytes | None) -> list[Result]:
    """A certificate of the other side that is still good, and may not be for long."""
    if certificate is None:
        return []
    loaded = x509.load_der_x509_certificate(certificate)
    who = f"its certificate ({certificates.subject(loaded)})"
    found = [*certificates.dates(loaded, certificates.clock())]
    if found:
        return [warn(about, f"{who} {finding.about}", finding.remedy) for finding in found]
    return [ok(about, f"{who} is valid until {certificates.date(loaded.not_valid_after_utc)}")]


def is_whole(data: bytes) -> bool:
    """Whether the first message is there, or it will never be."""
    if data[:1] not in (b"", b"R", b"E") or len(data) > _ANSWER_MAX:
        return True
    return len(data) >= 5 and len(data) > int.from_bytes(data[1:5], "big")


async def _login(
    reactor: Any, channel: DatabaseChannel, settings: Settings, party: Party
) -> AsyncIterator[Result]:
    """Ask for a session of nobody's, and look at the first answer."""
    answer: Deferred[bytes] = Deferred()
    collected = ChunkBuffer()

    def received(data: bytes) -> None:
        collected.feed(data)
        if is_whole(collected.data) and not answer.called:
            answer.callback(bytes(collected.data))

    def lost(reason: Failure) -> None:
        if not answer.called:
            answer.errback(reason)

    channel.receiver, channel.on_lost = received, lost
    channel.write(StartupPacket(0, {b"user": USER, b"database": b"postgres"}).encode())
    try:
        data = await answer.addTimeout(settings["db_connect_timeout"], reactor)
    except Exception as error:
        yield told("database", reason_of(error, party, stood=True))
        return
    strange = foreign(data)
    if strange is not None:
        yield told("database", reason_of(strange, party))
    else:
        yield of_answer(data, settings)


def of_answer(data: bytes, settings: Settings) -> Result:
    kind, body = data[:1], data[5 : 1 + int.from_bytes(data[1:5], "big")]
    if kind == b"R":
        # Where TLS was only offered such a login goes on without it.
        if offers_binding(data) and _ends_tls(settings) and uses_database_tls(settings):
            return warn(
                "database",
                "it asks for SCRAM and offers to bind it to TLS: a client that has TLS on its own "
                "leg, too, would bind to the wrong certificate",
                "such clients set channel_binding=disable; docs/from-acra.rst says more",
            )
        return ok("database", "it is PostgreSQL and asks who logs in")
    if kind == b"E":
        return _of_error(body)
    return fail("database", "it does not answer as PostgreSQL", "see db_host and db_port")


def _ends_tls(settings: Settings) -> bool:
    """Whether applications may have TLS with this server."""
    if settings["client_tls"] in ("allow", "require"):
        return True
    plain = settings["acraconnector_transport_encryption_disable"]
    return bool(settings["client_tls"] == "auto" and plain and settings["tls_cert"])


def _of_error(body: bytes) -> Result:
    try:
        fields = backend.decode_error(body)
    except WireError:
        return fail("database", "it answers with an error that cannot be read", "see db_port")
    sqlstate, text = (fields.get(key, b"").decode("utf-8", "replace") for key in "CM")
    text = "".join(c if c.isprintable() else " " for c in text)[:_TEXT_MAX]
    if "pg_hba.conf" in text:
        return warn(
            "database",
            f"it is PostgreSQL and says: {text}",
            "if users of applications are refused like this one, add a line to pg_hba.conf, or "
            "set db_tls as that file wants it",
        )
    if sqlstate.startswith("28"):
        return ok("database", "it is PostgreSQL; it knows no user of this name, as it should be")
    return warn("database", f"it is PostgreSQL and says: {text} ({sqlstate})")


async def link(reactor: Any, settings: Settings, environment: Any) -> AsyncIterator[Result]:
    """The connector's way to its server: the whole handshake, after which it hangs up."""
    try:
        keys = open_keys(
            settings,
            dict(environment),
            reactor.seconds,
            is_secure_session(settings, ACRASERVER),
        )
        role = peers.ACRASERVER[protection(settings, ACRASERVER)]
        ends = [("link", server_address(settings), role)]
        if settings["http_api_enable"]:
            ends.append(("API", api_address(settings), api_role(role)))
    except ConfigError:
        # It has been told of where settings are checked.
        return
    for about, address, role in ends:
        async for result in _handshake(reactor, settings, keys, about, address, role):
            yield result
    if keys is not None:
        keys.close()


async def _handshake(
    reactor: Any, settings: Settings, keys: Any, about: str, address: Address, role: Role
) -> AsyncIterator[Result]:
    party = Party(role, shown(address))
    timeout = settings["acraserver_connect_timeout"]
    try:
        security = link_security(settings, keys, TLSContexts(), address)
    except ConfigError:
        return
    way = Way(security, client_endpoint(reactor, address, timeout), party)
    try:
        channel = await begin(way.connect, timeout, reactor)
    except Exception as error:
        yield told(about, reason_of(error, party))
        return
    refused = await _refusal(reactor, channel, role is peers.ACRASERVER_PLAIN)
    if refused is not None:
        yield told(about, reason_of(refused, party))
        return
    channel.close()
    yield ok(about, f"{party} can be reached, and its {role.handshake} succeeds")
    for result in _peer(about, channel.certificate):
        yield result


async def _refusal(reactor: Any, channel: LinkChannel, plain: bool) -> Exception | None:
    """Why the server ends a link whose handshake is done for this side: it looks at this side's
    certificate later.  Where there is no handshake it is asked something that it answers."""
    ended: Deferred[None] = Deferred()
    listening = _Listening(ended)
    channel.carry(listening, listening.heard)
    if plain:
        channel.write(_HELLO)
    patience = reactor.callLater(_PATIENCE, ended.callback, None)
    try:
        await ended
    except Exception as error:
        return error
    finally:
        channel.let_go()
        if patience.active():
            patience.cancel()
    return None


class _Listening:
    """The application of a link on which nothing is said."""

    def __init__(self, ended: Deferred[None]) -> None:
        self._ended = ended

    def heard(self, data: bytes) -> None:
        """The answer of a plain link; a server does not begin."""
        if self._ended.called:
            return
        if data[:1] in (ACCEPTED, DECLINED):
            self._ended.callback(None)
        else:
            strange = foreign(data) or WireError("server", "it is not AcraServer")
            self._ended.errback(Failure(strange))

    def server_lost(self, reason: Failure) -> None:
        """It has ended the link."""
        if not self._ended.called:
            self._ended.errback(reason)


async def collectors(reactor: Any, program: str, settings: Settings) -> AsyncIterator[Result]:
    """Each destination of spans is asked whether it takes some."""
    try:
        exporters = make_exporters(reactor, program, settings)
    except ConfigError:
        return
    for name, wrong in await ask(reactor, exporters):
        if wrong:
            what, _, remedy = wrong.partition("; ")
            yield fail("collectors", f"{name}: {what}", remedy)
        else:
            yield ok("collectors", f"{name} takes spans")

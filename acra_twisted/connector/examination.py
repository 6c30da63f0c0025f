"""Checks of acra-doctor for AcraConnector: certificates, and AcraServer.

The server is talked to as the connector would, up to where an application would have to speak.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.config.listeners import each
from acra_twisted.config.revocation import ACRASERVER as LINK
from acra_twisted.connector.api import api_address, api_role
from acra_twisted.connector.applicationtls import application_tls
from acra_twisted.connector.link import LinkChannel, Way, begin
from acra_twisted.connector.upstream import link_security, server_address, verified_credentials
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.link import ACRASERVER, is_secure_session, is_tls, protection
from acra_twisted.daemon.revocationprobe import judges, revocation_sources
from acra_twisted.doctor.examination import Examination, Own
from acra_twisted.doctor.far import peer, told
from acra_twisted.doctor.result import Result, ok
from acra_twisted.errors import ConfigError, ForeignProtocol, WireError
from acra_twisted.keystore.opening import open_keys
from acra_twisted.loginactions import OFFER, REQUIRE
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.transport import peers
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, Role, reason_of, shown
from acra_twisted.transport.spoken import foreign, spoken
from acra_twisted.transport.tlscontext import TLSContexts
from acra_twisted.wire.link.spanlink import ACCEPTED, DECLINED
from acra_twisted.wire.link.tracecontext import AWAITS, encode_offer

#: Seconds in which a server that does not accept this side has said so.
_PATIENCE = 0.7


def certificates(settings: Settings) -> list[Own]:
    """Certificates of AcraConnector that are used."""
    found = []
    if is_tls(settings, ACRASERVER):
        found.append(Own("tls_", CLIENT))
    if application_tls(settings) in (OFFER, REQUIRE):
        found.append(Own("application_tls_", SERVER, falls_back=False))
    return found


async def link(
    reactor: Any, settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Result]:
    """The connector's way to its server, from each listener: the whole handshake, after which it
    hangs up."""
    try:
        keys = open_keys(
            settings,
            dict(environment),
            reactor.seconds,
            is_secure_session(settings, ACRASERVER),
        )
        role = peers.ACRASERVER[protection(settings, ACRASERVER)]
        ends = [(mark, own, "link", server_address(own), role) for mark, own in each(settings)]
        if settings["http_api_enable"]:
            ends.append(("", settings, "API", api_address(settings), api_role(role)))
        verified = verified_credentials(settings)
        revocation = judges(reactor, settings, verified)
    except ConfigError:
        # It has been told of where settings are checked.
        return
    async for result in revocation_sources(reactor, settings, revocation, verified):
        yield result
    judge = revocation.judge(LINK)
    for mark, own, about, address, role in ends:
        async for result in _handshake(reactor, own, keys, about, address, role, judge):
            yield result._replace(text=mark + result.text)
    revocation.stop()
    if keys is not None:
        keys.close()


async def _handshake(
    reactor: Any,
    settings: Settings,
    keys: Any,
    about: str,
    address: Address,
    role: Role,
    judge: Any,
) -> AsyncIterator[Result]:
    party = Party(role, shown(address))
    timeout = settings["acraserver_connect_timeout"]
    try:
        security = link_security(settings, keys, TLSContexts(), address, judge)
    except ConfigError:
        return
    way = Way(security, client_endpoint(reactor, address, timeout), party)
    try:
        channel = await begin(way.connect, timeout, reactor)
    except Exception as error:
        yield told(about, reason_of(error, party))
        return
    refused = await _refusal(reactor, channel, dialect_of(settings))
    if refused is not None:
        stood = isinstance(refused, ForeignProtocol)
        yield told(about, reason_of(refused, party, stood=stood))
        return
    channel.close()
    yield ok(about, f"{party} can be reached, and its {role.handshake} succeeds")
    for result in peer(about, channel.certificate):
        yield result


async def _refusal(reactor: Any, channel: LinkChannel, dialect: Any) -> Exception | None:
    """Why the server ends a link whose handshake is done for this side: it looks at this side's
    certificate later, and may be one for another database.  It is asked something that it answers.
    """
    ended: Deferred[None] = Deferred()
    listening = _Listening(ended, dialect)
    channel.carry(listening, listening.heard)
    # Whether spans are taken: a connector may ask.
    awaits = dialect.server_speaks_first
    channel.write(encode_offer(AWAITS) if awaits else dialect.spans_offer)
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

    def __init__(self, ended: Deferred[None], dialect: Any) -> None:
        self._ended = ended
        self._dialect = dialect
        self._greeted = False

    def heard(self, data: bytes) -> None:
        """The answer of a plain link; a server does not begin."""
        if self._ended.called:
            return
        dialect = self._dialect
        greets = self._greets(data)
        if data[:1] in (ACCEPTED, DECLINED) or (greets and data[-1:] == DECLINED):
            self._ended.callback(None)
        elif greets:
            # So does any database; but AcraServer says no more then than that it declines.
            self._greeted = True
        else:
            strange = foreign(data, dialect.protocol) or WireError("server", "it is not AcraServer")
            self._ended.errback(Failure(strange))

    def _greets(self, data: bytes) -> bool:
        dialect = self._dialect
        if not dialect.server_speaks_first or self._greeted:
            return False
        return spoken(data) == dialect.protocol and not dialect.is_error(data)

    def server_lost(self, reason: Failure) -> None:
        """It has ended the link."""
        if not self._ended.called:
            self._ended.errback(reason)


EXAMINATION = Examination(certificates, link)

"""Checks of acra-doctor for AcraServer: certificates, and the database.

The database is talked to as the server would, up to where a client would have to log in; the role
that looks up secrets does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.config.authentication import ends_authentication
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.listeners import each
from acra_twisted.config.revocation import DATABASE
from acra_twisted.daemon.dialect import DIALECT
from acra_twisted.daemon.link import ACRACONNECTOR, is_tls
from acra_twisted.daemon.revocationprobe import judges, revocation_sources
from acra_twisted.doctor.examination import Examination, Own
from acra_twisted.doctor.far import peer, told
from acra_twisted.doctor.result import OK, Result, fail, ok, warn
from acra_twisted.errors import ConfigError, WireError
from acra_twisted.lines import printable
from acra_twisted.options import Settings
from acra_twisted.server.checks import insecure
from acra_twisted.server.columnchecks import PROTECTS
from acra_twisted.server.columnexamination import columns, schema
from acra_twisted.server.database import Database, DatabaseChannel
from acra_twisted.server.effects import verified_credentials
from acra_twisted.server.loginadvice import REMEDY, ends_client_tls
from acra_twisted.server.mysqlexamination import visited
from acra_twisted.server.sourceexamination import sources
from acra_twisted.server.tokenexamination import token_store
from acra_twisted.server.upstream import (
    database_address,
    database_tls,
    make_database,
    uses_database_tls,
)
from acra_twisted.transport import peers
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.failures import Party, reason_of, shown
from acra_twisted.transport.keepalive import keepalive
from acra_twisted.transport.spoken import foreign
from acra_twisted.wire.framing import ChunkBuffer
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import StartupPacket

#: The user that the database is asked for; nobody logs in.
USER = b"acra_doctor"
#: Bytes of the database's first answer.
_ANSWER_MAX = 8192
_TEXT_MAX = 300
_ABOUT = "database"


def certificates(settings: Settings) -> list[Own]:
    """Certificates of AcraServer that are used at one listener."""
    found = []
    if is_tls(settings, ACRACONNECTOR) or settings["client_tls"] != "disable":
        found.append(Own("tls_client_", SERVER))
    if uses_database_tls(settings):
        found.append(Own("tls_database_", CLIENT))
    return found


async def databases(
    reactor: Any, settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Result]:
    """Examine the database of each listener, and the store of tokens."""
    for mark, own in each(settings):
        async for result in database(reactor, own, environment):
            yield result._replace(text=mark + result.text)
    async for result in token_store(reactor, settings):
        yield result


async def schemas(reactor: Any, settings: Settings, sample: int) -> AsyncIterator[Result]:
    """Examine the tables of the database of each listener with protected columns, and ``sample``
    values of each of these."""
    for mark, own in each(settings):
        if not mark or PROTECTS in own["stages"]:
            async for result in schema(reactor, own, sample):
                yield result._replace(text=mark + result.text)


async def database(
    reactor: Any, settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Result]:
    """Reach the database as the server would, begin to log in, and look up a secret."""
    if not settings["db_host"]:
        # It has been told of where settings are checked.
        return
    party = Party(peers.DATABASE, shown(database_address(settings)))
    try:
        verified = verified_credentials(settings)
        revocation = judges(reactor, settings, verified)
        context = database_tls(settings)
        judge = revocation.judge(DATABASE)
        if context is not None and judge is not None:
            judge.watch(context)
        reached = make_database(reactor, settings, context, keepalive(settings))
    except ConfigError:
        # It has been told of where files are checked.
        return
    async for result in revocation_sources(reactor, settings, revocation, verified):
        yield result
    if is_mysql(settings):
        asked = visited(reactor, reached, settings, party, USER)
    else:
        asked = _asked(reactor, reached, settings, party)
    is_reached = False
    try:
        async for result in asked:
            is_reached = is_reached or result.state == OK
            yield result
    finally:
        revocation.stop()
    if not is_reached:
        return
    async for result in sources(reactor, settings, reached):
        yield result
    async for result in columns(reactor, settings, reached):
        yield result


async def _asked(
    reactor: Any, reached: Database, settings: Settings, party: Party
) -> AsyncIterator[Result]:
    """Ask a PostgreSQL for a session of nobody's."""
    try:
        channel = await reached.connect()
    except Exception as error:
        yield told(_ABOUT, reason_of(error, party))
        return
    try:
        yield ok(_ABOUT, f"{party} can be reached, {_protection(channel)}")
        for result in peer(_ABOUT, channel.certificate):
            yield result
        async for result in _login(reactor, channel, settings, party):
            yield result
    finally:
        channel.abort()


def _protection(channel: Any) -> str:
    return "with TLS" if channel.certificate is not None else "without TLS"


def is_whole(data: bytes) -> bool:
    """Return True if the first message is there, or it will never be."""
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
        both = ends_client_tls(settings) and uses_database_tls(settings)
        if both and DIALECT.offers_binding(data) and not ends_authentication(settings):
            return warn(
                "database",
                "it asks for SCRAM and offers to bind it to TLS: a client that has TLS on its own "
                "leg, too, would bind to the wrong certificate",
                REMEDY,
            )
        return ok("database", "it is PostgreSQL and asks who logs in")
    if kind == b"E":
        return _of_error(body)
    return fail("database", "it does not answer as PostgreSQL", "see db_host and db_port")


def _of_error(body: bytes) -> Result:
    try:
        fields = backend.decode_error(body)
    except WireError:
        return fail("database", "it answers with an error that cannot be read", "see db_port")
    sqlstate, text = (fields.get(key, b"").decode("utf-8", "replace") for key in "CM")
    text = printable(text, " ")[:_TEXT_MAX]
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


EXAMINATION = Examination(certificates, databases, insecure, schemas)

"""AcraServer as a service: what all connections share, and their beginning and end."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from socket import socket
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.config.files import open_file
from acra_twisted.daemon.connections import Connections
from acra_twisted.daemon.reload import not_renewed, renew
from acra_twisted.daemon.running import running, sessions
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.propagation import Disclosure
from acra_twisted.dialects.postgresql.startup import ALPN, StartupPolicy
from acra_twisted.errors import ConfigError, try_all
from acra_twisted.interfaces import IReloadable
from acra_twisted.keystore.opening import need_keys, open_keys
from acra_twisted.model import Session
from acra_twisted.options import Address, Block, Settings
from acra_twisted.pipeline.workers import Workers
from acra_twisted.plugins.chosen import Services, build
from acra_twisted.proxy.limits import Limits
from acra_twisted.server.api import ApiConnection, check_api
from acra_twisted.server.arrival import Arrival
from acra_twisted.server.cancel import CancelKeys
from acra_twisted.server.connection import ServerConnection
from acra_twisted.server.database import Database
from acra_twisted.stages.censor import check_rules
from acra_twisted.telemetry.export.destinations import doubts, make_exporters
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.metrics.exchanges import ServerMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach
from acra_twisted.telemetry.service import TelemetryService, make_guard
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.transport import peers
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.endpoints import ListenerService, bind, client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.transport.keepalive import KeepAlive, keepalive
from acra_twisted.transport.native.hub import hub_of
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tls import (
    NONE,
    REQUIRE,
    Credentials,
    RawSecurity,
    TLSContext,
    TLSContexts,
    TLSSecurity,
    told,
)
from acra_twisted.wire.http.apirequest import RESET_KEY_STORAGE

#: Stages that cannot do without keys, for `check`; each says so itself when it is made.
_NEED_KEYS = frozenset(("decryptor", "poison"))
#: Above this multiple of max_connections a connection is closed before it has said anything.
_HARD_LIMIT = 2


def uses_secure_session(settings: Settings) -> bool:
    """Whether the link is protected by Secure Session: as in Acra, unless something else is on."""
    return not (
        settings["acraconnector_tls_transport_enable"]
        or settings["acraconnector_transport_encryption_disable"]
    )


def link_name(settings: Settings) -> str:
    """The protection of the link to connectors, as `parties` names it."""
    if settings["acraconnector_tls_transport_enable"]:
        return peers.LINK_TLS
    plain = settings["acraconnector_transport_encryption_disable"]
    return peers.LINK_PLAIN if plain else peers.LINK_SECURE_SESSION


def uses_database_tls(settings: Settings) -> bool:
    """Whether connections to the database must be TLS."""
    if settings["db_tls"] == "auto":
        return not database_address(settings).is_local
    return bool(settings["db_tls"] == "require")


def asks_for_database_tls(settings: Settings) -> bool:
    """Whether a database on this host is asked for TLS, and used without if it has none: where
    there is something to have it with.  A unix socket has none."""
    address = database_address(settings)
    if settings["db_tls"] != "auto" or address.path or not address.is_local:
        return False
    return bool(settings["tls_ca"] or settings["tls_cert"]) or _judges_database(settings)


def _judges_database(settings: Settings) -> bool:
    """Whether something is said of the database's own certificate."""
    said = ("tls_database_ca", "tls_database_cert", "tls_database_sni")
    return settings["tls_database_auth"] >= 0 or any(settings[name] for name in said)


def database_tls(settings: Settings) -> TLSContext | None:
    """For TLS with the database; None if there is to be none.  Raises ConfigError; reads files of
    certificates."""
    if not (uses_database_tls(settings) or asks_for_database_tls(settings)):
        return None
    credentials = Credentials(settings, "tls_database_")
    if not (uses_database_tls(settings) or _judges_database(settings)):
        # Of the one on this host nothing was expected, and there may be none to verify it by.
        credentials.auth = NONE
    return credentials.client_creator(settings["tls_database_sni"] or settings["db_host"])


def make_database(
    reactor: Any, settings: Settings, creator: TLSContext | None, keepalive: KeepAlive
) -> Database:
    """The way to the database; ``creator`` is what `database_tls` gives."""
    insists = uses_database_tls(settings)
    return Database(
        reactor,
        database_address(settings),
        creator,
        settings["db_connect_timeout"],
        keepalive,
        insists=insists,
        settles=not insists and not _judges_database(settings),
    )


def database_address(settings: Settings) -> Address:
    """db_host may be a directory, as for libpq: then it holds a unix socket."""
    host, port = settings["db_host"], settings["db_port"]
    return Address(path=f"{host}/.s.PGSQL.{port}") if host[:1] == "/" else Address(host, port)


def check(settings: Settings) -> None:
    """Settings that cannot be used together.  Raises ConfigError; reads certificate files."""
    try_all(
        lambda: _check_database(settings),
        lambda: _check_client_ids(settings),
        lambda: _check_link(settings),
        lambda: _check_keys(settings),
    )


def _check_database(settings: Settings) -> None:
    if not settings["db_host"]:
        raise ConfigError("db_host: name the database's host")
    listener = settings["incoming_connection_string"]
    if listener is not None and database_address(settings).leads_to(listener):
        raise ConfigError(
            f"db_host and db_port: {listener} is AcraServer's own address "
            "(incoming_connection_string), and it would connect to itself without end; name the "
            "database's"
        )
    Credentials(settings, "tls_database_")
    database_tls(settings)


def _check_client_ids(settings: Settings) -> None:
    secure_session = uses_secure_session(settings)
    from_certificate = settings["tls_client_id_from_cert"]
    if not secure_session and not from_certificate and not settings["client_id"]:
        raise ConfigError("client_id: give one, or set tls_client_id_from_cert = true")
    if secure_session and not settings["securesession_id"]:
        raise ConfigError("securesession_id: Secure Session needs one, such as acra_server")


def _check_link(settings: Settings) -> None:
    link_tls = settings["acraconnector_tls_transport_enable"]
    client = Credentials(settings, "tls_client_")
    if settings["tls_client_id_from_cert"] and client.auth == 0:
        raise ConfigError("tls_client_id_from_cert needs certificates: tls_client_auth must be 4")
    if link_tls or settings["client_tls"] in ("require", "allow"):
        if client.certificate is None:
            raise ConfigError("tls_cert and tls_key: TLS needs a certificate and its key")
        client.server_context()
    check_api(settings, uses_secure_session(settings) or (link_tls and client.auth == REQUIRE))


def _check_keys(settings: Settings) -> None:
    needs = ["Secure Session"] if uses_secure_session(settings) else []
    needs += [f"the stage {name!r}" for name in settings["stages"] if name in _NEED_KEYS]
    # A copy of the environment: the service will want to find the master key there as well.
    keys = open_keys(settings, dict(os.environ), lambda: 0.0)
    for who in needs:
        need_keys(keys, settings, who)
    if keys is not None:
        keys.close()


def check_whole(settings: Settings) -> list[str]:
    """Exporters, pages and rules can be made, and certificates used; the rest that is to be said.
    Raises ConfigError, as a start or connections would."""
    remarks: list[str] = []
    try_all(
        lambda: make_exporters(None, "", settings),
        lambda: make_guard(settings, "tls_client_"),
        lambda: _check_rules(settings),
        lambda: remarks.extend(doubts(settings)),
        lambda: remarks.extend(check_certificates(settings)),
    )
    return remarks


def _check_rules(settings: Settings) -> None:
    if "censor" in settings["stages"]:
        check_rules(settings, settings.blocks)


def check_certificates(settings: Settings) -> list[str]:
    """What is to be said of this side's certificates.  Raises ConfigError if connections cannot
    work with them."""
    link_tls = settings["acraconnector_tls_transport_enable"]
    parts = []
    if link_tls or settings["client_tls"] in ("require", "allow"):
        parts.append(Credentials(settings, "tls_client_").judged(SERVER, link=link_tls))
    if uses_database_tls(settings):
        # Only a database that asks for it looks at it.
        severe, others = Credentials(settings, "tls_database_").judged(CLIENT)
        parts.append(([], [*severe, *others]))
    if settings["zpages_tls_enable"]:
        severe, others = Credentials(settings, "tls_client_").judged(SERVER)
        parts.append(([], [*severe, *others]))
    return told(*parts)


class AcraServer(MultiService):
    """``settings`` have passed `check`.  Binds its sockets at once; raises ConfigError."""

    log = Logger()
    _panicking = False

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        exit_with: Callable[[int], None] = lambda status: None,
    ) -> None:
        super().__init__()
        self.reactor = reactor
        self._settings = settings
        self._exit_with = exit_with
        # First of all sockets: when the pages answer, clients can connect.
        address: Address = settings["incoming_connection_string"]
        shared: bool = settings["incoming_connection_reuse_port"]
        self._keepalive = keepalive(settings)
        listener = bind(
            "incoming_connection_string", address, shared=shared, keepalive=self._keepalive
        )
        commands = self._bind_api(settings)
        self.metrics = ServerMetrics("postgresql")
        self._contexts = TLSContexts()
        self.telemetry = TelemetryService(
            reactor,
            "acra-server",
            settings,
            self.metrics,
            self._running,
            self._sessions,
            "tls_client_",
            self._contexts,
        )
        self.telemetry.setServiceParent(self)
        clock = self.telemetry.clock
        self.limits = Limits(
            settings["max_pending_exchanges"],
            hold=settings["batch_hold_time"],
            idle=settings["session_idle_timeout"],
            silent=settings["transaction_idle_timeout"],
            message=settings["message_timeout"],
            stage=settings["stage_timeout"],
            reply=settings["reply_timeout"],
            write=settings["write_timeout"],
        )
        self.handshake_timeout: float = settings["handshake_timeout"]
        self.cancel_keys = CancelKeys(clock, shared)
        self.keys = open_keys(settings, os.environ, reactor.seconds)
        if self.keys is not None:
            self.metrics.watch_keys(self.keys)
        self._set_up_security(settings)
        self._set_up_database(settings)
        self.workers = Workers(reactor, awaiting=hub_of(reactor).awaiting)
        services = Services(
            reactor, clock, self.keys, self.workers, self.panic, settings, self._read_blocks
        )
        self.pipeline = build(settings, services)
        self._set_up_tracing(settings)
        self._numbers = 0
        # Stages that read anew, and whether that has been asked for meanwhile.
        self._reads = 0
        self._reads_again = False
        self._connections: Connections[Arrival] = Connections(reactor)
        self.metrics.watch_pool(
            "connections", lambda: len(self._connections), settings["max_connections"]
        )
        self._by_address: Counter[str] = Counter()
        self.listener = ListenerService(
            reactor, listener, self._link.protect(_ConnectionFactory(self.accept)), address.path
        )
        self.listener.setServiceParent(self)
        self.api_listener: ListenerService | None = None
        if commands is not None:
            self._set_up_api(settings, commands)

    @staticmethod
    def _bind_api(settings: Settings) -> socket | None:
        if not settings["http_api_enable"]:
            return None
        option = "incoming_connection_api_string"
        return bind(option, settings[option], keepalive=keepalive(settings))

    def _set_up_api(self, settings: Settings, listener: socket) -> None:
        address: Address = settings["incoming_connection_api_string"]
        link = self._link
        if settings["acraconnector_tls_transport_enable"]:
            context = self._contexts.add(
                lambda: Credentials(settings, "tls_client_").server_context((b"http/1.1", b"h2"))
            )
            link = TLSSecurity(context, False)
        factory = link.protect(_ConnectionFactory(self.accept_command))
        self.api_listener = ListenerService(self.reactor, listener, factory, address.path)
        self.api_listener.setServiceParent(self)

    def _set_up_tracing(self, settings: Settings) -> None:
        address = self.database.address
        exchanges = ExchangeTracing(
            self.telemetry.tracing,
            system=PostgresqlDialect.name,
            scope=settings["tracing_scope"],
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=(address.host, address.port),
            store=self.telemetry.store,
        )
        self.observers = self.telemetry.observers(exchanges, address)
        onward = settings["tracing_propagate_to_database"]
        self.dialect = PostgresqlDialect(
            message_limit=settings["message_size_limit"],
            hold_limit=settings["batch_hold_limit"],
            max_prepared=settings["max_prepared_statements"],
            function_call=settings["function_call_enable"],
            disclosure=Disclosure(
                exchanges.context,
                exchanges.database_context if onward else None,
                errors=settings["tracing_trace_id_in_errors"],
                notices=settings["tracing_notice_enable"],
            ),
        )

        # Only where a connector has proven who it is, and where there are pages to show them.
        self.intake: Any = None
        if self.telemetry.store is not None and self._link_proves:
            # It brings protobuf along: a daemon without pages starts without.
            from acra_twisted.telemetry.tracing.received import Intake

            self.intake = Intake(self.telemetry.store, self.telemetry.clock)
            self.metrics.watch_intake(self.intake.counts)

    def _set_up_security(self, settings: Settings) -> None:
        self.peer = Party(peers.CONNECTOR[link_name(settings)])
        credentials = Credentials(settings, "tls_client_")
        self.client_id: str = settings["client_id"]
        self.id_from_certificate: str = (
            settings["tls_identifier_extractor_type"] if settings["tls_client_id_from_cert"] else ""
        )
        link_tls = settings["acraconnector_tls_transport_enable"]
        self._link_proves = uses_secure_session(settings) or (
            link_tls and credentials.auth == REQUIRE
        )
        if link_tls:
            context = self._contexts.add(
                lambda: Credentials(settings, "tls_client_").server_context((ALPN, b"h2"))
            )
            self._link: Any = TLSSecurity(context, False)
        elif uses_secure_session(settings):
            keys = need_keys(self.keys, settings, "Secure Session")
            self._link = SecureSessionSecurity(keys, settings["securesession_id"], time.time)
        else:
            self._link = RawSecurity()
        chosen = settings["client_tls"]
        # Behind a link that is encrypted TLS would only hide the protocol from the connector.
        encrypted = link_tls or uses_secure_session(settings)
        wanted = not encrypted if chosen == "auto" else chosen != "disable"
        offers_tls = credentials.certificate is not None and wanted

        def inside() -> TLSContext:
            credentials = Credentials(settings, "tls_client_")
            # Behind such a link the peer has been verified: the application shows no certificate.
            if encrypted:
                credentials.auth = 0
            return credentials.server_context((ALPN,))

        self.client_tls: Any = self._contexts.add(inside) if offers_tls else None
        offered = "require" if chosen == "require" else "allow"
        self.startup_policy = StartupPolicy(
            tls=offered if offers_tls else "disable",
            parameters=frozenset(name.lower() for name in settings["allowed_startup_parameters"]),
            replication=settings["replication_enable"],
        )

    def _set_up_database(self, settings: Settings) -> None:
        address = database_address(settings)
        creator = database_tls(settings)

        def anew() -> TLSContext:
            context = database_tls(settings)
            assert context is not None  # noqa: S101 - the same settings say so
            return context

        if creator is not None:
            self._contexts.add(anew, creator)
        self.database_party = Party(peers.DATABASE, shown(address))
        self.database = make_database(self.reactor, settings, creator, self._keepalive)
        endpoint = client_endpoint(self.reactor, address, TIMEOUT)
        self.telemetry.reach = Reach(self.reactor, "database", endpoint)
        rule = settings["db_password_without_tls"]
        self.password_without_tls = rule == "allow" or (rule == "loopback" and address.is_local)

    # -- connections ------------------------------------------------------------------------------

    def accept(self, address: str) -> ServerConnection:
        """A protocol for a connection that was just accepted."""
        self._numbers += 1
        return ServerConnection(self, self._numbers, address)

    def accept_command(self, address: str) -> ApiConnection:
        """The same for one to the HTTP API."""
        self._numbers += 1
        return ApiConnection(
            self,
            self._numbers,
            address,
            {RESET_KEY_STORAGE: self.forget_keys},
            frozenset(self._settings["http_api_clients"]),
        )

    def refuses(self, connection: Arrival) -> bool:
        """Count a connection; True if it must not even be talked to."""
        self._connections.add(connection)
        self._by_address[connection.address] += 1
        self.metrics.connection_opened(connection.connection_type)
        limit = self._settings["max_connections_per_address"]
        too_many = len(self._connections) > _HARD_LIMIT * self._settings["max_connections"]
        return bool(too_many or limit and self._by_address[connection.address] > limit)

    @property
    def is_full(self) -> bool:
        """True if no further session may begin."""
        return bool(len(self._connections) > self._settings["max_connections"])

    def closed(self, connection: Arrival, seconds: float) -> None:
        """A connection has ended."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        self._by_address[connection.address] -= 1
        if not self._by_address[connection.address]:
            del self._by_address[connection.address]
        self.metrics.connection_closed(seconds, connection.connection_type)

    def _running(self) -> Iterator[Span]:
        return running(self._connections)

    def _sessions(self) -> Iterator[Session]:
        return sessions(self._connections)

    # -- service ----------------------------------------------------------------------------------

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self._connections.start()
        self.telemetry.unready = ""
        banner.begins(self.log, self._settings, self.telemetry.exporters, **self._facts())
        for text in insecure(self._settings):
            self.log.warn("{event_text}", event_text=text, code=events.INSECURE_SETTING)

    def _facts(self) -> dict[str, str]:
        """What this server does, for the line at the start."""
        facts = {
            "link": link_name(self._settings),
            "database": self.database_party.where,
            "database_tls": self.database.tls,
            "stages": banner.summaries(self.pipeline.stages),
        }
        if self.api_listener is not None:
            facts["api"] = shown(self._settings["incoming_connection_api_string"])
        return facts

    def stopService(self) -> Deferred[Any]:
        """Stop accepting, let sessions end, cut what is left, then flush what is told."""
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.telemetry.unready = "stopping"
        banner.stops(self.log)
        await self.listener.stopService()
        if self.api_listener is not None:
            await self.api_listener.stopService()
        timeout = self._settings["incoming_connection_close_timeout"]
        await self._connections.end(0 if self._panicking else timeout)
        await self.pipeline.stop()
        self.workers.stop()
        if self.keys is not None:
            self.keys.close()
        await super().stopService()

    def hurry(self) -> None:
        """A second SIGTERM: sessions are not waited for any longer."""
        self._connections.hurry()

    def reload(self) -> None:
        """SIGHUP: read keys, certificates, and what stages read, anew; sessions go on.

        However many signals come while something is read: it is read once more when that is done.
        """
        if self._reads:
            self._reads_again = True
            return
        self.forget_keys()
        renew(self._contexts, self.log)
        self.telemetry.tell_certificates()
        self._reads = 1
        for stage in self.pipeline.stages:
            if IReloadable.providedBy(stage):
                self._reads += 1
                reading: Deferred[Any] = maybeDeferred(stage.reload)
                reading.addCallback(self._has_read, stage).addErrback(self._has_not_read, stage)
                reading.addCallback(self._read_one)
        self._read_one(None)

    def forget_keys(self) -> None:
        """Read keys anew when they are wanted."""
        if self.keys is not None:
            self.keys.forget()
        self.log.info("Keys will be read anew", code=events.READ_KEYS)

    def _has_read(self, _: Any, stage: Any) -> None:
        self.pipeline.forget_plans()
        self.log.info("Read anew", stage=stage.name, code=events.GENERAL)

    def _has_not_read(self, failure: Failure, stage: Any) -> None:
        if isinstance(failure.value, ConfigError):
            not_renewed(self.log, failure.value, stage=stage.name)
        else:
            self.log.failure("stage {stage} cannot read anew", failure, stage=stage.name)

    def _read_one(self, _: Any) -> None:
        self._reads -= 1
        if not self._reads and self._reads_again:
            self._reads_again = False
            self.reload()

    def _read_blocks(self) -> Sequence[Block]:
        path = self._settings.file
        return open_file(path).blocks() if path else ()

    def panic(self) -> None:
        """End the program now: sessions are cut, what is told is flushed, exit status 1."""
        if not self._panicking:
            self._panicking = True
            self._exit_with(1)
            self.reactor.callLater(0, self.reactor.stop)


def insecure(settings: Settings) -> list[str]:
    """What weakens protection, a sentence each."""
    found = []
    if uses_database_tls(settings) and Credentials(settings, "tls_database_").auth == 0:
        found.append("tls_database_auth = 0: the database's certificate is not verified")
    address: Address = settings["incoming_connection_string"]
    plain = settings["acraconnector_transport_encryption_disable"]
    if plain and not address.is_local and settings["client_tls"] != "require":
        found.append(
            f"plain connections are accepted on {address}; set client_tls = require or use TLS"
        )
    if not uses_database_tls(settings) and not database_address(settings).is_local:
        found.append("db_tls = disable: data crosses the network to the database in clear")
    return found


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, accept: Callable[[str], Arrival]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: Any) -> Arrival:
        return self._accept(getattr(addr, "host", "") or "unix")

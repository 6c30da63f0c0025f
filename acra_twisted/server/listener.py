"""One address of AcraServer: its link, its database, its stages, and what its connections share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.blocks import ALL_BLOCKS, blocks_beside, blocks_of
from acra_twisted.config.files import open_file
from acra_twisted.config.revocation import CLIENT, DATABASE, staples
from acra_twisted.daemon.dialect import (
    dialect_of,
    lets_password_pass,
    login_policy,
    protocols,
    server_dialect,
)
from acra_twisted.daemon.link import ACRACONNECTOR, is_plain, is_tls, protection
from acra_twisted.daemon.service import DaemonService
from acra_twisted.keystore.opening import need_keys
from acra_twisted.options import Block, Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import Workers
from acra_twisted.plugins.chosen import build
from acra_twisted.proxy.limits import Limits
from acra_twisted.server.cancel import CancelKeys
from acra_twisted.server.connection import ServerConnection
from acra_twisted.server.context import ServerContext
from acra_twisted.server.credentials import make_certificates, make_credentials
from acra_twisted.server.database import Database
from acra_twisted.server.effects import proves_connectors
from acra_twisted.server.loginrefusals import LoginRefusals
from acra_twisted.server.upstream import (
    database_tls,
    make_database,
    verifies_database,
)
from acra_twisted.server.visiting import look
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.metrics.lookups import LookupMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach, connecting
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport import peers
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.transport.link import RawSecurity, TLSSecurity
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tlscontext import TLSContext


class Shared(NamedTuple):
    """The parts of a server that all of its listeners use.

    ``mock_key`` is as in ChallengePolicy.  ``tokenizer`` is that of `Services`.  ``intake`` takes
    spans of connectors, None where they are not wanted.
    """

    daemon: DaemonService
    metrics: ServerMetrics
    lookups: LookupMetrics
    workers: Workers
    mock_key: bytes
    tokenizer: Callable[[], Any]
    intake: Any


class Listener:
    """Makes all that connections to one address need.  ``name`` is that of its section, empty for
    the daemon's own address.  Raises ConfigError."""

    def __init__(self, name: str, settings: Settings, shared: Shared) -> None:
        self.name, self.settings, self._shared = name, settings, shared
        daemon, workers = shared.daemon, shared.workers
        self._daemon = daemon
        reactor, telemetry, metrics = daemon.reactor, daemon.telemetry, shared.metrics
        dialect = self._dialect = dialect_of(settings)
        self.link = self.secured((*protocols(dialect), b"h2"))
        database = self._database()
        self.credentials = make_credentials(
            reactor,
            settings,
            database,
            workers.run,
            shared.lookups,
            daemon.event,
            daemon.log,
        )
        self.certificates = make_certificates(settings)
        self.pipeline = build(
            settings,
            Services(
                reactor,
                telemetry.clock,
                daemon.keys,
                workers,
                daemon.give_up,
                settings,
                self._read_blocks,
                dialect.language,
                telemetry.opencensus_exporter,
                shared.tokenizer,
            ),
        )
        address = database.address
        exchanges = ExchangeTracing(
            telemetry.tracing,
            scope=settings["tracing_scope"],
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=(address.host, address.port),
            store=telemetry.store,
        )
        context = self._client_tls()
        login_limits = LoginLimits(
            reactor.seconds,
            SystemRandom().random,
            of_address=settings["auth_max_logins_per_address"],
            of_all=settings["auth_max_logins"],
        )
        counts = ServerExchanges(metrics, dialect.name, dialect.refusals, name)
        refusals = LoginRefusals(
            login_limits,
            counts,
            lambda *event, **fields: self.context.observers.security_event(*event, **fields),
        )
        rules = settings["client_id_map_file"]
        self.client_ids = MapFile(rules) if rules else None
        rule = settings["db_password_without_tls"]
        password_without_tls = lets_password_pass(rule, address)
        plain = is_plain(settings, ACRACONNECTOR)
        self.context = ServerContext(
            reactor=reactor,
            log=daemon.log,
            metrics=metrics,
            counts=counts,
            tracing=telemetry.tracing,
            turns=telemetry.turns,
            connections=daemon.connections,
            observers=telemetry.observers(exchanges, counts, address, (refusals,)),
            pipeline=self.pipeline,
            limits=_limits(settings),
            dialect=server_dialect(settings, exchanges.context, exchanges.database_context),
            cancel_keys=CancelKeys(telemetry.clock, settings["incoming_connection_reuse_port"]),
            database=database,
            database_party=Party(peers.DATABASE, shown(address)),
            peer=Party(peers.CONNECTOR[protection(settings, ACRACONNECTOR)]),
            login_policy=login_policy(
                settings,
                self.pipeline,
                offers_tls=context is not None,
                database_tls=database.tls,
                password_without_tls=password_without_tls,
                plain=plain,
                mock_key=shared.mock_key,
            ),
            client_id=settings["client_id"],
            id_from_certificate=(
                settings["tls_identifier_extractor_type"]
                if settings["tls_client_id_from_cert"]
                else ""
            ),
            client_tls=context,
            handshake_timeout=min(settings["handshake_timeout"], dialect.handshake_limit),
            login_limits=login_limits,
            intake=shared.intake if proves_connectors(settings) else None,
            credentials=self.credentials,
            client_ids=self.client_ids,
            link_encrypted=not plain,
            certificates=self.certificates,
            in_thread=workers.run,
            listener=name,
        )

    def accept(self, address: str) -> ServerConnection:
        """A protocol for a connection that was just accepted."""
        return ServerConnection(self.context, self._daemon.next_number(), address)

    def reloadable(self) -> tuple[Any, ...]:
        """Sources of secrets, users of certificates, the map of client ids, and stages."""
        return (self.credentials, self.certificates, self.client_ids, *self.pipeline.stages)

    async def release(self) -> None:
        """End lookups and stages."""
        if self.credentials is not None:
            self.credentials.stop()
        await self.pipeline.stop()

    def secured(self, protocols: Sequence[bytes], other: Any = None) -> Any:
        """The protection of the link to connectors; ``protocols`` are those that TLS may name.
        ``other`` is that of another address, which has the same keys."""
        settings, daemon = self.settings, self._daemon
        if is_tls(settings, ACRACONNECTOR):
            made = daemon.contexts.add(
                lambda: self._credentials().server_context(tuple(protocols)),
                judge=daemon.revocation.judge(CLIENT),
            )
            if staples(settings):
                daemon.revocation.staple(made, CLIENT, self._credentials)
            return TLSSecurity(made, False)
        if other is not None:
            return other
        if is_plain(settings, ACRACONNECTOR):
            return RawSecurity()
        keys = need_keys(daemon.keys, settings, "Secure Session")
        return SecureSessionSecurity(keys, settings["securesession_id"], time.time)

    def _credentials(self) -> Credentials:
        return Credentials(self.settings, self._daemon.tls_prefix)

    def _client_tls(self) -> TLSContext | None:
        """TLS for applications, inside of the database's protocol; None if there is to be none."""
        chosen = self.settings["client_tls"]
        # Behind a link that is encrypted TLS would only hide the protocol from the connector.
        encrypted = not is_plain(self.settings, ACRACONNECTOR)
        wanted = not encrypted if chosen == "auto" else chosen != "disable"
        if not wanted or self._credentials().certificate is None:
            return None

        def make() -> TLSContext:
            credentials = self._credentials()
            # Behind such a link the peer has been verified: the application shows no certificate.
            if encrypted:
                credentials.auth = 0
            return credentials.server_context(protocols(self._dialect))

        judge = None if encrypted else self._daemon.revocation.judge(CLIENT)
        return self._daemon.contexts.add(make, judge=judge)

    def _database(self) -> Database:
        settings, daemon = self.settings, self._daemon
        creator = database_tls(settings)

        def anew() -> TLSContext:
            context = database_tls(settings)
            assert context is not None  # noqa: S101 - the same settings say so
            return context

        if creator is not None:
            judge = daemon.revocation.judge(DATABASE) if verifies_database(settings) else None
            daemon.contexts.add(anew, creator, judge)
        made = make_database(daemon.reactor, settings, creator, daemon.keepalive, daemon.transports)
        about = f"database of {self.name}" if self.name else ""
        self.reach = Reach(daemon.reactor, "database", self._asking(made), about)
        return made

    def _asking(self, database: Database) -> Callable[[], Deferred[str]]:
        """Return what asks if the database takes connections."""
        dialect = self._dialect
        if dialect.visit() is None:
            return connecting(client_endpoint(self._daemon.reactor, database.address, TIMEOUT))
        return lambda: look(database, dialect.visit(database.tls))

    def _read_blocks(self) -> Sequence[Block]:
        path = self.settings.file
        if not path:
            return ()
        found = blocks_of(open_file(path).blocks(), ALL_BLOCKS)
        return blocks_beside(self.settings.given, found) if self.name else found


def _limits(settings: Settings) -> Limits:
    return Limits(
        settings["max_pending_exchanges"],
        hold=settings["batch_hold_time"],
        idle=settings["session_idle_timeout"],
        silent=settings["transaction_idle_timeout"],
        message=settings["message_timeout"],
        stage=settings["stage_timeout"],
        reply=settings["reply_timeout"],
        write=settings["write_timeout"],
    )

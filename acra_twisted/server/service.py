"""AcraServer as a service: what all its connections share, and their beginning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from random import SystemRandom
from secrets import token_bytes
from typing import Any

from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.authentication.mapfile import MapFile
from acra_twisted.config.files import open_file
from acra_twisted.config.revocation import CLIENT, DATABASE, staples
from acra_twisted.daemon.dialect import DIALECT, login_policy, server_dialect
from acra_twisted.daemon.link import ACRACONNECTOR, is_plain, is_secure_session, is_tls, protection
from acra_twisted.daemon.service import API, MAIN, DaemonService
from acra_twisted.keystore.opening import need_keys
from acra_twisted.options import Block, Settings
from acra_twisted.pipeline.services import Services
from acra_twisted.pipeline.workers import Workers
from acra_twisted.plugins.chosen import build
from acra_twisted.proxy.limits import Limits
from acra_twisted.server.api import ApiConnection
from acra_twisted.server.cancel import CancelKeys
from acra_twisted.server.checks import insecure
from acra_twisted.server.connection import ServerConnection
from acra_twisted.server.context import ServerContext
from acra_twisted.server.credentials import make_certificates, make_credentials
from acra_twisted.server.database import Database
from acra_twisted.server.effects import verified_credentials
from acra_twisted.server.loginadvice import advice
from acra_twisted.server.loginrefusals import LoginRefusals
from acra_twisted.server.recheck import Recheck
from acra_twisted.server.tokenstore import make_tokenizer
from acra_twisted.server.upstream import (
    database_address,
    database_tls,
    make_database,
    verifies_database,
)
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.metrics.exchanges import ServerMetrics
from acra_twisted.telemetry.pages.readiness import TIMEOUT, Reach
from acra_twisted.telemetry.tracing.exchanges import ExchangeTracing
from acra_twisted.transport import peers
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.credentials import REQUIRE, Credentials
from acra_twisted.transport.endpoints import client_endpoint
from acra_twisted.transport.failures import Party, shown
from acra_twisted.transport.link import RawSecurity, TLSSecurity
from acra_twisted.transport.securesession import SecureSessionSecurity
from acra_twisted.transport.tlscontext import TLSContext
from acra_twisted.wire.http.apirequest import RESET_KEY_STORAGE

#: The use of the master key that is for users without a secret.
_MOCK = b"acra_twisted users without a secret"
#: Above this multiple of max_connections a connection is closed before it has said anything.
_ABRUPT = 2


class AcraServer(DaemonService):
    """``settings`` have passed `check`.  ``exit_with`` is told the status that the program is to
    end with, if it ends by itself.  Raises ConfigError."""

    name = "acra-server"
    tls_prefix = "tls_client_"

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        exit_with: Callable[[int], None] = lambda status: None,
        inherited: InheritedSockets | None = None,
    ) -> None:
        metrics = ServerMetrics(DIALECT.name, DIALECT.refusals)
        super().__init__(
            reactor,
            settings,
            metrics,
            system=DIALECT.name,
            abrupt_limit=_ABRUPT * settings["max_connections"],
            per_address=settings["max_connections_per_address"],
            inherited=inherited,
            exit_with=exit_with,
            verified=lambda: verified_credentials(settings),
        )
        metrics.watch_sessions(self.sessions)
        self.workers = Workers(reactor)
        link = self._link((DIALECT.alpn, b"h2"))
        database = self._database()
        self.credentials = make_credentials(
            reactor,
            settings,
            database,
            self.workers.run,
            metrics.registry,
            self.event,
            self.log,
        )
        if self.credentials is not None and settings["auth_recheck"]:
            interval = settings["auth_recheck"]
            again = Recheck(reactor, interval, self.credentials, self.connections)
            again.setServiceParent(self)
        self.certificates = make_certificates(settings)
        services = Services(
            reactor,
            self.telemetry.clock,
            self.keys,
            self.workers,
            self.give_up,
            settings,
            self._read_blocks,
            DIALECT.language,
            self.telemetry.opencensus_exporter,
            self._tokenizer,
        )
        self.pipeline = build(settings, services)
        address = database.address
        exchanges = ExchangeTracing(
            self.telemetry.tracing,
            system=DIALECT.name,
            scope=settings["tracing_scope"],
            slow=int(settings["tracing_slow_threshold"] * 1e9),
            server=(address.host, address.port),
            store=self.telemetry.store,
        )
        context = self._client_tls()
        login_limits = LoginLimits(
            reactor.seconds,
            SystemRandom().random,
            of_address=settings["auth_max_logins_per_address"],
            of_all=settings["auth_max_logins"],
        )
        refusals = LoginRefusals(
            login_limits,
            metrics,
            lambda *event, **fields: self.context.observers.security_event(*event, **fields),
        )
        rules = settings["client_id_map_file"]
        self.client_ids = MapFile(rules) if rules else None
        rule = settings["db_password_without_tls"]
        password_without_tls = rule == "allow" or (rule == "loopback" and address.is_local)
        self.context = ServerContext(
            reactor=reactor,
            log=self.log,
            metrics=metrics,
            tracing=self.telemetry.tracing,
            turns=self.telemetry.turns,
            connections=self.connections,
            observers=self.telemetry.observers(exchanges, metrics, address, (refusals,)),
            pipeline=self.pipeline,
            limits=_limits(settings),
            dialect=server_dialect(settings, exchanges.context, exchanges.database_context),
            cancel_keys=CancelKeys(
                self.telemetry.clock, settings["incoming_connection_reuse_port"]
            ),
            database=database,
            database_party=Party(peers.DATABASE, shown(address)),
            peer=Party(peers.CONNECTOR[protection(settings, ACRACONNECTOR)]),
            login_policy=login_policy(
                settings,
                self.pipeline,
                offers_tls=context is not None,
                password_without_tls=password_without_tls,
                plain=is_plain(settings, ACRACONNECTOR),
                mock_key=self._mock_key() or token_bytes(32),
            ),
            client_id=settings["client_id"],
            id_from_certificate=(
                settings["tls_identifier_extractor_type"]
                if settings["tls_client_id_from_cert"]
                else ""
            ),
            client_tls=context,
            handshake_timeout=settings["handshake_timeout"],
            login_limits=login_limits,
            intake=self._intake(),
            credentials=self.credentials,
            client_ids=self.client_ids,
            link_encrypted=not is_plain(settings, ACRACONNECTOR),
            certificates=self.certificates,
            in_thread=self.workers.run,
        )
        self.serve(MAIN, self.accept, link)
        if settings["http_api_enable"]:
            self.serve(API, self.accept_command, self._link((b"http/1.1", b"h2"), link))

    # -- what connections share -------------------------------------------------------------------

    def _mock_key(self) -> bytes | None:
        """Return the key of what users without a secret are shown: the same in all processes and on
        all servers that have the same master key; None if the key store has none."""
        derived: bytes | None = None if self.keys is None else self.keys.derived(_MOCK)
        return derived

    def _credentials(self) -> Credentials:
        return Credentials(self.settings, self.tls_prefix)

    def _link(self, protocols: Sequence[bytes], other: Any = None) -> Any:
        """The protection of the link to connectors; ``protocols`` are those that TLS may name.
        ``other`` is that of another address, which has the same keys."""
        settings = self.settings
        if is_tls(settings, ACRACONNECTOR):
            made = self.contexts.add(
                lambda: self._credentials().server_context(tuple(protocols)),
                judge=self.revocation.judge(CLIENT),
            )
            if staples(settings):
                self.revocation.staple(made, CLIENT, self._credentials)
            return TLSSecurity(made, False)
        if other is not None:
            return other
        if is_plain(settings, ACRACONNECTOR):
            return RawSecurity()
        keys = need_keys(self.keys, settings, "Secure Session")
        return SecureSessionSecurity(keys, settings["securesession_id"], time.time)

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
            return credentials.server_context((DIALECT.alpn,))

        judge = None if encrypted else self.revocation.judge(CLIENT)
        return self.contexts.add(make, judge=judge)

    def _database(self) -> Database:
        settings, reactor = self.settings, self.reactor
        creator = database_tls(settings)

        def anew() -> TLSContext:
            context = database_tls(settings)
            assert context is not None  # noqa: S101 - the same settings say so
            return context

        if creator is not None:
            judge = self.revocation.judge(DATABASE) if verifies_database(settings) else None
            self.contexts.add(anew, creator, judge)
        endpoint = client_endpoint(reactor, database_address(settings), TIMEOUT)
        self.telemetry.reach = Reach(reactor, "database", endpoint)
        return make_database(reactor, settings, creator, self.keepalive, self.transports)

    def _intake(self) -> Any:
        """Takes spans of connectors: of those that have proven who they are, and where there are
        pages to show them."""
        if self.telemetry.store is None:
            return None
        proves = is_secure_session(self.settings, ACRACONNECTOR) or (
            is_tls(self.settings, ACRACONNECTOR) and self._credentials().auth == REQUIRE
        )
        if not proves:
            return None
        # It brings protobuf along: a daemon without pages starts without.
        from acra_twisted.telemetry.tracing.received import SpanReceiver

        made = SpanReceiver(self.telemetry.store, self.telemetry.clock)
        self.metrics.watch_intake(made.counts)
        return made

    def _read_blocks(self) -> Sequence[Block]:
        path = self.settings.file
        return open_file(path).blocks() if path else ()

    def _tokenizer(self) -> Any:
        made = make_tokenizer(
            self.settings, self.keys, self.reactor, self.telemetry.clock, self.workers
        )
        self.metrics.watch_tokens(made.counts)
        return made

    # -- connections ------------------------------------------------------------------------------

    def accept(self, address: str) -> ServerConnection:
        """A protocol for a connection that was just accepted."""
        return ServerConnection(self.context, self.next_number(), address)

    def accept_command(self, address: str) -> ApiConnection:
        """The same for one to the HTTP API."""
        return ApiConnection(
            self.context,
            self.next_number(),
            address,
            {RESET_KEY_STORAGE: self.forget_keys},
            frozenset(self.settings["http_api_clients"]),
        )

    # -- see DaemonService ------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Link, database and stages."""
        return {
            "link": protection(self.settings, ACRACONNECTOR),
            "database": self.context.database_party.where,
            "database_tls": self.context.database.tls,
            "stages": banner.summaries(self.pipeline.stages),
        }

    def advice(self) -> list[str]:
        """See `server.loginadvice`."""
        return advice(self.settings)

    def insecure(self) -> list[str]:
        """See `server.checks.insecure`."""
        found = insecure(self.settings)
        if self.credentials is not None and self._mock_key() is None:
            found.append(
                "keys_dir: without a master key the salts of unknown users are others after a "
                "restart and on other servers, which tells them from users; name a key store"
            )
        return found

    def reloadable(self) -> Iterable[Any]:
        """Sources of secrets, users of certificates, the map of client ids, and stages."""
        own = (self.credentials, self.certificates, self.client_ids)
        return (*own, *self.pipeline.stages)

    def reloaded(self) -> None:
        """Have stages plan results anew, for what they have read may say otherwise."""
        self.pipeline.forget_plans()

    async def release(self) -> None:
        """End lookups, stages and threads."""
        if self.credentials is not None:
            self.credentials.stop()
        await self.pipeline.stop()
        self.workers.stop()


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

"""AcraServer as a service: what all its connections share, and their beginning."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from secrets import token_bytes
from typing import Any

from acra_twisted.authentication.credentials import Credentials
from acra_twisted.config.listeners import checked, each
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.link import ACRACONNECTOR, protection
from acra_twisted.daemon.service import API, MAIN, DaemonService
from acra_twisted.options import Settings
from acra_twisted.pipeline.workers import Workers
from acra_twisted.server.api import ApiConnection
from acra_twisted.server.checks import insecure
from acra_twisted.server.columnchecks import missing_keys
from acra_twisted.server.effects import proves_connectors, verified_credentials
from acra_twisted.server.listener import Listener, Shared
from acra_twisted.server.loginadvice import advice
from acra_twisted.server.recheck import Recheck
from acra_twisted.server.tokenstore import make_tokenizer
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.metrics.families import ServerMetrics
from acra_twisted.telemetry.metrics.lookups import LookupMetrics
from acra_twisted.telemetry.pages.readiness import ReachAll
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.failures import shown
from acra_twisted.wire.http.apirequest import RESET_KEY_STORAGE

#: The use of the master key that is for users without a secret.
_MOCK = b"acra_twisted users without a secret"
#: Above this multiple of max_connections a connection is closed before it has said anything.
_ABRUPT = 2


class AcraServer(DaemonService):
    """``settings`` have passed `check`.  ``exit_with`` is told the status that the program is to
    end with, if it ends by itself.  Raises ConfigError."""

    name = "acra-server"
    sections = SERVER_SECTIONS
    tls_prefix = "tls_client_"

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        exit_with: Callable[[int], None] = lambda status: None,
        inherited: InheritedSockets | None = None,
    ) -> None:
        dialect = dialect_of(settings)
        metrics = ServerMetrics(settings.listeners)
        super().__init__(
            reactor,
            settings,
            metrics,
            system=dialect.name,
            abrupt_limit=_ABRUPT * settings["max_connections"],
            per_address=settings["max_connections_per_address"],
            inherited=inherited,
            exit_with=exit_with,
            verified=lambda: verified_credentials(settings),
        )
        metrics.watch_sessions(self.sessions_by_listener)
        self.workers = Workers(reactor)
        self._opened: Any = None
        shared = Shared(
            self,
            metrics,
            LookupMetrics(metrics.registry, self._lookups, self._cannot_look_up),
            self.workers,
            self._mock_key() or token_bytes(32),
            self._tokenizer,
            self._intake(),
        )
        #: What accepts connections, by the name of its section; the server's own has none.
        self.accepting: dict[str, Listener] = {}
        for name, own in (("", settings), *settings.listeners.items()):
            self.accepting[name] = Listener(name, own, shared)
            self._check_again(self.accepting[name])
        self.context = self.accepting[""].context
        reaches = [one.reach for one in self.accepting.values()]
        self.telemetry.reach = reaches[0] if len(reaches) == 1 else ReachAll(reaches)
        for (mark, _), one in zip(each(settings), self.accepting.values(), strict=True):
            self.serve(mark + MAIN, one.accept, one.link)
        if settings["http_api_enable"]:
            main = self.accepting[""]
            self.serve(API, self.accept_command, main.secured((b"http/1.1", b"h2"), main.link))

        self.telemetry.tell("rules", self._rule_hits)
        self.telemetry.tell("authentication", self._secrets)
        self.telemetry.tell("stages", metrics.failures.shown)

    # -- what connections share -------------------------------------------------------------------

    def _check_again(self, listener: Listener) -> None:
        """Look users with open sessions up again, where that is wanted."""
        interval = listener.settings["auth_recheck"]
        if listener.credentials is not None and interval:
            again = Recheck(
                self.reactor, interval, listener.credentials, self.connections, listener.name
            )
            again.setServiceParent(self)

    def _rule_hits(self) -> list[dict[str, Any]]:
        """Return what each rule of each listener has decided."""
        return [
            {"listener": listener.name, "stage": stage.name, **rule}
            for listener in self.accepting.values()
            for stage in listener.pipeline.stages
            if hasattr(stage, "rule_hits")
            for rule in stage.rule_hits()
        ]

    def _secrets(self) -> list[dict[str, Any]]:
        """Return how the sources of users' secrets are, of each listener that has some."""
        return [
            {
                "listener": name,
                "sources": one.credentials.sources,
                "waiting": one.credentials.waiting,
                "trouble": one.credentials.trouble,
            }
            for name, one in self.accepting.items()
            if one.credentials is not None
        ]

    def _sources(self) -> list[Credentials]:
        made = (listener.credentials for listener in self.accepting.values())
        return [one for one in made if one is not None]

    def _lookups(self) -> int:
        return sum(one.waiting for one in self._sources())

    def _cannot_look_up(self) -> bool:
        return any(one.is_away for one in self._sources())

    def _mock_key(self) -> bytes | None:
        """Return the key of what users without a secret are shown: the same in all processes and on
        all servers that have the same master key; None if the key store has none."""
        derived: bytes | None = None if self.keys is None else self.keys.derived(_MOCK)
        return derived

    def _intake(self) -> Any:
        """Takes spans of connectors, where there are pages to show them, or a history."""
        if self.telemetry.received is None or not any(
            proves_connectors(own) for _, own in each(self.settings)
        ):
            return None
        # It brings protobuf along: a daemon without either starts without.
        from acra_twisted.telemetry.tracing.received import SpanReceiver

        figures = self.telemetry.figures
        timed = figures.counter.span_received if figures is not None else None
        made = SpanReceiver(self.telemetry.received, self.telemetry.clock, timed, self.name)
        self.metrics.watch_intake(made.counts)
        return made

    def _tokenizer(self) -> Any:
        """Open the store of tokens, once for all that use it."""
        if self._opened is None:
            self._opened = make_tokenizer(
                self.settings, self.keys, self.reactor, self.telemetry.clock, self.workers
            )
            self.metrics.watch_tokens(self._opened.counts)
        return self._opened

    # -- connections ------------------------------------------------------------------------------

    def accept_command(self, address: str) -> ApiConnection:
        """A protocol for a connection to the HTTP API that was just accepted."""
        return ApiConnection(
            self.context,
            self.next_number(),
            address,
            {RESET_KEY_STORAGE: self.forget_keys},
            frozenset(self.settings["http_api_clients"]),
        )

    # -- see DaemonService ------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Link, database and stages, and listeners where there are some."""
        found = {
            "link": protection(self.settings, ACRACONNECTOR),
            "database": self.context.database_party.where,
            "database_tls": self.context.database.tls,
            "stages": banner.summaries(self.context.pipeline.stages),
        }
        listeners = [
            f"{name} ({shown(one.settings[MAIN])} to {one.context.database_party.where})"
            for name, one in self.accepting.items()
            if name
        ]
        return {**found, "listeners": ", ".join(listeners)} if listeners else found

    def advice(self) -> list[str]:
        """See `server.loginadvice`, and `server.missingkeys`."""
        missing = checked(lambda own: missing_keys(own, self.keys), self.settings)
        return [*checked(advice, self.settings), *missing]

    def insecure(self) -> list[str]:
        """See `server.checks.insecure`."""
        found = insecure(self.settings)
        if self._sources() and self._mock_key() is None:
            found.append(
                "keys_dir: without a master key the salts of unknown users are others after a "
                "restart and on other servers, which tells them from users; name a key store"
            )
        return found

    def reloadable(self) -> Iterable[Any]:
        """Sources of secrets, users of certificates, the map of client ids, and stages."""
        return [part for one in self.accepting.values() for part in one.reloadable()]

    def reloaded(self) -> None:
        """Have stages plan results anew, for what they have read may say otherwise."""
        for listener in self.accepting.values():
            listener.pipeline.forget_plans()

    async def release(self) -> None:
        """End lookups, stages and threads."""
        for listener in self.accepting.values():
            await listener.release()
        self.workers.stop()

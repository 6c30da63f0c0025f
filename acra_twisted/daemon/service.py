"""The base of every daemon's service: from the first socket to the last span that is sent.

A daemon inherits `DaemonService`, makes its own parts, and calls `serve` for each address that it
listens on.  What all daemons have in common is here: sockets that are bound before a process goes
into the background, telemetry, the key store, limits of connections, reading anew on SIGHUP, and an
end at which no work is lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import __version__, events
from acra_twisted.config.listeners import ADDRESS, each
from acra_twisted.config.origins import origins
from acra_twisted.daemon.connections import Connections
from acra_twisted.daemon.reload import Reloader, renew
from acra_twisted.daemon.revocation import Revocation
from acra_twisted.daemon.running import running, sessions, sessions_by_listener
from acra_twisted.keystore.opening import open_keys
from acra_twisted.optionkinds import Address
from acra_twisted.options import Section, Settings
from acra_twisted.telemetry import vitals
from acra_twisted.telemetry.logs import banner
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.pages.changes import KEYS, STARTED
from acra_twisted.telemetry.service import TelemetryService
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.endpoints import ListenerService, bind
from acra_twisted.transport.failures import shown
from acra_twisted.transport.keepalive import keepalive
from acra_twisted.transport.native.adoption import make_transports
from acra_twisted.transport.tlscontext import TLSContexts

MAIN = ADDRESS
API = "incoming_connection_api_string"


class DaemonService(MultiService):
    """``settings`` have passed the daemon's check.  Sockets are bound here and accept from
    `startService` on.  Raises ConfigError.

    ``system`` is the database whose sessions are followed, empty where there is none.  ``mode`` is
    that of unix sockets.  ``abrupt_limit`` and ``per_address`` are those of `Connections`.
    ``needs_keys``: False for a daemon that has no use for a key store.  ``inherited`` has the
    listening sockets of a service manager.  ``exit_with`` is told the status that the program is to
    end with, if it ends by itself.  ``verified`` reads the credentials of legs whose peers'
    certificates are verified, as `config.revocation` names legs.
    """

    log = Logger()
    #: The program's name.
    name: str
    #: Before the TLS options of the certificate that guards the pages.
    tls_prefix = "tls_"
    #: The declarations of its settings.
    sections: Sequence[Section] = ()
    #: Seconds for connections to end at shutdown; None for what the settings say.
    patience: float | None = None

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        metrics: DaemonMetrics,
        *,
        system: str = "",
        mode: int = 0o600,
        abrupt_limit: int = 0,
        per_address: int = 0,
        needs_keys: bool = True,
        inherited: InheritedSockets | None = None,
        exit_with: Callable[[int], None] = lambda status: None,
        verified: Callable[[], Mapping[str, Credentials]] = dict,
    ) -> None:
        super().__init__()
        self.reactor = reactor
        self.settings = settings
        self.metrics = metrics
        self.keepalive = keepalive(settings)
        self.transports = make_transports(reactor, settings)
        self._mode = mode
        self._inherited = inherited
        # First of all sockets: when the pages answer, clients can connect.
        self._at = {option: (address, shared) for option, address, shared in self._addresses()}
        self._bound = {
            option: bind(option, address, mode, shared, self.keepalive, inherited)
            for option, (address, shared) in self._at.items()
        }
        self.listeners: dict[str, ListenerService] = {}
        self.contexts = TLSContexts()
        self.connections: Connections[Any] = Connections(
            reactor, metrics, settings["max_connections"], abrupt_limit, per_address
        )
        self.telemetry = TelemetryService(
            reactor,
            self.name,
            settings,
            metrics,
            self.running_spans,
            self.sessions,
            self.tls_prefix,
            self.contexts,
            inherited=inherited,
            system=system,
            afterwards=self.transports.afterwards,
        )
        self.telemetry.setServiceParent(self)
        self.keys: Any = open_keys(settings, os.environ, reactor.seconds, needs_keys)
        if self.keys is not None:
            metrics.watch_keys(self.keys)
        self._numbers = 0
        self._exit_with = exit_with
        self.revocation = Revocation(
            reactor,
            settings,
            verified,
            event=self.event,
            metrics=metrics,
            tracing=self.telemetry.tracing,
        )
        self._reloader = Reloader(
            self.log,
            self._read_at_once,
            self._parts,
            self.reloaded,
            self.telemetry.changes.note,
        )
        #: Sentences that were said at the start, by their kind.
        self._warnings: dict[str, list[str]] = {}
        self._tell_vitals()

    def _tell_vitals(self) -> None:
        """Have the pages show how the daemon is."""
        tell = self.telemetry.tell
        tell("settings", lambda: list(origins(self.sections, self.settings)))
        tell("listeners", self._listening)
        tell("warnings", lambda: self._warnings)
        tell("revocation", lambda: vitals.revocation(self.revocation.checkers))
        if self.keys is not None:
            tell("keys", lambda: {"kept": len(self.keys), **self.keys.counts})

    def _listening(self) -> list[dict[str, Any]]:
        """Return each address that the daemon listens on."""
        return [
            {
                "option": option,
                "at": shown(address),
                "open": option in self.listeners and bool(self.listeners[option].running),
            }
            for option, (address, _) in self._at.items()
        ]

    def _parts(self) -> Iterable[Any]:
        return (*self.reloadable(), *self.revocation.parts())

    def _addresses(self) -> Iterable[tuple[str, Address, bool]]:
        """Options of addresses to listen on, each with the address, and whether other processes
        may share it."""
        shared = self.settings["incoming_connection_reuse_port"]
        for mark, settings in each(self.settings):
            yield mark + MAIN, settings[MAIN], shared
        if self.settings.get("http_api_enable"):
            yield API, self.settings[API], False

    # -- for those who inherit --------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Return the facts for the line at the start."""
        return {}

    def advice(self) -> list[str]:
        """Return a sentence for what cannot work as it is configured."""
        return []

    def insecure(self) -> list[str]:
        """Return a sentence for each setting that weakens protection, for warnings at the start."""
        return []

    def reloadable(self) -> Iterable[Any]:
        """Parts of this daemon, those among which that are IReloadable are read anew on SIGHUP."""
        return ()

    def reloaded(self) -> None:
        """Take note that those parts have been read anew, or stay as they were."""

    async def release(self) -> None:
        """End what the daemon has made itself; its connections have ended."""

    # -- connections ------------------------------------------------------------------------------

    def next_number(self) -> int:
        """The number of a new connection: 1 for the first."""
        self._numbers += 1
        return self._numbers

    def serve(self, option: str, accept: Callable[[str], Any], security: Any = None) -> None:
        """Accept connections at the address of ``option``; that of a listener has its section in
        front.

        ``accept`` gets the peer's host and returns a protocol.  ``security`` is the
        ITransportSecurity around it, None if there is none.
        """
        factory: Any = _ConnectionFactory(accept)
        if security is not None:
            factory = security.protect(factory)
        address, _ = self._at[option]
        listener = ListenerService(
            self.reactor,
            self._bound[option],
            self.transports.adopt(factory),
            address.path,
            self._mode,
            self._inherited,
        )
        listener.setServiceParent(self)
        self.listeners[option] = listener

    def running_spans(self) -> Iterable[Any]:
        """The spans that have not ended."""
        return running(self.connections)

    def sessions(self) -> Iterable[Any]:
        """The sessions of the moment."""
        return sessions(self.connections)

    def sessions_by_listener(self) -> Iterable[tuple[str, Any]]:
        """The same, each with the name of its listener."""
        return sessions_by_listener(self.connections)

    def event(self, code: int, text: str, **fields: Any) -> None:
        """Log a warning with the event's code, and count it."""
        self.metrics.event(code)
        self.log.warn("{event_text}", event_text=text, code=code, **fields)

    # -- service ----------------------------------------------------------------------------------

    def startService(self) -> None:
        """Accept connections."""
        super().startService()
        self.revocation.start().addErrback(self._cannot_start)
        self.connections.start()
        self.telemetry.changes.note(STARTED, f"{self.name} {__version__} was started")
        self.telemetry.unready = ""
        facts = self.facts()
        if API in self.listeners:
            facts["api"] = shown(self.settings[API])
        banner.begins(self.log, self.settings, self.telemetry.exporters, **facts)
        self._warnings = {"insecure": self.insecure(), "advice": self.advice()}
        for text in self._warnings["insecure"]:
            self.event(events.INSECURE_SETTING, text)
        for text in self._warnings["advice"]:
            self.event(events.IDLE_SETTING, text)

    def _cannot_start(self, failure: Failure) -> None:
        """Without what a strict setting needs nobody would be let in."""
        self.log.error("{event_text}", event_text=str(failure.value), code=events.REVOCATION_SOURCE)
        self.metrics.event(events.REVOCATION_SOURCE)
        self.give_up()

    def give_up(self) -> None:
        """End the program now: sessions are cut, what is told is flushed, exit status 1."""
        if self.patience is None:
            self.patience = 0.0
            self._exit_with(1)
            self.reactor.callLater(0, self.reactor.stop)

    def stopService(self) -> Deferred[Any]:
        """Stop accepting, let connections end, cut what is left, then flush what is told."""
        return ensureDeferred(self._stop())

    async def _stop(self) -> None:
        self.telemetry.unready = "stopping"
        banner.stops(self.log)
        for listener in self.listeners.values():
            await listener.stopService()
        patience = self.patience
        if patience is None:
            patience = self.settings["incoming_connection_close_timeout"]
        await self.connections.end(patience)
        self.revocation.stop()
        await self.release()
        if self.keys is not None:
            self.keys.close()
        await super().stopService()

    def hurry(self) -> None:
        """Wait for connections no longer: a second SIGTERM."""
        self.connections.hurry()

    def reload(self) -> None:
        """Read keys, certificates and `reloadable` parts anew; sessions go on.  SIGHUP."""
        self._reloader()

    def _read_at_once(self) -> None:
        self.forget_keys()
        renew(self.contexts, self.log)
        self.telemetry.tell_certificates()

    def forget_keys(self) -> None:
        """Read keys anew when they are wanted."""
        if self.keys is not None:
            self.keys.forget()
        self.telemetry.changes.note(KEYS, "keys will be read anew")
        self.log.info("Keys will be read anew", code=events.READ_KEYS)


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, accept: Callable[[str], Any]) -> None:
        self._accept = accept

    def buildProtocol(self, addr: Any) -> Any:
        return self._accept(getattr(addr, "host", "") or "unix")

"""AcraConnector as a service: what all its connections share, and their beginning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.listeners import checked, each
from acra_twisted.config.revocation import weak
from acra_twisted.connector.api import ApiConnection, api_address, api_role
from acra_twisted.connector.checks import socket_mode
from acra_twisted.connector.connection import ApplicationConnection
from acra_twisted.connector.effects import verified_legs
from acra_twisted.connector.listener import Listener
from acra_twisted.connector.upstream import verified_credentials
from acra_twisted.daemon.dialect import dialect_of
from acra_twisted.daemon.link import ACRASERVER, is_secure_session, protection
from acra_twisted.daemon.service import API, MAIN, DaemonService
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.telemetry.export.destinations import batching
from acra_twisted.telemetry.metrics.families import ConnectorMetrics
from acra_twisted.telemetry.pages.readiness import ReachAll
from acra_twisted.transport import peers
from acra_twisted.transport.activation import InheritedSockets
from acra_twisted.transport.failures import Party, shown


class AcraConnector(DaemonService):
    """``settings`` have passed `check`; ``exit_with`` is that of `DaemonService`.  Raises
    ConfigError."""

    name = "acra-connector"
    sections = CONNECTOR_SECTIONS

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        exit_with: Callable[[int], None] = lambda status: None,
        inherited: InheritedSockets | None = None,
    ) -> None:
        metrics = ConnectorMetrics("acraconnector", settings.listeners)
        super().__init__(
            reactor,
            settings,
            metrics,
            system=dialect_of(settings).name,
            mode=socket_mode(settings),
            needs_keys=is_secure_session(settings, ACRASERVER),
            inherited=inherited,
            exit_with=exit_with,
            verified=lambda: verified_credentials(settings),
        )
        metrics.watch_sessions(self.sessions_by_listener)
        #: What accepts connections, by the name of its section; the connector's own has none.
        self.accepting = {
            name: Listener(name, own, self, metrics)
            for name, own in (("", settings), *settings.listeners.items())
        }
        self._main = self.accepting[""]
        self.context = self._main.context
        reaches = [one.reach for one in self.accepting.values()]
        self.telemetry.reach = reaches[0] if len(reaches) == 1 else ReachAll(reaches)
        if settings["tracing_to_server"]:
            self._export_to_server()
        for (mark, _), one in zip(each(settings), self.accepting.values(), strict=True):
            self.serve(mark + MAIN, one.accept)
        if settings["http_api_enable"]:
            self._serve_api()

    def _export_to_server(self) -> None:
        # It brings protobuf along: only for those who use it.
        from acra_twisted.connector.spanlink import LinkExporter

        exporter = LinkExporter(
            self.reactor,
            self.telemetry.resource,
            self.context.connect,
            self.context.connect_timeout,
            self.context.dialect.spans_offer,
            party=self.context.server,
            **batching(self.settings),
        )
        self.telemetry.add_exporter(exporter)

    def _serve_api(self) -> None:
        where = api_address(self.settings)
        role = api_role(peers.ACRASERVER[protection(self.settings, ACRASERVER)])
        self.api = self._main.way_to(where, Party(role, shown(where)))
        self.serve(API, self.accept_command)

    # -- connections ------------------------------------------------------------------------------

    def accept(self, address: str = "") -> ApplicationConnection:
        """A protocol for a connection that was just accepted at the connector's own address."""
        return self._main.accept(address)

    def accept_command(self, address: str = "") -> ApiConnection:
        """The same for one to the API port."""
        return ApiConnection(self.context, self.next_number(), self.api)

    # -- see DaemonService ------------------------------------------------------------------------

    def facts(self) -> dict[str, str]:
        """Link, server, what applications may expect, and listeners where there are some."""
        found = {
            "link": protection(self.settings, ACRASERVER),
            "server": self.context.server.where,
            "application_tls": self.context.application_tls,
            "tracing_scope": self.settings["tracing_scope"],
        }
        listeners = [
            f"{name} ({shown(one.settings[MAIN])} to {one.context.server.where})"
            for name, one in self.accepting.items()
            if name
        ]
        return {**found, "listeners": ", ".join(listeners)} if listeners else found

    def insecure(self) -> list[str]:
        """Addresses that other machines can reach, and certificates that are not checked."""
        found = weak(self.settings, verified_legs(self.settings))
        found += checked(_insecure, self.settings)
        commands: Address = self.settings[API]
        if API in self.listeners and not commands.is_local:
            found.append(f"other machines may give commands in clear: {commands}")
        return found


def _insecure(settings: Settings) -> list[str]:
    address: Address = settings[MAIN]
    if address.is_local:
        return []
    return [f"applications may connect from other machines: {address}"]

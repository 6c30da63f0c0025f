"""A third daemon of a few lines: it seals what it is told with a client's key and sends it back.

It has no database and no sessions, and one setting of its own.
"""

from acra_twisted.config.common import (
    BUSY_POLL,
    CORE_DUMP,
    KEYSTORE,
    LIMITS,
    LOGGING,
    METRICS,
    NATIVE_TRANSPORTS,
    REUSE_PORT,
    TCP,
    TRACING,
)
from acra_twisted.daemon.service import MAIN, DaemonService
from acra_twisted.optionkinds import ADDRESS, TEXT, Address
from acra_twisted.options import Option, Section
from acra_twisted.pipeline.driver import then
from acra_twisted.purposes import STORAGE_SYMMETRIC
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.tracing import spans
from acra_twisted.themis import cell
from acra_twisted.transport.channel import Channel

SECTIONS = (
    Section(
        "sealer",
        "Who connects, and how.",
        (
            Option(MAIN, ADDRESS, Address("127.0.0.1", 9595), "Where applications connect."),
            Option("client_id", TEXT, "", "The client whose key is used."),
            REUSE_PORT,
            BUSY_POLL,
            NATIVE_TRANSPORTS,
            BUSY_POLL,
            CORE_DUMP,
            *LIMITS,
            *TCP,
        ),
    ),
    KEYSTORE,
    LOGGING,
    METRICS,
    TRACING,
)


class Sealing(Channel):
    """One connection, which lives until the application closes it."""

    connection_type = "db"
    listener = ""
    session = None

    def __init__(self, service, address):
        self.service, self.address = service, address
        self.span = None

    def opened(self):
        self.opened_at = self.service.reactor.seconds()
        if not self.service.connections.admit(self) or self.service.connections.is_full:
            self.abort()
            return
        self.span = self.service.telemetry.tracing.root("seal", spans.SERVER)
        self.receiver = self.seal

    def seal(self, data):
        keys = self.service.keys.keys(STORAGE_SYMMETRIC, self.service.settings["client_id"])
        then(keys, lambda found: self.write(cell.seal(found[0].value, data, b"", bytes)))

    def check(self, now):
        """Nothing takes long here."""

    def drain(self):
        """The application ends when it has what it wants."""

    def cut(self):
        self.close()

    def lost(self, reason):
        if self.span is not None:
            self.service.telemetry.tracing.finish(self.span)
        self.service.connections.release(self, self.service.reactor.seconds() - self.opened_at)


class Sealer(DaemonService):
    """The whole service."""

    name = "acra-sealer"

    def __init__(self, reactor, settings, exit_with=lambda status: None):
        super().__init__(reactor, settings, DaemonMetrics("acrasealer"), exit_with=exit_with)
        self.serve(MAIN, lambda address: Sealing(self, address))

    def facts(self):
        return {"client_id": self.settings["client_id"]}

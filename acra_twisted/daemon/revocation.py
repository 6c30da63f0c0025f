"""Revocation of peers' certificates in a daemon: what asks, and a judge for each leg."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from cryptography import x509
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure
from zope.interface import implementer

from acra_twisted.config.revocation import ACRASERVER, DATABASE, policy_of
from acra_twisted.daemon.peerjudge import PeerJudge
from acra_twisted.daemon.stapling import Stapling
from acra_twisted.interfaces import IReloadable
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.metrics.revocation import RevocationMetrics
from acra_twisted.transport.certificates import readable
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.revocation.checker import RevocationChecker
from acra_twisted.transport.revocation.fetch import Fetcher
from acra_twisted.transport.tlscontext import TLSContext

#: Legs on which this side connects.
_CONNECTS: Final = frozenset((ACRASERVER, DATABASE))


@implementer(IReloadable)
class Revocation:
    """The judges of those legs whose peers' certificates are checked by ``settings``.

    ``verified`` reads the credentials of legs whose peers' certificates are verified; it raises
    ConfigError.  ``event`` logs and counts an event.  Raises ConfigError.
    """

    name = "revocation"

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        verified: Callable[[], Mapping[str, Credentials]],
        *,
        event: Callable[..., None],
        metrics: DaemonMetrics,
        tracing: Any,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._verified = verified
        self._event = event
        self._stapling: Stapling | None = None
        self._judges: dict[str, PeerJudge] = {}
        credentials = verified()
        policies = {leg: policy_of(settings, leg) for leg in credentials}
        active = {leg: policy for leg, policy in policies.items() if policy.active}
        self._fetcher: Fetcher | None = None
        # Alerts ask for these metrics wherever they look.
        counts = RevocationMetrics(metrics)
        if not active:
            counts.watch({}, {})
            return
        fetcher = self._asking()
        for leg, policy in active.items():
            checker = RevocationChecker(
                policy,
                fetcher,
                reactor=reactor,
                authorities=_authorities(credentials[leg]),
                on_revoked=partial(self._renew, leg),
            )
            self._judges[leg] = PeerJudge(
                leg,
                checker,
                event=event,
                metrics=counts,
                tracing=tracing,
                closes=settings["tls_revoked_sessions"] == "close",
                connects=leg in _CONNECTS,
            )
        counts.watch(self.checkers, fetcher.counts)

    @property
    def checkers(self) -> dict[str, RevocationChecker]:
        """The checker of each leg that is checked."""
        return {leg: judge.checker for leg, judge in self._judges.items()}

    def judge(self, leg: str) -> PeerJudge | None:
        """The judge of a leg's peers, None where nothing is asked about them."""
        return self._judges.get(leg)

    def staple(self, context: TLSContext, leg: str, read: Callable[[], Credentials]) -> None:
        """Send the OCSP response about this side's certificate along, in the handshakes of a
        context of the leg.  ``read`` gives its credentials anew.  Raises ConfigError."""
        if self._stapling is None:
            rules = policy_of(self._settings, leg).ocsp
            self._stapling = Stapling(self._reactor, rules, self._asking(), read, self._event)
        context.staple(self._stapling.response)

    def _asking(self) -> Fetcher:
        """The one that asks for all legs."""
        if self._fetcher is None:
            hosts = self._settings["tls_revocation_hosts"]
            self._fetcher = Fetcher(self._reactor, hosts, ports=_ports(self._settings))
        return self._fetcher

    def parts(self) -> Iterator[Revocation]:
        """This, if there is anything to read anew."""
        if self._judges or self._stapling is not None:
            yield self

    def start(self) -> Deferred[None]:
        """Begin to ask.  Fails with ConfigError if a leg that is strict lacks its list."""
        if self._stapling is not None:
            self._stapling.start()
        return self._each(lambda judge: judge.checker.start()).addCallback(_nothing)

    def reload(self) -> Deferred[None]:
        """See IReloadable: read authorities and fetch configured lists anew; SIGHUP.  If one leg
        cannot have its own, all stay as they were."""
        credentials = self._verified()
        if self._stapling is not None:
            self._stapling.reload()

        def load(judge: PeerJudge) -> Deferred[Callable[[], None]]:
            leg = judge.leg
            policy = policy_of(self._settings, leg)
            return judge.checker.reload(policy, _authorities(credentials[leg]))

        return self._each(load).addCallback(_commit)

    def stop(self) -> None:
        """End what is under way; who waits for a verdict is refused."""
        for checker in self.checkers.values():
            checker.stop()
        if self._stapling is not None:
            self._stapling.stop()
        if self._fetcher is not None:
            self._fetcher.stop()

    def _each(self, do: Callable[[PeerJudge], Deferred[Any]]) -> Deferred[Any]:
        doing = [do(judge) for judge in self._judges.values()]
        return gatherResults(doing, consumeErrors=True).addErrback(_first)

    def _renew(self, leg: str, fingerprint: bytes) -> None:
        """A certificate was revoked: no ticket of before lets anybody in."""
        self._judges[leg].forget_sessions()


def _ports(settings: Settings) -> list[int]:
    """Those that this daemon listens on: no certificate has it ask itself."""
    addresses = (settings[name] for name in settings if name.startswith("incoming_connection_"))
    return [each.port for each in addresses if isinstance(each, Address) and each.port]


def _authorities(credentials: Credentials) -> list[x509.Certificate]:
    """The CAs that peers are verified by, as far as they can be read."""
    return readable([each.original for each in credentials.authorities])


def _commit(loaded: Iterable[Callable[[], None]]) -> None:
    """Put in force what all legs have loaded."""
    for commit in loaded:
        commit()


def _nothing(_: Any) -> None:
    """All is done."""


def _first(failure: Failure) -> Any:
    """Fail with the reason of the first that failed."""
    error = failure.value
    return error.subFailure if isinstance(error, FirstError) else failure

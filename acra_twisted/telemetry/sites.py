"""Makes what a daemon serves by HTTP: metrics, trace pages and the console, a site per address."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.session import Session
from acra_twisted.telemetry.export.destinations import read_secret
from acra_twisted.telemetry.figures.edges import Edges
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.metrics.collectors import Counts
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.readiness import Reach, ReachAll
from acra_twisted.telemetry.pages.traces import TracePages
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.transport.credentials import REQUIRE, Credentials
from acra_twisted.transport.tlscontext import TLSContext, TLSContexts

if TYPE_CHECKING:
    from acra_twisted.telemetry.console.site.asking import OtherServers
    from acra_twisted.telemetry.console.site.frame import Console

METRICS = "incoming_connection_prometheus_metrics_string"
PAGES = "incoming_connection_zpages_string"


class Parts(NamedTuple):
    """Sites are made from these.  ``service`` is the daemon's name; ``pages`` is None where there
    are none, as are ``figures`` and ``edges`` where nobody sees statements.  ``unready`` says why
    no connections should come, ``reach`` gives what reaches the destination behind the daemon, and
    ``catch_up`` is called before anything is shown."""

    reactor: Any
    service: str
    metrics: DaemonMetrics
    contexts: TLSContexts
    clock: Callable[[], int]
    turns: Turns
    pages: TracePages | None
    figures: StatementFigures | None
    edges: Edges | None
    recent: RecentEvents | None
    sessions: Callable[[], Iterable[Session]]
    unready: Callable[[], str]
    reach: Callable[[], Reach | ReachAll | None]
    catch_up: Callable[[], None]


def make_sites(
    parts: Parts, settings: Settings, tls_prefix: str
) -> Iterator[tuple[str, Address, Any]]:
    """Give each site with its address and the option that opens it.  Raises ConfigError."""
    metrics: Address | None = settings[METRICS]
    zpages: Address | None = settings[PAGES]
    if metrics is None and zpages is None:
        return
    # Imported only here: a daemon without metrics and pages does not pay for the web.
    from acra_twisted.telemetry.pages.channel import Visitors
    from acra_twisted.telemetry.pages.scrape import Scrape
    from acra_twisted.telemetry.pages.site import BoundedTLS, make_site

    scrape = Scrape(parts.metrics.registry, parts.metrics.count_sessions)
    both = metrics == zpages
    most = settings["http_max_connections"]
    visitors = Visitors(most)
    parts.metrics.watch_pool("connections to metrics and pages", visitors.__len__, most)
    shared: dict[str, Any] = {
        "unready": parts.unready,
        "reach": parts.reach,
        "catch_up": parts.catch_up,
        "visitors": visitors,
        "turns": parts.turns,
    }
    if metrics is not None and not both:
        yield METRICS, metrics, make_site(parts.reactor, scrape, None, Guard(), **shared)
    if zpages is None:
        return
    guard, context = make_guard(settings, tls_prefix)
    assert parts.pages is not None  # noqa: S101 - made where the option is set
    parts.pages.prepare()
    console = None
    ends: list[Callable[[], None]] = []
    if parts.figures is not None:
        from acra_twisted.telemetry.console.site.feeds import LISTENERS_MAX, Feeds
        from acra_twisted.telemetry.console.site.resources import make_console

        others = _others(parts, settings, tls_prefix)
        views = _views(parts, parts.pages, parts.figures, settings, others)
        # Half of the connections are for those who ask anew.
        limit = min(LISTENERS_MAX, max(most // 2, 1))
        feeds = Feeds(parts.reactor, parts.turns, views.page, parts.catch_up, limit)
        parts.metrics.watch_pool("listeners to live parts", feeds.__len__, limit)
        console = make_console(views, guard, parts.catch_up, feeds)
        ends.append(feeds.stop)
        if others is not None:
            ends.append(others.stop)
    site: Any = make_site(
        parts.reactor,
        scrape if both else None,
        parts.pages,
        guard,
        console=console,
        **shared,
    )
    site.ends += ends
    if context is not None:
        parts.contexts.add(lambda: make_guard(settings, tls_prefix)[1], context)
        site = BoundedTLS(context.creator, False, site)
    yield PAGES, zpages, site


def _views(
    parts: Parts,
    pages: TracePages,
    figures: StatementFigures,
    settings: Settings,
    others: OtherServers | None,
) -> Console:
    from acra_twisted.telemetry.console.site.frame import Console
    from acra_twisted.telemetry.console.sums import Sums
    from acra_twisted.telemetry.console.view import Sources

    views = Console(
        parts.service,
        Sources(
            figures,
            Sums(figures),
            parts.clock,
            pages.kept,
            parts.recent,
            pages.facts_told.value,
            parts.sessions,
            settings.get("trace_link_template", ""),
            parts.reach,
            parts.edges,
            None if others is None else others.answers,
        ),
    )
    views.prepare()
    return views


def _others(parts: Parts, settings: Settings, tls_prefix: str) -> OtherServers | None:
    """Return what asks the other servers that are named, None if none are."""
    at = settings.get("console_peers", ())
    if not at:
        return None
    from acra_twisted.telemetry.console.site.asking import OtherServers

    def context(host: str) -> TLSContext:
        def make() -> TLSContext:
            credentials = Credentials(settings, tls_prefix)
            credentials.auth = REQUIRE
            return credentials.client_creator(host)

        return parts.contexts.add(make)

    path = settings["zpages_token_file"]
    token = read_secret("zpages_token_file", path) if path else ""
    others = OtherServers(
        parts.reactor, at, token, context if settings["zpages_tls_enable"] else None
    )
    text = "Questions to the consoles of other servers"
    parts.metrics.registry.register(
        Counts(("acra_console_peer_questions", text), "result", lambda: others.counts)
    )
    parts.metrics.watch_pool("questions to other servers", others.__len__, others.limit)
    return others


def make_guard(settings: Settings, tls_prefix: str) -> tuple[Guard, Any]:
    """Return the guard of the pages, and a TLS context or None.  Raises ConfigError, also for
    an unprotected address that other machines can reach."""
    path = settings["zpages_token_file"]
    token = read_secret("zpages_token_file", path) if path else ""
    context = None
    if settings["zpages_tls_enable"]:
        credentials = Credentials(settings, tls_prefix)
        credentials.auth = REQUIRE
        if credentials.certificate is None:
            raise ConfigError("zpages_tls_enable: TLS needs a certificate, tls_cert and tls_key")
        context = credentials.server_context()
    guard = Guard(token, context is not None, settings["zpages_hosts"])
    if settings[PAGES] is not None:
        guard.check(settings[PAGES])
    return guard, context

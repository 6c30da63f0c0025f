"""Makes the pages of the console, as HTML or as JSON, from what the daemon counts and keeps.

A page is made in pieces, some of them empty: between two of them sessions have their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from markupsafe import Markup

from acra_twisted import __version__
from acra_twisted.telemetry.console.assets import Assets
from acra_twisted.telemetry.console.layers import LAYERS
from acra_twisted.telemetry.console.ranges import RANGES
from acra_twisted.telemetry.console.site import instead
from acra_twisted.telemetry.console.site.instead import Instead
from acra_twisted.telemetry.console.view import Sources, View
from acra_twisted.telemetry.console.views import (
    compare,
    health,
    helppage,
    overview,
    security,
    session,
    sessions,
    statement,
    statements,
    topology,
    trace,
    traces,
)
from acra_twisted.telemetry.pages.arguments import chosen
from acra_twisted.telemetry.pages.exports import exported
from acra_twisted.telemetry.pages.rendering import Page, Piece, Templates, as_json, made

PREFIX: Final = "/console/"
#: Where live parts of views are sent from.
EVENTS: Final = PREFIX + "events"
#: The views by the last parts of their addresses.
VIEWS: Final[Mapping[str, View]] = {
    view.name: view
    for view in (
        overview.VIEW,
        statements.VIEW,
        statement.VIEW,
        traces.VIEW,
        trace.VIEW,
        compare.VIEW,
        sessions.VIEW,
        session.VIEW,
        security.VIEW,
        topology.VIEW,
        health.VIEW,
        helppage.VIEW,
    )
}
#: The form of a page where none is asked for.
HTML: Final = "html"
_JSON: Final = "json"
#: The view that opens first.
FIRST: Final = overview.VIEW.name


class Entry(NamedTuple):
    """A view of the list at the side; ``icon`` is the inside of its picture."""

    key: str
    name: str
    icon: Markup

    @property
    def href(self) -> str:
        """Its address."""
        return PREFIX + self.key


_ENTRIES: Final = (
    Entry("overview", "Overview", Markup('<path d="M2 12.5V9M6 12.5V5M10 12.5V7M14 12.5V3"/>')),
    Entry("statements", "Statements", Markup('<path d="M2 4h12M2 8h8M2 12h10"/>')),
    Entry("traces", "Traces", Markup('<path d="M2 4h7M5 8h8M8 12h6"/>')),
    Entry(
        "compare",
        "Compare",
        Markup('<path d="M2 5h9M2 5l3-3M2 5l3 3M14 11H5m9 0l-3-3m3 3l-3 3"/>'),
    ),
    Entry("sessions", "Sessions", Markup('<path d="M1.5 8h3l2-5 3 10 2-5h3"/>')),
    Entry(
        "security",
        "Security",
        Markup('<path d="M8 1.5l5.5 2v4c0 3.5-2.3 6-5.5 7-3.2-1-5.5-3.5-5.5-7v-4z"/>'),
    ),
    Entry(
        "topology",
        "Topology",
        Markup(
            '<path d="M4.5 4.5l7 0M4.5 5.5l6.5 5"/><circle cx="3" cy="4.5" r="1.5"/>'
            '<circle cx="13" cy="4.5" r="1.5"/><circle cx="12.5" cy="12" r="1.5"/>'
        ),
    ),
    Entry(
        "health",
        "Health",
        Markup('<path d="M8 13.5L2.8 8.3a3.3 3.3 0 014.7-4.7l.5.5.5-.5a3.3 3.3 0 014.7 4.7z"/>'),
    ),
)


class Console:
    """Renders the views of the daemon ``service`` from ``sources``."""

    def __init__(self, service: str, sources: Sources) -> None:
        self._sources = sources
        self._templates = Templates(service, "acra_twisted.telemetry.console")
        self.assets = Assets()

    def prepare(self) -> None:
        """Read the templates now, for it takes a tenth of a second."""
        self._templates.prepare()

    def page(self, view: View, arguments: Mapping[str, str]) -> Page:
        """Return a view.  Raises Unfit for arguments that cannot be; the pieces raise NotKept for
        what is not there."""
        wanted = view.asked(arguments, self._sources.clock())
        form = arguments.get("format") or HTML
        chosen("format", form, (HTML, _JSON, *view.exports))
        pieces = self._pieces(view, wanted, form, arguments)
        if form in view.exports:
            return exported(view.name, form, pieces)
        page = made(arguments, pieces)
        if form == _JSON:
            return page
        return page._replace(instead=partial(self._instead, instead.of_missing, view, arguments))

    def unfit(self, view: View, arguments: Mapping[str, str], why: str) -> str:
        """Return the HTML that is shown where the arguments of a view cannot be."""
        return self._instead(instead.of_unfit, view, arguments, why)

    def _instead(
        self,
        made_of: Callable[[View, Mapping[str, str], str], Instead],
        view: View,
        arguments: Mapping[str, str],
        why: str,
    ) -> str:
        said, links = made_of(view, arguments, why)
        return "".join(
            self._render(view, instead.TEMPLATE, title=view.title, said=said, links=links)
        )

    def check(self, view: View, arguments: Mapping[str, str]) -> None:
        """Raises Unfit for arguments that cannot be."""
        view.asked(arguments, self._sources.clock())

    def _pieces(
        self, view: View, wanted: object, form: str, arguments: Mapping[str, str]
    ) -> Iterator[Piece]:
        gathered = yield from view.gather(self._sources, wanted)
        if form in view.exports:
            yield from view.exports[form](gathered)
            return
        if form == _JSON:
            yield from as_json(view.as_json(gathered))
            return
        shown = yield from view.shown(gathered)
        values = {"title": view.title, **shown}
        yield ""
        live_at = f"{EVENTS}?{urlencode({'view': view.name, **arguments})}" if view.live else ""
        yield from self._render(view, f"{view.name}.html", live_at=live_at, **values)

    def _render(self, view: View, template: str, **values: Any) -> Iterator[str]:
        yield from self._templates.render(
            template,
            here=view.here,
            entries=_ENTRIES,
            styles=self.assets.styles,
            script=self.assets.script,
            icon=self.assets.icon,
            version=__version__,
            layers=LAYERS,
            names=RANGES,
            **values,
        )

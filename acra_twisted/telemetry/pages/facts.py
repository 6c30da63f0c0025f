"""Facts about a daemon that no other page has, as JSON: its settings, changes, peers, origin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from acra_twisted.telemetry.pages.rendering import Page, as_json, made
from acra_twisted.telemetry.pages.search import Unfit


class Facts:
    """Facts by name, each with a function that gives its value for JSON when it is asked for."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._told: dict[str, Callable[[], Any]] = {}

    def tell(self, name: str, give: Callable[[], Any]) -> None:
        """Have a page show what ``give`` returns."""
        self._told[name] = give

    def value(self, name: str) -> Any:
        """Return a fact, None if there is none of that name."""
        give = self._told.get(name)
        return give() if give is not None else None

    def page(self, arguments: Mapping[str, str]) -> Page:
        """Show the fact that is asked for with ``of``, or the names of all.  Raises Unfit."""
        wanted = arguments.get("of", "")
        if wanted and wanted not in self._told:
            raise Unfit(f"of must be one of {', '.join(self._told)}")
        return made({"format": "json"}, self._shown(wanted))

    def _shown(self, wanted: str) -> Iterator[str]:
        value: Any = list(self._told)
        if wanted:
            yield ""
            value = self._told[wanted]()
        yield from as_json({"service": self._service, wanted or "facts": value})

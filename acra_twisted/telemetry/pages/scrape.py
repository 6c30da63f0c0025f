"""The text for Prometheus, one family of metrics after the other.

Labels have few values, so that a family is written in some tens of microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from acra_twisted.telemetry.pages.rendering import Page

_END = b"# EOF\n"


class _One:
    """A registry that has one family."""

    def __init__(self, family: Any) -> None:
        self._family = family

    def collect(self) -> Iterable[Any]:
        """prometheus-client: the family."""
        return (self._family,)


class Scrape:
    """Pages for scrapers, OpenMetrics with exemplars if they ask for it.

    ``count`` counts what is not counted as it happens, in steps, before the registry is asked.
    """

    def __init__(
        self, registry: CollectorRegistry, count: Callable[[], Iterable[None]] = tuple
    ) -> None:
        self._registry = registry
        self._count = count

    def page(self, accept: str) -> Page:
        """All of the registry; ``accept`` is the header."""
        try:
            encoder, kind = choose_encoder(accept)
        except (TypeError, ValueError):
            # A version that is none.
            encoder, kind = choose_encoder("")
        return Page(kind, self._pieces(encoder))

    def _pieces(self, encoder: Callable[[Any], bytes]) -> Iterator[str]:
        for _ in self._count():
            yield ""
        end = b""
        for family in self._registry.collect():
            text = encoder(_One(family))
            if text.endswith(_END):
                text, end = text.removesuffix(_END), _END
            yield text.decode()
        yield end.decode()

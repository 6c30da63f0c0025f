"""A tracer and span that records nothing, by OpenCensus's names: what a stage has without tracing.

Its methods are those of OpenCensus's Tracer and BaseSpan that ours have
(`telemetry.tracing.tracer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class Untraced:
    """Every method does nothing; a span below it is itself.

    ``context`` is what goes out in the headers of a request: None where there is no tracing.
    """

    name = ""
    span_kind = 0
    children: tuple[Any, ...] = ()

    @property
    def context(self) -> Any:
        """The trace context, with the attributes of OpenCensus's SpanContext."""
        return None

    @property
    def span_context(self) -> Any:
        """The same, by the name that a tracer has for it."""
        return self.context

    def span(self, name: str = "span") -> Untraced:
        """Return itself."""
        return self

    start_span = span

    def current_span(self) -> Untraced:
        """Return itself."""
        return self

    def add_attribute_to_current_span(self, key: str, value: str | int | float) -> None:
        """Leave it out."""

    def add_attribute(self, key: str, value: str | int | float) -> None:
        """Leave it out."""

    def add_annotation(self, description: str, **attributes: str | int | float) -> None:
        """Leave it out."""

    def add_message_event(self, event: Any) -> None:
        """Leave it out."""

    def add_link(self, link: Any) -> None:
        """Leave it out."""

    def set_status(self, status: Any) -> None:
        """Leave it out."""

    def start(self) -> None:
        """Begin nothing."""

    def finish(self) -> None:
        """End nothing."""

    def __iter__(self) -> Iterator[Untraced]:
        yield self

    def __enter__(self) -> Untraced:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        pass

"""Make pages in pieces: JSON, and HTML of templates that escape every value.

A piece takes some microseconds, and may be empty: between two of them sessions have their turn.  A
`Wait` among them is empty as well, and the next piece is made when it is over.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from markupsafe import Markup, escape

from acra_twisted.telemetry.pages.marks import visible_in_page
from acra_twisted.telemetry.pages.waiting import Wait

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
#: Pieces of a template that are one of a page.
_PIECES = 16
#: Values within each other, where they are looked at one by one.
_DEEPEST = 32
_encoded = json.JSONEncoder(allow_nan=False).encode


#: A piece of a page.
Piece: TypeAlias = str | Wait


class Page(NamedTuple):
    """Content type and body; ``file`` is the name of what is to be kept as a file.

    ``instead`` makes the HTML that is shown where the page is not there, of a text that says why;
    without it, that text is the answer.
    """

    kind: str
    pieces: Iterator[Piece]
    file: str = ""
    instead: Callable[[str], str] | None = None


class NotKept(Exception):
    """There is no such page (any more); the text, if it has one, says more.  Raised before a page's
    first piece that is not empty."""


def made(arguments: Mapping[str, str], pieces: Iterator[Piece]) -> Page:
    """Return a page that is JSON if its arguments ask for that, else HTML."""
    return Page(_JSON if arguments.get("format") == "json" else _HTML, pieces)


class Templates:
    """The templates of all pages of a daemon called ``service``, from a package."""

    def __init__(self, service: str, package: str = "acra_twisted.telemetry.pages") -> None:
        self._service = service
        self._package = package
        self._templates: dict[str, Any] = {}

    def prepare(self) -> None:
        """Read them now, for it takes a tenth of a second."""
        from jinja2 import Environment, PackageLoader

        environment = Environment(loader=PackageLoader(self._package), autoescape=True)
        environment.filters["cells"] = cells
        self._templates = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    def render(self, template: str, **values: Any) -> Iterator[str]:
        """Give the pieces of a page, in which no character of a value acts (`marks`); ``title``
        must be among the values."""
        if not self._templates:
            self.prepare()
        values.setdefault("current", values["title"])
        pieces = self._templates[template].generate(service=self._service, **values)
        # Units of a microsecond.
        while some := "".join(islice(pieces, _PIECES)):
            yield visible_in_page(some)


def cells(row: Sequence[str]) -> Markup:
    """For templates: return a row of a table, whose first cell is its head."""
    # Tables of numbers are long, and have nothing to escape: one look tells it.
    whole = "".join(row)
    if escape(whole) != whole:
        row = [escape(cell) for cell in row]
    after = "</td><td>".join(row[1:])
    return Markup(f'<tr><th scope="row">{row[0]}</th>{f"<td>{after}</td>" if row[1:] else ""}</tr>')  # noqa: S704 - escaped


def as_json(value: Mapping[str, Any]) -> Iterator[str]:
    """An object; the items of its lists and the values of other iterators one by one.  A number
    that is not finite is null."""
    between = "{"
    for key, part in value.items():
        yield f"{between}{_text(key)}: "
        between = ", "
        if isinstance(part, list | Iterator):
            yield from _list_as_json(part)
        else:
            yield _text(part)
    yield "}"


def _list_as_json(items: Iterable[Any]) -> Iterator[str]:
    between = "["
    for item in items:
        yield between + _text(item)
        between = ", "
    yield "[]" if between == "[" else "]"


def _text(value: Any) -> str:
    try:
        return _encoded(value)
    except (ValueError, RecursionError):
        return _encoded(_plain(value, _DEEPEST))


def _plain(value: Any, deep: int) -> Any:
    """Return a value with None in the place of what JSON cannot have, and of what is deeper."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _plain(part, deep - 1) for name, part in value.items()} if deep else None
    if isinstance(value, list | tuple):
        return [_plain(part, deep - 1) for part in value] if deep else None
    return value

"""Make pages in pieces: JSON, and HTML of templates that escape every value.

A piece takes some microseconds, and may be empty: between two of them sessions have their turn.  A
`Wait` among them is empty as well, and the next piece is made when it is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from acra_twisted.telemetry.pages.waiting import Wait

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
#: Pieces of a template that are one of a page.
_PIECES = 16


#: A piece of a page.
Piece: TypeAlias = str | Wait


class Page(NamedTuple):
    """Content type and body; ``file`` is the name of what is to be kept as a file."""

    kind: str
    pieces: Iterator[Piece]
    file: str = ""


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
        self._templates = {
            name: environment.get_template(name) for name in environment.list_templates()
        }

    def render(self, template: str, **values: Any) -> Iterator[str]:
        """Give the pieces of a page; ``title`` must be among the values."""
        if not self._templates:
            self.prepare()
        values.setdefault("current", values["title"])
        pieces = self._templates[template].generate(service=self._service, **values)
        # Units of a microsecond.
        while some := "".join(islice(pieces, _PIECES)):
            yield some


def as_json(value: Mapping[str, Any]) -> Iterator[str]:
    """An object; the items of its lists and the values of other iterators one by one."""
    between = "{"
    for key, part in value.items():
        yield f"{between}{json.dumps(key)}: "
        between = ", "
        if isinstance(part, list | Iterator):
            yield from _list_as_json(part)
        else:
            yield json.dumps(part)
    yield "}"


def _list_as_json(items: Iterable[Any]) -> Iterator[str]:
    between = "["
    for item in items:
        yield between + json.dumps(item)
        between = ", "
    yield "[]" if between == "[" else "]"

"""Numbers of a console's pages that are links, and how many things each of them leads to."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

#: Numbers that count something: not times, measures, shares, ids, or parts of names.
_COUNT = re.compile(
    r"(?<![\w.:,+/#(−-])(?<!row )(?<!failed: )(\d{1,3}(?:,\d{3})+|\d+)"
    r"(?![\w:%]|[.,]\d|,\d|\+| ?(?:ms|s|min|h|d|%|kB|MB|/s)\b| ?%| ?/s| to \d)"
)
_ID = re.compile("[0-9a-f]{8}")
_TAGS = re.compile("<[^>]+>")


class Door(NamedTuple):
    """A link with the numbers of its text; ``page`` is where it stands."""

    page: str
    href: str
    text: str

    @property
    def numbers(self) -> list[int]:
        """The numbers of things that it promises."""
        return [int(one.replace(",", "")) for one in _COUNT.findall(self.text)]


class _Links(HTMLParser):
    """Links with their texts, but for those that choose a time."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open: list[str] | None = None
        self._is_time = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        if tag == "nav":
            self._is_time = known.get("aria-label") == "Time range"
        elif tag == "a" and known.get("href") and not self._is_time:
            self._open = [str(known["href"]), str(known.get("aria-label") or "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "nav":
            self._is_time = False
        elif tag == "a" and self._open is not None:
            href, *texts = self._open
            self.found.append((href, " ".join(" ".join(texts[1:]).split()) or texts[0]))
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)


def doors_of(address: str, page: str) -> list[Door]:
    """Return all links of a page to pages of the console."""
    links = _Links()
    links.feed(page)
    found = [Door(address, urljoin(address, href), text) for href, text in links.found]
    return [
        door
        for door in found
        if re.match("/console/[a-z]", door.href)
        and "/assets/" not in door.href
        and "format=" not in door.href
        # An id may have no letters.
        and not (_ID.fullmatch(door.text) and "/trace?" in door.href)
    ]


#: How many things a view says that it has, by its name.
_THINGS: Mapping[str, Callable[[Mapping[str, Any]], list[int | None]]] = {
    "traces": lambda told: [told["found"], told["counted"]],
    "security": lambda told: [
        told["number"],
        told["requests"],
        told["opened"] and told["opened"]["times"],
        len({event["client_id"] for event in told["events"]}),
    ],
    "statements": lambda told: [
        *(told[name] for name in ("calls", "errors", "denied", "poisoned", "shapes"))
    ],
    "sessions": lambda told: [told["fitting"]],
    "trace": lambda told: [1],
    "session": lambda told: [told["session_id"], len(told["requests"])],
}


def wrong_doors(
    ask: Callable[[str], str], starts: list[str], most: int = 40
) -> Iterator[tuple[Door, list[int | None]]]:
    """Follow links from some pages on, over so many pages at most, and give those with a number
    that is not the number of what they lead to.  ``ask`` returns the body at an address,
    an empty one where nothing is kept."""
    todo, seen, followed = list(starts), set(starts), set()
    for address in todo:
        for door in doors_of(address, ask(address)):
            path = door.href.partition("#")[0]
            if path not in seen and len(todo) < most and not urlsplit(path).path.endswith("/trace"):
                seen.add(path)
                todo.append(path)
            if not door.numbers or (path, door.text) in followed:
                continue
            followed.add((path, door.text))
            things = _things(ask, path, door)
            if any(number not in things for number in door.numbers):
                yield door, things
    if not followed:
        raise AssertionError("no number is a link")


def _things(ask: Callable[[str], str], path: str, door: Door) -> list[int | None]:
    view = urlsplit(path).path.rpartition("/")[2]
    if view not in _THINGS:
        # What it leads to says it in words.
        text = html.unescape(_TAGS.sub(" ", ask(path)))
        return [int(one.replace(",", "")) for one in _COUNT.findall(text)]
    told = ask(f"{path}{'&' if '?' in path else '?'}format=json")
    return _THINGS[view](json.loads(told)) if told else []


def arguments_of(address: str) -> tuple[str, dict[str, str]]:
    """Return the name of the view at an address, and its arguments."""
    parts = urlsplit(address)
    return parts.path.rpartition("/")[2], dict(parse_qsl(parts.query, keep_blank_values=True))

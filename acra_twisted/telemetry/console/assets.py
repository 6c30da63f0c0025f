"""Style sheets, script and icon of the console, by names that change with their content."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Final, NamedTuple

from acra_twisted.telemetry.pages.rendering import Page

PREFIX: Final = "/console/assets/"
_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_STYLES: Final = ("tokens.css", "console.css")
_SCRIPT: Final = "console.js"
_ICON: Final = "icon.svg"
_DIGITS: Final = 12


class Asset(NamedTuple):
    """Content type and content."""

    kind: str
    text: str


class Assets:
    """The files, read once; ``styles``, ``script`` and ``icon`` are their addresses."""

    def __init__(self) -> None:
        found: dict[str, Asset] = {}
        addresses = {}
        folder = files("acra_twisted.telemetry.console") / "assets"
        for name in (*_STYLES, _SCRIPT, _ICON):
            content = (folder / name).read_bytes()
            stem, _, suffix = name.partition(".")
            told = f"{stem}-{sha256(content).hexdigest()[:_DIGITS]}.{suffix}"
            found[told] = Asset(_KINDS[suffix], content.decode())
            addresses[name] = PREFIX + told
        self.by_name: Mapping[str, Asset] = found
        self.styles = [addresses[name] for name in _STYLES]
        self.script = addresses[_SCRIPT]
        self.icon = addresses[_ICON]

    def page(self, name: str) -> Page:
        """Return a file."""
        kind, text = self.by_name[name]
        return Page(kind, iter([text]))

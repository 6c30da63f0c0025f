"""Show the settings in force, each with its origin: default, file and line, variable or flag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from acra_twisted.options import Option, Section, Settings

#: Stands for a value that is not for everybody's eyes.
HIDDEN: Final = "set, not shown"
_HIDDEN_NAMES: Final = ("_key", "_token_file", "_password_file")
#: A name and a password in a URL.
_CREDENTIALS: Final = re.compile(r"//[^/\s@]*@")


def origins(sections: Iterable[Section], settings: Settings) -> Iterator[dict[str, Any]]:
    """Give each setting as plain values: section, name, value as text, and where it was made.

    A setting that nobody has made is a ``default``, from nowhere.  Secrets, and paths of private
    keys, are not shown.
    """
    for section in sections:
        for option in section.options:
            where = settings.given.get(option.name, "")
            yield {
                "section": section.name,
                "name": option.name,
                "value": _shown(option, settings[option.name]),
                "origin": _kind(where),
                "where": where,
            }
    for name, listener in settings.listeners.items():
        known = {option.name: option for section in sections for option in section.options}
        for key, where in listener.given.items():
            if key in known:
                yield {
                    "section": f"listener:{name}",
                    "name": key,
                    "value": _shown(known[key], listener[key]),
                    "origin": _kind(where),
                    "where": where,
                }


def _shown(option: Option, value: Any) -> str:
    text = str(option.kind.render(value))
    if text and (option.secret or option.name.endswith(_HIDDEN_NAMES)):
        return HIDDEN
    return _CREDENTIALS.sub("//", text)


def _kind(where: str) -> str:
    if not where:
        return "default"
    if where.startswith("-"):
        return "flag"
    return "file" if ":" in where else "environment"

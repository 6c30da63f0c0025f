"""Show the settings in force, each with its origin: default, file and line, variable or flag."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from acra_twisted.optionkinds import FilePath
from acra_twisted.options import Option, Section, Settings

#: Stands for a value that is not for everybody's eyes.
HIDDEN: Final = "set, not shown"
_HIDDEN_NAMES: Final = ("_key", "_key_file", "_token_file", "_password_file")
#: Ends the part of a URL that has the host.
_BEHIND_HOST: Final = re.compile(r"[/?#]")
#: Ends what of a URL is shown.
_BEHIND_PATH: Final = re.compile(r"[?#]")


def origins(sections: Iterable[Section], settings: Settings) -> Iterator[dict[str, Any]]:
    """Give each setting as plain values: section, name, value as text, and where it was made.

    A setting that nobody has made is a ``default``, from nowhere.  Not shown are secrets, paths of
    files with them, and texts of kinds that may hold some; nor are names, passwords and queries in
    URLs.
    """
    for section in sections:
        for option in section.options:
            where = settings.given.get(option.name, "")
            yield {
                "section": section.name,
                "name": option.name,
                "value": _shown(option, settings[option.name], where),
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
                    "value": _shown(known[key], listener[key], where),
                    "origin": _kind(where),
                    "where": where,
                }


def _shown(option: Option, value: Any, where: str) -> str:
    text: str = option.kind.render(value)
    if not text or not where and value == option.default:
        return text
    if option.secret or not option.kind.is_public or option.name.endswith(_HIDDEN_NAMES):
        return HIDDEN
    if isinstance(option.kind, FilePath):
        return text
    if isinstance(value, str):
        return _address(value)
    if isinstance(value, tuple) and all(isinstance(each, str) for each in value):
        return str(option.kind.render(tuple(map(_address, value))))
    return text


def _address(text: str) -> str:
    """A text; if it is a URL, without a name, a password and a query.

    An @ behind the host's end may stand behind a password that has one of these signs: then
    nothing is shown.
    """
    before, mark, rest = text.partition("//")
    if not mark:
        return text
    authority = _BEHIND_HOST.split(rest, maxsplit=1)[0]
    behind = rest[len(authority) :]
    if "@" in behind:
        return HIDDEN
    path = _BEHIND_PATH.split(behind, maxsplit=1)[0]
    return f"{before}//{authority.rpartition('@')[2]}{path}"


def _kind(where: str) -> str:
    if not where:
        return "default"
    if where.startswith("-"):
        return "flag"
    return "file" if ":" in where else "environment"

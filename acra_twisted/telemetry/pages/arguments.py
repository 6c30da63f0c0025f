"""The arguments of a page, of which none is passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from acra_twisted.telemetry.pages.search import TEXT_MAX, Unfit


def given(arguments: Mapping[str, str], known: Iterable[str]) -> dict[str, str]:
    """Return the arguments but ``format``, without blanks around them.  Raises Unfit."""
    names = list(known)
    found = {name: value.strip() for name, value in arguments.items() if name != "format"}
    for name, value in found.items():
        if name not in names:
            raise Unfit(f"there is no {name[:40]!r}; there are {', '.join(names)}")
        if len(value) > TEXT_MAX:
            raise Unfit(f"{name} is longer than {TEXT_MAX} characters")
    return found


def chosen(name: str, value: str, choices: Iterable[str]) -> str:
    """Return a value that is one of the choices.  Raises Unfit."""
    names = list(choices)
    if value not in names:
        raise Unfit(f"{name} must be one of {', '.join(names)}")
    return value

"""Hints for names that a program does not know."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from acra_twisted.config.acratable import ACRA_OPTIONS
from acra_twisted.nearest import meant
from acra_twisted.options import Section

_TRANSLATOR: Final = frozenset(
    (
        "acratranslator_client_id_from_connection_enable",
        "acratranslator_tls_transport_enable",
        "incoming_connection_grpc_string",
        "incoming_connection_http_string",
    )
)

_PREFIX: Final = "ACRA_"
#: So near is a slip of the finger: others may have variables that begin alike.
_NEARLY: Final = 0.9


def _daemons() -> dict[str, Sequence[Section]]:
    # Only who has made a mistake needs both daemons' tables.
    from acra_twisted.config.connector import CONNECTOR_SECTIONS
    from acra_twisted.config.server import SERVER_SECTIONS

    return {"acra-server": SERVER_SECTIONS, "acra-connector": CONNECTOR_SECTIONS}


def owner(name: str) -> str:
    """The program whose option has this name, ours or Acra's; empty if there is none."""
    for program, sections in _daemons().items():
        if any(option.name == name for section in sections for option in section.options):
            return program
    if name in _TRANSLATOR:
        return "acra-translator"
    return next((option.programs[0] for option in ACRA_OPTIONS if option.name == name), "")


def section_of(name: str) -> str:
    """The section of a daemon's file whose option has this name; empty if there is none."""
    return next(
        (
            section.name
            for sections in _daemons().values()
            for section in sections
            if any(option.name == name for option in section.options)
        ),
        "",
    )


def hint(name: str, known: Collection[str], form: str = "{!r}") -> str:
    """``; did you mean ...?``, or whose option it is: then another was not meant."""
    other = owner(name)
    if other:
        return f"; it is an option of {other}"
    return meant(name, known, form)


def section_hint(name: str, known: Collection[str]) -> str:
    """``; did you mean ...?``, or whose section it is."""
    for program, sections in _daemons().items():
        if any(section.name == name for section in sections):
            return f"; it is a section of {program}"
    return meant(name, known)


def misspelt(environment: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return sentences about variables that nobody reads, and that are nearly one of ``known``, the
    variables of all options."""
    variables = frozenset(known)
    return [
        f"{variable} has no effect: no setting has this name{told}"
        for variable in sorted(environment)
        if variable.startswith(_PREFIX) and variable not in variables
        if (told := meant(variable, variables, "{}", _NEARLY))
        and not owner(variable.removeprefix(_PREFIX).lower())
    ]

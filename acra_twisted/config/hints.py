"""Hints for names that a program does not know."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from acra_twisted.config.acratable import ACRA_OPTIONS
from acra_twisted.nearest import meant

_TRANSLATOR: Final = frozenset(
    (
        "acratranslator_client_id_from_connection_enable",
        "acratranslator_tls_transport_enable",
        "incoming_connection_grpc_string",
        "incoming_connection_http_string",
    )
)


def owner(name: str) -> str:
    """The program whose option has this name, ours or Acra's; empty if there is none."""
    # Both daemons' tables: only who has made a mistake needs them.
    from acra_twisted.config.connector import CONNECTOR_SECTIONS
    from acra_twisted.config.server import SERVER_SECTIONS

    daemons = {"acra-server": SERVER_SECTIONS, "acra-connector": CONNECTOR_SECTIONS}
    for program, sections in daemons.items():
        if any(option.name == name for section in sections for option in section.options):
            return program
    if name in _TRANSLATOR:
        return "acra-translator"
    return next((option.programs[0] for option in ACRA_OPTIONS if option.name == name), "")


def hint(name: str, known: Collection[str], form: str = "{!r}") -> str:
    """``; did you mean ...?``, or whose option it is: then another was not meant."""
    other = owner(name)
    if other:
        return f"; it is an option of {other}"
    return meant(name, known, form)

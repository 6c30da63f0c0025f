"""Declares the options about proof of who a client is."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.loginlimits import LIMITS
from acra_twisted.config.secretsources import SOURCES, has_sources
from acra_twisted.options import Choice, Option, Section, Settings

AUTHENTICATION: Final = Section(
    "authentication",
    "Proof of who a client is.",
    (
        Option(
            "auth_mode",
            Choice("auto", "passthrough"),
            "auto",
            "Decides what proves a user. passthrough: the database asks, and its client answers.",
        ),
        *SOURCES,
        *LIMITS,
    ),
)


def ends_authentication(settings: Settings) -> bool:
    """Return True if AcraServer asks clients for the proof, before it asks the database."""
    mode = settings["auth_mode"]
    return has_sources(settings) if mode == "auto" else mode != "passthrough"

"""Options: limits of logins."""

from __future__ import annotations

from typing import Final

from acra_twisted.optionkinds import Integer
from acra_twisted.options import Option

LIMITS: Final = (
    Option(
        "auth_max_logins",
        Integer(1, 1_000_000),
        1000,
        "Limit of logins in progress that AcraServer ends itself.",
    ),
    Option(
        "auth_max_logins_per_address",
        Integer(1, 1_000_000),
        100,
        "The same for one address; a connector is one for all of its applications.",
    ),
)

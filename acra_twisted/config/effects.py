"""Settings that somebody made and that do nothing, beside the others that were made.

A protection that does nothing stops the start; of anything else the operator is told.  A daemon
declares `Rule`s; what a rule says of a setting counts where the setting was made and is not what
it would be anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from acra_twisted.errors import ConfigError
from acra_twisted.options import Option, Settings


class Rule(NamedTuple):
    """``names`` do something where ``holds`` says so; ``because`` says why they do not elsewhere,
    and what would change that.  ``protects``: somebody relies on them."""

    names: Sequence[str]
    holds: Callable[[Settings], Any]
    because: str
    protects: bool = False


def without_effect(
    settings: Settings, options: Iterable[Option], rules: Iterable[Rule]
) -> tuple[list[ConfigError], list[str]]:
    """Mistakes, and remarks."""
    made = {
        option.name
        for option in options
        if option.name in settings.given and settings[option.name] != option.default
    }
    wrong: list[ConfigError] = []
    remarks: list[str] = []
    for rule in rules:
        found = [name for name in rule.names if name in made]
        if not found or rule.holds(settings):
            continue
        made.difference_update(found)
        for name in found:
            error = ConfigError(f"{name} has no effect: {rule.because}", settings.given[name])
            if rule.protects:
                wrong.append(error)
            else:
                remarks.append(str(error))
    return wrong, remarks

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
    """Mistakes, and remarks.

    A setting of the daemon has an effect if it has one at a listener that inherits it.
    """
    known = {option.name: option.default for option in options}
    heirs = tuple(settings.listeners.values())
    every = tuple(rules)
    wrong: list[ConfigError] = []
    remarks: list[str] = []
    for one in (settings, *heirs):
        made = {name for name in known if name in one.given and one[name] != known[name]}
        for rule in every:
            found = [name for name in rule.names if name in made]
            if not found or rule.holds(one):
                continue
            made.difference_update(found)
            effective = [heir for heir in heirs if one is settings and rule.holds(heir)]
            for name in found:
                if any(name not in heir.given for heir in effective):
                    continue
                error = ConfigError(f"{name} has no effect: {rule.because}", one.given[name])
                if rule.protects:
                    wrong.append(error)
                else:
                    remarks.append(str(error))
    return wrong, remarks

"""Settings that somebody made and that do nothing, beside the others that were made.

A protection that does nothing stops the start; of anything else the operator is told.  A daemon
declares `Rule`s; what a rule says of a setting counts where the setting was made and is not what
it would be anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from acra_twisted.blocks import LISTENER
from acra_twisted.errors import ConfigError
from acra_twisted.options import Option, Settings


class Rule(NamedTuple):
    """``names`` do something where ``holds`` says so; ``because`` says why they do not elsewhere,
    and what would change that.  ``protects``: somebody relies on them.

    ``without`` is the setting, and its value, by which an address says that it goes without the
    protection.  With it every address that has the protection from the daemon's settings relies
    on it; without it a listener's other settings say enough.
    """

    names: Sequence[str]
    holds: Callable[[Settings], Any]
    because: str
    protects: bool = False
    without: tuple[str, str] | None = None


def without_effect(
    settings: Settings, options: Iterable[Option], rules: Iterable[Rule]
) -> tuple[list[ConfigError], list[str]]:
    """Mistakes, and remarks.

    A setting of the daemon has an effect if it has one at a listener that inherits it; but a
    protection whose rule says how to go without it must have one at every address.
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
                    wrong += _at_listeners_alone(settings, rule, name)
                    continue
                advice = "" if rule.without is None else "; take it out"
                text = f"{name} has no effect: {rule.because}{advice}"
                error = ConfigError(text, one.given[name])
                if rule.protects:
                    wrong.append(error)
                else:
                    remarks.append(str(error))
    return [*wrong, *_inherited(settings, known, every)], remarks


def _goes_without(there: Settings, rule: Rule) -> bool:
    return rule.without is None or there[rule.without[0]] == rule.without[1]


def _at_listeners_alone(settings: Settings, rule: Rule, name: str) -> Iterator[ConfigError]:
    """The mistake of a daemon whose own address lacks what some of its listeners have of it."""
    if rule.without is not None and not _goes_without(settings, rule):
        yield ConfigError(
            f"{name} has no effect at this daemon's own address: {rule.because}; set it in the "
            f"sections [{LISTENER}NAME] that need it, or set {' = '.join(rule.without)} here",
            settings.given[name],
        )


def _inherited(
    settings: Settings, known: Mapping[str, Any], rules: Iterable[Rule]
) -> Iterator[ConfigError]:
    """The mistakes of listeners that lack a protection of the daemon's."""
    for rule in rules:
        told_already = not rule.holds(settings) and not _goes_without(settings, rule)
        if rule.without is None or told_already:
            continue
        for mark, heir in settings.listeners.items():
            if rule.holds(heir) or _goes_without(heir, rule):
                continue
            for name in rule.names:
                is_own = name not in settings.given or name in heir.given
                if not is_own and heir[name] != known[name]:
                    yield ConfigError(
                        f"[{LISTENER}{mark}] inherits {name}, which has no effect there: "
                        f"{rule.because}; set {' = '.join(rule.without)} there, or take {name} out",
                        settings.given[name],
                    )

"""Names in the ini file to ordered stages.

Being installed does not turn a stage on, and a name that is configured and not found stops the
start: `twisted.plugin` logs and swallows a plugin that fails to import, and a firewall with a
broken dependency must not be a firewall that is silently off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted.plugin import getPlugins

from acra_twisted import plugins
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IStage, IStageFactory
from acra_twisted.keystore.opening import need_keys
from acra_twisted.options import Block, Choice, Option, Section, Settings
from acra_twisted.pipeline.hooks import Pipeline

#: Present in every [stage:NAME]; "pass" is accepted only where the stage is advisory.
ON_ERROR = Option(
    "on_error",
    Choice("deny", "pass"),
    "deny",
    "What happens to a statement when this stage fails. 'pass' only for advisory stages.",
)


class Services(NamedTuple):
    """What a factory may use.

    ``clock`` gives nanoseconds since the epoch.  ``keys`` is an IKeyStore, None if none is
    configured.  ``workers`` runs what takes long.  ``shut_down`` ends the whole program at once,
    with exit status 1.  ``settings`` are the daemon's own; ``blocks`` reads those sections of
    their file anew that may be repeated, and raises ConfigError.  ``language`` is the name of the
    SQL that the daemon's database speaks, one of `sql.languages`.
    """

    reactor: Any
    clock: Callable[[], int]
    keys: Any = None
    workers: Any = None
    shut_down: Callable[[], None] = lambda: None
    settings: Mapping[str, Any] = MappingProxyType({})
    blocks: Callable[[], Sequence[Block]] = tuple
    language: str = ""

    def need_keys(self, stage: str) -> Any:
        """The key store.  Raises ConfigError if there is none."""
        return need_keys(self.keys, self.settings, f"the stage {stage!r}")


def stage_factories() -> dict[str, Any]:
    """Installed stage factories by name.  Raises ConfigError if two have the same."""
    found: dict[str, Any] = {}
    for factory in getPlugins(IStageFactory, plugins):
        other = found.setdefault(factory.name, factory)
        if other is not factory:
            raise ConfigError(
                f"two installed stages are named {factory.name!r}: "
                f"{_origin(other)} and {_origin(factory)}; uninstall one"
            )
    return found


def _origin(factory: Any) -> str:
    return f"{type(factory).__module__}.{type(factory).__name__}"


def chosen_factories(names: Sequence[str]) -> list[Any]:
    """The factories named, in that order, which is checked and never changed.

    Raises ConfigError.
    """
    installed = stage_factories()
    chosen = []
    for name in names:
        if name not in installed:
            near = get_close_matches(name, installed, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"stages: no installed stage is named {name!r}{hint} "
                f"(installed: {', '.join(sorted(installed)) or 'none'}; a stage whose package "
                f"fails to import is not listed)"
            )
        chosen.append(installed[name])
    for place, factory in enumerate(chosen):
        if factory in chosen[:place]:
            raise ConfigError(f"stages: {factory.name!r} is named twice")
        nearer_client = {other.name for other in chosen[:place]}
        nearer_database = {other.name for other in chosen[place + 1 :]}
        for other in nearer_database & set(factory.after):
            raise ConfigError(f"stages: {factory.name!r} must come after {other!r}")
        for other in nearer_client & set(factory.before):
            raise ConfigError(f"stages: {factory.name!r} must come before {other!r}")
    return chosen


def stage_sections(names: Sequence[str]) -> list[Section]:
    """The ini sections of the chosen stages."""
    return [
        Section(f"stage:{factory.name}", f"Stage {factory.name}.", (*factory.options, ON_ERROR))
        for factory in chosen_factories(names)
    ]


def build(settings: Settings, services: Services) -> Pipeline:
    """Make the stages that ``settings["stages"]`` names.  Raises ConfigError."""
    stages = []
    lenient = []
    for factory in chosen_factories(settings["stages"]):
        own = settings.stages[factory.name]
        if own["on_error"] == "pass":
            if not factory.advisory:
                raise ConfigError(
                    f"[stage:{factory.name}] on_error: this stage protects data, so its failure "
                    f"must refuse the statement; only advisory stages may be set to 'pass'"
                )
            lenient.append(factory.name)
        stage = factory.make(own, services)
        if not IStage.providedBy(stage):
            raise ConfigError(f"stage {factory.name!r}: its factory made no IStage")
        stages.append(stage)
    return Pipeline(stages, lenient)

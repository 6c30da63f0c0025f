"""Names in the ini file to ordered stages.

Being installed does not turn a stage on, and a name that is configured and not found stops the
start: `twisted.plugin` logs and swallows a plugin that fails to import, and a firewall with a
broken dependency must not be a firewall that is silently off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.plugin import getPlugins

from acra_twisted import plugins
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IDatabaseStageFactory, IStage, IStageFactory
from acra_twisted.nearest import meant
from acra_twisted.optionkinds import Choice
from acra_twisted.options import Option, Section, Settings
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.pipeline.services import Services

#: Present in every [stage:NAME]; "pass" is accepted only where the stage is advisory.
ON_ERROR = Option(
    "on_error",
    Choice("deny", "pass"),
    "deny",
    "What happens to a statement when this stage fails. 'pass' only for advisory stages.",
)


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
            raise ConfigError(
                f"stages: no installed stage is named {name!r}{meant(name, installed)} "
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


def check_languages(names: Sequence[str], language: str) -> None:
    """Raises ConfigError if a stage does not work with a database.

    ``language`` is its name in `sql.languages`.
    """
    for factory in chosen_factories(names):
        if not IDatabaseStageFactory.providedBy(factory):
            continue
        known = factory.languages
        if language not in known:
            raise ConfigError(
                f"stages: the stage {factory.name!r} works with {' and '.join(known)} alone, and "
                f"the database is {language}; take it out, with what configures it"
            )


def build(settings: Settings, services: Services) -> Pipeline:
    """Make the stages that ``settings["stages"]`` names.  Raises ConfigError."""
    stages = []
    lenient = []
    check_languages(settings["stages"], services.language)
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

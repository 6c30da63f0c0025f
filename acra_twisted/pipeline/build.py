"""Names in the ini file to ordered stages to flat tuples of hooks.

Being installed does not turn a stage on, and a name that is configured and not found stops the
start: `twisted.plugin` logs and swallows a plugin that fails to import, and a firewall with a
broken dependency must not be a firewall that is silently off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from twisted.internet.defer import maybeDeferred
from twisted.plugin import getPlugins

from acra_twisted import plugins
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import (
    IParameterStage,
    IResultStage,
    IStage,
    IStageFactory,
    IStatementStage,
)
from acra_twisted.keystore.opening import need_keys
from acra_twisted.model import PARAMETERS, ROWS, STATEMENT, Work
from acra_twisted.options import Block, Choice, Option, Section, Settings
from acra_twisted.pipeline import driver
from acra_twisted.pipeline.driver import Hook
from acra_twisted.verdicts import PASS

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
    their file anew that may be repeated, and raises ConfigError.
    """

    reactor: Any
    clock: Callable[[], int]
    keys: Any = None
    workers: Any = None
    shut_down: Callable[[], None] = lambda: None
    settings: Mapping[str, Any] = MappingProxyType({})
    blocks: Callable[[], Sequence[Block]] = tuple

    def need_keys(self, stage: str) -> Any:
        """The key store.  Raises ConfigError if there is none."""
        return need_keys(self.keys, self.settings, f"the stage {stage!r}")


class Pipeline:
    """The configured stages as flat tuples of hooks, in the order in which they run."""

    def __init__(self, stages: Sequence[Any] = (), lenient: Iterable[str] = ()) -> None:
        self.stages = tuple(stages)
        passes = frozenset(lenient)

        def hooks(interface: Any, method: str) -> tuple[Hook, ...]:
            return tuple(
                (stage.name, getattr(stage, method), stage.name in passes)
                for stage in self.stages
                if interface.providedBy(stage)
            )

        self.statement_hooks = hooks(IStatementStage, "on_statement")
        self.parameter_hooks = hooks(IParameterStage, "on_parameters")
        # Replies run the list backwards.
        self.result_planners = hooks(IResultStage, "plan_result")[::-1]
        kinds = (
            (STATEMENT, self.statement_hooks),
            (PARAMETERS, self.parameter_hooks),
            (ROWS, self.result_planners),
        )
        #: Kinds of work worth making.
        self.inspects = frozenset(kind for kind, found in kinds if found)

    def run(self, work: Work) -> Any:
        """The verdict on a piece of work, or a Deferred of it."""
        kind = work.kind
        if kind == STATEMENT:
            return driver.run_from(self.statement_hooks, 0, work, PASS)
        if kind == ROWS:
            return driver.run_from(work.exchange.plan, 0, work, PASS)
        if kind == PARAMETERS:
            return driver.run_from(self.parameter_hooks, 0, work, PASS)
        return driver.plan(self.result_planners, work)

    async def stop(self) -> None:
        """Stop every stage, the one nearest the client first."""
        for stage in self.stages:
            await maybeDeferred(stage.stop)


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

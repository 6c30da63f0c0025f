"""Ask the result stages what they do with a result: once for its columns, not once for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.driver import Hook
from acra_twisted.results import Columns, Plan, RowBatch, Search
from acra_twisted.verdicts import PASS


def make_plan(hooks: tuple[Hook, ...], columns: Columns) -> Plan:
    """Ask stages for their plan; ``hooks`` are their ``plan_result``, in the order in which they
    run.

    A stage that raises, or answers what is no transform, has a transform in the plan that raises
    the same: it refuses the rows, or lets them pass, as any broken stage does.  Such a plan does
    not last.
    """
    shown = columns
    found: list[tuple[Hook, Search | None]] = []
    # As keys: stages that look for the same thing look once.
    searches: dict[Search, None] = {}
    every_run = broken = False
    for name, ask, lenient in hooks:
        try:
            transform = ask(shown)
            if transform is None:
                continue
            method, search = transform.transform, transform.concerns
            replaced: Columns | None = transform.columns
            if replaced is not None and len(replaced) != len(shown):
                raise ValueError(f"{len(replaced)} columns in place of {len(shown)}")
        except Exception as error:
            broken = every_run = True
            found.append(((name, raising(error), lenient), None))
            continue
        if shown is not columns:
            method = _seeing(shown, method)
        found.append(((name, method, lenient), search))
        if search is None:
            every_run = True
        else:
            searches[search] = None
        if replaced is not None:
            shown = replaced
    # A run that one search has found needs no other look by the stage that gave it.
    once = len(searches) == 1 and not every_run
    transforms = tuple(
        hook if once or search is None else _if_concerned(hook, search) for hook, search in found
    )
    return Plan(shown, transforms, None if every_run else tuple(searches), not broken)


def raising(error: Exception) -> Callable[[Any, Exchange], Any]:
    """Return the hook of a stage that has failed before: it raises the same error."""

    def hook(item: Any, exchange: Exchange) -> Any:
        raise error

    return hook


def _if_concerned(hook: Hook, search: Search) -> Hook:
    """Have a stage see those runs only that concern it, not those that concern another."""
    name, method, lenient = hook

    def transform(batch: RowBatch, exchange: Exchange) -> Any:
        return method(batch, exchange) if search(batch.data, batch.start, batch.end) else PASS

    return name, transform, lenient


def _seeing(
    columns: Columns, method: Callable[[RowBatch, Exchange], Any]
) -> Callable[[RowBatch, Exchange], Any]:
    """Have a stage see the columns that the stages before it have replaced."""

    def transform(batch: RowBatch, exchange: Exchange) -> Any:
        batch.columns = columns
        return method(batch, exchange)

    return transform

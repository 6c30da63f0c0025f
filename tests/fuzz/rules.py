"""Rules of every kind, for both databases: what fuzzing and resource tests decide by."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from acra_twisted.censor.engine import Censor
from acra_twisted.censor.handlers import Decision
from acra_twisted.censor.rules import read_rules
from acra_twisted.sql.languages import LANGUAGES

Result = TypeVar("Result")


def _slowness() -> float:
    """How much longer this machine takes for the same work than the one we measured on, or 1."""
    best = float("inf")
    for _ in range(5):
        began = time.thread_time()
        sum(n * n for n in range(200_000))
        best = min(best, time.thread_time() - began)
    return max(best / 0.015, 1.0)


#: Longest that a decision may take, seconds of processor time, and what a byte may add: long texts
#: are decided in a thread, step by step.
LIMIT = 0.1 * _slowness()
_A_BYTE = 3e-5
HANDLERS = [
    {"handler": "query_ignore", "queries": ["SELECT 'ignored'"]},
    {"handler": "allow", "queries": ["SELECT a FROM t WHERE a = 1", "SELECT 'x'", "SELECT -1"]},
    {"handler": "deny", "patterns": ["SELECT a FROM t WHERE a = 2", "SELECT * FROM u %%WHERE%%"]},
    {"handler": "deny", "tables": ["secrets"]},
    {
        "handler": "allow",
        "patterns": [
            "SELECT a FROM t WHERE a = %%VALUE%%",
            "SELECT %%COLUMN%% FROM t WHERE b IN (%%LIST_OF_VALUES%%)",
            "INSERT INTO t VALUES (%%VALUE%%)",
        ],
        "tables": ["t"],
    },
    {"handler": "denyall"},
]


def make(name: str) -> Censor:
    """A firewall for one database."""
    return Censor(LANGUAGES[name], read_rules({"handlers": HANDLERS}, need_version=False))


class Slow(Exception):
    """Something took longer than it may, three times in turn."""


def in_time(do: Callable[[], Result], allowed: float) -> Result:
    """The result of ``do``, which takes at most ``allowed`` times `LIMIT`.  Raises Slow if it takes
    longer each time."""
    best = float("inf")
    for _ in range(3):
        began = time.thread_time()
        result = do()
        best = min(best, time.thread_time() - began)
        if best <= LIMIT * allowed:
            return result
    # The machine may be slower now than when we began: who shares it comes and goes.
    if best <= 0.1 * _slowness() * allowed:
        return result
    raise Slow(f"{best:.3f} s")


def decide_anew(censor: Censor, text: bytes, mode=None) -> Decision:
    """The decision without what was kept.  Raises Slow."""

    def decide() -> Decision:
        censor.forget()
        return censor.decide(text, mode)

    return in_time(decide, 1 + len(text) * _A_BYTE)

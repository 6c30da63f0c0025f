"""Answers of a key store: there already, or Deferreds of them."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.python.failure import Failure


def both(first: Any, second: Any) -> Deferred[list[Any]]:
    """Two answers, each of which may come later; fails as the first of them that fails."""
    waiting: Deferred[list[Any]] = gatherResults(
        [maybeDeferred(lambda: first), maybeDeferred(lambda: second)], consumeErrors=True
    )
    return waiting.addErrback(_unwrapped)


def _unwrapped(failure: Failure) -> Failure:
    """The reason of gatherResults' FirstError."""
    error: Any = failure.value
    reason: Failure = error.subFailure
    return reason

"""Things that a page waits for, without holding the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


class Wait:
    """An empty piece of a page; what comes after it is made once ``waited`` has fired.

    Whoever makes ``waited`` sees that it fires in time, and with a result: a failure is an error
    of the program.
    """

    def __init__(self, waited: Deferred[Any]) -> None:
        self._waited = waited
        self._then: Callable[[], None] | None = None
        self._is_over = False
        self._result: Any = None
        waited.addBoth(self._over)

    def _over(self, result: Any) -> None:
        self._is_over, self._result = True, result
        then, self._then = self._then, None
        if then is not None:
            then()

    @property
    def result(self) -> Any:
        """The result of ``waited``.  Raises what it failed with."""
        if isinstance(self._result, Failure):
            self._result.raiseException()
        return self._result

    def then(self, call: Callable[[], None]) -> None:
        """Call something when it has fired: at once if it has."""
        if self._is_over:
            call()
        else:
            self._then = call

    def cancel(self) -> None:
        """Nobody waits any longer."""
        self._then = None
        self._waited.cancel()

"""The answers of a stage: a closed set.

``PASS`` is compared by identity, the others by exact type, because this happens for every
statement and run of rows (a type comparison costs a tenth of an ``isinstance`` against Deferred).
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from acra_twisted import events

Item = TypeVar("Item")


class Pass:
    """Go on, nothing changed.  The only instance is `PASS`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "PASS"


PASS: Final = Pass()


class Replace(Generic[Item]):
    """Go on with ``item`` in place of what the stage was given."""

    __slots__ = ("item",)

    def __init__(self, item: Item) -> None:
        self.item = item


class Deny:
    """Refuse, and tell the client so as its database would.  The session stays usable.

    ``text`` goes to the client: it names neither the statement nor the rule that matched; where
    none is given the client is told which stage refused.  ``reason`` goes to the log and the span:
    it must be without literals too.  ``rule``, from a small fixed set, labels a metric; ``code``
    is the event's.  ``column`` is the configured label of the protected column that it is about,
    "" for none in particular; None where it is not about protected columns.  ``routine`` is the
    function of the database that would give the same error, where drivers look for it.  ``hint``
    tells the client what to write instead.
    """

    __slots__ = ("sqlstate", "errno", "text", "reason", "rule", "code", "column", "routine", "hint")

    def __init__(
        self,
        text: str = "",
        *,
        sqlstate: bytes = b"42000",
        errno: int = 1317,
        reason: str = "",
        rule: str = "",
        code: int = events.QUERY_NOT_ALLOWED,
        column: str | None = None,
        routine: str = "",
        hint: str = "",
    ) -> None:
        self.routine = routine
        self.hint = hint
        self.rule = rule
        self.column = column
        self.code = code
        self.sqlstate = sqlstate
        self.errno = errno
        self.text = text
        self.reason = reason or text

    def of_stage(self, name: str) -> Deny:
        """The same with a text, which names the stage if there was none."""
        if self.text:
            return self
        return Deny(
            f"refused by stage {name}",
            sqlstate=self.sqlstate,
            errno=self.errno,
            reason=self.reason,
            rule=self.rule,
            code=self.code,
            column=self.column,
            routine=self.routine,
            hint=self.hint,
        )


def broken(stage: str) -> Deny:
    """Say what a client is told when a stage broke; the reason is in the log."""
    return Deny(
        f"the statement could not be processed: stage {stage} failed",
        sqlstate=b"58000",
        errno=1105,
        code=events.STAGE_FAILED,
    )


class Hangup:
    """End the connection.  ``reason`` goes to the log."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason


Verdict = Pass | Replace[Item] | Deny | Hangup

"""The steps by which a statement's text is decided, and the decision that they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from acra_twisted import events
from acra_twisted.censor.handlers import Decision, Step
from acra_twisted.sql.literals import Value
from acra_twisted.sql.tree import Table

NO_RULE: Final = Decision(True, "default", "no rule decides")
NO_STATEMENT: Final = Decision(True, "empty", "no statement")
#: Names of a session's prepared statements that are kept.
_PREPARED_MAX: Final = 1000

#: Prepared statements of a session by name, with the tables that they reach.
Prepared = dict[str, frozenset[Table]]


def of_all(decisions: Iterable[Decision]) -> Decision:
    """The decision on a text that has several readings: all must be allowed.  If one of them was,
    although it cannot be parsed, that is told of the text."""
    found = NO_STATEMENT
    is_parsed = True
    for found in decisions:
        if not found.allowed:
            return found
        is_parsed = is_parsed and found.code != events.QUERY_PARSE_ERROR
    return found if is_parsed else found._replace(code=events.QUERY_PARSE_ERROR)


class Plan:
    """The steps of each statement of a text, for every text of one skeleton.

    ``fixed`` is the decision where it does not depend on literals.
    """

    __slots__ = ("statements", "tables", "fixed")

    def __init__(
        self, statements: tuple[tuple[Step, ...], ...], tables: frozenset[Table] = frozenset()
    ) -> None:
        self.statements = statements
        self.tables = tables
        plain = all(not steps or steps[0].final is not None for steps in statements)
        self.fixed = self.decide(b"", list) if plain else None

    def decide(self, text: bytes, values: Callable[[], list[Value]]) -> Decision:
        """Decide a text: every statement must be allowed.

        ``values`` gives the text's literals by ordinal.
        """
        decision = NO_STATEMENT
        known: list[Value] | None = None
        for steps in self.statements:
            decision = NO_RULE
            for ordinals, decisions, texts, final in steps:
                if final is not None:
                    decision = final
                    break
                if texts is not None:
                    found = texts.get(text)
                elif decisions is not None:
                    known = values() if known is None else known
                    found = decisions.get(tuple([known[n] for n in ordinals]))
                if found is not None:
                    decision = found
                    break
            if not decision.allowed:
                return decision
        return decision


class KeyedPlan:
    """A plan as it is kept.  ``is_plain``: the key is one that `skeleton.has_key` may be asked
    about."""

    __slots__ = ("plan", "key", "is_plain")

    def __init__(self, plan: Plan, key: bytes, is_plain: bool) -> None:
        self.plan = plan
        self.key = key
        self.is_plain = is_plain


class Outcome(NamedTuple):
    """A plan that was made, and what may be kept of it.

    ``whole``: no literal decides what the statements are, so that those left out do not.
    ``cacheable``: the plan holds for other sessions; ``stateful``: it depends on prepared
    statements or makes some, which are ``made``.
    """

    plan: Plan
    whole: bool
    cacheable: bool
    stateful: bool
    made: Prepared


def remember(prepared: Prepared, name: str, tables: frozenset[Table]) -> None:
    """Note a prepared statement.  A name may still mean an older statement: both count."""
    if name in prepared:
        prepared[name] |= tables
    elif len(prepared) < _PREPARED_MAX:
        prepared[name] = tables

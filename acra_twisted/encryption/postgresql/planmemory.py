"""Plans of statements, kept by the skeleton of their text and the search path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import StatementPlan
from acra_twisted.encryption.postgresql import statementwords
from acra_twisted.encryption.postgresql.naming import SearchPath

#: Skeletons that are kept, and their bytes.
_ENTRIES: Final = 2_000
_BYTES: Final = 8 << 20
#: The longest skeleton that is kept.
_LONGEST: Final = 64 << 10
#: Plans of one skeleton, by the values that they depend on.
_VARIANTS: Final = 16
#: Search paths by which plans of one skeleton are kept.
_PATHS: Final = 16


class Planned:
    """The plans of a text's statements, None for a text that has nothing to do with protected
    columns.  ``literals`` are the text's own, in their order.  ``hit``: the plans were known.
    ``quiet``: it is known, too, to change nothing of what names mean, and to begin or end no
    transaction.  ``facts`` are those of the plans, if there are any.  ``kept``: they are kept there
    for all texts of the skeleton, whatever their literals are."""

    __slots__ = ("statements", "literals", "hit", "quiet", "facts", "kept")

    def __init__(
        self,
        statements: Sequence[StatementPlan] | None,
        literals: Sequence[bytes] = (),
        hit: bool = False,
        quiet: bool = False,
        facts: Facts | None = None,
        kept: Kept | None = None,
    ) -> None:
        self.statements = statements
        self.literals = literals
        self.hit = hit
        self.quiet = quiet
        self.facts = facts
        self.kept = kept


class _Made:
    """The plans of a text, and their facts."""

    __slots__ = ("plans", "facts")

    def __init__(self, plans: Sequence[StatementPlan], facts: Facts) -> None:
        self.plans = plans
        self.facts = facts


class Kept:
    """The plans of a skeleton where bare names are looked up by one search path: the ordinals of
    the literals that decide, and the plans by their texts.  ``quiet`` as in Planned.
    ``untouched``: that of any text that has nothing to do with protected columns.  ``shortcut`` is
    a place for a shorter way of these texts.  ``is_over``: others have taken its place."""

    __slots__ = ("path", "deciding", "quiet", "untouched", "plans", "shortcut", "is_over")

    def __init__(
        self,
        path: SearchPath,
        deciding: Sequence[int],
        quiet: bool,
        untouched: Planned | None = None,
    ) -> None:
        self.path = path
        self.deciding = deciding
        self.quiet = quiet
        self.untouched = untouched
        self.plans: dict[tuple[bytes, ...], _Made] = {}
        self.shortcut: Any = None
        self.is_over = False

    def planned(self, literals: list[bytes]) -> Planned | None:
        """Return the plans for the literals of a text, which need not be known for one that has
        nothing to do with protected columns; None if the plans are not known."""
        if self.untouched is not None:
            return self.untouched
        deciding = self.deciding
        made = self.plans.get(tuple([literals[one] for one in deciding]) if deciding else ())
        if made is None:
            return None
        alike = None if deciding else self
        return Planned(made.plans, literals, True, self.quiet, made.facts, alike)


class _Skeleton:
    """Plans of a skeleton, by the search path, which is nearly always the same one.  Workers put
    plans there, too."""

    __slots__ = ("_last", "_others")

    def __init__(self, kept: Kept) -> None:
        self._last = kept
        self._others: dict[SearchPath, Kept] = {}

    def of(self, path: SearchPath) -> Kept | None:
        """Return what is kept for a path, which is then found first."""
        last = self._last
        if last.path is path or last.path == path:
            return last
        found = self._others.get(path)
        if found is not None:
            self.put(found)
        return found

    def put(self, kept: Kept) -> None:
        """Keep plans for their path."""
        last = self._last
        if last.path != kept.path:
            if len(self._others) >= _PATHS:
                self._others = {}
            self._others[last.path] = last
        self._last = kept


UNTOUCHED: Final = Planned(None)
_QUIET: Final = Planned(None, quiet=True)


class PlanMemory:
    """Keeps plans, those of many texts in few of them."""

    def __init__(self) -> None:
        self._kept: GenerationCache[bytes, _Skeleton] = GenerationCache(_ENTRIES, _BYTES)

    def kept(self, key: bytes, path: SearchPath) -> Kept | None:
        """Return what is kept of a skeleton; None if nothing is."""
        found = self._kept.get(key)
        return None if found is None else found.of(path)

    def keep_untouched(self, key: bytes, path: SearchPath, quiet: bool) -> None:
        """Keep that texts with a skeleton have nothing to do with protected columns."""
        self._keep(key, Kept(path, (), quiet, _QUIET if quiet else UNTOUCHED))

    def learn(
        self,
        key: bytes,
        path: SearchPath,
        deciding: Sequence[int],
        literals: Sequence[bytes],
        plans: Sequence[StatementPlan],
        facts: Facts,
    ) -> None:
        """Keep the plans of a text whose skeleton is ``key``, for all others in which the literals
        of the ordinals ``deciding`` are the same."""
        before = kept = self.kept(key, path)
        if kept is None or len(kept.plans) >= _VARIANTS:
            kept = Kept(path, deciding, statementwords.is_quiet(key))
        elif not set(deciding) <= set(kept.deciding):
            # Another value made other literals count: both are asked for from now on.
            kept = Kept(path, sorted({*kept.deciding, *deciding}), kept.quiet)
        if before is not None and before is not kept:
            before.is_over = True
        kept.plans[tuple([literals[one] for one in kept.deciding])] = _Made(plans, facts)
        self._keep(key, kept)

    def _keep(self, key: bytes, kept: Kept) -> None:
        if len(key) > _LONGEST:
            return
        found = self._kept.get(key)
        if found is None:
            self._kept.put(key, _Skeleton(kept))
        else:
            found.put(kept)

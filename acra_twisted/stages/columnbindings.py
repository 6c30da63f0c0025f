"""Facts about prepared statements for the values that are bound to them, and the plans of texts as
a session reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.facts import NOTHING, Wanted
from acra_twisted.encryption.making import Kept
from acra_twisted.encryption.plan import ParameterUse, StatementPlan
from acra_twisted.encryption.postgresql import encodings, planner
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.settings import Bypass
from acra_twisted.exchange import Statement
from acra_twisted.pipeline.workers import Workers, uncollected
from acra_twisted.session import Session
from acra_twisted.sql.languages import LANGUAGES, Mode
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.sessionknown import Known, PreparedText

#: Bytes of a text whose literals are cut out at once, for they are few: nearly all that come here
#: need them.
_SHORT: Final = 1 << 10


class Names(NamedTuple):
    """All that the names in a statement mean: tables, where bare names are looked up, and how often
    the session's statements by SQL's PREPARE have changed (0 where that does not matter)."""

    snapshot: Snapshot
    path: SearchPath
    prepared: int


class Binding(NamedTuple):
    """Facts about a prepared statement, kept for the values that are bound to it.

    ``text``, read by ``mode``, is what was planned, ``names`` are what it was planned by, and
    ``plans`` what came of it, None if it names nothing protected.  ``uses`` are those of its
    parameters, ``wanted`` the columns of these and those that it compares with each other,
    ``prepares`` the statements that it prepares by SQL.  ``is_watched``: its execution may change
    tables.  ``mark`` is that of the keys by which its literals were encoded, for ``literals``;
    ``bypass`` lets it pass.  ``is_cursors``: its execution has had to do with a cursor;
    ``notices`` are what the client is told of it, as in Facts."""

    text: bytes
    mode: Mode
    names: Names
    plans: Sequence[StatementPlan] | None
    is_watched: bool
    uses: Sequence[ParameterUse] = ()
    wanted: Wanted = NOTHING
    prepares: Sequence[PreparedText] = ()
    literals: Sequence[Kept] = ()
    mark: bytes = b""
    bypass: Bypass | None = None
    is_cursors: bool = False
    notices: Sequence[tuple[int, str]] = ()

    @property
    def is_named(self) -> bool:
        """Tell whether it names something protected."""
        return self.plans is not None or self.bypass is not None


def is_same(before: Sequence[StatementPlan] | None, plans: Sequence[StatementPlan] | None) -> bool:
    """Tell whether some plans send the very text of the plans before, and show the same results, so
    that values may be bound to what was prepared by those."""
    if before is None or plans is None:
        return not any(map(_concerns, before or plans or ()))
    return list(map(_sent, before)) == list(map(_sent, plans))


def _concerns(plan: StatementPlan) -> bool:
    """Tell whether a plan does anything at all."""
    if plan.refusal or plan.changes or plan.literals or plan.prepares or plan.copies:
        return True
    return bool(
        plan.executes
        or plan.declares
        or plan.matched
        or any(one.setting for one in plan.results or ())
    )


def _sent(plan: StatementPlan) -> StatementPlan:
    """A plan without what it was made by."""
    made = plan.prepares
    return plan._replace(schema=0, prepares=made and made._replace(schema=0, path=None))


def is_untouched(binding: Binding | None, known: Known, snapshot: Snapshot) -> bool:
    """Tell whether a statement has nothing to do with protected columns, by names that mean the
    same as when it was prepared.  Most statements are such."""
    if binding is None or binding.plans is not None or binding.bypass is not None:
        return False
    if binding.is_watched or binding.is_cursors or known.prepared or known.cursors.are_known:
        return False
    names = binding.names
    return names.snapshot is snapshot and names.path == known.schema.path


def names_of(known: Known, snapshot: Snapshot, may_execute: bool) -> Names:
    """Return the meaning of names now.  ``may_execute``: a statement that is watched may be
    EXECUTE."""
    return Names(snapshot, known.schema.path, known.prepared_changes if may_execute else 0)


def mode_of(known: Known | None, session: Session, statement: Statement) -> Mode:
    """Return the mode in which a statement is read, by the settings that the database has reported
    last.  ``known`` keeps it; it is None where nothing is known of the session yet."""
    parameters = session.parameters
    mode: Mode | None = None
    if known is not None and known.parameters is parameters:
        mode = known.mode
    if mode is None:
        mode = _reported_mode(session)
        if known is not None:
            known.mode, known.parameters = mode, parameters
    return _unsure(mode) if session.in_flight or statement.conforming is None else mode


def readable(statement: Statement, session: Session, known: Known | None) -> bytes:
    """Return the text of a statement as `encodings.readable` does; ``known`` is None where nothing
    is known of its session yet."""
    text = statement.text
    return text if text.isascii() else encodings.readable(text, mode_of(known, session, statement))


def _reported_mode(session: Session) -> Mode:
    """The mode by the settings that the database has reported."""
    language = LANGUAGES[session.language]
    read = {
        name: session.parameters.get(name.encode(), default.encode()).decode("latin-1")
        for name, default in language.read_by
    }
    mode: Mode = language.mode_of(read)
    return mode


def _unsure(mode: Mode) -> Mode:
    """A mode whose settings may be others by now."""
    return Mode(None, mode.ansi, mode.encoding, False, mode.names, mode.whole)


def known_plans(
    statement: Statement, session: Session, known: Known, snapshot: Snapshot
) -> Planned | None:
    """Return the `Planned` of a statement if it is known: one lookup by its skeleton."""
    mode = mode_of(known, session, statement)
    if not mode.default:
        return None
    parts = statement.skeleton
    if parts is None and len(statement.text) <= _SHORT:
        parts = statement.skeleton = planner.cut(statement.text)
        if parts is None:
            return None
    key = parts[0] if parts is not None else planner.key_of(statement.text)
    kept = None if key is None else snapshot.planner.kept(key, known.schema.path)
    if kept is None:
        return None
    if kept.untouched is not None:
        # Nobody needs its literals.
        return kept.untouched
    if parts is None:
        parts = statement.skeleton = planner.cut(statement.text)
    return None if parts is None else kept.planned(parts[1])


def plans_of(text: bytes, mode: Mode, known: Known, snapshot: Snapshot, workers: Workers) -> Any:
    """Return the `Planned` of a text, or a Deferred of it."""
    path = known.schema.path
    plan = snapshot.planner.plan
    if len(text) <= planner.LONG:
        return plan(text, mode, path, known.prepared)
    found = snapshot.planner.known(text, mode, path)
    return found or workers.run(uncollected, plan, text, mode, path, dict(known.prepared))

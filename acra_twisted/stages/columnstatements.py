"""Statements that may concern protected columns: planned, and written with their values encoded, or
refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.making import Kept, Written
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import writing
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.postgresql.statementwords import may_change
from acra_twisted.encryption.settings import Bypass
from acra_twisted.exchange import Exchange, Notice, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.sql.languages import Mode
from acra_twisted.stages import cursors, sqlprepared
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnbindings import Binding, mode_of, names_of, plans_of
from acra_twisted.stages.columncopies import copies_of
from acra_twisted.stages.columnencoding import Encoder
from acra_twisted.stages.columnmeanings import Meaning, Snapshot
from acra_twisted.stages.columnverdicts import ROTATED, first_refusal, refused
from acra_twisted.stages.sessionknown import Known, PreparedText
from acra_twisted.stages.statementwatch import watch
from acra_twisted.verdicts import PASS, Pass, Replace


class _Judged(NamedTuple):
    """A statement that is judged, and all that is known about it: ``bypass`` lets it pass,
    ``meanings`` are those of its results if it reads cursors."""

    statement: Statement
    exchange: Exchange
    known: Known
    snapshot: Snapshot
    bypass: Bypass | None = None
    meanings: Sequence[Meaning] | None = None

    @property
    def mode(self) -> Mode:
        """The mode in which the statement is read."""
        return mode_of(self.known, self.exchange.session, self.statement)


class ColumnStatements:
    """Judges statements; ``bypasses`` let some pass that are refused."""

    def __init__(self, encoder: Encoder, workers: Workers, bypasses: Bypasses) -> None:
        self._bypasses = bypasses
        self._encoder = encoder
        self._workers = workers

    def judge(
        self,
        statement: Statement,
        exchange: Exchange,
        planned: Planned | None,
        known: Known,
        snapshot: Snapshot,
    ) -> Any:
        """Return the verdict on a statement, or a Deferred of it.  ``planned`` are its plans, None
        if they are not known yet.  Raises ValueRefusedError, or fails with it."""
        if known.prepared:
            if statement.prepared_name:
                known.forget_prepared(statement.prepared_name)
            client = exchange.session.identity.client_id
            renewing = sqlprepared.renewing(statement.text, client, known, snapshot)
            renewed = self._workers.in_steps(renewing)
            if renewed is not None:
                return renewed.addCallback(
                    lambda _: self._judge(statement, exchange, planned, known, snapshot)
                )
        return self._judge(statement, exchange, planned, known, snapshot)

    def _judge(
        self,
        statement: Statement,
        exchange: Exchange,
        planned: Planned | None,
        known: Known,
        snapshot: Snapshot,
    ) -> Any:
        """Do the same where it is known what the session has prepared."""
        if planned is not None and _is_alone(statement, planned, known):
            return self._written(statement, exchange, planned, known, snapshot)
        judged = _Judged(statement, exchange, known, snapshot)
        if planned is None:
            found = plans_of(statement.text, judged.mode, known, snapshot, self._workers)
            return then(found, partial(self._planned, judged))
        return self._planned(judged, planned)

    def _planned(self, judged: _Judged, planned: Planned) -> Any:
        statement, exchange, known, snapshot, _, _ = judged
        if _is_alone(statement, planned, known):
            return self._written(statement, exchange, planned, known, snapshot)
        plans = planned.statements
        client = exchange.session.identity.client_id
        refusal = (
            None
            if plans is None
            else known.unfit or first_refusal(plans, client, snapshot.protection.readers)
        )
        if refusal is not None:
            passed = self._bypasses.passed(statement.text, judged.mode, client, known, snapshot)
            if passed is None:
                return refused(refusal)
            tell(exchange, passed.bypass)
            judged = judged._replace(bypass=passed.bypass)
            planned, plans = passed.planned, passed.planned.statements
        if cursors.concerns(statement.text, plans, known):
            found = cursors.commands(statement.text, judged.mode, snapshot, self._workers)
            return then(found, partial(self._followed, judged, planned))
        return self._passed(judged, planned)

    def _written(
        self,
        statement: Statement,
        exchange: Exchange,
        planned: Planned,
        known: Known,
        snapshot: Snapshot,
    ) -> Any:
        """Write a simple query that needs nothing but its values: most are such."""
        plans, facts = planned.statements or (), planned.facts
        assert facts is not None  # noqa: S101 - plans have facts
        if not planned.quiet and may_change(statement.text):
            watch(known, exchange, statement.text, True)
        exchange.plan = "hit" if planned.hit else "miss"
        meanings = snapshot.kept_meanings(plans, facts)
        written = self._encoder.literals(planned, facts.wanted, statement.conforming, exchange)
        if type(written) is Written:
            return _alone(statement, meanings, written)
        return written.addCallback(partial(_alone, statement, meanings))

    def _followed(self, judged: _Judged, planned: Planned, found: cursors.Commands | None) -> Any:
        portal = b"" if judged.statement.prepared_name is None else None
        request = cursors.Request(planned.statements, judged.mode, judged.exchange, portal)
        followed = cursors.follow(request, found, judged.known, judged.snapshot)
        if isinstance(followed, Refusal):
            return refused(followed)
        return self._passed(judged._replace(meanings=followed.meanings), planned)

    def _passed(self, judged: _Judged, planned: Planned) -> Any:
        """Go on with a statement that is not refused for what it names."""
        statement, exchange = judged.statement, judged.exchange
        plans = planned.statements
        if plans is None:
            return _untouched(judged)
        executed = sqlprepared.executed(plans, judged.known)
        kept: list[Kept] = []
        if judged.statement.prepared_name is not None or any(plan.prepares for plan in plans):
            kept += self._encoder.kept(planned, statement.conforming, exchange)
            kept += (use for one in executed for use in one.uses)
        if not kept and not executed:
            return self._current(judged, planned)
        marks = self._encoder.marks([kept, *(one.uses for one in executed)], judged.exchange)
        return then(marks, partial(self._marked, judged, planned, executed, kept))

    def _marked(
        self,
        judged: _Judged,
        planned: Planned,
        executed: Sequence[PreparedText],
        kept: Sequence[Kept],
        marks: Sequence[bytes],
    ) -> Any:
        """Refuse a statement that executes one whose literals are encoded by older keys."""
        mark, *current = marks
        if any(one.mark != now for one, now in zip(executed, current, strict=True)):
            return refused(ROTATED)
        return self._current(judged, planned, executed, kept, mark)

    def _current(
        self,
        judged: _Judged,
        planned: Planned,
        executed: Sequence[PreparedText] = (),
        kept: Sequence[Kept] = (),
        mark: bytes = b"",
    ) -> Any:
        """Write a statement; ``kept`` are uses of literals that will be executed later, encoded by
        keys with the ``mark``."""
        statement, exchange, known, snapshot, bypass, meanings = judged
        plans, facts = planned.statements or (), planned.facts
        assert facts is not None  # noqa: S101 - plans have facts
        text = statement.text
        is_watched = not planned.quiet and may_change(text)
        prepares: Sequence[PreparedText] = ()
        made = Statement(text, statement.prepared_name)
        made.meanings = snapshot.kept_meanings(plans, facts) if meanings is None else meanings
        if not facts.is_plain:
            prepares = sqlprepared.made(plans, text, judged.mode, kept, mark)
            made.copies = copies_of(plans, self._encoder.rows, exchange)
        exchange.plan = "hit" if planned.hit else "miss"
        matched, wanted = facts.matched, facts.wanted
        if executed:
            matched += tuple(setting for one in executed for setting in one.plan.matched)
            wanted = Wanted(facts.uses, matched)
        if statement.prepared_name is None:
            for place, notice in facts.notices:
                exchange.tell(Notice(notice, place))
            if is_watched:
                watch(known, exchange, sqlprepared.whole(text, plans, known), True, prepares)
        else:
            uses = [one for plan in plans for one in plan.parameters]
            names = names_of(known, snapshot, is_watched)
            bound = Wanted([one.use for one in uses if one.use is not None], matched)
            made.plan = Binding(
                *(text, judged.mode, names, plans, is_watched, uses, bound, prepares, kept, mark),
                *(bypass, meanings is not None, facts.notices),
            )
            if uses:
                made.types = writing.declared(uses, statement.types or ())
                made.told = writing.told(uses, statement.types or ())
        written = self._encoder.literals(planned, wanted, statement.conforming, exchange)
        return then(written, partial(_verdict, statement, made))


def _is_alone(statement: Statement, planned: Planned, known: Known) -> bool:
    """Tell whether a statement is a simple query to which nothing matters but its plans and
    values."""
    facts = planned.facts
    return (
        facts is not None
        and facts.is_plain
        and statement.prepared_name is None
        and known.unfit is None
        and not known.cursors.are_known
    )


def _alone(
    statement: Statement, meanings: Sequence[Meaning], written: Written
) -> Pass | Replace[Statement]:
    if written.text == statement.text:
        statement.meanings = meanings
        return PASS
    made = Statement(written.text)
    made.meanings = meanings
    return Replace(made)


def _untouched(judged: _Judged) -> Pass:
    """Let a statement pass that names nothing protected, or nothing but what is bypassed."""
    statement, exchange, known, snapshot, bypass, meanings = judged
    if meanings is not None:
        statement.meanings = meanings
    is_watched = may_change(statement.text)
    if statement.prepared_name is not None:
        names = names_of(known, snapshot, is_watched)
        statement.plan = Binding(
            *(statement.text, judged.mode, names, None, is_watched),
            bypass=bypass,
            is_cursors=meanings is not None,
        )
    elif is_watched:
        watch(known, exchange, statement.text, bypass is not None)
    return PASS


def _verdict(statement: Statement, made: Statement, written: Written) -> Pass | Replace[Statement]:
    if written.text == statement.text and not made.told:
        statement.meanings, statement.plan = made.meanings, made.plan
        statement.copies = made.copies
        return PASS
    made.text = written.text
    return Replace(made)

"""Texts of MySQL that may concern protected columns: planned, and written with their values
encoded, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.facts import Wanted
from acra_twisted.encryption.mysql import encoding, planner
from acra_twisted.encryption.mysql.encoding import Plaintexts
from acra_twisted.encryption.mysql.filling import Filled
from acra_twisted.encryption.mysql.plan import Plan, Planned
from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.settings import Bypass
from acra_twisted.exchange import Copies, Exchange, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers, uncollected
from acra_twisted.session import Session
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.mysqlleft import shows_before
from acra_twisted.stages import mysqlloads
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnverdicts import refused
from acra_twisted.stages.mysqlbindings import Binding, ReadBy, reading_of, refusal_of, told_of
from acra_twisted.stages.mysqlcolumns import MysqlColumns, MysqlKnown
from acra_twisted.stages.mysqlencoding import MysqlEncoder
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlmodes import (
    RUNS,
    TABLES,
    database_of,
    is_moving,
    may_move,
    mode_of,
    result_set_of,
)
from acra_twisted.stages.mysqlprepared import (
    SqlPrepared,
    check_all,
    executes,
    name_in,
    prepares,
)
from acra_twisted.stages.mysqltemporary import created
from acra_twisted.verdicts import PASS, Replace

#: Bytes in which the first word of most texts stands.
_FIRST: Final = 12


class _Judged(NamedTuple):
    """A statement that is judged, and all that is known about it."""

    statement: Statement
    exchange: Exchange
    known: MysqlKnown
    snapshot: MysqlSnapshot
    read: ReadBy


class MysqlStatements:
    """Judges texts; ``bypasses`` let some pass that are refused.  ``ask`` asks for what is not
    certain of a session, and judges with it: see `MysqlEncryptor`."""

    def __init__(
        self,
        columns: MysqlColumns,
        encoder: MysqlEncoder,
        workers: Workers,
        bypasses: Bypasses,
        ask: Callable[..., Any],
    ) -> None:
        self._columns = columns
        self._encoder = encoder
        self._workers = workers
        self._bypasses = bypasses
        self._ask = ask

    def judge(
        self,
        statement: Statement,
        exchange: Exchange,
        known: MysqlKnown,
        snapshot: MysqlSnapshot,
        certain: bool,
        looked: bool = False,
    ) -> Any:
        """Return the verdict on a text by a snapshot, or a Deferred of it.  ``certain``: all that
        was sent before has been answered, and what it may have changed was asked for.  ``looked``:
        it was also asked for the tables and routines that the text gives values to.  Raises
        ValueRefusedError, or fails with it."""
        session = exchange.session
        session.meaning = snapshot.meaning(None, result_set_of(session))
        is_moved = known.is_moved or (not certain and is_moving(session))
        database = None if is_moved else database_of(session)
        read = ReadBy(mode_of(session, certain), database)
        judged = _Judged(statement, exchange, known, snapshot, read)
        planned = self._planned(snapshot.planner, judged)
        return then(planned, partial(self._judge, judged, certain, looked))

    def _planned(self, by: Planner, judged: _Judged) -> Any:
        """Return the `Planned` of a text, or a Deferred of it."""
        text, (mode, database) = judged.statement.text, judged.read
        if len(text) > planner.LONG:
            return self._workers.run(uncollected, _plan, by, text, mode, database)
        return _plan(by, text, mode, database)

    def _judge(self, judged: _Judged, certain: bool, looked: bool, planned: Planned) -> Any:
        statement, exchange, known, snapshot, read = judged
        refusal = refusal_of(planned.plan, exchange)
        session = exchange.session
        targets = planned.plan.targets
        if refusal is None and known.prepared is not None and executes(statement.text):
            due = known.prepared.due(snapshot)
            if sum([len(one.text) for one in due]) > planner.LONG:
                checked = self._workers.run(uncollected, check_all, due, snapshot)
                return then(checked, lambda _: self._judge(judged, certain, looked, planned))
            refusal, executed = self._executed(known.prepared, judged)
            targets = (*targets, *executed)
        if targets and known.temporary is not None:
            # What the text ends, or what it runs may end, is not there for the rest of it.
            known.sent(session, statement.text, statement.prepared_name is not None)
        if (
            targets
            and not looked
            and self._columns.is_strange(session, known, targets, read.database)
            and not shows_before(statement.text)
        ):
            again = partial(self.judge, statement, exchange, looked=True)
            return self._ask(session, known, again, targets)
        if refusal is None:
            if targets and statement.prepared_name is None and prepares(statement.text):
                known.keep_prepared(session, statement.text, read)
            return self._written(judged, planned, None)
        if not certain and (
            read.database is None or session.in_flight or self._columns.is_outdated(session, known)
        ):
            # With the answer to all that was sent before, and by other tables, it may be
            # understood.
            again = partial(self.judge, statement, exchange)
            return self._ask(session, known, again)
        bypass = self._bypass(judged)
        if bypass is None:
            return refused(refusal)
        passed = self._planned(snapshot.planner_without(bypass.columns), judged)
        return then(passed, partial(self._passed, judged, bypass, refusal))

    def _executed(
        self, prepared: SqlPrepared, judged: _Judged
    ) -> tuple[Refusal | None, Sequence[Target]]:
        """Judge what the text may execute."""
        if prepared.resets != judged.exchange.session.resets:
            judged.known.prepared = None
            return None, ()
        return prepared.again(judged.snapshot)

    def _bypass(self, judged: _Judged) -> Bypass | None:
        client = judged.exchange.session.identity.client_id
        if not self._bypasses.has_any(client):
            return None
        return self._bypasses.find(client, judged.statement.text, judged.read.mode)

    def _passed(self, judged: _Judged, bypass: Bypass, refusal: Refusal, planned: Planned) -> Any:
        """Go on with a statement that a bypass lets pass, unless it concerns other columns."""
        if refusal_of(planned.plan, judged.exchange) is not None:
            return refused(refusal)
        tell(judged.exchange, bypass)
        return self._written(judged, planned, bypass)

    def _written(self, judged: _Judged, planned: Planned, bypass: Bypass | None) -> Any:
        """Write a statement that is not refused for what it names."""
        statement, exchange, known, snapshot, read = judged
        plan, text = planned.plan, statement.text
        moves = planned.moves & ~RUNS
        if planned.moves & RUNS and snapshot.may_end_tables:
            moves |= TABLES
        is_prepared = statement.prepared_name is not None
        if plan.load is not None and is_prepared:
            return refused(mysqlloads.PREPARED)
        if is_prepared or known.temporary is not None:
            known.sent(exchange.session, text, is_prepared)
        if not is_prepared:
            self._columns.watch(known, exchange, plan, moves, _done(judged))
        made = Statement(text, statement.prepared_name)
        made.meanings = snapshot.meanings(plan, result_set_of(exchange.session))
        binding = Binding(text, read, snapshot, planned, moves, bypass)
        if not plan.parts:
            statement.meanings = made.meanings
            statement.plan = binding if is_prepared else None
            return PASS
        reading = reading_of(exchange.session, read.mode)
        literals = encoding.of_literals(plan, planned.literals, reading)
        wanted = Wanted([one.use for one in plan.values], plan.matched)
        written = self._encoder.text(planned, wanted, literals, exchange)
        if plan.load is not None:
            copies = mysqlloads.copies_of(plan.load, self._encoder.rows, exchange)
            return then(copies, lambda found: then(written, partial(_loading, made, found)))
        if not is_prepared:
            return then(written, partial(_replaced, made))
        binding = binding._replace(wanted=wanted, literals=literals)
        marked = then(written, partial(self._marked, plan, literals, exchange))
        return then(marked, partial(_prepared, made, binding))

    def _marked(self, plan: Plan, literals: Plaintexts, exchange: Exchange, filled: Filled) -> Any:
        mark = self._encoder.mark(plan, literals, exchange)
        return then(mark, lambda found: (filled, found))


def may_pass_by(text: bytes, known: MysqlKnown) -> bool:
    """Tell whether `passes_by` may say yes of a text, as the session's last one was decided."""
    snapshot = known.snapshot
    if snapshot is None or known.prepared is not None or known.temporary is not None:
        return False
    return len(text) <= planner.LONG and not snapshot.planner.may_touch(text)


def passes_by(text: bytes, session: Session, snapshot: MysqlSnapshot) -> bool:
    """Tell of a query that `MysqlStatements.judge` would let it pass with nothing to follow.
    `may_pass_by` has said yes of it by the same snapshot.  It may say no of one that would pass."""
    if b"create" in text[:_FIRST].lower() or may_move(text):
        return False
    if snapshot.planner.gives(text, mode_of(session)):
        return False
    session.meaning = snapshot.meaning(None, result_set_of(session))
    return True


def _plan(by: Planner, text: bytes, mode: Mode, database: str | None) -> Planned:
    """Return the plan of a text, with what the text may change of what its session sees."""
    planned = by.plan(text, mode, database)
    moves = may_move(text)
    return planned._replace(moves=moves) if moves else planned


def _done(judged: _Judged) -> Callable[[], None] | None:
    """Return what is to be taken in once the server has run a text; None for nothing."""
    text, known = judged.statement.text, judged.known
    if b"create" in text[:_FIRST].lower():
        table = created(text, judged.read.database)
        if table is not None:
            tables = known.temporaries(judged.exchange.session)
            return partial(tables.made, table, tables.ends)
    elif known.prepared is not None and name_in(text):
        return partial(known.prepared.done, text, known.prepared.number)
    return None


def _replaced(made: Statement, filled: Filled) -> Replace[Statement]:
    made.text = filled.text
    return Replace(made)


def _loading(made: Statement, copies: Copies, filled: Filled) -> Replace[Statement]:
    made.copies = copies
    return _replaced(made, filled)


def _prepared(
    made: Statement, binding: Binding, written: tuple[Filled, bytes]
) -> Replace[Statement]:
    filled, mark = written
    made.text = filled.text
    made.plan = binding._replace(sent=filled.parameters, mark=mark)
    made.told = told_of(filled.parameters)
    return Replace(made)

"""Values that are bound to prepared statements which may concern protected columns: encoded by what
is known of the statement, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.postgresql.question import prepared_question
from acra_twisted.encryption.postgresql.writing import Bound
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Notice, Parameters, Statement
from acra_twisted.pipeline.driver import then
from acra_twisted.pipeline.workers import Workers
from acra_twisted.session import FAILED_TRANSACTION, Session
from acra_twisted.stages import cursors, sqlprepared
from acra_twisted.stages.bypassing import Bypasses, tell
from acra_twisted.stages.columnbindings import Binding, is_same, is_untouched, names_of, plans_of
from acra_twisted.stages.columnencoding import Encoder
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.columnverdicts import (
    CHANGED,
    ENDED,
    ROTATED,
    UNSURE,
    first_refusal,
    is_hidden,
    outdated,
    reads_all,
    refused,
)
from acra_twisted.stages.opencursors import NAME_SIZE, Results
from acra_twisted.stages.sessionknown import Known
from acra_twisted.stages.statementwatch import watch
from acra_twisted.verdicts import PASS, Deny, Replace


class _Judged(NamedTuple):
    """Parameters that are judged, and all that is known about them."""

    parameters: Parameters
    statement: Statement
    exchange: Exchange
    known: Known
    snapshot: Snapshot

    @property
    def client(self) -> str:
        """The client id of the session."""
        return self.exchange.session.identity.client_id


class ColumnParameters:
    """Judges parameters; ``bypasses`` are those by which statements were prepared."""

    def __init__(self, encoder: Encoder, workers: Workers, bypasses: Bypasses) -> None:
        self._bypasses = bypasses
        self._encoder = encoder
        self._workers = workers

    def judge(
        self, parameters: Parameters, exchange: Exchange, known: Known, snapshot: Snapshot
    ) -> Any:
        """Return the verdict on parameters, or a Deferred of it.  Raises ValueRefusedError, or
        fails with it."""
        statement = parameters.statement
        if statement is None:
            return outdated(UNSURE)
        if parameters.is_meant and is_untouched(statement.plan, known, snapshot):
            return PASS
        judged = _Judged(parameters, statement, exchange, known, snapshot)
        if parameters.is_meant and not _may_be_another(judged):
            return self._meant(judged)
        asked = _confirmed(parameters, exchange)
        return asked.addCallbacks(lambda _: self._certain(judged), _not_confirmed)

    def _certain(self, judged: _Judged) -> Any:
        return self._meant(judged) if judged.parameters.is_meant else outdated(UNSURE)

    def _meant(self, judged: _Judged) -> Any:
        statement, known = judged.statement, judged.known
        name = (statement.prepared_name or b"")[:NAME_SIZE].decode("utf-8", "replace")
        binding = statement.plan
        if name in known.prepared or not isinstance(binding, Binding):
            return outdated(UNSURE)
        names = names_of(known, judged.snapshot, binding.is_watched)
        if binding.names == names:
            return self._current(judged, binding)
        plans = binding.plans or ()
        is_executed = any(plan.executes for plan in plans)
        if binding.bypass is not None or (is_executed and binding.names.prepared != names.prepared):
            return outdated(CHANGED)
        # The same names may mean others now.
        current = binding._replace(names=names)
        planned = plans_of(binding.text, binding.mode, known, judged.snapshot, self._workers)
        return then(planned, partial(self._planned_anew, judged, current))

    def _planned_anew(self, judged: _Judged, binding: Binding, planned: Planned) -> Any:
        """Go on with a statement that would be prepared in the same form today."""
        plans = planned.statements
        if plans is not None:
            refusal = judged.known.unfit or first_refusal(
                plans, judged.client, judged.snapshot.protection.readers
            )
            if refusal is not None:
                return refused(refusal)
        if not is_same(binding.plans, plans):
            return outdated(CHANGED)
        prepared = [plan for plan in plans or () if plan.prepares]
        prepares = [
            one._replace(plan=plan) for one, plan in zip(binding.prepares, prepared, strict=True)
        ]
        binding = binding._replace(plans=plans, prepares=prepares)
        judged.statement.plan = binding
        # Tables may have other numbers than it was described with.
        judged.statement.columns, judged.statement.is_described = None, 0
        judged.statement.meanings = None if plans is None else judged.snapshot.meanings_of(plans)
        return self._current(judged, binding)

    def _current(self, judged: _Judged, binding: Binding) -> Any:
        if not binding.mark:
            return self._marked(judged, binding)
        marks = self._encoder.marks([binding.literals], judged.exchange)
        return then(marks, lambda now: self._marked(judged, binding, now[0]))

    def _marked(self, judged: _Judged, binding: Binding, mark: bytes = b"") -> Any:
        """Encode values for a statement whose literals are encoded by keys with the ``mark``."""
        if mark != binding.mark:
            return outdated(ROTATED)
        known, snapshot = judged.known, judged.snapshot
        if binding.is_cursors or cursors.concerns(binding.text, binding.plans, known):
            found = cursors.commands(binding.text, binding.mode, snapshot, self._workers)
            return then(found, partial(self._followed, judged, binding))
        shown = [plan.results for plan in binding.plans or ()]
        return self._sent(judged, binding, shown[0] if shown else None)

    def _followed(self, judged: _Judged, binding: Binding, found: cursors.Commands | None) -> Any:
        request = _request(judged, binding)
        followed = cursors.follow(request, found, judged.known, judged.snapshot)
        if isinstance(followed, Refusal):
            return refused(followed)
        judged.statement.meanings = followed.meanings
        judged.statement.plan = binding = binding._replace(is_cursors=True)
        return self._sent(judged, binding, followed.shown)

    def _sent(self, judged: _Judged, binding: Binding, shown: Results | None) -> Any:
        """Encode values for a statement that shows these columns; None for none."""
        parameters, _, exchange, known, snapshot = judged
        if parameters.portal:
            # SQL knows no portal without a name.
            refusal = cursors.bound(_request(judged, binding), shown, known, snapshot)
            if refusal is not None:
                return refused(refusal)
        bypass = binding.bypass
        if bypass is not None:
            if not self._bypasses.is_in_force(bypass, judged.client):
                return refused(ENDED)
            tell(exchange, bypass)
        if binding.is_watched:
            text = sqlprepared.whole(binding.text, binding.plans, known)
            watch(known, exchange, text, binding.is_named, binding.prepares)
        for place, notice in binding.notices:
            exchange.tell(Notice(notice, place))
        uses, wanted = binding.uses, binding.wanted
        if not uses:
            if not wanted.matched:
                return PASS
            checked = self._encoder.parameters(parameters, (), wanted, exchange)
            return then(checked, lambda _: PASS)
        kinds = parameters.types
        needed = max(one.source for one in uses)
        if kinds is None or not needed == len(kinds) == len(parameters.values):
            return outdated(UNSURE)
        bound = self._encoder.parameters(parameters, uses, wanted, exchange)
        return then(bound, partial(_verdict, parameters))


def control(parameters: Parameters, exchange: Exchange) -> Any:
    """Return the verdict on the execution of a prepared statement that controls a transaction, or
    a Deferred of it."""
    if parameters.is_meant:
        return PASS
    asked = _confirmed(parameters, exchange)
    return asked.addBoth(partial(_controlled, parameters, exchange.session))


def _controlled(parameters: Parameters, session: Session, found: Failure | None) -> Any:
    is_certain = parameters.is_meant
    if found is not None:
        found.trap(QuestionError)
        # A transaction that has failed answers no question, and does nothing else, if nothing on
        # its way ends it.  The name is that of what was prepared last by it.  Where its batch ends
        # the transaction before it, it has no values that may be another's.
        is_failed = session.transaction == FAILED_TRANSACTION and not session.outstanding
        is_last = _is_last(parameters.statement, session)
        is_certain = is_failed and is_last and not parameters.values
    return PASS if is_certain else outdated(UNSURE)


def _is_last(statement: Statement | None, session: Session) -> bool:
    if statement is None:
        return False
    return session.prepared.statement(statement.prepared_name or b"") is statement


def _confirmed(parameters: Parameters, exchange: Exchange) -> Deferred[None]:
    """Ask the database whether the name of a statement is still its own, as ``is_meant`` says
    then.  Fails with QuestionError where nobody can be asked."""
    prepared = exchange.session.prepared

    def answered(rows: Sequence[Sequence[bytes | None]]) -> None:
        prepared.confirm({name for row in rows for name in row}, parameters)

    return maybeDeferred(exchange.session.ask, prepared_question()).addCallback(answered)


def _may_be_another(judged: _Judged) -> bool:
    """Tell whether the database has to be asked for the name of a statement: code could show the
    client what it may not read, by giving the name to another one.  If not, the database
    describes the statement anew, and names the tables of what it shows."""
    statement, client, readers = judged.statement, judged.client, judged.snapshot.protection.readers
    binding = statement.plan
    if not statement.prepared_name or not isinstance(binding, Binding):
        return False
    if not binding.plans or reads_all(client, readers):
        return False
    statement.columns, statement.is_described = None, 0
    return any(is_hidden(plan.results, client, readers) for plan in binding.plans)


def _request(judged: _Judged, binding: Binding) -> cursors.Request:
    portal = judged.parameters.portal
    return cursors.Request(binding.plans, binding.mode, judged.exchange, portal, True)


def _not_confirmed(failure: Failure) -> Deny:
    failure.trap(QuestionError)
    return outdated(UNSURE)


def _verdict(parameters: Parameters, bound: Bound) -> Replace[Parameters]:
    return Replace(parameters.replaced(bound.values, bound.formats))

"""A refusal has two sides: the client's error, and what makes the database fail as well.  A
question of ours has only the database's side.

A refused statement is a statement that failed.  Between transactions nothing of it reaches the
database.  Inside a transaction block, or where one may have been opened by what is not answered
yet, the database gets a request of the same kind that must fail; it then does what it does after
any error, and its own error is replaced by ours.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql import questions, replies
from acra_twisted.dialects.postgresql.held import HeldBatch
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import QuestionError, RolledBackError
from acra_twisted.exchange import Exchange, Work
from acra_twisted.outstanding import ANSWER, FORWARD, REPLACE, SKIP, is_answer
from acra_twisted.question import Question
from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION, Session
from acra_twisted.sql.blocks import controls_transaction, goes_on_in_block
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import frontend

#: No statement of SQL begins like this, so the database fails before it looks at anything else:
#: names that a client has given to anything do not matter.  It explains itself in its log.
_NO_SQL: Final = b"acra: statement denied"
_FAILS: Final = frontend.encode_query(_NO_SQL)
#: Opens a block, or goes on in one, and fails there whatever names a client has given: what was
#: prepared in two phases is never rolled back in a block.
_FAILS_IN_BLOCK: Final = frontend.encode_query(b"BEGIN; ROLLBACK PREPARED 'acra: statement denied'")
#: Of the extended protocol.  As a named statement, for the client's unnamed one is left alone.
_FAILS_IN_BATCH: Final = frontend.encode_parse(frontend.Parse(_NO_SQL, _NO_SQL, b"\0\0"))
#: Refusals that may wait to be told before something of the database's is assumed among them: in
#: a chunk of thousands each would look at all others.
_LOOKED_AT: Final = 64


class RefusingBatch(HeldBatch):
    """A HeldBatch of which messages may be refused; see `request`."""

    def __init__(self, session: Session, hold_limit: int, propagation: Propagation) -> None:
        super().__init__(session, hold_limit)
        self._propagation = propagation
        self._exchange: Exchange | None = None
        self._denied = False
        self._denied_unsent = False
        # The last request between a part of a batch and its Sync: the database has the transaction
        # of that part open.
        self._ends_part: Exchange | None = None
        session.runs_before = self._runs_before

    def lose(self, left: Work | None) -> None:
        """See IRequestFlow: of a batch some may be held back."""
        super().lose(left)
        for entry in self._expected:
            exchange: Exchange | None = entry[2]
            if exchange is not None:
                exchange.close("lost")
        if self._exchange is not None:
            self._exchange.close("lost")

    @property
    def _in_transaction(self) -> bool:
        """True if the database is in a transaction, or may be: what it gets next must fail then.

        In one that has failed already it need not.
        """
        session = self._session
        if self._part_sent or session.transaction == IN_TRANSACTION:
            return True
        # The database knows nothing of refused messages.
        outstanding = session.outstanding
        for at in range(min(len(outstanding), _LOOKED_AT)):
            if not is_answer(outstanding[at][0]):
                return True
        return len(outstanding) > _LOOKED_AT

    @property
    def _is_part_over(self) -> bool:
        """True if the transaction of a part of a batch has certainly ended, without its Sync."""
        return self._session.transaction == IDLE and not self._session.outstanding

    def _refused(self, exchange: Exchange, deny: Deny, end: int) -> bytes:
        """Leave the message and what is held with it out; return the error for the client."""
        exchange.refuse(deny, deny.sqlstate.decode())
        self._held = []
        self._held_size = 0
        self._emit()
        self._start = self._released = end
        hint = self._propagation.hint(exchange)
        return replies.denial(deny, hint)

    def _deny_query(self, exchange: Exchange, deny: Deny, end: int) -> None:
        """Refuse a request that is answered with a ReadyForQuery of its own."""
        session, statement = self._session, exchange.statement
        error = self._refused(exchange, deny, end)
        if session.discarding:
            exchange.close("denied")
            return
        fails = self._in_transaction
        code, instead = replies.QUERY, _FAILS
        has_failed = session.transaction == FAILED_TRANSACTION and not session.outstanding
        if not has_failed and statement is not None and goes_on_in_block(statement.text):
            # The client takes itself to be in the block that its text begins with: what is reported
            # to be open may be a batch's, or ends with what is not answered yet.
            code, instead, fails = replies.BLOCK, _FAILS_IN_BLOCK, True
        if fails:
            self._out.append(instead)
            session.outstanding.append((REPLACE, code, exchange, error))
            self._part_sent = False
        else:
            session.outstanding.append((ANSWER, replies.QUERY, exchange, error))

    def _deny_batch(self, exchange: Exchange, deny: Deny, start: int, end: int) -> None:
        """Refuse a message of the extended protocol, and with it the rest of its batch."""
        session = self._session
        if self._controls_transaction:
            # Without it the client would go on in another transaction, or in none.
            self._release_before(start, end)
        error = self._refused(exchange, deny, end)
        self._drop([entry for entry in self._expected if entry[2] is not exchange])
        for action, code, _, payload in self._expected:
            if action in (FORWARD, SKIP):
                replies.undo(session, code, payload)
        self._expected = []
        self._denied = True
        self._exchange = exchange
        if session.discarding:
            exchange.close("denied")
        elif self._in_transaction:
            self._out += (_FAILS_IN_BATCH, frontend.FLUSH)
            session.outstanding.append((REPLACE, replies.BATCH, exchange, error))
        else:
            self._denied_unsent = True
            session.outstanding.append((ANSWER, replies.BATCH, exchange, error))

    @property
    def _controls_transaction(self) -> bool:
        """True if something that is held, and was not refused, begins or ends a transaction, or a
        part of one."""
        for _, code, exchange, _ in self._expected:
            if code == replies.EXECUTE and exchange is not None:
                statement = exchange.statement
                if statement is not None and controls_transaction(statement.text):
                    return True
        return False

    def _runs_before(self) -> bool:
        """See Session.runs_before."""
        if self._part_sent:
            return True
        for _, code, exchange, _ in self._expected:
            if code == replies.EXECUTE:
                statement = None if exchange is None else exchange.statement
                if statement is None or not controls_transaction(statement.text):
                    return True
        return False

    def ask(self, question: Question) -> bool:
        """See IRequestFlow."""
        session = self._session
        if self._part_sent or self._denied or session.discarding:
            raise QuestionError("a batch of the client's has been begun")
        if session.copying_in or (self._streaming and not self._leaves_out):
            raise QuestionError("the client is loading rows")
        if session.outstanding:
            return False
        if self._ends_part is not None and not self._is_part_over:
            # The Sync of a question would end its transaction.
            raise QuestionError("a batch of the client's has been begun")
        if session.transaction == FAILED_TRANSACTION:
            raise QuestionError("the client's transaction has failed")
        self._emit()
        self._out.append(questions.encode(question))
        session.outstanding.append((SKIP, replies.QUESTION, None, question))
        return True

    def fail_transaction(self) -> None:
        """See IRequestFlow."""
        if self._streaming and not self._leaves_out:
            raise RolledBackError("a result was refused while copy data was on its way")
        self._emit()
        self._out.append(_FAILS)

    def _fail_batch(self, at: int) -> None:
        """Have the database fail before the Sync that begins ``at``; its error is left out, as the
        rest of the result that was refused."""
        self._insert(at, _FAILS_IN_BATCH)

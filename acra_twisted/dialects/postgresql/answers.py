"""The queue of replies as the database answers them: answers of ours in their place, and the end of
a result that was refused."""

from __future__ import annotations

from acra_twisted.dialects.postgresql import questions, replies
from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.dialects.postgresql.prepared import Prepared
from acra_twisted.dialects.postgresql.wholereplies import WholeReplies
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import RolledBackError
from acra_twisted.exchange import Exchange, Notice, take_reply
from acra_twisted.outstanding import (
    ANSWER_WITH_NEXT,
    REPLACE,
    SKIP,
    Entry,
    is_answer,
)
from acra_twisted.question import Question
from acra_twisted.results import Planner
from acra_twisted.session import IDLE, Session
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import backend, frames


class AnsweredReplies(WholeReplies):
    """WholeReplies that take answered requests off the queue."""

    def __init__(
        self,
        session: Session,
        results: Planner | None,
        message_limit: int,
        descriptions: Descriptions | None,
        propagation: Propagation,
    ) -> None:
        super().__init__(session, results, message_limit, descriptions)
        self._propagation = propagation
        # Whether the rest of a reply is left out, for a stage has refused it.
        self._suppressing = False

    def _body(self, start: int, end: int) -> bytes:
        return self._buffer.data[start + 5 : end]

    def _owed(self) -> Entry | None:
        """Return the entry that the database answers next, now that it speaks: an answer of ours
        that has waited for that leaves."""
        outstanding = self._session.outstanding
        head = outstanding.head
        if head is not None and head[0] == ANSWER_WITH_NEXT:
            self.release_answers()
            head = outstanding.head
        return head

    def _answered(self, start: int, end: int) -> bool:
        """Take a message of the reply to a question of ours, which is the first one owed; return
        True if it was the last."""
        data = self._buffer.data
        self._leave_out(start, end)
        question: Question = self._session.outstanding[0][3]
        if data[start] != frames.READY_FOR_QUERY:
            questions.read(question, data, start, end)
            return False
        self._is_ready(replies.transaction(self._body(start, end)))
        self._end_question(question)
        return True

    def _end_question(self, question: Question) -> None:
        self._session.outstanding.popleft()
        question.is_over = True

    def _is_ready(self, transaction: str) -> None:
        """Go on to the next request; ``transaction`` is what has become of the session's."""
        session = self._session
        session.now_in(transaction)
        session.copying_in = False
        self._suppressing = False
        self._ordinal = 0
        if transaction == IDLE:
            prepared: Prepared = session.prepared
            prepared.transaction_ended()

    def _pop(self, end: int) -> None:
        self._no_rows()
        self._described = None
        take_reply(self._session)
        self._after_pop(end)

    def _after_pop(self, end: int) -> None:
        session = self._session
        outstanding = session.outstanding
        while outstanding:
            action, code, exchange, payload = outstanding[0]
            if not is_answer(action):
                break
            if code == replies.COPY_END:
                outstanding.popleft()
                continue
            self._emit(end)
            if payload is not None:
                self._out.append(payload)
            if code in replies.ANSWERED_WITH_READY:
                self._tell(exchange)
                self._out.append(backend.encode_ready(replies.STATUSES[session.transaction]))
            take_reply(session)
        if outstanding and end < len(self._buffer.data):
            # The next reply came with this one.
            self._reply_begins(outstanding[0])

    def _reply_begins(self, head: Entry) -> None:
        """Note when the first byte came of the reply that is owed next."""
        action, code, exchange, _ = head
        if action == SKIP and code != replies.QUESTION:
            outstanding = self._session.outstanding
            if len(outstanding) > 1:
                # What it carries is the next one's.
                exchange = outstanding[1][2]
        if exchange is not None and not exchange.first_byte:
            exchange.first_byte = self._session.clock()

    def _tell(self, exchange: Exchange | None) -> None:
        """A NOTICE about an exchange whose reply ends here, to a session that asked for it."""
        text = self._propagation.notice(exchange)
        if text:
            self._out.append(backend.encode_notice(text))

    def _tell_of(self, exchange: Exchange, start: int) -> None:
        """Notices of stages about what is done of an exchange, before the message at ``start``."""
        told = self._session.told
        left: list[Notice] = []
        self._emit(start)
        for notice in exchange.told or ():
            if notice.place > self._ordinal:
                left.append(notice)
            elif told is not None and notice.text not in told:
                if notice.once:
                    told.add(notice.text)
                self._out.append(backend.encode_notice(notice.text))
        exchange.told = left or None

    def _fail(self, exchange: Exchange, deny: Deny) -> None:
        """Give the client an error in place of the rest of this reply."""
        exchange.refuse(deny, deny.sqlstate.decode())
        hint = self._propagation.hint(exchange)
        self._out.append(replies.denial(deny, hint))
        self._no_rows()
        self._suppressing = True
        session = self._session
        session.refused_result = True
        session.prepared.may_have_run()
        if session.outstanding[0][1] not in replies.ENDS_WITH_READY:
            replies.discard_until_sync(session, is_run=True)

    def _fail_transaction(self, start: int, end: int, exchange: Exchange | None) -> None:
        """The database goes on with a transaction that the client knows has failed: let it fail,
        before it is told that it is ready."""
        session = self._session
        outstanding = session.outstanding
        self._leave_out(start, end)
        if len(outstanding) > 1:
            raise RolledBackError("a result was refused, and its transaction has gone on")
        self._suppressing = False
        outstanding.popleft()
        outstanding.append((REPLACE, replies.QUERY, exchange, b""))
        session.fails = True

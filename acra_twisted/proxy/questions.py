"""Questions of stages to the database of one session: put one after the other, answered later."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred

from acra_twisted.dialects.flow import ClientFlow
from acra_twisted.errors import QuestionError
from acra_twisted.question import Question, Row
from acra_twisted.session import Session

#: Seconds until a question is given up; its reply is still read.
PATIENCE: Final = 10.0

Answer = Deferred[list[Row]]


class _Asked:
    """A question, the Deferred of its answer, whether the database has got it, and the timer."""

    __slots__ = ("question", "answer", "is_put", "timer")

    def __init__(self, question: Question) -> None:
        self.question = question
        self.answer: Answer = Deferred()
        self.is_put = False
        self.timer: Any = None

    def finish(self) -> None:
        """Tell the answer, or that there is none, unless that was told."""
        timer, self.timer = self.timer, None
        if timer is not None:
            timer.cancel()
        if self.answer.called:
            return
        question = self.question
        if question.failure:
            self.answer.errback(QuestionError(question.failure, question.sqlstate, question.number))
        else:
            self.answer.callback(question.rows)


class Questions:
    """Puts the questions of stages to a session's database.

    ``send`` sends what the flow towards the database has put out.  ``later`` is a reactor's
    callLater.
    """

    def __init__(
        self,
        session: Session,
        flow: ClientFlow,
        send: Callable[[], None],
        later: Callable[[float, Callable[[], None]], Any],
    ) -> None:
        self._session = session
        self._flow = flow
        self._send = send
        self._later = later
        self._asked: deque[_Asked] = deque()

    def ask(self, text: bytes) -> Answer:
        """See `Session.ask`."""
        asked = _Asked(Question(text))
        asked.timer = self._later(PATIENCE, lambda: self._give_up(asked))
        self._asked.append(asked)
        self.advance()
        return asked.answer

    def advance(self) -> None:
        """Tell the answer that has come, and put the question that can be put now.

        Called when something was asked, and whenever the database has said something since.
        """
        waiting = self._asked
        while waiting:
            first = waiting[0]
            self._session.question = first.question
            if not (first.is_put or first.question.is_over):
                self._put(first)
            if not first.question.is_over:
                return
            waiting.popleft()
            self._session.question = None
            first.finish()

    def _put(self, asked: _Asked) -> None:
        try:
            asked.is_put = self._flow.ask(asked.question)
        except QuestionError as error:
            asked.question.fail(str(error))
            asked.question.is_over = True
        else:
            if asked.is_put:
                self._send()

    def _give_up(self, asked: _Asked) -> None:
        asked.timer = None
        asked.question.fail(f"the database has not answered within {PATIENCE:g} s")
        if not asked.is_put:
            # It was waiting for its turn, and must not be put any more.
            asked.question.is_over = True
        asked.finish()
        self.advance()

    def lost(self) -> None:
        """The connection has ended, and so has every question."""
        waiting, self._asked = self._asked, deque()
        self._session.question = None
        for asked in waiting:
            asked.question.fail("the connection has ended")
            asked.finish()

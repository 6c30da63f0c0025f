"""A database of a few lines, for what every dialect's contract is: the toy.

Its client sends a statement a line, ``bye`` at last.  Its server answers each with rows
(``*value``) and one line that ends the reply: ``+`` and what has become of the transaction
(``idle`` or ``open``), or ``-``, a code and a text.  It speaks MySQL's SQL.
"""

from __future__ import annotations

from zope.interface import implementer

from acra_twisted.dialectinterfaces import IDatabaseDialect
from acra_twisted.dialects.flow import ClientFlow, DatabaseFlow
from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Statement, Work, take_reply
from acra_twisted.outstanding import ANSWER, FORWARD, is_answer
from acra_twisted.results import Columns, RowBatch
from acra_twisted.session import IDLE, IN_TRANSACTION
from acra_twisted.verdicts import PASS, Deny, Replace


def _line(buffer):
    """Take a whole line; None if there is none."""
    end = buffer.data.find(b"\n", buffer.position)
    if end < 0:
        return None
    start, buffer.position = buffer.position, end + 1
    return buffer.data[start:end]


class ToyRequests(ClientFlow):
    def __init__(self, session, inspects):
        super().__init__(session)
        self._judged = STATEMENT in inspects

    def next_work(self):
        self._load_waiting()
        session = self._session
        while not self.terminated:
            line = _line(self._buffer)
            if line is None:
                self._buffer.wait_for(len(self._buffer) + 1)
                break
            if line == b"bye":
                self._out.append(b"bye\n")
                self.terminated = True
                break
            exchange = Exchange(session, "query", Statement(line), session.clock())
            session.observer.exchange_opened(exchange)
            work = Work(STATEMENT, exchange.statement, exchange)
            if self._judged:
                self._unsettled = True
                return work
            self.settle(work, PASS)
        return None

    def settle(self, work, verdict):
        self._unsettled = False
        exchange, statement = work.exchange, work.item
        if type(verdict) is Deny:
            exchange.refuse(verdict, str(verdict.errno))
            answer = b"-%d %s\n" % (verdict.errno, verdict.text.encode())
            self._session.outstanding.append((ANSWER, 0, exchange, answer))
            return
        if type(verdict) is Replace:
            statement.rewrite(verdict.item.text)
        self._out.append(statement.text + b"\n")
        exchange.sent = self._session.clock()
        self._session.outstanding.append((FORWARD, 0, exchange, None))

    def take_output(self):
        return self._taken()


class ToyRows(RowBatch):
    """Each row is a line with one cell."""

    def _find_offsets(self):
        found = [self.start]
        while found[-1] < self.end:
            found.append(self.data.index(b"\n", found[-1]) + 1)
        return found

    def _split(self, start):
        return [self.data[start + 1 : self.data.index(b"\n", start)]]

    def _encode_row(self, values):
        return b"*%s\n" % values[0]


class ToyReplies(DatabaseFlow):
    def __init__(self, session, results):
        super().__init__(session)
        self._results = results

    def next_work(self):
        self._load_waiting()
        buffer, session = self._buffer, self._session
        while True:
            start, line = buffer.position, _line(buffer)
            if line is None:
                buffer.wait_for(len(buffer) + 1)
                return None
            exchange = session.outstanding[0][2]
            exchange.first_byte = exchange.first_byte or session.clock()
            if line[:1] == b"*" and self._results is not None:
                columns = Columns([b"value"], [0], [0], [0])
                hooks = self._results.plan(columns).hooks
                self._unsettled = True
                rows = ToyRows(buffer.data, columns, start, buffer.position)
                return Work(ROWS, rows, exchange, hooks)
            self._out.append(line + b"\n")
            if line[:1] == b"*":
                exchange.rows = max(exchange.rows, 0) + 1
                continue
            if line[:1] == b"-":
                exchange.outcome, exchange.status_code = "error", line[1:].split()[0].decode()
            else:
                session.transaction = IDLE if line == b"+idle" else IN_TRANSACTION
            take_reply(session)
            self.release_answers()

    def settle(self, work, verdict):
        self._unsettled = False
        work.exchange.rows = max(work.exchange.rows, 0) + 1
        rows = verdict.item if type(verdict) is Replace else work.item
        self._out.append(rows.encode())

    def release_answers(self):
        outstanding = self._session.outstanding
        while outstanding and is_answer(outstanding[0][0]):
            self._out.append(outstanding[0][3])
            take_reply(self._session)

    def take_output(self):
        return self._taken()


@implementer(IDatabaseDialect)
class ToyDialect:
    name = "toy"
    language = "mysql"
    default_port = 7
    refusals = ()

    def encode_farewell(self, reason, text, trace_id="", number=0):
        return b"-%s %s\n" % (reason.name.encode(), text.encode())

    def begin(self, session):
        session.system, session.language = self.name, self.language
        session.ready = True
        session.observer.session_opened(session)

    def flows(self, session, pipeline):
        return ToyRequests(session, pipeline.inspects), ToyReplies(session, pipeline.results)

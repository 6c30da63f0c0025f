"""A shorter way for the two requests that are most frequent, when one comes alone and whole.

`RequestFlow` says what happens to any request, however its bytes are cut; here is what it comes to
for a simple query, and for Bind, perhaps Describe, Execute and Sync of a statement prepared
before.  Whatever is not exactly that goes the general way; a property test compares the two.
Measured in docs/performance.rst.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.prepared import Portal, Prepared
from acra_twisted.dialects.postgresql.propagation import CARRIER, carried
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.errors import WireError
from acra_twisted.model import Work
from acra_twisted.outstanding import ANSWER_WITH_NEXT, FORWARD, SKIP
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres import backend, frames, frontend
from acra_twisted.wire.postgres.frames import length_at

#: Of the unnamed portal: its description, and the beginning of its Execute.
_DESCRIBE: Final = b"D\0\0\0\x06P\0"
_EXECUTE: Final = b"E\0\0\0\x09\0"
#: An Execute and a Sync.
_END: Final = 10 + len(frontend.SYNC)
#: A Close with a context is no longer.
_CARRIER_LIMIT: Final = 128


class WholeRequests(RequestFlow):
    """See RequestFlow."""

    def begin(self, data: bytes) -> Work | None:
        """See ChunkFlow."""
        size = len(data)
        session = self._session
        if (
            size > 5
            and self._at_rest
            and session.ready
            and not (self._denied or session.discarding)
        ):
            if data[0] == frames.QUERY:
                if length_at(data, 0) == size - 1 <= self._message_limit:
                    return self._whole_query(data, size)
            elif data[-len(frontend.SYNC) :] == frontend.SYNC and self._whole_execution(data, size):
                return None
        self.feed(data)
        return self.next_work()

    def _whole_query(self, data: bytes, size: int) -> Work | None:
        self._load(data)
        self._buffer.position = size
        work = self._query(0, size)
        if work is not None:
            self._unsettled = True
        return work

    def _whole_execution(self, data: bytes, size: int) -> bool:
        """False, with nothing done, if it is something else."""
        session = self._session
        if self._parameters or session.copying_in or self._expected or self._part_sent:
            return False
        announced, start = self._announcement(data, size)
        prepared: Prepared = session.prepared
        if start + 5 > size or (start and prepared.statement(data[6 : start - 1]) is not None):
            return False
        length = length_at(data, start)
        at = start + 1 + length
        if data[start] != frames.BIND or length > self._message_limit or at + _END > size:
            return False
        portal = self._unnamed_portal(data[start + 5 : at])
        described = data[at : at + len(_DESCRIBE)] == _DESCRIBE
        if described:
            at += len(_DESCRIBE)
        if portal is None or at + _END != size or data[at : at + len(_EXECUTE)] != _EXECUTE:
            return False
        statement = portal.statement
        if statement is None or statement.brought is not None:
            return False
        if statement.origin is not None or statement.linked is not None:
            if announced is None:
                return False
            # The execution has a context of its own; later ones may be linked with the other.
            statement.linked = statement.origin or statement.linked
            statement.origin = None
        exchange = self._begin("execute", statement)
        exchange.remote = announced or session.context
        session.observer.exchange_opened(exchange)
        outstanding = session.outstanding
        if announced is not None:
            data = data[start:]
            outstanding.append((ANSWER_WITH_NEXT, replies.CLOSE, None, backend.CLOSE_COMPLETE))
        disclosure = self._disclosure
        if disclosure.onward is not None and disclosure.to_acra:
            context = disclosure.onward(exchange)
            if context is not None:
                name = CARRIER + context.traceparent().encode("ascii")
                data = frontend.encode_close(b"S", name) + data
                outstanding.append((SKIP, replies.CLOSE, None, None))
        prepared.bind_sent(portal)
        exchange.sent = session.clock()
        outstanding.append((FORWARD, replies.BIND, exchange, portal))
        if described:
            outstanding.append((FORWARD, replies.DESCRIBE_PORTAL, exchange, portal))
        outstanding.append((FORWARD, replies.EXECUTE, exchange, portal))
        outstanding.append((FORWARD, replies.SYNC, exchange, None))
        self._out.append(data)
        return True

    @staticmethod
    def _announcement(data: bytes, size: int) -> tuple[TraceContext | None, int]:
        """The context in a Close at the beginning, and where it ends."""
        if data[0] != frames.CLOSE:
            return None, 0
        length = length_at(data, 0)
        if not 6 < length <= min(_CARRIER_LIMIT, size - 6):
            return None, 0
        if data[5] != 0x53 or data[length]:
            return None, 0
        context = carried(data[6:length])
        return context, length + 1 if context is not None else 0

    def _unnamed_portal(self, body: bytes) -> Portal | None:
        """What a Bind makes of a statement that is known; None if it is anything else."""
        end = frames.end_of_string(body, 1)
        if end < 0 or body[0]:
            return None
        prepared: Prepared = self._session.prepared
        statement = prepared.statement(body[1:end])
        if statement is None:
            return None
        if not self._result_formats:
            return Portal(b"", statement)
        try:
            return Portal(b"", statement, frontend.bind_results(body))
        except WireError:
            return None

"""The queue of replies owed to the client, and how an exchange ends.

Every frontend message that draws a reply appends one entry to ``session.outstanding``:
``(code, exchange, payload)``.  The response flow attributes backend messages to the head and pops
it at the end of its reply.  What we answer ourselves is an entry too (`DENIED`, `DENIED_SYNC`)
and is emitted only when it has become the head: a refusal can never overtake a reply.

An exchange owns the consecutive entries that name it, and closes when the last of them is popped.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.model import Exchange, Session
from acra_twisted.outstanding import Entry, Outstanding

__all__ = ("Entry",)

STARTUP: Final = 0  # authentication and parameters, up to the first ReadyForQuery
QUERY: Final = 1  # a simple query, up to ReadyForQuery
PARSE: Final = 2  # payload: the Statement, provisional until ParseComplete
BIND: Final = 3  # payload: the Portal
DESCRIBE_STATEMENT: Final = 4  # payload: the Statement, whose columns are learnt here
DESCRIBE_PORTAL: Final = 5  # payload: the Portal, whose columns are learnt here
EXECUTE: Final = 6  # payload: the Portal
CLOSE: Final = 7  # payload: kind and name
SYNC: Final = 8
CALL: Final = 9  # FunctionCall, up to ReadyForQuery
COPY_END: Final = 10  # the client's CopyDone or CopyFail: draws nothing, ends copy-in mode
DENIED: Final = 11  # FAKE: payload is the encoded error, emitted at the head
DENIED_QUERY: Final = 12  # FAKE: the same, followed by ReadyForQuery
DENIED_SYNC: Final = 13  # FAKE: ReadyForQuery for a batch of which the database saw nothing
REPLACED: Final = 14  # a Parse of ours that must fail: its error is replaced by the payload
CARRIER: Final = 15  # a Close of ours that carries a context: its CloseComplete is left out
ANSWERED: Final = 16  # FAKE: payload is the encoded reply to a message that went no further
REPLACED_QUERY: Final = 17  # a Query of ours that must fail: its error is replaced by the payload
REPLACED_BLOCK: Final = 18  # the same, behind a BEGIN of ours whose CommandComplete is left out

#: Answered by us, without a word from the database.
FAKES: Final = frozenset((DENIED, DENIED_QUERY, DENIED_SYNC, ANSWERED))
#: Of these the ones without a ReadyForQuery.
BARE: Final = frozenset((DENIED, ANSWERED))
#: Needs no word from the database to leave the queue.
OURS: Final = FAKES | {COPY_END}
#: Where the database stops discarding after an error in the extended protocol.
ENDS_WITH_READY: Final = frozenset((QUERY, CALL, STARTUP, REPLACED_QUERY, REPLACED_BLOCK))
#: Requests of ours that must fail.
MUST_FAIL: Final = frozenset((REPLACED, REPLACED_QUERY, REPLACED_BLOCK))


def due(outstanding: Outstanding) -> bool:
    """Whether the head is a reply of ours that the client should have now.

    A CloseComplete before replies that the database will give can go with them: one write.
    """
    if not outstanding or outstanding[0][0] not in OURS:
        return False
    return outstanding[0][0] != ANSWERED or len(outstanding) == 1 or outstanding[1][0] in OURS


def close(exchange: Exchange, outcome: str, now: int = 0) -> None:
    """End an exchange, once; a worse outcome that is already known holds.

    ``now`` is for who has just asked the clock.
    """
    if exchange.closed:
        return
    session = exchange.session
    exchange.closed = now or session.clock()
    if exchange.outcome is None:
        exchange.outcome = outcome
    exchange.traffic = session.traffic.since(session.told)
    if session.settings is not None:
        session.settings.closed(exchange)
    session.observer.exchange_closed(exchange)


def pop(session: Session) -> None:
    """The head's reply is complete."""
    outstanding = session.outstanding
    exchange = outstanding.popleft()[1]
    if exchange is not None and (not outstanding or outstanding[0][1] is not exchange):
        close(exchange, "ok")


def undo(session: Session, code: int, payload: Any) -> None:
    """A message will not be answered: the database never sees it, or skips it, or it failed."""
    if code == PARSE:
        session.prepared.forget_pending(payload)
    elif code == BIND:
        session.prepared.bind_failed(payload)


def discard_until_sync(session: Session) -> None:
    """After an error in the extended protocol: drop what the database will not answer.

    If the Sync has not been sent yet, whatever the client sends before it is dropped as well.
    The exchange at the head is the one that failed; those behind it never ran.
    """
    outstanding = session.outstanding
    failed = outstanding[0][1] if outstanding else None
    dropped: list[Exchange] = []
    while outstanding:
        code, exchange, payload = outstanding[0]
        if code in (SYNC, DENIED_SYNC):
            break
        outstanding.popleft()
        undo(session, code, payload)
        if exchange is not None and exchange not in dropped[-1:]:
            dropped.append(exchange)
    else:
        session.discarding = True
    owner = outstanding[0][1] if outstanding else None
    for exchange in dropped:
        if exchange is not owner:
            close(exchange, "error" if exchange is failed else "aborted")
        elif exchange is not failed and exchange.outcome is None:
            exchange.outcome = "aborted"


def lose(session: Session) -> None:
    """The connection is gone: nothing that is outstanding will be answered."""
    outstanding = session.outstanding
    while outstanding:
        exchange = outstanding.popleft()[1]
        if exchange is not None:
            close(exchange, "lost")

"""PostgreSQL's replies in the queue of `acra_twisted.outstanding`: codes, and how they end.

An entry's code names the message that draws the reply.  With the action ANSWER a code that ends
with ReadyForQuery gets one of ours behind the payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import FORWARD, SKIP
from acra_twisted.session import FAILED_TRANSACTION, IDLE, IN_TRANSACTION, Session
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import backend

STARTUP: Final = 0  # authentication and parameters, up to the first ReadyForQuery
QUERY: Final = 1  # a simple query, up to ReadyForQuery
PARSE: Final = 2  # payload: the Statement, provisional until ParseComplete
BIND: Final = 3  # payload: the Portal
DESCRIBE_STATEMENT: Final = 4  # payload: the Statement, whose columns are learnt here
DESCRIBE_PORTAL: Final = 5  # payload: the Portal, whose columns are learnt here
EXECUTE: Final = 6  # payload: the Portal
CLOSE: Final = 7  # payload: kind and name; with SKIP it is ours and carries a context
SYNC: Final = 8
CALL: Final = 9  # FunctionCall, up to ReadyForQuery
COPY_END: Final = 10  # the client's CopyDone or CopyFail: draws nothing, ends copy-in mode
BATCH: Final = 11  # the rest of a batch, which is refused
BLOCK: Final = 12  # a BEGIN of ours, whose CommandComplete is left out, and what must fail in it
QUESTION: Final = 13  # payload: a Question of ours, up to ReadyForQuery; with SKIP

#: ReadyForQuery's letters by transaction state, and the reverse, by the letter's number.
STATUSES: Final = {IDLE: b"I", IN_TRANSACTION: b"T", FAILED_TRANSACTION: b"E"}
TRANSACTIONS: Final = {status[0]: transaction for transaction, status in STATUSES.items()}

#: Ends with ReadyForQuery, where the database stops discarding after an error.
ENDS_WITH_READY: Final = frozenset((QUERY, CALL, BLOCK))
#: Ends with one of ours behind an answer of ours.
ANSWERED_WITH_READY: Final = frozenset((QUERY, CALL, SYNC))


def transaction(body: bytes) -> str:
    """Return what a ReadyForQuery says of the transaction.  Raises WireError."""
    return TRANSACTIONS[backend.decode_ready(body)[0]]


def undo(session: Session, code: int, payload: Any) -> None:
    """Forget a message that will not be answered: it was not sent, or is skipped, or failed."""
    if code == PARSE:
        session.prepared.forget_pending(payload)
    elif code == BIND:
        session.prepared.bind_failed(payload)
    elif code in (DESCRIBE_STATEMENT, DESCRIBE_PORTAL) and payload is not None:
        payload.is_described = 0


def _may_have_run(session: Session, code: int, payload: Any) -> None:
    """Forget names that a message may have given to others, or taken away."""
    prepared = session.prepared
    if code == PARSE:
        prepared.close_complete(b"S", payload.prepared_name or b"")
    elif code == BIND:
        prepared.close_complete(b"P", payload.name)
    elif code == CLOSE:
        prepared.close_complete(*payload)


def discard_until_sync(session: Session, *, is_run: bool = False) -> None:
    """Drop what the database will not answer after an error in the extended protocol.

    If the Sync has not been sent yet, whatever the client sends before it is dropped as well.
    ``is_run``: the error is ours alone, so that the database may have done what is dropped.
    The exchange at the head is the one that failed, and has its outcome; those behind it never ran.
    """
    outstanding = session.outstanding
    dropped: list[Exchange] = []
    while outstanding:
        action, code, exchange, payload = outstanding[0]
        if code == SYNC:
            break
        outstanding.popleft()
        if action in (FORWARD, SKIP):
            undo(session, code, payload)
            if is_run and action == FORWARD:
                _may_have_run(session, code, payload)
        if exchange is not None and exchange not in dropped[-1:]:
            dropped.append(exchange)
    else:
        session.discarding = True
    owner = outstanding[0][2] if outstanding else None
    for one in dropped:
        if one is not owner:
            one.close("aborted")
        elif one.outcome is None:
            one.outcome = "aborted"


def denial(verdict: Deny, traced: str = "") -> bytes:
    """Return the error that a client gets in place of a reply, or of the rest of one.  ``traced``
    is the hint about its trace."""
    hint = verdict.hint or traced
    if verdict.hint and traced:
        hint = f"{verdict.hint.rstrip('.')}; {traced}"
    return backend.encode_error(b"ERROR", verdict.sqlstate, verdict.text, hint, verdict.routine)


def owner(session: Session) -> Exchange:
    """Return the exchange whose reply is due, or one of its own for what answers no request."""
    head = session.outstanding.head
    if head is not None and head[2] is not None:
        exchange: Exchange = head[2]
        return exchange
    return Exchange(session, "message", None, session.clock())


def note_error(exchange: Exchange, fields: Mapping[str, bytes]) -> bool:
    """Note the database's error; return False if the exchange's outcome is known already."""
    if exchange.outcome is not None:
        return False
    exchange.outcome = "error"
    exchange.status_code = fields.get("C", b"").decode("ascii", "replace")[:5]
    return True

"""Sessions of the moment, of which views of the console tell."""

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.sql.redact import redact
from acra_twisted.telemetry.tracing.spans import SERVER, Span
from tests.support.hours import NOW
from tests.support.kepttraces import spans_of
from tests.support.sessions import make_session

MS = 1_000_000
#: The moment at which they are looked at.
MOMENT = NOW - 1


def some_session(age, running=b"", sent=True, transaction=0, last=b"SELECT a FROM t", number=7):
    """A session whose state is ``age`` milliseconds old: it runs a statement, or ran the last one;
    its transaction began so many milliseconds ago."""
    session = make_session()
    session.id, session.user, session.database, session.ready = number, b"shop_rw", b"shop", True
    session.opened = MOMENT - 3_600_000 * MS
    if transaction:
        session.now_in(IN_TRANSACTION)
        session.transaction_since = MOMENT - transaction * MS
    session.answered = MOMENT - age * MS
    if last:
        session.last = redact(last, session.language)
    if running:
        exchange = Exchange(session, "query", Statement(running), MOMENT - age * MS)
        exchange.sent = exchange.opened if sent else 0
        session.outstanding.append((0, 1, exchange, None))
    return session


def a_connection(number, start, ended=True, reason=""):
    """The span of a session's connection."""
    span = Span("handleConnection", f"{number:032x}", "", SERVER, start, True)
    span.attributes = {"acra.session_id": number, "acra.client_id": "reports"}
    if reason:
        span.fail(7, reason)
    span.end = start + 2_140 * MS if ended else 0
    return span


def asked_by(connection, start, own=False, **given):
    """Spans of a request of a connection, in its trace or in one of its own, linked with it."""
    made = spans_of(start, link=0, **given)
    for span in made:
        if not own:
            span.trace_id = connection.trace_id
    if own:
        made[-1].add_link(connection.trace_id, connection.span_id)
    else:
        made[-1].parent_id = connection.span_id
    return made

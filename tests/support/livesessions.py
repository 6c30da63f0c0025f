"""Sessions of the moment, of which views of the console tell."""

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.telemetry.pages.sessions import LastStatements
from tests.support.hours import NOW
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
        LastStatements().exchange_closed(Exchange(session, "query", Statement(last), 1))
    if running:
        exchange = Exchange(session, "query", Statement(running), MOMENT - age * MS)
        exchange.sent = exchange.opened if sent else 0
        session.outstanding.append((0, 1, exchange, None))
    return session

"""Sessions of the moment."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.session import IN_TRANSACTION
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.pages.peers import Peers
from acra_twisted.telemetry.pages.sessions import SHOWN, TEXT_LIMIT, describe
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import make_session


def rows(sessions, now):
    return [row for row in describe(sessions, now) if row is not None]


class Live(SynchronousTestCase):
    def test_who_waits_longest_comes_first(self):
        sessions = [make_session() for _ in range(3)]
        for session, opened in ((sessions[1], 5_000_000), (sessions[2], 1_000_000)):
            statement = Statement(b"SELECT 'secret'")
            exchange = Exchange(session, "query", statement, opened)
            exchange.sent = opened
            session.outstanding.append((0, 1, exchange, None))
        sessions[2].span = Span("x", "1" * 32, "", 1, 1, True)
        found = rows(sessions, 9_000_000)
        self.assertEqual([row["running_ms"] for row in found], [8.0, 4.0, 0.0])
        self.assertEqual(found[0]["statement"], "SELECT ?")
        self.assertEqual((found[0]["state"], found[0]["in_database"]), ("active", True))
        self.assertEqual(found[0]["trace_id"], "1" * 32)
        self.assertEqual((found[2]["state"], found[2]["trace_id"]), ("idle", ""))

    def test_the_trace_of_a_request_that_is_not_recorded(self):
        session = make_session()
        session.span = Span("handleConnection", "1" * 32, "", 1, 1, True)
        exchange = Exchange(session, "query", None, 1)
        session.outstanding.append((0, 1, exchange, None))
        self.assertEqual(rows([session], 9)[0]["trace_id"], "1" * 32)
        exchange.context = TraceContext("2" * 32, "", False)
        self.assertEqual(rows([session], 9)[0]["trace_id"], "2" * 32)
        exchange.span = Span("x", "3" * 32, "", 1, 1, True)
        self.assertEqual(rows([session], 9)[0]["trace_id"], "3" * 32)

    def test_how_long_a_transaction_has_been_open(self):
        session = make_session()
        self.assertEqual(rows([session], 9)[0]["transaction_ms"], 0.0)
        session.now_in(IN_TRANSACTION)
        now = session.transaction_since + 4_000_000
        (row,) = rows([session], now)
        self.assertEqual((row["state"], row["transaction_ms"]), ("in_transaction", 4.0))

    def test_the_shape_under_which_its_statement_is_counted(self):
        session = make_session()
        session.database = b"shop"
        counter = ShapeCounter(0)
        exchange = Exchange(session, "execute", Statement(b"SELECT a FROM t WHERE b IN (1, 2)"), 1)
        exchange.closed, exchange.outcome = 2, "ok"
        self.assertEqual(rows([session], 9)[0]["shape"], "")
        counter.exchange_closed(exchange)
        (counted,) = counter.minute.counted
        self.assertEqual(rows([session], 9)[0]["shape"], counted.shape.id)
        session.outstanding.append((0, 1, exchange, None))
        self.assertEqual(rows([session], 9)[0]["shape"], counted.shape.id)

    def test_clients_peers_are_noted_when_they_log_in(self):
        peers = Peers(lambda: 5)
        counter, session = ShapeCounter(0), make_session()
        counter.on_login = peers.logged_in
        for kind, outcome in (("startup", "denied"), ("call", "ok"), ("startup", "ok")):
            exchange = Exchange(session, kind, None, 1)
            exchange.outcome, exchange.closed = outcome, 2
            counter.exchange_closed(exchange)
        (seen,) = peers.shown()["peers"]
        self.assertEqual(
            (seen["client_id"], seen["peer"], seen["logins"]), ("client", "127.0.0.1", 1)
        )

    def test_bounded(self):
        self.assertEqual(len(rows([make_session() for _ in range(SHOWN + 5)], 1)), SHOWN)

    def test_of_many_those_that_wait_longest_are_shown(self):
        sessions = [make_session() for _ in range(3 * SHOWN)]
        for session in sessions[-5:]:
            session.outstanding.append((0, 1, Exchange(session, "query", None, 7), None))
        shown = rows(sessions, 9)
        self.assertEqual([row["state"] for row in shown[:6]], ["active"] * 5 + ["idle"])
        self.assertEqual(len(shown), SHOWN)

    def test_ke6_statements_are_redacted_in_the_language_of_the_session(self):
        session = make_session()
        session.language = "mysql"
        exchange = Exchange(session, "query", Statement(b'SELECT "my secret" FROM t'), 1)
        exchange.outcome, exchange.closed = "ok", 2
        ShapeCounter(0).exchange_closed(exchange)
        session.outstanding.append((0, 1, exchange, None))
        [row] = rows([session], 9)
        self.assertEqual((row["statement"], row["last_statement"]), ("SELECT ? FROM t",) * 2)

    def test_a_long_statement_is_not_read_for_a_page(self):
        session = make_session()
        statement = Statement(b"SELECT '" + b"x" * TEXT_LIMIT + b"'")
        session.outstanding.append((0, 1, Exchange(session, "query", statement, 1), None))
        [row] = rows([session], 9)
        self.assertEqual(row["statement"], f"<statement of {TEXT_LIMIT + 9} bytes>")

    def test_what_was_done_last_and_since_when(self):
        session, counter = make_session(), ShapeCounter(0)

        def run(kind, text=None):
            statement = Statement(text) if text is not None else None
            exchange = Exchange(session, kind, statement, 7)
            exchange.outcome, exchange.closed = "ok", 8
            counter.exchange_closed(exchange)

        (row,) = rows([session], session.opened + 5_000_000)
        self.assertEqual((row["last_statement"], row["state_ms"]), ("", 5.0))
        for kind in ("query", "execute"):
            run(kind, b"SELECT 'secret'" + b", 2" * TEXT_LIMIT)
            session.answered = 1_000_000
            (row,) = rows([session], 5_000_000)
            self.assertEqual(row["last_statement"], f"<statement of {15 + 3 * TEXT_LIMIT} bytes>")
            run(kind, b"SELECT 'secret'")
            (row,) = rows([session], 5_000_000)
            self.assertEqual((row["last_statement"], row["state_ms"]), ("SELECT ?", 4.0))
        run("startup")
        self.assertEqual(rows([session], 5_000_000)[0]["last_statement"], "SELECT ?")

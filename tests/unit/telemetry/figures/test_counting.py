"""Counting requests by shape, against a plain reckoning of the same requests."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.telemetry.figures.buckets import bucket
from acra_twisted.telemetry.figures.counting import MINUTE, SHAPES_MAX, ShapeCounter
from acra_twisted.telemetry.figures.rows import Row
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.figures import total
from tests.support.sessions import make_session

START = 1000 * MINUTE


def a_request(session, text=b"SELECT 1", kind="query", opened=START, times=(10, 20, 30), **facts):
    """One that was sent, answered and ended so many nanoseconds after it was opened."""
    exchange = Exchange(session, kind, Statement(text) if text is not None else None, opened)
    sent, first_byte, closed = times
    exchange.sent = opened + sent if sent else 0
    exchange.first_byte = opened + first_byte if first_byte else 0
    exchange.closed = opened + closed
    exchange.outcome = "ok"
    for name, value in facts.items():
        setattr(exchange, name, value)
    return exchange


def rows_of(counter):
    """Return what a counter has counted, by minute and text, and empty it."""
    counter.roll(1 << 62)
    return {
        (minute.number, counted.shape.text or counted.shape.id): counted.figures()
        for minute in counter.take_over()
        for counted in minute.counted
    }


def only(counter):
    (row,) = rows_of(counter).values()
    return row


class Shapes(SynchronousTestCase):
    def setUp(self):
        self.counter = ShapeCounter(START)
        self.session = make_session()

    def test_sessions_have_their_stages_timed(self):
        self.counter.session_opened(self.session)
        self.assertTrue(self.session.timed)

    def test_literals_are_not_part_of_a_shape(self):
        for text in (b"SELECT 'secret', 7", b"SELECT 'other', 123"):
            self.counter.exchange_closed(a_request(self.session, text))
        self.assertEqual(list(rows_of(self.counter)), [(1000, "SELECT ?, ...")])

    def test_a_refused_login_names_no_database(self):
        for number in range(5):
            session = make_session()
            session.database = b"guess%d" % number
            self.counter.exchange_closed(a_request(session, None, kind="startup", outcome="denied"))
        self.assertEqual(only(self.counter).denied, 5)


class Links(SynchronousTestCase):
    def setUp(self):
        self.counter = ShapeCounter(START)
        self.session = make_session()

    def request(self, span_id):
        remote = TraceContext("ab" * 16, span_id, True)
        self.counter.exchange_closed(a_request(self.session, remote=remote, span=object()))

    def test_by_how_much_the_connectors_span_is_longer(self):
        self.request("11" * 8)
        self.request("22" * 8)
        self.counter.span_received("22" * 8, 37)
        self.counter.span_received("22" * 8, 37)
        self.counter.span_received("11" * 8, 29)
        self.counter.span_received("33" * 8, 50)
        link = only(self.counter).layers["link"]
        self.assertEqual((link.count, link.total), (1, 7))

    def test_it_may_come_in_a_later_minute(self):
        self.request("11" * 8)
        self.counter.roll(START + MINUTE)
        self.counter.span_received("11" * 8, 37)
        rows = rows_of(self.counter)
        self.assertEqual([row.calls for row in rows.values()], [1, 0])
        self.assertEqual(rows[1001, "SELECT ?"].layers["link"].total, 7)

    def test_what_is_awaited_is_bounded(self):
        for number in range(2000):
            self.request(f"{number:016x}")
        for number in range(2000):
            self.counter.span_received(f"{number:016x}", 37)
        self.assertEqual(only(self.counter).layers["link"].count, 1024)


_REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(-MINUTE, 2 * MINUTE),
        st.integers(1, 10**10),
        st.sampled_from(["ok", "ok", "error", "denied", "lost"]),
        st.sampled_from(["query", "execute"]),
        st.integers(-1, 5),
    ),
    max_size=60,
)


class ManyRequests(SynchronousTestCase):
    @given(_REQUESTS)
    def test_figures_are_those_of_the_requests(self, requests):
        counter, session = ShapeCounter(START), make_session()
        expected = {}
        minute, clock = 1000, START
        for number, step, took, outcome, kind, rows in requests:
            clock = max(clock + step, took)
            minute = max(minute, (clock // MINUTE))
            text = b"SELECT 7 FROM t%d" % number
            counter.exchange_closed(
                a_request(
                    session,
                    text,
                    kind,
                    clock - took,
                    (took // 3, took // 2, took),
                    outcome=outcome,
                    rows=rows,
                )
            )
            row = expected.setdefault((minute, f"SELECT ? FROM t{number}"), Row())
            row.calls += 1
            row.errors += outcome == "error"
            row.denied += outcome == "denied"
            row.lost += outcome == "lost"
            row.prepared += kind == "execute"
            row.rows += max(rows, 0)
            if outcome == "error":
                row.add_class("??", 1)
            sent, first = took // 3, took // 2
            parts = {"whole": took, "proxy": sent or took}
            if sent:
                parts |= {"first byte": first - sent, "rows": took - first}
            for name, part in parts.items():
                layer = row.layer(name)
                layer.total += part
                layer.buckets[bucket(part)] = layer.buckets.get(bucket(part), 0) + 1
        found = {key: row.as_json() for key, row in rows_of(counter).items()}
        self.assertEqual(found, {key: row.as_json() for key, row in expected.items()})

    def flood(self, counter, session, numbers, times=1):
        for number in numbers:
            for _ in range(times):
                counter.exchange_closed(a_request(session, b"SELECT a FROM t%d" % number))

    def test_shapes_are_bounded_and_nothing_is_lost(self):
        counter, session = ShapeCounter(START), make_session()
        self.flood(counter, session, range(10), 3)
        self.flood(counter, session, range(10, 2500))
        self.assertLessEqual(len(counter.minute.counted), SHAPES_MAX + 1)
        found = rows_of(counter)
        self.assertEqual(total(*found.values())["calls"], 2520)
        # Those with most calls are still there.
        for number in range(10):
            self.assertEqual(found[1000, f"SELECT a FROM t{number}"].calls, 3)
        self.assertGreater(found[1000, "others"].calls, 1000)
        whole = total(*found.values())["layers"]["whole"]
        self.assertEqual(whole["total_ns"], 2520 * 30)

    def test_shapes_that_rest_make_room_first(self):
        counter, session = ShapeCounter(START), make_session()
        self.flood(counter, session, range(SHAPES_MAX))
        counter.roll(START + MINUTE)
        counter.take_over()
        self.flood(counter, session, range(5000, 5000 + SHAPES_MAX // 2))
        self.assertNotIn((1001, "others"), rows_of(counter))

    def test_long_lists_are_few_shapes(self):
        counter, session = ShapeCounter(START), make_session()
        for number in range(5000):
            lists = b"SELECT 1 IN (1" + b",1" * (1 + number % 1100) + b")"
            counter.exchange_closed(a_request(session, lists))
        found = rows_of(counter)
        self.assertEqual(total(*found.values())["calls"], 5000)
        # One that was cut has no end.
        self.assertLessEqual(len(found), 2)

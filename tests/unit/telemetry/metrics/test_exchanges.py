"""Metrics of sessions, exchanges and stages: Acra's names, fixed labels, exemplars."""

from bisect import bisect_left

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Statement, Work
from acra_twisted.pipeline.observers import Observers
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.buckets import PROCESSING_BUCKETS, TIME_BUCKETS
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges
from acra_twisted.telemetry.metrics.families import ConnectorMetrics, ServerMetrics
from acra_twisted.telemetry.pages.scrape import Scrape
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import make_session
from tests.support.webpages import body

NAME = ColumnSetting("", "people", "name")


class Metrics(SynchronousTestCase):
    def setUp(self):
        self.daemon = ServerMetrics()
        self.metrics = ServerExchanges(self.daemon, "postgresql", ("pg_hba", "proxy"))
        self.exchange = Exchange(make_session(), "query", Statement(b"x"), 1000)

    def test_a_refusal_for_a_protected_column_is_not_the_censors(self):
        work = Work(STATEMENT, self.exchange.statement, self.exchange)
        deny = Deny("no", rule="expression", code=events.COLUMN_REFUSED, column="people.name")
        self.metrics.stage_refused("encryptor", work, deny)
        self.metrics.column_values(self.exchange, {(NAME, "opened"): 2})
        self.metrics.security_event(
            events.COLUMN_BYPASSED, "x", None, self.exchange, rule="clean-up"
        )
        text = self.text()
        for line in (
            'acra_column_refusals_total{column="people.name",reason="expression"} 1.0',
            'acra_column_values_total{action="opened",column="people.name"} 2.0',
            'acra_column_bypasses_total{bypass="clean-up"} 1.0',
            'acra_events_total{code="2050"} 1.0',
            'acra_events_total{code="2051"} 1.0',
        ):
            self.assertIn(line, text)
        self.assertNotIn("acra_censor_denials_total{", text)

    def text(self):
        return generate_latest(self.daemon.registry).decode()

    def test_acras_names(self):
        text = self.text()
        for name in (
            'acraserver_request_processing_seconds_bucket{db="postgresql",le="1e-06"}',
            'acraserver_response_processing_seconds_bucket{db="postgresql",le="10.0"}',
        ):
            self.assertIn(name, text)
        self.assertNotIn("acraserver", generate_latest(ConnectorMetrics("c").registry).decode())

    def test_exchanges_with_exemplars(self):
        self.exchange.sent, self.exchange.closed, self.exchange.outcome = 2000, 9000, "ok"
        self.exchange.first_byte, self.exchange.rows = 7000, 3
        self.exchange.span = Span("x", "1" * 32, "", 1, 1, True)
        self.metrics.exchanges_closed([self.exchange])
        text = self.text()
        for line in (
            'acra_exchanges_total{outcome="ok"} 1.0',
            "acra_rows_total 3.0",
            'acra_exchange_seconds_sum{db="postgresql"} 8e-06',
            'acra_database_first_byte_seconds_count{db="postgresql"} 1.0',
            'acra_database_first_byte_seconds_bucket{db="postgresql",le="5e-05"} 1.0',
        ):
            self.assertIn(line, text)
        self.assertIn('trace_id="' + "1" * 32, openmetrics(self.daemon.registry).decode())

    def test_exemplars_as_another_parser_reads_them(self):
        """OpenMetrics has rules of its own: where exemplars may be, and how long their labels."""
        self.exchange.sent, self.exchange.closed, self.exchange.outcome = 2000, 9000, "ok"
        self.exchange.span = span = Span("x", "1" * 32, "", 1, 1, True)
        self.metrics.exchanges_closed([self.exchange])
        page = Scrape(self.daemon.registry).page("application/openmetrics-text;version=1.0.0")
        families = list(text_string_to_metric_families(body(page)))
        found = {
            family.name: [one.exemplar for one in family.samples if one.exemplar is not None]
            for family in families
        }
        (exemplar,) = found["acra_exchange_seconds"]
        self.assertEqual(exemplar.labels, {"trace_id": "1" * 32, "span_id": span.span_id})
        self.assertEqual(exemplar.value, 8e-06)
        self.assertEqual(exemplar.timestamp, 9e-06)
        series = [one for family in families for one in family.samples if one.exemplar is exemplar]
        self.assertEqual([one.name for one in series], ["acra_exchange_seconds_bucket"])
        # The text without exemplars has the same series.
        plain = body(Scrape(self.daemon.registry).page("text/plain"))
        self.assertNotIn("trace_id", plain)
        self.assertIn('acra_exchange_seconds_sum{db="postgresql"} 8e-06', plain)

    def test_listeners_share_the_histograms_of_stages(self):
        others = [
            ServerExchanges(self.daemon, "postgresql", listener=name) for name in ("a", "b", "c")
        ]
        for number, metrics in enumerate(others * 2):
            for _ in range(number + 1):
                exchange = Exchange(make_session(), "query", Statement(b"x"), 1000)
                exchange.outcome, exchange.sent, exchange.closed = "ok", 2000, 9000
                exchange.stage_runs = [
                    StageRun(stage, STATEMENT, PASS, 1000, 2000) for stage in ("one", "two")
                ]
                metrics.exchanges_closed([exchange])
        for stage in ("one", "two"):
            self.assertIn(f'acra_stage_seconds_count{{stage="{stage}"}} 21.0', self.text())

    def test_aborted_exchanges_have_no_times(self):
        self.exchange.outcome = "aborted"
        self.metrics.exchanges_closed([self.exchange])
        self.assertIn(
            'acraserver_request_processing_seconds_count{db="postgresql"} 0.0', self.text()
        )

    def test_contexts(self):
        self.exchange.remote = TraceContext("1" * 32, "1" * 16, True)
        self.metrics.exchanges_closed([self.exchange])
        self.exchange.remote = None
        self.exchange.add_attribute("acra.traceparent_malformed", True)
        self.metrics.exchanges_closed([self.exchange])
        for result in ("continued", "malformed"):
            line = f'acra_trace_contexts_total{{result="{result}",source="comment"}} 1.0'
            self.assertIn(line, self.text())

    def test_stages_and_events(self):
        work = Work(STATEMENT, None, self.exchange)
        self.metrics.stage_refused("censor", work, Deny())
        self.metrics.stage_failed("censor", work, None)
        self.metrics.security_event(584, "x", None, None)
        self.metrics.session_opened(self.exchange.session)
        self.metrics.session_closed(self.exchange.session, "")
        text = self.text()
        self.assertIn('acra_stage_verdicts_total{stage="censor",verdict="deny"} 1.0', text)
        self.assertIn('acra_stage_failures_total{stage="censor"} 1.0', text)
        self.assertIn('acra_events_total{code="584"} 1.0', text)

    def test_refused_logins_by_reason(self):
        self.assertIn('acra_login_refusals_total{reason="pg_hba"} 0.0', self.text())
        for _ in range(2):
            self.metrics.security_event(events.LOGIN_REFUSED, "x", None, None, rule="pg_hba")
        text = self.text()
        self.assertIn('acra_login_refusals_total{reason="pg_hba"} 2.0', text)
        self.assertIn(f'acra_events_total{{code="{events.LOGIN_REFUSED}"}} 2.0', text)

    def test_logins_by_result_proof_and_binding(self):
        for bound in ("yes", "no"):
            line = f'acra_logins_total{{bound="{bound}",mechanism="scram",result="downgrade"}} 0.0'
            self.assertIn(line, self.text())
        for labels in (("ok", "scram", True), ("limit", "", False), ("limit", "", False)):
            self.metrics.login(*labels)
        text = self.text()
        for line in (
            'acra_logins_total{bound="yes",mechanism="scram",result="ok"} 1.0',
            'acra_logins_total{bound="no",mechanism="none",result="limit"} 2.0',
        ):
            self.assertIn(line, text)

    def test_each_refusal_is_one_event(self):
        work = Work(STATEMENT, None, self.exchange)
        self.exchange.outcome = "denied"
        for code, who in (
            (events.QUERY_NOT_ALLOWED, "s"),
            (events.STAGE_FAILED, "s"),
            (events.LIMIT_EXCEEDED, ""),
        ):
            self.exchange.code, self.exchange.denied_by = code, who
            if code == events.STAGE_FAILED:
                self.metrics.stage_failed("s", work, None)
            if who:
                self.metrics.stage_refused("s", work, Deny(code=code))
            self.metrics.exchanges_closed([self.exchange])
            self.assertIn(f'acra_events_total{{code="{code}"}} 1.0', self.text())

    def test_times_of_stages(self):
        self.exchange.stage_runs = [
            StageRun("censor", STATEMENT, PASS, 1000, 26_000),
            StageRun("decryptor", ROWS, PASS, 1000, 26_000),
        ]
        self.metrics.exchanges_closed([self.exchange])
        text = self.text()
        self.assertIn('acra_stage_seconds_bucket{le="3e-05",stage="decryptor"} 1.0', text)
        self.assertIn('acra_stage_seconds_bucket{le="2e-05",stage="censor"} 0.0', text)
        self.assertIn('acra_stage_seconds_bucket{le="3e-05",stage="censor"} 1.0', text)


_START = 10**18
_REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["query", "execute", "prepare", "startup"]),
        st.sampled_from(["ok", "ok", "ok", "error", "denied", "lost", "aborted"]),
        # Until it was sent, to the first byte, to the end; None: it was not sent, nothing came.
        st.none() | st.sampled_from((0, 1_000, 1_001, 60_000, 10**9)),
        st.none() | st.sampled_from((0, 50_000, 50_001, 10**10)),
        st.integers(0, 10**10),
        st.sampled_from([None, False, True]),
        st.lists(st.integers(0, 10**8), max_size=3),
    ),
    max_size=30,
)


def _made(session, requests):
    """Return such requests, which ended one after the other."""
    found, clock = [], _START
    for kind, outcome, sent, first_byte, rest, sampled, stages in requests:
        clock += 1_000_000
        made = Exchange(session, kind, Statement(b"SELECT 1"), clock)
        made.closed, made.outcome = clock + rest, outcome
        if sent is not None:
            made.sent = clock + sent
            made.closed += sent
            if first_byte is not None:
                made.first_byte = made.sent + first_byte
                made.closed += first_byte
        if sampled is not None:
            made.span = Span("x", f"{len(found):032x}", "", 1, clock, sampled)
            made.span.span_id = "a" * 16
        if stages:
            made.stage_runs = [
                StageRun("censor", STATEMENT, PASS, clock, clock + one) for one in stages
            ]
        clock = made.closed
        found.append(made)
    return found


class Times(SynchronousTestCase):
    """Times of requests are told alike, whichever observer counts them."""

    def told(self, requests, figures):
        """Return what metrics say behind such requests, which may be counted with figures."""
        daemon = ServerMetrics()
        observers = [ServerExchanges(daemon, "postgresql")]
        if figures:
            observers[0].share_times()
            observers.append(ShapeCounter(_START))
        both = Observers(observers)
        session = make_session(observer=both)
        both.session_opened(session)
        for exchange in _made(session, requests):
            both.exchange_closed(exchange)
        both.catch_up()
        return openmetrics(daemon.registry).decode()

    @settings(max_examples=30)
    @given(_REQUESTS)
    def test_alone_or_with_figures_the_same_is_told(self, requests):
        self.assertEqual(self.told(requests, False), self.told(requests, True))

    @settings(max_examples=30)
    @given(_REQUESTS)
    def test_times_are_those_of_the_requests(self, requests):
        expected = {
            "acraserver_request_processing_seconds": (PROCESSING_BUCKETS, []),
            "acraserver_response_processing_seconds": (PROCESSING_BUCKETS, []),
            "acra_database_first_byte_seconds": (TIME_BUCKETS, []),
            "acra_exchange_seconds": (TIME_BUCKETS, []),
        }
        request, response, first_byte, whole = [times for _, times in expected.values()]
        for made in _made(make_session(), requests):
            if made.sent and made.outcome != "aborted":
                request.append(made.sent - made.opened)
                response.append(made.closed - made.sent)
                whole.append(made.closed - made.opened)
                if made.first_byte:
                    first_byte.append(made.first_byte - made.sent)
        lines = self.told(requests, True).splitlines()
        for name, (bounds, times) in expected.items():
            told = [
                float(line.split("} ")[1].split()[0])
                for line in lines
                if line.startswith(f"{name}_bucket")
            ]
            ends = [round(bound * 10**9) for bound in bounds]
            places = [bisect_left(ends, one) for one in times]
            within = [sum(one <= place for one in places) for place in range(len(ends) + 1)]
            self.assertEqual(told, within, name)


class Listeners(SynchronousTestCase):
    """A daemon with several listeners tells for each what is its own."""

    def setUp(self):
        self.daemon = ServerMetrics(("shop",))
        self.own = ServerExchanges(self.daemon, "postgresql", ("pg_hba",))
        self.shop = ServerExchanges(self.daemon, "mysql", ("password",), "shop")

    def lines(self):
        return generate_latest(self.daemon.registry).decode().splitlines()

    def exchange(self, outcome="ok"):
        made = Exchange(make_session(), "query", Statement(b"x"), 1000)
        made.sent, made.closed, made.outcome = 2000, 9000, outcome
        made.rows, made.remote = 3, TraceContext("1" * 32, "1" * 16, True)
        return made

    def test_requests(self):
        self.own.exchanges_closed([self.exchange()])
        for outcome in ("ok", "ok", "error"):
            self.shop.exchanges_closed([self.exchange(outcome)])
        for line in (
            'acra_exchanges_total{listener="",outcome="ok"} 1.0',
            'acra_exchanges_total{listener="",outcome="error"} 0.0',
            'acra_exchanges_total{listener="shop",outcome="ok"} 2.0',
            'acra_exchanges_total{listener="shop",outcome="error"} 1.0',
            'acra_rows_total{listener="shop"} 9.0',
            'acra_exchange_seconds_count{db="postgresql",listener=""} 1.0',
            'acra_exchange_seconds_count{db="mysql",listener="shop"} 3.0',
            'acraserver_request_processing_seconds_count{db="mysql",listener="shop"} 3.0',
            'acra_trace_contexts_total{result="continued",source="comment"} 4.0',
        ):
            self.assertIn(line, self.lines())

    def test_refusals(self):
        work = Work(STATEMENT, None, self.exchange())
        self.shop.stage_refused("censor", work, Deny(rule="tables"))
        self.shop.stage_failed("censor", work, None)
        self.shop.security_event(events.LOGIN_REFUSED, "x", None, None, rule="password")
        self.shop.login("limit", "", False)
        for line in (
            'acra_stage_verdicts_total{listener="shop",stage="censor",verdict="deny"} 1.0',
            'acra_censor_denials_total{by="tables",listener="shop"} 1.0',
            'acra_stage_failures_total{listener="shop",stage="censor"} 1.0',
            'acra_login_refusals_total{listener="shop",reason="password"} 1.0',
            'acra_login_refusals_total{listener="",reason="pg_hba"} 0.0',
            'acra_logins_total{bound="no",listener="shop",mechanism="none",result="limit"} 1.0',
            'acra_logins_total{bound="no",listener="",mechanism="none",result="limit"} 0.0',
        ):
            self.assertIn(line, self.lines())

    def test_connections(self):
        for listener in ("shop", "shop", ""):
            self.daemon.connection_opened("db", listener)
        self.daemon.connection_closed(0.3, "db", "shop")
        count = "acraserver_connections_processing_seconds_count"
        for line in (
            'acraserver_connections_total{connection_type="db",listener="shop"} 2.0',
            'acraserver_connections_total{connection_type="db",listener=""} 1.0',
            f'{count}{{connection_type="db",listener="shop"}} 1.0',
            'acra_open_connections{listener="shop"} 1.0',
            'acra_open_connections{listener=""} 1.0',
        ):
            self.assertIn(line, self.lines())

    def test_a_daemon_without_sections_has_no_such_label(self):
        daemon = ServerMetrics()
        ServerExchanges(daemon, "postgresql").exchanges_closed([self.exchange()])
        daemon.connection_opened()
        self.assertNotIn("listener", generate_latest(daemon.registry).decode())

"""Metrics of sessions, exchanges and stages: Acra's names, fixed labels, exemplars."""

from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.exchange import ROWS, STATEMENT, Exchange, Statement, Work
from acra_twisted.session import FAILED_TRANSACTION, IN_TRANSACTION, Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.metrics.exchanges import (
    STATES,
    ConnectorMetrics,
    ServerMetrics,
    session_state,
)
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS, Deny
from acra_twisted.wire.link.tracecontext import TraceContext
from tests.support.sessions import make_session

#: Acra's series by daemon: name, type, names of labels (acra-observability reference, section 12).
ACRA = {
    "acraserver": {
        ("acraserver_connections_total", "counter", "connection_type"),
        ("acraserver_connections_processing_seconds", "histogram", "connection_type"),
        ("acraserver_request_processing_seconds", "histogram", "db"),
        ("acraserver_response_processing_seconds", "histogram", "db"),
        ("acra_acrastruct_decryptions_total", "counter", "status"),
        ("acra_decryptions_total", "counter", "status type"),
        ("acraserver_version_major", "gauge", ""),
        ("acraserver_version_minor", "gauge", ""),
        ("acraserver_version_patch", "gauge", ""),
        # A counter in Acra, which the library does not make without _total.
        ("acraserver_build_info", "gauge", "edition version"),
    },
    "acraconnector": {
        ("acraconnector_connections_total", "counter", "connection_type"),
        ("acraconnector_connections_processing_seconds", "histogram", "connection_type"),
        ("acraconnector_version_major", "gauge", ""),
        ("acraconnector_version_minor", "gauge", ""),
        ("acraconnector_version_patch", "gauge", ""),
        ("acraconnector_build_info", "gauge", "edition version"),
    },
}
CONNECTION_BUCKETS = "0.1 0.2 0.5 1 10 60 3600 86400 +Inf"
PROCESSING_BUCKETS = (
    "1e-6 1e-5 2e-5 3e-5 4e-5 5e-5 6e-5 7e-5 8e-5 9e-5 1e-4 5e-4 1e-3 5e-3 1e-2 1 3 5 10 +Inf"
)


def series(metrics):
    """Return the series exposed: name, type, names of labels; and the buckets of each histogram."""
    found, buckets = set(), {}
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            name, labels = sample.name, set(sample.labels)
            if family.type == "histogram":
                name = family.name
                if "le" in labels:
                    buckets.setdefault(name, []).append(float(sample.labels["le"]))
                    labels.remove("le")
            found.add((name, family.type, " ".join(sorted(labels))))
    return found, buckets


class Acras(SynchronousTestCase):
    def exposed(self, service):
        if service == "acraconnector":
            metrics = ConnectorMetrics(service)
        else:
            metrics = ServerMetrics("postgresql")
            exchange = Exchange(make_session(), "query", Statement(b"x"), 1000)
            metrics.containers_read(exchange, "acrastruct", 1, 1)
        metrics.connection_opened()
        metrics.connection_closed(1.0)
        return series(metrics)

    def test_every_series_with_its_labels(self):
        for service, expected in ACRA.items():
            found, _ = self.exposed(service)
            self.assertEqual(expected - found, set())
            # What Acra has no name for does not begin with the names of its daemons.
            ours = {name for name, _, _ in found - expected}
            self.assertEqual([name for name in ours if not name.startswith("acra_")], [])

    def test_every_bucket(self):
        for service in ACRA:
            _, buckets = self.exposed(service)
            expected = {f"{service}_connections_processing_seconds": CONNECTION_BUCKETS}
            if service == "acraserver":
                for what in ("request", "response"):
                    expected[f"{service}_{what}_processing_seconds"] = PROCESSING_BUCKETS
            for name, bounds in expected.items():
                self.assertEqual(buckets[name], [float(bound) for bound in bounds.split()])

    def test_nothing_is_there_before_it_has_happened(self):
        found, _ = series(ServerMetrics("postgresql"))
        names = {name for name, _, _ in found}
        self.assertNotIn("acra_acrastruct_decryptions_total", names)


NAME = ColumnSetting("", "people", "name")


class Metrics(SynchronousTestCase):
    def setUp(self):
        self.metrics = ServerMetrics("postgresql", ("pg_hba", "proxy"))
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
        return generate_latest(self.metrics.registry).decode()

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
        self.metrics.exchange_closed(self.exchange)
        text = self.text()
        for line in (
            'acra_exchanges_total{outcome="ok"} 1.0',
            "acra_rows_total 3.0",
            'acra_exchange_seconds_sum{db="postgresql"} 8e-06',
            'acra_database_first_byte_seconds_count{db="postgresql"} 1.0',
            'acra_database_first_byte_seconds_bucket{db="postgresql",le="5e-05"} 1.0',
        ):
            self.assertIn(line, text)
        self.assertIn('trace_id="' + "1" * 32, openmetrics(self.metrics.registry).decode())

    def test_aborted_exchanges_have_no_times(self):
        self.exchange.outcome = "aborted"
        self.metrics.exchange_closed(self.exchange)
        self.assertIn(
            'acraserver_request_processing_seconds_count{db="postgresql"} 0.0', self.text()
        )

    def test_contexts(self):
        self.exchange.remote = TraceContext("1" * 32, "1" * 16, True)
        self.metrics.exchange_closed(self.exchange)
        self.exchange.remote = None
        self.exchange.add_attribute("acra.traceparent_malformed", True)
        self.metrics.exchange_closed(self.exchange)
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
            self.metrics.exchange_closed(self.exchange)
            self.assertIn(f'acra_events_total{{code="{code}"}} 1.0', self.text())

    def test_times_of_stages(self):
        self.exchange.stage_runs = [
            StageRun("censor", STATEMENT, PASS, 1000, 26_000),
            StageRun("decryptor", ROWS, PASS, 1000, 26_000),
        ]
        self.metrics.exchange_closed(self.exchange)
        text = self.text()
        self.assertIn('acra_stage_seconds_bucket{le="3e-05",stage="decryptor"} 1.0', text)
        self.assertIn('acra_stage_seconds_bucket{le="2e-05",stage="censor"} 0.0', text)
        self.assertIn('acra_stage_seconds_bucket{le="3e-05",stage="censor"} 1.0', text)

    def test_sessions_by_state(self):
        sessions = [make_session() for _ in range(6)]
        sessions[0].ready = False
        sessions[1].outstanding.append((0, 0, None, None))
        sessions[2].transaction = IN_TRANSACTION
        sessions[3].transaction = FAILED_TRANSACTION
        sessions[5].unread = "encrypted"
        self.assertEqual(
            [session_state(session) for session in sessions],
            ["starting", "active", "in_transaction", "failed_transaction", "idle", "unread"],
        )
        self.metrics.watch_sessions(lambda: sessions)
        for state in STATES:
            self.assertIn(f'acra_sessions{{state="{state}"}} 1.0', self.text())

    def test_bytes_of_sessions_that_are_and_were(self):
        first, second = make_session(), make_session()
        first.traffic, second.traffic = Traffic(1, 2, 3, 4), Traffic(10, 20, 30, 40)
        self.metrics.watch_sessions(lambda: [first, second])
        for _ in range(2):
            for direction, count in (("from_client", 11), ("from_database", 44)):
                line = f'acra_bytes_total{{direction="{direction}"}} {count}.0'
                self.assertIn(line, self.text())
            # Ended, and still in the list for a moment.
            self.metrics.session_closed(first, "")


class Counting(SynchronousTestCase):
    """Each byte is counted once for sessions that end while they are counted."""

    def setUp(self):
        self.sessions = [make_session() for _ in range(100)]
        for session in self.sessions:
            session.traffic = Traffic(1, 1, 1, 1)
        self.metrics = ConnectorMetrics("acraconnector")
        self.metrics.watch_sessions(lambda: tuple(self.sessions))

    def told(self):
        line = 'acra_bytes_total{direction="to_client"} '
        text = generate_latest(self.metrics.registry).decode()
        return float(text.partition(line)[2].partition("\n")[0])

    def end(self, number):
        self.sessions[number].traffic.to_client += 5
        self.metrics.session_closed(self.sessions[number], "done")

    def test_before_and_behind(self):
        steps = iter(self.metrics.count_sessions())
        next(steps)
        # One that was counted already, and one that was not.
        self.end(0)
        self.end(99)
        for _ in steps:
            pass
        self.assertEqual(self.told(), 110)
        self.assertEqual(self.told(), 110)

    def test_two_at_a_time_and_one_that_is_given_up(self):
        given_up = iter(self.metrics.count_sessions())
        first, second = iter(self.metrics.count_sessions()), iter(self.metrics.count_sessions())
        for steps in (given_up, first, second):
            next(steps)
        self.end(0)
        for steps in (first, second):
            for _ in steps:
                pass
            self.assertEqual(self.told(), 105)

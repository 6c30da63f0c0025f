"""Sessions by state and their bytes, counted for a scrape."""

from prometheus_client import generate_latest
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.session import FAILED_TRANSACTION, IN_TRANSACTION, Traffic
from acra_twisted.telemetry.metrics.exchanges import ConnectorExchanges
from acra_twisted.telemetry.metrics.families import ConnectorMetrics
from acra_twisted.telemetry.metrics.sessions import STATES, session_state
from tests.support.sessions import make_session


def told(metrics):
    """Return what is told of metrics."""
    return generate_latest(metrics.registry).decode()


class Sessions(SynchronousTestCase):
    def setUp(self):
        self.metrics = ConnectorMetrics("acraconnector")
        self.counts = ConnectorExchanges(self.metrics)

    def text(self):
        return told(self.metrics)

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
        self.metrics.watch_sessions(lambda: [("", session) for session in sessions])
        for state in STATES:
            self.assertIn(f'acra_sessions{{state="{state}"}} 1.0', self.text())

    def test_bytes_of_sessions_that_are_and_were(self):
        first, second = make_session(), make_session()
        first.traffic, second.traffic = Traffic(1, 2, 3, 4), Traffic(10, 20, 30, 40)
        self.metrics.watch_sessions(lambda: [("", first), ("", second)])
        for _ in range(2):
            for direction, count in (("from_client", 11), ("from_database", 44)):
                line = f'acra_bytes_total{{direction="{direction}"}} {count}.0'
                self.assertIn(line, self.text())
            # Ended, and still in the list for a moment.
            self.counts.session_closed(first, "")

    def test_sessions(self):
        metrics = ConnectorMetrics("acraconnector", ("shop",))
        shop = ConnectorExchanges(metrics, "shop")
        first, second = make_session(), make_session()
        first.traffic, second.traffic = Traffic(1, 2, 3, 4), Traffic(10, 20, 30, 40)
        metrics.watch_sessions(lambda: [("", first), ("shop", second)])
        for _ in range(2):
            for line in (
                'acra_sessions{listener="shop",state="idle"} 1.0',
                'acra_sessions{listener="shop",state="active"} 0.0',
                'acra_bytes_total{direction="from_client",listener="shop"} 10.0',
                'acra_bytes_total{direction="from_client",listener=""} 1.0',
            ):
                self.assertIn(line, told(metrics))
            # Ended, and still in the list for a moment.
            shop.session_closed(second, "")


class Counting(SynchronousTestCase):
    """Each byte is counted once for sessions that end while they are counted."""

    def setUp(self):
        self.sessions = [make_session() for _ in range(100)]
        for session in self.sessions:
            session.traffic = Traffic(1, 1, 1, 1)
        self.metrics = ConnectorMetrics("acraconnector")
        self.counts = ConnectorExchanges(self.metrics)
        self.metrics.watch_sessions(lambda: [("", session) for session in self.sessions])

    def told(self):
        line = 'acra_bytes_total{direction="to_client"} '
        text = generate_latest(self.metrics.registry).decode()
        return float(text.partition(line)[2].partition("\n")[0])

    def end(self, number):
        self.sessions[number].traffic.to_client += 5
        self.counts.session_closed(self.sessions[number], "done")

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

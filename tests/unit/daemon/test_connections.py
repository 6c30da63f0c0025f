"""Looking after connections, and ending them: drain, cut, abort."""

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.connections import Connections


class Metrics:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []
        self.pools = {}

    def watch_pool(self, name, size, limit):
        self.pools[name] = (size, limit)

    def connection_opened(self, kind, listener):
        self.told.append(("opened", kind, listener))

    def connection_closed(self, seconds, kind, listener):
        self.told.append(("closed", kind, listener, seconds))


class Connection:
    """Ends by itself when ``ends_at`` is called for."""

    connection_type = "db"
    listener = ""
    address = "10.0.0.1"

    def __init__(self, connections, ends_at):
        self.connections, self.ends_at = connections, ends_at
        self.calls = []
        connections.admit(self)

    def check(self, now):
        self.calls.append(now)

    def called(self, name):
        self.calls.append(name)
        if name == self.ends_at:
            self.connections.release(self, 1.0)

    def drain(self):
        self.called("drain")

    def cut(self):
        self.called("cut")

    def abort(self):
        self.called("abort")


class Ending(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.connections = Connections(self.clock, Metrics(), 10)

    def test_checks(self):
        connection = Connection(self.connections, "")
        self.assertIn(connection, self.connections)
        self.connections.start()
        self.clock.advance(0.5)
        self.assertEqual(connection.calls, [0.0, 0.5])

    def end(self):
        return ensureDeferred(self.connections.end(5.0))

    def test_rl6_in_a_hurry(self):
        kept = Connection(self.connections, "abort")
        done = self.end()
        self.assertEqual(kept.calls, ["drain"])
        self.connections.hurry()
        self.assertEqual(kept.calls, ["drain", "cut"])
        # What has been hurried once is not waited for later.
        self.clock.advance(0)
        self.successResultOf(done)
        self.assertEqual(kept.calls, ["drain", "cut", "abort"])

    def test_each_in_its_time(self):
        self.connections.start()
        kept = {name: Connection(self.connections, name) for name in ("drain", "cut", "abort")}
        done = self.end()
        self.assertEqual(len(self.connections), 2)
        self.clock.advance(5)
        self.assertEqual(len(self.connections), 1)
        self.assertNoResult(done)
        self.clock.advance(1)
        self.successResultOf(done)
        told = [call for call in kept["abort"].calls if isinstance(call, str)]
        self.assertEqual(told, ["drain", "cut", "abort"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_waiting_for_nobody(self):
        self.successResultOf(self.end())
        late = Connection(self.connections, "")
        done = self.end()
        self.connections.release(late, 1.0)
        self.successResultOf(done)


class Asking:
    connection_type = "api"
    listener = "shop"


class Limits(SynchronousTestCase):
    """Connections are counted once, and more than the limits are told apart."""

    def make(self, limit=2, **limits):
        self.metrics = Metrics()
        self.connections = Connections(Clock(), self.metrics, limit, **limits)

    def admitted(self, address="10.0.0.1"):
        self.kept = Asking()
        self.kept.address = address
        return self.connections.admit(self.kept)

    def test_full_is_one_more_than_there_may_be(self):
        self.make()
        for full in (False, False, True):
            self.assertTrue(self.admitted())
            self.assertEqual(self.connections.is_full, full)
        self.connections.release(self.kept, 0.5)
        self.assertFalse(self.connections.is_full)
        self.assertEqual(
            self.metrics.told, [("opened", "api", "shop")] * 3 + [("closed", "api", "shop", 0.5)]
        )
        size, limit = self.metrics.pools["connections"]
        self.assertEqual((size(), limit), (2, 2))

    def test_far_too_many_are_counted_and_not_admitted(self):
        self.make(abrupt_limit=3)
        self.assertEqual([self.admitted() for _ in range(5)], [True] * 3 + [False] * 2)
        self.assertEqual(len(self.connections), 5)

    def test_from_one_address(self):
        self.make(per_address=2)
        self.assertEqual([self.admitted() for _ in range(3)], [True, True, False])
        self.assertTrue(self.admitted("10.0.0.2"))
        for connection in self.connections:
            if connection.address == "10.0.0.1":
                self.connections.release(connection, 1.0)
        self.assertEqual([self.admitted() for _ in range(3)], [True, True, False])

    def test_what_ends_twice_is_counted_once(self):
        self.make(per_address=1)
        self.admitted()
        for _ in range(2):
            self.connections.release(self.kept, 1.0)
        self.assertEqual(
            self.metrics.told, [("opened", "api", "shop"), ("closed", "api", "shop", 1.0)]
        )
        self.assertTrue(self.admitted())

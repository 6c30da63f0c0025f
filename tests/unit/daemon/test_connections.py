"""Looking after connections, and ending them: drain, cut, abort."""

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.connections import Connections


class Connection:
    """Ends by itself when ``ends_at`` is called for."""

    def __init__(self, connections, ends_at):
        self.connections, self.ends_at = connections, ends_at
        self.calls = []
        connections.add(self)

    def check(self, now):
        self.calls.append(now)

    def called(self, name):
        self.calls.append(name)
        if name == self.ends_at:
            self.connections.discard(self)

    def drain(self):
        self.called("drain")

    def cut(self):
        self.called("cut")

    def abort(self):
        self.called("abort")


class Ending(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.connections = Connections(self.clock)

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
        self.connections.discard(late)
        self.successResultOf(done)

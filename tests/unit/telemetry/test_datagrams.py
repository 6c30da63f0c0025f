"""Batches as datagrams."""

from twisted.internet.defer import succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.batching import Payload
from acra_twisted.telemetry.datagrams import UdpExporter
from tests.support.sample_spans import sample


class Port:
    stopped = False

    def stopListening(self):
        self.stopped = True
        return succeed(None)


class Transport:
    def __init__(self):
        self.written = []

    def write(self, data, address):
        self.written.append((data, address))


class Udp(SynchronousTestCase):
    def test_one_datagram_for_each_part(self):
        reactor = MemoryReactorClock()
        port, transport = Port(), Transport()

        def listen(number, protocol):
            protocol.transport = transport
            return port

        reactor.listenUDP = listen
        reactor.resolve = lambda host: succeed("127.0.0.9")
        exporter = UdpExporter(
            reactor, "jaeger", "agent", 6831, lambda spans, service: Payload((b"a", b"b")), "s"
        )
        exporter.start()
        exporter.export(sample()[0])
        self.successResultOf(exporter.stop())
        address = ("127.0.0.9", 6831)
        self.assertEqual(transport.written, [(b"a", address), (b"b", address)])
        self.assertTrue(port.stopped)
        self.assertEqual(exporter.counts["sent"], 1)

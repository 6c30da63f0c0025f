"""Batches as datagrams."""

from socket import AF_INET, AF_INET6

from twisted.internet.defer import succeed
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.export.queue import Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.export.udp import UdpExporter
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
    def send(self, host, *found):
        reactor = MemoryReactorClock()
        self.ports, self.transports, self.interfaces = [], [], []

        def listen(number, protocol, interface):
            self.ports.append(Port())
            self.transports.append(Transport())
            self.interfaces.append(interface)
            protocol.transport = self.transports[-1]
            return self.ports[-1]

        reactor.listenUDP = listen
        answers = list(found)
        exporter = UdpExporter(
            reactor,
            "jaeger",
            host,
            6831,
            lambda spans, service: Payload((b"a", b"b")),
            Resource("s"),
            lambda reactor, host, kind: succeed(answers.pop(0)),
        )
        exporter.start()
        for _ in range(len(found) - 1):
            exporter.export(sample()[0])
            reactor.advance(1)
        exporter.export(sample()[0])
        self.successResultOf(exporter.stop())
        return exporter

    def test_one_datagram_for_each_part(self):
        exporter = self.send("agent", [(AF_INET, "127.0.0.9"), (AF_INET6, "::9")])
        address = ("127.0.0.9", 6831)
        [transport], [port] = self.transports, self.ports
        self.assertEqual(transport.written, [(b"a", address), (b"b", address)])
        self.assertTrue(port.stopped)
        self.assertEqual((exporter.counts["sent"], self.interfaces), (1, [""]))
        self.assertEqual(exporter.party.where, "udp://agent:6831")

    def test_another_family_has_another_socket(self):
        four, six = [(AF_INET, "127.0.0.9")], [(AF_INET6, "::9")]
        exporter = self.send("::9", six, six, four)
        self.assertEqual(self.interfaces, ["::", ""])
        self.assertEqual([len(one.written) for one in self.transports], [4, 2])
        self.assertTrue(self.ports[0].stopped)
        self.assertEqual(exporter.party.where, "udp://[::9]:6831")

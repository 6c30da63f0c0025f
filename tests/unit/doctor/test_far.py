"""The words about the other end; whole conversations are in tests/integration."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import ensureDeferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.doctor.far import collectors, peer, told
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.transport import peers
from acra_twisted.transport.failures import Party, reason_of


class Said(SynchronousTestCase):
    def test_a_reason_has_its_remedy(self):
        found = told("database", reason_of(ConnectionRefusedError(), Party(peers.DATABASE, "h:1")))
        self.assertEqual(found.state, FAIL)
        self.assertEqual(found.text, "the database at h:1: connection refused")
        self.assertIn("db_host and db_port", found.remedy)

    def test_until_when_its_certificate_is_good(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        self.assertEqual(peer("link", None), [])
        for days, begins_in, expected in ((200, 0, OK), (10, -200, WARN)):
            path, _ = authority.issue(f"server{days}", hosts=("x",), days=days, begins_in=begins_in)
            loaded = x509.load_pem_x509_certificate(Path(path).read_bytes())
            [found] = peer("link", loaded.public_bytes(Encoding.DER))
            self.assertEqual(found.state, expected)

    def asked(self, **settings):
        """Return what is said of the destinations of these settings, none of which answers."""
        reactor = MemoryReactorClock()

        async def said():
            made = defaults(SERVER_SECTIONS).but(**settings)
            return [found async for found in collectors(reactor, "acra-server", made)]

        asking = ensureDeferred(said())
        reactor.advance(11)
        return self.successResultOf(asking)

    def test_collectors_are_asked_whether_they_take_spans(self):
        [found] = self.asked(otlp_endpoint="http://127.0.0.1:4318/v1/traces")
        self.assertEqual((found.state, found.about), (FAIL, "collectors"))
        self.assertIn("otlp: the collector at http://127.0.0.1:4318/v1/traces", found.text)

    def test_destinations_that_cannot_be_are_the_settings_matter(self):
        self.assertEqual(self.asked(tracing_exporters=("no.such.Exporter",)), [])

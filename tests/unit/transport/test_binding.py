"""End points as PostgreSQL and its clients compute them."""

from base64 import b64decode

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.binding import end_point
from tests.support.loginvectors import cases


class EndPoints(SynchronousTestCase):
    def test_each_kind_of_signature(self):
        found = {
            case["name"]: end_point(b64decode(case["certificate_b64"]))
            for case in cases("end_points")
        }
        expected = {
            case["name"]: bytes.fromhex(case["end_point"]) if case["end_point"] else None
            for case in cases("end_points")
        }
        self.assertEqual(found, expected)
        self.assertIn(None, expected.values())

    def test_what_is_no_certificate_binds_nothing(self):
        for data in (b"", b"0", b"\x30\x03\x02\x01\x00"):
            self.assertIsNone(end_point(data))

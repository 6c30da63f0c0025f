"""The word by which an AcraServer makes itself known."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.announcing import announced, unannounced
from acra_twisted.wire.mysql.okpackets import decode_ok, tracked
from tests.support.mysqllogins import OK

TRACKED = b"\0\0\0\2\x40\0\0\0\x04\x01\x02\x01d"


class Words(SynchronousTestCase):
    def test_the_connector_takes_it_off(self):
        for ok in (OK, TRACKED):
            self.assertNotEqual(announced(ok), ok)
            self.assertEqual(unannounced(announced(ok)), (ok, True))

    def test_what_stands_before_it_reads_as_before(self):
        shown, _ = unannounced(announced(TRACKED))
        self.assertEqual(tracked(shown, decode_ok(shown)), [(b"", b"d")])

    @given(st.binary(max_size=40))
    def test_of_other_servers_nothing_is_taken(self, ok):
        shown, is_known = unannounced(ok)
        self.assertEqual(announced(shown) if is_known else shown, ok)
        self.assertEqual(unannounced(announced(ok)), (ok, True))

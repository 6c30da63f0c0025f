"""The errors that clients of PostgreSQL get at the end."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.endreason import EndReason
from acra_twisted.wire.postgres import backend
from tests.support.sessions import messages


class Farewells(SynchronousTestCase):
    def test_a_fatal_error(self):
        for reason, sqlstate in (
            (EndReason.SHUTDOWN, b"57P01"),
            (EndReason.IDLE, b"57P05"),
            (EndReason.IDLE_IN_TRANSACTION, b"25P03"),
            (EndReason.LOGIN, b"28000"),
            (EndReason.TOO_MANY, b"53300"),
            (EndReason.INTERNAL, b"XX000"),
        ):
            ((kind, body),) = messages(encode_farewell(reason, "bye", "trace_id 7"))
            fields = backend.decode_error(body)
            self.assertEqual((kind, fields["S"], fields["C"]), ("E", b"FATAL", sqlstate))
            self.assertEqual((fields["M"], fields["H"]), (b"bye", b"trace_id 7"))

"""A connection of the service's own, with a machine that the test plays."""

import base64
import hashlib

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.queryconnection import KeyDerivation, NoAnswer, QueryConnection
from acra_twisted.errors import HandshakeError
from acra_twisted.queryactions import Answered, Derive, LoggedIn, Refused, Send, StartTLS
from tests.support.loginvectors import cases
from tests.support.lookups import Channel, Client


class Base(SynchronousTestCase):
    def setUp(self):
        self.client = Client()
        self.channel = Channel()
        self.lost = []
        self.threads = []
        self.connection = QueryConnection(
            self.client, KeyDerivation(self.in_thread), _explain, self.lost.append
        )

    def in_thread(self, function, *args):
        answer = Deferred()
        self.threads.append((answer, function, args))
        return answer

    def logged_in(self):
        begun = self.connection.log_in(self.channel)
        self.channel.receiver(b"welcome")
        self.successResultOf(begun)


class Login(Base):
    def test_it_is_over_when_the_machine_says_so(self):
        begun = self.connection.log_in(self.channel)
        self.assertEqual(self.channel.written, [b"startup"])
        self.assertEqual(self.client.begun, (False, None))
        self.channel.receiver(b"half")
        self.assertNoResult(begun)
        self.channel.receiver(b"welcome")
        self.assertIsNone(self.successResultOf(begun))

    def test_the_machine_is_told_of_the_certificate(self):
        (case,) = [c for c in cases("end_points") if c["name"] == "ec-sha384"]
        self.channel.encrypted = True
        self.channel.certificate = base64.b64decode(case["certificate_b64"])
        self.connection.log_in(self.channel)
        self.assertEqual(self.client.begun, (True, bytes.fromhex(case["end_point"])))

    def test_tls_that_the_machine_asks_for(self):
        begun = self.connection.log_in(self.channel)
        self.client.says[b"greeting"] = [Send(b"tls"), StartTLS()]
        self.assertIsNone(self.channel.on_encrypted)
        self.channel.receiver(b"greeting")
        self.assertEqual((self.channel.written[-1], self.channel.tls_begun), (b"tls", 1))
        self.channel.on_encrypted()
        self.assertEqual(self.channel.written[-1], b"encrypted")
        self.channel.receiver(b"welcome")
        self.assertIsNone(self.successResultOf(begun))

    def test_the_code_of_a_refusal(self):
        self.logged_in()
        self.client.says[b"no"] = [Refused("no", "1142")]
        asked = self.connection.ask(b"alice")
        self.channel.receiver(b"no")
        self.assertEqual(self.failureResultOf(asked, NoAnswer).value.code, "1142")

    def test_the_key_of_a_password_is_derived_once(self):
        begun = self.connection.log_in(self.channel)
        wanted = Derive(b"secret", b"salt", 2)
        key = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 2)
        self.client.says[b"derive"] = [wanted]
        self.channel.receiver(b"derive")
        self.channel.receiver(b"derive")
        self.assertEqual(self.client.keys, [key, key])
        self.assertEqual(self.threads, [])
        self.assertNoResult(begun)

    def test_a_thread_derives_what_takes_long(self):
        self.connection.log_in(self.channel)
        self.client.says[b"derive"] = [Derive(b"secret", b"salt", 20_001)]
        self.channel.receiver(b"derive")
        answer, function, args = self.threads[0]
        self.assertEqual(self.client.keys, [])
        key = function(*args)
        self.assertEqual(key, hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 20_001))
        answer.callback(key)
        self.channel.receiver(b"derive")
        self.assertEqual(self.client.keys, [key, key])

    def test_a_key_that_comes_too_late_is_not_used(self):
        begun = self.connection.log_in(self.channel)
        self.client.says[b"derive"] = [Derive(b"secret", b"salt", 20_001)]
        self.channel.receiver(b"derive")
        self.connection.close()
        self.failureResultOf(begun, NoAnswer)
        self.threads[0][0].callback(b"key")
        self.assertEqual(self.client.keys, [])


class Questions(Base):
    def test_an_answer(self):
        self.logged_in()
        asked = self.connection.ask(b"alice")
        self.assertEqual(self.channel.written[-1], b"ask alice")
        self.client.says[b"rows"] = [Answered(((b"alice", b"x"),))]
        self.channel.receiver(b"rows")
        self.assertEqual(self.successResultOf(asked), ((b"alice", b"x"),))
        self.assertEqual(self.lost, [])

    def test_a_refusal_leaves_the_connection_as_it_is(self):
        self.logged_in()
        self.client.says[b"no"] = [Refused("permission denied")]
        for _ in range(2):
            asked = self.connection.ask(b"alice")
            self.channel.receiver(b"no")
            error = self.failureResultOf(asked, NoAnswer).value
            self.assertEqual((str(error), error.is_away), ("permission denied", True))
        self.assertFalse(self.connection.is_closed)


class Endings(Base):
    def test_a_server_that_hangs_up_on_a_login_that_goes_nowhere(self):
        begun = self.connection.log_in(self.channel)
        self.client.problem = "no proof"
        self.channel.on_lost(Failure(OSError("gone")))
        self.assertEqual(str(self.failureResultOf(begun, NoAnswer).value), "no proof")

    def test_a_machine_that_cannot_go_on_ends_it(self):
        begun = self.connection.log_in(self.channel)
        self.client.says[b"bad"] = HandshakeError("no SCRAM")
        self.channel.receiver(b"bad")
        self.assertEqual(str(self.failureResultOf(begun, NoAnswer).value), "no SCRAM")
        self.assertTrue(self.channel.aborted)
        self.assertEqual(self.lost, [self.connection])

    def test_the_database_closes_it(self):
        self.logged_in()
        asked = self.connection.ask(b"alice")
        self.channel.on_lost(Failure(OSError("gone")))
        self.assertEqual(str(self.failureResultOf(asked, NoAnswer).value), "explained gone")
        self.assertEqual(self.lost, [self.connection])

    def test_nobody_waits(self):
        self.logged_in()
        self.channel.on_lost(Failure(OSError("gone")))
        self.connection.close()
        self.assertEqual(self.lost, [self.connection])

    def test_who_gives_up_closes_it(self):
        self.logged_in()
        asked = self.connection.ask(b"alice")
        asked.cancel()
        self.failureResultOf(asked, NoAnswer)
        self.assertTrue(self.connection.is_closed)

    def test_nothing_is_done_behind_the_end(self):
        self.logged_in()
        self.connection.close()
        self.client.says[b"more"] = [Send(b"x"), LoggedIn()]
        self.channel.receiver(b"more")
        self.assertEqual(self.channel.written, [b"startup"])


def _explain(error):
    return f"explained {error}"

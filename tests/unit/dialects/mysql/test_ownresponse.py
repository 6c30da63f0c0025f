"""Responses to a greeting in a login of our own."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.mysql.ownresponse import encrypts, offers_tls, own_response
from acra_twisted.errors import HandshakeError, WireError
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.handshake import decode_greeting, decode_response
from tests.support.mysqllogins import MARIADB, MYSQL, without_tls

PLAIN = decode_greeting(without_tls(MARIADB))
WITH_TLS = decode_greeting(PLAIN.showing(PLAIN.capabilities | bits.SSL, PLAIN.extended))


class Responses(SynchronousTestCase):
    def test_tls_is_asked_for_as_the_settings_say(self):
        for greeting, offered in ((PLAIN, False), (WITH_TLS, True)):
            self.assertEqual(offers_tls(greeting), offered)
            self.assertFalse(encrypts(greeting, "off"))
            self.assertEqual(encrypts(greeting, "if offered"), offered)
        self.assertTrue(encrypts(WITH_TLS, "on"))
        self.assertRaises(HandshakeError, encrypts, PLAIN, "on")

    def test_a_server_that_is_too_old(self):
        old = decode_greeting(MYSQL)
        old = old._replace(capabilities=old.capabilities & ~bits.PROTOCOL_41)
        self.assertRaises(WireError, encrypts, old, "off")

    def test_what_is_said(self):
        read = decode_response(own_response(b"u", b"plugin", False, b"proof", b"shop").encode())
        self.assertEqual((read.user, read.plugin, read.answer), (b"u", b"plugin", b"proof"))
        self.assertEqual(read.database, b"shop")
        refused = bits.LOCAL_FILES | bits.MULTI_STATEMENTS | bits.SSL
        self.assertFalse(read.capabilities & refused)
        read = decode_response(own_response(b"u", b"plugin", True).encode())
        self.assertIsNone(read.database)
        self.assertTrue(read.capabilities & bits.SSL)

"""Plain reasons for failures of connections."""

import errno
import socket

from OpenSSL import SSL
from twisted.internet import defer, error
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import (
    CryptoError,
    ForeignProtocol,
    HandshakeError,
    KeyStoreError,
    WireError,
)
from acra_twisted.optionkinds import Address
from acra_twisted.telemetry.tracing.spans import UNAVAILABLE, Span
from acra_twisted.transport import certificates, failures, spoken
from acra_twisted.transport.failures import Party, Role, reason_of, shown, tell
from acra_twisted.transport.peers import (
    ACRASERVER_SECURE_SESSION,
    ACRASERVER_TLS,
    APPLICATION,
    CONNECTOR_SECURE_SESSION,
    CONNECTOR_TLS,
    DATABASE,
)
from acra_twisted.transport.verifier import CertificateRefused

HERE = Party(DATABASE, "db.example:5432")
SERVER = Party(ACRASERVER_TLS, "10.0.0.9:9393")


def openssl(*texts):
    return SSL.Error([("SSL routines", "", text) for text in texts])


class Reasons(SynchronousTestCase):
    def check(self, problem, party, kind, *parts, stood=False):
        for form in (problem, Failure(problem)):
            found = reason_of(form, party, stood)
            self.assertEqual(found.kind, kind, problem)
            for part in parts:
                self.assertIn(part, str(found))
            self.assertNotIn(type(problem).__name__, str(found))
        return found

    def test_what_the_system_says_when_connecting(self):
        for problem, kind, *parts in (
            (error.ConnectionRefusedError(), failures.REFUSED, "is it running"),
            (ConnectionRefusedError(111, "x"), failures.REFUSED, "connection refused"),
            (error.NoRouteError(errno.ENETUNREACH), failures.UNREACHABLE, "network is unreach"),
            (error.ConnectError(errno.EHOSTUNREACH), failures.UNREACHABLE, "no route to host"),
            (error.ConnectError(errno.EACCES, "x"), failures.UNREACHABLE, "permission denied"),
            (error.ConnectError(errno.ENOENT), failures.UNREACHABLE, "no such socket"),
            (OSError(errno.ENETUNREACH, "x"), failures.UNREACHABLE, "network is unreachable"),
            (error.ConnectError(), failures.UNREACHABLE, "cannot be reached"),
            (error.TimeoutError(), failures.TIMEOUT, "no answer in time", "db_connect_timeout"),
            (error.TCPTimedOutError(110), failures.TIMEOUT, "no answer in time"),
            (defer.TimeoutError(), failures.TIMEOUT, "no answer in time"),
            (OSError(errno.ETIMEDOUT, "x"), failures.TIMEOUT, "no answer in time"),
        ):
            found = self.check(problem, HERE, kind, *parts)
            self.assertTrue(str(found).startswith("the database at db.example:5432"), str(found))
            self.assertIn("db_host and db_port", str(found))

    def test_names_that_do_not_resolve(self):
        unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        self.check(
            unknown, HERE, failures.NAME, "Name or service not known", "db_host", "db.exampl"
        )
        for problem in (error.DNSLookupError("no results"), error.UnknownHostError()):
            self.check(problem, HERE, failures.NAME, "the name cannot be resolved", "db_host")
        self.check(
            ValueError("label"), HERE, failures.NAME, "its address cannot be used", "db_host"
        )

    def test_who_hangs_up(self):
        for problem in (
            error.ConnectionDone(),
            error.ConnectionLost(),
            openssl("unexpected eof while reading"),
            SSL.SysCallError(-1, "Unexpected EOF"),
            SSL.Error(),
            ConnectionResetError(errno.ECONNRESET, "x"),
            BrokenPipeError(errno.EPIPE, "x"),
        ):
            found = self.check(problem, SERVER, failures.HUNG_UP, "hung up during the TLS handsh")
            self.assertIn("acraconnector_tls_transport_enable", found.remedy)
        secure = Party(ACRASERVER_SECURE_SESSION, "x:1")
        self.check(error.ConnectionDone(), secure, failures.HUNG_UP, "does it know this client_id")

    def test_who_is_lost_later(self):
        done = self.check(error.ConnectionDone(), SERVER, failures.HUNG_UP, stood=True)
        self.assertEqual(str(done), "AcraServer at 10.0.0.9:9393 closed the connection")
        lost = self.check(error.ConnectionLost(), SERVER, failures.HUNG_UP, stood=True)
        self.assertEqual(str(lost), "AcraServer at 10.0.0.9:9393: the connection was lost")
        silent = error.ConnectionLost()
        silent.osError = errno.ETIMEDOUT
        self.check(silent, SERVER, failures.HUNG_UP, "lost: connection timed out", stood=True)

    def test_what_the_other_side_says(self):
        for said, kind, part in (
            ("ssl/tls alert certificate expired", failures.REJECTED, "renew"),
            ("tlsv1 alert unknown ca", failures.REJECTED, "must be in that side's tls_ca"),
            ("tlsv13 alert certificate required", failures.REJECTED, "tls_cert"),
            ("sslv3 alert bad certificate", failures.REJECTED, "that side's log"),
            ("tlsv1 alert protocol version", failures.TLS, "TLS 1.2 and 1.3"),
            ("tlsv1 alert internal error", failures.TLS, "see that side's log"),
        ):
            name = said.rpartition("alert ")[2]
            self.check(openssl(said), SERVER, kind, f"10.0.0.9:9393 says: {name}", part)

    def test_what_tls_finds_here(self):
        for problem, party, kind, *parts in (
            (openssl("certificate verify failed"), SERVER, failures.CERTIFICATE, "tls_ca"),
            (openssl("wrong version number"), SERVER, failures.PROTOCOL, "does not speak TLS"),
            (openssl("no shared cipher"), SERVER, failures.TLS, "TLS failed: no shared cipher"),
            (
                openssl("peer did not return a certificate"),
                Party(CONNECTOR_TLS),
                failures.CERTIFICATE,
                "shows no certificate",
            ),
        ):
            self.check(problem, party, kind, *parts)

    def test_certificates_that_are_refused(self):
        for problem, part, told in (
            (certificates.EXPIRED, "renew it there", "its certificate has expired"),
            (certificates.EARLY, "set the clock", "its certificate is not valid yet"),
            (certificates.ISSUER, "must be in tls_ca", "its certificate is of a CA"),
            (certificates.NAME, "set tls_acraserver_sni", "its certificate is for another name"),
            (certificates.USE, "acra-certs", "its certificate is for another use"),
            (certificates.OTHER, "", "its certificate is not accepted"),
        ):
            refused = CertificateRefused(problem, "(CN=x) is so")
            text = "AcraServer at 10.0.0.9:9393: its certificate (CN=x) is so"
            reason = self.check(refused, SERVER, failures.CERTIFICATE, part)
            self.assertEqual(reason.happened, text)
            self.assertTrue(reason.public.startswith(told))
            self.assertNotIn("CN=x", reason.public)
        # Where no setting has to do with it, none is named.
        reason = reason_of(CertificateRefused(certificates.NAME, "x"), Party(APPLICATION))
        self.assertEqual(reason.remedy, "")

    def test_other_protocols(self):
        for party, protocol, remedy in (
            (SERVER, spoken.POSTGRESQL, "acraconnector_tls_transport_enable = true there"),
            (SERVER, spoken.SSH, "another program listens there"),
            (HERE, spoken.MYSQL, "set mysql_enable = true"),
            (Party(CONNECTOR_TLS), spoken.POSTGRESQL, "AcraConnector and not here"),
            (Party(CONNECTOR_TLS), spoken.SSH, "nothing"),
        ):
            found = self.check(ForeignProtocol(protocol), party, failures.PROTOCOL, remedy)
            self.assertIn(f"{party} speaks {protocol}; ", str(found))

    def test_the_protocol_of_another_database_behind_the_handshake(self):
        for party, protocol, remedy in (
            (SERVER, spoken.POSTGRESQL, "set mysql_enable = false here"),
            (SERVER, spoken.MYSQL, "set mysql_enable = true here"),
            (Party(CONNECTOR_TLS), spoken.POSTGRESQL, "serves MySQL and MariaDB"),
            (Party(CONNECTOR_TLS), spoken.MYSQL, "serves PostgreSQL"),
        ):
            found = reason_of(ForeignProtocol(protocol), party, stood=True)
            self.assertEqual(found.kind, failures.PROTOCOL)
            self.assertIn(f"{party} speaks {protocol}; ", str(found))
            self.assertIn(remedy, found.remedy)
            self.assertIn("acraserver_connection_string", found.remedy)
            # An application learns what it is, and not where.
            self.assertEqual(found.public, f"it speaks {protocol}")
        found = reason_of(ForeignProtocol(spoken.HTTP), SERVER, stood=True)
        self.assertEqual(found.public, "it speaks another protocol")

    def test_errors_of_ours_say_it_themselves(self):
        link = Party(CONNECTOR_SECURE_SESSION)
        for problem in (HandshakeError("no such id"), CryptoError("no such id")):
            found = self.check(problem, link, failures.HANDSHAKE, "the peer: no such id")
            self.assertIn("keys_dir must hold", found.remedy)
        found = self.check(KeyStoreError("mode 0644"), link, failures.HANDSHAKE, "mode 0644")
        self.assertEqual(found.remedy, "")
        self.check(WireError("link", "too long"), link, failures.PROTOCOL, "too long")

    def test_the_rest(self):
        self.check(error.ConnectionAborted(), HERE, failures.ABANDONED, "given up on this side")
        self.check(defer.CancelledError(), HERE, failures.ABANDONED, "given up on this side")
        found = self.check(KeyError("secret"), HERE, failures.OTHER, "inside this program")
        self.assertNotIn("secret", str(found))

    def test_others_learn_neither_where_nor_who(self):
        for problem in (
            error.ConnectionRefusedError(),
            error.DNSLookupError(),
            openssl("certificate verify failed"),
            openssl("tlsv1 alert unknown ca"),
            ForeignProtocol(spoken.MYSQL),
            HandshakeError("the certificate is for db.internal"),
            KeyError("x"),
        ):
            public = reason_of(problem, HERE).public
            self.assertRegex(public, r"^[a-zA-Z' ]+$")
            for private in ("db", "5432", "tls_", "MySQL"):
                self.assertNotIn(private, public)

    def test_a_role_without_settings_names_none(self):
        bare = Party(Role("the peer"))
        for problem in (
            error.ConnectionRefusedError(),
            error.TimeoutError(),
            error.DNSLookupError(),
            error.NoRouteError(errno.ENETUNREACH),
            openssl("certificate verify failed"),
        ):
            text = str(reason_of(problem, bare))
            self.assertNotRegex(text, r"see\b|[;:] ?$|\(\)| and $")

    def test_a_span_gets_the_reason_and_a_kind(self):
        span = Span("ConnectDatabase", "1" * 32, "", 1, 1, True)
        tell(span, UNAVAILABLE, reason_of(error.ConnectionRefusedError(), HERE))
        self.assertEqual(span.message, "the database at db.example:5432: connection refused")
        self.assertEqual(span.attributes["error.type"], "connection_refused")
        self.assertEqual(str(Party(APPLICATION)), "the application")


class Addresses(SynchronousTestCase):
    def test_as_people_write_them(self):
        for address, expected in (
            (Address("db.example", 5432), "db.example:5432"),
            (Address("::1", 5432), "[::1]:5432"),
            (Address(path="/run/pg/.s.PGSQL.5432"), "/run/pg/.s.PGSQL.5432"),
            (IPv4Address("TCP", "10.0.0.1", 99), "10.0.0.1:99"),
            (IPv6Address("TCP", "::1", 99), "[::1]:99"),
            (UNIXAddress(b"/run/app"), "/run/app"),
            (UNIXAddress(None), "unix"),
            (None, "unix"),
        ):
            self.assertEqual(shown(address), expected)

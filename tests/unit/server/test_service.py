"""AcraServer's settings: what can't be used together, what is warned about."""

from pathlib import Path

from OpenSSL import SSL
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.sections import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.options import Address, defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server import service

PLAIN = {
    "db_host": "127.0.0.1",
    "client_id": "an application",
    "acraconnector_transport_encryption_disable": True,
    "stages": (),
    "tls_auth": 0,
}


def settings(**changes):
    return defaults(SERVER_SECTIONS).but(**{**PLAIN, **changes})


class Intake(SynchronousTestCase):
    """Spans are taken from connectors that have proven who they are, and from nobody else."""

    def taken(self, **changes):
        made = service.AcraServer(
            MemoryReactorClock(),
            settings(
                incoming_connection_string=Address("127.0.0.1", 0),
                incoming_connection_zpages_string=Address("127.0.0.1", 0),
                **changes,
            ),
        )
        for child in list(made.telemetry) + [made.listener]:
            self.addCleanup(child._listener.close)
        return made.intake is not None

    def test_who_may(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        tls = {
            "acraconnector_transport_encryption_disable": False,
            "acraconnector_tls_transport_enable": True,
            "tls_ca": str(authority.path),
            "tls_cert": str(certificate),
            "tls_key": str(key),
        }
        self.assertFalse(self.taken())
        self.assertFalse(self.taken(**tls))
        self.assertTrue(self.taken(**tls, tls_auth=4))


class Certificates(SynchronousTestCase):
    """Before the start: this side's certificates can be used, and will be for a while."""

    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)

    def said(self, name="server", **options):
        made = {"hosts": ("localhost",), **options}
        certificate, key = self.authority.issue(name, **made)
        return service.check_whole(
            settings(
                acraconnector_tls_transport_enable=True,
                tls_auth=4,
                tls_ca=str(self.authority.path),
                tls_cert=str(certificate),
                tls_key=str(key),
                db_tls="require",
            )
        )

    def test_nothing_is_wrong(self):
        self.assertEqual(self.said(days=29), [])

    def test_what_connections_fail_by(self):
        for options, part in (
            ({"days": -1}, "expired on"),
            ({"begins_in": 2}, "the clock here says"),
            ({"hosts": ()}, "serverAuth"),
        ):
            error = self.assertRaises(ConfigError, self.said, **options)
            self.assertIn("tls_cert: the certificate in ", str(error))
            self.assertIn("CN=server,O=Sandbox", str(error))
            self.assertIn(part, str(error))

    def test_remarks(self):
        # For servers alone: only a database that asks for certificates of clients minds.
        [remark] = self.said(server_only=True)
        self.assertIn("clientAuth", remark)
        folder = self.authority.folder / "other"
        folder.mkdir()
        stranger = Authority(folder, "Other CA")
        certificate, key = stranger.issue("server", hosts=("localhost",))
        made = settings(
            acraconnector_tls_transport_enable=True,
            tls_auth=4,
            tls_ca=str(self.authority.path),
            tls_cert=str(certificate),
            tls_key=str(key),
            db_tls="disable",
        )
        [remark] = service.check_whole(made)
        self.assertIn("issued by CN=Other CA, a CA that is not in this side's CA file", remark)


class Checks(SynchronousTestCase):
    def refused(self, expected, **changes):
        error = self.assertRaises(ConfigError, service.check, settings(**changes))
        self.assertIn(expected, str(error))

    def test_it_is_not_its_own_database(self):
        for listens, host in (("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost")):
            self.refused(
                "AcraServer's own address",
                incoming_connection_string=Address(listens, 5432),
                db_host=host,
                db_port=5432,
            )

    def test_fine(self):
        service.check(settings())
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        service.check(
            settings(
                acraconnector_tls_transport_enable=True,
                tls_client_id_from_cert=True,
                tls_auth=4,
                tls_ca=str(authority.path),
                tls_cert=str(certificate),
                tls_key=str(key),
                db_tls="require",
            )
        )

    def test_mistakes(self):
        self.refused("db_host", db_host="")
        secure = {"acraconnector_transport_encryption_disable": False}
        self.refused("Secure Session needs a key store", **secure)
        self.refused("Secure Session needs one", securesession_id="", **secure)
        self.refused("'decryptor' needs a key store", stages=("decryptor",))
        self.refused("client_id", client_id="")
        self.refused("needs certificates", tls_client_id_from_cert=True)
        self.refused("TLS needs a certificate", client_tls="require")

    def test_tls_within_an_encrypted_link_only_if_told_to(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        pair = {"tls_cert": str(certificate), "tls_key": str(key)}
        pair["incoming_connection_string"] = Address("127.0.0.1", 0)
        tls = {
            "acraconnector_transport_encryption_disable": False,
            "acraconnector_tls_transport_enable": True,
            "tls_client_id_from_cert": True,
            "tls_auth": 4,
            "tls_ca": str(authority.path),
        }
        for changes, expected in (
            ({}, "allow"),
            (tls, "disable"),
            ({**tls, "client_tls": "allow"}, "allow"),
            ({**tls, "client_tls": "require"}, "require"),
            ({"client_tls": "disable"}, "disable"),
        ):
            chosen = settings(**pair, **changes)
            service.check(chosen)
            server = service.AcraServer(MemoryReactorClock(), chosen)
            server.listener._listener.close()
            self.assertEqual(server.startup_policy.tls, expected)
        self.refused("TLS needs a certificate", client_tls="allow")

    def test_addresses(self):
        self.assertEqual(service.database_address(settings()), Address("127.0.0.1", 5432))
        unix = service.database_address(settings(db_host="/run/pg"))
        self.assertEqual(unix, Address(path="/run/pg/.s.PGSQL.5432"))

    def test_tls_to_the_database(self):
        self.assertFalse(service.uses_database_tls(settings()))
        self.assertTrue(service.uses_database_tls(settings(db_host="db.example")))
        self.assertFalse(service.uses_database_tls(settings(db_host="x", db_tls="disable")))

    def test_tls_that_a_database_on_this_host_may_offer(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = str(Authority(folder).path)
        for changes, asks, verifies in (
            ({}, False, False),
            ({"tls_ca": authority}, True, False),
            ({"tls_database_ca": authority, "tls_auth": 4}, True, True),
            ({"tls_ca": authority, "tls_database_auth": 4}, True, True),
            ({"tls_ca": authority, "tls_database_auth": 0}, True, False),
            ({"tls_ca": authority, "db_tls": "disable"}, False, True),
            ({"tls_ca": authority, "db_tls": "require"}, False, True),
            ({"tls_ca": authority, "db_host": "db.example"}, False, True),
            ({"tls_ca": authority, "db_host": "/run/postgresql"}, False, True),
        ):
            chosen = settings(**changes)
            self.assertEqual(service.asks_for_database_tls(chosen), asks, changes)
            if asks:
                service.check(chosen)
                mode = service.database_tls(chosen).context.get_verify_mode()
                self.assertEqual(mode != SSL.VERIFY_NONE, verifies, changes)

    def test_warnings(self):
        self.assertEqual(service.insecure(settings()), [])
        outside = Address("0.0.0.0", 9393)
        found = service.insecure(
            settings(incoming_connection_string=outside, db_host="db", db_tls="disable")
        )
        self.assertEqual(len(found), 2)
        self.assertIn("not verified", service.insecure(settings(db_tls="require"))[0])

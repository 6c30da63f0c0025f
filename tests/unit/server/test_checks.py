"""AcraServer's settings before a start: what can't be used together, what is warned about."""

import base64
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.reading import load
from acra_twisted.errors import ConfigError
from acra_twisted.keystore.filesystem import FilesystemKeyStore
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.keystore.secret import Secret
from acra_twisted.keystore.writer import KeyWriter
from acra_twisted.optionkinds import Address
from acra_twisted.purposes import STORAGE
from acra_twisted.sandbox.authority import Authority
from acra_twisted.server import checks
from acra_twisted.server.tap import Options
from tests.unit.server.test_service import settings


class Certificates(SynchronousTestCase):
    """Before the start: this side's certificates can be used, and will be for a while."""

    def setUp(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        self.authority = Authority(folder)

    def said(self, name="server", **options):
        made = {"hosts": ("localhost",), **options}
        certificate, key = self.authority.issue(name, **made)
        return checks.check_whole(
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
        [remark] = checks.check_whole(made)
        self.assertIn("issued by CN=Other CA, a CA that is not in this side's CA file", remark)


class Staples(SynchronousTestCase):
    def test_the_issuer_must_be_there(self):
        folder, other = Path(self.mktemp()), Path(self.mktemp())
        for each in (folder, other):
            each.mkdir()
        authority, stranger = Authority(folder), Authority(other, "Other CA")
        certificate, key = authority.issue("server", hosts=("localhost",))
        made = settings(
            acraconnector_tls_transport_enable=True,
            acraconnector_transport_encryption_disable=False,
            tls_auth=4,
            tls_ca=str(authority.path),
            tls_cert=str(certificate),
            tls_key=str(key),
            tls_ocsp_staple=True,
            tls_ocsp_url="http://responder",
        )
        checks.check(made)
        error = self.assertRaises(ConfigError, checks.check, made.but(tls_ca=str(stranger.path)))
        self.assertIn("tls_ocsp_staple: the CA that has issued", str(error))
        checks.check(made.but(tls_ca=str(stranger.path), tls_ocsp_url=""))


class Checks(SynchronousTestCase):
    def refused(self, expected, **changes):
        error = self.assertRaises(ConfigError, checks.check, settings(**changes))
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
        checks.check(settings())
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        checks.check(
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

    def test_a_listeners_columns_are_told_of_once(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(
                "[server]\nacraconnector_transport_encryption_disable = true\n"
                "client_id = an application\n[database]\ndb_host = 127.0.0.1\n"
                "[tls]\ntls_auth = 0\n[pipeline]\nstages =\n[listener:second]\n"
                "incoming_connection_string = tcp://127.0.0.1:1\nstages = encryptor\n"
            )
        flags = [f"--config_file={path}"]
        error = self.assertRaises(ConfigError, load, Options.program, flags, {})
        (said,) = [line for line in str(error).splitlines() if "'decryptor' behind it" in line]
        self.assertIn("[listener:second]", said)

    def test_proofs(self):
        """Clients prove who they are over TLS, unless something else is said by name."""
        listens = {"incoming_connection_string": Address("127.0.0.1", 9393)}
        self.refused("name a source of secrets", auth_mode="scram", auth_without_tls=True)
        source = {"auth_query_user": "acra", "tls_database_cert": "x", **listens}
        for changes in ({}, {"client_tls": "disable"}):
            error = self.assertRaises(ConfigError, checks.check, settings(**source, **changes))
            self.assertIn("over TLS alone", str(error))
        for changes in ({"auth_without_tls": True}, {"auth_mode": "passthrough"}):
            try:
                checks.check(settings(**source, **changes))
            except ConfigError as error:
                self.assertNotIn("over TLS alone", str(error))

    def test_a_map_of_client_ids(self):
        rules = Path(self.mktemp())
        rules.write_text("payments user=all")
        checks.check(settings(client_id="", client_id_map_file=str(rules)))
        rules.write_text("payments usr=all\nreports")
        self.refused("line 1: unknown condition usr", client_id_map_file=str(rules))
        self.refused("line 2: no condition", client_id_map_file=str(rules))
        self.refused("cannot read /nowhere", client_id_map_file="/nowhere")

    def test_conditions_of_the_map_about_certificates_that_nobody_shows(self):
        rules = Path(self.mktemp())
        rules.write_text("payments user=all\nreports cert_san=a.example.com\n")
        (remark,) = checks.check_whole(settings(client_id_map_file=str(rules)))
        self.assertIn(f"{rules}, line 2: cert_san looks at the client's certificate", remark)

    def keys_of(self, owner):
        """A folder with a key of one client id."""
        folder, master = Path(self.mktemp()), bytes(range(32))
        self.patch(os, "environ", {**os.environ, VARIABLE: base64.b64encode(master).decode()})
        folder.mkdir(mode=0o700)
        writer = KeyWriter(FilesystemKeyStore(os.path.abspath(folder), Secret(master)))
        writer.generate(STORAGE, owner)
        return folder

    def test_ids_of_the_map_without_keys(self):
        folder, rules = self.keys_of("payments"), Path(self.mktemp())
        rules.write_text("- user=a\npayments user=b\nreports user=c\n")
        made = {"client_id_map_file": str(rules), "keys_dir": str(folder)}
        (remark,) = checks.check_whole(settings(stages=("decryptor",), **made))
        self.assertIn(f"{rules}, line 3: there are no keys of the client id reports", remark)
        self.assertTrue(remark.endswith("acra-keymaker --client_id='reports'"), remark)
        self.assertEqual(checks.check_whole(settings(**made)), [])

    def test_the_only_client_without_keys(self):
        folder = str(self.keys_of("payments"))
        made = {"keys_dir": folder, "acraconnector_transport_encryption_disable": True}
        for client, count in (("payments", 0), ("reports", 1)):
            given = settings(stages=("decryptor",), client_id=client, **made)
            found = checks.check_whole(given)
            self.assertEqual(len(found), count, client)
            self.assertEqual(len(checks.check_whole(settings(client_id=client, **made))), 0)
        self.assertIn("client_id: there are no keys of the client id reports", found[0])

    def test_certificates_that_prove_users(self):
        """It is the application's own certificate that counts, and it must be verified."""
        listens = {"incoming_connection_string": Address("127.0.0.1", 9393)}
        self.refused("own TLS must end here", auth_mode="cert", **listens)
        self.refused("own TLS must end here", auth_mode="cert", client_tls="disable", **listens)

    def test_logins_that_cannot_be_bound(self):
        tls = {"auth_query_user": "acra", "auth_without_tls": True, "require_channel_binding": True}
        for changes in (
            {"auth_md5": True},
            {"auth_cleartext": ("ann",)},
            {"auth_unknown": "passthrough"},
        ):
            self.refused("cannot be bound", **tls, **changes)

    def test_logins_to_the_database_that_cannot_be_bound(self):
        required = {"db_channel_binding": "require", "auth_without_tls": True}
        self.refused("auth_md5 = true cannot be bound", auth_file="x", auth_md5=True, **required)
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        certificate, key = authority.issue("server", hosts=("localhost",))
        by_certificate = {
            "auth_mode": "cert",
            "client_tls": "require",
            "tls_auth": 4,
            "tls_ca": str(authority.path),
            "tls_cert": str(certificate),
            "tls_key": str(key),
            "incoming_connection_string": Address("127.0.0.1", 9393),
        }
        self.refused("name them in auth_keys_file", **by_certificate, **required)

    def test_warnings(self):
        self.assertEqual(checks.insecure(settings()), [])
        outside = Address("0.0.0.0", 9393)
        trusting = {"trusted_functions": ("register", "enlist")}
        self.assertEqual(checks.insecure(settings(**trusting)), [])
        [told] = checks.insecure(settings(**trusting, stages=("encryptor", "decryptor")))
        self.assertIn("trusted_functions", told)
        self.assertIn("register, enlist", told)
        found = checks.insecure(
            settings(incoming_connection_string=outside, db_host="db", db_tls="disable")
        )
        self.assertEqual(len(found), 2)
        self.assertIn("not verified", checks.insecure(settings(db_tls="require"))[0])
        weak = settings(
            auth_file="x", auth_md5=True, auth_cleartext=("old",), auth_unknown="passthrough"
        )
        found = checks.insecure(weak)
        for words in ("auth_md5", "passwords of old", "auth_unknown = passthrough"):
            self.assertTrue(any(words in line for line in found), words)
        bare = settings(auth_query_user="acra", auth_without_tls=True)
        self.assertIn("without TLS", checks.insecure(bare)[0])

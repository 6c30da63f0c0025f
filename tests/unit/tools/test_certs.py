"""acra-certs."""

import datetime
import os
import re
import stat
from pathlib import Path

from cryptography import x509

from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import Settings, defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.tools import certs, commandline, keymaker
from acra_twisted.transport.credentials import Credentials
from tests.support.handshakes import shake
from tests.support.settings import values_of
from tests.unit.tools.base import ToolCase

DAY = datetime.timedelta(days=1)


class CertificateMaker(ToolCase):
    main = staticmethod(certs.main)

    def make(self, *flags):
        return self.call(f"--dir={self.folder}", *flags)

    def path(self, name):
        return Path(self.folder) / name

    def loaded(self, name):
        return x509.load_pem_x509_certificate(self.path(f"{name}.pem").read_bytes())

    def read(self, output, heading, sections):
        """The settings that are printed below a heading."""
        block = re.search(rf"^{heading}.*\n\n((?:    .*\n)+)", output, re.M).group(1)
        path = self.mktemp()
        Path(path).write_text(re.sub("(?m)^    ", "", block))
        return Settings({**defaults(sections), **values_of(path, sections)})

    def test_one_command_and_everybody_can_talk(self):
        output = self.make("--hosts=acra.example,127.0.0.1", "--database_hosts=db.example")
        server = self.read(output, "AcraServer", SERVER_SECTIONS)
        connector = self.read(output, "AcraConnector", CONNECTOR_SECTIONS)
        listening = Credentials(server, "tls_client_").server_context()
        for name in ("acra.example", "127.0.0.1"):
            context = Credentials(connector).client_creator(name)
            self.assertEqual(shake(context, listening), [None, None], name)
        errors = shake(Credentials(connector).client_creator("other.example"), listening)
        self.assertIsNotNone(errors[0])
        database = {"tls_ca": "ca.pem", "tls_cert": "database.pem", "tls_key": "database.key"}
        database = Settings({"tls_auth": 3, **{k: str(self.path(database[k])) for k in database}})
        context = Credentials(server, "tls_database_").client_creator("db.example")
        self.assertEqual(shake(context, Credentials(database).server_context()), [None, None])
        application = {**database, "tls_auth": 4}
        for name in ("cert", "key"):
            ending = "pem" if name == "cert" else "key"
            application[f"tls_{name}"] = str(self.path(f"application.{ending}"))
        context = Credentials(Settings(application)).client_creator("acra.example")
        self.assertEqual(shake(context, listening), [None, None])

    def test_client_ids_are_told_and_taken_by_other_tools(self):
        output = self.make()
        for name in ("connector", "application"):
            path = str(self.path(f"{name}.pem"))
            expected = commandline.from_certificate(path, "distinguished_name")
            self.assertIn(f"Its client id: {expected}\n", output)
            self.assertIn(f"--tls_cert={path}", output)
            keys = os.path.abspath(self.mktemp())
            self.call(
                f"--keys_output_dir={keys}",
                "--keystore=v1",
                f"--tls_cert={path}",
                "--generate_acrawriter_keys",
                main=keymaker.main,
            )

    def test_only_keys_are_secret(self):
        self.make()
        for path in Path(self.folder).iterdir():
            expected = 0o600 if path.suffix == ".key" else 0o644
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), expected, path)

    def test_nothing_is_overwritten_unless_it_must_be(self):
        self.make()
        before = {path: path.read_bytes() for path in Path(self.folder).iterdir()}
        self.refused("is there already; --renew", f"--dir={self.folder}")
        self.refused("is there already; --renew", f"--dir={self.folder}", "connector")
        self.assertEqual({p: p.read_bytes() for p in Path(self.folder).iterdir()}, before)
        self.assertIn("Used ", self.make("--force"))
        changed = {p.name for p in before if p.read_bytes() != before[p]}
        self.assertEqual(len(changed), 8)
        self.assertNotIn("ca.key", changed)
        self.make("ca", "--force")
        self.assertNotEqual(self.path("ca.key").read_bytes(), before[self.path("ca.key")])

    def test_one_more_client(self):
        self.make()
        output = self.make("connector", "--name=billing")
        self.assertEqual(self.loaded("billing").subject.rfc4514_string(), "CN=billing")
        self.assertNotIn("AcraServer, in", output)
        self.loaded("billing").verify_directly_issued_by(self.loaded("ca"))

    def test_renewal_changes_dates_alone(self):
        self.make("--days=1", "--organization=Shop", "--hosts=acra.example,::1")
        before = {name: self.loaded(name) for name in ("server", "connector", "database")}
        keys = {name: self.path(f"{name}.key").read_bytes() for name in before}
        authority = self.path("ca.pem").read_bytes()
        self.assertIn("SIGHUP", self.make("--renew", "--days=90"))
        for name, old in before.items():
            new = self.loaded(name)
            self.assertGreater(new.not_valid_after_utc, old.not_valid_after_utc + 80 * DAY)
            self.assertEqual(new.subject, old.subject)
            for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage):
                get = [each.extensions.get_extension_for_class(kind) for each in (old, new)]
                self.assertEqual(*get)
            self.assertEqual(self.path(f"{name}.key").read_bytes(), keys[name])
            new.verify_directly_issued_by(self.loaded("ca"))
        self.assertEqual(self.path("ca.pem").read_bytes(), authority)
        self.make("ca", "--renew", "--ca_days=9000")
        self.assertNotEqual(self.path("ca.pem").read_bytes(), authority)
        self.loaded("server").verify_directly_issued_by(self.loaded("ca"))
        unchanged = self.path("server.pem").read_bytes()
        self.make("connector", "--renew")
        self.assertEqual(self.path("server.pem").read_bytes(), unchanged)

    def test_mistakes(self):
        folder = f"--dir={self.folder}"
        for expected, *flags in (
            ("none of ca, server", "sever"),
            ("none of ca, server", "--renew=true", "x"),
            ("--name: give one of", "--name=x"),
            ("--name: give one of", "--name=x", "server", "database"),
            ("cannot be a file's name", "--name=../x", "connector"),
            ("cannot be a file's name", "--name=ca", "connector"),
            ("is no host", "--hosts=tcp://x:9393"),
            ("at least one host", "--hosts=,"),
            ("--days: expected", "--days=0"),
            ("--ca_days: expected", "--ca_days=99999999999"),
            ("--days", "--days=long"),
            ("cannot be a name", "--organization=" + "x" * 65),
            ("there is no", "--renew"),
        ):
            self.refused(expected, folder, *flags)
            self.assertFalse(os.path.exists(self.path("ca.pem")), flags)

    def test_an_authority_that_cannot_be_used(self):
        folder = f"--dir={self.folder}"
        self.make("ca")
        good = {name: self.path(name).read_bytes() for name in ("ca.pem", "ca.key")}
        other = Path(self.mktemp())
        other.mkdir()
        leaf, leaf_key = Authority(other).issue("leaf")
        for change, expected in (
            ({"ca.key": None}, "is not: put it back"),
            ({"ca.key": b"nothing"}, "no unencrypted private key"),
            ({"ca.key": leaf_key.read_bytes()}, "is not the key of"),
            ({"ca.pem": leaf.read_bytes()}, "not the certificate of an authority"),
            ({"ca.pem": b"nothing"}, "no certificate in PEM form"),
        ):
            for name, content in {**good, **change}.items():
                self.path(name).unlink(missing_ok=True)
                if content is not None:
                    self.path(name).write_bytes(content)
                    self.path(name).chmod(0o600)
            self.refused(expected, folder, "server")
            self.assertFalse(self.path("server.pem").exists())

    def test_renewal_wants_pairs(self):
        self.make()
        self.path("server.key").write_bytes(self.path("connector.key").read_bytes())
        before = self.path("connector.pem").read_bytes()
        self.refused("server.key is not the key of", f"--dir={self.folder}", "--renew")
        self.assertEqual(self.path("connector.pem").read_bytes(), before)

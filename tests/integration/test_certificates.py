"""Certificates as docs/certificates.rst has them made, and as others make them."""

import hashlib
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from acra_twisted.options import Settings
from acra_twisted.tools.commandline import from_certificate
from acra_twisted.transport.credentials import Credentials
from tests.support.commands import scripts
from tests.support.documents import TOP, blocks
from tests.support.handshakes import shake

PAGE = TOP / "docs/certificates.rst"


class Recipes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name, "work")
        self.folder.mkdir()
        self.programs = Path(folder.name, "bin")
        self.programs.mkdir()
        for name, place in scripts().items():
            module, function = place.split(":")
            call = f"import sys; from {module} import {function}; sys.exit({function}())"
            program = self.programs / name
            program.write_text(f"#!{sys.executable}\n{call}\n")
            program.chmod(0o755)

    def run_all(self, script):
        """Every line must succeed."""
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=self.folder,
            env={**os.environ, "PATH": path, "PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def credentials(self, name, folder="."):
        place = self.folder / folder
        return Credentials(
            Settings(
                {
                    "tls_ca": str(place / "ca.pem"),
                    "tls_cert": str(place / f"{name}.pem"),
                    "tls_key": str(place / f"{name}.key"),
                    "tls_auth": 4,
                }
            )
        )

    def talk(self, client, server, name):
        """Both sides accept each other."""
        contexts = client.client_creator(name), server.server_context()
        self.assertEqual(shake(*contexts), [None, None], name)

    def test_the_page_from_top_to_bottom(self):
        for block in blocks(PAGE):
            self.assertEqual(block.language, "sh", block.where)
            self.run_all(block.text)
        for folder in (".", "certs"):
            server, connector, database = (
                self.credentials(name, folder) for name in ("server", "connector", "database")
            )
            for name in ("acra.example", "192.0.2.10"):
                self.talk(connector, server, name)
            database.auth = 3
            self.talk(server, database, "db.example")
        expected = hashlib.sha512(b"CN=app,OU=IT,O=Shop,C=GB").hexdigest()
        path = str(self.folder / "connector.pem")
        self.assertEqual(from_certificate(path, "distinguished_name"), expected)

    def test_as_others_make_them(self):
        """Without extended key usage: by Acra's guides, by openssl's defaults, of RSA and EC."""
        make = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=CA\n"
        cases = {
            "acra": (
                "ec -pkeyopt ec_paramgen_curve:prime256v1",
                "basicConstraints=CA:FALSE",
                "keyUsage=nonRepudiation,digitalSignature,keyEncipherment",
            ),
            "bare": ("rsa:2048",),
            "netscape": ("rsa:3072", "basicConstraints=CA:FALSE", "nsCertType=client,server"),
        }
        for name, (key, *extensions) in cases.items():
            lines = " ".join(f"'{line}'" for line in (*extensions, "subjectAltName=DNS:x.example"))
            make += (
                f"openssl req -newkey {key} -nodes -keyout {name}.key -out c.csr "
                f"-subj '/C=GB/O=Shop/OU=IT/CN={name}'\n"
                f"printf '%s\\n' {lines} > ext\n"
                f"openssl x509 -req -in c.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 "
                f"-extfile ext -out {name}.pem\n"
            )
        self.run_all(f"{make}chmod 600 *.key")
        for name in cases:
            with self.subTest(name):
                own = self.credentials(name)
                self.talk(own, own, "x.example")
                text = f"CN={name},OU=IT,O=Shop,C=GB"
                path = str(self.folder / f"{name}.pem")
                self.assertEqual(
                    from_certificate(path, "distinguished_name"),
                    hashlib.sha512(text.encode()).hexdigest(),
                )

"""Every client logs in over every kind of leg, with every kind of certificate, to both versions of
the database; a rule says what is expected of each login."""

from __future__ import annotations

import shutil
import socket
import ssl
import tempfile
import unittest
from pathlib import Path

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.base import eventually, newest
from tests.support.loginclients import DIRECT, PLAIN, Login, clients
from tests.support.servercertificates import BINDING, KINDS, RSA, ServerCertificates

_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def shown_certificate(port: int) -> str:
    """The certificate that a server of PostgreSQL's protocol shows, in PEM."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.sendall(_SSL_REQUEST)
        assert raw.recv(1) == b"S", "the server has no TLS"
        with context.wrap_socket(raw) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))


class Databases(unittest.TestCase):
    """Debian's PostgreSQL and the newest, both with TLS and SCRAM, and a role for applications."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.certificates = ServerCertificates(cls.folder / "certificates")
        cls.databases = {"15": cls.database(system()), "18": cls.database(newest())}
        cls.clients = cls.enterClassContext(clients())

    @classmethod
    def database(cls, install):
        database = Postgres(install, tls=cls.certificates.pairs[RSA], password="superuser's")
        cls.addClassCleanup(database.remove)
        database.start()
        with cls.superuser(database) as db:
            db.execute("CREATE ROLE alice LOGIN PASSWORD 'alice''s'")
        return database

    @staticmethod
    def superuser(database):
        return psycopg.connect(
            host=str(database.folder),
            port=database.port,
            user=SUPERUSER,
            dbname="postgres",
            autocommit=True,
        )

    def show(self, database, kind):
        """Give the database a certificate of a kind."""
        files = self.certificates.pairs[kind]
        for source, name in zip(files, ("server.pem", "server.key"), strict=True):
            # Written, and not replaced: they belong to the server's user.
            (database.data / name).write_bytes(source.read_bytes())
        with self.superuser(database) as db:
            db.execute("SELECT pg_reload_conf()")
        wanted = files[0].read_text()
        eventually(lambda: shown_certificate(database.port) == wanted, f"it shows {kind}")


def failure(client, login):
    """The client's text if a login fails, nothing if it is in."""
    try:
        user = client.log_in(login)
    except Exception as error:  # each driver has its own
        return str(error) or repr(error)
    assert user == login.user, user
    return ""


class ToTheDatabase(Databases):
    """Logins without AcraServer between."""

    def test(self):
        for version, database in self.databases.items():
            for kind in KINDS:
                self.show(database, kind)
                for client in self.clients:
                    for leg in client.legs:
                        if leg != DIRECT or version >= "17":
                            with self.subTest(client.name, leg=leg, kind=kind, version=version):
                                self.judge(client, Login(database.port, leg), kind)

    def judge(self, client, login, kind):
        said = failure(client, login)
        if login.leg == PLAIN:
            refused = client.binding == "require"
        else:
            # It lists the mechanism even where its certificate has no hash to bind to.
            refused = client.binding != "never" and kind not in BINDING
        self.assertEqual(bool(said), refused, said)

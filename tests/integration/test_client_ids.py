"""Client ids by rule before a real PostgreSQL: keys are used for those who have proven their names.

A session opens a container exactly if it has the client id whose keys made it.
"""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import Postgres
from acra_twisted.sandbox.processes import free_port
from acra_twisted.writer import create_acrastruct
from tests.integration.base import Surroundings, eventually
from tests.support.loginservers import PASSWORD, SYSTEM, USER, Databases, as_superuser

CLIENT = "payments_app"
SECRET = b"only for payments"
NOBODY = "no client id for this login"


class Mapped:
    """A chain with a map, and sessions that show which client id they have."""

    @classmethod
    def mapped(cls, rules, folder):
        """Return the file of the rules."""
        path = folder / "client-ids.map"
        path.write_text(rules)
        return path

    @classmethod
    def own_keys(cls):
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        return Keys(folder, CLIENT)

    def opens(self, chain, **options):
        """Tell whether a session has the id whose keys open a container."""
        given = {
            "host": "127.0.0.1",
            "port": chain.port,
            "user": USER,
            "password": PASSWORD,
            "dbname": "postgres",
            "sslmode": "disable",
            "connect_timeout": 60,
            **options,
        }
        with psycopg.connect(**given) as db:
            stored = create_acrastruct(SECRET, self.keys.storage_public_key)
            (found,) = db.execute("SELECT %b::bytea", (stored,), binary=True).fetchone()
            return bytes(found) == SECRET

    def refused(self, chain, **options):
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.opens(chain, **options)
        return str(caught.exception)

    @staticmethod
    def log(chain):
        """Return the log of the server."""
        return (chain.folder / "acra-server.log").read_text()


class Passthrough(Mapped, Surroundings):
    """The database asks for passwords, but for one user whom it trusts."""

    RULES = """\
- user=mallory
payments_app   user=app_pay database=postgres address=127.0.0.0/8
payments_app   user=app_trusted
other_client   user=none database=template1
other_client   user=app_other
"""

    @classmethod
    def make_postgres(cls):
        return Postgres(password="superuser's")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        hba = cls.postgres.data / "pg_hba.conf"
        hba.write_text("host all app_trusted 127.0.0.1/32 trust\n" + hba.read_text())
        with as_superuser(cls.postgres) as db:
            for user in ("app_pay", "app_other", "app_trusted", "nobodys_user", "mallory"):
                role = sql.Identifier(user), sql.Literal(PASSWORD)
                db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(*role))
            db.execute("SELECT pg_reload_conf()")
        cls.keys = cls.own_keys()
        cls.map = cls.mapped(cls.RULES, cls.folder)
        cls.server = cls.chain(
            link="none",
            keys=cls.keys,
            server={"authentication": {"client_id_map_file": str(cls.map)}},
        )

    def test_the_database_has_asked_for_a_proof(self):
        self.assertTrue(self.opens(self.server, user="app_pay"))
        self.assertFalse(self.opens(self.server, user="app_other"))

    def test_another_database_is_another_login(self):
        said = self.refused(self.server, user="app_pay", dbname="template1")
        self.assertIn(NOBODY, said)

    def test_who_has_no_line_or_is_refused_by_one(self):
        for user in ("nobodys_user", "mallory"):
            self.assertIn(NOBODY, self.refused(self.server, user=user))
        log = self.log(self.server)
        for why in ("no line matches", "line 1 refuses it"):
            self.assertIn(why, log)

    def test_a_wrong_password_is_the_databases_business(self):
        said = self.refused(self.server, user="app_pay", password="wrong")
        self.assertIn("password authentication failed", said)

    def test_au7_trust_proves_no_user(self):
        """The line with the user's name does not match one whom the database has only trusted."""
        self.assertIn(NOBODY, self.refused(self.server, user="app_trusted"))
        self.assertFalse(self.opens(self.server, user="app_trusted", dbname="template1"))

    def test_rules_are_read_anew(self):
        chain = self.chain(
            link="none",
            keys=self.keys,
            server={"authentication": {"client_id_map_file": str(self.mapped_for_reload())}},
        )
        self.assertFalse(self.opens(chain, user="app_pay"))
        self.reloaded.write_text("payments_app usr=app_pay\n")
        chain.server.send(signal.SIGHUP)
        eventually(
            lambda: "unknown condition usr; did you mean user?" in self.log(chain),
            "the mistake is told of",
        )
        self.assertFalse(self.opens(chain, user="app_pay"))
        self.reloaded.write_text("payments_app user=app_pay\n")
        chain.server.send(signal.SIGHUP)
        eventually(lambda: self.opens(chain, user="app_pay"), "the new rules are in force")

    def mapped_for_reload(self):
        self.reloaded = Path(tempfile.mkdtemp(dir=self.folder)) / "rules"
        self.reloaded.write_text("other_client user=app_pay\n")
        return self.reloaded


class Connectors(Mapped, Surroundings):
    """A connector's own proof is a fact of the login, and so is the user's."""

    @classmethod
    def make_postgres(cls):
        return Postgres(password="superuser's")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with as_superuser(cls.postgres) as db:
            for user in ("app_pay", "app_other"):
                role = sql.Identifier(user), sql.Literal(PASSWORD)
                db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(*role))
        cls.keys = cls.own_keys()

    def linked(self, link, rules):
        path = self.mapped(rules, Path(tempfile.mkdtemp(dir=self.folder)))
        server = {"authentication": {"client_id_map_file": str(path)}}
        return self.chain(link=link, keys=self.keys, server=server)

    def test_by_certificate(self):
        chain = self.linked(
            "tls", 'payments_app user=app_pay cert="CN=acra-connector,O=Sandbox" tls=yes\n'
        )
        self.assertTrue(self.opens(chain, user="app_pay"))
        self.assertIn(NOBODY, self.refused(chain, user="app_other"))

    def test_by_the_id_of_secure_session(self):
        rules = "other_client link=payments_app user=app_other\npayments_app link=payments_app\n"
        chain = self.linked("secure-session", rules)
        self.assertTrue(self.opens(chain, user="app_pay"))
        self.assertFalse(self.opens(chain, user="app_other"))


class Ended(Mapped, Databases):
    """AcraServer itself asks for the proof, over TLS; and a certificate may be a condition."""

    NAMES = (SYSTEM,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = cls.own_keys()
        cls.postgres = cls.databases[SYSTEM]

    def ended(self, rules, port=0):
        path = self.mapped(rules, Path(tempfile.mkdtemp(dir=self.folder)))
        return self.server(self.postgres, port=port, keys=self.keys, client_id_map_file=str(path))

    def test_a_proof_of_ours_decides_before_the_database_is_reached(self):
        rules = f"payments_app user={USER} tls=bound\nother_client user={USER} tls=yes\n"
        chain = self.ended(rules)
        for binding, expected in (("require", True), ("disable", False)):
            found = self.opens(chain, sslmode="require", channel_binding=binding)
            self.assertEqual(found, expected)
        self.assertIn("authentication failed", self.refused(chain, sslmode="require", password="x"))

    def test_who_has_no_line_reaches_no_database(self):
        # Nobody listens there: whoever is let through is told so.
        chain = self.ended(f"payments_app user={USER} tls=bound\n", port=free_port())
        for binding, expected in (("require", "could not connect"), ("disable", NOBODY)):
            said = self.refused(chain, sslmode="require", channel_binding=binding)
            self.assertIn(expected, said)


class Certificates(Mapped, Surroundings):
    """Applications show certificates on their own TLS; the database asks for no password."""

    def test_names_in_certificates(self):
        keys = self.keys = self.own_keys()
        authority = Authority(Path(tempfile.mkdtemp(dir=self.folder)))
        rules = """\
payments_app cert_san=edge.example.com
other_client cert=/CN=[a-z]*,O=Sandbox
"""
        path = self.mapped(rules, authority.folder)
        chain = Chain(
            ("127.0.0.1", self.postgres.port),
            link="none",
            keys=keys,
            folder=Path(tempfile.mkdtemp(dir=self.folder)),
            authority=authority,
            server={
                "authentication": {"client_id_map_file": str(path)},
                "database": {"client_tls": "require"},
                "tls": {"tls_client_auth": "4"},
            },
        )
        self.addCleanup(chain.stop)
        chain.start()
        for name, hosts, expected in (
            ("edge", ("edge.example.com",), True),
            ("batch", (), False),
        ):
            certificate, key = authority.issue(name, hosts=hosts)
            found = self.opens(
                chain,
                user="postgres",
                sslmode="require",
                sslcert=str(certificate),
                sslkey=str(key),
            )
            self.assertEqual(found, expected, name)
        certificate, key = authority.issue("Nobody5", hosts=("other.example.com",))
        files = {"sslcert": str(certificate), "sslkey": str(key)}
        self.assertIn(NOBODY, self.refused(chain, user="postgres", sslmode="require", **files))

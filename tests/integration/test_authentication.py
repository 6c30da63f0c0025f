"""AcraServer ends SCRAM between real clients and a real PostgreSQL, with TLS on both legs.

Every client, leg and certificate is in `test_logins_ended`; here are the ways that one login takes.
"""

from __future__ import annotations

import os
import signal
from unittest.mock import patch

import psycopg
from psycopg import sql

from acra_twisted.sandbox.postgres import Postgres, system
from tests.integration.base import check_cancel, eventually, get
from tests.support.loginclients import PLAIN, TLS, Login, in_python
from tests.support.loginservers import PASSWORD, SYSTEM, USER, Databases, as_superuser, failure
from tests.support.middleman import UNCHANGED, MiddleMan
from tests.support.servercertificates import ECDSA, RSA


class Case(Databases):
    NAMES = (SYSTEM,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = cls.databases[SYSTEM]

    def connect(self, chain, **options):
        given = {
            "host": "127.0.0.1",
            "port": chain.port,
            "user": USER,
            "password": PASSWORD,
            "dbname": "postgres",
            "sslmode": "require",
            **options,
        }
        return psycopg.connect(**given)

    def refused(self, chain, **options):
        """Return the text for a client that is not let in."""
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.connect(chain, **options)
        return str(caught.exception)


class Logins(Case):
    """One chain for all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chain = cls.server(cls.postgres)

    def test_clients(self):
        for client in in_python():
            for name, login, expected in (
                ("right", Login(self.chain.port, TLS), ""),
                ("wrong", Login(self.chain.port, TLS, password="wrong"), "authentication failed"),
                ("nobody", Login(self.chain.port, TLS, user="nobody"), "authentication failed"),
            ):
                with self.subTest(client.name, login=name):
                    said = failure(client, login)
                    self.assertIn(expected, said)
                    self.assertEqual(bool(said), bool(expected))

    def test_both_legs_are_bound(self):
        with self.connect(self.chain, channel_binding="require") as db:
            (line,) = db.execute(
                "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            ).fetchall()
            self.assertEqual(line, (True,))
        self.assertIn('bound="yes"', get(self.chain.server_pages, "/metrics"))

    def test_not_without_tls(self):
        self.assertIn("requires TLS", self.refused(self.chain, sslmode="disable"))
        # A client that tries again in clear gets no further.
        self.assertIn("requires TLS", self.refused(self.chain, sslmode="prefer", password="wrong"))

    def test_versions_of_the_protocol(self):
        for version in ("3.0", "3.2"):
            with self.connect(self.chain, max_protocol_version=version) as db:
                self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))

    def test_requests_can_be_cancelled(self):
        with self.connect(self.chain) as db, as_superuser(self.postgres) as other:
            check_cancel(db, db.cancel_safe, other)

    def test_what_the_database_decides_is_told_in_its_words(self):
        role = sql.Identifier(USER)
        for setting, back, expected in (
            ("NOLOGIN", "LOGIN", "is not permitted to log in"),
            ("CONNECTION LIMIT 0", "CONNECTION LIMIT -1", "too many connections for role"),
        ):
            with as_superuser(self.postgres) as db:
                db.execute(sql.SQL(f"ALTER ROLE {{}} {setting}").format(role))
                try:
                    self.assertIn(expected, self.refused(self.chain))
                finally:
                    db.execute(sql.SQL(f"ALTER ROLE {{}} {back}").format(role))
        self.assertIn(
            'database "nowhere" does not exist', self.refused(self.chain, dbname="nowhere")
        )


class Changes(Case):
    def test_a_new_password(self):
        """A secret of before is no longer the database's; no proof by it is given away."""
        chain = self.server(self.postgres)
        userlist = next(chain.folder.glob("userlist.txt"))
        alter = sql.SQL("ALTER ROLE {} PASSWORD {}")
        with as_superuser(self.postgres) as db:
            db.execute(alter.format(sql.Identifier(USER), sql.Literal("new")))
            try:
                for password in (PASSWORD, "new"):
                    said = self.refused(chain, password=password)
                    self.assertIn("password authentication failed", said)
                secret = db.execute(
                    "SELECT rolpassword FROM pg_authid WHERE rolname = %s", (USER,)
                ).fetchone()[0]
                userlist.write_text(f'"{USER}" "{secret}"\n')
                chain.server.send(signal.SIGHUP)

                def let_in():
                    try:
                        self.connect(chain, password="new").close()
                    except psycopg.OperationalError:
                        return False
                    return True

                eventually(let_in, "the new password is known")
                self.assertIn("authentication failed", self.refused(chain))
            finally:
                db.execute(alter.format(sql.Identifier(USER), sql.Literal(PASSWORD)))

    def test_transports_of_twisted(self):
        with patch.dict(os.environ, ACRA_NATIVE_TRANSPORTS="off"):
            chain = self.server(self.postgres)
        for client in in_python():
            with self.subTest(client.name):
                self.assertEqual(failure(client, Login(chain.port, TLS)), "")

    def test_without_tls_where_it_is_said_by_name(self):
        chain = self.server(self.postgres, auth_without_tls="yes")
        for client in in_python():
            if client.binding != "require":
                with self.subTest(client.name):
                    self.assertEqual(failure(client, Login(chain.port, PLAIN)), "")


class Methods(Case):
    """Databases that ask for something else."""

    def test_of_the_database(self):
        for method, expected in (("trust", ""), ("password", "a cleartext password")):
            postgres = Postgres(
                system(), tls=self.certificates.pairs[RSA], password="superuser's", auth=method
            )
            self.addCleanup(postgres.remove)
            postgres.start()
            with patch.dict(os.environ, PGPASSWORD="superuser's"):
                with as_superuser(postgres) as db:
                    role = sql.Identifier(USER), sql.Literal(PASSWORD)
                    db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(*role))
                chain = self.server(postgres)
            self.assertIn("authentication failed", self.refused(chain, password="wrong"))
            if expected:
                said = self.refused(chain)
                self.assertIn(expected, said)
                self.assertIn("pg_hba.conf must say scram-sha-256", said)
            else:
                self.connect(chain).close()
            postgres.remove()


class Between(Case):
    def test_a_database_with_another_certificate(self):
        """The man in the middle has a certificate that AcraServer accepts."""
        pairs = self.certificates.pairs
        with MiddleMan(self.postgres.port, UNCHANGED, pairs[ECDSA]) as man:
            chain = self.server(self.postgres, port=man.port)
            for client in in_python():
                with self.subTest(client.name):
                    said = failure(client, Login(chain.port, TLS))
                    self.assertIn("could not log in to the database", said)
                    self.assertNotIn("binding", said)
        told = "The database refused the binding of a login"
        eventually(lambda: told in chain.server.output(), told)

"""``db_tls = auto`` before a database on loopback that has TLS, whatever its pg_hba.conf says."""

from pathlib import Path

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import PASSWORD, Surroundings, check_cancel, tls_postgres

_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


class OnLoopback(Surroundings):
    @classmethod
    def make_postgres(cls):
        return tls_postgres(cls.authority, password=PASSWORD)

    def allow(self, *lines):
        """The rules for connections, besides the superuser's on its own socket."""
        path = Path(self.postgres.data, "pg_hba.conf")
        path.write_text("\n".join(["local all all trust", *lines]) + "\n")
        with self.superuser() as db:
            db.execute("SELECT pg_reload_conf()")

    def superuser(self):
        return psycopg.connect(
            host=str(self.postgres.folder),
            port=self.postgres.port,
            user=SUPERUSER,
            autocommit=True,
        )

    def encrypted(self, chain, **options):
        with self.connect(chain, password=PASSWORD, **options) as db:
            return db.execute(_ENCRYPTED).fetchone()[0]

    def test_it_is_used_where_it_is_offered(self):
        chain = self.chain(link="none")
        scram = "all all 127.0.0.1/32 scram-sha-256"
        trust = "all all 127.0.0.1/32 trust"
        for lines, sslmode, expected in (
            ((f"host {trust}",), "disable", True),
            ((f"host {trust}",), "require", True),
            ((f"hostssl {trust}",), "require", True),
            ((f"hostssl {scram}",), "disable", True),
            # Where it would take part in the login it is done without, and SCRAM works.
            ((f"host {scram}",), "require", False),
        ):
            with self.subTest(lines=lines, sslmode=sslmode):
                self.allow(*lines)
                self.assertEqual(self.encrypted(chain, sslmode=sslmode), expected)
        # The database takes nobody without TLS, and the client wants its login bound to its own.
        self.allow(f"hostssl {scram}")
        with self.assertRaisesRegex(psycopg.OperationalError, "channel_binding=disable"):
            self.encrypted(chain, sslmode="require")
        self.assertTrue(self.encrypted(chain, sslmode="require", channel_binding="disable"))

    def test_cancel_requests(self):
        chain = self.chain(link="none")
        self.allow("hostssl all all 127.0.0.1/32 trust")
        with self.connect(chain, sslmode="require") as db, self.superuser() as other:
            check_cancel(db, db.cancel, other)

    def test_through_a_connector(self):
        chain = self.chain()
        self.allow("hostssl all all 127.0.0.1/32 trust")
        self.assertTrue(self.encrypted(chain))
        self.allow("host all all 127.0.0.1/32 scram-sha-256")
        self.assertFalse(self.encrypted(chain))

    def test_a_certificate_is_verified_if_something_is_said_of_it(self):
        self.allow("host all all 127.0.0.1/32 trust")
        folder = self.folder / "other"
        folder.mkdir()
        other = str(Authority(folder).path)
        for tls, expected in (
            # It is the CA of others, and of the database's certificate nothing was said.
            ({"tls_ca": other, "tls_cert": "", "tls_key": ""}, True),
            ({"tls_database_ca": other}, None),
            ({"tls_database_ca": str(self.authority.path)}, True),
        ):
            with self.subTest(tls=tls):
                chain = self.chain(link="none", server={"tls": tls})
                if expected is None:
                    with self.assertRaises(psycopg.OperationalError):
                        self.encrypted(chain)
                else:
                    self.assertEqual(self.encrypted(chain), expected)
                chain.stop()

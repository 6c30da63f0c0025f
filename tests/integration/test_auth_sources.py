"""Where secrets of users come from, against a real PostgreSQL with TLS."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
from prometheus_client import CollectorRegistry
from twisted.internet import reactor  # noqa: TID251 - the one of trial
from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.trial.unittest import TestCase

from acra_twisted import events
from acra_twisted.authentication.authfile import load
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.lookup import Found
from acra_twisted.options import defaults
from acra_twisted.sandbox.postgres import SUPERUSER
from acra_twisted.server.credentials import make_credentials
from acra_twisted.server.upstream import database_tls, make_database
from acra_twisted.telemetry.metrics.lookups import LookupMetrics
from acra_twisted.tools.authsql import set_up
from acra_twisted.transport.keepalive import KeepAlive
from acra_twisted.wire import scram
from tests.integration.base import PASSWORD, Surroundings, eventually, tls_postgres

SERVICE = "acra_service"
SERVICE_PASSWORD = "of the s\u00adervice\u00a0role"  # noqa: S105 - SASLprep changes it


def fits(secret, password):
    """True if a verifier is that of a password."""
    read = scram.read_verifier(secret)
    keys = scram.keys_of(scram.salted(password.encode(), read.salt, read.iterations))
    return scram.verifier_of(keys, read.salt, read.iterations) == read


class Base(Surroundings):
    """A database with the function of ``acra-auth sql``, and roles of every kind."""

    @classmethod
    def make_postgres(cls):
        return tls_postgres(cls.authority, password=PASSWORD, settings=["log_connections = on"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.service_file = cls.folder / "service-password"
        cls.service_file.write_text(SERVICE_PASSWORD + "\n")
        cls.service_file.chmod(0o600)
        cls.run_sql(set_up(SERVICE))
        cls.run_sql(f"ALTER ROLE {SERVICE} PASSWORD '{SERVICE_PASSWORD}'")
        for role, options in (
            ("alice", "LOGIN PASSWORD 'wonder'"),
            ('"Odd ""name"', "LOGIN PASSWORD 'odd'"),
            ("expired", "LOGIN PASSWORD 'x' VALID UNTIL '2001-01-01'"),
            ("locked", "NOLOGIN PASSWORD 'x'"),
            ("boss", "LOGIN SUPERUSER PASSWORD 'x'"),
            ("copier", "LOGIN REPLICATION PASSWORD 'x'"),
            ("nobody_yet", "LOGIN"),
        ):
            cls.run_sql(f"CREATE ROLE {role} {options}")

    @classmethod
    def run_sql(cls, text):
        with psycopg.connect(
            host=str(cls.postgres.folder), port=cls.postgres.port, user=SUPERUSER, autocommit=True
        ) as db:
            db.execute(text)

    @classmethod
    def settings(cls, **changes):
        return defaults(SERVER_SECTIONS).but(
            **{
                "db_host": "127.0.0.1",
                "db_port": cls.postgres.port,
                "db_tls": "require",
                "tls_database_ca": str(cls.authority.path),
                "auth_query_user": SERVICE,
                "auth_query_password_file": str(cls.service_file),
                "auth_query_database": "postgres",
                # A crowd waits for its turn.
                "auth_query_timeout": 60.0,
                **changes,
            }
        )


class Lookups(TestCase, Base):
    """The daemon's own parts, on the reactor of the test."""

    def setUp(self):
        # Those of the test before may end later than their connections.
        eventually(lambda: not self.sessions(), "no session of the service")

    @classmethod
    def sessions(cls):
        """The names of the applications of the service's sessions, and whether they use TLS."""
        with psycopg.connect(
            host=str(cls.postgres.folder), port=cls.postgres.port, user=SUPERUSER
        ) as db:
            return db.execute(
                "SELECT application_name, ssl FROM pg_stat_activity a JOIN pg_stat_ssl USING (pid)"
                f" WHERE usename = '{SERVICE}'"
            ).fetchall()

    def made(self, **changes):
        settings = self.settings(**changes)
        self.events = []
        database = make_database(reactor, settings, database_tls(settings), KeepAlive())
        made = make_credentials(
            reactor,
            settings,
            database,
            deferToThread,
            LookupMetrics(CollectorRegistry(), int, bool),
            lambda code, text, **fields: self.events.append((code, fields)),
            Logger(),
        )
        self.addCleanup(lambda: deferLater(reactor, 0.05))
        self.addCleanup(made.stop)
        return made

    def found(self, credentials, user):
        """A Deferred of what is found."""

        async def look():
            found = credentials.look_up(user)
            return found if isinstance(found, Found) else await found

        return ensureDeferred(look())

    async def secret(self, credentials, user):
        found = await self.found(credentials, user)
        self.assertFalse(found.away, self.events)
        return found.secret

    def in_database(self, text):
        return deferToThread(self.run_sql, text)

    async def test_roles_of_every_kind(self):
        made = self.made()
        self.assertTrue(fits(await self.secret(made, b"alice"), "wonder"))
        self.assertTrue(fits(await self.secret(made, b'Odd "name'), "odd"))
        for user in (
            *(b"expired", b"locked", b"boss", b"copier", b"nobody_yet", b"stranger"),
            *(b"ALICE", b"alice ", b"postgres", b"acra_service", b"'; drop role alice; --"),
        ):
            self.assertIsNone(await self.secret(made, user), user)
        self.assertEqual(self.events, [])

    async def test_the_connection_is_bound_and_says_nothing_of_a_client(self):
        made = self.made()
        await self.secret(made, b"alice")
        await self.secret(made, b"other")
        self.assertEqual(self.sessions(), [("acra-auth", True)])

    async def test_another_role_may_not_ask(self):
        password = self.folder / "alice-password"
        password.write_text("wonder")
        password.chmod(0o600)
        made = self.made(auth_query_user="alice", auth_query_password_file=str(password))
        found = await self.found(made, b"boss")
        self.assertEqual((found.secret, found.away), (None, True))
        [(code, fields)] = self.events
        self.assertEqual(code, events.SOURCE_AWAY)
        self.assertIn("42501", fields["error"])

    async def test_queries_and_passwords_that_cannot_be_used(self):
        wrong = self.folder / "wrong-password"
        wrong.write_text("wrong")
        wrong.chmod(0o600)
        for changes, part in (
            ({"auth_query": "select rolname from pg_roles where rolname = $1"}, "1 columns"),
            ({"auth_query": "select rolname, rolname from pg_roles where $1 <> ''"}, "one row"),
            ({"auth_query": "select $1::text, $2::text"}, "08P01"),
            ({"auth_query": "select acra_auth.nothing($1), 1"}, "42883"),
            ({"auth_query": "select rolname, secret from nowhere.lookup($1)"}, "3F000"),
            ({"auth_query": "select pg_sleep(9)::text, $1::text", "auth_query_timeout": 0.5}, ""),
            ({"auth_query_password_file": str(wrong)}, "28P01"),
            ({"auth_query_database": "nowhere"}, "3D000"),
        ):
            made = self.made(**changes)
            found = await self.found(made, b"alice")
            self.assertEqual((found.secret, found.away), (None, True), changes)
            [(_, fields)] = self.events
            self.assertIn(part, fields["error"], changes)
            made.stop()

    async def test_names_as_bytes_and_rows_of_others(self):
        made = self.made(auth_query="select rolname, rolname from pg_roles where rolname ilike $1")
        self.assertEqual(await self.secret(made, b"alice"), b"alice")
        self.assertIsNone(await self.secret(made, b"ALICE"))

    async def test_what_changes_in_the_database(self):
        made = self.made(auth_cache_soft=0.0)
        await self.in_database("CREATE ROLE changing LOGIN PASSWORD 'one'")
        first = await self.secret(made, b"changing")
        self.assertTrue(fits(first, "one"))
        await self.in_database("ALTER ROLE changing PASSWORD 'one'")
        again = await self.secret(made, b"changing")
        self.assertNotEqual(first, again)
        await self.in_database("ALTER ROLE changing PASSWORD 'two'")
        self.assertTrue(fits(await self.secret(made, b"changing"), "two"))
        await self.in_database("ALTER ROLE changing VALID UNTIL '2001-01-01'")
        self.assertIsNone(await self.secret(made, b"changing"))
        await self.in_database("ALTER ROLE changing VALID UNTIL 'infinity'")
        self.assertTrue(fits(await self.secret(made, b"changing"), "two"))
        await self.in_database("DROP ROLE changing")
        self.assertIsNone(await self.secret(made, b"changing"))

    async def test_a_proof_that_does_not_fit_renews_what_is_kept(self):
        made = self.made()
        await self.in_database("CREATE ROLE renewed LOGIN PASSWORD 'one'")
        await self.secret(made, b"renewed")
        await self.in_database("ALTER ROLE renewed PASSWORD 'two'")
        self.assertTrue(fits(await self.secret(made, b"renewed"), "one"))
        await deferLater(reactor, 1.1)
        made.wrong(b"renewed")
        while made.waiting:
            await deferLater(reactor, 0.01)
        self.assertTrue(fits(await self.secret(made, b"renewed"), "two"))
        self.assertEqual(self.events, [(events.SECRET_OUTDATED, {"user": "renewed"})])
        await self.in_database("DROP ROLE renewed")

    async def test_a_crowd_of_names(self):
        made = self.made()
        answers = [self.found(made, b"user %d" % number) for number in range(500)]
        for success, found in await DeferredList(answers):
            self.assertTrue(success)
            self.assertEqual((found.secret, found.away), (None, False))
        self.assertEqual(len(self.sessions()), 2)

    async def test_connections_that_the_database_ends(self):
        made = self.made(auth_cache_soft=0.0)
        for _ in range(3):
            self.assertTrue(fits(await self.secret(made, b"alice"), "wonder"))
            await self.in_database(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename='{SERVICE}'"
            )
        self.assertEqual(self.events, [])

    async def test_a_password_with_many_iterations(self):
        secret = scram.verifier_of(
            scram.keys_of(scram.salted(SERVICE_PASSWORD.encode(), b"salty", 50_000)),
            b"salty",
            50_000,
        )
        await self.in_database(f"ALTER ROLE {SERVICE} PASSWORD '{secret.encode().decode()}'")
        made = self.made()
        self.assertTrue(fits(await self.secret(made, b"alice"), "wonder"))
        await self.in_database(f"ALTER ROLE {SERVICE} PASSWORD '{SERVICE_PASSWORD}'")


class Tools(Base):
    """acra-auth export, and acra-doctor."""

    def config(self, more=""):
        path = self.folder / "server.ini"
        path.write_text(
            f"[database]\ndb_host = 127.0.0.1\ndb_port = {self.postgres.port}\ndb_tls = require\n"
            f"[tls]\ntls_database_ca = {self.authority.path}\n{more}"
        )
        return path

    def test_acra_doctor_looks_up_a_secret(self):
        role = (
            f"[authentication]\nauth_query_user = {SERVICE}\nauth_query_database = postgres\n"
            "auth_query_timeout = 60\n"
            f"auth_query_password_file = {self.service_file}\n"
        )
        for more, said in (
            ("", "acra_service can look up secrets"),
            ("auth_query = select rolname, rolpassword from pg_authid where rolname = $1", "42501"),
        ):
            program = [
                sys.executable,
                "-c",
                "from acra_twisted.tools import doctor; doctor.script()",
            ]
            done = subprocess.run(
                [*program, "server", f"--config_file={self.config(role + more)}"],
                capture_output=True,
                check=False,
                timeout=300,
                text=True,
            )
            self.assertIn(said, done.stdout, done.stderr)

    def export(self, out, *arguments, password=b""):
        config = self.config()
        program = [
            sys.executable,
            "-c",
            "from acra_twisted.tools.auth import script; exit(script())",
        ]
        return subprocess.run(
            [*program, "export", f"--server_config={config}", f"--out={out}", *arguments],
            input=password,
            capture_output=True,
            check=False,
            timeout=300,
        )

    def test_a_file_of_the_roles_that_may_log_in(self):
        out = Path(self.folder, "userlist")
        done = self.export(out, password=PASSWORD.encode() + b"\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = load(str(out))
        self.assertEqual(set(found), {b"alice", b'Odd "name', SERVICE.encode()})
        self.assertTrue(fits(found[b"alice"], "wonder"))
        self.assertNotEqual(self.export(out).returncode, 0)

    def test_a_pattern_and_a_role_that_may_not_read_them(self):
        out = Path(self.folder, "some")
        done = self.export(out, "--roles=ali%", password=PASSWORD.encode() + b"\n")
        self.assertEqual((done.returncode, set(load(str(out)))), (0, {b"alice"}), done.stderr)
        done = self.export(out, "--user=alice", "--force", password=b"wonder\n")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"--user=alice", done.stderr)
        self.assertEqual(set(load(str(out))), {b"alice"})
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)

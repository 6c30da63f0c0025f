"""Logins that AcraServer ends, while secrets of users change, go away and come back."""

import signal
import threading
import time
from base64 import b64decode

import psycopg

from acra_twisted import events
from acra_twisted.authentication.authfile import format_line
from tests.integration.base import eventually, get
from tests.integration.test_auth_sources import SERVICE, SERVICE_PASSWORD, Base

#: Seconds for which a login may use an answer in the test of rotations.
SOFT = 0.5


class Logins(Base):
    def daemon(self, **authentication):
        """A server that ends logins, before this database."""
        own = {
            "auth_query_user": SERVICE,
            "auth_query_password_file": str(self.service_file),
            "auth_query_database": "postgres",
            "auth_query_timeout": "60",
            **authentication,
        }
        chain = self.chain(
            link="none",
            authority=self.authority,
            server={
                "database": {"db_tls": "require"},
                "authentication": {name: value for name, value in own.items() if value},
            },
        )
        self.addCleanup(chain.stop)
        return chain

    def log_in(self, chain, user="alice", password="wonder"):  # noqa: S107 - of nobody
        with self.connect(
            chain, user=user, password=password, sslmode="require", channel_binding="require"
        ) as db:
            return db.execute("SELECT session_user").fetchone()[0]

    def refused(self, chain, user="alice", password="wrong"):  # noqa: S107 - of nobody
        """Return the error that a client is told."""
        with self.assertRaises(psycopg.OperationalError) as caught:
            self.log_in(chain, user, password)
        return str(caught.exception).partition("FATAL:  ")[2].replace(user, "USER").strip()

    def metric(self, chain, text):
        """The value of one series."""
        for line in get(chain.server_pages, "/metrics").splitlines():
            if line.startswith(text + " "):
                return float(line.rpartition(" ")[2])
        return 0.0

    def log(self, chain):
        return chain.server.output()

    def told(self, chain, code):
        """Wait for an event in the log."""
        wanted = f'"code":{code}'
        eventually(lambda: wanted in self.log(chain).replace(" ", ""), wanted)

    def test_who_gets_in_and_what_others_are_told(self):
        chain = self.daemon()
        self.assertEqual(self.log_in(chain), "alice")
        self.assertEqual(self.log_in(chain, 'Odd "name', "odd"), 'Odd "name')
        told = {
            self.refused(chain, user, password)
            for user, password in (
                ("alice", "wrong"),
                ("stranger", "x"),
                ("expired", "x"),
                ("locked", "x"),
                ("boss", "x"),
                ("nobody_yet", "x"),
                (SERVICE, SERVICE_PASSWORD),
            )
        }
        self.assertEqual(told, {'password authentication failed for user "USER"'})
        found = 'acra_auth_lookups_total{result="secret",source="query"}'
        self.assertGreaterEqual(self.metric(chain, found), 2)
        self.assertEqual(self.metric(chain, "acra_auth_source_away"), 0)

    def test_no_secret_is_in_the_log_or_on_a_page(self):
        with psycopg.connect(
            host=str(self.postgres.folder), port=self.postgres.port, user="postgres"
        ) as db:
            [(secret,)] = db.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'alice'")
        chain = self.daemon()
        self.log_in(chain)
        self.refused(chain)
        self.refused(chain, SERVICE, SERVICE_PASSWORD)
        told = self.log(chain) + get(chain.server_pages, "/metrics")
        told += get(chain.server_pages, "/debug/tracez")
        keys = secret.split("$")[2].split(":")
        for hidden in ("wonder", SERVICE_PASSWORD, *keys, *(b64decode(k).hex() for k in keys)):
            self.assertNotIn(hidden, told)

    def test_passwords_that_change_each_second(self):
        self.run_sql("CREATE ROLE rotating LOGIN PASSWORD 'p0'")
        self.addCleanup(self.run_sql, "DROP ROLE rotating")
        chain = self.daemon(auth_cache_soft=str(SOFT))
        # The number of rotations that have begun, and of those that have ended.
        begun, ended, over = [0], [0], threading.Event()

        def rotate():
            while not over.wait(1.0):
                begun[0] += 1
                self.run_sql(f"ALTER ROLE rotating PASSWORD '{self.rotated(begun[0])}'")
                ended[0] = begun[0]

        rotating = threading.Thread(target=rotate)
        rotating.start()
        fresh, successes = -1, 0
        try:
            while successes <= 10 or ended[0] < 7:
                number = ended[0]
                try:
                    self.log_in(chain, "rotating", self.rotated(number))
                    fresh, successes = number, successes + 1
                except psycopg.OperationalError:
                    # A rotation took place while it ran, or an answer of before it was in use,
                    # which none is any more once a login has got in behind it.
                    self.assertFalse(begun[0] == number == fresh, (number, successes))
                time.sleep(0.05)
        finally:
            over.set()
            rotating.join()
        # And in the end it is right at once.
        time.sleep(SOFT + 0.1)
        self.log_in(chain, "rotating", self.rotated(ended[0]))

    @staticmethod
    def rotated(number):
        """The password behind so many rotations: each second time it is the same again, with a new
        salt."""
        return f"p{number // 2}"

    def test_what_a_role_loses(self):
        self.run_sql("CREATE ROLE losing LOGIN PASSWORD 'x'")
        chain = self.daemon(auth_cache_soft="0")
        self.log_in(chain, "losing", "x")
        for change, back in (
            ("VALID UNTIL '2001-01-01'", "VALID UNTIL 'infinity'"),
            ("NOLOGIN", "LOGIN"),
            ("PASSWORD NULL", "PASSWORD 'x'"),
        ):
            self.run_sql(f"ALTER ROLE losing {change}")
            self.assertIn("password authentication failed", self.refused(chain, "losing", "x"))
            self.run_sql(f"ALTER ROLE losing {back}")
            self.log_in(chain, "losing", "x")
        self.run_sql("DROP ROLE losing")
        self.assertIn("password authentication failed", self.refused(chain, "losing", "x"))

    def test_the_database_has_the_last_word_on_what_is_kept(self):
        self.run_sql("CREATE ROLE kept LOGIN PASSWORD 'x'")
        self.addCleanup(self.run_sql, "DROP ROLE kept")
        chain = self.daemon(auth_cache_soft="60")
        self.log_in(chain, "kept", "x")
        self.run_sql("ALTER ROLE kept PASSWORD 'y'")
        self.refused(chain, "kept", "x")
        self.told(chain, events.SECRET_OUTDATED)
        # What was not the database's is forgotten.
        self.log_in(chain, "kept", "y")

    def test_a_source_that_is_away(self):
        chain = self.daemon(auth_cache_soft="0")
        self.log_in(chain)
        self.run_sql(f"ALTER ROLE {SERVICE} NOLOGIN")
        self.addCleanup(self.run_sql, f"ALTER ROLE {SERVICE} LOGIN")
        self.run_sql(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
            f" WHERE usename = '{SERVICE}'"
        )
        self.assertEqual(self.log_in(chain), "alice")
        told = {self.refused(chain, user, "wrong") for user in ("alice", "stranger", 'Odd "name')}
        self.assertEqual(told, {"cannot look up roles now"})
        self.assertEqual(self.metric(chain, "acra_auth_source_away"), 1)
        self.told(chain, events.SOURCE_AWAY)
        self.run_sql(f"ALTER ROLE {SERVICE} LOGIN")
        eventually(lambda: self._gets_in(chain), "a user of whom nothing was kept gets in")
        self.assertEqual(self.metric(chain, "acra_auth_source_away"), 0)

    def _gets_in(self, chain):
        try:
            return self.log_in(chain, 'Odd "name', "odd")
        except psycopg.OperationalError:
            return ""

    def test_a_file_is_read_anew_as_a_whole_or_not_at_all(self):
        def secret(user):
            with psycopg.connect(
                host=str(self.postgres.folder), port=self.postgres.port, user="postgres"
            ) as db:
                query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
                return db.execute(query, [user]).fetchone()[0].encode()

        path = self.folder / "userlist"
        path.touch(0o600)
        path.write_bytes(format_line(b"alice", secret("alice")))
        chain = self.daemon(
            auth_file=str(path),
            auth_query_user="",
            auth_query_password_file="",
            auth_query_database="",
        )
        self.log_in(chain)
        self.refused(chain, 'Odd "name', "odd")
        odd = format_line(b'Odd "name', secret('Odd "name'))
        for content, line in ((odd + b'\n"b" ""', "Cannot read anew"), (odd, "Read anew")):
            path.write_bytes(content)
            before = self.log(chain).count(line)
            chain.server.send(signal.SIGHUP)
            eventually(lambda: self.log(chain).count(line) > before, line)  # noqa: B023
            if content is odd:
                self.refused(chain)
                self.log_in(chain, 'Odd "name', "odd")
            else:
                self.log_in(chain)
                self.refused(chain, 'Odd "name', "odd")

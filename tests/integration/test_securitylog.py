"""The SIEM's input: security events of the whole chain, as lines of CEF and as records."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.base import PASSWORD, Surroundings, eventually, get, until_end
from tests.support.daemons import metric

RULES = """version: 0.85.0
handlers:
  - handler: deny
    tables: [salaries]
"""


class SecurityEvents(Surroundings):
    @classmethod
    def make_postgres(cls):
        return Postgres(system(), password=PASSWORD)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.connect(cls.postgres, host=str(cls.postgres.folder)) as direct:
            direct.execute("CREATE ROLE nologin NOLOGIN PASSWORD 'integration'")
            direct.execute("CREATE ROLE guest LOGIN PASSWORD 'integration'")
            direct.execute("CREATE ROLE barred LOGIN PASSWORD 'integration'")
            hba = cls.postgres.data / "pg_hba.conf"
            hba.write_text(f"host all barred all reject\n{hba.read_text()}")
            direct.execute("SELECT pg_reload_conf()")
            direct.execute("CREATE DATABASE private")
            direct.execute("REVOKE CONNECT ON DATABASE private FROM PUBLIC")

    def start(self, **sections):
        rules = self.folder / f"{self.id()}.yaml"
        rules.write_text(RULES)
        self.path = self.folder / f"{self.id()}.log"
        logging = {"security_log_file": str(self.path), "security_log_format": "json"}
        server = {
            "logging": logging,
            "database": {"db_tls": "disable"},
            "censor": {"acracensor_config_file": str(rules)},
            **sections,
        }
        return self.chain(server=server)

    def open(self, chain, **options):
        return self.connect(chain, **{"password": PASSWORD, **options})

    def records(self, code, count=1):
        def found():
            text = self.path.read_text()
            records = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
            records = [record for record in records if record["code"] == code]
            return records if len(records) >= count else None

        return eventually(found, f"{count} events {code}")

    def test_logins_that_the_database_refuses(self):
        chain = self.start()
        tries = (
            ({"password": "wrong"}, "password", "28P01", SUPERUSER),
            ({"user": "nobody at all"}, "password", "28P01", "nobody at all"),
            ({"user": "nologin"}, "role", "28000", "nologin"),
            ({"user": "barred"}, "pg_hba", "28000", "barred"),
            ({"dbname": "none such"}, "database", "3D000", SUPERUSER),
            ({"dbname": "private", "user": "guest"}, "database", "42501", "guest"),
        )
        for options, *_ in tries:
            with self.assertRaises(psycopg.OperationalError):
                self.open(chain, **options)
        records = self.records(2010, len(tries))
        for attempt, (record, (options, reason, sqlstate, user)) in enumerate(
            zip(records, tries, strict=True), 1
        ):
            self.assertEqual((record["rule"], record["user"]), (reason, user), options)
            self.assertIn(sqlstate, record["error"])
            self.assertEqual((record["action"], record["outcome"]), ("refused", "failure"))
            self.assertEqual(record["attempts"], attempt)
            self.assertEqual(record["database"], options.get("dbname", "postgres"))
            self.assertEqual((record["server_port"], record["severity"]), (self.postgres.port, 5))
            self.assertTrue(record["peer"] == "127.0.0.1" and record["peer_port"])
            self.assertRegex(record["trace_id"], "^[0-9a-f]{32}$")
        self.assertEqual(metric(chain.server_pages, "acra_login_refusals_total"), len(tries))
        with self.open(chain) as db:
            self.assertEqual(db.execute("SELECT 1").fetchone(), (1,))
        found = get(chain.server_pages, "/debug/traces?verdict=deny&format=json")
        self.assertIn(records[0]["trace_id"], found)

    def test_refused_statements_and_limits(self):
        chain = self.start(database={"db_tls": "disable", "message_size_limit": "100000"})
        with self.open(chain) as db:
            for text in (
                "SELECT * FROM salaries WHERE id = 77",
                "SELEC 1",
                f"SELECT '{'x' * 200_000}'",
            ):
                with self.assertRaises(psycopg.Error):
                    db.execute(text)
        for code, stage in ((560, "censor"), (563, "censor"), (2011, "acra-server")):
            [record] = self.records(code)
            self.assertEqual((record["stage"], record["action"]), (stage, "blocked"))
            self.assertEqual((record["user"], record["database"]), (SUPERUSER, "postgres"))
            self.assertNotIn("77", record["query"])
            self.assertTrue(record["client_id"] and record["host"] and record["span_id"])

    def shake_hands(self, chain, authority, name):
        """Connect to the port of the link with a certificate; the port that it came from."""
        certificate, key = authority.issue(name)
        context = ssl.create_default_context(cafile=str(chain.authority.path))
        context.load_cert_chain(certificate, key)
        with socket.create_connection(("127.0.0.1", chain.server_port), 60) as raw:
            port = raw.getsockname()[1]
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(raw, server_hostname="localhost") as secured,
            ):
                while secured.recv(100):
                    pass
        return port

    def test_handshakes_that_failed_say_who_it_was(self):
        chain = self.start()
        stranger = self.folder / "stranger"
        stranger.mkdir()
        port = self.shake_hands(chain, Authority(stranger), "intruder")
        with socket.create_connection(("127.0.0.1", chain.server_port), 60) as raw:
            noise = raw.getsockname()[1]
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            until_end(raw)
        records = {record["peer_port"]: record for record in self.records(538, 2)}
        self.assertEqual(records.keys(), {port, noise})
        for record in records.values():
            self.assertEqual((record["peer"], record["action"]), ("127.0.0.1", "refused"))
            self.assertTrue(record["error"] and record["trace_id"])
            self.assertEqual(record["client_id"], "")
        self.assertIn("CN=intruder", records[port]["certificate"], records[port])
        self.assertEqual(records[noise]["certificate"], "")

    def test_whose_certificate_it_is_stands_in_each_event_of_a_session(self):
        chain = self.start()
        with self.open(chain) as db, self.assertRaises(psycopg.Error):
            db.execute("TABLE salaries")
        [record] = self.records(560)
        self.assertEqual(record["certificate"], "CN=acra-connector,O=Sandbox")

    def test_connections_that_are_refused(self):
        chain = self.start(server={"max_connections": "1"})
        with self.open(chain):
            with self.assertRaises(psycopg.OperationalError):
                self.open(chain)
            shown = get(chain.server_pages, "/debug/sessions?format=json")
            self.assertIn('"certificate": "CN=acra-connector,O=Sandbox"', shown)
        record = self.records(2003)[0]
        self.assertEqual((record["action"], record["peer"]), ("refused", "127.0.0.1"))
        self.assertTrue(record["certificate"] and record["client_id"])

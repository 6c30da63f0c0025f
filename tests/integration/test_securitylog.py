"""What a SIEM gets: security events of the whole chain, as lines of CEF and as records."""

from __future__ import annotations

import json

import psycopg

from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.base import PASSWORD, Surroundings, eventually, get
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
            records = [json.loads(line) for line in self.path.read_text().splitlines()]
            records = [record for record in records if record["code"] == code]
            return records if len(records) >= count else None

        return eventually(found, f"{count} events {code}")

    def test_logins_that_the_database_refuses(self):
        chain = self.start()
        tries = (
            ({"password": "wrong"}, "password", "28P01", SUPERUSER),
            ({"user": "nobody at all"}, "password", "28P01", "nobody at all"),
            ({"user": "nologin"}, "role", "28000", "nologin"),
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

"""Stored values of protected columns, some of which --check_config --schema --sample looks at."""

from __future__ import annotations

import os

from acra_twisted import purposes
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from tests.integration.test_column_settings import Checked

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: phone, token_type: str}
"""
NAME = ColumnSetting("", "people", "name", data_type="str")
EMAIL = ColumnSetting("", "people", "email", SEARCHABLE, data_type="str")
SECRET = "Zaphodius Beeblebrox"


class Sampled(Checked):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys.writer.generate(purposes.SEARCH_HMAC, cls.keys.client_id)
        search, *_ = cls.keys.store.keys(purposes.SEARCH_HMAC, cls.keys.client_id)
        cls.search = bytes(search.value)

    def setUp(self):
        super().setUp()
        self.config.write_text(CONFIG)
        self.db = self.direct()
        self.addCleanup(self.db.close)
        self.db.execute(
            "DROP TABLE people;"
            "CREATE TABLE people (id int, name bytea, email bytea, phone text)"
            " PARTITION BY RANGE (id);"
            "CREATE TABLE people0 PARTITION OF people FOR VALUES FROM (0) TO (1000);"
            "CREATE TABLE people1 PARTITION OF people FOR VALUES FROM (1000) TO (1000000)"
        )
        self.store = {"tokens": {"token_store": f"sqlite:{self.folder}/tokens.db"}}

    def sampled(self, number):
        """Return the lines about values, each with the one behind it."""
        status, said = self.check("--schema", f"--sample={number}", sections=self.store)
        self.assertEqual(status, 0, said)
        self.assertNotIn(SECRET, said)
        self.assertNotIn(SECRET.encode().hex(), said)
        lines = said.splitlines()
        return [
            (line, after)
            for line, after in zip(lines, [*lines[1:], ""], strict=True)
            if "value" in line
        ]

    def fill(self, setting, number, key=None, prefix=None):
        """Put encrypted values into both partitions."""
        prefixes = Prefixes(setting, [prefix or self.search])
        sealer = ColumnSealer(setting, block_seal(key or self.keys.symmetric_key), prefixes)
        for at in range(number):
            stored = sealer.store(SECRET.encode(), os.urandom).data
            self.put(setting.name, at * 100, stored)

    def put(self, column, number, value):
        self.db.execute(f"INSERT INTO people (id, {column}) VALUES (%s, %s)", (number, value))

    def grant(self):
        self.db.execute("GRANT SELECT (name, email) ON people TO looker")

    def test_values_that_are_fine(self):
        self.grant()
        for setting in (NAME, EMAIL):
            self.fill(setting, 20)
        self.db.execute("INSERT INTO people VALUES (1, NULL, '', 'token')")
        [(name, _), (email, _)] = self.sampled(50)
        self.assertEqual(
            name.split(maxsplit=2)[::2],
            ["ok", "postgres: public.people.name: of 20 values, 20 (100.0%) fine"],
        )
        self.assertIn("public.people.email: of 20 values, 20 (100.0%) fine", email)

    def test_values_that_are_not(self):
        self.grant()
        for setting in (NAME, EMAIL):
            self.fill(setting, 12)
            self.fill(setting, 2, key=bytes(32))
            for at in range(5):
                self.put(setting.name, at * 300, SECRET.encode())
        self.fill(EMAIL, 1, prefix=bytes(32))
        self.db.execute("INSERT INTO people (id, email) SELECT 1, name FROM people LIMIT 1")
        [(name, remedy), (email, _)] = self.sampled(50)
        self.assertEqual(
            name.split(maxsplit=2)[::2],
            [
                "warn",
                "postgres: public.people.name: of 19 values, 12 (63.2%) fine, 5 (26.3%) in clear, "
                "2 (10.5%) that cannot be read",
            ],
        )
        self.assertIn("-> acra-migrate encrypt people", remedy)
        self.assertIn(
            "of 21 values, 12 (57.1%) fine, 5 (23.8%) in clear, 3 (14.3%) that cannot be read, "
            "1 (4.8%) encrypted, and not as the column is",
            email,
        )

    def test_no_more_than_so_many_are_looked_at(self):
        self.grant()
        self.fill(NAME, 1)
        self.db.execute(
            "INSERT INTO people SELECT i, p.name FROM people p, generate_series(0, 40000) i"
        )
        [(name, _), _] = self.sampled(7)
        self.assertIn("name: of 7 values, 7 (100.0%) fine", name)
        self.db.execute("TRUNCATE people")
        self.db.execute("INSERT INTO people VALUES (0, '', repeat('x', 2000000)::bytea)")
        [(name, _), (email, _)] = self.sampled(7)
        self.assertIn("name: no value was found in the rows that were looked at", name)
        self.assertIn("email: of 1 values, 1 (100.0%) too long to be looked at", email)

    def test_a_role_that_may_not_look_at_them(self):
        self.db.execute("GRANT SELECT (name) ON people TO looker")
        [_, (email, remedy)] = self.sampled(7)
        self.assertTrue(email.startswith("warn"))
        self.assertIn("public.people.email: its values cannot be looked at", email)
        self.assertIn('-> GRANT SELECT ("email") ON "public"."people"', remedy)

    def test_a_sample_needs_the_tables(self):
        status, said = self.check("--sample=7", sections=self.store)
        self.assertEqual(status, 1)
        self.assertIn("--sample: give --schema, too", said)

"""acra-migrate on tables that are in use, by a real PostgreSQL."""

from __future__ import annotations

import psycopg

from acra_twisted import purposes
from acra_twisted.encryption.postgresql import moving
from acra_twisted.encryption.postgresql.schema import TABLE, Relation
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import Surroundings, eventually
from tests.integration.protected import LOGGED
from tests.support import preloaded
from tests.support.migrated import OWNER, PROGRAM, ROWS, Migrated, People

CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: card, masking: xxxx, plaintext_length: 4, plaintext_side: right, data_type: str}
  - table: staff
    encrypted:
      - {column: name, data_type: str}
      - {column: age, data_type: int32}
      - {column: phone, token_type: str, consistent_tokenization: true}
"""


class Base(Migrated, Surroundings):
    @classmethod
    def make_postgres(cls):
        return Postgres(settings=LOGGED)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.where = f"host=127.0.0.1 port={cls.postgres.port} user={SUPERUSER} dbname=postgres"
        cls.config = cls.folder / "encryptor.yaml"
        cls.config.write_text(CONFIG)

    def setUp(self):
        self.tokens = f"sqlite:{self.make_keys()}/tokens.db"
        self.db = self.direct()
        self.addCleanup(self.db.close)
        self.db.execute("DROP TABLE IF EXISTS people, staff CASCADE")
        self.db.execute("DROP FUNCTION IF EXISTS staff__acra")

    def rows(self, text):
        return self.db.execute(text).fetchall()

    def log(self):
        return (self.postgres.folder / "postgres.log").read_bytes()


class InPlace(People, Base):
    named = "people"
    whole_name = "public.people"

    def setUp(self):
        super().setUp()
        self.db.execute(
            "CREATE TABLE people (id int PRIMARY KEY, name bytea, email bytea, card bytea, n int)"
        )
        self.db.execute(
            "INSERT INTO people SELECT i, convert_to('Name ' || i, 'UTF8'),"
            " convert_to(i || '@example.com', 'UTF8'), convert_to(4000000000000000 + i || '',"
            f" 'UTF8'), 0 FROM generate_series(1, {ROWS}) i"
        )
        self.db.execute("UPDATE people SET name = NULL WHERE id % 100 = 0")

    def connect_writer(self):
        return psycopg.connect(self.where)

    def write(self, db, text):
        db.execute(text)

    def encrypted(self):
        [(number,)] = self.rows(
            "SELECT count(*) FROM people WHERE substr(email, 34, 3) = '\\x252525'"
        )
        return number

    def test_new_keys_open_and_old_ones_need_not(self):
        self.migrate("encrypt", "people")
        for kind in (purposes.STORAGE_SYMMETRIC, purposes.SEARCH_HMAC):
            self.keys.writer.generate(kind, OWNER)
        before = self.rows(
            "SELECT id, substr(name, 107), substr(email, 1, 33) FROM people ORDER BY id"
        )
        self.assertIn(f"{3 * ROWS - ROWS // 100} values changed", self.migrate("rewrap", "people"))
        self.assert_encrypted()
        after = self.rows(
            "SELECT id, substr(name, 107), substr(email, 1, 33) FROM people ORDER BY id"
        )
        self.assertEqual(before, after)
        self.assertIn(f"{ROWS} values changed", self.migrate("reencrypt", "people"))
        self.assert_encrypted()
        found = self.rows("SELECT count(*) FROM people WHERE email IS NULL OR name = ''")
        self.assertEqual(found, [(0,)])

    def test_there_and_back(self):
        before = self.rows("SELECT id, name, email, card FROM people ORDER BY id")
        self.migrate("encrypt", "people")
        self.assertIn(": 0 values to change", self.migrate("encrypt", "people", "--dry_run"))
        self.assert_encrypted()
        self.migrate("decrypt", "people", status=1)
        self.migrate("decrypt", "people", "--yes", "--dry_run")
        self.assert_encrypted()
        self.migrate("decrypt", "people", "--yes")
        self.assertEqual(self.rows("SELECT id, name, email, card FROM people ORDER BY id"), before)

    def test_values_that_cannot_be_changed_are_named_and_stay(self):
        self.db.execute("UPDATE people SET name = '\\xff' WHERE id = 1712")
        said = self.migrate("encrypt", "people", status=1)
        self.assertIn("table public.people, column name, row with ctid (", said)
        self.assertIn("1 values stay as they are", said)
        place = said[said.index("ctid (") + 5 :].split(")")[0] + ")"
        self.assertEqual(self.rows(f"SELECT id FROM people WHERE ctid = '{place}'"), [(1712,)])

    def test_a_trigger_that_writes_something_else_ends_it(self):
        self.db.execute(
            "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " NEW.name := 'spoilt'; RETURN NEW; END $$"
        )
        self.db.execute(
            "CREATE TRIGGER spoil BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION spoil()"
        )
        said = self.migrate("encrypt", "people", status=1)
        self.assertIn("a trigger may change it", said)
        self.assertEqual(self.encrypted(), 0)
        self.db.execute("DROP FUNCTION spoil CASCADE")

    def test_the_databases_log_has_no_value_that_was_encrypted(self):
        self.db.execute("UPDATE people SET name = 'Zaphodius' WHERE id = 1")
        before = len(self.log())
        self.migrate("encrypt", "people")
        log = self.log()[before:]
        self.assertIn(b"acra", log)
        for secret in (b"Zaphodius", b"Zaphodius".hex().encode()):
            self.assertNotIn(secret, log)


class Inherited(Base):
    """Second columns of tables that inherit, and changes that ordinary triggers do not see."""

    def setUp(self):
        super().setUp()
        self.db.execute("CREATE TABLE staff (id int, name text, age int, phone text)")
        self.db.execute("CREATE TABLE temps () INHERITS (staff)")
        for name, first in (("staff", 0), ("temps", 100)):
            self.db.execute(
                f"INSERT INTO {name} SELECT i, 'Name ' || i, i, 'phone ' || i"
                f" FROM generate_series({first}, {first + 99}) i"
            )
        self.store = f"--token_store={self.tokens}"
        for line in self.migrate("encrypt", "staff", "--ddl").splitlines():
            self.db.execute(line)
        self.migrate("encrypt", "staff", self.store)

    def stale(self):
        """The number of rows that a switch would have to fill."""
        [(number,)] = self.rows("SELECT count(*) FROM staff WHERE name__acra IS NULL")
        return number

    def switch(self, *changed):
        """Switch, and see that each row has its former values, those of ``changed`` rows 'Anna'."""
        said = self.migrate("encrypt", "staff", self.store, "--switch")
        self.assertIn("switched", said)
        found = self.rows("SELECT id, name, age, phone__before, name__before FROM staff")
        for number, name, age, phone, before in found:
            self.assertEqual(self.opened(name)[1].decode(), before)
            self.assertEqual(before, "Anna" if number in changed else f"Name {number}")
            self.assertEqual(self.opened(age)[1], b"%d" % number)
            self.assertEqual(phone, f"phone {number}")
        self.assertEqual(self.rows("SELECT 1 FROM pg_trigger WHERE tgname LIKE '%acra%'"), [])
        return said

    def test_a_change_in_a_table_that_inherits(self):
        self.db.execute("UPDATE temps SET name = 'Anna' WHERE id = 150")
        self.db.execute("UPDATE staff SET name = 'Anna' WHERE id IN (7, 160)")
        self.assertEqual(self.stale(), 3)
        self.assertNotIn("filled anew", self.switch(7, 150, 160))

    def test_a_trigger_with_a_late_name_that_writes_the_first_column(self):
        self.db.execute(
            "CREATE FUNCTION anna() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.age IS DISTINCT FROM OLD.age THEN NEW.name := 'Anna'; NEW.age := OLD.age;"
            " END IF; RETURN NEW; END $$"
        )
        self.addCleanup(self.db.execute, "DROP FUNCTION anna CASCADE")
        self.db.execute(
            "CREATE TRIGGER zzzz BEFORE UPDATE ON temps FOR EACH ROW EXECUTE FUNCTION anna()"
        )
        self.db.execute("UPDATE temps SET age = 0 WHERE id = 150")
        self.assertEqual(self.stale(), 1)
        self.assertNotIn("filled anew", self.switch(150))

    def test_a_change_by_a_replica(self):
        self.db.execute("SET session_replication_role = replica")
        self.db.execute("UPDATE staff SET name = 'Anna' WHERE id IN (7, 150)")
        self.db.execute("RESET session_replication_role")
        self.assertEqual(self.stale(), 2)
        self.assertNotIn("filled anew", self.switch(7, 150))

    def test_changes_that_no_trigger_has_seen_are_found_by_the_switch(self):
        self.db.execute("CREATE TABLE late () INHERITS (staff)")
        self.db.execute(
            "INSERT INTO late SELECT i, 'Name ' || i, i, 'phone ' || i FROM"
            " generate_series(200, 299) i"
        )
        self.migrate("encrypt", "staff", self.store)
        self.db.execute("UPDATE late SET name = 'Anna', phone = 'phone 250' WHERE id = 250")
        self.db.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        self.db.execute("UPDATE temps SET name = 'Anna' WHERE id = 150")
        self.db.execute("UPDATE temps SET phone = 'none' WHERE id = 160")
        self.db.execute("UPDATE temps SET phone = 'phone 160' WHERE id = 160")
        self.assertEqual(self.stale(), 0)
        said = self.switch(150, 250)
        for name in ("late", "temps"):
            self.assertIn(f"public.{name}: 1 rows had other values", said)

    def test_a_change_behind_the_comparison_that_no_trigger_has_seen(self):
        """The switch compares, waits for the lock, and compares what was written meanwhile."""
        holder = self.direct(autocommit=False)
        self.addCleanup(holder.close)
        holder.execute("SELECT FROM staff")
        arguments = self.command("encrypt", "staff", self.store, "--switch", "--lock_timeout=300")
        switching = preloaded.Run(PROGRAM, arguments)
        self.addCleanup(switching.remove)
        waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
        eventually(lambda: self.rows(waiting), "the switch waits for the table", 60)
        holder.execute("UPDATE temps SET name = 'Anna' WHERE id = 150")
        holder.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        holder.execute("UPDATE temps SET name = 'Berta' WHERE id = 160")
        holder.execute("ALTER TABLE temps ENABLE TRIGGER ALL")
        holder.commit()
        self.assertEqual(switching.wait(), 0, switching.said)
        self.assertIn("public.temps: 1 rows had other values", switching.said)
        found = self.rows("SELECT id, name FROM staff WHERE id IN (7, 150, 160) ORDER BY id")
        opened = [(number, self.opened(name)[1]) for number, name in found]
        self.assertEqual(opened, [(7, b"Name 7"), (150, b"Anna"), (160, b"Berta")])

    def test_rows_that_move_past_the_comparison(self):
        """One row a page; the last one moves to a page that has been compared."""
        self.db.execute("ALTER TABLE temps SET (fillfactor = 10)")
        self.db.execute(
            "INSERT INTO temps SELECT i, 'Name ' || i, i, 'phone ' || i || repeat('x', 900)"
            " FROM generate_series(200, 399) i"
        )
        self.migrate("encrypt", "staff", self.store)
        self.db.execute("VACUUM FULL temps")
        self.db.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        self.db.execute("UPDATE temps SET name = 'Anna' WHERE id = 399")
        self.db.execute("ALTER TABLE temps ENABLE TRIGGER ALL")
        self.assertGreater(self.page(399), 128)
        before = len(self.log())
        arguments = self.command(
            "encrypt", "staff", self.store, "--switch", "--batch=10", "--rate=20"
        )
        switching = preloaded.Run(PROGRAM, arguments)
        self.addCleanup(switching.remove)
        eventually(
            lambda: b"$1 = '(64,0)'" in self.log()[before:].partition(b"txid_snapshot_xmin")[2],
            "the first pages are compared",
            60,
        )
        self.assertGreater(self.page(399), 128)
        self.db.execute("ALTER TABLE temps RESET (fillfactor)")
        self.db.execute("VACUUM FULL temps")
        self.assertLess(self.page(399), 64)
        self.assertNotIn(b"LOCK TABLE", self.log()[before:])
        self.assertEqual(switching.wait(), 0, switching.said)
        self.assertIn("public.temps: 1 rows had other values", switching.said)
        [(name,)] = self.rows("SELECT name FROM temps WHERE id = 399")
        self.assertEqual(self.opened(name)[1], b"Anna")

    def page(self, number):
        [(page,)] = self.rows(
            f"SELECT split_part(ltrim(ctid::text, '('), ',', 1)::int FROM temps WHERE id = {number}"
        )
        return page

    def test_a_transaction_that_asks_for_the_size_keeps_the_rows_where_they_are(self):
        [(oid,)] = self.rows("SELECT 'temps'::regclass::oid")
        temps = Relation(oid, "public", "temps", TABLE, [])
        with self.direct(autocommit=False) as db:
            db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            [(pages,)] = db.execute(moving.size(temps)).fetchall()
            self.assertGreater(int(pages), 0)
            self.db.execute("SET lock_timeout = '1ms'")
            self.assertRaises(psycopg.errors.LockNotAvailable, self.db.execute, "VACUUM FULL temps")

    def test_a_value_that_became_null_unseen(self):
        self.db.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        self.db.execute("UPDATE temps SET name = NULL WHERE id = 150")
        self.migrate("encrypt", "staff", self.store, "--switch")
        self.assertEqual(self.rows("SELECT name FROM staff WHERE id = 150"), [(None,)])

    def test_tokens_and_the_way_back_are_compared_too(self):
        self.db.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        self.db.execute("UPDATE temps SET phone = 'phone 0' WHERE id = 150")
        said = self.migrate("encrypt", "staff", self.store, "--switch")
        self.assertIn("public.temps: 1 rows had other values", said)
        [(first,), (second,)] = self.rows("SELECT phone FROM staff WHERE id IN (0, 150)")
        self.assertEqual(first, second)
        for column in ("name", "age", "phone"):
            self.db.execute(f"ALTER TABLE staff DROP COLUMN {column}__before")
        for line in self.migrate("decrypt", "staff", "--ddl").splitlines():
            self.db.execute(line)
        self.migrate("decrypt", "staff", self.store, "--yes")
        self.db.execute("ALTER TABLE temps DISABLE TRIGGER ALL")
        copied = "name = staff.name, phone = other.phone FROM ONLY staff, staff other"
        self.db.execute(
            f"UPDATE temps SET {copied} WHERE staff.id = 7 AND temps.id = 160 AND other.id = 111"
        )
        said = self.migrate("decrypt", "staff", self.store, "--yes", "--switch")
        self.assertIn("public.temps: 1 rows had other values", said)
        self.assertEqual(
            self.rows("SELECT name, age, phone FROM staff WHERE id = 160"),
            [("Name 7", 160, "phone 111")],
        )

    def test_a_trigger_that_changes_the_first_column_whenever_a_second_is_filled(self):
        """Its name is behind every other one."""
        self.db.execute(
            "CREATE FUNCTION longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " NEW.name := OLD.name || '!'; RETURN NEW; END $$"
        )
        self.addCleanup(self.db.execute, "DROP FUNCTION longer CASCADE")
        self.db.execute(
            'CREATE TRIGGER "~~~~" BEFORE UPDATE ON temps FOR EACH ROW EXECUTE FUNCTION longer()'
        )
        self.db.execute("UPDATE temps SET id = 150 WHERE id = 150")
        said = self.migrate("encrypt", "staff", self.store, "--switch", status=1)
        self.assertIn("as it was before the switch", said)
        self.assertEqual(self.rows("SELECT name FROM staff WHERE id = 150"), [("Name 150!",)])


class Beside(Base):
    def setUp(self):
        super().setUp()
        self.db.execute(
            "CREATE TABLE staff (id int, name varchar(30) NOT NULL, age int, phone text)"
            " PARTITION BY RANGE (id)"
        )
        for number in range(2):
            self.db.execute(
                f"CREATE TABLE staff{number} PARTITION OF staff"
                f" FOR VALUES FROM ({number * 500}) TO ({number * 500 + 500})"
            )
        self.db.execute(
            "INSERT INTO staff SELECT i, 'Name ' || i, i, 'phone ' || i % 7"
            " FROM generate_series(0, 999) i"
        )

    def test_other_types_by_a_second_column(self):
        said = self.migrate("encrypt", "staff", status=1)
        self.assertIn("see --ddl", said)
        for line in self.migrate("encrypt", "staff", "--ddl").splitlines():
            self.db.execute(line)
        store = f"--token_store={self.tokens}"
        self.assertIn("1500 values changed", self.migrate("encrypt", "staff", store))
        # What applications write meanwhile is written to the first columns.
        self.db.execute("UPDATE staff SET name = 'Anna' WHERE id = 700")
        self.db.execute("INSERT INTO staff VALUES (7, 'Berta', NULL, 'phone 3')")
        self.db.execute("CREATE TABLE staff2 PARTITION OF staff FOR VALUES FROM (1000) TO (1500)")
        self.db.execute("INSERT INTO staff VALUES (1000, 'Name 1000', 1000, 'phone 6')")
        self.migrate("encrypt", "staff", store)
        self.db.execute("SET session_replication_role = replica")
        self.db.execute("UPDATE staff SET name = 'Clara' WHERE id IN (800, 1000)")
        self.db.execute("RESET session_replication_role")
        self.assertEqual(
            self.rows("SELECT id FROM staff WHERE name__acra IS NULL ORDER BY id"),
            [(800,), (1000,)],
        )
        self.assertIn("switched", self.migrate("encrypt", "staff", store, "--switch"))
        found = self.rows("SELECT id, name, age, phone, phone__before FROM staff")
        tokens = {}
        changed = {700: "Anna", 800: "Clara", 1000: "Clara"}
        for number, name, age, phone, before in found:
            clear = self.opened(name)[1].decode()
            self.assertEqual(clear, changed.get(number, clear))
            if clear == "Berta":
                self.assertIsNone(age)
            else:
                self.assertEqual(self.opened(age), (b"", b"%d" % number))
            self.assertEqual(tokens.setdefault(before, phone), phone)
            self.assertNotEqual(before, phone)
        self.assertEqual(len(found), 1002)
        self.assertEqual(len(set(tokens.values())), 7)
        # And back.
        for column in ("name", "age", "phone"):
            self.db.execute(f"ALTER TABLE staff DROP COLUMN {column}__before")
        for line in self.migrate("decrypt", "staff", "--ddl").splitlines():
            self.db.execute(line)
        self.migrate("decrypt", "staff", store, "--yes", "--switch")
        self.db.execute("DELETE FROM staff WHERE name = 'Berta'")
        self.db.execute("UPDATE staff SET name = 'Name ' || id WHERE name IN ('Anna', 'Clara')")
        self.assertEqual(
            self.rows("SELECT id, name, age, phone FROM staff ORDER BY id"),
            [(i, f"Name {i}", i, f"phone {i % 7}") for i in range(1001)],
        )
        self.assertEqual(self.rows("SELECT 1 FROM pg_trigger WHERE tgname LIKE '%acra%'"), [])

"""The switch to second columns by a real MariaDB, while others use the table."""

from __future__ import annotations

import signal
import threading

import pymysql

from tests.integration.base import eventually
from tests.integration.mysqlmigrated import PASSWORD, Base
from tests.support import preloaded
from tests.support.migrated import PROGRAM

CONFIG = """
schemas:
  - table: staff
    schema: shop
    encrypted:
      - {column: name, data_type: str}
      - {column: age, data_type: int32}
      - {column: phone, token_type: str, consistent_tokenization: true}
"""
ROWS = 300
MADE = (
    "CREATE TABLE staff (name VARCHAR(80) CHARACTER SET latin1 NOT NULL COMMENT 'it''s', id INT"
    " PRIMARY KEY, age INT CHECK (age < 1000), phone VARCHAR(20), n INT NOT NULL DEFAULT 0,"
    " at TIMESTAMP NOT NULL DEFAULT '2020-01-01' ON UPDATE CURRENT_TIMESTAMP, UNIQUE KEY (name))"
)


class Switching(Base):
    def setUp(self):
        super().setUp()
        self.tokens = f"--token_store=sqlite:{self.folder}/{self.id().rpartition('.')[2]}.db"
        self.config = self.folder / "switching.yaml"
        self.config.write_text(CONFIG)
        self.rows(MADE)
        self.rows(
            "INSERT INTO staff (name, id, age, phone) SELECT CONCAT('Näme ', seq), seq, seq,"
            f" CONCAT('phone ', seq % 7) FROM seq_1_to_{ROWS}"
        )
        self.rows("UPDATE staff SET age = NULL, phone = NULL, at = at WHERE id % 50 = 0")

    def prepare(self):
        for line in self.migrate("encrypt", "shop.staff", "--ddl").splitlines():
            self.rows(line)

    def fill(self):
        self.prepare()
        return self.migrate("encrypt", "shop.staff", self.tokens)

    def switch(self, *flags, status=0, change="encrypt"):
        return self.migrate(change, "shop.staff", self.tokens, "--switch", *flags, status=status)

    def switching(self, *flags):
        arguments = self.command("encrypt", "shop.staff", self.tokens, "--switch", *flags)
        process = preloaded.Run(PROGRAM, arguments)
        self.addCleanup(process.remove)
        return process

    def test_columns_of_bytes_follow_behind_the_switch(self):
        self.config.write_text(CONFIG + "      - {column: note}\n")
        self.rows("ALTER TABLE staff ADD COLUMN note BLOB")
        self.rows("UPDATE staff SET note = CONCAT('note ', id)")
        left = "SELECT COUNT(*) FROM staff WHERE note = CONCAT('note ', id)"
        for work in (self.fill, self.switch):
            self.assertIn("left as they are: shop.staff.note;", work())
            self.assertEqual(self.rows(left), ((ROWS,),))
        said = self.migrate("encrypt", "shop.staff")
        self.assertIn(f"shop.staff: {ROWS} values changed, 0 refused", said)
        self.assertEqual(self.rows(left), ((0,),))

    def connect_for_long(self):
        return pymysql.connect(
            host="127.0.0.1",
            port=self.database.port,
            user="migrator",
            password=PASSWORD,
            database="shop",
        )

    def is_locked(self):
        """Tell whether somebody keeps all others from the table, or waits to do so."""
        return bool(
            self.rows(
                "SELECT 1 FROM information_schema.PROCESSLIST WHERE ID <> CONNECTION_ID()"
                " AND INFO LIKE 'LOCK TABLES%'"
            )
        )

    def triggers(self):
        return self.rows("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS")

    def assert_not_switched(self):
        found = self.rows("SHOW COLUMNS FROM staff LIKE 'name%'")
        self.assertEqual([one[0] for one in found], ["name", "name__acra"])
        self.assertEqual(self.triggers(), (("staff__acra",),))
        # And nobody has it locked.
        self.rows("UPDATE staff SET n = n + 1")

    def assert_switched(self, changed=()):
        """Each row has its former values; those of ``changed`` rows, by id, have other names."""
        self.assertEqual(self.triggers(), ())
        columns = [one[0] for one in self.rows("SHOW COLUMNS FROM staff")]
        self.assertEqual(columns[:3], ["name__before", "name", "id"])
        tokens = {}
        found = self.rows("SELECT id, name, age, phone, name__before, phone__before FROM staff")
        for number, name, age, phone, before, phone_before in found:
            clear = self.opened(name)[1].decode()
            self.assertEqual(clear, before)
            self.assertEqual(clear, dict(changed).get(number, f"Näme {number}"))
            self.assertEqual(age and self.opened(age)[1], age and b"%d" % number)
            self.assertEqual(tokens.setdefault(phone_before, phone), phone)
            self.assertEqual(phone is None, phone_before is None)
        self.assertEqual(len(set(tokens.values()) - {None}), 7)
        self.assertFalse({*tokens} & {*tokens.values()} - {None})
        return len(found)

    def test_there_and_back(self):
        asked = "SELECT id, name, age, phone, n, at FROM staff ORDER BY id"
        before = self.rows(asked)
        made = self.rows("SELECT * FROM staff LIMIT 1")
        said = self.migrate("encrypt", "shop.staff", status=1)
        self.assertIn("see --ddl", said)
        nulls = ROWS // 50
        self.assertIn(f"{3 * ROWS - 2 * nulls} values changed", self.fill())
        self.assertIn(": 0 values changed", self.migrate("encrypt", "shop.staff", self.tokens))
        # Nobody who names no columns sees the second ones.
        self.assertEqual(self.rows("SELECT * FROM staff LIMIT 1"), made)
        self.rows("INSERT INTO staff VALUES ('Näme 301', 301, 301, 'phone 0', 0, '2020-01-01')")
        self.rows("ALTER TABLE staff ADD CONSTRAINT hidden CHECK (LEFT(name__acra, 3) = x'252525')")
        self.act_as_mover()
        self.assertIn("switched", self.switch())
        self.assertEqual(self.assert_switched(), ROWS + 1)
        # The database itself refuses a plain value from the first moment on.
        with self.assertRaisesRegex(pymysql.err.MySQLError, "hidden"):
            self.rows("INSERT INTO staff (name, id) VALUES ('Name', 302)")
        self.rows("DELETE FROM staff WHERE id = 301")
        self.assertEqual(
            self.rows("SELECT id, n, at FROM staff ORDER BY id"),
            tuple((number, n, at) for number, _, _, _, n, at in before),
        )
        [shown] = self.rows("SHOW CREATE TABLE staff")
        self.assertIn("`name` varbinary(390) NOT NULL COMMENT 'it''s',", shown[1])
        self.assertIn("UNIQUE KEY `name` (`name__before`)", shown[1])
        said = self.migrate("encrypt", "shop.staff", "--ddl", status=1)
        self.assertIn("drop column phone__before of an earlier switch", said)
        self.rows(
            "ALTER TABLE staff DROP COLUMN name__before, DROP COLUMN age__before, DROP COLUMN"
            " phone__before"
        )
        for line in self.migrate("decrypt", "shop.staff", "--ddl").splitlines():
            self.rows(line)
        self.rows("ALTER TABLE staff DROP CONSTRAINT hidden")
        self.switch("--yes", change="decrypt")
        self.assertEqual(self.rows(asked), before)

    def act_as_mover(self):
        """Have the tool log in as a user with no more rights than it needs."""
        self.database.account("mover", PASSWORD)
        self.database.run(
            "SET GLOBAL log_bin_trust_function_creators = ON;"
            " REVOKE ALL PRIVILEGES, GRANT OPTION FROM mover@'%';"
            " GRANT SELECT, UPDATE, ALTER, CREATE, INSERT, LOCK TABLES, TRIGGER ON shop.*"
            " TO mover@'%'"
        )
        self.where = self.where.replace("migrator@", "mover@")

    def test_no_second_column(self):
        self.rows("ALTER TABLE staff DROP COLUMN phone, DROP COLUMN name")
        [line] = self.migrate("encrypt", "shop.staff", "--ddl", "--in_place").splitlines()
        self.rows(line)
        self.assertIn("no second column to switch to", self.switch())

    def test_a_column_that_writers_change_meanwhile(self):
        self.prepare()
        done = threading.Event()
        written = []

        def write():
            db = self.connect_for_long()
            number = 0
            # It ends by itself, for a run does not end while each pass finds rows of others.
            while not done.is_set() and len(written) < 3_000:
                number = number % ROWS + 7
                row = number % ROWS + 1
                # For the column's collation the first two are one name.
                name = ("Name", "NAME", "Anna")[len(written) % 3]
                self.rows(f"UPDATE staff SET name = '{name} {row}' WHERE id = {row}", db)
                if not number % 3:
                    db.commit()
                written.append(row)
            db.commit()
            db.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            flags = (self.tokens, "--batch=50", "--passes=100000")
            said = self.migrate("encrypt", "shop.staff", *flags)
        finally:
            done.set()
            writer.join()
        self.assertIn("0 refused", said)
        self.assertTrue(written)
        stale = self.rows("SELECT name, name__acra FROM staff WHERE name__acra IS NOT NULL")
        for name, stored in stale:
            self.assertEqual(self.opened(stored)[1].decode(), name)
        self.assertNotIn("filled anew", self.switch())
        self.assert_switched(self.rows("SELECT id, name__before FROM staff"))

    def test_a_change_that_no_trigger_has_seen(self):
        self.fill()
        self.rows("DROP TRIGGER staff__acra")
        self.rows("UPDATE staff SET name = 'Anna' WHERE id = 7")
        self.rows("UPDATE staff SET name = 'berta' WHERE id = 8")
        self.rows("UPDATE staff SET age = NULL WHERE id = 9")
        self.rows("UPDATE staff SET phone = 'phone 1' WHERE id = 13")
        self.assertIn("shop.staff: 4 rows had other values", self.switch("--batch=100"))
        self.assert_switched({7: "Anna", 8: "berta"})
        self.assertEqual(self.rows("SELECT age FROM staff WHERE id = 9"), ((None,),))

    def test_the_trigger_is_made_again(self):
        self.fill()
        self.assertEqual(self.migrate("encrypt", "shop.staff", "--ddl"), "")
        self.rows("DROP TRIGGER staff__acra")
        [line] = self.migrate("encrypt", "shop.staff", "--ddl").splitlines()
        self.rows(line)
        self.rows("UPDATE staff SET name = UPPER(name) WHERE id = 7")
        found = self.rows("SELECT name__acra IS NULL, phone__acra IS NULL FROM staff WHERE id = 7")
        self.assertEqual(found, ((1, 0),))

    def test_a_trigger_that_changes_the_first_column_whenever_a_second_is_filled(self):
        self.fill()
        self.rows("CREATE TRIGGER zz BEFORE UPDATE ON staff FOR EACH ROW SET NEW.age = OLD.age + 1")
        self.rows("UPDATE staff SET n = 1 WHERE id = 150 OR id = 7")
        said = self.switch(status=1)
        self.assertIn("as it was before the switch", said)
        self.rows("DROP TRIGGER zz")
        self.assert_not_switched()

    def test_a_table_that_somebody_has(self):
        self.fill()
        holder = self.connect()
        holder.begin()
        self.rows("UPDATE staff SET name = 'Anna' WHERE id = 7", holder)
        said = self.switch("--lock_timeout=1", status=1)
        self.assertIn("1205", said)
        self.assert_not_switched_but_held(holder)

    def assert_not_switched_but_held(self, holder):
        process = self.switching("--lock_timeout=300")
        eventually(self.is_locked, "the switch waits for the table", 60)
        holder.commit()
        self.assertEqual(process.wait(60), 0, process.said)
        self.assert_switched({7: "Anna"})

    def at_its_comparison(self):
        """A switch that has the table, and goes through some rows, one a second."""
        self.fill()
        holder = self.connect()
        holder.begin()
        self.rows("UPDATE staff SET name = CONCAT('Anna ', id) WHERE id <= 100", holder)
        process = self.switching("--lock_timeout=300", "--batch=1", "--rate=1")
        eventually(self.is_locked, "the switch waits for the table", 60)
        holder.commit()
        log = self.database.folder / "data" / "all.log"
        begun = log.read_bytes().rindex(b"LOCK TABLES")
        eventually(
            lambda: b"SAVEPOINT" in log.read_bytes()[begun:], "the switch writes some rows", 60
        )
        return process

    def test_killed_while_it_waits(self):
        self.fill()
        holder = self.connect()
        holder.begin()
        self.rows("SELECT * FROM staff", holder)
        waiting = self.switching("--lock_timeout=300")
        eventually(self.is_locked, "the switch waits for the table", 60)
        waiting.send(signal.SIGKILL)
        waiting.wait()
        holder.commit()
        eventually(lambda: not self.is_locked(), "the server has ended it", 60)
        self.assert_not_switched()

    def test_killed_while_it_has_the_table(self):
        process = self.at_its_comparison()
        process.send(signal.SIGKILL)
        process.wait()
        self.assert_not_switched()
        self.assertIn("100 values changed", self.switch())
        self.assert_switched({number: f"Anna {number}" for number in range(1, 101)})

    def test_stopped_while_it_has_the_table(self):
        process = self.at_its_comparison()
        process.send(signal.SIGTERM)
        self.assertEqual(process.wait(60), 1, process.said)
        self.assertIn("as it was before the switch", process.said)
        self.assert_not_switched()

    def test_a_definition_that_the_server_refuses(self):
        """The former column is to be NULL, and is in a primary key."""
        self.rows("ALTER TABLE staff DROP PRIMARY KEY, ADD UNIQUE (id), ADD PRIMARY KEY (id, name)")
        self.fill()
        self.assertIn("error 4108", self.switch(status=1))
        self.assert_not_switched()

"""Statements that write protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import refusals
from acra_twisted.encryption.mysql.schema import Column, Schema, Table
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.sql.languages import LANGUAGES
from tests.support.mysqlplanning import PEOPLE, SCHEMA, plan, planner, results, sent, shown

_MAIL = Column("mail", "varbinary", 600)


class NotThere(SynchronousTestCase):
    """A table is known without any of its protected columns: it has got one since then, or the
    server does not tell the truth."""

    other = Table("other", "people", [Column("id", "int"), Column("note", "int")])

    def planned(self, text):
        return plan(text, by=planner(Schema(1, [self.other]))).plan

    def check_refused(self, text):
        refusal = self.planned(text).refusal
        self.assertIsNotNone(refusal, text)
        self.assertEqual(refusal.reason, refusals.SCHEMA_MISMATCH, text)

    def test_they_are_not_written(self):
        for text in (
            "INSERT INTO other.people (id, Email) VALUES (1, 'a')",
            "REPLACE other.people SET name = 'a'",
            "INSERT INTO other.people (id) VALUES (1) ON DUPLICATE KEY UPDATE email = 'a'",
            "INSERT INTO other.people (email) SELECT 'a'",
            "UPDATE other.people SET email = 'a'",
            "UPDATE other.people p JOIN t ON p.id = t.id SET p.email = 'a'",
            "UPDATE t, other.people SET note = 1, email = 'a'",
            "LOAD DATA LOCAL INFILE 'f' INTO TABLE other.people (id, email)",
            "LOAD DATA LOCAL INFILE 'f' INTO TABLE other.people (id) SET email = 'a'",
        ):
            self.check_refused(text)

    def test_rows_without_a_list_have_no_more_values_than_it_has_columns(self):
        for text in (
            "INSERT INTO other.people VALUES (1, 2, 'a')",
            "INSERT INTO other.people VALUES (1, 2), (1, 2, 'a')",
            "INSERT INTO other.people VALUES (), (1, 2, 'a')",
            "REPLACE other.people VALUES (1, 2, 'a')",
            "INSERT INTO other.people SELECT 1, 2, 'a'",
            "INSERT INTO other.people (SELECT 1, 2, 'a')",
            "INSERT INTO other.people () VALUES (1, 2, 'a')",
            "INSERT INTO other.people () VALUES (1, 2)",
            "INSERT INTO other.people () SELECT * FROM t",
            "INSERT INTO other.people SELECT 1, 2, t.* , 'a' FROM t",
        ):
            self.check_refused(text)

    def test_rows_without_a_list_go_to_the_columns_that_it_is_known_to_have(self):
        table, known = "other.people", "other.people (`id`, `note`)"
        load = "LOAD DATA LOCAL INFILE 'f' INTO TABLE other.people"
        for text, expected in (
            (f"INSERT INTO {table} VALUES (1, 2), (3, 4)", f"INSERT INTO {known} VALUES"),
            (f"REPLACE {table} VALUES (1)", f"REPLACE {known} VALUES"),
            (f"INSERT INTO {table} SELECT 1, 2", f"INSERT INTO {known} SELECT"),
            (f"INSERT INTO {table} SELECT * FROM t", f"INSERT INTO {known} SELECT"),
            (load, f"{load} (`id`, `note`)"),
            (
                f"{load} CHARACTER SET utf8mb4 FIELDS TERMINATED BY ',' IGNORE 1 LINES SET note=2",
                "IGNORE 1 LINES (`id`, `note`) SET note=2",
            ),
            (f"INSERT INTO {table} VALUES ()", ""),
            (f"INSERT INTO {table} () VALUES (), ()", ""),
        ):
            planned = plan(text, by=planner(Schema(1, [self.other])))
            self.assertIsNone(planned.plan.refusal, text)
            self.assertIsNone(planned.plan.load, text)
            self.assertIn(expected, sent(planned))

    def test_nothing_is_loaded_by_order_where_no_column_is_known_to_be_filled(self):
        hidden = Column("id", "int", invisible=True)
        by = planner(Schema(1, [Table("shop", "people", [hidden])]))
        for text in (
            "LOAD DATA LOCAL INFILE 'f' INTO TABLE people",
            "INSERT INTO people SELECT * FROM t",
            "INSERT INTO people VALUES (1)",
        ):
            refusal = plan(text, by=by).plan.refusal
            self.assertEqual(refusal and refusal.reason, refusals.SCHEMA_MISMATCH, text)

    def test_none_is_written_by_a_bare_name_where_the_server_says_that_its_own_tables_are(self):
        for database in ("mysql", "INFORMATION_SCHEMA"):
            refusal = plan(
                "INSERT INTO people (email) VALUES ('a')", database=database
            ).plan.refusal
            self.assertIsNotNone(refusal)
            self.assertEqual(refusal.reason, refusals.SCHEMA_UNKNOWN)
            named = plan("INSERT INTO shop.people (email) VALUES ('a')", database=database)
            self.assertIsNone(named.plan.refusal)

    def test_all_else_is_as_it_would_be_without_a_setting(self):
        for text in (
            "INSERT INTO other.people (id, note) VALUES (1, 2)",
            "INSERT INTO other.people VALUES (1, 2)",
            "UPDATE other.people SET note = 'a'",
            "UPDATE other.people p JOIN t u ON p.id = u.id SET u.email = 'a'",
            "SELECT t.email FROM other.people, t",
            "LOAD DATA LOCAL INFILE 'f' INTO TABLE other.people (id, note)",
        ):
            self.assertIsNone(self.planned(text).refusal, text)


class Inserts(SynchronousTestCase):
    def test_by_names_and_by_order(self):
        for text, wanted in (
            ("INSERT INTO leads VALUES (1, 'a')", "(1, x'e1')"),
            ("INSERT leads () VALUES ()", "as it is"),
            (
                "REPLACE INTO shop.leads (`MAIL`) VALUES ('a'), (NULL), (DEFAULT)",
                "(NULL), (DEFAULT)",
            ),
            ("INSERT IGNORE INTO leads SET id = 1, mail = 'a'", "id = 1, mail = x'e1'"),
            ("INSERT INTO leads (mail) SELECT 'a'", "SELECT x'e1'"),
            (
                "INSERT INTO people (email, name, age, phone) VALUES ('a', 'b', 3, 'c')",
                "(x'e1', x'e2', 3, 't4')",
            ),
        ):
            self.assertTrue(shown(text).endswith(wanted), shown(text))

    def test_columns_that_are_not_listed_are_named(self):
        for text, wanted in (
            (
                "INSERT INTO leads VALUES (1, NULL)",
                "INSERT INTO leads (`id`, `mail`) VALUES (1, NULL)",
            ),
            (
                "REPLACE shop.leads PARTITION (p)SELECT id, email FROM people",
                "REPLACE shop.leads PARTITION (p) (`id`, `mail`) SELECT id, email FROM people",
            ),
            ("INSERT INTO leads VALUES ()", "as it is"),
            ("INSERT INTO orders VALUES (1)", "as it is"),
        ):
            self.assertEqual(shown(text), wanted)
        hidden = Column("x", "int", invisible=True)
        leads = Table("shop", "leads", [Column("größe`", "int"), hidden, _MAIL])
        by = planner(SCHEMA._replace(tables=[leads]))
        text = "INSERT INTO leads VALUES (1, 'a')"
        self.assertIn("leads (`größe```, `mail`) VALUES", sent(plan(text, by=by)))
        latin = LANGUAGES["mysql"].mode_of({"character_set_client": "latin1"})
        self.assertEqual(plan(text, latin, by=by).plan.refusal.reason, "schema_mismatch")
        self.assertIn("`mail`", sent(plan(text, latin)))

    def test_every_form_of_a_literal(self):
        forms = (
            *("'a'", '"a"', "N'a'", "n'a'", "_utf8mb4'a'", "_binary 'a'", "_latin1'a'", "x'41'"),
            *("X'41'", "0x41", "'a' 'b'", "'it''s'", "5", "-5", "TRUE", "('a')", "?"),
        )
        for form in forms:
            found = shown(f"INSERT INTO leads (mail) VALUES ({form})")
            self.assertIn(found.count("x'e1'") + found.count("?"), (1,), form)
            self.assertNotIn("a'", found.replace("x'e1'", ""), form)

    def test_duplicates(self):
        begin = "INSERT INTO leads (mail) VALUES ('a')"
        for text, wanted in (
            ("ON DUPLICATE KEY UPDATE mail = VALUES(mail)", "mail = VALUES(mail)"),
            ("ON DUPLICATE KEY UPDATE mail = 'b', id = 3", "mail = x'e2', id = 3"),
            ("AS n ON DUPLICATE KEY UPDATE mail = n.mail", "mail = n.mail"),
            ("AS n(m) ON DUPLICATE KEY UPDATE mail = n.m", "mail = n.m"),
            ("ON DUPLICATE KEY UPDATE mail = mail", "mail = mail"),
        ):
            self.assertTrue(shown(f"{begin} {text}").endswith(wanted), text)
        for text in (
            "ON DUPLICATE KEY UPDATE mail = CONCAT(mail, 'x')",
            "ON DUPLICATE KEY UPDATE id = VALUES(mail)",
            "AS n(m) ON DUPLICATE KEY UPDATE id = m",
            "AS n(m, k) ON DUPLICATE KEY UPDATE id = 1",
        ):
            self.assertTrue(shown(f"{begin} {text}").startswith("refused"), text)

    def test_from_queries(self):
        for text in (
            "INSERT INTO people (email) SELECT mail FROM leads",
            "INSERT INTO leads (id, mail) SELECT id, email FROM people",
            "INSERT INTO orders (id) SELECT id FROM people",
        ):
            self.assertEqual(shown(text), "as it is")
        for text in (
            "INSERT INTO people (name) SELECT mail FROM leads",
            "INSERT INTO people (note) SELECT mail FROM leads",
            "INSERT INTO orders (x) SELECT mail FROM leads",
            "INSERT INTO orders SELECT * FROM leads",
            "INSERT INTO leads (mail) SELECT note FROM orders",
            "INSERT INTO leads SELECT * FROM orders",
            "INSERT INTO leads (mail) SELECT x FROM (SELECT 'a' AS x) d",
        ):
            self.assertTrue(shown(text).startswith("refused"), text)

    def test_what_is_refused(self):
        for text, reason in (
            ("INSERT INTO leads (mail) VALUES (UPPER('a'))", "expression leads.mail"),
            ("INSERT INTO leads (mail) VALUES (@a)", "expression leads.mail"),
            ("INSERT INTO leads (mail) VALUES (id)", "expression leads.mail"),
            (
                "INSERT INTO leads (mail, id) VALUES ('a', mail)",
                "source_not_protected_alike leads.mail",
            ),
            ("INSERT INTO leads (mail) VALUES ('a', 'b')", "schema_mismatch leads.mail"),
            ("INSERT INTO leads (mial) VALUES ('a')", "schema_mismatch"),
            ("INSERT INTO leads VALUES ('a')", "schema_mismatch leads.mail"),
        ):
            self.assertEqual(shown(text), f"refused: {reason}")

    def test_a_missing_column_is_named_alone(self):
        for text in ("INSERT INTO people (gone) VALUES (1)", "REPLACE people SET gone = 'a'"):
            self.assertEqual(
                plan(text).plan.refusal.text,
                "table people is protected by AcraServer and has no column gone as far as is known",
            )

    def test_returning(self):
        self.assertEqual(
            results("INSERT INTO leads (mail) VALUES ('a') RETURNING id, mail"), ["1 mail by name"]
        )


class Updates(SynchronousTestCase):
    def test_one_table_and_several(self):
        for text, wanted in (
            ("UPDATE leads SET mail = 'a' WHERE id = 1", "SET mail = x'e1' WHERE id = 1"),
            ("UPDATE leads l SET l.mail = ? ORDER BY id LIMIT 1", "l.mail = ? ORDER BY id LIMIT 1"),
            ("UPDATE leads, people SET mail = email", "as it is"),
            ("UPDATE orders o, leads SET o.mail = 'b', mail = 'a'", "o.mail = 'b', mail = x'e1'"),
            (
                "UPDATE leads SET mail = IF(id, 'a', mail)",
                "IF(id, x'e1',mail)".replace(",m", ", m"),
            ),
            (
                "UPDATE leads SET mail = CASE WHEN id = 1 THEN 'a' ELSE NULL END",
                "x'e1' ELSE NULL END",
            ),
            ("UPDATE leads SET mail = DEFAULT", "as it is"),
        ):
            self.assertTrue(shown(text).endswith(wanted), shown(text))

    def test_what_is_refused(self):
        for text in (
            "UPDATE leads SET mail = CONCAT(mail, 'x')",
            "UPDATE leads SET id = mail",
            "UPDATE people SET email = name",
            "UPDATE people SET note = email",
            "UPDATE orders, people SET orders.x = people.email",
            "UPDATE leads SET mial = 'a'",
            "UPDATE leads a, leads b SET mail = 'a'",
            "UPDATE leads SET mail = (SELECT x FROM orders)",
            "UPDATE leads SET mail = 'a' ORDER BY mail",
            "UPDATE (SELECT * FROM leads) d, orders SET d.mail = 'a'",
            "UPDATE (SELECT * FROM leads) d, orders SET mail = 'a'",
            "WITH d AS (SELECT * FROM leads) UPDATE d SET mail = 'a'",
        ):
            self.assertTrue(shown(text).startswith("refused"), text)


class Namesakes(SynchronousTestCase):
    def test_tables_of_one_name_in_two_databases(self):
        """The one is protected and the other is not: a name means the column of either."""
        name = ColumnSetting("shop", "people", "name", data_type="str")
        settings = EncryptionSettings([TableSetting("shop", "people", (), {"name": name})])
        other = Table("other", "people", [Column("zip", "int")])

        def of(text):
            planned = plan(text, by=planner(Schema(1, [PEOPLE, other]), settings))
            return sent(planned) or planned.plan.refusal or "as it is"

        for source in ("other.people, people", "shop.people JOIN other.people"):
            for database in ("shop.", "`shop`."):
                self.assertEqual(
                    of(f"UPDATE {source} SET {database}people.name = 'a', other.people.zip = 'b'"),
                    f"UPDATE {source} SET {database}people.name = x'e1', other.people.zip = 'b'",
                )
            refusal = of(f"UPDATE {source} SET people.name = 'a'")
            self.assertEqual(refusal.reason, refusals.EXPRESSION, source)
        self.assertEqual(of("UPDATE other.people SET people.name = 'a'"), "as it is")


class Misfits(SynchronousTestCase):
    def test_nothing_is_written_that_the_column_would_damage(self):
        columns = [Column("id", "int"), Column("mail", "varchar", 600, "utf8mb4")]
        by = planner(SCHEMA._replace(tables=[PEOPLE, Table("shop", "leads", columns)]))
        for text, refused in (
            ("INSERT INTO leads (mail) VALUES ('a')", True),
            ("UPDATE leads SET mail = 'a'", True),
            ("UPDATE leads SET id = 5 WHERE mail = 'a'", True),
            ("UPDATE leads SET id = 5 WHERE id = 4", False),
            ("SELECT * FROM leads", False),
        ):
            self.assertEqual(plan(text, by=by).plan.refusal is not None, refused, text)


class Deletes(SynchronousTestCase):
    def test_by_a_value(self):
        self.assertEqual(
            shown("DELETE FROM leads WHERE mail = 'a'"),
            "DELETE FROM leads WHERE (mail >= x'f1' AND mail < x'f2')",
        )
        self.assertEqual(results("DELETE FROM leads RETURNING mail"), ["0 mail by name"])
        self.assertEqual(
            shown("DELETE l FROM leads l JOIN people p ON l.mail = p.email"),
            "DELETE l FROM leads l JOIN people p ON LEFT(l.mail, 33) = LEFT(p.email, 33)",
        )

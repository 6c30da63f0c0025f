"""Definitions that would leave a protected column in clear."""

import pgparse
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.definitions import refusal
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.schema import PARTITION_KEY, Attached, Relation
from acra_twisted.encryption.settings import EncryptionSettings
from tests.unit.encryption.postgresql.test_protection import columns, protection, settings

PEOPLE = Relation(1, "public", "people", "r", columns("id", "name", "nick"))
PART = Relation(2, "public", "part", "r", columns("name", "id"), parents=(1,))
VIEW = Relation(3, "public", "shown", "v", columns("n"), {1: (1, 2)})
FIRMS = Relation(4, "app", "firms", "r", columns("name"))
DIVIDED = Relation(
    *(5, "public", "divided", "p", columns("id", "name")),
    attached=(Attached(PARTITION_KEY, PARTITION_KEY, (1, 2)),),
)
GIVEN = EncryptionSettings(
    [
        *settings(
            "people.name", "people.nick", "later.name", "app.firms.name", "divided.name"
        ).tables,
        *settings("tokens.number", kind="tokenized", token_type="int32").tables,
    ]
)
PATH = SearchPath(("pg_catalog", "public", "app"), first="public")


def reasons(text, path=PATH, given=GIVEN, retyped=None):
    """The reasons and columns of the refusals of a text's statements."""
    made = protection([PEOPLE, PART, VIEW, FIRMS, DIVIDED], given, ("seen",))
    retyped = [] if retyped is None else retyped
    found = []
    for statement in pgparse.parse(text):
        [(kind, fields)] = statement["stmt"].items()
        refused = refusal(kind, fields, made, path, retyped)
        found += [] if refused is None else [(refused.reason, refused.column)]
    return found


class Definitions(SynchronousTestCase):
    def refused(self, text, reason, column="people.name"):
        self.assertEqual(reasons(text), [(reason, column)], text)

    def passes(self, *texts):
        for text in texts:
            self.assertEqual(reasons(text), [], text)

    def test_defaults_in_clear(self):
        self.refused("ALTER TABLE people ALTER name SET DEFAULT 'x'", "default_in_clear")
        self.refused("ALTER TABLE part ALTER name SET DEFAULT 'x'", "default_in_clear")
        self.refused(
            "ALTER TABLE people ALTER name ADD GENERATED ALWAYS AS IDENTITY", "default_in_clear"
        )
        self.refused(
            "CREATE TABLE later (name bytea DEFAULT 'x')", "default_in_clear", "later.name"
        )
        self.refused(
            "CREATE TABLE later (name bytea GENERATED ALWAYS AS ('x') STORED)",
            "default_in_clear",
            "later.name",
        )
        self.refused(
            "CREATE TABLE more PARTITION OF people (name DEFAULT 'x') FOR VALUES IN (1)",
            "default_in_clear",
        )
        self.passes(
            "ALTER TABLE people ALTER name SET DEFAULT NULL",
            "ALTER TABLE people ALTER name SET DEFAULT NULL::bytea",
            "ALTER TABLE people ALTER name DROP DEFAULT",
            "ALTER TABLE people ALTER id SET DEFAULT 5",
            "CREATE TABLE later (name bytea DEFAULT NULL NOT NULL)",
            "CREATE TABLE more PARTITION OF people (id DEFAULT 5) FOR VALUES IN (1)",
        )

    def test_expressions_that_read_a_protected_column(self):
        for text in (
            "CREATE POLICY p ON people USING (name = 42)",
            "CREATE POLICY p ON people WITH CHECK (people.name)",
            "ALTER POLICY p ON people USING (id = 1 AND name > 42)",
            "CREATE POLICY p ON other USING (EXISTS (SELECT 1 FROM people p WHERE p.name = 42))",
            "CREATE POLICY p ON other USING (EXISTS (SELECT 1 FROM people p WHERE (p).name = 42))",
            "CREATE POLICY p ON other USING (EXISTS (SELECT 1 FROM people p(a, b) WHERE b = 42))",
            "CREATE POLICY p ON people USING (people = ROW(1, 42))",
            "CREATE POLICY p ON people USING (f(people.*, 42))",
            "CREATE INDEX ON people (id) WHERE name = 42",
            "CREATE INDEX ON people ((name = 42))",
            "CREATE INDEX ON people (substr(name, 1, 33), (name = 42))",
            "CREATE INDEX ON people (substr(name, f(42)))",
            "CREATE INDEX ON people ((substr(name, 1) FILTER (WHERE name = 42)))",
            "CREATE STATISTICS s ON (name = 42), id FROM people",
            "CREATE PUBLICATION p FOR TABLE other, people WHERE (name = 42)",
            "ALTER PUBLICATION p ADD TABLE people WHERE (name = 42)",
            "ALTER TABLE people ADD EXCLUDE USING gist (id WITH =) WHERE (name = 42)",
            "ALTER TABLE people ADD EXCLUDE USING gist ((name + 42) WITH =)",
            "ALTER TABLE people ADD CHECK ((people).name = 42)",
            "ALTER TABLE people ADD CHECK (people = ROW(1, 42))",
        ):
            [(reason, column)] = reasons(text) or [("", "")]
            self.assertEqual((reason, column.partition(".")[0]), ("expression", "people"), text)
        self.refused("CREATE INDEX ON shown ((n = 42))", "expression", "people.name")
        self.passes(
            "CREATE POLICY p ON people USING (id = 42)",
            "CREATE POLICY p ON people USING (name IS NOT NULL)",
            "CREATE POLICY p ON other USING (name = 42)",
            "CREATE INDEX ON people (substr(name, 1, 33))",
            "CREATE INDEX ON people (id, name) WHERE nick IS NULL",
            "CREATE INDEX ON people (substring(name from 1 for 33)) WHERE id > 5",
            "CREATE INDEX ON people ((substr()))",
            "CREATE STATISTICS s ON id, name FROM people",
            "CREATE PUBLICATION p FOR TABLE people (id, name) WHERE (id > 5)",
            "ALTER PUBLICATION p SET TABLE people",
            "ALTER TABLE people ADD EXCLUDE USING gist (id WITH =) WHERE (id > 5)",
        )

    def test_partitions_by_a_protected_column(self):
        for key in ("name", "(name)", "id, f(name)"):
            self.refused(
                f"CREATE TABLE later (id int, name bytea) PARTITION BY RANGE ({key})",
                "expression",
                "later.name",
            )
        self.passes("CREATE TABLE later (id int, name bytea) PARTITION BY LIST (id)")

    def test_bounds_of_partitions_by_a_protected_column(self):
        for bound in ("IN (42)", "FROM (1, 42) TO (2, 43)", "FROM (1, 42) TO (2, MAXVALUE)"):
            for text in (
                f"CREATE TABLE one PARTITION OF divided FOR VALUES {bound}",
                f"CREATE FOREIGN TABLE one PARTITION OF divided FOR VALUES {bound} SERVER s",
                f"ALTER TABLE divided ATTACH PARTITION one FOR VALUES {bound}",
            ):
                self.refused(text, "expression", "divided.name")
        self.passes(
            "CREATE TABLE one PARTITION OF divided DEFAULT",
            "ALTER TABLE divided ATTACH PARTITION one DEFAULT",
            "CREATE TABLE one PARTITION OF other FOR VALUES IN (42)",
        )

    def test_bounds_by_a_column_that_is_protected_in_the_partition_alone(self):
        key = (Attached(PARTITION_KEY, PARTITION_KEY, (2,)),)
        above = Relation(6, "public", "above", "p", columns("y", "x"), attached=key)
        child = Relation(7, "public", "child", "r", columns("x", "y"))
        parted = Relation(8, "public", "parted", "p", columns("x", "y"))
        inner = Relation(9, "public", "inner", "r", columns("x", "y"), parents=(8,))
        both = protection([above, child], settings("above.y", "child.x", "child.y", "new.x"))
        one = protection([above, child], settings("above.y", "child.y", "new.y"))
        deep = protection([above, parted, inner], settings("above.y", "inner.x"))
        create = "CREATE TABLE {} PARTITION OF above FOR VALUES IN ('x')"
        attach = "ALTER TABLE above ATTACH PARTITION {} FOR VALUES IN ('x')"
        made = "CREATE TABLE people PARTITION OF later FOR VALUES IN ('x')"
        fresh = protection([], settings("later.name", "people.name", "people.nick"))
        alike = protection([], settings("later.name", "people.name"))
        for given, text, expected in (
            (both, create.format("new"), ("expression", "new.x")),
            (both, attach.format("child"), ("expression", "child.x")),
            # It is about to be made.
            (both, attach.format("new"), ("expression", "new.x")),
            (one, create.format("new"), None),
            (one, attach.format("child"), None),
            (one, attach.format("new"), None),
            (deep, attach.format("parted"), ("schema_unknown", "parted")),
            (deep, attach.format("parted").replace("above", "other"), ("schema_unknown", "parted")),
            (deep, attach.format("parted").replace("FOR VALUES IN ('x')", "DEFAULT"), None),
            (both, attach.format("new").replace("above", "other"), ("expression", "new.x")),
            # The table above it is about to be made.
            (fresh, made, ("expression", "people.nick")),
            (alike, made, None),
        ):
            [statement] = pgparse.parse(text)
            [(kind, fields)] = statement["stmt"].items()
            refused = refusal(kind, fields, given, PATH, [])
            self.assertEqual(refused and (refused.reason, refused.column), expected, text)

    def test_a_column_that_comes_to_a_protected_table_from_one_above_it(self):
        base = Relation(6, "public", "base", "r", columns("id"))
        heir = Relation(7, "public", "later", "r", columns("id"), parents=(6,))
        made = protection([base, heir], GIVEN)
        for text, reason in (
            ("ALTER TABLE base ADD name bytea DEFAULT 'x'", "default_in_clear"),
            (
                "ALTER TABLE base ADD name bytea GENERATED ALWAYS AS ('x') STORED",
                "default_in_clear",
            ),
            ("ALTER TABLE base ADD name int", "schema_mismatch"),
            ("ALTER TABLE base ADD name bytea", None),
            ("ALTER TABLE base ADD other text DEFAULT 'x'", None),
        ):
            [statement] = pgparse.parse(text)
            fields = statement["stmt"]["AlterTableStmt"]
            refused = refusal("AlterTableStmt", fields, made, PATH, [])
            self.assertEqual(refused and refused.reason, reason, text)

    def test_bounds_of_partitions_whose_keys_are_not_known(self):
        bound = "FOR VALUES IN ('x')"
        for text in (
            f"CREATE TABLE later PARTITION OF other {bound}",
            f"CREATE FOREIGN TABLE later PARTITION OF other {bound} SERVER s",
        ):
            self.refused(text, "expression", "later.name")
        self.refused(f"ALTER TABLE other ATTACH PARTITION people {bound}", "expression")
        self.passes(
            f"CREATE TABLE apart PARTITION OF other {bound}",
            f"ALTER TABLE other ATTACH PARTITION apart {bound}",
            "CREATE TABLE later PARTITION OF other DEFAULT",
            "ALTER TABLE other ATTACH PARTITION people DEFAULT",
            f"ALTER TABLE people ATTACH PARTITION apart {bound}",
        )

    def test_children_of_tables_whose_columns_are_not_known(self):
        hidden = PATH._replace(temporary=frozenset(("people",)))
        text = "CREATE TABLE one (CHECK (name = 42)) INHERITS (people)"
        self.assertEqual(reasons(text, hidden), [("schema_unknown", "people")])
        self.refused(text.replace("people", "later"), "expression", "later.name")

    def test_temporary_children_are_not_known(self):
        for text in ("CREATE TEMP TABLE one ()", "CREATE TABLE pg_temp.one (more int)"):
            self.refused(f"{text} INHERITS (people)", "schema_mismatch")
            self.passes(f"{text} INHERITS (other)")

    def test_columns_that_are_computed_anew_from_a_protected_one(self):
        for text in (
            "ALTER TABLE people ALTER id SET EXPRESSION AS (CASE WHEN name = 42 THEN 1 END)",
            "ALTER TABLE people ALTER id TYPE int USING (CASE WHEN name = 42 THEN 1 END)",
        ):
            self.refused(text, "expression")
        self.passes(
            "ALTER TABLE people ALTER id SET EXPRESSION AS (id + 1)",
            "ALTER TABLE people ALTER id TYPE int USING id + 1",
        )

    def test_subqueries_in_definitions_of_tables(self):
        for text in (
            "CREATE TABLE other (id int CHECK (EXISTS (SELECT 1 FROM people WHERE name = 42)))",
            "CREATE TABLE other (id int DEFAULT (SELECT 1 FROM people WHERE name = 42))",
            "ALTER TABLE people ALTER id TYPE int USING (SELECT 1 FROM part WHERE name = 42)",
        ):
            [(reason, _)] = reasons(text)
            self.assertEqual(reason, "expression")

    def test_functions_whose_code_uses_a_protected_table(self):
        for text in (
            "ALTER TABLE people ADD extra int DEFAULT seen(42)",
            "CREATE INDEX ON people (seen(42))",
            "CREATE TABLE other (id int CHECK (public.seen(id) = 42))",
        ):
            self.refused(text, "opaque_code", "")
        self.passes("ALTER TABLE people ADD extra int DEFAULT sight(42)")

    def test_schemas_that_are_made_with_their_tables(self):
        self.refused(
            "CREATE SCHEMA s CREATE VIEW v AS SELECT id FROM people WHERE name = 42",
            "opaque_code",
            "",
        )
        self.passes("CREATE SCHEMA people")

    def test_types_that_cannot_hold_it(self):
        self.refused("ALTER TABLE people ALTER name TYPE text", "schema_mismatch")
        self.refused("ALTER TABLE people ALTER name TYPE bytea[]", "schema_mismatch")
        self.refused("ALTER TABLE people ALTER name TYPE other.bytea", "schema_mismatch")
        self.refused("ALTER TABLE people ALTER name TYPE bytea USING 'x'::bytea", "expression")
        for form in ("name varchar(80)", "id int, name text"):
            self.refused(f"CREATE TABLE later ({form})", "schema_mismatch", "later.name")
            self.refused(f"CREATE TABLE app.later ({form})", "schema_mismatch", "later.name")
        self.refused("CREATE TABLE tokens (number bytea)", "schema_mismatch", "tokens.number")
        self.refused("CREATE TABLE app.firms (name text)", "schema_mismatch", "app.firms.name")
        self.passes(
            "ALTER TABLE people ALTER name TYPE bytea",
            "ALTER TABLE people ALTER name TYPE pg_catalog.bytea",
            "ALTER TABLE people ALTER id TYPE text",
            "ALTER TABLE other ALTER name TYPE text",
            "CREATE TABLE later (name bytea, id int)",
            "CREATE TABLE tokens (number integer)",
            "CREATE TABLE firms (name text)",
            "CREATE TABLE other (name text)",
        )

    def test_types_that_give_way_where_the_settings_say_so(self):
        given = GIVEN._replace(retypes=True)
        for text, labels in (
            ("CREATE TABLE later (id int, name varchar(80))", ["later.name"]),
            ("CREATE TABLE later (id int, name bytea)", []),
            ("ALTER TABLE people ALTER name TYPE text, ADD nick text", ["people.name"] * 2),
            ("CREATE TABLE part_2 (name text) INHERITS (people)", ["people.name"]),
            ("CREATE TABLE tokens (number bytea)", ["tokens.number"]),
        ):
            retyped = []
            self.assertEqual(reasons(text, given=given, retyped=retyped), [], text)
            found = [one.setting.label.replace("nick", "name") for one in retyped]
            self.assertEqual(found, labels, text)
        for text, reason in (
            ("CREATE TABLE later (name text DEFAULT 'x')", "default_in_clear"),
            ("CREATE TABLE later (name text CHECK (name <> ''))", "expression"),
            ("ALTER TABLE later ALTER name TYPE text USING lower(name)", "schema_unknown"),
            ("ALTER TABLE people ALTER name TYPE text USING lower(name)", "expression"),
        ):
            self.assertEqual([one for one, _ in reasons(text, given=given)], [reason], text)

    def test_a_column_that_is_added(self):
        made = protection([Relation(9, "public", "later", "r", columns("id"))], GIVEN)

        def judged(text):
            [statement] = pgparse.parse(text)
            [(kind, fields)] = statement["stmt"].items()
            return refusal(kind, fields, made, PATH, [])

        refused = judged("ALTER TABLE later ADD COLUMN name varchar(80)")
        self.assertEqual((refused.reason, refused.column), ("schema_mismatch", "later.name"))
        self.assertIn("bytea", refused.hint)
        self.assertIsNotNone(judged("ALTER TABLE later ADD name bytea DEFAULT 'x'"))
        self.assertIsNone(judged("ALTER TABLE later ADD name bytea"))
        self.assertIsNone(judged("ALTER TABLE later ADD nick text"))

    def test_constraints_that_read_it(self):
        self.refused("ALTER TABLE people ADD CHECK (length(people.name) < 80)", "expression")
        self.refused(
            "CREATE TABLE later (name bytea CHECK (name <> 'x'))", "expression", "later.name"
        )
        self.refused(
            "CREATE TABLE later (name bytea, CHECK (name <> 'x'))", "expression", "later.name"
        )
        self.refused(
            "CREATE TABLE later (name bytea, n int GENERATED ALWAYS AS (length(name)) STORED)",
            "expression",
            "later.name",
        )
        self.passes(
            "ALTER TABLE people ADD CHECK (id > 5)",
            "ALTER TABLE people ADD PRIMARY KEY (id)",
            "CREATE TABLE later (id int CHECK (id > 5), name bytea NOT NULL)",
        )

    def test_a_partition_that_is_parted_is_no_longer_protected(self):
        self.refused("ALTER TABLE people DETACH PARTITION part", "schema_mismatch")
        self.refused("ALTER TABLE part NO INHERIT people", "schema_mismatch")
        self.passes("ALTER TABLE people ATTACH PARTITION more FOR VALUES IN (1)")
        both = EncryptionSettings([*GIVEN.tables, *settings("part.name").tables])
        made = protection([PEOPLE, PART], both)
        [statement] = pgparse.parse("ALTER TABLE people DETACH PARTITION part")
        fields = statement["stmt"]["AlterTableStmt"]
        self.assertIsNone(refusal("AlterTableStmt", fields, made, PATH, []))

    def test_a_table_that_is_not_known(self):
        self.refused("ALTER TABLE later ADD x int", "schema_unknown", "later")
        self.passes("ALTER TABLE IF EXISTS later ADD x int", "DROP TABLE people")

    def test_each_part_of_a_statement_is_judged(self):
        text = "ALTER TABLE people ADD x int, ALTER id SET DEFAULT 5, ALTER name SET DEFAULT 'x'"
        self.refused(text, "default_in_clear")

    def test_no_text_has_a_value(self):
        made = protection([PEOPLE], GIVEN)
        [statement] = pgparse.parse("ALTER TABLE people ALTER name SET DEFAULT 'plaintext'")
        [(kind, fields)] = statement["stmt"].items()
        refused = refusal(kind, fields, made, PATH, [])
        self.assertNotIn("plaintext", refused.text + refused.hint)

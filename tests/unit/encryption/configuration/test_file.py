"""Acra's encryptor_config file."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.columns import Owner
from acra_twisted.encryption.configuration.file import LARGEST, read_file
from acra_twisted.errors import ConfigError

GOOD = """\
database_settings:
  mysql:
    case_sensitive_table_identifiers: false
    prepared_statements_set_arg_delimiter: "__"
  postgresql: {}
defaults:
  crypto_envelope: acrastruct
  reencrypting_to_acrablocks: true
  consistent_tokenization: true
schemas:
  - table: people
    columns:
      - id
      - email
    encrypted:
      - column: email
        token_type: email
      - column: '"Na.me"'
        client_id: client1
  - table: hr."Staff"
    encrypted:
      - column: pay
"""


class File(SynchronousTestCase):
    def read(self, text, database="PostgreSQL"):
        return read_file("c.yaml", text, database)

    def refused(self, text):
        return "\n".join(map(str, self.read(text).wrong))

    def test_tables_and_columns(self):
        found = self.read(GOOD)
        self.assertEqual(found.wrong, [])
        people, staff = found.tables
        self.assertEqual((people.owner, people.where), (Owner("", "people"), "c.yaml:11"))
        self.assertEqual(people.columns, ("id", "email"))
        self.assertEqual([c.name for c in people.protected], ["email", "Na.me"])
        self.assertEqual([c.where for c in people.protected], ["c.yaml:16", "c.yaml:18"])
        self.assertEqual((staff.owner, staff.columns), (Owner("hr", "Staff"), ()))

    def test_defaults_hold_for_columns_that_say_nothing(self):
        email, name = self.read(GOOD).tables[0].protected
        self.assertTrue(email.setting.consistent)
        self.assertEqual(
            (email.setting.envelope, name.setting.envelope), ("acrablock", "acrastruct")
        )

    def test_the_schema_may_stand_by_itself(self):
        text = "schemas: [{table: people, schema: hr}, {table: people, schema: '\"H.R\"'}]"
        found = self.read(text)
        self.assertEqual([t.owner.schema for t in found.tables], ["hr", "H.R"])
        told = self.refused("schemas: [{table: hr.people, schema: hr}]")
        self.assertIn("c.yaml:1: the schema is given twice", told)

    def test_files_that_protect_nothing(self):
        for text in (
            *("", "# nothing\n", "{}", "schemas: []", "schemas:", "defaults: {}"),
            *("schemas: [{table: t}]", "schemas: [{table: t, columns: [], encrypted: []}]"),
        ):
            found = self.read(text)
            self.assertEqual((found.wrong, found.bypasses), ([], []))
            self.assertFalse([c for t in found.tables for c in t.protected])

    def test_a_table_without_columns_in_its_entry(self):
        found = self.read("schemas: [{table: t, encrypted: [{column: c}]}]")
        self.assertEqual(found.tables[0].columns, ())

    def test_mistakes_say_where(self):
        for old, new, told in (
            ("  postgresql: {}", "  postgresql: {a: 1}", "c.yaml:5: unknown key 'a' in database_s"),
            ("  postgresql: {}", "  postgresq: {}", "c.yaml:5: unknown key 'postgresq' in databa"),
            ("    prepared", "    preparedd", "c.yaml:4: unknown key 'preparedd_statements_set"),
            ("defaults:", "  defaults:", "c.yaml:6: 'defaults' belongs at the top level"),
            ("crypto_envelope: acrastruct", "crypto_envelope: x", "c.yaml:7: crypto_envelope: inv"),
            ("schemas:", "scemas:", "c.yaml:10: unknown key 'scemas' at the top level; did you"),
            ("table: people", "tabel: people", "c.yaml:11: unknown key 'tabel' in an entry of sch"),
            ("table: people", "table: a.b.c", "c.yaml:11: table: expected TABLE or SCHEMA.TABLE"),
            ("table: people", "schema: people", "c.yaml:11: an entry of schemas needs table"),
            ("- email", "- a.b", "c.yaml:12: columns: expected one name"),
            ("- email", "- id", "c.yaml:12: columns: something is twice in the list"),
            ("column: email", "colum: email", "c.yaml:16: unknown key 'colum' in an entry of enc"),
            ("column: email", "column: ''", "c.yaml:16: column: expected a name"),
            ("- column: email\n       ", "-", "c.yaml:16: invalid encryptor config: an entry of"),
            ("column: email", "column: people.email", "c.yaml:16: column: expected one name"),
            ("token_type: email", "token_type: mail", "c.yaml:17: token_type: mail: unknown token"),
            ("client_id: client1", "client_id: any", "c.yaml:19: client_id: expected 5 to 256"),
            ("client_id: client1", "zone_id: DDDD", "c.yaml:19: zone_id is not supported"),
            ('hr."Staff"', "people", "c.yaml:20: table 'people' is given twice; the other is at c"),
            (
                "  - table: hr",
                "  - 1\n  - table: hr",
                "c.yaml:20: expected keys and values in an e",
            ),
            ("      - column: pay", "      column: pay", "c.yaml:22: encrypted: expected a list"),
        ):
            text = GOOD.replace(old, new, 1)
            self.assertNotEqual(text, GOOD, old)
            self.assertIn(told, self.refused(text))

    def test_mistakes_in_a_table_without_a_name_are_told_as_well(self):
        text = "schemas:\n- tabel: t\n  encrypted:\n  - colum: c\n    data_type: strr\n"
        told = self.refused(text)
        for expected in ("c.yaml:2: unknown key 'tabel'", "c.yaml:4: unknown", "c.yaml:5: data_t"):
            self.assertIn(expected, told)

    def test_what_is_no_such_file(self):
        for text in ("just words", "- a", "1"):
            self.assertIn("c.yaml:1: expected keys and values at the top level", self.refused(text))
        error = self.assertRaises(ConfigError, self.read, GOOD + "\t- x")
        self.assertIn("c.yaml:23: this is no YAML", str(error))
        error = self.assertRaises(ConfigError, self.read, "#" * (LARGEST + 1))
        self.assertIn("more than", str(error))

    def test_settings_of_another_database_are_told_of(self):
        [told] = self.read(GOOD).remarks
        self.assertEqual(
            told, "c.yaml:3: database_settings, mysql has no effect: the database is PostgreSQL"
        )
        self.assertEqual(self.read(GOOD, "MySQL").remarks, [])
        self.assertEqual(self.read("database_settings: {mysql: {}}").remarks, [])

    def test_settings_of_mysql_that_do_nothing_are_told_of(self):
        text = GOOD.replace("identifiers: false", "identifiers: true").replace('"__"', '"$"')
        first, second = self.read(text, "MySQL").remarks
        self.assertIn("c.yaml:3: case_sensitive_table_identifiers has no effect", first)
        self.assertIn("c.yaml:4: prepared_statements_set_arg_delimiter has no effect", second)

    def test_settings_of_another_database_are_checked(self):
        told = self.refused(GOOD.replace("identifiers: false", "identifiers: 0"))
        self.assertIn("c.yaml:3: case_sensitive_table_identifiers: expected true or false", told)

    def test_bypasses(self):
        text = "bypass:\n  - client_id: client1\n    columns: [t.c]\n  - unknown: 1\n"
        found = self.read(text)
        [(keys, where)] = found.bypasses
        self.assertEqual((keys["client_id"].value, where), ("client1", "c.yaml:2"))
        self.assertIn("c.yaml:4: unknown key 'unknown' in an entry of bypass", str(found.wrong[0]))

    def test_references_that_go_in_circles(self):
        for text in (
            "&a {<<: *a}",
            "schemas: &a [{table: t, encrypted: *a}]",
            "schemas: &a\n- {table: t, encrypted: *a, columns: *a}",
        ):
            self.assertTrue(self.refused(text))

    def test_references_cannot_multiply_values_without_end(self):
        columns = ", ".join(f"c{n}" for n in range(5_000))
        text = f"x: &l [{columns}]\nschemas:\n" + "".join(
            f"- {{table: t{n}, columns: *l}}\n" for n in range(100)
        )
        self.assertIn("the file names too many values", self.refused(text))

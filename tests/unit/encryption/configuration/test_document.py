"""Nodes are checked against the declaration of keys."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration import keys
from acra_twisted.encryption.configuration.document import Reader, TooMuchError
from acra_twisted.yamltext import compose


class Mappings(SynchronousTestCase):
    def read(self, text, level=keys.COLUMN):
        self.reader = Reader("c.yaml")
        return self.reader.mapping(compose("c.yaml", text, 1_000_000), level)

    def values(self, text, level=keys.COLUMN):
        found = self.read(text, level)
        self.assertEqual([str(error) for error in self.reader.wrong], [])
        self.assertTrue(found.sound)
        return {name: given.value for name, given in found.values.items()}

    def refused(self, text, level=keys.COLUMN):
        found = self.read(text, level)
        self.assertFalse(found.sound)
        return "\n".join(str(error) for error in self.reader.wrong)

    def test_values_have_their_kind_and_place(self):
        found = self.read("column: 1\n\nsearchable: yes\nplaintext_length: 4\n")
        self.assertEqual(found.values["column"], keys.Given("1", "c.yaml:1"))
        self.assertEqual(found.values["searchable"], keys.Given(True, "c.yaml:3"))
        self.assertEqual(found.values["plaintext_length"], keys.Given(4, "c.yaml:4"))

    def test_a_text_is_a_text_however_yaml_reads_it(self):
        self.assertEqual(self.values("masking: 0042"), {"masking": "0042"})
        self.assertEqual(self.values("masking: no"), {"masking": "no"})
        self.assertEqual(self.values("masking: 2027-01-31"), {"masking": "2027-01-31"})

    def test_other_kinds_are_as_yaml_reads_them(self):
        for text, told in (
            ('searchable: "yes"', "searchable: expected true or false"),
            ("searchable: 1", "searchable: expected true or false"),
            ('plaintext_length: "4"', "plaintext_length: expected a whole number"),
            ("plaintext_length: 4.0", "plaintext_length: expected a whole number"),
            ("plaintext_length: 0x10", "plaintext_length: expected a whole number in decimal"),
            ("masking: [x]", "masking: expected text"),
            ("masking: !!binary eHg=", "masking: expected text"),
            ("masking: !mine xx", "masking: expected text"),
            ("read: client1", "read: expected a list"),
            ("read: {client1: 1}", "read: expected a list"),
            ("read: [client1, [client2]]", "read: expected"),
            ("read: [null]", "read: expected"),
            ("read: [client1, client1]", "read: something is twice"),
        ):
            self.assertIn(f"c.yaml:1: {told}", self.refused(text))

    def test_a_key_without_a_value_is_not_there(self):
        text = "data_type:\nresponse_on_fail: null\nclient_id: ''\ncrypto_envelope: ~\n"
        self.assertEqual(self.values(text), {})
        self.assertEqual(self.read("schemas:\n", keys.TOP).inner, {})

    def test_no_readers_are_not_all_readers(self):
        for text in ("read: ~", "read:", "read: null", "read: ''"):
            self.assertIn("c.yaml:1: read: expected a list", self.refused(text))

    def test_empty_texts_that_say_something(self):
        text = "default_data_value: ''\nmasking: ''\n"
        self.assertEqual(self.values(text), {"default_data_value": "", "masking": ""})

    def test_null_is_a_word_of_one_key(self):
        self.assertEqual(self.values("on_plaintext: null"), {"on_plaintext": "null"})
        self.assertEqual(self.values("on_plaintext: 'null'"), {"on_plaintext": "null"})
        self.assertEqual(self.values("on_plaintext:"), {})
        self.assertEqual(self.values("on_plaintext: ~"), {})

    def test_unknown_keys_have_a_nearest_name_or_a_home(self):
        for text, level, told in (
            ("serchable: true", keys.COLUMN, "in an entry of encrypted; did you mean 'searchable'"),
            ("defaults: 1", keys.DATABASES, "'defaults' belongs at the top level, not in database"),
            ("columns: []", keys.COLUMN, "'columns' belongs in an entry of schemas or in an entry"),
            ("crypto_envelope: x", keys.TABLE, "belongs in defaults or in an entry of encrypted"),
            ("case_sensitive_table_identifiers: x", keys.DATABASES, "database_settings, mysql"),
            ("x: 1", keys.POSTGRESQL, "unknown key 'x' in database_settings, postgresql"),
            ("read_expressions: pass", keys.COLUMN, "a bypass names the statement that computes"),
            ("strict_copies: true", keys.TOP, "belongs in the section [encryptor] of AcraServer"),
            ("ddl_types: rewrite", keys.TABLE, "ddl_types belongs in the section [encryptor] of"),
            ("zone_id: x", keys.COLUMN, "there are no zones; give the data to a client id"),
            (f"{'q' * 99}: 1", keys.TOP, f"unknown key '{'q' * 60}...' at the top level"),
        ):
            self.assertIn(told, self.refused(text, level))

    def test_a_key_stands_once(self):
        told = self.refused("column: a\nmasking: x\ncolumn: b\n")
        self.assertEqual(told, "c.yaml:3: 'column' is given twice; the other is at c.yaml:1")

    def test_what_is_no_mapping(self):
        for text in ("- a", "a", "[a]: 1", "'': 1"):
            self.assertIn("c.yaml:1: expected keys and values in an entry", self.refused(text))

    def test_all_mistakes_are_told(self):
        self.assertEqual(len(self.refused("a: 1\nb: 2\nsearchable: 3\n").splitlines()), 3)

    def test_merged_mappings_give_what_is_not_there_itself(self):
        text = "- &a {column: a, masking: x}\n- &b {column: b, read: [client1]}\n"
        root = compose("c.yaml", text + "- {<<: [*a, *b], masking: y}\n- {<<: 1}\n", 1000)
        reader = Reader("c.yaml")
        found = reader.mapping(root.value[2], keys.COLUMN).values
        self.assertEqual(
            {name: given.value for name, given in found.items()},
            {"column": "a", "masking": "y", "read": ("client1",)},
        )
        self.assertEqual(reader.wrong, [])
        reader.mapping(root.value[3], keys.COLUMN)
        self.assertIn("c.yaml:4: <<: expected a mapping", str(reader.wrong[0]))

    def test_lists(self):
        found = self.read("schemas: [{}, {}]\nbypass: {}\n", keys.TOP)
        self.assertEqual(len(self.reader.items(found, "schemas")), 2)
        self.assertEqual(self.reader.items(found, "defaults"), ())
        self.assertEqual(self.reader.items(found, "bypass"), ())
        self.assertIn("c.yaml:2: bypass: expected a list", str(self.reader.wrong[0]))

    def test_references_cannot_multiply_values_without_end(self):
        """Half a megabyte could name thousands of millions."""
        ids = ", ".join(f"client{n}" for n in range(20_000))
        text = f"- &l [{ids}]\n" + "- {read: *l}\n" * 20
        reader = Reader("c.yaml")
        first, *entries = compose("c.yaml", text, 1_000_000).value
        with self.assertRaises(TooMuchError):
            for node in entries:
                reader.mapping(node, keys.COLUMN)
        self.assertEqual(reader.wrong, [])

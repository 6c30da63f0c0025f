"""The declaration of the keys."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration import keys

#: The keys of an entry of encrypted that Acra has, but for zones.
OF_ACRA = {
    *("column", "client_id", "searchable", "tokenized", "token_type", "consistent_tokenization"),
    *("masking", "plaintext_length", "plaintext_side", "crypto_envelope"),
    *("reencrypting_to_acrablocks", "data_type", "data_type_db_identifier", "response_on_fail"),
    "default_data_value",
}
OWN = {"search_keys", "normalize", "on_plaintext", "read", "allow_mask_writes"}


class Declarations(SynchronousTestCase):
    def test_the_keys_of_a_column(self):
        self.assertEqual(set(keys.COLUMN.known), OF_ACRA | OWN)
        self.assertEqual(set(keys.TABLE.known), {"table", "schema", "columns", "encrypted"})

    def test_defaults_are_keys_of_columns(self):
        self.assertLess(set(keys.DEFAULTS.known), set(keys.COLUMN.known))

    def test_a_key_is_once_in_its_level_and_has_a_sentence(self):
        for level in keys.LEVELS:
            self.assertEqual(len(set(level.known)), len(level.known))
            for option in level.options:
                self.assertTrue(option.help.endswith("."), option.name)
                self.assertIs(level.option(option.name), option)
        self.assertIsNone(keys.TOP.option("schemas"))

    def test_defaults_that_are_written_are_values(self):
        for level in keys.LEVELS:
            for option in level.options:
                if isinstance(option.default, str) and option.default:
                    self.assertEqual(option.kind.parse(option.default), option.default)

"""The types that can store what a protected column holds."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import storage
from acra_twisted.encryption.settings import TOKEN_TYPES, ColumnSetting


class Types(SynchronousTestCase):
    def test_containers_need_bytea_whatever_the_application_sees(self):
        for kind in ("plain", "searchable", "masked"):
            setting = ColumnSetting("", "people", "name", kind, data_type="int32")
            self.assertEqual(storage.storage_type(setting), "bytea")
            self.assertTrue(storage.is_storable(setting, "bytea"))
            self.assertFalse(storage.is_storable(setting, "text"))
            self.assertFalse(storage.is_storable(setting, "int4"))

    def test_tokens_need_the_type_of_their_kind(self):
        recommended = {}
        for token in TOKEN_TYPES:
            setting = ColumnSetting("", "people", "name", "tokenized", token_type=token)
            recommended[token] = storage.storage_type(setting)
            self.assertTrue(storage.is_storable(setting, recommended[token]))
            self.assertFalse(storage.is_storable(setting, "json"))
        self.assertEqual(
            recommended,
            {"int32": "int4", "int64": "int8", "str": "text", "bytes": "bytea", "email": "text"},
        )

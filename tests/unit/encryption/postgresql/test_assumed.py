"""The schema that a configuration describes by itself."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.reading import read_configuration
from acra_twisted.encryption.postgresql.assumed import assumed
from acra_twisted.errors import ConfigError

CONFIG = """
schemas:
  - table: people
    columns: [id, name, phone]
    encrypted:
      - column: name
      - column: phone
        token_type: int64
  - table: hr.pay
    columns: [amount]
    encrypted:
      - column: amount
"""


class Assumed(SynchronousTestCase):
    def test_tables_have_the_columns_of_the_configuration_in_its_order(self):
        schema = assumed(read_configuration("x", CONFIG, 0.0))
        [people] = schema.named("people")
        [pay] = schema.named("pay")
        self.assertEqual((people.schema, pay.schema), ("public", "hr"))
        self.assertEqual(
            [(one.name, one.number, one.base) for one in people.attributes],
            [("id", 1, 25), ("name", 2, 17), ("phone", 3, 20)],
        )

    def test_every_table_without_a_list_of_columns_is_told_with_its_line(self):
        text = "schemas:\n" + "".join(
            f"  - table: {name}\n    encrypted:\n      - column: name\n" for name in ("a", "b")
        )
        error = self.assertRaises(ConfigError, assumed, read_configuration("x", text, 0.0))
        first, second = str(error).splitlines()
        self.assertIn("line 2: table a", first)
        self.assertIn("line 5: table b", second)

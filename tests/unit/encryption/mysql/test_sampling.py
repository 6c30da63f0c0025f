"""Questions for some stored values; tests/integration/test_mysql_service.py asks a real table."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import sampling
from acra_twisted.encryption.mysql.schema import Column, Table
from acra_twisted.errors import ConfigError


class Sampling(SynchronousTestCase):
    def test_the_question(self):
        text = sampling.question(Table("sh'op", "pe`ople", []), Column("na`me", "blob"), 50, 1_000)
        self.assertIn("HEX(`na``me`)", text)
        self.assertIn("FROM `sh'op`.`pe``ople`", text)
        self.assertIn(f"x'{b'pe`ople'.hex()}'", text)
        self.assertIn("LIMIT 50", text)
        self.assertIn("<= 1000", text)

    @given(st.binary(max_size=20))
    def test_a_cell_is_a_value_or_refused(self, cell):
        self.assertEqual(sampling.stored(cell.hex().upper().encode()), cell)
        try:
            sampling.stored(cell)
        except ConfigError:
            pass
        self.assertEqual(sampling.stored(None), b"")

"""Definitions for MySQL."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import belt
from tests.support.mysqlplanning import AGE, CARD, EMAIL, NAME, SETTINGS


class Definitions(SynchronousTestCase):
    def test_types_keys_and_checks(self):
        script = belt.script(SETTINGS)
        for line in (
            "ALTER TABLE `people` MODIFY `email` VARBINARY(438);",
            "ALTER TABLE `people` MODIFY `age` INT;",
            "ALTER TABLE `people` ADD KEY (`email`(33));",
            "ALTER TABLE `leads` ADD KEY (`mail`(33));",
        ):
            self.assertIn(line + "\n", script)
        self.assertEqual(script.count("CHECK"), 4)

    def test_each_kind_has_its_condition(self):
        self.assertEqual(belt.check(AGE), "")
        self.assertIn("SUBSTR(`email`, 34, 3) = x'252525'", belt.check(EMAIL))
        self.assertIn("x'80'", belt.check(EMAIL._replace(scoped=True)))
        self.assertIn("LEFT(`name`, 3) = x'252525'", belt.check(NAME))
        self.assertIn("INSTR(`card`, x'252525') > 0", belt.check(CARD))

    def test_names_end_no_quotes(self):
        self.assertEqual(belt.quoted("a`b", "", "c"), "`a``b`.`c`")

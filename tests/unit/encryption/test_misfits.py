"""Findings, of whatever database."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import misfits
from acra_twisted.encryption.misfits import Finding
from acra_twisted.encryption.mysql import findings as of_mysql
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.postgresql import findings as of_postgresql
from tests.support.mysqlplanning import SCHEMA, SETTINGS


class Findings(SynchronousTestCase):
    def test_each_has_a_level_and_says_what_it_is_about(self):
        found = of_mysql.findings(Protection(SCHEMA, SETTINGS))
        self.assertTrue(found)
        levels = {misfits.ERROR, misfits.WARNING, misfits.NOTICE}
        self.assertEqual(len(levels), 3)
        for one in found:
            self.assertIn(one.level, levels)
            self.assertTrue(one.label or one.remedy, one)

    def test_both_databases_have_the_same(self):
        self.assertIs(of_mysql.Finding, of_postgresql.Finding)

    def test_a_remedy_is_not_always_known(self):
        self.assertEqual(Finding(misfits.NOTICE, "people", "is here").remedy, "")

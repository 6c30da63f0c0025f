"""A bounded run over MySQL's logins."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_mysql_logins(self):
        self.run_bounded("mysqllogin", 40_000)

"""A bounded run over what reads the files of LOAD DATA."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_mysql_files(self):
        self.run_bounded("mysqlfiles", 40_000)

"""A bounded run of the fuzzer of MySQL statements on protected columns: nothing in clear, no
exception, nothing slow."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_en1_bounded_run_of_mysql_plans(self):
        self.run_bounded("mycolumns", 8_000)

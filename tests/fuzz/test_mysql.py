"""A bounded run over what reads a MySQL database's bytes."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_mysql(self):
        self.run_bounded("mysql", 80_000)

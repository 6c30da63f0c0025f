"""A bounded run over sessions of MySQL, from both sides."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_mysql_sessions(self):
        self.run_bounded("mysqlsession", 40_000)

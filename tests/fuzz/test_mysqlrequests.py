"""A bounded run over what reads a MySQL client's bytes."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_mysql_requests(self):
        self.run_bounded("mysqlrequests", 60_000)

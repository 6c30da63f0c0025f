"""A bounded run over sessions of PostgreSQL, from both sides."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_fr4_bounded_run_of_postgresql_sessions(self):
        self.run_bounded("pgsession", 40_000)

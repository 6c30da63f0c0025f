"""A bounded run of the fuzzer of statements on protected columns: nothing in clear, no exception,
nothing slow, no kept plan that differs."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_en1_bounded_run_of_plans(self):
        self.run_bounded("columns", 10_000)

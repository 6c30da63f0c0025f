"""A bounded run of the fuzzer: no exception, nothing slow, nothing kept that is not decided so."""

from tests.fuzz.base import BoundedRun


class Fuzzing(BoundedRun):
    def test_bounded_run(self):
        self.run_bounded("decisions", 60_000)

"""The report about a signed log, and the errors raised for it."""

from io import StringIO
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import KeyStoreError
from acra_twisted.telemetry.logs.chaincheck import Problem, Run, Verified
from acra_twisted.telemetry.logs.chainreport import (
    Tampered,
    Uncheckable,
    Unsigned,
    examine,
    report,
)


class WithoutKey(SynchronousTestCase):
    def test_no_key_is_no_sign_of_a_change(self):
        store = SimpleNamespace(keys=lambda purpose: ())
        error = self.assertRaises(KeyStoreError, examine, store, ["a line\n"], StringIO())
        self.assertIn("acra-keymaker --generate_log_key", str(error))


class Said(SynchronousTestCase):
    def report(self, keys=("key",), open_ok=False, **changes):
        found = Verified(10, [1] * len(keys), [], [], False)._replace(**changes)
        self.output = StringIO()
        report(found, keys, self.output, open_ok)

    def test_nothing_is_wrong(self):
        self.report()
        self.assertEqual(self.output.getvalue(), "10 lines in 1 chains are as they were written\n")
        self.report(keys=("new", "old"))
        self.assertIn("new: 1 chains\nold: 1 chains\n", self.output.getvalue())

    def test_problems_are_told_up_to_a_number(self):
        problems = [Problem(line, "changed") for line in range(1, 31)]
        self.assertRaises(Tampered, self.report, problems=problems)
        lines = self.output.getvalue().splitlines()
        self.assertEqual((lines[0], lines[-1]), ("line 1: changed", "... and 10 more"))
        self.assertEqual(len(lines), 21)

    def test_a_log_that_is_being_written_may_end_anywhere(self):
        self.assertRaises(Tampered, self.report, open_chain=True)
        self.report(open_chain=True, open_ok=True)
        self.assertRaises(Tampered, self.report, chains=[0])

    def test_lines_that_nothing_is_known_of(self):
        self.assertRaises(Unsigned, self.report, unsigned=[Run(1, 3, False)])
        self.assertIn("lines 1 to 3: not signed", self.output.getvalue())
        self.assertIn("7 lines in 1 chains", self.output.getvalue())
        foreign = [Run(1, 10, True)]
        self.assertRaises(Uncheckable, self.report, unsigned=foreign, chains=[0])

    def test_a_script_can_tell_them_apart_by_their_status(self):
        statuses = {error.status for error in (Tampered, Unsigned, Uncheckable)}
        self.assertEqual(len(statuses), 3)

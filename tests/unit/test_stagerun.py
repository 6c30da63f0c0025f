"""The record of a stage's work for a request."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import STATEMENT
from acra_twisted.stagerun import StageRun
from acra_twisted.verdicts import PASS


class Runs(SynchronousTestCase):
    def test_one_is_of_one_verdict(self):
        run = StageRun("censor", STATEMENT, PASS, 2, 5)
        self.assertEqual((run.stage, run.kind, run.runs), ("censor", STATEMENT, 1))
        self.assertEqual((run.verdict, run.ended - run.started), (PASS, 3))

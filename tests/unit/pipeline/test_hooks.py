"""Work finds its hooks, in order."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.model import (
    COLUMNS,
    MESSAGES,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Columns,
    Exchange,
    Work,
)
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session
from tests.support.stages import Everything


class Hooks(SynchronousTestCase):
    def test_work_finds_its_hooks(self):
        first, second = Everything("first"), Everything("second")
        pipeline = Pipeline([first, second])
        self.assertEqual(pipeline.inspects, {STATEMENT, PARAMETERS, ROWS, MESSAGES})
        exchange = Exchange(make_session(), "query", None, 1)
        for kind in (STATEMENT, PARAMETERS):
            self.assertEqual(pipeline.run(Work(kind, None, exchange)).reason, "first")
        self.assertIs(pipeline.run(Work(COLUMNS, Columns([], [], [], []), exchange)), PASS)
        self.assertEqual(exchange.notes["planned"], ["second", "first"])
        self.assertIs(pipeline.run(Work(ROWS, None, exchange)), PASS)
        # Replies run the list backwards.
        self.assertEqual(pipeline.run(Work(MESSAGES, None, exchange)).reason, "second")

    def test_an_empty_pipeline_inspects_nothing(self):
        self.assertEqual(Pipeline().inspects, frozenset())

"""Traces in memory and in the history, as one list."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.pages.finding import ENOUGH, find, records_of
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.pages.search import Filters
from acra_twisted.telemetry.tracing.store import SpanStore
from tests.support.histories import NOW, piece
from tests.support.kepttraces import a_trace
from tests.support.pasts import History
from tests.support.stepping import returned


class Found(SynchronousTestCase):
    def setUp(self):
        self.store = SpanStore()
        self.recent = a_trace(self.store, NOW + 500)
        # The history has it as well.
        self.history = History(piece(1), piece(2, start=NOW + 50), piece(3, trace_id=self.recent))
        self.kept = KeptTraces("acra-server", self.store, past=self.history.past)

    def find(self, **arguments):
        return returned(find(self.kept, Filters.of(arguments)))

    def test_both_the_newest_first(self):
        finding = self.find()
        self.assertEqual(
            [match.trace_id for match in finding.matches], [self.recent, f"{2:032x}", f"{1:032x}"]
        )
        self.assertEqual(finding.trouble, "")
        records = returned(records_of(self.kept, finding, finding.matches))
        self.assertEqual([len(records[match.trace_id]) for match in finding.matches], [4, 1, 1])

    def test_a_part_is_taken_of_the_whole(self):
        self.assertEqual(len(self.find(limit="1", offset="2").matches), 3)

    def test_where_memory_has_more_than_is_shown(self):
        for number in range(ENOUGH):
            a_trace(self.store, NOW + 1000 + number)
        self.assertFalse(self.find(limit="1").whole)
        self.assertEqual(self.history.begun, 0)
        # Memory has too few behind what is shown.
        self.find(limit="1", offset="1")
        self.assertEqual(self.history.begun, 1)
        # What is looked for may be older.
        self.assertTrue(self.find(limit="1", database="shop").whole)
        self.assertEqual(self.history.begun, 2)

    def test_the_history_is_asked_while_memory_is_searched(self):
        steps = find(self.kept, Filters.of({}))
        next(steps)
        self.assertEqual(self.history.begun, 1)
        self.assertEqual(len(returned(steps).matches), 3)

    def test_a_trace_is_told_of_with_all_its_requests(self):
        trace_id = f"{9:032x}"
        self.history = History(
            piece(1, trace_id=trace_id, verdict="deny"),
            piece(2, trace_id=trace_id, name="SELECT x"),
        )
        self.kept.past = self.history.past
        (match,) = [one for one in self.find().matches if one.trace_id == trace_id]
        self.assertEqual(match.verdicts, ("deny", "allow"))
        self.assertEqual(len(match.among.names), 2)
        for arguments in ({"verdict": "deny"}, {"verdict": "allow"}, {"summary": "SELECT x"}):
            self.assertIn(trace_id, [one.trace_id for one in self.find(**arguments).matches])

    def test_a_trace_is_named_by_the_part_with_the_weightier_verdict(self):
        trace_id = f"{9:032x}"
        parts = ({"name": "SELECT x"}, {"verdict": "deny", "name": "SELECT salaries"})
        for first, second in (parts, parts[::-1]):
            self.history = History(
                piece(1, trace_id=trace_id, **first), piece(2, trace_id=trace_id, **second)
            )
            self.kept.past = self.history.past
            finding = self.find()
            (match,) = [one for one in finding.matches if one.trace_id == trace_id]
            self.assertEqual((match.name, match.verdict), ("SELECT salaries", "deny"))
            self.assertEqual(finding.numbers[trace_id], 2 if first is parts[0] else 1)

    def test_without_a_history(self):
        self.kept.past = None
        finding = self.find()
        self.assertEqual([match.trace_id for match in finding.matches], [self.recent])
        self.assertEqual(len(returned(records_of(self.kept, finding, finding.matches))), 1)

    def test_a_history_that_is_away(self):
        finding = self.find()
        self.history.trouble = HistoryAway("it is locked")
        records = returned(records_of(self.kept, finding, finding.matches))
        self.assertEqual(records[f"{1:032x}"], [])
        finding = self.find()
        self.assertEqual(([match.trace_id for match in finding.matches]), [self.recent])
        self.assertEqual((finding.trouble, finding.whole), ("it is locked", False))

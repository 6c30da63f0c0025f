"""Answers of what stands behind the daemon; see also the tests of the overview."""

from types import SimpleNamespace

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.behind import is_answered, problem
from acra_twisted.telemetry.figures.rows import Row
from tests.support.hours import ACCOUNT, Hour
from tests.support.stepping import returned


class Behind(SynchronousTestCase):
    def test_requests_that_were_answered(self):
        for calls, errors, lost, denied, expected in (
            (0, 0, 0, 0, False),
            (3, 1, 1, 1, False),
            (4, 1, 1, 1, True),
        ):
            row = Row()
            row.calls, row.errors, row.lost, row.denied = calls, errors, lost, denied
            self.assertEqual(is_answered(row), expected)

    def test_it_is_tried_only_where_no_request_tells(self):
        away = SimpleNamespace(problem=lambda: succeed("database cannot be reached"))
        for minute, expected in ((2, ""), (3, "database cannot be reached")):
            hour = Hour()
            hour.pass_to(minute)
            hour.ask(minute, ACCOUNT)
            hour.pass_to(1)
            self.assertEqual(returned(problem(hour.sources._replace(reach=lambda: away))), expected)

    def test_where_nothing_stands_behind(self):
        self.assertEqual(returned(problem(Hour().sources)), "")

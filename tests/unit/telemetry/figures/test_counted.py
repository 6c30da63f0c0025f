"""Counting one request: the parts of its time, its outcome, and what its stages did."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import PARAMETERS, ROWS, STATEMENT
from acra_twisted.session import IN_TRANSACTION, Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import START, a_request, only


class OneRequest(SynchronousTestCase):
    def setUp(self):
        self.counter = ShapeCounter(START)
        self.session = make_session()

    def layers(self, *requests):
        for request in requests:
            self.counter.exchange_closed(request)
        row = only(self.counter)
        return {name: layer.total for name, layer in row.layers.items()}

    def test_time_is_parted(self):
        runs = [
            StageRun("censor", STATEMENT, PASS, START + 1, START + 4),
            StageRun("censor", PARAMETERS, PASS, START + 4, START + 5),
            StageRun("decryptor", ROWS, PASS, START + 22, START + 27),
        ]
        request = a_request(self.session, stage_runs=runs)
        self.assertEqual(
            self.layers(request),
            {
                "whole": 30,
                "proxy": 6,
                "stage censor": 4,
                "first byte": 10,
                "rows": 5,
                "stage decryptor": 5,
            },
        )

    def test_a_stage_counts_once_for_a_request(self):
        runs = [StageRun("censor", STATEMENT, PASS, START, START + 1) for _ in range(3)]
        self.counter.exchange_closed(a_request(self.session, stage_runs=runs))
        self.assertEqual(only(self.counter).layers["stage censor"].count, 1)

    def test_a_refused_one_was_never_at_the_database(self):
        runs = [StageRun("censor", STATEMENT, PASS, START + 1, START + 4)]
        request = a_request(self.session, times=(0, 0, 9), outcome="denied", stage_runs=runs)
        self.assertEqual(self.layers(request), {"whole": 9, "proxy": 6, "stage censor": 3})

    def test_a_reply_without_a_first_byte(self):
        request = a_request(self.session, times=(10, 0, 30), outcome="lost")
        self.assertEqual(
            self.layers(request), {"whole": 30, "proxy": 10, "first byte": 20, "rows": 0}
        )

    def test_the_time_of_an_aborted_one_says_nothing(self):
        self.assertEqual(self.layers(a_request(self.session, outcome="aborted")), {})

    def test_outcomes_and_classes(self):
        for outcome, code in (
            *(("ok", ""), ("error", "23505"), ("error", "23503"), ("error", "x")),
            *(("denied", "42501"), ("lost", ""), ("aborted", ""), ("error", "\N{BULLET}201")),
        ):
            self.counter.exchange_closed(a_request(self.session, outcome=outcome, status_code=code))
        row = only(self.counter)
        counts = (row.calls, row.errors, row.denied, row.lost, row.aborted)
        self.assertEqual(counts, (8, 4, 1, 1, 1))
        self.assertEqual(row.classes, {"23": 2, "??": 2})

    def test_one_that_a_poison_record_ended_is_poisoned_alone(self):
        for outcome in ("denied", "error", "ok"):
            self.counter.exchange_closed(
                a_request(self.session, outcome=outcome, attributes={"acra.poison_records": 1})
            )
        row = only(self.counter)
        self.assertEqual((row.calls, row.poisoned), (3, 3))
        counts = (row.errors, row.denied, row.lost, row.aborted)
        self.assertEqual((counts, row.classes), ((0, 0, 0, 0), {}))

    def test_bytes_rows_protocol_and_poison(self):
        self.session.transaction = IN_TRANSACTION
        self.counter.exchange_closed(
            a_request(
                self.session,
                kind="execute",
                rows=5,
                traffic=Traffic(1, 2, 3, 4),
                attributes={"acra.poison_records": 2},
            )
        )
        self.session.transaction = "idle"
        self.counter.exchange_closed(a_request(self.session, rows=-1))
        row = only(self.counter)
        self.assertEqual((row.rows, row.received, row.sent), (5, 1, 2))
        self.assertEqual((row.prepared, row.in_transaction, row.poisoned), (1, 1, 1))

    def test_each_stage_of_many_runs_has_its_own_time(self):
        runs = [
            StageRun("censor", STATEMENT, PASS, START, START + 2),
            StageRun("encryptor", STATEMENT, PASS, START + 2, START + 5),
            StageRun("censor", PARAMETERS, PASS, START + 5, START + 9),
        ]
        found = self.layers(*(a_request(self.session, stage_runs=runs) for _ in range(2)))
        self.assertEqual((found["stage censor"], found["stage encryptor"]), (12, 6))
        self.assertEqual(found["proxy"], 2)

    def test_a_stage_of_an_aborted_one_is_not_part_of_the_times(self):
        runs = [StageRun("censor", STATEMENT, PASS, START + 1, START + 4)]
        aborted = a_request(self.session, outcome="aborted", stage_runs=runs)
        self.assertEqual(self.layers(aborted), {})

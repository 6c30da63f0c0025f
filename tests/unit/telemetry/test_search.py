"""Search among the traces that are kept."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.search import Filters, Unfit, search
from acra_twisted.telemetry.spans import Span
from acra_twisted.telemetry.zstore import Kept
from tests.support.webpages import most_between


def exchange(trace_id, client_id, verdict, milliseconds):
    span = Span("SELECT t", trace_id * 32, "", 1, 10**18, True)
    span.end = span.start + milliseconds * 10**6
    span.add_attribute("acra.client_id", client_id)
    span.add_attribute("acra.verdict", verdict)
    return span


def failed(status, *of_exchange):
    span = exchange(*of_exchange)
    span.fail(status, "why")
    return span


TRACES = [
    Kept(
        "1" * 32,
        [Span("handleConnection", "1" * 32, "", 1, 1, True), exchange("1", "a", "allow", 5)],
    ),
    Kept("2" * 32, [failed(7, "2", "a", "deny", 1), exchange("2", "b", "allow", 50)]),
    Kept("3" * 32, [exchange("3", "b", "allow", 7), failed(2, "3", "c", "allow", 1)]),
]


def matches(traces, filters):
    return [match for match in search(traces, filters) if match is not None]


class Search(SynchronousTestCase):
    def found(self, **asked):
        return "".join(match.trace_id[0] for match in matches(TRACES, Filters.of(asked)))

    def test_filters(self):
        for asked, expected in (
            ({}, "123"),
            ({"trace_id": "22"}, "2"),
            ({"trace_id": " 3" + "3" * 31}, "3"),
            ({"client_id": "a"}, "12"),
            ({"verdict": "DENY"}, "2"),
            ({"verdict": "error"}, "3"),
            ({"verdict": "error", "client_id": "b"}, ""),
            ({"min_ms": "6.5"}, "23"),
            # One span must fit it all: b denied nothing.
            ({"client_id": "b", "verdict": "deny"}, ""),
            ({"client_id": "a", "min_ms": "5"}, "1"),
        ):
            self.assertEqual(self.found(**asked), expected, asked)

    def test_the_span_that_fits_is_shown(self):
        [match] = matches(TRACES, Filters(verdict="deny"))
        self.assertEqual((match.name, match.took, match.client_id), ("SELECT t", 10**6, "a"))
        self.assertEqual((match.spans, match.verdict), (2, "deny"))

    def test_others_have_their_turn_while_many_spans_are_looked_at(self):
        looked_at = []

        class Look(Filters):
            def fit(self, span):
                looked_at.append(span)
                return False

        spans = [Span("x", "4" * 32, "", 1, 1, True) for _ in range(500)]
        most = most_between(search([Kept("4" * 32, spans)] * 3, Look()), lambda: len(looked_at))
        self.assertEqual((most, len(looked_at)), (16, 1500))

    def test_what_is_no_number(self):
        for wrong in ("x", "-1", "nan", "inf", "1e300"):
            self.assertRaises(ValueError, Filters.of, {"min_ms": wrong})

    def test_what_cannot_be_asked_for_is_answered_with_what_can(self):
        for asked, known in (
            ({"verdict": "errors"}, "allow, deny, error"),
            ({"verdict": "nonsense"}, "allow, deny, error"),
            ({"trace_id": "xyz"}, "hex digits"),
            ({"trace_id": "1" * 33}, "hex digits"),
        ):
            error = self.assertRaises(Unfit, Filters.of, asked)
            self.assertIn(known, str(error))

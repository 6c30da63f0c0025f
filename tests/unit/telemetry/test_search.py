"""Search among the traces that are kept."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.search import Filters, search
from acra_twisted.telemetry.spans import Span


def exchange(trace_id, client_id, verdict, milliseconds):
    span = Span("SELECT t", trace_id * 32, "", 1, 10**18, True)
    span.end = span.start + milliseconds * 10**6
    span.add_attribute("acra.client_id", client_id)
    span.add_attribute("acra.verdict", verdict)
    return span


TRACES = [
    (
        "1" * 32,
        [Span("handleConnection", "1" * 32, "", 1, 1, True), exchange("1", "a", "allow", 5)],
    ),
    ("2" * 32, [exchange("2", "a", "deny", 1), exchange("2", "b", "allow", 50)]),
    ("3" * 32, [exchange("3", "b", "allow", 7)]),
]


class Search(SynchronousTestCase):
    def found(self, **asked):
        return "".join(match.trace_id[0] for match in search(TRACES, Filters.of(asked)))

    def test_filters(self):
        for asked, expected in (
            ({}, "123"),
            ({"trace_id": "22"}, "2"),
            ({"trace_id": " 3" + "3" * 31}, "3"),
            ({"client_id": "a"}, "12"),
            ({"verdict": "DENY"}, "2"),
            ({"min_ms": "6.5"}, "23"),
            # One span must fit it all: b denied nothing.
            ({"client_id": "b", "verdict": "deny"}, ""),
            ({"client_id": "a", "min_ms": "5"}, "1"),
        ):
            self.assertEqual(self.found(**asked), expected, asked)

    def test_the_span_that_fits_is_shown(self):
        [match] = search(TRACES, Filters(verdict="deny"))
        self.assertEqual((match.name, match.took, match.client_id), ("SELECT t", 10**6, "a"))
        self.assertEqual((match.spans, match.verdict), (2, "deny"))

    def test_fifty_at_most(self):
        self.assertEqual(len(search(TRACES * 100, Filters())), 50)

    def test_what_is_no_number(self):
        for wrong in ("x", "-1", "nan", "inf", "1e300"):
            self.assertRaises(ValueError, Filters.of, {"min_ms": wrong})

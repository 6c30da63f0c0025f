"""Search among the traces that are kept, and what became of their requests."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.pages.found import Matches
from acra_twisted.telemetry.pages.matching import Among, joined, search
from acra_twisted.telemetry.pages.search import FILTERS, VERDICTS, Filters, Unfit
from acra_twisted.telemetry.tracing.kept import Kept
from acra_twisted.telemetry.tracing.spans import Span
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


def described(trace_id, milliseconds=1, **attributes):
    span = exchange(trace_id, "a", "allow", milliseconds)
    for name, value in attributes.items():
        span.add_attribute(name.replace("_", "."), value)
    return Kept(trace_id * 32, [span])


def described_request(verdict, status, is_slow, is_poisoned, name):
    span = Span(name, "1" * 32, "", 1, 10**18, True)
    span.end = span.start + 10**6
    known = {"db.namespace": "shop", "acra.verdict": verdict, "acra.slow": is_slow}
    known["acra.poison_records"] = 1 if is_poisoned else 0
    for key, value in known.items():
        if value:
            span.add_attribute(key, value)
    if status:
        span.fail(status, "why")
        span.add_attribute("error.type", "40P01")
    return span


def connection(trace_id, milliseconds):
    span = Span("handleConnection", trace_id * 32, "", 1, 10**18, True)
    span.end = span.start + milliseconds * 10**6
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
    def test_the_error_and_the_shape(self):
        shape = shape_of("postgresql", "shop", "query", Redacted("SELECT a FROM t WHERE b = ?", ""))
        known = {"db_namespace": "shop", "db_system_name": "postgresql"}
        text = {"db.query.text": "SELECT a FROM t WHERE b = ?"}
        kept = [described("1", **known, error_type="40P01"), described("2", **known)]
        for one in kept[1].spans():
            one.attributes.update(text)
        self.assertEqual(
            [match.trace_id[0] for match in matches(kept, Filters.of({"error": "40p01"}))], ["1"]
        )
        self.assertEqual(
            [match.trace_id[0] for match in matches(kept, Filters.of({"shape": shape.id}))], ["2"]
        )
        ended = described("3", error_type="lost")
        for asked, count in (("lost", 1), ("LOST", 0), ("40P01", 0)):
            self.assertEqual(len(matches([ended], Filters.of({"error": asked}))), count)

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

    def test_requests_are_ranked_and_connections_apart(self):
        traces = [
            Kept("5" * 32, [connection("5", 10**6), exchange("5", "a", "allow", 3)]),
            Kept("6" * 32, [connection("6", 5), exchange("6", "a", "allow", 4)]),
            Kept("7" * 32, [connection("7", 10**7)]),
        ]
        for asked, expected in (
            ({}, [("7", 10**7), ("6", 4), ("5", 3)]),
            ({"sort": "slowest"}, [("6", 4), ("5", 3)]),
            ({"min_ms": "4"}, [("6", 4)]),
            ({"max_ms": "3"}, [("5", 3)]),
            ({"of": "connections", "sort": "slowest"}, [("7", 10**7), ("5", 10**6), ("6", 5)]),
            ({"of": "connections", "max_ms": "9"}, [("6", 5)]),
        ):
            filters = Filters.of(asked)
            listed = Matches(matches(traces, filters)).listed(filters)
            found = [(m.trace_id[0], m.took // 10**6) for m in listed.matches]
            self.assertEqual(found, expected, asked)

    def test_what_a_request_did_and_for_whom(self):
        first = {"db_query_summary": "SELECT shop.Account card", "db_query_text": "SELECT a, ?"}
        traces = [
            described("1", **first, user_name="ann", db_namespace="shop"),
            described("2", db_query_summary="SELECT accounting", db_query_text="SELECT 'x'"),
        ]
        for asked, expected in (
            ({"table": "account"}, "1"),
            ({"table": "shop.account"}, "1"),
            ({"table": "CARD"}, "1"),
            ({"table": "shop"}, ""),
            ({"statement": "select"}, "12"),
            ({"statement": "a, ?"}, "1"),
            ({"user": "ann"}, "1"),
            ({"user": "an"}, ""),
            ({"database": "shop"}, "1"),
        ):
            found = matches(traces, Filters.of(asked))
            self.assertEqual("".join(m.trace_id[0] for m in found), expected, asked)

    def test_when(self):
        traces = [described("1", 1000)]
        begin, end = 10**18, 10**18 + 10**9
        self.assertEqual(Filters.of({"since": "1s"}, end).since, begin)
        self.assertEqual(Filters.of({"since": "1.5m ago"}, end).since, end - 90 * 10**9)
        self.assertEqual(Filters.of({"until": "2001-09-09T01:46:40Z"}).until, begin)
        self.assertEqual(Filters.of({"until": "2001-09-09T01:46:40"}).until, begin)
        for asked, expected in (
            (Filters(since=end), 1),
            (Filters(since=end + 1), 0),
            (Filters(until=begin), 1),
            (Filters(until=begin - 1), 0),
        ):
            self.assertEqual(len(matches(traces, asked)), expected)

    @given(st.dictionaries(st.sampled_from([*FILTERS, "format", "x"]), st.text(max_size=210)))
    def test_whatever_is_asked_for(self, asked):
        try:
            filters = Filters.of(asked, 10**18)
        except Unfit:
            return
        matches(TRACES, filters)

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

    def test_each_request_has_one_verdict(self):
        poisoned = failed(7, "1", "a", "deny", 1)
        poisoned.add_attribute("acra.poison_records", 1)
        slow = exchange("1", "a", "allow", 9)
        slow.add_attribute("acra.slow", True)
        trace = Kept("1" * 32, [exchange("1", "a", "allow", 9), slow, poisoned])
        for verdict, took in (("poison", 1), ("slow", 9), ("allow", 9), ("deny", 0), ("error", 0)):
            found = matches([trace], Filters.of({"verdict": verdict}))
            self.assertEqual([one.took // 10**6 for one in found], [took] if took else [], verdict)
        (match,) = matches([trace], Filters())
        self.assertEqual(match.verdicts, ("poison", "slow", "allow"))
        self.assertEqual(match.among, Among(("SELECT t",), ("a",), ()))

    def test_what_a_connector_saw_of_a_request_is_no_other_one(self):
        seen = failed(2, "1", "a", "allow", 9)
        del seen.attributes["acra.verdict"]
        seen.add_attribute("db.namespace", "shop")
        denied = seen.child("SELECT t", 1, seen.start)
        denied.end = seen.end
        denied.add_attribute("acra.verdict", "deny")
        denied.fail(7, "why")
        (match,) = matches([Kept("1" * 32, [seen, denied])], Filters())
        self.assertEqual(match.verdicts, ("deny",))
        # Alone it is told of as it was seen.
        (match,) = matches([Kept("1" * 32, [seen])], Filters())
        self.assertEqual(match.verdicts, ("error",))
        self.assertEqual(matches([Kept("1" * 32, [seen, denied])], Filters(verdict="error")), [])

    @given(
        st.lists(
            st.lists(
                st.builds(
                    described_request,
                    st.sampled_from(["allow", "deny", ""]),
                    st.sampled_from([0, 2, 7]),
                    st.booleans(),
                    st.booleans(),
                    st.sampled_from(["SELECT a", "SELECT b"]),
                ),
                min_size=1,
                max_size=4,
            ),
            max_size=5,
        )
    )
    def test_what_is_told_of_them_is_what_a_search_for_it_finds(self, traces):
        kept = [Kept(f"{number:032x}", spans) for number, spans in enumerate(traces)]
        found = matches(kept, Filters())
        for verdict in VERDICTS:
            told = [one.trace_id for one in found if verdict in one.verdicts]
            self.assertEqual([m.trace_id for m in matches(kept, Filters(verdict=verdict))], told)
        for name in ("SELECT a", "SELECT b"):
            told = [one.trace_id for one in found if name in one.among.names]
            self.assertEqual([m.trace_id for m in matches(kept, Filters(summary=name))], told)
        for error in ("40P01",):
            told = [one.trace_id for one in found if error in one.among.errors]
            self.assertEqual([m.trace_id for m in matches(kept, Filters(error=error))], told)

    def test_a_trace_is_named_by_the_request_that_its_verdict_is_of(self):
        long = exchange("a", "ann", "allow", 90)
        denied = exchange("a", "ann", "deny", 2)
        connector = Span("SELECT t", "a" * 32, "", 1, 10**18, True)
        connector.end = connector.start + 3 * 10**6
        connector.attributes = {"db.namespace": "shop"}
        denied.parent_id = connector.span_id
        for span, name in ((long, "INSERT a"), (denied, "SELECT b"), (connector, "SELECT b")):
            span.name = name
        denied.fail(7, "42000")
        for spans, took in (([long, denied], 2), ([connector, denied, long], 3)):
            (match,) = filter(None, search([Kept("a" * 32, spans)], Filters()))
            self.assertEqual((match.name, match.took), ("SELECT b", took * 10**6))
            self.assertEqual(match.verdicts, ("deny", "allow"))
            self.assertEqual(match.verdict, "deny")
        # A search finds what fits it, the longest first.
        (match,) = filter(None, search([Kept("a" * 32, [long])], Filters()))
        self.assertEqual(match.name, "INSERT a")

    def test_parts_of_a_trace_are_told_of_together(self):
        first, second = (
            matches([Kept("1" * 32, [failed(2, "1", client, verdict, 1)])], Filters())[0]
            for client, verdict in (("a", "allow"), ("b", "deny"))
        )
        both = joined(first, second)
        self.assertEqual(both.verdicts, ("deny", "error"))
        self.assertEqual(both.among.clients, ("a", "b"))
        self.assertEqual(
            both._replace(verdicts=(), among=Among()), second._replace(verdicts=(), among=Among())
        )

"""Search among plain requests, whose spans nobody makes for it."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.pages.matching import search
from acra_twisted.telemetry.pages.search import Filters
from acra_twisted.telemetry.tracing.kept import Kept
from acra_twisted.telemetry.tracing.recorded import Recorder
from tests.support.profiled import profiled
from tests.support.recordings import START, record

#: That of a server, and that of a connector, which sees no database and has no stages: how many
#: stages there may be.  Each has its own requests in its store, and gets others' as spans.
RECORDERS = {Recorder(("db", 5432), 3_000_000): 2, Recorder(None, 3_000_000): 0}
TEXTS = [b"SELECT 1 FROM t", b"UPDATE shop.goods SET a = 'x'", None]
SHAPE = shape_of("postgresql", "shop", "query", Redacted("SELECT ? FROM t", "SELECT t"))


def traces(recorder):
    """A daemon's traces: of each, its requests."""
    requests = st.builds(
        record,
        stages=st.integers(0, RECORDERS[recorder]),
        recorder=st.just(recorder),
        text=st.sampled_from(TEXTS),
        kind=st.sampled_from(["query", "execute", "prepare", "startup"]),
        start=st.integers(START, START + 4),
        took=st.sampled_from([2_000_000, 3_000_000, 5_000_000]),
        outcome=st.sampled_from(["ok", "ok", "ok", "error"]),
    )
    return st.lists(st.lists(requests, min_size=1, max_size=3), max_size=3)


def arguments():
    """Each filter, with something that fits and something that does not."""
    some = {
        "client_id": ["client", "other"],
        "user": ["nobody"],
        "database": ["shop", "other"],
        "statement": ["select", "goods SET", "nowhere"],
        "table": ["t", "goods", "shop.goods", "o"],
        "shape": [SHAPE.id, "0" * 16],
        "error": ["error", "42601"],
        "verdict": ["allow", "deny", "error", "slow", "poison"],
        "min_ms": ["2.5", "9"],
        "max_ms": ["2.5", "9"],
        "of": ["requests", "connections"],
        "sort": ["newest", "slowest"],
    }
    return st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in some.items()})


def matches(kept, filters):
    return [match for match in search(kept, filters) if match is not None]


class Plain(SynchronousTestCase):
    @given(
        st.sampled_from(list(RECORDERS)).flatmap(traces),
        arguments(),
        st.integers(-3_000_000, 6_000_000),
        st.booleans(),
    )
    def test_as_among_their_spans(self, traces, asked, moment, since):
        filters = Filters.of(asked)
        filters = filters._replace(**{"since" if since else "until": START + moment})
        kept = [Kept(f"{number:032x}", items) for number, items in enumerate(traces)]
        found = matches(kept, filters)
        spans = [
            Kept(one.trace_id, [span for item in items for span in item.spans()])
            for one, items in zip(kept, traces, strict=True)
        ]
        self.assertEqual(found, matches(spans, filters))

    def test_no_spans_are_made(self):
        requests = [record(2, took=1_000_000 * number) for number in (2, 5, 3)]
        kept = Kept("1" * 32, requests)
        (match,) = matches([kept], Filters.of({"statement": "from t", "verdict": "allow"}))
        self.assertEqual((match.took, match.spans), (5_000_000, 12))
        # They are made when somebody looks.
        self.assertEqual([one.span.attributes for one in requests], [{}] * 3)

    def test_requests_of_one_shape_cost_few_calls(self):
        """A page looks at all that is kept, which are some fifteen hundred."""
        kept = [Kept(f"{number:032x}", [record()]) for number in range(100)]
        calls = []

        def note(frame, event, argument):
            if event in ("call", "c_call"):
                calls.append(event)

        profiled(note, lambda: matches(kept, Filters()))
        self.assertLess(len(calls), 3_000)

    def test_others_have_their_turn(self):
        kept = [Kept(f"{number:032x}", [record()]) for number in range(64)]
        found = list(search(kept, Filters()))
        self.assertEqual((len(found), found.count(None)), (68, 4))
        # Also where nothing fits.
        self.assertEqual(list(search(kept, Filters(user="nobody"))), [None] * 4)

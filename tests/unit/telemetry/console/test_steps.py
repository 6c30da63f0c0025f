"""No view holds up sessions: each of its steps is a small one, whatever is kept."""

from itertools import count

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.logs.recent import RECENT_MAX, RecentEvents
from acra_twisted.telemetry.pages.kept import KeptTraces
from tests.support.crowds import Crowd
from tests.support.hours import NOW, Hour
from tests.support.incidents import line
from tests.support.kepttraces import a_trace, many, records_of
from tests.support.livesessions import a_connection, asked_by, some_session
from tests.support.profiled import profiled
from tests.support.webpages import most_between

#: Calls of a step at most, of Python's functions and of C's: a millisecond on a machine that is not
#: busy.  Compiled functions are not counted.
_CALLS = 12_000
_SPANS = 2000


class Given(KeptTraces):
    """Traces of which one comes from the history, with as many spans as that gives."""

    def __init__(self, store, records):
        super().__init__("acra-server", store)
        self._records = records

    def records(self, trace_id):
        yield ""
        if trace_id != self._records[0]["trace_id"]:
            return (yield from super().records(trace_id))
        return self._records


class Steps(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        hour = Hour().slow_since(20)
        for number in range(300):
            hour.ask(1, b"SELECT a, b FROM part_%d WHERE id = 1" % number)
        connection = a_connection(5, NOW - 9 * 10**9)
        for number in range(250):
            for span in asked_by(connection, NOW - 8 * 10**9 + number * 10**6, own=True):
                hour.store.add(span)
        hour.store.add(connection)
        slow = a_trace(hour.store, NOW - 10**9, first=41_000)
        spans = many(NOW - 60 * 10**9, _SPANS // 5)
        recent = RecentEvents("acra-server")
        for number in range(RECENT_MAX):
            recent(line(when=NOW - 3_000_000_000 * number, query=f"SELECT {number}", session_id=5))
        crowd = Crowd()
        for number in range(150):
            crowd.ask(
                3, f"client {number}", 2, connector=f"10.0.{number}.1", database=b"d%d" % number
            )
        live = [some_session(900 + n, b"SELECT a FROM t WHERE b = 1", number=n) for n in range(300)]
        cls.console = Console(
            "acra-server",
            hour.sources._replace(
                traces=Given(hour.store, records_of(spans)),
                events=recent,
                sessions=lambda: live,
                edges=crowd.edges,
            ),
        )
        cls.console.prepare()
        cls.arguments = {
            "statement": {"id": hour.shape("orders")},
            "trace": {"id": spans[0].trace_id},
            "compare": {"id": spans[0].trace_id, "with": slow},
            "session": {"id": "5"},
        }

    def most(self, name, form):
        """The calls of the largest step of a page."""
        calls = count()
        made = [0]

        def counting(frame, event, argument):
            if event in ("call", "c_call"):
                made[0] = next(calls)

        arguments = {**self.arguments.get(name, {}), "format": form}
        pieces = self.console.page(VIEWS[name], arguments).pieces
        return profiled(counting, lambda: most_between(pieces, lambda: made[0]))

    def test_html(self):
        found = {name: self.most(name, "html") for name in VIEWS}
        self.assertEqual({name: calls for name, calls in found.items() if calls > _CALLS}, {})

    def test_json(self):
        found = {name: self.most(name, "json") for name in VIEWS}
        self.assertEqual({name: calls for name, calls in found.items() if calls > _CALLS}, {})

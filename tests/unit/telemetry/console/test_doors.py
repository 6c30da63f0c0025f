"""Numbers of the console's pages that are links lead to as many things."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site.frame import PREFIX, VIEWS, Console
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.pages.rendering import NotKept
from tests.support.consolequestions import QUESTIONS
from tests.support.consolestory import several, story
from tests.support.crowds import Crowd
from tests.support.doors import Door, arguments_of, doors_of, wrong_doors
from tests.support.hours import ACCOUNT, CARD, MINUTE, NOW, ORDERS, Hour
from tests.support.incidents import SECOND, line
from tests.support.kepttraces import a_trace
from tests.support.livesessions import some_session
from tests.support.webpages import body

#: Views that need no arguments.
_EACH = [f"{PREFIX}{name}" for name in VIEWS if name not in ("statement", "trace", "session")]


def wrong(console, starts=_EACH):
    """Return the doors of a console's pages, from some pages on, that lead to another number."""

    def ask(address):
        view, arguments = arguments_of(address)
        try:
            page = body(console.page(VIEWS[view], arguments))
        except NotKept:
            return ""
        if ' href=""' in page:
            raise AssertionError(f"{address} has a link that leads nowhere")
        return page

    found = wrong_doors(ask, list(starts))
    return [(door.page, door.text, door.href, things) for door, things in found]


def mixed():
    """A console whose figures, events and traces are of the same requests: some were denied, one of
    them because it cannot be read; some failed, and one was ended by a poison record."""
    hour, crowd, recent = Hour(), Crowd(), RecentEvents("acra-server")
    ends = [
        (ORDERS, {}, {}, 0),
        (ORDERS, {"outcome": "error"}, {"status": 2, "error.type": "40P01"}, 0),
        (ACCOUNT, {"outcome": "denied"}, {"status": 7, "verdict": "deny"}, 560),
        (CARD, {"outcome": "denied"}, {"status": 7, "verdict": "deny"}, 563),
        (CARD, {"outcome": "denied"}, {"status": 7, "verdict": "deny", "poison_records": 1}, 587),
        (CARD, {"outcome": "ok"}, {"poison_records": 2}, 587),
    ]
    number = 0
    for minute in (70, 3, 1):
        hour.pass_to(minute)
        for place, (text, figures, known, code) in enumerate(ends):
            poisoned = {"acra.poison_records": 1} if "poison_records" in known else {}
            hour.ask(minute, text, place + 1, attributes=poisoned or None, **figures)
            crowd.ask(
                minute,
                "shop",
                place + 1,
                outcome="ok" if poisoned else figures.get("outcome", "ok"),
            )
            for _ in range(place + 1):
                number += 1
                when = NOW - minute * MINUTE + number * SECOND // 4
                summary = text.decode().partition(" WHERE")[0]
                trace_id = a_trace(hour.store, when, summary=summary, **known)
                span_id = f"{number:016x}"
                # A poison record that ends a connection is told of twice.
                for one in [code] * (1 + (code == 587)) if code else []:
                    recent(line(one, when, client_id="shop", span_id=span_id, trace_id=trace_id))
    live = [
        some_session(9 * number, ORDERS if number % 2 else b"", number=number)
        for number in range(5)
    ]
    sources = hour.sources._replace(events=recent, edges=crowd.edges, sessions=lambda: live)
    return Console("acra-server", sources)


class Doors(SynchronousTestCase):
    def test_requests_that_ended_in_all_ways(self):
        console = mixed()
        self.assertEqual(wrong(console), [])
        # They are there: of 6 and 8 requests that were denied, those that read nothing.
        page = body(console.page(VIEWS["overview"], {}))
        doors = {door.text for door in doors_of("/console/overview", page) if door.numbers}
        self.assertLessEqual({"14", "22", "4", "22 requests read a poison record"}, doors)

    def test_a_planted_hour(self):
        for console, pages in (story(), several()):
            self.assertEqual(wrong(console, pages.values()), [])

    def test_each_question(self):
        for name in ("rules", "siem", "incident"):
            question = QUESTIONS[name]()
            starts = [question.address.partition("#")[0], f"{PREFIX}overview"]
            self.assertEqual(wrong(question.console, starts), [], name)

    def test_numbers_are_found(self):
        page = (
            '<a href="?a=1">3 denied</a> <a href="/console/x">1,204</a> <a href="/y">5</a>'
            '<a href="/console/trace?id=1">12:05:01.200</a><a href="/console/z">2 to 4 ms</a>'
            '<nav aria-label="Time range"><a href="?range=1h">15 min</a></nav>'
        )
        found = doors_of("/console/security", page)
        self.assertEqual([one.numbers for one in found], [[3], [1204], [], []])
        self.assertEqual(found[0], Door("/console/security", "/console/security?a=1", "3 denied"))

    def test_one_that_leads_elsewhere_is_found(self):
        def ask(address):
            if "format=json" in address:
                return '{"found": 2, "counted": null}'
            return '<a href="/console/traces?a=1">3 denied</a>'

        ((door, things),) = wrong_doors(ask, ["/console/overview"])
        self.assertEqual((door.numbers, things), ([3], [2, None]))

"""The view of sessions: situations are planted, and its sentence and JSON tell them."""

from urllib.parse import parse_qsl, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.session import Identity
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import sessions
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.hours import Hour
from tests.support.livesessions import MOMENT, MS, a_connection, asked_by, some_session
from tests.support.stepping import returned
from tests.support.webpages import body

ORDERS = b"SELECT a FROM orders WHERE b = 'secret'"


def keep(hour, *spans):
    for span in spans:
        hour.store.add(span)


class Sessions(SynchronousTestCase):
    def view(self, *live, **arguments):
        sources = Hour(1).sources._replace(sessions=lambda: list(live))
        gathered = returned(sessions.gather(sources, sessions.asked(arguments, 0)))
        self.shown = returned(sessions.shown(gathered))
        return sessions.as_json(gathered)

    def said(self, *live):
        answer = self.view(*live)["answer"]
        return answer["rules"], answer["text"]

    def test_one_waits_for_the_database(self):
        waiting = some_session(1420, ORDERS, number=2138)
        self.assertEqual(
            self.said(some_session(5), waiting, some_session(9, ORDERS)),
            (
                ["waiting"],
                "2 of 3 sessions wait for the database, one of them for 1.42 s: session 2138 of "
                "client.",
            ),
        )
        self.assertEqual(self.said(some_session(499, ORDERS))[0], ["nothing"])

    def test_many_with_long_statements_keep_to_the_budget(self):
        text = b'SELECT "%s" FROM t' % b'","'.join(b"column %d" % one for one in range(140))
        live = [some_session(1000 + n, text, number=n, transaction=900) for n in range(60)]
        hour = Hour(1)
        for number, session in enumerate(live):
            session.span = a_connection(number, MOMENT - 90_000 * MS, ended=False)
            for request in range(5):
                begin = MOMENT - (50_000 - 9_000 * request) * MS + number
                keep(hour, *asked_by(session.span, begin, own=True))
        sources = hour.sources._replace(sessions=lambda: live)
        page = body(Console("acra-server", sources).page(sessions.VIEW, {}))
        self.assertLess(len(page), 60_000)
        self.assertIn("kept requests in the last minute", page)

    def test_the_last_minute(self):
        hour = Hour(1)
        one, other = some_session(20, number=5), some_session(30_000, number=6, transaction=30_000)
        one.span, other.span = (a_connection(n, MOMENT - 90_000 * MS, ended=False) for n in (5, 6))
        for begin, known in ((70_000, {}), (30_000, {}), (15_000, {"verdict": "deny"})):
            keep(hour, *asked_by(one.span, MOMENT - begin * MS, own=True, **known))
        sources = hour.sources._replace(sessions=lambda: [one, other])
        gathered = returned(sessions.gather(sources, sessions.asked({}, 0)))
        rows = {row["session_id"]: row for row in sessions.as_json(gathered)["sessions"]}
        starts = [MOMENT - part["start"] for part in rows[5]["last_minute"]]
        self.assertEqual([start // MS for start in starts], [30_000, 15_000])
        self.assertEqual(rows[6]["last_minute"], [])
        strips = {row["id"]: row["strip"] for row in returned(sessions.shown(gathered))["rows"]}
        self.assertIn('class="f-dbfirst" d="M120 5h1v12h-1z"', strips[5])
        self.assertIn('class="f-deny" d="M180 5h1v12h-1z"', strips[5])
        # Half a minute idle in a transaction.
        self.assertIn('class="f-other" d="M120 14h120v3h-120z"', strips[6])

    def test_one_is_held_in_the_proxy(self):
        self.assertEqual(
            self.said(some_session(700, ORDERS, sent=False)),
            (
                ["stage"],
                "A request has been in the proxy for 700 ms and was not sent to the database yet: "
                "session 7 of client.",
            ),
        )
        self.assertEqual(self.said(some_session(400, ORDERS, sent=False))[0], ["nothing"])

    def test_one_is_idle_in_a_transaction(self):
        idle = some_session(252_000, transaction=300_000, last=b"UPDATE account SET a = 5")
        self.assertEqual(
            self.said(idle),
            (
                ["transaction"],
                "client has been idle in a transaction for 4 min 12 s (session 7, last statement "
                "UPDATE account SET a = ?): it may hold locks that others wait for.",
            ),
        )
        self.assertEqual(self.said(some_session(9_000, transaction=99_000))[0], ["nothing"])
        both = [idle, some_session(2000, ORDERS)]
        self.assertEqual(self.said(*both)[0], ["waiting", "transaction"])

    def test_nobody_waits(self):
        self.assertEqual(self.said(), (["empty"], "No client is connected."))
        rules, text = self.said(some_session(5), some_session(5, ORDERS))
        self.assertEqual(rules, ["nothing"])
        self.assertEqual(text, "Nobody waits long: 2 sessions are open, 1 of them busy.")
        for live, end in (
            ([some_session(5)], "1 session is open, and it is not busy."),
            ([some_session(5, ORDERS)], "1 session is open, and it is busy."),
            ([some_session(5)] * 2, "2 sessions are open, none of them busy."),
            ([some_session(5, ORDERS)] * 2, "2 sessions are open, all of them busy."),
        ):
            self.assertEqual(self.said(*live)[1], f"Nobody waits long: {end}")

    def test_those_that_wait_come_first(self):
        starting = some_session(3, number=4)
        starting.ready = False
        data = self.view(
            some_session(9_000, number=6),
            some_session(1, number=5),
            starting,
            some_session(2, ORDERS, number=3),
            some_session(30, ORDERS, sent=False, number=2),
            some_session(900, transaction=1000, number=1),
        )
        self.assertEqual([row["session_id"] for row in data["sessions"]], [1, 2, 3, 4, 5, 6])
        found = [row["state"] for row in data["sessions"]]
        self.assertEqual(found, ["in_transaction", "stage", "database", "starting", "idle", "idle"])
        self.assertEqual(data["states"]["idle"], 2)
        first = data["sessions"][0]
        self.assertEqual((first["state_ms"], first["transaction_ms"]), (900.0, 1000.0))
        self.assertEqual(first["last_statement"], "SELECT a FROM t")
        self.assertNotIn("secret", str(data))

    def test_what_is_asked_for(self):
        live = [
            some_session(1, ORDERS, number=1),
            some_session(2, number=2),
            some_session(3, transaction=5, number=3),
        ]
        live[1].identity = Identity("other", "127.0.0.1", True)
        for arguments, numbers in (
            ({"which": "busy"}, [1]),
            ({"which": "transaction"}, [3]),
            ({"client": "other"}, [2]),
            ({"client": "other", "which": "busy"}, []),
        ):
            found = self.view(*live, **arguments)["sessions"]
            self.assertEqual([row["session_id"] for row in found], numbers)
        # Those of others are counted nowhere.
        for arguments, numbers in (({}, ("3", "1", "1")), ({"client": "other"}, ("1", "0", "0"))):
            self.view(*live, **arguments)
            counts = {name: number for name, number, _, _ in self.shown["which"]}
            names = ("all", "busy", "in transaction")
            self.assertEqual(counts, dict(zip(names, numbers, strict=True)))

    def test_each_state_is_a_list_of_its_own(self):
        live = [
            some_session(number, ORDERS if number % 2 else b"", number=number)
            for number in range(5)
        ]
        self.view(*live)
        doors = {title: (number, href) for _, title, number, href in self.shown["legend"]}
        self.assertEqual(set(doors), {"in the database", "idle"})
        for number, href in doors.values():
            asked = dict(parse_qsl(urlsplit(href).query))
            self.assertEqual(str(len(self.view(*live, **asked)["sessions"])), number)
            self.assertTrue(self.shown["state"])

    def test_what_cannot_be_asked_for(self):
        live = [some_session(1, ORDERS, number=1)]
        for wrong in ({"which": "none"}, {"client": "x" * 257}, {"range": "1h"}):
            with self.assertRaises(Unfit):
                self.view(*live, **wrong)

    @given(st.lists(st.integers(0, 10**6), max_size=120))
    def test_all_are_counted_and_some_are_shown(self, ages):
        data = self.view(*(some_session(age, ORDERS) for age in ages))
        self.assertEqual(data["states"]["database"], len(ages))
        self.assertEqual(data["fitting"], len(ages))
        found = [row["state_ms"] for row in data["sessions"]]
        self.assertEqual(found, [float(age) for age in sorted(ages, reverse=True)[:30]])

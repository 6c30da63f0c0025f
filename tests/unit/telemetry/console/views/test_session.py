"""The view of a session: situations are planted, and its sentence and JSON tell them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.session import Identity
from acra_twisted.telemetry.console.site.frame import Console
from acra_twisted.telemetry.console.views import session
from acra_twisted.telemetry.history.pieces import CONNECTION
from acra_twisted.telemetry.logs.recent import RecentEvents
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from tests.support.histories import piece, record
from tests.support.hours import NOW, Hour
from tests.support.incidents import line
from tests.support.livesessions import MS, a_connection, asked_by, some_session
from tests.support.pasts import History
from tests.support.stepping import plain, returned
from tests.support.webpages import body

BEGAN = NOW - 60_000 * MS


class Session(SynchronousTestCase):
    def setUp(self):
        hour = Hour(1)
        self.store = hour.store
        self.recent = RecentEvents("acra-server")
        self.sources = hour.sources._replace(events=self.recent)
        self.connection = a_connection(5, BEGAN, reason="poison_stop_session_enable")

    def asks(self, after, **given):
        for span in asked_by(self.connection, BEGAN + after * MS, **given):
            self.store.add(span)

    def view(self, number="5"):
        gathered = returned(session.gather(self.sources, session.asked({"id": number}, 0)))
        self.shown = plain(returned(session.shown(gathered)))
        return plain(session.as_json(gathered))

    def live(self, *arguments, **given):
        """Return the second tile of an open session, and its statement."""
        live = some_session(*arguments, number=5, **given)
        self.sources = self.sources._replace(sessions=lambda: [live])
        self.view()
        return self.shown["tiles"][1][:5], self.shown["last"]

    def test_the_state_of_an_open_session(self):
        tile, last = self.live(252_000, transaction=300_000)
        self.assertEqual(
            tile,
            ("Idle in transaction for", "4 min 12", "s", "transaction for 5 min 00 s", True),
        )
        self.assertEqual((last["title"], last["text"].striptags()), ("Ran last", "SELECT a FROM t"))
        self.assertIn("/console/statement?id=", last["href"])
        tile, last = self.live(1420, b"SELECT b FROM t WHERE c = 'secret'")
        self.assertEqual(tile, ("In the database for", "1.42", "s", "no transaction", False))
        self.assertEqual((last["title"], last["text"].striptags()[-5:]), ("Runs now", "c = ?"))
        self.assertEqual(self.live(2000)[0][0], "Idle for")

    def test_a_client_of_a_certificate_has_its_name(self):
        digest = "7c1f0a52" * 8
        live = some_session(1000, number=5)
        live.identity = Identity(digest, "10.20.0.12", True, certificate="CN=app,O=Shop")
        self.sources = self.sources._replace(sessions=lambda: [live])
        self.assertEqual(self.view()["client_id"], digest)
        self.assertEqual(self.shown["who"][0], ("Client id", "app (7c1f0a52)", "CN=app,O=Shop"))
        text = body(Console("acra-server", self.sources).page(session.VIEW, {"id": "5"}))
        self.assertIn(f'<strong title="{digest}">app (7c1f0a52)</strong>', text)

    def test_long_statements_keep_to_the_budget(self):
        for number in range(60):
            for span in asked_by(self.connection, BEGAN + number * MS, status=2):
                if "db.query.text" in span.attributes:
                    span.attributes["db.query.text"] = 'SELECT "a", ' * 400
                self.store.add(span)
        self.store.add(self.connection)
        page = body(Console("acra-server", self.sources).page(session.VIEW, {"id": "5"}))
        self.assertLess(len(page), 60_000)

    def test_an_intruder(self):
        self.asks(19)
        self.asks(600, verdict="deny", status=7, first=0, denied_by="censor")
        self.asks(1200, poison_records=1, summary="SELECT card")
        self.store.add(self.connection)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["poison", "denied"])
        self.assertEqual(
            data["answer"]["text"],
            "shop read a poison record, at 23:59:01: SELECT card. shop tried what is denied, "
            "at 23:59:00: SELECT orders customer.",
        )
        verdicts = [one["verdict"] for one in data["requests"]]
        self.assertEqual(verdicts, ["allowed", "denied", "poison"])
        self.assertEqual((data["user"], data["database"]), ("shop_rw", "shop"))
        self.assertEqual((self.shown["ended"], self.shown["reason"][:6]), ("23:59:02", "poison"))
        who = [("Client id", "shop", ""), ("User, database", "shop_rw", "shop")]
        self.assertEqual(self.shown["who"], who)
        rows = self.shown["rows"]
        self.assertEqual(rows[1]["by"], "censor, refused")
        self.assertEqual([row["pause"] for row in rows], ["", "+578 ms", "+599 ms"])
        self.assertEqual(str(self.shown["line"]).count("<a href="), 3)

    def test_failed_and_slow_ones(self):
        self.asks(1, status=2)
        self.asks(2, status=2)
        self.asks(3, slow=True)
        self.store.add(self.connection)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["failed", "slow"])
        self.assertIn("shop sent what failed 2 times, first at 23:59:00", data["answer"]["text"])

    def test_nothing_stands_out(self):
        live = some_session(5, number=5)
        live.span = self.connection
        self.sources = self.sources._replace(sessions=lambda: [live])
        self.assertEqual(self.view()["answer"]["rules"], ["empty"])
        self.assertEqual(self.shown["ended"], "")
        self.asks(1)
        answer = self.view()["answer"]
        self.assertEqual(answer["rules"], ["nothing"])
        self.assertEqual(answer["text"], "1 request of client is kept, and nothing stands out.")

    def test_events_are_enough(self):
        with self.assertRaises(NotKept):
            self.view()
        self.recent(line(when=NOW, session_id=5, error="handler 4"))
        self.recent(line(when=NOW, session_id=6))
        data = self.view()
        (event,) = data["events"]
        self.assertEqual((event["session_id"], event["kind"], event["times"]), (5, "denied", 1))
        self.assertEqual((event["first"], event["last"]), (NOW, NOW))
        self.assertEqual(data["answer"]["rules"], ["events"])
        self.assertEqual(data["client_id"], "shop application")
        self.assertEqual(self.shown["events"][0]["detail"], "handler 4")
        self.assertTrue(self.shown["siem"].startswith("CEF:0|cossacklabs|acra-server|"))
        self.assertIn(" suser=shop application ", self.shown["siem"])

    def test_many_requests_are_a_part(self):
        for number in range(60):
            self.asks(number)
        self.store.add(self.connection)
        self.assertEqual(len(self.view()["requests"]), 60)
        self.assertEqual(len(self.shown["rows"]), 30)
        self.assertIn("30 requests shown, 30 earlier ones are not", self.shown["note"])

    def test_what_is_asked_for(self):
        for wrong in ({}, {"id": "x"}, {"id": "-1"}, {"id": "\u0663"}, {"id": "1" * 19}, {"a": ""}):
            with self.assertRaises(Unfit):
                session.asked(wrong, 0)

    def test_a_session_of_before_the_start(self):
        own = "c" * 32
        opened = record(99, own, NOW, NOW + 10**9, **{"acra.session_id": 7, "acra.client_id": "x"})
        denied = record(1, f"{1:032x}", NOW, NOW + 10**6, **{"acra.verdict": "deny"})
        history = History(
            piece(1, connection=own, spans=[denied]),
            piece(99, kind=CONNECTION, trace_id=own, connection=own, spans=[opened]),
        )
        self.sources.traces.past = history.past
        wanted = session.asked({"trace": f"{1:032x}"}, 0)
        gathered = returned(session.gather(self.sources, wanted))
        data = plain(session.as_json(gathered))
        self.assertEqual((data["session_id"], data["answer"]["rules"]), (7, ["denied"]))
        self.assertEqual(plain(returned(session.shown(gathered)))["title"], "Session 7")
        missing = session.gather(self.sources, session.asked({"trace": "9" * 32}, 0))
        self.assertIn("history", str(self.assertRaises(NotKept, returned, missing)))
        self.assertRaises(Unfit, session.asked, {"trace": "x"}, 0)

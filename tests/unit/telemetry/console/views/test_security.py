"""The view of security: situations are planted, and its sentence and JSON tell them."""

import csv
import io

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.telemetry.console.views import security
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.history.security import SecurityEvents
from acra_twisted.telemetry.history.service import HistoryAway
from acra_twisted.telemetry.logs.recent import RECENT_MAX, RecentEvents
from acra_twisted.telemetry.pages.rendering import NotKept
from acra_twisted.telemetry.pages.search import Unfit
from acra_twisted.telemetry.tracing.spans import CLIENT, SERVER, Span
from tests.support.hours import NOW, Hour
from tests.support.incidents import HOUR, SECOND, line, planted
from tests.support.pasts import History
from tests.support.stepping import plain, returned

TRACE = "1" * 32


class Security(SynchronousTestCase):
    def setUp(self):
        self.recent = RecentEvents("acra-server")
        self.sources = Hour().sources._replace(events=self.recent)

    def view(self, **arguments):
        wanted = security.asked(arguments, NOW - 1)
        gathered = returned(security.gather(self.sources, wanted))
        self.shown = plain(returned(security.shown(gathered)))
        return plain(security.as_json(gathered))

    def rules(self):
        return self.view()["answer"]["rules"]

    def test_a_poison_record_and_a_burst(self):
        self.sources = planted(self.sources, NOW)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["poison", "burst"])
        self.assertEqual(
            data["answer"]["text"],
            "A poison record was read. reports worker read it at 23:37:00, after 1 request of it "
            "was denied, from an address that it had not used before. shop application sent the "
            "same statement 6 times in 10 s at 23:31; all were denied and none reached the "
            "database.",
        )
        kinds = [(one["kind"], one["times"]) for one in data["events"]]
        self.assertEqual(kinds, [("poison", 1), ("denied", 1), ("denied", 6), ("refused", 1)])
        self.assertEqual(data["opened"]["kind"], "poison")
        self.assertEqual(data["decided"], 4_204_818)
        found = [(one["place"], one["found"]) for one in data["rules"]]
        self.assertEqual(
            found,
            [
                ("acra-censor.yaml:5", "in-use"),
                ("acra-censor.yaml:6", "never"),
                ("acra-censor.yaml:14", "denies"),
                ("acra-censor.yaml:15", "quiet"),
                ("acra-censor.yaml:17", "quiet"),
                ("acra-censor.yaml:19", "unreached"),
            ],
        )

    def test_an_event_of_before_the_start(self):
        self.recent = RecentEvents("acra-server", NOW - MINUTE)
        self.sources = self.sources._replace(events=self.recent)
        stored = SecurityEvents("acra-server")
        stored(line(when=NOW - 9 * MINUTE, session_id=7, trace_id=TRACE))
        history = History(*stored.take())
        self.sources.traces.past = history.past
        data = self.view()
        self.assertEqual((len(data["events"]), data["answer"]["rules"]), (1, ["denied"]))
        # The number is that of a session of another process.
        self.assertEqual(self.shown["event"]["session_href"], f"/console/session?trace={TRACE}")
        self.assertEqual(self.view(event=str(data["events"][0]["number"]))["opened"]["code"], 560)
        history.trouble = HistoryAway("it is locked")
        data = self.view()
        self.assertEqual(
            (data["history_trouble"], data["dropped_until"]), ("it is locked", NOW - MINUTE)
        )

    def test_the_usual_addresses_of_a_client(self):
        self.sources = planted(self.sources, NOW)
        data = self.view()
        self.assertEqual(
            data["opened"]["seen_before"],
            "this address first logged in on 2027-01-14 23:35, 3 logins; other addresses: "
            "10.20.0.12",
        )
        self.assertIn("Seen before", dict(self.shown["event"]["facts"]))
        self.recent = RecentEvents("acra-server")
        self.recent(line(when=NOW - MINUTE, peer="10.9.9.9"))
        self.sources = self.sources._replace(events=self.recent)
        self.assertEqual(
            self.view()["opened"]["seen_before"],
            "this address has never logged in as this client; other addresses: 10.20.0.11",
        )
        self.sources = self.sources._replace(fact=lambda name: None)
        self.assertEqual(self.view()["opened"]["seen_before"], "")

    def test_the_row_of_a_poison_record(self):
        self.recent(
            line(events.POISON_RECORD, NOW - MINUTE, records=1, row=1208, column="number</b>")
        )
        data = self.view()
        self.assertEqual((data["opened"]["row"], data["opened"]["column"]), (1208, "number</b>"))
        self.assertIn(
            "read it at 23:59:00 in row 1,208, column number</b>.", data["answer"]["text"]
        )
        self.assertIn(
            ("First one in", "row 1,208, column number</b>"), self.shown["event"]["facts"]
        )

    def exported(self, form, **arguments):
        wanted = security.asked(arguments, NOW - 1)
        gathered = returned(security.gather(self.sources, wanted))
        return list(security.VIEW.exports[form](gathered))

    def test_exports_have_what_is_seen(self):
        self.sources = planted(self.sources, NOW)
        rows = list(csv.DictReader(io.StringIO("".join(self.exported("csv")))))
        self.assertEqual(
            [(row["kind"], row["times"], row["code"]) for row in rows],
            [("poison", "1", "587"), ("denied", "1", "560"), ("denied", "6", "560")]
            + [("refused", "1", rows[3]["code"])],
        )
        self.assertEqual(rows[0]["client_id"], "reports worker")
        lines = self.exported("cef", kind="denied", client="shop application")
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith("CEF:0|cossacklabs|acra-server|"))
        self.assertIn(" cnt=6\n", lines[0])
        self.assertIn(" suser=shop application ", lines[0])

    def test_a_new_peer(self):
        self.recent(line(when=NOW - MINUTE, peer="10.0.0.9"))
        self.assertEqual(self.rules(), ["denied"])
        first = {"10.0.0.1": NOW - 9 * HOUR, "10.0.0.9": NOW - 2 * MINUTE}
        pairs = [
            {"client_id": "shop application", "peer": peer, "first": when}
            for peer, when in first.items()
        ]
        told = {"peers": {"since": 0, "peers": pairs}}
        self.sources = self.sources._replace(fact=told.get)
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["new-peer", "denied"])
        self.assertIn("came from 10.0.0.9, an address that it had not", data["answer"]["text"])
        # A client that was never seen elsewhere has no usual address.
        told["peers"]["peers"] = pairs[1:]
        self.assertEqual(self.rules(), ["denied"])
        told["peers"]["peers"] = [{**one, "first": NOW - 9 * HOUR} for one in pairs]
        self.assertEqual(self.rules(), ["denied"])

    def test_three_alike_within_a_minute_are_a_burst(self):
        for number in range(3):
            self.assertNotIn("burst", self.rules())
            self.recent(line(when=NOW - MINUTE + number * SECOND, query="SELECT ? FROM t"))
        self.assertEqual(self.rules(), ["burst", "denied"])

    def test_logins_that_fail_are_a_burst_too(self):
        for number in range(4):
            when = NOW - MINUTE + number * SECOND
            self.recent(line(events.LOGIN_REFUSED, when, client_id="", peer="10.0.0.3"))
        data = self.view()
        self.assertEqual(data["answer"]["rules"], ["burst"])
        self.assertEqual(
            data["answer"]["text"],
            "10.0.0.3 was stopped 4 times in 3 s at 23:59: a login was refused, by the database or "
            "by AcraServer.",
        )

    def test_single_denials(self):
        self.recent(line(when=NOW - 9 * MINUTE))
        text = self.view()["answer"]["text"]
        self.assertEqual(text, "1 request of shop application was denied at 23:51:00.")
        self.recent(line(when=NOW - 5 * MINUTE, client_id="other"))
        text = self.view()["answer"]["text"]
        self.assertEqual(text, "2 requests of 2 clients were denied, the last one at 23:55:00.")

    def test_nothing_and_nothing_bad(self):
        data = self.view()
        self.assertEqual((data["answer"]["rules"], data["opened"]), (["nothing"], None))
        self.recent(line(events.CANNOT_READ_TRACE, NOW - MINUTE))
        self.assertEqual(self.rules(), ["others"])
        self.sources = self.sources._replace(events=None)
        self.assertEqual(self.rules(), ["nothing"])

    def test_one_is_opened_with_what_its_trace_says(self):
        store = self.sources.traces.store
        self.recent(line(when=NOW - MINUTE, trace_id=TRACE, span_id="5" * 16, error="handler 4"))
        opened = self.view(event="1")["opened"]
        self.assertEqual((opened["place"], opened["took_ms"]), ("", 0.0))
        span = Span("SELECT t", TRACE, "", SERVER, NOW - MINUTE, True)
        span.span_id = "5" * 16
        span.attributes = {"acra.censor.place": "rules.yaml:14"}
        span.end = span.start + 781_000
        store.add_received(span)
        opened = self.view(event="1")["opened"]
        self.assertEqual((opened["place"], opened["took_ms"]), ("rules.yaml:14", 0.781))
        facts = dict(self.shown["event"]["facts"])
        self.assertEqual(facts["Took"], "0.781 ms; it never reached the database")
        self.assertEqual(self.shown["event"]["why"], "handler 4")
        below = Span("database", TRACE, "5" * 16, CLIENT, NOW, True)
        below.end = NOW
        store.add_received(below)
        self.view(event="1")
        self.assertIn("it reached", dict(self.shown["event"]["facts"])["Took"])

    def test_what_is_asked_for(self):
        self.sources = planted(self.sources, NOW)
        self.assertEqual(len(self.view(kind="denied")["events"]), 2)
        self.assertEqual(len(self.view(client="reports worker")["events"]), 2)
        self.assertEqual(len(self.view(range="15m")["events"]), 0)
        for by in security.LANES:
            self.view(by=by)
            self.assertEqual(str(self.shown["lanes"]).count("<a href="), 4)
        with self.assertRaises(NotKept):
            self.view(event="77")
        for wrong in (
            {"by": "moon"},
            {"kind": "x"},
            {"event": "\u0663"},
            {"event": "-1"},
            {"event": "9" * 20},
            {"client": "x" * 257},
            {"range": "1y"},
            {"other": "1"},
        ):
            with self.assertRaises(Unfit):
                self.view(**wrong)

    def test_what_is_not_whole_says_so(self):
        for number in range(RECENT_MAX + 1):
            self.recent(line(when=NOW - MINUTE + number, query=f"SELECT ? FROM t{number}"))
        self.assertGreater(self.view()["dropped_until"], 0)
        self.assertIn("before 23:59 only a part is kept", self.shown["note"])
        self.assertEqual(len(self.shown["lines"]) + self.shown["more"], RECENT_MAX)

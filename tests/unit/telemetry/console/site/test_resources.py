"""The console's addresses, over HTTP."""

import re

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from acra_twisted.telemetry.console.site.feeds import LISTENERS_MAX, Feeds, parts_of
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.console.site.resources import make_console
from acra_twisted.telemetry.pages.access import Guard
from acra_twisted.telemetry.pages.site import make_site
from acra_twisted.telemetry.pages.turns import Turns
from tests.support.hours import Hour
from tests.unit.telemetry.pages.test_channel import Peer
from tests.unit.telemetry.pages.test_site import TOKEN
from tests.unit.telemetry.pages.test_site import Site as Asking


class Addresses(Asking):
    def setUp(self):
        super().setUp()
        self.caught_up = 0
        self.console = Console("acra-server", Hour().slow_since(20).sources)
        self.make_with(Guard())

    def make_with(self, guard):
        def catch_up():
            self.caught_up += 1

        root = make_console(self.console, guard, catch_up)
        self.make(self.scrape, self.pages, guard=guard, console=root)

    def test_views(self):
        for path, said in (
            ("/console", "It is the"),
            ("/console/", "It is the"),
            ("/console/statements", "One statement takes"),
        ):
            status, text = self.ask(path)
            self.assertEqual(status, 200, path)
            self.assertIn("default-src 'self'; form-action", text)
            self.assertIn(said, text)
        self.assertEqual(self.caught_up, 3)
        self.assertIn('href="/console/"', self.ask("/")[1])

    def test_what_is_wrong_is_said(self):
        status, text = self.ask("/console/statements?range=2h")
        self.assertEqual(status, 400)
        self.assertIn("range is “2h”, but must be one of", text)
        self.assertIn("text/html", text)
        self.assertIn('<nav aria-label="Views">', text)
        status, text = self.ask("/console/statement?id=0123456789abcdef")
        self.assertEqual(status, 404)
        self.assertIn("text/html", text)
        self.assertIn("default-src 'self'; form-action", text)
        self.assertIn("no call of this statement came", text)
        self.assertIn('<nav aria-label="Views">', text)
        # Programs get a line of text.
        for path in ("statements?range=2h&format=json", "statement?id=0123&format=json"):
            status, text = self.ask(f"/console/{path}")
            self.assertIn(status, (400, 404))
            self.assertIn("text/plain", text)
            self.assertNotIn("<nav", text)
        for path in ("statements?range=2h", "statement?id=0123"):
            text = self.ask(f"/console/{path}", method="HEAD")[1]
            self.assertIn("text/html", text)
            self.assertNotIn("<nav", text)
        for path in ("/console/nowhere", "/console/assets", "/console/assets/nothing.css"):
            status, text = self.ask(path)
            self.assertEqual(status, 404, path)
            self.assertIn("/console/statements", text)
        self.assertEqual(self.ask("/console/statements", method="POST")[0], 405)

    def test_exports(self):
        for path, kind in (
            ("statements?format=csv", "text/csv"),
            ("traces?format=csv", "text/csv"),
            ("traces?format=cef", "text/plain"),
            ("security?format=csv", "text/csv"),
            ("security?format=cef", "text/plain"),
        ):
            status, text = self.ask(f"/console/{path}")
            self.assertEqual(status, 200, path)
            lines = text.lower().splitlines()
            self.assertIn(f"content-type: {kind}; charset=utf-8", lines)
            name = path.replace("?format=", ".")
            self.assertIn(f'content-disposition: attachment; filename="acra-{name}"', lines)
            self.assertIn("x-content-type-options: nosniff", lines)
        status, text = self.ask("/console/statement?id=1&format=csv")
        self.assertEqual(status, 400)
        self.assertIn("format must be one of html, json", text)
        self.assertNotIn("disposition", self.ask("/console/traces?format=json")[1].lower())

    def test_files_may_be_kept(self):
        for path in (*self.console.assets.styles, self.console.assets.script):
            status, text = self.ask(path)
            self.assertEqual(status, 200)
            self.assertIn("immutable", text)
            self.assertIn("nosniff", text)

    def test_a_token(self):
        self.make_with(Guard(TOKEN))
        shown = f"Authorization: Bearer {TOKEN}\r\n"
        for path in ("/console", "/console/statements", self.console.assets.script):
            self.assertEqual(self.ask(path)[0], 401, path)
            self.assertEqual(self.ask(path, more=shown)[0], 200, path)

    def test_names_of_other_machines(self):
        self.assertEqual(self.ask("/console/", host="evil.example")[0], 421)
        elsewhere = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n"
        self.assertEqual(self.ask("/console/", more=elsewhere)[0], 403)


class LiveParts(Asking):
    """Server-sent events."""

    def setUp(self):
        super().setUp()
        self.console = Console("acra-server", Hour().slow_since(20).sources)
        turns = Turns(self.clock)
        self.feeds = Feeds(self.clock, turns, self.console.page, lambda: None)
        root = make_console(self.console, Guard(), lambda: None, self.feeds)
        self.site = make_site(self.clock, self.scrape, self.pages, console=root, turns=turns)
        self.site.ends.append(self.feeds.stop)

    def listen(self, path):
        channel = self.site.buildProtocol(None)
        peer = Peer()
        peer.protocol = channel
        channel.makeConnection(peer)
        channel.dataReceived(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.turn()
        return peer

    def turn(self):
        self.clock.turn(400)

    def test_parts_come_by_and_by_and_the_connection_is_kept(self):
        peer = self.listen("/console/events?view=overview&range=1h")
        text = peer.value().decode()
        self.assertIn("200 OK", text)
        self.assertIn("text/event-stream", text)
        self.assertIn("default-src 'self'; form-action", text)
        self.assertIn("event: answer\ndata: ", text)
        self.assertIn("event: figures", text)
        for _ in range(8):
            self.clock.rightNow += 11
            self.turn()
        # More than the time of an answer, and the peer is there.
        self.assertFalse(peer.aborted)
        self.assertEqual(len(self.feeds), 1)

    def test_who_does_not_read_is_cut_off(self):
        peer = self.listen("/console/events?view=overview")
        peer.producer.pauseProducing()
        for _ in range(4):
            self.clock.rightNow += 11
            self.turn()
        self.assertTrue(peer.aborted)
        self.assertEqual(len(self.feeds), 0)

    def test_who_goes_is_forgotten(self):
        peer = self.listen("/console/events?view=sessions")
        self.assertEqual(len(self.feeds), 1)
        peer.protocol.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(len(self.feeds), 0)

    def test_the_end(self):
        peer = self.listen("/console/events?view=sessions")
        self.site.stopFactory()
        self.turn()
        self.assertTrue(peer.value().endswith(b"0\r\n\r\n"))
        self.assertEqual(self.ask("/console/events?view=sessions")[0], 503)

    def test_what_cannot_be_listened_to(self):
        for query in ("", "?view=statements", "?view=nowhere", "?view=overview&range=2h"):
            self.assertEqual(self.ask(f"/console/events{query}")[0], 400, query)
        self.assertEqual(self.ask("/console/events?view=overview&format=json")[0], 400)
        self.streams = [self.feeds.stream(VIEWS["health"], {}, int) for _ in range(LISTENERS_MAX)]
        for number in range(LISTENERS_MAX):
            next(self.streams[number])
        status, text = self.ask("/console/events?view=overview")
        self.assertEqual(status, 503)
        self.assertIn("As many as may listen", text)

    def test_a_head_is_answered_as_the_events_are_and_nobody_listens(self):
        status, rest = self.ask("/console/events?view=overview", method="HEAD")
        head, _, rest = rest.lower().partition("\r\n\r\n")
        self.assertEqual((status, rest), (200, ""))
        self.assertIn("text/event-stream", head)
        # Events have no length that could be told.
        self.assertNotIn("content-length", head)
        self.assertEqual(len(self.feeds), 0)
        self.assertEqual(self.ask("/console/events?view=nowhere", method="HEAD")[0], 400)
        self.feeds.stop()
        self.assertEqual(self.ask("/console/events?view=overview", method="HEAD")[0], 503)

    def test_pages_name_their_events(self):
        for name, view in VIEWS.items():
            if name in ("statement", "trace", "session"):
                continue
            text = self.ask(f"/console/{name}")[1]
            self.assertEqual("data-events=" in text, bool(view.live), name)
            marked = set(re.findall(r'data-live="(\w+)"', text))
            self.assertEqual(marked, set(re.findall(r"<!--live (\w+)-->", text)))
            self.assertEqual(marked, set(parts_of(text)))
            self.assertEqual(bool(marked), bool(view.live), name)
        self.assertIn(
            'data-events="/console/events?view=overview&amp;range=24h"',
            self.ask("/console/overview?range=24h")[1],
        )

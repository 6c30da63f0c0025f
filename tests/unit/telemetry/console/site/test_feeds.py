"""Live parts of views, as server-sent events."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.site import feeds
from acra_twisted.telemetry.console.site.feeds import LISTENERS_MAX, PART_MAX, Feeds, parts_of
from acra_twisted.telemetry.console.view import View
from acra_twisted.telemetry.pages.answers import Busy
from acra_twisted.telemetry.pages.rendering import NotKept, Page
from acra_twisted.telemetry.pages.turns import Turns
from acra_twisted.telemetry.pages.waiting import Wait
from tests.support.turnclock import TurnClock

VIEW = View("a", "A", "a", None, None, None, None, live=2)


def part(name, text):
    return f'<p data-live="{name}"><!--live {name}-->{text}<!--/live--></p>'


class Looking:
    """A browser that takes what is sent."""

    def __init__(self, stream):
        self.stream = stream
        self.got = []
        self.is_over = False
        self.wait = None
        self.go_on()

    def go_on(self):
        """Take pieces up to the next wait."""
        for piece in self.stream:
            if isinstance(piece, Wait):
                self.wait = piece
                piece.then(self.go_on)
                return
            self.got.append(piece)
        self.is_over = True

    def leave(self):
        self.wait.cancel()

    @property
    def text(self):
        return "".join(self.got)


class Feeding(SynchronousTestCase):
    def setUp(self):
        self.clock = TurnClock()
        self.made = 0
        self.parts = [("answer", "all is well")]
        self.waited = None
        self.feeds = Feeds(self.clock, Turns(self.clock), self.page, self.catch_up)
        self.caught_up = self.prolonged = 0

    def catch_up(self):
        self.caught_up += 1

    def page(self, view, arguments):
        return Page("text/html", self.pieces())

    def pieces(self):
        yield ""
        if self.waited is not None:
            yield Wait(self.waited)
        self.made += 1
        yield "<html>"
        for name, text in self.parts:
            yield part(name, text)

    def look(self, **arguments):
        def prolong():
            self.prolonged += 1

        return Looking(self.feeds.stream(VIEW, arguments, prolong))

    def turn(self, seconds=0.0, count=8):
        self.clock.rightNow += seconds
        self.clock.turn(count)

    def test_what_changes_is_sent(self):
        looking = self.look()
        self.turn()
        self.assertEqual(looking.text, ":\n\nevent: answer\ndata: all is well\n\n")
        self.turn(1.9)
        self.assertEqual(self.made, 1)
        self.turn(0.2)
        # Nothing has changed, and that is told with three characters.
        self.assertEqual((self.made, looking.got[2:]), (2, [":\n\n"]))
        self.parts = [("answer", "one\ntwo"), ("rows", "")]
        self.turn(2.1)
        self.assertEqual(
            looking.got[3:], ["event: answer\ndata: one\ndata: two\n\nevent: rows\ndata: \n\n"]
        )
        self.assertEqual((self.caught_up, self.prolonged), (3, 3))

    def test_who_looks_at_the_same_shares_a_feed(self):
        first, second, other = self.look(x="1"), self.look(x="1"), self.look(x="2")
        self.turn()
        self.assertEqual(self.made, 2)
        self.assertEqual(first.text, second.text)
        late = self.look(x="1")
        self.turn(2.1)
        self.assertIn("all is well", late.text)
        self.assertEqual(len(self.feeds), 4)
        self.assertIn("all is well", other.text)

    def test_a_feed_ends_with_its_last_listener(self):
        first, second = self.look(), self.look()
        self.turn()
        first.leave()
        self.turn(2.1)
        self.assertEqual(self.made, 2)
        second.leave()
        self.turn(5)
        self.assertEqual((self.made, len(self.feeds)), (2, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_leaves_while_it_is_made(self):
        given_up = []
        self.waited = Deferred(given_up.append)
        looking = self.look()
        self.turn()
        looking.leave()
        self.assertEqual(len(given_up), 1)
        self.turn(5)
        self.assertEqual((self.made, len(self.feeds)), (0, 0))

    def test_who_reads_slowly_gets_the_newest(self):
        stream = self.feeds.stream(VIEW, {}, lambda: None)
        next(stream)
        next(stream)
        for number in range(5):
            self.parts = [("answer", f"{number}")]
            self.turn(2.1)
        # The first was taken by the wait; of what came since the newest is left.
        self.assertIn("data: 0", next(stream))
        self.assertIsInstance(next(stream), Wait)
        self.assertEqual(next(stream), "event: answer\ndata: 4\n\n")

    def test_a_page_that_waits(self):
        self.waited = Deferred()
        looking = self.look()
        self.turn(1)
        self.assertEqual(self.made, 0)
        self.waited.callback(None)
        self.turn()
        self.assertIn("all is well", looking.text)

    def test_it_rests_as_it_works(self):
        def slow():
            self.clock.rightNow += 1.0
            yield from self.pieces()

        self.page = lambda view, arguments: Page("text/html", slow())
        self.feeds.page = self.page
        self.look()
        self.turn(0)
        self.turn(1)
        self.turn(19)
        self.assertEqual(self.made, 1)
        self.turn(2)
        self.turn(1)
        self.assertEqual(self.made, 2)

    def test_a_page_that_is_not_there_or_cannot_be_made(self):
        for error, logged in ((NotKept(), 0), (KeyError("x"), 1)):

            def broken(error=error):
                yield ""
                raise error

            self.feeds.page = lambda view, arguments, broken=broken: Page("", broken())
            looking = self.look()
            self.turn()
            self.assertTrue(looking.is_over)
            self.assertEqual(len(self.flushLoggedErrors(KeyError)), logged)
            self.assertEqual((len(self.feeds), self.clock.getDelayedCalls()), (0, []))

    def test_the_end_of_the_daemon(self):
        looking = [self.look(x=str(number)) for number in range(3)]
        self.turn()
        self.feeds.stop()
        self.turn()
        self.assertEqual([one.is_over for one in looking], [True] * 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(self.feeds.full)

    def test_there_are_only_so_many(self):
        few = Feeds(self.clock, Turns(self.clock), self.page, self.catch_up, 0)
        self.assertTrue(few.full)
        for number in range(LISTENERS_MAX):
            self.assertFalse(self.feeds.full)
            self.look(x=str(number % 3))
        self.assertTrue(self.feeds.full)

    def test_who_comes_at_the_same_time_as_others_finds_no_room_behind_them(self):
        few = Feeds(self.clock, Turns(self.clock), self.page, self.catch_up, 2)
        streams = [few.stream(VIEW, {}, lambda: None) for _ in range(3)]
        for stream in streams[:2]:
            self.assertEqual(next(stream), ":\n\n")
        self.assertRaisesRegex(Busy, "listen", next, streams[2])
        self.assertEqual(len(few), 2)
        streams[0].close()
        self.assertEqual(next(few.stream(VIEW, {}, lambda: None)), ":\n\n")

    def test_parts_that_are_too_large_stay_as_they_are(self):
        text = part("a", "x" * PART_MAX) + part("b", "x" * (PART_MAX + 1)) + part("c", "&lt;!--")
        self.assertEqual(list(parts_of(text)), ["a", "c"])

    @given(st.text(alphabet="ab\r\n:", max_size=30))
    def test_no_text_becomes_an_event(self, text):
        lines = feeds._message({"answer": text}).split("\n")
        self.assertEqual((lines[0], lines[-2:]), ("event: answer", ["", ""]))
        self.assertTrue(all(line.startswith("data: ") for line in lines[1:-2]))
        self.assertNotIn("\r", "".join(lines))

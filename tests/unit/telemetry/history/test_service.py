"""The service: a file that is away, full, locked or damaged costs history and nothing else."""

import os
import sqlite3
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251 - it has threads
from twisted.internet.task import Clock, deferLater
from twisted.logger import Logger, globalLogPublisher
from twisted.trial.unittest import TestCase

from acra_twisted import events
from acra_twisted.telemetry.figures.counting import MINUTE, ShapeCounter
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history import reading, troubles
from acra_twisted.telemetry.history.intake import Intake
from acra_twisted.telemetry.history.pieces import Damaged, Figure
from acra_twisted.telemetry.history.place import Place
from acra_twisted.telemetry.history.reading import EventQuestion, Question
from acra_twisted.telemetry.history.room import Bounds
from acra_twisted.telemetry.history.security import SecurityEvents
from acra_twisted.telemetry.history.service import HistoryAway, HistoryService
from acra_twisted.telemetry.pages.turns import Turns
from tests.support.histories import NOW, connect, event, piece, put
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request

EVERYTHING = Question(limit=1000)
BOUNDS = Bounds(16 << 20, 10**18)


class Life(TestCase):
    def setUp(self):
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.path = self.folder / "history"
        self.lines = []
        self.running = []

    async def tearDown(self):
        for history in self.running:
            await self.stop(history)

    def start(self, bounds=BOUNDS, figures=None):
        history = HistoryService(
            reactor,
            Place(str(self.path)),
            bounds,
            Intake("acra-server", lambda: NOW),
            SecurityEvents("acra-server"),
            lambda: NOW,
            lambda: 1_790_000_000.0,
        )
        history._troubles._log = self
        if figures is not None:
            history.follow(figures)
        history.startService()
        self.running.append(history)
        return history

    async def stop(self, history):
        self.running.remove(history)
        await history.stopService()

    def warn(self, text, **fields):
        self.lines.append(fields)

    def aside(self, line):
        return Path(line["set_aside"])

    async def until(self, condition):
        """Look until something is so; a test that waits in vain is ended by its timeout."""
        while not condition():
            await deferLater(reactor, 0.05)

    def found(self):
        connection = reading.open_for_reading(str(self.path))
        try:
            return len(reading.search(connection, EVERYTHING).rows)
        finally:
            connection.close()

    async def test_what_is_kept_is_there_after_a_restart(self):
        history = self.start()
        for number in range(1500):
            history.intake.put(piece(number))
        self.assertEqual(history.waiting, 1500)
        await self.stop(history)
        self.assertEqual(history.counts()["stored"], 1500)
        self.assertEqual(sorted(os.listdir(self.folder)), ["history", "history.lock"])
        history = self.start()
        found = await history.ask(reading.search, EVERYTHING)
        self.assertEqual(len(found.rows), 1000)
        self.assertGreater(history.size, 0)

    async def test_security_events_come_from_the_log(self):
        history = self.start()
        log = Logger(namespace="acra")
        for _ in range(3):
            log.warn("Refused", code=events.QUERY_NOT_ALLOWED, client_id="a client")
        await self.until(lambda: history.counts()["stored"])
        (found,) = (await history.ask(reading.events, EventQuestion())).rows
        self.assertEqual((found.code, found.times), (events.QUERY_NOT_ALLOWED, 3))
        await self.stop(history)
        self.assertNotIn(history._security, globalLogPublisher._observers)

    async def test_the_thread_is_left_alone_while_there_is_nothing_to_do(self):
        """The reactor may have to wait for it whenever it runs."""
        history = self.start()
        await self.until(lambda: history.size and history._writing is None)
        ran = []
        write = history._pool.ask
        history._pool.ask = lambda *given: ran.append(given) or write(*given)
        for _ in range(3):
            history._tick()
            await self.until(lambda: history._writing is None)
        self.assertEqual(ran, [])
        # A minute later what is too old is looked for.
        history._next_look = 0
        history._tick()
        await self.until(lambda: history._writing is None)
        history._tick()
        await self.until(lambda: history._writing is None)
        self.assertEqual(len(ran), 1)

    async def test_it_is_bounded_in_bytes(self):
        history = self.start()
        for _ in range(3):
            for number in range(200):
                noise = os.urandom(40_000).hex()
                history.intake.put(piece(number, spans=[{"x": noise}]))
            await self.until(lambda: not history.waiting and history._writing is None)
            self.assertLessEqual(history.size, BOUNDS.bytes)
        self.assertGreater(history.counts()["given_up"], 0)

    async def test_a_locked_file_is_waited_for(self):
        history = self.start()
        await self.until(lambda: history.size)
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        history.intake.put(piece(1))
        await self.until(lambda: history.troubles()[troubles.LOCKED])
        self.assertEqual(history.waiting, 1)
        self.assertIn("locked", history.trouble)
        other.execute("ROLLBACK")
        other.close()
        await self.until(lambda: not history.waiting)
        self.assertEqual(history.trouble, "")
        self.assertEqual(self.found(), 1)
        (line,) = self.lines
        self.assertEqual((line["error"], line["code"]), ("SQLITE_BUSY", events.HISTORY))

    async def test_figures_come_back_after_a_restart(self):
        minute = NOW // MINUTE
        for calls in (0, 3):
            clock = Clock()
            figures = StatementFigures(NOW, Turns(clock))
            found = {}
            history = self.start(figures=figures)
            while calls and not found:
                await deferLater(reactor, 0.05)
                clock.advance(1)
                for some in figures.total(minute - 60, minute):
                    found = some
            self.assertEqual(sum(one.row.calls for one in found.values()), calls)
            for _ in range(3):
                request = a_request(make_session(), opened=NOW - 5 * MINUTE)
                counted = ShapeCounter(NOW - 5 * MINUTE)
                counted.exchange_closed(request)
                (one,) = counted.minute.counted
                history._statements(minute - 5, one.shape, one.figures().encode())
            await self.stop(history)

    async def test_a_damaged_file_is_set_aside(self):
        self.start()
        await self.stop(self.running[0])
        self.path.write_bytes(b"no database" * 1000)
        history = self.start()
        history.intake.put(piece(1))
        await self.until(lambda: history.counts()["stored"])
        self.assertEqual(self.found(), 1)
        (line,) = self.lines
        self.assertEqual(self.aside(line).read_bytes(), b"no database" * 1000)
        self.assertIn("damaged", line["event_text"])
        # The page of health says it as long as the process lasts.
        when, name = history.set_aside
        self.assertEqual(name, self.aside(line).name)
        self.assertGreater(when, 0)
        self.assertEqual(history.trouble, "")

    async def test_damage_that_is_met_later(self):
        history = self.start()
        for number in range(2000):
            history.intake.put(piece(number))
        await self.stop(history)
        data = bytearray(self.path.read_bytes())
        data[4096 * 3 :] = bytes(len(data) - 4096 * 3)
        self.path.write_bytes(bytes(data))
        history = self.start()
        await self.until(lambda: history.size)
        history.intake.put(piece(1))
        await self.until(lambda: not history.waiting)
        await self.until(lambda: history.counts()["stored"])
        self.assertEqual(history.troubles()[troubles.DAMAGED], 1)
        self.assertEqual(self.found(), 1)

    async def test_a_later_release_is_set_aside_as_it_is(self):
        self.start()
        await self.stop(self.running[0])
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        history = self.start()
        await self.until(lambda: history.size)
        (line,) = self.lines
        self.assertIn("later release", line["error"])
        self.assertEqual(self.aside(line).stat().st_mode & 0o777, 0o600)

    async def test_a_file_that_was_removed_is_made_anew(self):
        history = self.start()
        await self.until(lambda: history.size)
        for path in self.folder.glob("history*"):
            if path.suffix != ".lock":
                path.unlink()
        history.intake.put(piece(1))
        await self.until(lambda: history.counts()["stored"])
        self.assertEqual(self.found(), 1)
        self.assertEqual(history.troubles()[troubles.GONE], 1)

    async def test_a_folder_that_is_gone(self):
        history = self.start()
        await self.until(lambda: history.size)
        self.folder.rename(self.folder.with_suffix(".moved"))
        history.intake.put(piece(1))
        await self.until(lambda: history.troubles()[troubles.DISK])
        self.folder.with_suffix(".moved").rename(self.folder)
        await self.until(lambda: history.counts()["stored"])
        self.assertEqual(self.found(), 1)

    async def test_a_fault_of_ours_costs_its_batch(self):
        history = self.start()
        history.intake.put(Figure(60, 0, "key", None))
        history.intake.put(piece(1))
        await self.until(lambda: history.troubles()[troubles.FAULT])
        self.assertEqual((history.waiting, history.counts()["unfit"]), (0, 2))
        history.intake.put(piece(2))
        await self.until(lambda: history.counts()["stored"])
        self.assertNotIn("None", str(self.lines))

    async def test_who_asks_gets_typed_errors(self):
        history = self.start()
        await self.until(lambda: history.size)
        history.intake.put(piece(1))
        history.intake.put(event(1))
        await self.until(lambda: history.counts()["stored"] == 2)
        trace = await history.ask(reading.read_trace, f"{1:032x}")
        self.assertEqual(len(trace.spans), 1)
        other = connect(str(self.path))
        other.execute("UPDATE event SET data = 5")
        with self.assertRaises(Damaged):
            await history.ask(reading.events, EventQuestion())
        other.execute("DROP TABLE event")
        other.close()
        with self.assertRaises(HistoryAway):
            await history.ask(reading.events, EventQuestion())
        await self.stop(history)
        with self.assertRaises(HistoryAway):
            await history.ask(reading.search, EVERYTHING)

    async def test_the_end_does_not_wait_for_a_locked_file(self):
        history = self.start()
        await self.until(lambda: history.size)
        other = connect(str(self.path))
        put(other, piece(7))
        other.execute("BEGIN IMMEDIATE")
        history.intake.put(piece(1))
        await self.stop(history)
        other.execute("ROLLBACK")
        other.close()
        self.assertEqual(self.found(), 1)
        Place(str(self.path)).release()

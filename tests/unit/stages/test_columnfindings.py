"""Findings about protected columns are told once, and again when they come back."""

from twisted.logger import LogLevel, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.misfits import Finding
from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.stages.columnfindings import MANY, ColumnFindings, said
from tests.support.encryptors import NAMES
from tests.support.schemas import answer, column, table
from tests.unit.encryption.postgresql.test_protection import settings

FITS = table(7, "people", column("id", 1, 23), column("name", 2))
NARROW = table(7, "people", column("id", 1, 23), column("name", 2, 23))


class Telling(SynchronousTestCase):
    def setUp(self):
        self.findings = ColumnFindings()
        self.events = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)

    def told(self, *tables, given=NAMES, database=b"db"):
        """The lines that a reading of these tables logs."""
        self.events.clear()
        self.findings.tell(database, Protection(catalog.read(answer(*tables), 1), given))
        return [event["event_text"] for event in self.events]

    def test_tables_that_a_user_sees(self):
        protection = Protection(catalog.read(answer(NARROW), 1), NAMES)
        self.findings.tell(b"app", protection, "user")
        [event] = self.events
        self.assertEqual(event["user"], "app")
        self.assertNotIn("database", event)

    def test_a_finding_is_told_once(self):
        [text] = self.told(NARROW)
        self.assertIn("people.name: its type is", text)
        self.assertIn("Make it bytea", text)
        [event] = self.events
        self.assertEqual(event["code"], events.COLUMN_MISFIT)
        self.assertEqual(event["database"], "db")
        self.assertIs(event["log_level"], LogLevel.warn)
        self.assertEqual(self.told(NARROW), [])
        # Another database is another matter.
        self.assertEqual(self.told(NARROW, database=b"other"), [text])

    def test_a_finding_that_comes_back_is_told_again(self):
        [missing] = self.told()
        self.assertIn("the database has no such table", missing)
        self.assertEqual(self.told(FITS), [])
        self.assertEqual(self.told(), [missing])
        self.findings.forget()
        self.assertEqual(self.told(), [missing])

    def test_a_notice_is_no_warning(self):
        [text] = self.told(FITS, given=settings("people.name", kind="searchable"))
        self.assertIn("searches of it read the whole table", text)
        self.assertIs(self.events[0]["log_level"], LogLevel.info)

    def test_there_is_an_end_to_what_is_told(self):
        names = [f"t{number}.name" for number in range(MANY + 3)]
        told = self.told(given=settings(*names))
        self.assertEqual(len(told), MANY + 1)
        self.assertEqual(told[-1], "3 more findings")

    def test_names_of_the_database_are_shown_in_one_line(self):
        self.assertEqual(said(Finding("error", "a\nb", "c", "D.")), "a?b: c. D.")
        self.assertEqual(said(Finding("error", "", "c\x1b")), "c?")

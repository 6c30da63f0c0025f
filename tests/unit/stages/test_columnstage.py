"""The part of the stage that protects columns which no database changes."""

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.encryption.settings import Bypass
from acra_twisted.encryption.statementpattern import MYSQL
from acra_twisted.errors import ConfigError
from acra_twisted.stages.columnstage import ColumnStage, no_tokens, tell
from tests.support.containers import Workers
from tests.support.mysqlplanning import SETTINGS
from tests.support.mysqlsessions import MysqlBench
from tests.support.turnclock import TurnClock


class Columns:
    """Takes settings."""

    def __init__(self):
        self.settings = SETTINGS

    def use(self, settings):
        self.settings = settings


class Stage(SynchronousTestCase):
    def setUp(self):
        self.columns = Columns()
        self.workers = Workers()
        self.next = lambda: SETTINGS._replace(tables=SETTINGS.tables[1:])
        self.stage = ColumnStage(
            *(SETTINGS, self.columns, MysqlBench().keys, self.workers, lambda: 0.0, no_tokens),
            *(lambda: self.next(), lambda: 5.0, MYSQL),
        )

    def test_its_name_and_summary(self):
        self.assertEqual((self.stage.name, self.stage.summary), ("encryptor", "7 columns"))
        self.columns.settings = self.next()
        self.assertEqual(self.stage.summary, "1 column")

    def test_other_settings(self):
        done = self.stage.reload()
        self.workers.turn()
        self.successResultOf(done)
        self.assertEqual(self.columns.settings, self.next())

    def test_settings_that_are_wrong_change_nothing(self):
        bypass = Bypass("client", "SELECT 'a", frozenset(("people.name",)), 9.0, "why", name="b")
        self.next = lambda: SETTINGS._replace(bypasses=(bypass,))
        done = self.stage.reload()
        self.workers.turn()
        self.failureResultOf(done, ConfigError)
        self.assertIs(self.columns.settings, SETTINGS)

    def test_it_starts_and_stops(self):
        self.stage.start(TurnClock())
        self.assertIsNone(self.stage.stop())

    def test_remarks_are_told(self):
        with capturedLogs() as told:
            tell(SETTINGS._replace(remarks=("line 3: it has no effect",)))
        (event,) = told
        self.assertEqual(event["code"], events.INSECURE_SETTING)
        self.assertEqual(event["event_text"], "line 3: it has no effect")

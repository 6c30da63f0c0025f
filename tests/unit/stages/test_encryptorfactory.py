"""The stage is made of a configuration that it can protect wholly, or not at all."""

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import events
from acra_twisted.config.ini import IniFile
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IStageFactory
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.pipeline.services import Services
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.stages.encryptorfactory import EncryptorFactory
from tests.support.containers import Workers
from tests.support.tokenizing import Desk

CONFIG = """
schemas:
  - table: people
    columns: [id, name]
    encrypted:
      - column: name
"""
TOKENS = CONFIG + "        token_type: int32\n"
BYPASS = """
bypass:
  - client_id: migrator
    statement: "update people set name = ''"
    columns: [people.name]
    until: 2026-12-31
    reason: "ticket"
"""
#: 29 November 2026.
NOW = 1_795_910_400 * 10**9


class Making(SynchronousTestCase):
    def setUp(self):
        self.factory = EncryptorFactory()
        self.clock = Clock()
        self.path = self.mktemp()
        self.workers = Workers()
        self.section = ""
        self.opened = 0
        self.error = None
        self.closed = []

    def make(
        self,
        text=CONFIG,
        keys=True,
        stages=("encryptor", "decryptor"),
        calls=False,
        ini="",
        own=False,
        blocks=None,
    ):
        if text is not None:
            with open(self.path, "w") as file:
                file.write(text)
        path = self.path if text is not None else ""
        services = Services(
            self.clock,
            lambda: NOW,
            MemoryKeyStore() if keys else None,
            settings={
                "encryptor_config_file": "" if own is True else path,
                "stages": stages,
                "function_call_enable": calls,
                "allow_text_columns": False,
                "trusted_functions": (),
                "strict_copies": False,
                "ddl_types": "refuse",
                "keys_dir": "",
                "keystore": "",
            },
            blocks=blocks or IniFile("server.ini", ini).blocks,
            workers=self.workers,
            tokenizer=self.open,
        )
        return self.factory.make({"config_file": path if own is not False else ""}, services)

    def open(self):
        """Open the store of tokens."""
        if self.error is not None:
            raise self.error
        desk = Desk()
        desk.store.close = lambda: succeed(self.closed.append(True))
        self.opened += 1
        return desk.tokenizer

    def refused(self, **options):
        return str(self.assertRaises(ConfigError, self.make, **options))

    def test_a_configuration_that_it_can_protect(self):
        verifyObject(IStageFactory, self.factory)
        self.assertIsInstance(self.make(), Encryptor)

    def test_a_file_as_some_editors_write_it_and_one_that_is_too_large(self):
        self.assertIsInstance(self.make(text="\ufeff" + CONFIG), Encryptor)
        self.assertIn("has more than", self.refused(text="#" * ((4 << 20) + 1)))

    def test_a_file_that_the_stage_names_itself(self):
        self.assertIsInstance(self.make(own=True), Encryptor)
        self.assertIn("name the file in one of them", self.refused(own="both"))

    def test_columns_in_sections_of_the_ini_file(self):
        section = "[encrypt:{}]\nsearchable = true\n[censor:a]\nhandler = deny\n"
        self.assertIsInstance(self.make(text=None, ini=section.format("people.name")), Encryptor)
        self.assertIsInstance(self.make(ini=section.format("staff.email")), Encryptor)
        self.assertIn("given twice", self.refused(ini=section.format("people.name")))
        self.assertIn("server.ini:1", self.refused(ini="[encrypt:people]\n"))

    def test_a_configuration_that_protects_nothing_is_told_of(self):
        told = []
        globalLogPublisher.addObserver(told.append)
        self.addCleanup(globalLogPublisher.removeObserver, told.append)
        self.make(text="schemas: []\n")
        (event,) = (one for one in told if "no column is protected" in one.get("event_text", ""))
        self.assertEqual(event["code"], events.INSECURE_SETTING)

    def test_sighup_reads_the_file_and_the_sections_anew(self):
        stage = self.make(blocks=lambda: IniFile("server.ini", self.section).blocks())
        for text, section, expected in (
            (CONFIG, "", "1 column"),
            (CONFIG, "[encrypt:staff.name]\n", "2 columns"),
            ("wrong: 1\n", "", None),
            (CONFIG, "[encrypt:people.name]\n", None),
            ("schemas: []\n", "", "0 columns"),
        ):
            self.section = section
            with open(self.path, "w") as file:
                file.write(text)
            before = stage.summary
            reading = stage.reload()
            self.workers.turn()
            if expected is None:
                self.failureResultOf(reading, ConfigError)
                self.assertEqual(stage.summary, before)
            else:
                self.successResultOf(reading)
                self.assertEqual(stage.summary, expected)

    def test_columns_with_tokens_have_a_store_that_is_opened_and_closed(self):
        self.make(text=CONFIG)
        self.assertEqual(self.opened, 0)
        stage = self.make(text=TOKENS)
        self.assertEqual((self.opened, self.closed), (1, []))
        self.successResultOf(stage.stop())
        self.assertEqual((self.opened, self.closed), (1, [True]))

    def reload(self, stage, text):
        with open(self.path, "w") as file:
            file.write(text)
        reading = stage.reload()
        self.workers.turn()
        return reading

    def test_a_store_that_cannot_be_opened(self):
        self.error = ConfigError("token_store: cannot open it")
        self.assertIn("token_store", self.refused(text=TOKENS))

    def test_the_first_column_with_tokens_may_come_with_sighup(self):
        stage = self.make(text=CONFIG)
        self.error = ConfigError("token_store: cannot open it")
        both = TOKENS.replace("id, name", "id, name, phone") + "      - column: phone\n"
        self.failureResultOf(self.reload(stage, both), ConfigError)
        self.assertEqual(stage.summary, "1 column")
        self.error = None
        self.successResultOf(self.reload(stage, both))
        self.assertEqual((stage.summary, self.opened), ("2 columns", 1))
        self.successResultOf(stage.stop())
        self.assertEqual(self.closed, [True])

    def test_a_bypass_whose_statement_cannot_be_compared(self):
        self.assertIsInstance(self.make(text=CONFIG + BYPASS), Encryptor)
        said = self.refused(text=CONFIG + BYPASS.replace("''", "''; SELECT 1"))
        self.assertIn("(line 9): statement: expected one statement", said)

    def test_bypasses_are_told_of_each_hour_until_it_stops(self):
        told = []
        globalLogPublisher.addObserver(told.append)
        self.addCleanup(globalLogPublisher.removeObserver, told.append)
        stage = self.make(text=CONFIG + BYPASS)
        for hours in (1, 2):
            self.clock.advance(3600)
            found = [one for one in told if one.get("code") == events.BYPASSES_IN_FORCE]
            self.assertEqual(len(found), hours)
        stage.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_values_that_it_would_not_see(self):
        self.assertIn("function_call_enable", self.refused(calls=True))

    def test_it_needs_the_decryptor_keys_and_a_file(self):
        self.assertIn("'decryptor'", self.refused(stages=("encryptor",)))
        self.assertIn("key store", self.refused(keys=False))
        self.assertIn("config_file", self.refused(text=None))

    def test_a_file_that_is_wrong_or_not_there(self):
        self.assertIn("unknown", self.refused(text="unknown: key"))
        self.path += ".none"
        found = Services(
            Clock(),
            lambda: NOW,
            MemoryKeyStore(),
            settings={"stages": ("decryptor",), "function_call_enable": False},
        )
        settings = {"config_file": self.path}
        error = self.assertRaises(ConfigError, self.factory.make, settings, found)
        self.assertIn(self.path, str(error))

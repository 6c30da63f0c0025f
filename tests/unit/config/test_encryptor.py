"""The options about protected columns."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.encryptor import ENCRYPTOR
from acra_twisted.server import tap
from tests.support.programs import names_in, settings_of

SERVER = ("--db_host=127.0.0.1", "--client_id=an application", "--keys_dir=/keys")
COLUMNS = "--encryptor_config_file=columns.yaml"


class Options(SynchronousTestCase):
    def settings(self, *flags):
        return settings_of(tap.Options.program, *SERVER, *flags)

    def test_they_do_nothing_by_default(self):
        settings = self.settings()
        self.assertNotIn("encryptor", settings["stages"])
        given = {option.name: settings[option.name] for option in ENCRYPTOR.options}
        self.assertEqual(given.pop("ddl_types"), "refuse")
        self.assertEqual([name for name, value in given.items() if value], ["schema_databases"])

    def test_a_file_switches_the_stage_on(self):
        self.assertIn("encryptor", self.settings(COLUMNS)["stages"])

    def test_a_role_and_a_file_that_nobody_uses_are_told_of(self):
        remarks = self.settings("--schema_user=looker", "--allow_text_columns").remarks
        self.assertLessEqual({"schema_user", "allow_text_columns"}, set(names_in(remarks)))
        remarks = self.settings(COLUMNS, "--schema_password_file=x").remarks
        self.assertIn("schema_password_file", names_in(remarks))
        remarks = self.settings(COLUMNS, "--schema_user=x", "--schema_password_file=x").remarks
        self.assertNotIn("schema", " ".join(remarks))

"""A daemon's key store from its settings."""

import base64
import os

from acra_twisted import events, purposes
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.keystore import masterkey, opening
from acra_twisted.options import defaults
from tests.unit.keystore.base import MASTER, OWNER, FolderCase


class Opening(FolderCase):
    def open(self, environment, **changes):
        settings = defaults(SERVER_SECTIONS).but(keys_dir=self.folder, **changes)
        return opening.open_keys(settings, environment, lambda: 0.0)

    def environment(self, key=MASTER):
        return {masterkey.VARIABLE: base64.b64encode(key).decode()}

    def test_ke9_the_variable_is_gone(self):
        environment = self.environment()
        keys = self.open(environment)
        self.assertEqual((keys.keys(purposes.STORAGE, OWNER), environment), ((), {}))

    def test_no_folder(self):
        environment = self.environment()
        settings = defaults(SERVER_SECTIONS).but(keys_dir=self.folder + "/none")
        self.assertIsNone(opening.open_keys(settings, environment, lambda: 0.0))
        self.assertEqual(environment, {})
        for folder, expected in (("/none", "no folder /none"), ("", "none configured")):
            settings = settings.but(keys_dir=folder)
            error = self.assertRaises(
                ConfigError, opening.need_keys, None, settings, "Secure Session"
            )
            self.assertIn(expected, str(error))
        self.assertIs(opening.need_keys(self.store, settings, "x"), self.store)

    def test_ke2_a_wrong_master_key_stops_the_start(self):
        self.writer.generate(purposes.STORAGE, OWNER)
        error = self.assertRaises(ConfigError, self.open, {})
        self.assertEqual([code for code, _ in error.parts], [events.KEY_STORE])
        self.assertRaises(ConfigError, self.open, self.environment(bytes(32)))
        self.open(self.environment())
        os.chmod(self.folder, 0o755)
        self.assertRaises(ConfigError, self.open, self.environment())

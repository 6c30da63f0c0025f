"""A daemon's key store from its settings."""

import base64
import os

from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import events, purposes
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.crypto.openers import Opener
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IKeys
from acra_twisted.keystore import masterkey, opening
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.server.checks import check
from acra_twisted.server.service import AcraServer
from acra_twisted.telemetry.logs.setup import make_writer
from acra_twisted.themis.keys import generate
from tests.support.laterstore import install
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


class Later(SynchronousTestCase):
    """Daemons with a store that always answers later."""

    def setUp(self):
        self.factory = install(self)
        self.settings = defaults(SERVER_SECTIONS).but(keystore="later")

    def test_it_is_opened_behind_the_cache_and_takes_its_secret_along(self):
        environment = {"LATER_TOKEN": "s3cret"}
        keys = opening.open_keys(self.settings, environment, lambda: 0.0)
        self.assertEqual(environment, {})
        verifyObject(IKeys, keys)
        self.factory.store.inside.put(purposes.STORAGE, generate(), OWNER)
        for asked in (2, 2):
            opener = keys.opener(purposes.STORAGE, purposes.STORAGE_SYMMETRIC, OWNER)
            self.factory.store.answer()
            if isinstance(opener, Deferred):
                opener = self.successResultOf(opener)
            self.assertIsInstance(opener, Opener)
            self.assertEqual(self.factory.store.asked, asked)

    def test_who_cannot_wait_stops_the_start(self):
        with self.assertRaisesRegex(ConfigError, "the signed log needs its key before .*'later'"):
            make_writer(
                "acra-server", self.settings.but(audit_log_enable=True), MemoryReactorClock()
            )
        self.assertEqual(opening.at_once((), self.settings, "x"), ())

    def test_a_daemon_starts_without_its_answer(self):
        settings = self.settings.but(
            client_id="a client",
            db_host="127.0.0.1",
            incoming_connection_string=Address("127.0.0.1", 0),
            stages=(),
            tls_auth=0,
        )
        check(settings)
        made = AcraServer(MemoryReactorClock(), settings)
        for listener in made.listeners.values():
            listener._listener.close()
        self.assertIsNotNone(made.keys)
        self.assertEqual(self.factory.store.asked, 0)

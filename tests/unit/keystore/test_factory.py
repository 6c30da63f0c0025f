"""Key stores by name: ours, one that is a plug-in, and settings of its own."""

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IKeyStore, IKeyStoreFactory
from acra_twisted.keystore.factory import FILESYSTEM, own_settings, store_factory
from acra_twisted.options import defaults
from tests.support.laterstore import LaterStore, install


class Chosen(SynchronousTestCase):
    def test_the_contracts_hold(self):
        for factory in (store_factory(FILESYSTEM), install(self)):
            verifyObject(IKeyStoreFactory, factory)
        verifyObject(IKeyStore, LaterStore())

    def test_one_that_is_installed(self):
        installed = install(self)
        self.assertIs(store_factory("later"), installed)

    def test_one_that_is_not(self):
        install(self)
        for name, hint in (("latter", "did you mean 'later'"), ("x", "installed: filesystem, ")):
            with self.assertRaisesRegex(ConfigError, f"named {name!r}.*{hint}"):
                store_factory(name)


class Own(SynchronousTestCase):
    def own(self, *given):
        settings = defaults(SERVER_SECTIONS).but(keystore="later", keystore_settings=given)
        return own_settings(install(self), settings)

    def test_what_is_given_and_what_is_left(self):
        found = self.own("address=https://vault:8200/?a=b")
        self.assertEqual((found["address"], found["patience"]), ("https://vault:8200/?a=b", 5))
        self.assertEqual(self.own("patience = 7")["patience"], 7)

    def test_mistakes_say_what_there_is_and_show_no_value(self):
        for given in ("adress=s3cret", "s3cret", "=s3cret"):
            error = self.assertRaises(ConfigError, self.own, given)
            self.assertIn("these names: address, patience", str(error))
            self.assertNotIn("s3cret", str(error))
        with self.assertRaisesRegex(ConfigError, "keystore_settings: patience: "):
            self.own("patience=61")
        settings = defaults(SERVER_SECTIONS).but(keystore_settings=("a=b",))
        with self.assertRaisesRegex(ConfigError, "these names: none"):
            own_settings(store_factory(FILESYSTEM), settings)

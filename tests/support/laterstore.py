"""A key store that always answers later, as a kind of its own: a plug-in."""

import os
import sys

from twisted.internet.defer import Deferred
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.interfaces import IKeyStore, IKeyStoreFactory
from acra_twisted.keystore import plugins
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.optionkinds import TEXT, Integer
from acra_twisted.options import Option


@implementer(IKeyStore)
class LaterStore:
    """Answers what ``inside`` has, when it is told to."""

    def __init__(self, inside=None):
        self.inside = MemoryKeyStore() if inside is None else inside
        self.waiting = []
        self.asked = 0

    def _later(self, function, *args):
        self.asked += 1
        answer = Deferred()
        self.waiting.append((answer, function, args))
        return answer

    def keys(self, purpose, owner=""):
        return self._later(self.inside.keys, purpose, owner)

    def public_key(self, purpose, owner=""):
        return self._later(self.inside.public_key, purpose, owner)

    def version(self, purpose, owner=""):
        return self.inside.version(purpose, owner)

    def forget(self):
        """Nothing is kept."""

    def close(self):
        self.inside.close()

    def answer(self):
        """Answer everything that was asked, and what is asked because of that."""
        while self.waiting:
            answer, function, args = self.waiting.pop(0)
            try:
                answer.callback(function(*args))
            except Exception:
                answer.errback()


@implementer(IPlugin, IKeyStoreFactory)
class LaterFactory:
    """Makes ``store``, whatever the settings say."""

    name = "later"
    options = (
        Option("address", TEXT, "", "Where it is."),
        Option("patience", Integer(1, 60), 5, "Seconds for an answer."),
    )

    def __init__(self):
        self.store = LaterStore()
        self.own = None

    def make(self, own, settings, environment):
        environment.pop("LATER_TOKEN", None)
        self.own = own
        return self.store


#: Found by twisted.plugin where a test has put a module that imports it.
later = LaterFactory()


def install(case):
    """Have the plug-in be installed for a test; it has a new store."""
    folder = case.mktemp()
    os.mkdir(folder)
    with open(os.path.join(folder, "later_store.py"), "w") as file:
        file.write("from tests.support.laterstore import later\n")
    plugins.__path__.append(os.path.abspath(folder))
    case.addCleanup(plugins.__path__.pop)
    case.addCleanup(sys.modules.pop, "acra_twisted.keystore.plugins.later_store", None)
    later.store = LaterStore()
    return later

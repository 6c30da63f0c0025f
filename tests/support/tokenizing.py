"""A tokenizer over a store, with keys and a clock of a test's own."""

from twisted.internet.defer import fail, succeed

from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import TokenStoreError
from acra_twisted.keystore.memory import MemoryKeyStore
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.tokens.memorystore import MemoryStore
from acra_twisted.tokens.tokenizer import Tokenizer

START = 1_700_000_000


def setting(token_type="str", consistent=False, owner=""):
    return ColumnSetting(
        "", "people", "name", token_type=token_type, consistent=consistent, owner=owner
    )


def keys_of(*owners):
    """A key store with storage and search keys of these clients."""
    keys = MemoryKeyStore()
    for owner in owners:
        keys.put(STORAGE_SYMMETRIC, owner.encode().ljust(32, b"s"), owner)
        keys.put(SEARCH_HMAC, owner.encode().ljust(32, b"h"), owner)
    return keys


class WatchedStore(MemoryStore):
    """Counts its questions, and fails when it is told to.  ``before`` is called ahead of each
    addition: somebody else's may come first."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.away = False
        self.before = lambda bucket, groups: None

    def get(self, bucket, keys):
        return self._ask("get", keys, super().get, bucket, keys)

    def add(self, bucket, groups):
        self.before(bucket, groups)
        return self._ask("add", groups, super().add, bucket, groups)

    def replace(self, changes):
        return self._ask("replace", changes, super().replace, changes)

    def _ask(self, name, many, ask, *given):
        if self.away:
            return fail(TokenStoreError("the token store is away"))
        self.asked.append((name, len(many)))
        return ask(*given)


class CountingWorkers:
    """Runs work at once, and counts it."""

    def __init__(self):
        self.ran = 0

    def run(self, function, *given):
        self.ran += 1
        return succeed(function(*given))


class Desk:
    """``now`` is the clock's time in seconds."""

    def __init__(self, owners=("client", "other"), store=None, **options):
        self.now = START
        self.store = WatchedStore() if store is None else store
        self.keys = keys_of(*owners)
        self.tokenizer = self.another(**options)

    def another(self, **options):
        """A tokenizer of another program, over the same store."""
        return Tokenizer(self.store, self.keys, lambda: self.now * 1_000_000_000 + 7, **options)

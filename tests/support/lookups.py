"""Parts of lookups that a test plays: a channel to the database, and a machine for it."""

from twisted.internet.defer import succeed

from acra_twisted.optionkinds import Address
from acra_twisted.queryactions import Answered, LoggedIn, Send
from tests.support.serviceserver import Server


class Channel:
    """A channel that is ready; what is written on it is noted."""

    encrypted = False
    certificate = None
    receiver = None
    on_lost = None
    on_encrypted = None

    def __init__(self):
        self.written = []
        self.aborted = False
        self.tls_begun = 0

    def start_offered_tls(self):
        self.tls_begun += 1

    def write(self, data):
        self.written.append(data)

    def abort(self):
        self.aborted = True


class Client:
    """An IServiceQuery without a protocol: ``says`` has its actions by the bytes that it is fed.

    ``b"welcome"`` logs in; ``name=secret`` and ``nothing`` are answers.
    """

    plain = False
    problem = ""

    def __init__(self, password=b""):
        self.password = password
        self.begun = None
        self.keys = []
        self.says = {b"welcome": [LoggedIn()], b"nothing": [Answered(())]}

    def begin(self, encrypted, end_point):
        self.begun = (encrypted, end_point)
        return [Send(b"startup")]

    def feed(self, data):
        found = self.says.get(data, [])
        if isinstance(found, Exception):
            raise found
        name, equals, secret = data.partition(b"=")
        return [Answered(((name, secret),))] if equals else found

    def derived(self, key):
        self.keys.append(key)
        return []

    def tls_started(self):
        return [Send(b"encrypted")]

    def ask(self, value):
        return [Send(b"ask " + value)]


class MemoryDatabase:
    """A way to a database that answers at once; ``options`` are those of its `Server`."""

    def __init__(self, **options):
        self.server = Server(**options)
        self.channels = []

    tls = "off"
    address = Address("127.0.0.1", 5432)

    def connect(self, plain=False):
        channel = Channel()
        self.channels.append(channel)
        channel.write = lambda data: self._answer(channel, data)
        return succeed(channel)

    def _answer(self, channel, data):
        channel.receiver(self.server.reply(data))

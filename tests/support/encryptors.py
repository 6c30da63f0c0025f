"""A stage that encrypts columns, with a database that answers its questions."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import purposes
from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.postgresql.namechanges import NOTHING
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.session import IDLE
from acra_twisted.stages.columnlearning import learn
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.stages.sessioncolumns import SessionColumns
from acra_twisted.stages.statementwatch import watch
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import CLIENT, Workbench, Workers
from tests.support.schemas import answer, cell, column, table
from tests.support.sessions import make_session

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32")
FOREIGN = ColumnSetting("", "people", "key", owner="nobody")
PROTECTED = {setting.name: setting for setting in (NAME, AGE, FOREIGN)}
SETTINGS = EncryptionSettings([TableSetting("", "people", (), PROTECTED)])
EMAIL = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
THEIRS = ColumnSetting("", "people", "key", kind=SEARCHABLE, data_type="str", owner="other")
#: One protected column alone.
NAMES = EncryptionSettings([TableSetting("", "people", (), {"name": NAME})])
SEARCHED = EncryptionSettings(
    [TableSetting("", "people", (), {one.name: one for one in (EMAIL, THEIRS)})]
)
SECRET = "my secret"


#: Columns of the table as it usually is.
COLUMNS = ("id", "name", "age", "key", "note")
_TYPES = {"id": 23, "note": 25}


def people(oid=7, kids=(), columns=COLUMNS, schemas=("public",)):
    """The answer about a table, one of its name in other schemas, and those that inherit."""
    shown = [column(name, n, _TYPES.get(name, 17)) for n, name in enumerate(columns, 1)]
    return answer(
        *(
            table(100 + number, kid, column("name", 1), parents=[oid])
            for number, kid in enumerate(kids)
        ),
        *(
            table(oid + n, "people", *(shown if not n else shown[:2]), schema=schema)
            for n, schema in enumerate(schemas)
        ),
    )


class Database:
    """Answers the questions of one session, and notes them."""

    def __init__(self, session, oid=7):
        self.oid = oid
        self.kids = []
        self.columns = COLUMNS
        self.schemas = ["public"]
        #: Names of the statements that the protocol has prepared.
        self.prepared = []
        self.path = [["pg_catalog", "public"], None, "public"]
        self.isolation = b"read committed"
        #: What it has of the names that it is asked for: each with whether it is a plain table.
        self.relations = []
        #: Whether the open transaction has made these.
        self.made = [False]
        #: What stands behind something temporary.
        self.behind = None
        self.asked = []
        self.fails = False
        session.ask = self.ask

    def ask(self, text):
        if self.fails:
            return fail(QuestionError("not now"))
        kinds = {
            **{b"relhasrules": "lookup", b"current_schemas": "path"},
            b"pg_publication b": "mark",
            **{b"pg_class": "schema", b"pg_prepared": "prepared", b"isolation": "isolation"},
        }
        kind = next((kind for word, kind in kinds.items() if word in text), "wait")
        self.asked.append(kind)
        cells = {
            "path": [cell(self.path)],
            "mark": [cell([self.oid, self.kids, self.columns, self.schemas])],
            "schema": people(self.oid, self.kids, self.columns, self.schemas),
            "prepared": self.prepared,
            "isolation": [self.isolation],
            "lookup": [cell([*one, *self.made, self.behind]) for one in self.relations],
            "wait": [],
        }[kind]
        return succeed([[one] for one in cells])


def end(exchange, *tags, outcome="ok"):
    """Complete statements of an exchange and end it, as the database does before it is ready."""
    for tag in tags:
        if exchange.watch is not None:
            exchange.watch.completed(tag)
    exchange.close(outcome)
    if exchange.session.on_ready is not None:
        exchange.session.on_ready()


class EncryptorCase(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.workers = Workers()
        self.session = self.bench.session
        self.session.database = b"db"
        self.database = Database(self.session)
        self.now = 1000.0
        #: Seconds since the epoch.
        self.date = 1_795_910_400.0
        self.stage = self.made(SETTINGS)

    def made(self, settings):
        """A stage with these settings."""
        keys, workers = self.bench.keys, self.workers
        return Encryptor(settings, keys, workers, lambda: self.now, now=lambda: self.date)

    def settled(self, verdict):
        if isinstance(verdict, Deferred):
            self.workers.turn()
            return self.successResultOf(verdict)
        return verdict

    def judge(self, text, name=None, types=None):
        """The verdict on a statement, and the statement."""
        statement = Statement(text.encode(), name)
        statement.types = types
        self.exchange = Exchange(self.session, "query", statement, 1)
        return self.settled(self.stage.on_statement(statement, self.exchange)), statement

    def is_judged(self, statement):
        """Tell whether a simple query needs a verdict; if not, its text may be another now."""
        self.asked_about = Exchange(self.session, "query", statement, 1)
        return self.stage.judges(statement, self.asked_about)

    def sent(self, text):
        """The text that is sent in place of one."""
        verdict, statement = self.judge(text)
        if verdict is PASS:
            return statement.text
        self.assertIs(type(verdict), Replace, getattr(verdict, "text", ""))
        return verdict.item.text

    def refused(self, verdict, sqlstate=b"0A000"):
        self.assertIs(type(verdict), Deny)
        self.assertEqual(verdict.sqlstate, sqlstate, verdict.text)
        told = f"{verdict.text}. {verdict.hint}" if verdict.hint else verdict.text
        self.assertNotIn(SECRET, told + verdict.reason + verdict.rule)
        return told

    def opened(self, stored):
        [found] = envelopes.find(stored)
        return Opener((), [b"s" * 32]).open(found.kind, found.data(stored), {})

    def values(self, text):
        parts = text.split(b" E'\\\\x")[1:]
        return [self.opened(bytes.fromhex(part.partition(b"'")[0].decode())) for part in parts]


class BoundCase(EncryptorCase):
    TEXT = "INSERT INTO people (id, name, age, note) VALUES ($1, $2, $3, $2)"

    def prepare(self, text=TEXT, types=()):
        """A prepared statement as it goes on."""
        verdict, statement = self.judge(text, b"s", types)
        if type(verdict) is Replace:
            statement.become(verdict.item)
        return statement

    def bind(self, statement, values, formats=None, types=None, is_meant=True):
        formats = [0] * len(values) if formats is None else formats
        types = [0] * len(values) if types is None else types
        exchange = Exchange(self.session, "execute", statement, 1)
        bound = Parameters(values, formats, statement, types, is_meant)
        return self.settled(self.stage.on_parameters(bound, exchange))


class ColumnsCase(SynchronousTestCase):
    def setUp(self):
        self.now = 1000.0
        self.columns = SessionColumns(NAMES, lambda: self.now)
        self.session, self.known, self.database = self.begin()

    def begin(self, database=b"db"):
        session = make_session()
        session.database = database
        return session, self.columns.begin(session), Database(session)

    def learn(self, session=None, known=None, wanted=NOTHING):
        return Deferred.fromCoroutine(
            learn(self.columns, session or self.session, known or self.known, wanted)
        )

    def run_statement(self, text, *tags, status=IDLE, outcome="ok", code=""):
        """A statement that is watched, and ends."""
        exchange = Exchange(self.session, "query", None, 1)
        watch(self.known, exchange, text, b"people" in text)
        self.assertIsNone(self.columns.snapshot(self.session, self.known))
        exchange.outcome, exchange.status_code = outcome, code
        self.session.transaction = status
        end(exchange, *tags, outcome=outcome)
        return exchange

"""Sessions of MySQL for tests of the stage that protects columns: their database answers questions
about its schema, which is the shop of `mysqlplanning`."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed

from acra_twisted import purposes
from acra_twisted.dialects.mysql.rows import MysqlRows
from acra_twisted.dialects.mysql.values import VALUES
from acra_twisted.encryption.mysql.question import database_question, schema_question
from acra_twisted.encryption.mysql.servermark import mark_question
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Exchange, Parameters, Statement
from acra_twisted.results import Columns
from acra_twisted.wire.mysql.columndefinitions import modifier_of
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.resultrows import encode_binary, encode_text
from tests.support.containers import Workbench
from tests.support.mysqlplanning import SCHEMA, SETTINGS
from tests.support.sessions import make_session

#: A BLOB's definition without a character set.
BLOB, BINARY = 252, modifier_of(63, 0x80, 0)


def _hex(cell):
    return None if cell is None else str(cell).encode().hex().encode()


def mark_of(changes, uptime=100):
    """The answer of a server that has begun so many changes."""
    counts = ("create_view", "alter_table", "drop_view", "rename_table", "flush")
    rows = [[b"Com_" + one.encode(), b"%d" % changes] for one in counts]
    return [*rows, [b"Uptime", b"%d" % uptime]]


def _row(kind, *cells):
    filled = [_hex(cell) for cell in cells]
    return [kind, *filled, *[None] * (10 - len(filled))]


def rows_of(schema):
    """The answer of a server with a schema."""
    modes = "STRICT_TRANS_TABLES" if schema.strict else ""
    rows = [
        _row(b"settings", 1 if schema.folds else 0, modes, "", "ON" if schema.checked else "OFF")
    ]
    for table in schema.tables:
        for at, one in enumerate(table.columns, 1):
            length = None if one.length < 0 else one.length
            flags = f"{one.nullable:d}{one.default_in_clear:d}{one.invisible:d}"
            charset = (one.charset or None, one.collation or None)
            cells = (table.database, table.name, one.name, at, one.type, length, *charset, flags)
            rows.append(_row(b"column", *cells, one.expression or None))
        for index in table.indexes:
            for at, part in enumerate(index.parts, 1):
                length = part.length or None
                cells = (table.database, table.name, index.name, at, part.column, length)
                rows.append(_row(b"key", *cells, 0 if index.unique else 1))
    for code in schema.code:
        rows.append(_row(code.kind.encode(), code.database, code.name, code.table, code.text, ""))
    for one in schema.foreign_keys:
        rows.append(_row(b"reference", *one.column, one.name, *one.refers))
    return [*rows, _row(b"end")]


class MysqlBench(Workbench):
    """A session and its database, which answers with ``schema``; ``asked`` are the texts of all
    questions, ``changes`` the number of changes that its server has begun, ``refuses`` texts that
    have errors with the number ``number``, ``held`` answers that are to come if ``holds`` is set.
    ``lookups`` is what it answers about the tables that are given values, ``charset`` that about
    files."""

    def __init__(self, schema=SCHEMA, settings=SETTINGS):
        super().__init__()
        self.keys.put(purposes.SEARCH_HMAC, b"h" * 32, self.session.identity.client_id)
        self.schema, self.settings = schema, settings
        self.asked = []
        self.held = []
        self.holds = self.fails = False
        self.number = 0
        self.changes = 7
        self.refuses = ()
        self.lookups = []
        self.database = "shop"
        self.charset = "utf8mb4"
        self.time = 1000.0
        self.session = self.begin()
        self.exchange = Exchange(self.session, "query", None, 1)

    def has(self, name, is_code=False, database="shop"):
        """Have the server tell of a table, or of a view or routine."""
        self.lookups = [[_hex(database), _hex(name), _hex(int(is_code))]]

    def begin(self, user=b"u"):
        return self.furnish(make_session(observer=self.session.observer), user)

    def furnish(self, session, user=b"u"):
        """Make a session one of this database."""
        session.system, session.language = "mariadb", "mysql"
        session.user, session.database = user, b"shop"
        session.parameters = {b"sql_mode": b"", b"character_set_client": b"utf8mb4"}
        session.ask = self._ask
        return session

    def seconds(self):
        return self.time

    def _ask(self, text):
        self.asked.append(text)
        if self.fails or text in self.refuses:
            return fail(QuestionError("the connection has ended", number=self.number))
        answer = [[_hex(self.database)]]
        if text == schema_question(table.name for table in self.settings.tables):
            answer = rows_of(self.schema)
        elif text == mark_question():
            answer = mark_of(self.changes)
        elif b"character_set_database" in text:
            answer = [[_hex(self.charset)]]
        elif b"information_schema" in text:
            answer = self.lookups
        elif text != database_question():
            answer = []
        if not self.holds:
            return succeed(answer)
        held = Deferred()
        self.held.append((held, answer))
        return held

    def answer(self):
        """Give the first answer that is held."""
        held, answer = self.held.pop(0)
        held.callback(answer)

    def statement(self, text, prepared=False, session=None):
        """A statement and its exchange."""
        statement = Statement(text.encode(), b"" if prepared else None)
        kind = "prepare" if prepared else "query"
        return statement, Exchange(session or self.session, kind, statement, 1)

    def parameters(self, statement, *given):
        """Values for a statement, and their exchange: each is a string, a number, bytes or None."""
        kinds, values, formats = [], [], []
        for one in given:
            if isinstance(one, int):
                kinds.append(8)
                values.append(one.to_bytes(8, "little", signed=True))
                formats.append(1)
            else:
                kinds.append(252 if isinstance(one, bytes) else 253)
                values.append(one.encode() if isinstance(one, str) else one)
                formats.append(0)
        exchange = Exchange(self.session, "execute", statement, 1)
        return Parameters(values, formats, statement, kinds), exchange


def described(*names, table="people", types=None, meaning=None):
    """The columns of a result; one without a name comes from no table."""
    return Columns(
        [name.encode() for name in names],
        [(b"shop", table.encode()) if name else 0 for name in names],
        types or [BLOB] * len(names),
        [1] * len(names),
        attributes=[name.encode() if name else 0 for name in names],
        sizes=[100] * len(names),
        modifiers=[BINARY] * len(names),
        values=VALUES,
        meaning=meaning,
    )


def rows(columns, *cells, binary=False):
    """Rows of a result."""
    encode = (lambda row: encode_binary(row, columns.types)) if binary else encode_text
    data = b"".join(packets(encode(row), at) for at, row in enumerate(cells))
    return MysqlRows(data, columns, 0, len(data), binary)

"""An operator's statements in MySQL; tests/integration/test_mysql_rotating.py has a real one."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import ConfigError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.sql.literals import mysql_value
from acra_twisted.tools.mysqlselection import MysqlStatements, MysqlTexts

CELLS = st.one_of(st.none(), st.binary(max_size=20), st.text(max_size=20).map(str.encode))


KEPT = ((b"Note", b"1", b"x"), (b"Warning", b"1196", b"Some tables ..."))


class Client:
    """Answers a SELECT with ``rows``."""

    def __init__(self, *rows):
        self.rows = rows
        self.asked = []

    async def ask(self, statement):
        self.asked.append(statement)
        return ((b"3",),) if "ROW_COUNT" in statement else self.rows


class Running(SynchronousTestCase):
    def done(self, coroutine):
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def run_(self, statement, data, *others):
        client = Client()

        async def running():
            prepared = await MysqlStatements(client).prepare(statement)
            return prepared.number, await prepared.run(data, others)

        found = self.done(running())
        return client.asked[0], found

    def test_what_can_be_taken_back(self):
        for warnings, kept in (((), False), (((b"Note", b"1", b"x"),), False), (KEPT, True)):
            client, written = Client(*warnings), []

            async def write(written=written):
                written.append(True)

            statements = MysqlStatements(client)
            self.assertEqual(self.done(statements.can_undo(write)), not kept)
            self.assertEqual(self.done(statements.undo()), not kept)
            self.assertEqual(written, [True])
            self.assertEqual(
                [text.split()[0] for text in client.asked],
                ["SAVEPOINT", "ROLLBACK", "SHOW", "ROLLBACK", "SHOW"],
            )

    def test_placeholders_are_filled_in_their_order(self):
        text, found = self.run_(
            " UPDATE t SET data = ? WHERE id = ? AND a = '?' AND b = ? -- ?\n;", b"\0'", b"7", None
        )
        self.assertEqual(
            text, "UPDATE t SET data = x'0027' WHERE id = '7' AND a = '?' AND b = NULL -- ?\n"
        )
        self.assertEqual(found, (3, 3))

    @given(st.binary(max_size=20), st.lists(CELLS, max_size=3))
    def test_every_cell_stays_what_it_is(self, data, cells):
        asked = "SELECT ?" + ", ?" * len(cells)
        text, _ = self.run_(asked, data, *cells)
        found = [
            (kind, text.encode()[start:end])
            for kind, start, end in mysqllexer.tokens(text.encode())
            if kind != lexer.OPERATOR
        ][1:]
        self.assertEqual(len(found), 1 + len(cells))
        for (kind, raw), cell in zip(found, (data, *cells), strict=True):
            if cell is None:
                self.assertEqual(raw, b"NULL")
            elif raw[:1] == b"x":
                self.assertEqual(bytes.fromhex(raw[2:-1].decode()), cell)
            else:
                self.assertEqual(mysql_value(kind, raw, False)[1], cell)

    def test_rows_and_the_transaction(self):
        client = Client((b"1", b"\\x00"), (b"2", None))

        async def reading():
            statements = MysqlStatements(client)
            await statements.begin(written_back=False)
            found = [(row.cells, row.data) async for row in statements.rows("SELECT 1 ;")]
            await statements.commit()
            return found

        found = self.done(reading())
        self.assertEqual(found, [((b"1", b"\\x00"), b"\\x00"), ((b"2", None), b"")])
        self.assertEqual(client.asked[1:], ["START TRANSACTION", "SELECT 1", "COMMIT"])


class Texts(SynchronousTestCase):
    def test_one_placeholder(self):
        texts = MysqlTexts()
        self.assertTrue(texts.has_placeholder("INSERT INTO t VALUES (?)"))
        self.assertFalse(texts.has_placeholder("INSERT INTO t VALUES ('?')"))
        self.assertEqual(texts.filled("VALUES (?, 7)", b"'\0", False), "VALUES (x'2700', 7)")
        self.assertRaises(ConfigError, texts.filled, "VALUES (?, ?)", b"", False)
        self.assertRaises(ConfigError, texts.filled, "VALUES (?)", b"", True)
        self.assertRaises(ConfigError, texts.has_placeholder, "VALUES ('?)")

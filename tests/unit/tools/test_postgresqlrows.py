"""Rows of PostgreSQL that are changed; tests/unit/tools/test_rowmoving.py has the passes."""

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.migrating import ENCRYPT
from acra_twisted.encryption.postgresql import moving
from acra_twisted.tools.databaseclient import Answer
from acra_twisted.tools.postgresqlrows import PostgresqlRows
from acra_twisted.tools.rowwork import Due, MovedRow
from tests.unit.encryption.postgresql.test_moving import AGE, PEOPLE, setting

PARTS = moving.parts(PEOPLE, {1: setting(), 2: AGE}, ENCRYPT)


class Client:
    """Answers each statement with ``rows``."""

    def __init__(self, *rows):
        self.rows = rows
        self.asked = []

    async def ask(self, statement, values=(), types=None, formats=None):
        self.asked.append((statement, values))
        return Answer(self.rows, [25])


class Writing(SynchronousTestCase):
    def test_the_parts_that_were_written_come_back_at_their_places(self):
        client = Client([b"1", b"now"])
        rows = PostgresqlRows(client, PEOPLE, PARTS)
        due = [
            Due(MovedRow(b"(0,%d)" % at, b"7", "", [b"Ann", b"42"]), [None, b"sealed"])
            for at in (1, 2)
        ]
        found = self.successResultOf(Deferred.fromCoroutine(rows.write(due)))
        self.assertEqual(found, [(1, [None, b"now"])])
        [(_, values)] = client.asked
        self.assertEqual(values, [b"(0,1)", b"7", b"sealed", b"(0,2)", b"7", b"sealed"])

    def test_a_statement_has_no_more_parameters_than_the_protocol(self):
        rows = PostgresqlRows(Client(), PEOPLE, PARTS)
        self.assertLess(rows.most * (2 + len(PARTS)), 65_535)
        self.assertGreater(rows.only(PARTS[:1]).most, rows.most)
        self.assertEqual(rows.only(PARTS[:1]).parts, PARTS[:1])

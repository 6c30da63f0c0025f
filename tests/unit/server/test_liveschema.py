"""The schema of a database by a connection of its own; tests/integration/test_explain.py and
test_column_settings.py read real ones."""

import base64
import json

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.schema import SchemaError
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.server.liveschema import read_schema
from tests.support.planning import SETTINGS

FIRST = {"words": ["people"], "functions": [[1, "f", "f", ["people"]]], "writers": None}
TABLE = {
    **{"oid": 5, "schema": "public", "name": "people", "kind": "r", "view": None},
    **{"columns": None, "indexes": None, "attached": None, "parents": None},
}


def cell(value):
    return base64.b64encode(json.dumps(value).encode())


class Live(SynchronousTestCase):
    def read(self, rows):
        asked = []

        async def ask(*arguments):
            asked.append(arguments)
            return rows

        try:
            read_schema(ask, SETTINGS).send(None)
        except StopIteration as end:
            return end.value, asked

    def test_the_pieces_of_each_cell_are_put_together(self):
        first, table = cell(FIRST), cell(TABLE)
        rows = [(b"1", first[:7]), (b"1", first[7:]), (b"2", table[:9]), (b"2", table[9:])]
        schema, [asked] = self.read(rows)
        self.assertEqual([one.name for one in schema.named("people")], ["people"])
        self.assertEqual(schema.functions, {"f"})
        self.assertIn("E'people'", asked[0])

    def test_another_answer_is_refused(self):
        self.assertRaises(ConfigError, self.read, [(b"1", None)])
        self.assertRaises(SchemaError, self.read, [(b"1", b"x")])
        self.assertRaises(AcraError, self.read, [])

"""Samples of the values of protected columns; tests/integration/test_column_samples.py has real
tables and keys."""

import os

from twisted.internet.defer import ensureDeferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.crypto.openers import Opener
from acra_twisted.doctor.result import OK, WARN
from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.settings import ColumnSetting, EncryptionSettings, TableSetting
from acra_twisted.options import Settings
from acra_twisted.server import columnsample
from acra_twisted.server.columnsample import Samples
from acra_twisted.server.sampledcolumns import postgresql_columns
from tests.support.schemas import answer, column, table

KEY = bytes(32)
NAME = ColumnSetting("", "people", "name")
OWNED = ColumnSetting("", "people", "owned", owner="the owner")
COLUMNS = (column("id", 1, 23), column("name", 2), column("owned", 3))


def stored(value):
    return ColumnSealer(NAME, block_seal(KEY)).store(value, os.urandom).data


class Keys:
    """The keys of one owner, which are given later."""

    def __init__(self, owner):
        self.owner, self.closed, self.asked = owner, False, []

    def opener(self, pair, symmetric, owner):
        self.asked.append(owner)
        return succeed(Opener([], [KEY] if owner == self.owner else []))

    def close(self):
        self.closed = True


class Sampling(SynchronousTestCase):
    def setUp(self):
        self.keys = Keys("the owner")
        self.patch(columnsample, "open_keys", lambda *given: self.keys)
        self.settings = {"client_id": "", "client_id_map_file": ""}
        self.values = [stored(b"anna"), b"berta"]
        self.relations = [table(7, "people", *COLUMNS)]

    async def ask(self, statement, most):
        if isinstance(self.values, Exception):
            raise self.values
        self.assertLessEqual(len(self.values), most)
        return [(b"%d" % at, value.hex().encode()) for at, value in enumerate(self.values)]

    def results(self, *columns):
        protected = {one.name: one for one in columns}
        settings = EncryptionSettings([TableSetting("", "people", (), protected)])
        protection = Protection(catalog.read(answer(*self.relations), 1), settings)
        samples = Samples(Settings(self.settings), 50)

        async def collect():
            return [one async for one in samples.results(self.ask, postgresql_columns(protection))]

        found = self.successResultOf(ensureDeferred(collect()))
        self.assertTrue(self.keys.closed)
        return found

    def test_the_owners_keys_open_them(self):
        [result] = self.results(OWNED)
        self.assertEqual(result.state, WARN)
        self.assertEqual(
            result.text,
            "public.people.owned: of 2 values, 1 (50.0%) fine, 1 (50.0%) in clear",
        )
        self.assertEqual(result.remedy, "acra-migrate encrypt people")
        self.assertEqual(self.keys.asked, ["the owner"])

    def test_clients_may_own_what_has_no_owner(self):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write('"the owner" user=anna\n')
        for named in ({"client_id": "the owner"}, {"client_id_map_file": path}):
            self.settings |= {"client_id": "some client", "client_id_map_file": "", **named}
            [result] = self.results(NAME)
            self.assertIn("1 (50.0%) fine, 1 (50.0%) in clear", result.text)
        self.settings |= {"client_id": "some client", "client_id_map_file": ""}
        [result] = self.results(NAME)
        self.assertIn("1 (50.0%) in clear, 1 (50.0%) that cannot be read", result.text)

    def test_nobody_is_named(self):
        del self.values[1:]
        [result] = self.results(NAME)
        self.assertEqual(result.state, OK)
        self.assertIn("1 (100.0%) encrypted, but not opened: no client id is named", result.text)

    def test_each_column_is_told_of(self):
        self.settings["client_id"] = "the owner"
        self.assertEqual(
            [one.text.partition(":")[0] for one in self.results(NAME, OWNED)],
            ["public.people.name", "public.people.owned"],
        )

    def test_columns_that_cannot_be_looked_at(self):
        self.values = NoAnswer("permission denied", False)
        first, second = self.results(NAME, OWNED)
        self.assertEqual((first.state, second.state), (WARN, WARN))
        self.assertIn("its values cannot be looked at: permission denied", first.text)
        self.assertIn('GRANT SELECT ("owned") ON "public"."people"', second.remedy)
        self.relations[0]["kind"] = "f"
        [result] = self.results(NAME)
        self.assertIn("its rows are in another database", result.text)
        self.assertEqual(result.remedy, "")

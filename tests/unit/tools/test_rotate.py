"""acra-rotate; tests/integration/test_rotating.py has a real database."""

import base64
import json
import os

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.encryption.postgresql import bytea
from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC
from acra_twisted.themis.keys import encode_public
from acra_twisted.tools import operatorconnection, rotate
from acra_twisted.tools.databaseclient import PostgresqlError
from tests.support.selected import Selected
from tests.unit.tools.base import ToolCase
from tests.unit.tools.test_rollback import run

OWNER = "some client"


class Rotate(ToolCase):
    def setUp(self):
        super().setUp()
        self.make_keys(f"--client_id={OWNER}")
        self.before = self.store.public_key(STORAGE, OWNER)

    def main(self, arguments, environment, output):
        rotate.main(arguments, environment, output, run)

    def file(self, content, mode=0o640):
        path = os.path.abspath(self.mktemp())
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def struct(self, text):
        return acrastruct.create(text, self.store.public_key(STORAGE, OWNER), b"", os.urandom)

    def block(self, text):
        secret, *_ = self.store.keys(STORAGE_SYMMETRIC, OWNER)
        wrapped = acrablock.create(text, secret.value, b"", os.urandom)
        return envelopes.wrap("acrablock", wrapped)

    def read(self, path):
        with open(path, "rb") as file:
            return file.read()

    def rotated(self, *words):
        return json.loads(self.call(f"--keys_dir={self.folder}", *words))

    def public(self):
        return base64.b64encode(encode_public(self.store.public_key(STORAGE, OWNER))).decode()

    def assert_newest(self, struct, text):
        newest, *_ = self.store.keys(STORAGE, OWNER)
        self.assertEqual(acrastruct.open_with(struct, newest), text)

    # -- files ------------------------------------------------------------------------------------

    def test_files(self):
        struct, block = self.file(self.struct(b"one")), self.file(self.block(b"two"))
        mapped = self.file(json.dumps({OWNER: [struct, block]}).encode())
        told = self.rotated(f"--file_map_config={mapped}")
        self.assertEqual(
            told, {OWNER: {"new_public_key": self.public(), "file_paths": [struct, block]}}
        )
        self.assertNotEqual(self.store.public_key(STORAGE, OWNER), self.before)
        self.assertEqual(len(self.store.keys(STORAGE, OWNER)), 2)
        self.assert_newest(self.read(struct), b"one")
        [found] = envelopes.find(self.read(block))
        self.assertEqual(found.start, 0)
        newest, older = self.store.keys(STORAGE_SYMMETRIC, OWNER)
        data = found.data(self.read(block))
        self.assertEqual(acrablock.open_with(data, newest.value), b"two")
        self.assertEqual(os.stat(struct).st_mode & 0o777, 0o640)

    def test_one_file_may_stand_without_a_list(self):
        struct = self.file(self.struct(b"one"))
        mapped = self.file(json.dumps({OWNER: struct}).encode())
        self.rotated(f"--file_map_config={mapped}")
        self.assert_newest(self.read(struct), b"one")

    def test_nothing_is_written_if_one_does_not_open(self):
        content = self.struct(b"one")
        struct, plain = self.file(content), self.file(b"plain")
        mapped = self.file(json.dumps({OWNER: [struct, plain]}).encode())
        self.refused(
            "nothing was written", f"--keys_dir={self.folder}", f"--file_map_config={mapped}"
        )
        self.assertEqual(self.read(struct), content)
        self.assertEqual(len(self.store.keys(STORAGE, OWNER)), 1)

    def test_a_dry_run_writes_neither_files_nor_keys(self):
        content = self.struct(b"one")
        struct = self.file(content)
        mapped = self.file(json.dumps({OWNER: [struct]}).encode())
        told = self.rotated(f"--file_map_config={mapped}", "--dry-run")
        self.assertEqual(told[OWNER]["new_public_key"], "")
        self.assertEqual(self.read(struct), content)
        self.assertEqual(len(self.store.keys(STORAGE, OWNER)), 1)

    def test_maps_that_are_none(self):
        for text in (b"", b"[]", b'{"a": 7}', b'{"a": [7]}', b"[" * 100_000):
            mapped = self.file(text)
            self.refused(mapped, f"--keys_dir={self.folder}", f"--file_map_config={mapped}")

    # -- rows -------------------------------------------------------------------------------------

    def rows(self, *words):
        return (
            f"--keys_dir={self.folder}",
            "--sql_select=SELECT id, owner, data FROM t",
            "--sql_update=UPDATE t SET data = $1 WHERE id = $2",
            *words,
        )

    def on(self, *rows, **options):
        cells = [[key, OWNER.encode(), bytea.encode(data)] for key, data in rows]
        client = Selected(*cells, parameters=(17, 23), **options)
        self.patch(operatorconnection, "DatabaseClient", client)
        return client

    def test_rows(self):
        client = self.on((b"1", self.struct(b"one")), (b"2", self.struct(b"two")))
        client.rows.append([b"3", OWNER.encode(), None])
        told = self.rotated(*self.rows("--db_connection_string=host=here"))
        self.assertEqual(told, {OWNER: self.public()})
        self.assertEqual(client.given, ("host=here", "acra-rotate"))
        for (statement, values, types, formats), key, text in zip(
            client.written, (b"1", b"2"), (b"one", b"two"), strict=True
        ):
            self.assertEqual(statement, "UPDATE t SET data = $1 WHERE id = $2")
            self.assert_newest(values[0], text)
            self.assertEqual((values[1], types, formats), (key, (17, 23), (1, 0)))
        self.assertEqual(len(self.store.keys(STORAGE, OWNER)), 2)
        self.assertTrue(client.committed)

    def test_characters_hold_the_digits_of_bytes(self):
        client = self.on((b"1", self.struct(b"one")), kind=25)
        client.parameters = (25, 23)
        self.rotated(*self.rows())
        [(_, values, _, formats)] = client.written
        self.assertEqual(formats, (0, 0))
        self.assert_newest(bytea.decode(values[0]), b"one")

    def test_a_row_that_does_not_open_undoes_all(self):
        for data in (b"plain", self.struct(b"one")[:-1]):
            for expected in ("row 2: ", "; no row was written"):
                client = self.on((b"1", self.struct(b"one")), (b"2", data))
                self.refused(expected, *self.rows())
                self.assertEqual(client.asked[-1], "ROLLBACK")

    def test_a_commit_of_which_nobody_hears(self):
        for state, expected in (
            ("08006", "nobody knows if the rows were written, 1 of"),
            ("23503", "no row was"),
        ):
            client = self.on((b"1", self.struct(b"one")))
            client.refuses["COMMIT"] = PostgresqlError(state)
            self.refused(expected, *self.rows())

    def test_an_update_that_changes_nothing_undoes_all(self):
        client = self.on((b"1", self.struct(b"one")))
        client.changes = 0
        self.refused("row 1: --sql_update changes no row", *self.rows())
        self.assertFalse(client.committed)

    def test_an_update_that_changes_other_rows_undoes_all(self):
        client = self.on((b"1", self.struct(b"one")), (b"1", self.struct(b"two")))
        client.changes = 2
        self.refused("row 1: --sql_update changes 2 rows", *self.rows())
        self.assertFalse(client.committed)

    def test_a_dry_run_writes_neither_rows_nor_keys(self):
        client = self.on((b"1", self.struct(b"one")))
        self.assertEqual(self.rotated(*self.rows("--dry-run")), {OWNER: ""})
        self.assertEqual(client.written, [])
        self.assertEqual(len(self.store.keys(STORAGE, OWNER)), 1)

    def test_mistakes(self):
        self.refused("give --file_map_config, or", f"--keys_dir={self.folder}")
        self.refused("give both", "--sql_select=SELECT 1")
        self.refused("not one of MySQL", *self.rows("--mysql_enable"))
        self.refused("zones", *self.rows("--zonemode_enable=true"))
        client = self.on((b"1", self.struct(b"one")))
        client.parameters = (17,)
        self.refused("--sql_select gives 3 columns", *self.rows())
        client = self.on((b"1", self.struct(b"one")))
        client.parameters = ()
        self.refused("no placeholder", *self.rows())
        client = self.on()
        client.rows = [[b"1", b"../x", bytea.encode(self.struct(b"one"))]]
        self.refused("row 1: a client id has", *self.rows())

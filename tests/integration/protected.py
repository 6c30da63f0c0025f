"""A server that protects columns, for tests with real sessions."""

from __future__ import annotations

from contextlib import asynccontextmanager

import asyncpg

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain, merge
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres
from tests.integration.base import Surroundings

#: Settings of a database that logs every statement and every parameter.
LOGGED = ("log_statement = all", "log_parameter_max_length = -1")
#: The begin of every encrypted value.
BEGIN = b"%%%"


def token_store(keys: Keys) -> dict[str, dict[str, str]]:
    """The section [tokens] with a store beside the keys."""
    return {"tokens": {"token_store": f"sqlite:{keys.path.parent}/tokens.db"}}


@asynccontextmanager
async def asyncpg_session(chain: Chain):
    """A session of asyncpg."""
    db = await asyncpg.connect(
        host="127.0.0.1", port=chain.port, user=SUPERUSER, database="postgres", ssl=False
    )
    try:
        yield db
    finally:
        await db.close()


class ProtectedCase(Surroundings):
    """``served`` is a server that protects the columns of ``config`` for ``client``.  Each test
    begins with an empty table ``people``, made by ``table``; ``secrets`` are texts that may not
    stand anywhere in clear."""

    config: str
    table: str
    secrets: tuple[str, ...] = ()
    client = "people application"
    database = LOGGED

    @classmethod
    def make_postgres(cls):
        return Postgres(settings=cls.database)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = cls.make_keys(cls.client)
        cls.config_file = cls.folder / "encryptor.yaml"
        cls.config_file.write_text(cls.config)
        cls.served = cls.make_served()

    @classmethod
    def make_keys(cls, client: str) -> Keys:
        """Keys of a client, one for searches among them, in a folder of their own."""
        folder = cls.folder / client
        folder.mkdir()
        keys = Keys(folder, client)
        keys.writer.generate(purposes.SEARCH_HMAC, client)
        return keys

    @classmethod
    def make_served(cls) -> Chain:
        return cls.protect(cls.keys)

    @classmethod
    def protect(cls, keys: Keys, server=None, **options) -> Chain:
        """A server with these keys.  ``server`` are further sections of its ini file."""
        encryptor = {"encryptor": {"encryptor_config_file": str(cls.config_file)}}
        return cls.chain(link="none", keys=keys, server=merge(encryptor, server), **options)

    def setUp(self):
        with self.direct() as db:
            db.execute("DROP TABLE IF EXISTS people CASCADE")
            db.execute(self.table)

    def log(self) -> bytes:
        """All that the database has logged."""
        return (self.postgres.folder / "postgres.log").read_bytes()

    def assert_not_logged(self, *texts: str) -> None:
        log = self.log()
        self.assertIn(b"people", log)
        for text in texts:
            self.assertNotIn(text.encode(), log)

    def assert_sealed(self, value: bytes) -> None:
        self.assertIn(BEGIN, value)
        for secret in self.secrets:
            self.assertNotIn(secret.encode(), value)

    def assert_encrypted(self, *columns: str, rows: int | None = None) -> None:
        """The table has rows, so many if given, and each value of the columns is encrypted."""
        with self.direct() as db:
            found = db.execute(f"SELECT {', '.join(columns)} FROM people").fetchall()
        self.assertTrue(found)
        if rows is not None:
            self.assertEqual(len(found), rows)
        for row in found:
            for value in row:
                self.assert_sealed(value)

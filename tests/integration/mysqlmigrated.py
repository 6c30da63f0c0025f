"""A real MariaDB whose rows acra-migrate changes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pymysql
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.mariadb import MariaDB
from tests.support.migrated import Migrated

PASSWORD = "of the migrator"
CONFIG = """
schemas:
  - table: people
    schema: shop
    encrypted:
      - {column: name, data_type: str}
      - {column: email, searchable: true, data_type: str}
      - {column: card, masking: xxxx, plaintext_length: 4, plaintext_side: right, data_type: str}
  - table: staff
    schema: shop
    encrypted:
      - {column: name, data_type: str}
      - {column: age, data_type: int32}
      - {column: born, data_type: date}
  - table: tokens
    schema: shop
    encrypted:
      - {column: phone, token_type: str, consistent_tokenization: true}
"""


class Base(Migrated, SynchronousTestCase):
    password = PASSWORD
    #: Of the server.
    more: tuple[str, ...] = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.authority = Authority(cls.folder)
        pair = cls.authority.issue("database", hosts=("127.0.0.1",))
        settings = ("--general-log=1", "--general-log-file=all.log", "--log-bin", *cls.more)
        cls.database = MariaDB(listens=True, tls=pair, settings=settings)
        cls.addClassCleanup(cls.database.stop)
        cls.database.start()
        cls.database.account("migrator", PASSWORD)
        cls.database.run("CREATE DATABASE shop")
        cls.config = cls.folder / "encryptor.yaml"
        cls.config.write_text(CONFIG)
        path = cls.folder / "password"
        path.write_text(PASSWORD)
        path.chmod(0o600)
        cls.where = (
            f"mysql://migrator@127.0.0.1:{cls.database.port}/?password_file={path}"
            f"&db_tls=require&tls_ca={cls.authority.path}"
        )

    def setUp(self):
        self.make_keys()
        self.db = self.connect()
        self.rows("DROP TABLE IF EXISTS people, staff, tokens")

    def connect(self, **more):
        db = pymysql.connect(
            host="127.0.0.1",
            port=self.database.port,
            user="migrator",
            password=PASSWORD,
            database="shop",
            autocommit=True,
            **more,
        )
        self.addCleanup(db.close)
        return db

    def rows(self, text, db=None):
        with (db or self.db).cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall()

"""Bulk executions of MariaDB's driver for node, through AcraConnector and AcraServer."""

import json
import subprocess
import tempfile
from pathlib import Path

from acra_twisted import purposes
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.keys import Keys
from tests.integration.base import eventually
from tests.integration.test_mysql_link import MYSQL, LinkCase
from tests.support.daemons import metric
from tests.support.themis_peer import FOLDER as INTEROP

_MANY = 3000
_TABLE = """
CREATE DATABASE IF NOT EXISTS shop; USE shop; DROP TABLE IF EXISTS people, forbidden;
CREATE TABLE people (id INT PRIMARY KEY, name {name}, email {email}, age {age}, raw MEDIUMBLOB);
CREATE TABLE forbidden (n INT);
GRANT ALL ON shop.* TO u@'%';
SET GLOBAL max_allowed_packet = 64 * 1024 * 1024;
"""
_PLAIN = {"name": "LONGTEXT CHARACTER SET utf8mb4", "email": "VARCHAR(100)", "age": "INT"}
_PROTECTED = {"name": "LONGBLOB", "email": "VARBINARY(400)", "age": "VARBINARY(300)"}
_COLUMNS = """
schemas:
  - table: people
    columns: [id, name, email, age, raw]
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
      - {column: age, data_type: int32}
"""
_RULES = "version: 0.85.0\nhandlers:\n  - handler: deny\n    tables: [forbidden]\n"
_DENIED = [1317, "70100"]
_DUPLICATE = [1062, "23000"]
_WRONG_VALUE = 1366


class Bulk(LinkCase):
    """With the same answers and rows as at the database itself."""

    def bulk(self, port):
        done = subprocess.run(
            ["node", "mysql-bulk.js", str(port)],
            cwd=INTEROP,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def direct(self):
        self.database.run(_TABLE.format(**_PLAIN))
        found = self.bulk(self.database.port)
        self.assertEqual((found.pop("denied"), found.pop("value")), (2, [_WRONG_VALUE, "22007"]))
        return found

    def through(self, chain, columns, state="22007"):
        """``state`` is the SQLSTATE of a value that is none of its column."""
        self.database.run(_TABLE.format(**columns))
        found = self.bulk(chain.port)
        self.assertEqual(found.pop("denied"), _DENIED)
        self.assertEqual(found.pop("value"), [_WRONG_VALUE, state])
        self.assertEqual(self.database.run("SELECT COUNT(*) FROM shop.forbidden").strip(), "0")
        return found

    def check_requests(self, chain):
        """Neither daemon has seen more requests than there were commands: no row has its own."""
        for pages in (chain.server_pages, chain.connector_pages):
            requests = metric(pages, "acra_exchanges_total")
            self.assertLess(10, requests)
            self.assertLess(requests, 100)

    def judged(self):
        """How many rows AcraServer has judged."""
        name = "db.operation.batch.size"
        return sum(span["attributes"].get(name, 0) for span in self.collector.spans)

    @classmethod
    def rules(cls):
        path = Path(tempfile.mkdtemp(dir=cls.folder)) / "rules.yaml"
        path.write_text(_RULES)
        return {"acracensor_config_file": str(path)}

    def test_without_protected_columns(self):
        expected = self.direct()
        self.assertEqual((expected["insert"], len(expected["rows"])), (_MANY, _MANY + 8))
        self.assertEqual(expected["twice"], _DUPLICATE)
        chain = self.chain(server={"pipeline": {"stages": "censor"}, "censor": self.rules()})
        self.assertEqual(self.through(chain, _PLAIN), expected)
        self.check_requests(chain)

    def test_with_protected_columns(self):
        expected = self.direct()
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        keys = Keys(folder, "sandbox client")
        keys.writer.generate(purposes.SEARCH_HMAC, "sandbox client")
        (folder / "columns.yaml").write_text(_COLUMNS)
        tracing = {"otlp_endpoint": self.collector.url, "tracing_interval": "0.1"}
        chain = Chain(
            ("127.0.0.1", self.database.port),
            link="secure-session",
            server={
                "database": MYSQL,
                "tracing": tracing,
                "pipeline": {"stages": "censor, encryptor, decryptor"},
                "censor": self.rules(),
                "encryptor": {"encryptor_config_file": str(folder / "columns.yaml")},
            },
            connector={"connector": MYSQL, "tracing": tracing},
            folder=folder,
            authority=self.authority,
            keys=keys,
        )
        self.addCleanup(chain.stop)
        chain.start()
        self.collector.spans.clear()
        # MySQL's SQLSTATE of it, in place of MariaDB's: a stage refuses it.
        self.assertEqual(self.through(chain, _PROTECTED, "HY000"), expected)
        self.check_requests(chain)
        eventually(lambda: self.judged() >= _MANY, "spans of the server")
        stored = self.database.run(
            "SELECT COUNT(*) FROM shop.people WHERE name LIKE '%name %' OR email LIKE '%@x.org%'"
        )
        self.assertEqual(stored.strip(), "0")

"""Rules for statements with clauses that MySQL's parser is not shown, before MariaDB."""

import tempfile
from contextlib import closing
from pathlib import Path

import pymysql
import yaml
from twisted.trial.unittest import SynchronousTestCase

from tests.support import classmariadb
from tests.support.clauses import ALLOWED, DENIED
from tests.support.mysqldaemon import MysqlServer

DENIED_HERE = 1317
SYNTAX = 1064


class AtMariaDB(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.database.run(
            "CREATE DATABASE shop; USE shop; CREATE TABLE t (a text);"
            "CREATE TABLE gone (o int, n text); INSERT INTO gone VALUES (1, 'a'), (2, 'b');"
            "CREATE TABLE kept (a int);"
            "CREATE TABLE spans (a int, b date, c date, PERIOD FOR p (b, c))"
        )

    def errors(self, port, texts):
        """The number of the error of each text, 0 if there is none."""
        found = []
        with closing(
            pymysql.connect(host="127.0.0.1", port=port, user="u", password="pw", database="shop")
        ) as connection:
            for text in texts:
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(text)
                    found.append(0)
                except pymysql.MySQLError as error:
                    found.append(error.args[0])
        return dict(zip(texts, found, strict=True))

    def serve(self, kind, cases, *more):
        handler = {"handler": kind}
        for key, rule, _, _ in cases:
            handler.setdefault(key, []).append(rule)
        rules = Path(tempfile.mkdtemp()) / "rules.yaml"
        self.addCleanup(rules.parent.rmdir)
        self.addCleanup(rules.unlink)
        rules.write_text(yaml.safe_dump({"version": "0.85.0", "handlers": [handler, *more]}))
        server = MysqlServer(
            self.database.port, stages=("censor",), acracensor_config_file=str(rules)
        )
        server.__enter__()
        self.addCleanup(server.stop)
        return server.port

    def test_a_permission_is_for_one_statement(self):
        opening = [
            ("queries", f"SET {what}", (), ()) for what in ("NAMES utf8mb4", "AUTOCOMMIT = 0")
        ]
        port = self.serve("allow", [*opening, *ALLOWED], {"handler": "denyall"})
        others = [text for case in ALLOWED for text in case[3]]
        self.assertEqual(set(self.errors(port, others).values()), {DENIED_HERE})
        same = [text for case in ALLOWED for text in case[2]]
        self.assertEqual(self.errors(port, same), dict.fromkeys(same, 0))
        self.assertEqual(self.database.run("SELECT count(*) FROM shop.gone"), "2\n")

    def test_a_denial_holds_with_every_clause(self):
        port = self.serve("deny", DENIED)
        same = [text for case in DENIED for text in case[2]]
        self.assertEqual(self.errors(port, same), dict.fromkeys(same, DENIED_HERE))
        others = [text for case in DENIED for text in case[3]]
        self.assertEqual(self.errors(port, others), dict.fromkeys(others, 0))
        # The database runs what was refused.
        self.assertNotIn(SYNTAX, self.errors(self.database.port, same).values())

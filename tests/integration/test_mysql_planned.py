"""Statements that are planned for a MariaDB with protected columns, and the same ones at a twin
without: the answers are the same."""

import os
import zlib

import pymysql
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import belt
from acra_twisted.encryption.mysql.filling import fill
from acra_twisted.encryption.mysql.plaintexts import from_literal
from acra_twisted.encryption.plan import STORE
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, TOKENIZED
from acra_twisted.sandbox.mariadb import MariaDB
from tests.support import classmariadb
from tests.support.mysqlplanning import SETTINGS, plan
from tests.support.mysqlrefusing import IN_CLEAR

#: Values are looked for by two keys, and written with the first.
_KEYS = (b"n" * 32, b"o" * 32)
_MARK = b"%%%"
_COLLATED = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
_TABLES = """
CREATE TABLE people (id INT PRIMARY KEY, email {bytes}, name {bytes}, age INT, phone {text},
    code {text}, card {bytes}, note VARCHAR(40), UNIQUE KEY k (email{prefix}));
CREATE TABLE leads (id INT, mail {bytes}, KEY k (mail{prefix}));
CREATE TABLE orders (id INT, pid INT, x VARCHAR(40));
INSERT INTO orders VALUES (1, 1, 'a'), (2, 1, 'b'), (3, 4, 'a');
"""
_FILLED = (
    "INSERT INTO people (id, email, name, age, phone, note) VALUES (1, 'a', 'Ann', 5, 'x', 'n'), "
    "(2, 'A', 'Bob', 6, 'X', 'm'), (3, NULL, NULL, NULL, NULL, NULL), (4, '', '', 5, 'xx', '')",
    "INSERT INTO leads VALUES (1, 'a'), (2, 'a'), (3, 'b'), (4, NULL), (5, ''), (6, 'A')",
)

_VALUE = st.sampled_from(["'a'", "'A'", "'b'", "''", "x'61'", "_utf8mb4'a'", "'a '", "('b')"])
_NULL = st.one_of(_VALUE, st.just("NULL"))
_EMAIL = st.sampled_from(["p.email", "`p`.`email`", "(p.email)"])
_ATOM = st.one_of(
    st.tuples(_EMAIL, st.sampled_from(["=", "<>", "<=>"]), _NULL).map(" ".join),
    st.tuples(_NULL, st.just("="), _EMAIL).map(" ".join),
    st.tuples(_EMAIL, _NULL, _NULL).map("{0[0]} IN ({0[1]}, {0[2]})".format),
    st.tuples(_EMAIL, _NULL, _VALUE).map("{0[0]} NOT IN ({0[1]}, {0[2]})".format),
    st.tuples(_EMAIL, st.sampled_from(["LIKE", "NOT LIKE"]), st.sampled_from(["'a'", "'b'"])).map(
        " ".join
    ),
    st.sampled_from(["p.email IS NULL", "p.email IS NOT NULL", "p.id > 1", "p.note = 'n'"]),
    st.sampled_from(["p.age = 5", "p.age <> 5", "p.age IN (5, 6)", "p.phone = 'x'"]),
    st.sampled_from(["EXISTS (SELECT 1 FROM leads l WHERE l.mail = p.email)"]),
    st.sampled_from(["p.id IN (SELECT l.id FROM leads l WHERE l.mail = 'a')"]),
)
_CONDITION = st.recursive(
    _ATOM,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR", "XOR"]), inner).map(
            "({0[0]} {0[1]} {0[2]})".format
        ),
        inner.map("NOT ({})".format),
        inner.map("({}) IS TRUE".format),
        inner.map("({}) IS NULL".format),
        inner.map("IF({}, 1, 0)".format),
    ),
    max_leaves=4,
)
_QUERIES = st.one_of(
    _CONDITION.map("SELECT p.id, p.email, p.name, p.age, p.phone FROM people p WHERE {}".format),
    _CONDITION.map("SELECT * FROM people p WHERE {}".format),
    _CONDITION.map("SELECT p.id, {} FROM people p".format),
    _CONDITION.map("SELECT SUM({}), COUNT(p.email), COUNT(DISTINCT p.email) FROM people p".format),
    _CONDITION.map(
        "SELECT p.id, l.id, l.mail FROM people p JOIN leads l ON l.mail = p.email AND {}".format
    ),
    _CONDITION.map("SELECT p.*, o.x FROM people p LEFT JOIN orders o ON o.id = p.id AND {}".format),
    _CONDITION.map("SELECT p.email FROM people p WHERE {} UNION ALL SELECT mail FROM leads".format),
    _CONDITION.map(
        "SELECT * FROM (SELECT email, id, age, note, phone FROM people) p WHERE {}".format
    ),
    _CONDITION.map("WITH p AS (SELECT * FROM people) SELECT id, email FROM p WHERE {}".format),
    _CONDITION.map(
        "SELECT l.mail, COUNT(*) FROM leads l JOIN people p ON l.id = p.id AND {} "
        "GROUP BY l.mail".format
    ),
    _CONDITION.map(
        "SELECT p.email AS e, COUNT(*) AS c FROM people p WHERE {} GROUP BY e "
        "HAVING e = 'a' OR c > 0".format
    ),
    _CONDITION.map("SELECT p.age, COUNT(*) FROM people p WHERE {} GROUP BY p.age".format),
    _CONDITION.map("SELECT p.id, IF({}, p.email, NULL) FROM people p".format),
    _CONDITION.map(
        "SELECT COALESCE(p.email, NULL), CASE WHEN {} THEN p.name END FROM people p "
        "ORDER BY p.id LIMIT 3".format
    ),
)
_WRITES = st.one_of(
    st.tuples(_NULL, _CONDITION).map(
        "UPDATE people p SET p.email = {0[0]} WHERE p.id = 2 AND {0[1]}".format
    ),
    st.tuples(_NULL, _NULL, _CONDITION).map(
        "UPDATE people p SET name = CASE WHEN {0[2]} THEN {0[0]} ELSE {0[1]} END, note = 'c'".format
    ),
    _CONDITION.map(
        "UPDATE people p JOIN orders o ON o.pid = p.id SET p.name = 'z', o.x = 'y' WHERE {}".format
    ),
    _CONDITION.map("DELETE p FROM people p WHERE {}".format),
    _CONDITION.map(
        "INSERT INTO leads (id, mail) SELECT p.id, p.email FROM people p WHERE {}".format
    ),
    _NULL.map(
        "INSERT INTO people (id, email) VALUES (9, {}) ON DUPLICATE KEY UPDATE note = 'd', "
        "email = VALUES(email)".format
    ),
    _NULL.map("REPLACE INTO people (id, email, age) VALUES (8, {}, 7)".format),
    _NULL.map("INSERT IGNORE INTO people (id, email) VALUES (7, {}), (1, 'q')".format),
    _VALUE.map("INSERT INTO leads (mail, id) SELECT {}, 4 UNION ALL SELECT 'u', 5".format),
    _NULL.map("UPDATE leads SET mail = IF(id = 1, {}, mail), id = id + 1".format),
)


#: Tokens that were made, and their values.
_TOKENS = {}


def encoded(one, value):
    """Return what is stored for a value: its container is the value itself behind a mark."""
    setting = one.use.column
    if setting.kind == TOKENIZED:
        number = zlib.crc32(value) % 1000
        is_number = setting.token_type == "int32"
        form = b"%d" % (-1_000_000 - number) if is_number else b"token%d" % number
        _TOKENS[form.decode()] = value.decode()
        return [form]
    if one.use.role != STORE:
        return Prefixes(setting, _KEYS).all(value)
    if not value:
        return [b""]
    prefix = b""
    if setting.kind == SEARCHABLE:
        prefix = Prefixes(setting, _KEYS).newest(value)
    return [prefix + _MARK + value]


def shown(cell):
    """A cell in the form that both have."""
    if isinstance(cell, bytes):
        cell = cell.rpartition(_MARK)[2].decode()
    return None if cell is None else _TOKENS.get(str(cell), str(cell))


class Twins(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        bare = _TABLES.format(
            bytes=f"VARCHAR(100) {_COLLATED}", text=f"VARCHAR(100) {_COLLATED}", prefix=""
        )
        kept = _TABLES.format(bytes="VARBINARY(600)", text="VARCHAR(100)", prefix="(33)")
        cls.database.run(
            f"CREATE DATABASE twin; USE twin; {bare} CREATE DATABASE shop; USE shop; {kept}"
            "GRANT ALL ON *.* TO u@'%'"
        )
        cls.shop, cls.twin = (
            pymysql.connect(
                host="127.0.0.1",
                port=cls.database.port,
                user="u",
                password="pw",
                database=name,
                init_command="SET sql_mode = CONCAT(@@sql_mode, ',ONLY_FULL_GROUP_BY')",
            )
            for name in ("shop", "twin")
        )
        cls.addClassCleanup(cls.twin.close)
        cls.addClassCleanup(cls.shop.close)
        for text in _FILLED:
            assert cls.asked(text) is not None
        cls.shop.commit()
        cls.twin.commit()

    @classmethod
    def asked(cls, text):
        """The answers of both for a text; None if it is refused."""
        planned = plan(text)
        if planned.plan.refusal is not None:
            return None

        def forms(number):
            one = planned.plan.values[number]
            return encoded(one, from_literal(one, planned.literals, False))

        sent = text.encode()
        if planned.plan.parts:
            sent = fill(planned.plan, planned.literals, forms).text
        return cls.answer(cls.shop, sent), cls.answer(cls.twin, text)

    @classmethod
    def answer(cls, database, text):
        with database.cursor() as cursor:
            try:
                cursor.execute(text)
            except pymysql.err.MySQLError as error:
                return "error", error.args[0]
            if cursor.description is None:
                # A value that is written anew is another one, so that more rows are changed.
                return "written", None
            return "rows", sorted((tuple(map(shown, row)) for row in cursor), key=repr)

    def compare(self, text):
        found = self.asked(text)
        self.assertIsNotNone(found, text)
        self.assertEqual(*found, text)

    @settings(
        max_examples=250,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(_WRITES, max_size=2), _QUERIES)
    def test_the_answers_are_the_twins(self, writes, query):
        for text in (*writes, query, "SELECT * FROM leads", "SELECT id, email, name FROM people"):
            self.compare(text)
        self.shop.rollback()
        self.twin.rollback()


class Belt(SynchronousTestCase):
    def test_the_database_refuses_plaintext_and_takes_what_is_stored(self):
        database = MariaDB(listens=True)
        self.addCleanup(database.stop)
        database.start()
        bare = _TABLES.format(bytes="VARCHAR(100)", text="VARCHAR(100)", prefix="")
        database.run(f"CREATE DATABASE shop; USE shop; {bare} {belt.script(SETTINGS)}")
        database.account("u", "pw")
        database.run("GRANT ALL ON shop.* TO u@'%'")
        shop = pymysql.connect(
            host="127.0.0.1", port=database.port, user="u", password="pw", database="shop"
        )
        self.addCleanup(shop.close)
        key = b"k" * 32
        for setting in SETTINGS.columns:
            if setting.kind == TOKENIZED:
                continue
            sealer = ColumnSealer(setting, block_seal(key), Prefixes(setting, _KEYS))
            stored = sealer.store(b"4111111111111111", os.urandom).data
            text = f"INSERT INTO {setting.table} (id, {setting.name}) VALUES (%s, %s)"
            with shop.cursor() as cursor:
                for number, value in enumerate((stored, b"", None)):
                    cursor.execute(text, (number, value))
                with self.assertRaises(pymysql.err.OperationalError) as caught:
                    cursor.execute(text, (9, b"in clear"))
                self.assertEqual(caught.exception.args[0], IN_CLEAR)
                self.assertNotIn("in clear", str(caught.exception))
            shop.rollback()

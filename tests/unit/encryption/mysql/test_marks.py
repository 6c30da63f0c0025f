"""Generated statements: no value of a protected column is in the text that is sent."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.encryption.mysql.protection import Protection
from tests.support.mysqlplanning import MODE, SCHEMA, SETTINGS, plan, sent

#: Both halves of a value that belongs to a protected column; other values have others.
_SECRET = "zqk7yxw9"
_OPEN = "opn5"
_HEX = _SECRET.encode().hex()

_PROTECTED = st.sampled_from(["email", "name", "phone", "card", "code", "`email`", "EMAIL"])
_COMPARABLE = st.sampled_from(["email", "phone", "p.email", "`p`.`email`", "(email)"])


def forms(value):
    """Ways to write a value."""
    digits = value.encode().hex()
    plain = st.sampled_from(
        [
            *(f"'{value}'", f'"{value}"', f"N'{value}'", f"_utf8mb4'{value}'", f"x'{digits}'"),
            *(f"0x{digits}", f"_binary '{value}'", f"'{value[:4]}' '{value[4:]}'"),
            *(f"'{value}' COLLATE utf8mb4_bin", f"/* c */'{value}'", f"BINARY '{value}'"),
        ]
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            inner.map("({})".format),
            inner.map("CAST({} AS CHAR)".format),
            inner.map("CONVERT({} USING utf8mb4)".format),
            inner.map("IF(id, {}, NULL)".format),
            inner.map("COALESCE({}, NULL)".format),
            inner.map("CASE WHEN id = 1 THEN {} ELSE NULL END".format),
            inner.map("UPPER({})".format),
            inner.map("CONCAT({}, 'x')".format),
            inner.map("(SELECT {})".format),
        ),
        max_leaves=3,
    )


_VALUE = forms(_SECRET)
_NOTE = st.sampled_from([f"'{_OPEN}'", f'"{_OPEN}"', f"CONCAT('{_OPEN}', note)"])
_CONDITION = st.recursive(
    st.one_of(
        st.tuples(_COMPARABLE, st.sampled_from(["=", "<>", "!=", "<=>", "LIKE", "<"]), _VALUE).map(
            " ".join
        ),
        st.tuples(_VALUE, _COMPARABLE).map(" = ".join),
        st.tuples(_COMPARABLE, _VALUE, _VALUE).map("{0[0]} IN ({0[1]}, {0[2]})".format),
        st.tuples(_COMPARABLE, _VALUE).map("{0[0]} NOT IN ({0[1]}, NULL)".format),
        st.tuples(_COMPARABLE, _VALUE, _VALUE).map("{0[0]} BETWEEN {0[1]} AND {0[2]}".format),
        st.tuples(_COMPARABLE, _VALUE).map("UPPER({0[0]}) = {0[1]}".format),
        st.tuples(_COMPARABLE, _VALUE).map("({0[0]}, id) = ({0[1]}, 1)".format),
        _NOTE.map("note = {}".format),
    ),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" AND ".join),
        st.tuples(inner, inner).map("({0[0]} OR {0[1]})".format),
        inner.map("NOT ({})".format),
        inner.map("EXISTS (SELECT 1 FROM leads WHERE {})".format),
        inner.map("id IN (SELECT id FROM people p WHERE {})".format),
        inner.map("IF({}, 1, 0)".format),
        inner.map("({}) IS TRUE".format),
    ),
    max_leaves=4,
)
_ASSIGNMENTS = st.lists(
    st.one_of(st.tuples(_PROTECTED, _VALUE).map(" = ".join), _NOTE.map("note = {}".format)),
    min_size=1,
    max_size=3,
).map(", ".join)
#: Statements, each value of which is known to belong to a protected column or not.
STATEMENTS = st.one_of(
    st.tuples(_PROTECTED, _VALUE, _NOTE).map(
        "INSERT INTO people ({0[0]}, note) VALUES ({0[1]}, {0[2]})".format
    ),
    st.tuples(_VALUE, _VALUE).map("REPLACE leads VALUES (1, {0[0]}), (2, {0[1]})".format),
    st.tuples(_VALUE, _ASSIGNMENTS).map(
        "INSERT people (email) VALUES ({0[0]}) ON DUPLICATE KEY UPDATE {0[1]}".format
    ),
    st.tuples(_VALUE, _VALUE).map(
        "INSERT INTO leads (mail) SELECT {0[0]} UNION ALL SELECT {0[1]}".format
    ),
    st.tuples(_VALUE, _CONDITION).map(
        "INSERT INTO leads (mail) SELECT {0[0]} FROM people p WHERE {0[1]}".format
    ),
    _ASSIGNMENTS.map("INSERT people SET {}".format),
    st.tuples(_ASSIGNMENTS, _CONDITION).map("UPDATE people p SET {0[0]} WHERE {0[1]}".format),
    st.tuples(_ASSIGNMENTS, _CONDITION).map(
        "UPDATE people p JOIN orders o ON o.id = p.id AND {0[1]} SET {0[0]}".format
    ),
    _CONDITION.map("DELETE FROM people AS p WHERE {} LIMIT 1".format),
    _CONDITION.map("SELECT * FROM people p WHERE {}".format),
    _CONDITION.map("SELECT {0} AS a FROM people p ORDER BY {0}".format),
    _CONDITION.map("SELECT id, COUNT(*) FROM people p GROUP BY id HAVING {}".format),
    _CONDITION.map("WITH d AS (SELECT * FROM people p WHERE {}) SELECT id FROM d".format),
    _CONDITION.map("SELECT d.id FROM (SELECT * FROM people) p JOIN orders d ON {}".format),
    _CONDITION.map("EXPLAIN SELECT 1 FROM people p WHERE {}".format),
)
_PIECES = st.sampled_from(
    [
        *("SELECT", "INSERT", "INTO", "people", "leads", "(", ")", ",", "email", "mail", "VALUES"),
        *("'a'", "?", "=", "WHERE", "SET", "UPDATE", "FROM", "AS", "p", ".", "*", "AND", "NOT"),
        *("IN", "CASE", "WHEN", "THEN", "END", "UNION", "ALL", "JOIN", "ON", ";", "`", '"', "'"),
        *("/*", "*/", "-- ", "@a", ":=", "||", "0x41", "_utf8mb4", "LIKE", "IS", "NULL", "WITH"),
        *(
            "CREATE",
            "TABLE",
            "ALTER",
            "PREPARE",
            "IMMEDIATE",
            "EXECUTE",
            "BEGIN",
            "\\",
            "\0",
            "\xff",
        ),
    ]
)


class Marks(SynchronousTestCase):
    @settings(max_examples=400, deadline=None)
    @given(STATEMENTS)
    def test_no_value_is_sent_in_clear(self, text):
        planned = plan(text)
        if planned.plan.refusal is not None:
            self.assertNotIn("zqk7", planned.plan.refusal.text + planned.plan.refusal.hint)
            return
        found = sent(planned)
        for part in ("zqk7", "yxw9", _HEX[:8], _HEX[8:]):
            self.assertNotIn(part, found, text)
        self.assertEqual(found.count(_OPEN), text.count(_OPEN) if found else 0)

    @settings(max_examples=200, deadline=None)
    @given(_PROTECTED, st.sampled_from([f"'{_SECRET}'", f"('{_SECRET}')", f"0x{_HEX}"]))
    def test_plain_statements_are_not_refused(self, column, value):
        self.assertIsNone(plan(f"INSERT INTO people ({column}) VALUES ({value})").plan.refusal)

    @settings(max_examples=400, deadline=None)
    @given(st.lists(_PIECES, max_size=40).map(" ".join))
    def test_any_text_has_a_plan(self, text):
        planned = plan(text)
        sent(planned)

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=60))
    def test_any_bytes_have_a_plan(self, data):
        plan(b"INSERT INTO people (email) VALUES ('" + data)
        Planner(Protection(SCHEMA, SETTINGS)).plan(data + b"people", MODE, None)

    @settings(max_examples=100, deadline=None)
    @given(STATEMENTS, st.data())
    def test_a_text_that_is_cut_has_a_plan(self, text, data):
        plan(text[: data.draw(st.integers(0, len(text)))])

"""The query at the end of a statement of MySQL that is not analysed."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import mysqllexer, mysqlqueries, mysqltokens

#: A beginning, its query, and what is behind that.
CASES = (
    ("CREATE TABLE x IGNORE ", "SELECT a FROM t", ""),
    ("create table x (a INT, b INT) replace as ", "((select a from t))", ""),
    ("CREATE TABLE x (a INT DEFAULT (SELECT 1)) ", "SELECT a FROM t", ""),
    ("CREATE TABLE x WITH SYSTEM VERSIONING ", "SELECT 'a' FROM t", ""),
    ("CREATE TABLE x ", "WITH RECURSIVE c (a) AS (SELECT 1) SELECT a FROM c", ""),
    ("CREATE TABLE x ", "(WITH c AS (SELECT 1) SELECT a FROM c)", ""),
    ("ALTER VIEW v AS ", "SELECT a FROM t", " WITH CHECK OPTION"),
    ("ALTER VIEW v AS ", "SELECT a FROM t", " WITH LOCAL CHECK OPTION"),
    ("CREATE VIEW `select` AS ", "(SELECT a FROM t)", " WITH CASCADED CHECK OPTION"),
    ("SET STATEMENT a = 1 FOR ", "SELECT a FROM t", ""),
)
NONE = (
    "SELECT a FROM t",
    "SET a = (SELECT 1)",
    "SET",
    "CREATE TABLE x (a INT)",
    "CREATE TABLE x (a INT) COMMENT 'SELECT 1'",
    "CREATE TABLE `select` (a INT)",
    "CREATE TABLE x (a INT) WITH",
    "ALTER TABLE x ADD CHECK (a IN (SELECT 1))",
    "CALL p((SELECT 1))",
)
WORDS = st.sampled_from(
    ("create", "alter", "set", "statement", "view", "x", "(", ")", "as", "with", "select", "'a'")
    + ("check", "option", "local", "recursive", "`select`", ",", "for")
)


def last(text):
    [part] = mysqltokens.statements(text, mysqllexer.tokens(text))
    return part, mysqlqueries.last(text, part)


class Queries(SynchronousTestCase):
    def test_they_are_found(self):
        for before, query, behind in CASES:
            text = f"{before}{query}{behind}".encode()
            _, found = last(text)
            self.assertEqual(text[found[0][1] : found[-1][2]].decode(), query)

    def test_other_statements_have_none(self):
        for text in NONE:
            self.assertEqual(last(text.encode())[1], [], text)

    @given(st.lists(WORDS, min_size=1))
    def test_whatever_is_found_is_a_part_that_begins_a_query(self, words):
        text = " ".join(words).encode()
        part, found = last(text)
        if found:
            place = part.index(found[0])
            self.assertEqual(part[place : place + len(found)], found)
            own = [text[start:end] for _, start, end in found]
            while own[0] == b"(":
                del own[0]
            self.assertIn(own[0], (b"select", b"with"))

"""Tables and routines that texts give values to."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql import targets
from acra_twisted.sql import mysqllexer, mysqltokens
from tests.support.mysqlplanning import MODE, plan

_WORDS = (
    "INSERT",
    "replace",
    "UPDATE",
    "SET",
    "into",
    "ignore",
    "a",
    "`b c`",
    "new",
    ".",
    ",",
    "(",
)
_MORE = (
    "/**/",
    "x.",
    ".y",
    ")",
    "SELECT",
    "FROM",
    "JOIN",
    "call",
    "TABLE",
    "LOAD DATA",
    "'x'",
    ";",
    "/* c */",
    "=",
    "1",
)


def found(text, mode=MODE, database="shop"):
    """The targets of a text, as it names them."""
    planned = plan(text, mode, database)
    return [f"{one.database}.{one.name}".lstrip(".") for one in planned.plan.targets]


def by_tokens(text):
    tokens = mysqllexer.tokens(text, limit=1_000)
    return targets.of_statements(text, mysqltokens.statements(text, tokens), lambda token: ())


class Targets(SynchronousTestCase):
    def test_texts_that_begin_as_most_that_give_values(self):
        for text in ("INSERT INTO t VALUES (1)", "\n update t SET a = 1", "replace`t`", "Call p()"):
            self.assertTrue(targets.begins_giving(text.encode()), text)
        for text in ("SELECT 'insert'", "/**/ insert", "inserted", "(insert", "", "DELETE FROM t"):
            self.assertFalse(targets.begins_giving(text.encode()), text)

    def test_statements_that_give_values(self):
        for text, names in (
            ("INSERT INTO new VALUES ('a')", ["new"]),
            ("insert low_priority ignore `my new` set a = 1", ["my new"]),
            ("REPLACE other.new (a) VALUES (1);", ["other.new"]),
            ("INSERT /* c */ INTO new VALUES (1)", ["new"]),
            ("UPDATE new SET a = 1", ["new"]),
            (
                "UPDATE IGNORE a.new AS n, (old JOIN third t ON n.id = t.id) SET a = 1",
                ["a.new", "old", "third"],
            ),
            ("WITH c AS (SELECT 1) UPDATE new SET a = 1", ["new"]),
            ("CALL new('a')", ["new"]),
            ("INSERT INTO other .new VALUES (1)", ["other.new"]),
            ("INSERT INTO other/**/. new VALUES (1)", ["other.new"]),
            ("INSERT INTO `a``b` VALUES (1)", ["a`b"]),
            ("LOAD DATA LOCAL INFILE 'x' INTO TABLE new", ["new"]),
            ("SELECT 1; INSERT INTO new VALUES (1)", ["new"]),
            ("INSERT INTO one VALUES (';'); INSERT INTO new VALUES (1)", ["one", "new"]),
            ("SET STATEMENT max_statement_time = 1 FOR UPDATE new SET a = 1", ["new"]),
            ("SET STATEMENT max_statement_time = 1 FOR SELECT a FROM b FOR UPDATE", []),
            ("SET STATEMENT max_statement_time = 1 FOR INSERT new SET a = 1", ["new"]),
            ("EXECUTE IMMEDIATE 'INSERT INTO new VALUES (1)'", ["new"]),
            ("PREPARE p FROM 'UPDATE new SET a = ?'", ["new"]),
            ("INSERT INTO new SELECT id FROM people", ["new"]),
            ("UPDATE people SET note = 'a'", ["people"]),
            ("SELECT id FROM people; REPLACE INTO new VALUES (1)", ["new"]),
            ("/*!50001 INSERT INTO */ new VALUES (1)", ["new"]),
            ("INSERT INTO new VALUES (1) ON DUPLICATE KEY UPDATE a = 1", ["new"]),
        ):
            self.assertEqual(found(text), names, text)

    def test_names_in_definitions(self):
        for text, names in (
            ("CREATE VIEW v AS SELECT a FROM fresh", {"v", "fresh"}),
            ("ALTER VIEW v AS SELECT a FROM shop.`my fresh`", {"v", "shop.my fresh"}),
            ("RENAME TABLE fresh TO x", {"fresh", "x"}),
            ("ALTER TABLE fresh RENAME TO x", {"fresh", "x"}),
            ("RENAME TABLE fresh TO x; INSERT INTO x VALUES (1)", {"fresh", "x"}),
            ("BEGIN NOT ATOMIC CREATE VIEW x AS SELECT * FROM fresh; END", {"fresh"}),
            ("EXECUTE IMMEDIATE 'CREATE VIEW x AS SELECT * FROM fresh'", {"fresh"}),
            ("PREPARE p FROM 'RENAME TABLE fresh TO x'", {"fresh"}),
            ("CREATE TRIGGER t BEFORE INSERT ON o FOR EACH ROW UPDATE fresh SET a = 1", {"fresh"}),
            ("CREATE PROCEDURE p(v INT) INSERT INTO fresh VALUES (v)", {"fresh"}),
        ):
            self.assertLessEqual(names, set(found(text)), text)
        columns = ", ".join(f"c{number}" for number in range(200))
        self.assertEqual(found(f"CREATE VIEW v AS SELECT {columns} FROM fresh"), [""])
        self.assertEqual(found("CREATE TABLE t (a INT)"), [])
        self.assertEqual(found("DROP VIEW v"), [])

    def test_statements_that_give_none(self):
        for text in (
            "SELECT 1 FROM orders",
            "SELECT a FROM orders FOR UPDATE",
            "SELECT REPLACE(a, 'b', 'c'), updated_at, INSERT('a', 1, 1, 'b') FROM orders",
            "DELETE FROM orders",
            "SELECT `insert`, 'insert into new' FROM orders",
            "CREATE TABLE t (a INT REFERENCES u (a) ON UPDATE CASCADE)",
        ):
            self.assertEqual(found(text), [], text)

    def test_semicolons_in_values_are_no_ends(self):
        for text in (
            "INSERT INTO new (a) VALUES ('a; INSERT INTO other')",
            "INSERT INTO new SET a = 'a; INSERT INTO other';",
            "SELECT 'a; INSERT INTO other'; UPDATE new SET a = 1",
            "UPDATE new SET a = 'it''s; INSERT INTO other'",
            "INSERT INTO new VALUES (';\\'; INSERT INTO other (a) VALUES (1) -- ')",
        ):
            self.assertEqual(found(text), ["new"], text)
        self.assertEqual(found("SELECT ';'"), [])

    def test_long_texts_of_several_statements_are_not_read(self):
        rows = ", ".join(["(1)"] * 20_000)
        self.assertEqual(found(f"INSERT INTO new VALUES {rows}"), ["new"])
        self.assertEqual(found(f"INSERT INTO new VALUES {rows}; SELECT 1"), [""])

    def test_what_cannot_be_read_is_unknown(self):
        for text in (
            "INSERT INTO 'new' VALUES (1)",
            "INSERT INTO a.b.c VALUES (1)",
            "SELECT 1; UPDATE new SET a = 'b",
            "USE other; INSERT INTO new VALUES (1)",
            "INSERT INTO",
            "REPLACE into",
            "INSERT ignore",
        ):
            self.assertIn("", found(text), text)
        unsure = MODE._replace(backslash=None, default=False)
        self.assertEqual(found("SELECT 1; UPDATE new SET a = '\\n'", unsure), [""])

    @example("INSERT into")
    @example("INSERT ignore")
    @example("UPDATE set set")
    @given(st.lists(st.sampled_from(_WORDS + _MORE), max_size=12).map(" ".join))
    def test_a_simple_text_has_what_its_tokens_tell(self, text):
        simple = targets.simple(text.encode())
        if simple is not None:
            # Once more, as what is known now.
            self.assertEqual(targets.simple(text.encode()), simple)
            self.assertLessEqual(set(simple), set(by_tokens(text.encode())), text)

    @given(
        st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(_WORDS + _MORE)).map(" ".join))
    )
    def test_any_text_is_read(self, text):
        raw = text if isinstance(text, bytes) else text.encode()
        planned = plan(raw)
        self.assertTrue(planned.plan.refusal or planned.plan.targets is not None)

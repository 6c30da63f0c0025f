"""Denials hold for a statement in brackets, with clauses that only add to it, and with a schema."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.censor import denials
from acra_twisted.censor.engine import Censor
from acra_twisted.censor.patterns import read_query
from acra_twisted.censor.rules import read_rules
from acra_twisted.sql.languages import LANGUAGES

EITHER, MYSQL, POSTGRESQL = ("mysql", "postgresql"), ("mysql",), ("postgresql",)
#: A rule that is a query and a pattern, texts that mean the same or more, and others.
CASES = (
    (
        EITHER,
        "SELECT ssn FROM secrets",
        (
            "(SELECT ssn FROM secrets)",
            "((SELECT ssn FROM secrets))",
            "SELECT ssn FROM hidden.secrets",
            "SELECT ssn FROM secrets FOR UPDATE",
            "WITH c AS (SELECT 1) SELECT ssn FROM secrets",
            "WITH c AS (SELECT 1) SELECT ssn FROM hidden.secrets FOR UPDATE",
        ),
        ("SELECT ssn FROM secrets LIMIT 10", "SELECT ssn FROM public", "SELECT id FROM secrets"),
    ),
    (
        MYSQL,
        "SELECT ssn FROM secrets",
        (
            "SELECT ssn FROM (secrets)",
            "SELECT ssn FROM ((hidden.secrets))",
            "SELECT ssn INTO @a FROM secrets",
            "SELECT ssn FROM secrets INTO @a",
            "SELECT ALL ssn FROM secrets",
            "SELECT SQL_NO_CACHE HIGH_PRIORITY ALL ssn FROM secrets",
            "SELECT ssn FROM secrets USE INDEX (a)",
            "SELECT ssn FROM secrets LOCK IN SHARE MODE",
            "(SELECT ssn FROM (secrets) FOR UPDATE)",
        ),
        ("SELECT DISTINCT ssn FROM secrets", "SELECT ssn FROM (secrets, public)"),
    ),
    (
        MYSQL,
        "SELECT DISTINCT ssn FROM secrets WHERE id = -1",
        (
            "SELECT DISTINCTROW ssn FROM secrets WHERE id = -1",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -(1)",
            "SELECT DISTINCT ssn FROM secrets WHERE id = (-((1)))",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -(-(-1))",
        ),
        (
            "SELECT DISTINCT ssn FROM secrets WHERE id = - -1",
            "SELECT DISTINCT ssn FROM secrets WHERE id = -'1'",
        ),
    ),
    (
        MYSQL,
        "SELECT ssn FROM secrets UNION SELECT ssn FROM public",
        ("(SELECT ssn FROM secrets) UNION (SELECT ssn FROM public)",),
        ("SELECT ssn FROM secrets UNION (SELECT ssn FROM public LIMIT 1)",),
    ),
    (
        EITHER,
        "SELECT ssn FROM hidden.secrets FOR UPDATE",
        ("WITH c AS (SELECT 1) SELECT ssn FROM hidden.secrets FOR UPDATE",),
        (
            "SELECT ssn FROM hidden.secrets",
            "SELECT ssn FROM public.secrets FOR UPDATE",
            "SELECT ssn FROM secrets FOR UPDATE",
        ),
    ),
    (
        EITHER,
        "DELETE FROM secrets WHERE id = 1",
        ("DELETE FROM secrets WHERE id = 1 RETURNING ssn",),
        ("DELETE FROM secrets WHERE id = 2",),
    ),
    (
        POSTGRESQL,
        "SELECT ssn FROM secrets",
        (
            "SELECT ssn INTO TEMP copied FROM secrets",
            "SELECT ssn FROM shop.hidden.secrets",
            "EXPLAIN SELECT ssn FROM shop.hidden.secrets",
        ),
        ("SELECT ssn FROM secrets, public", "SELECT ssn FROM shop.hidden.public"),
    ),
    (
        POSTGRESQL,
        "SELECT ssn FROM hidden.secrets",
        ("SELECT ssn FROM shop.hidden.secrets",),
        ("SELECT ssn FROM shop.public.secrets",),
    ),
    (
        MYSQL,
        "SELECT ssn FROM secrets",
        (
            "EXPLAIN SELECT ssn FROM secrets",
            "EXPLAIN (SELECT ssn FROM secrets)",
            "EXPLAIN INTO @a SELECT ssn FROM secrets",
            "EXPLAIN FORMAT=JSON INTO @a SELECT ssn FROM secrets",
            "EXPLAIN FORMAT=JSON ((SELECT ssn FROM secrets))",
            "ANALYZE (SELECT ssn FROM secrets)",
            "CREATE VIEW v AS (SELECT ssn FROM secrets)",
            "CREATE TABLE x (SELECT ssn FROM secrets)",
            "CREATE TABLE x AS ((SELECT ssn FROM hidden.secrets))",
            "CREATE TABLE x (a INT) (SELECT ssn FROM secrets)",
            "WITH c AS ((SELECT ssn FROM secrets)) SELECT ssn FROM c",
        ),
        (
            "EXPLAIN (SELECT ssn FROM secrets LIMIT 1)",
            "CREATE VIEW v AS ((SELECT ssn FROM secrets LIMIT 1))",
        ),
    ),
    (
        MYSQL,
        "SELECT ssn FROM (SELECT ssn FROM secrets) x",
        (
            "SELECT ssn FROM ((SELECT ssn FROM secrets)) x",
            "SELECT ssn FROM (((SELECT ssn FROM hidden.secrets))) x",
        ),
        (
            "SELECT ssn FROM ((SELECT ssn FROM secrets)) y",
            "SELECT ssn FROM ((SELECT ssn FROM secrets) LIMIT 1) x",
        ),
    ),
    (
        MYSQL,
        "INSERT INTO x SELECT ssn FROM secrets WHERE EXISTS (SELECT 1)",
        ("INSERT INTO x ((SELECT ssn FROM secrets WHERE EXISTS ((SELECT 1))))",),
        ("INSERT INTO x (SELECT ssn FROM secrets WHERE EXISTS ((SELECT 2)))",),
    ),
)
#: What is denied, and others, in statements of MySQL of which only the query is read as a tree.
UNREAD = "SELECT ssn FROM secrets WHERE id = 7"
IN_UNREAD = (
    "CREATE TABLE x IGNORE SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x REPLACE AS SELECT ssn FROM hidden.secrets WHERE id = 7",
    "CREATE TABLE x (a INT DEFAULT 8) IGNORE (SELECT ssn FROM secrets WHERE id = 7)",
    "CREATE TABLE x ENGINE=InnoDB REPLACE AS ((SELECT ssn FROM secrets WHERE id = 7))",
    "CREATE TABLE x WITH c AS (SELECT 1) SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x IGNORE WITH c (a) AS (SELECT 1) SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x PARTITION BY HASH(a) PARTITIONS 8 SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x (a INT) WITH SYSTEM VERSIONING SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x IGNORE WITH c AS (SELECT ssn FROM secrets WHERE id = 7) SELECT 1",
    "CREATE VIEW v (a) AS SELECT ssn FROM secrets WHERE id = 7 WITH CHECK OPTION",
    "CREATE VIEW v (a) AS (SELECT ssn FROM secrets WHERE id = 7) WITH LOCAL CHECK OPTION",
    "CREATE ALGORITHM=MERGE DEFINER=a@b SQL SECURITY INVOKER VIEW v (a) AS"
    " SELECT ssn FROM secrets WHERE id = 7 WITH CASCADED CHECK OPTION",
    "ALTER VIEW v AS SELECT ssn FROM secrets WHERE id = 7",
    "ALTER VIEW v (a) AS ((SELECT ssn FROM secrets WHERE id = 7))",
    "ALTER ALGORITHM=MERGE VIEW v AS SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT sort_buffer_size=8 FOR SELECT ssn FROM hidden.secrets USE INDEX (a)"
    " WHERE id = 7 FOR UPDATE",
    "SELECT 8; CREATE TABLE x IGNORE SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=(SELECT 8) FOR SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8, sort_buffer_size=(SELECT 8 FOR UPDATE) FOR"
    " (SELECT ssn FROM secrets WHERE id = 7)",
    "SET STATEMENT max_statement_time=NEXT VALUE FOR s FOR SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR CREATE TABLE x SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR"
    " CREATE TABLE x IGNORE SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR CREATE VIEW v (a) AS"
    " SELECT ssn FROM secrets WHERE id = 7 WITH CHECK OPTION",
    "CREATE TABLE x (a INT DEFAULT (SELECT 8)) IGNORE SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TABLE x (a INT, CHECK (a IN (SELECT 8))) SELECT ssn FROM secrets WHERE id = 7",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO SELECT ssn FROM secrets WHERE id = 7",
    "CREATE EVENT e ON SCHEDULE AT (SELECT 8) DO SELECT ssn FROM secrets WHERE id = 7",
    "CREATE EVENT e ON SCHEDULE EVERY (SELECT 8) DAY STARTS (SELECT 8) DO"
    " INSERT INTO x SELECT ssn FROM secrets WHERE id = 7",
    "ALTER EVENT e ON SCHEDULE AT (SELECT 8) DO"
    " SET STATEMENT max_statement_time=8 FOR SELECT ssn FROM secrets WHERE id = 7",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SELECT ssn FROM secrets WHERE id = 7",
    "BEGIN NOT ATOMIC SELECT ssn FROM secrets WHERE id = 7",
)
OTHERS_IN_UNREAD = (
    "CREATE TABLE x IGNORE SELECT ssn FROM secrets WHERE id = 8",
    "CREATE TABLE x IGNORE SELECT ssn FROM public WHERE id = 7",
    "CREATE TABLE x (a INT DEFAULT 7) IGNORE SELECT ssn FROM secrets WHERE id = 8",
    "ALTER VIEW v AS SELECT ssn FROM secrets WHERE id = 8",
    "SET STATEMENT max_statement_time=7 FOR SELECT ssn FROM secrets WHERE id = 8",
    "SET STATEMENT max_statement_time=(SELECT 7) FOR SELECT ssn FROM secrets WHERE id = 8",
    "SET STATEMENT max_statement_time=8 FOR INSERT INTO x SELECT ssn FROM secrets WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR UPDATE x SET a = (SELECT 8) WHERE id = 7",
    "SET STATEMENT max_statement_time=8 FOR CALL p((SELECT 8), 7)",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW SET NEW.a = (SELECT 8), NEW.b = 7",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN SELECT a, b INTO c, d FROM y",
    "CREATE TRIGGER t BEFORE INSERT ON x FOR EACH ROW BEGIN IF (SELECT 8) THEN SET NEW.a = 7",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO UPDATE x SET a = (SELECT 8) WHERE id = 7",
    "CREATE FUNCTION f() RETURNS INT RETURN (SELECT 8) + 7",
)
#: No parser reads this query, alone or in others.
UNPARSED = "SELECT ssn FROM secrets WHERE id = 7 PROCEDURE ANALYSE()"
AROUND_UNPARSED = (
    "{}",
    "SET STATEMENT max_statement_time=8 FOR {}",
    "SET STATEMENT max_statement_time=(SELECT 8) FOR ({})",
    "SET STATEMENT max_statement_time=8 FOR CREATE TABLE x IGNORE {}",
    "CREATE TABLE x IGNORE {}",
    "CREATE TABLE x (a INT) REPLACE AS ({})",
    "CREATE VIEW v AS {}",
    "CREATE VIEW v (a) AS {} WITH CHECK OPTION",
    "ALTER VIEW v AS {}",
    "CREATE EVENT e ON SCHEDULE AT (SELECT 8) DO {}",
)
AROUND_TABLES = (
    "CREATE TABLE x IGNORE {}",
    "CREATE OR REPLACE TABLE x REPLACE AS ({})",
    "CREATE TABLE x PARTITION BY HASH(a) PARTITIONS 8 {}",
    "CREATE VIEW v (a) AS {} WITH CHECK OPTION",
    "ALTER ALGORITHM=MERGE VIEW v AS (({}))",
    "CREATE EVENT e ON SCHEDULE EVERY 8 DAY DO {}",
    "SET STATEMENT max_statement_time=(SELECT 8) FOR {}",
)
#: Clauses with a file of the server, which denials of patterns refuse whatever the pattern is.
FILES = (
    "SELECT ssn FROM secrets INTO OUTFILE '/tmp/x'",
    "SELECT ssn FROM secrets INTO DUMPFILE '/tmp/x'",
    "SELECT ssn INTO OUTFILE '/tmp/x' FROM secrets",
    "SELECT ssn INTO DUMPFILE '/tmp/x' FROM hidden.secrets FOR UPDATE",
    "(SELECT ssn FROM secrets INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ',')",
)
#: What a rule that allows takes, as well as its own text, and does not take.
PERMITTED = (
    (
        "postgresql",
        "SELECT ssn FROM hidden.secrets",
        (),
        ("SELECT ssn FROM shop.hidden.secrets", "SELECT ssn FROM secrets"),
    ),
    (
        "postgresql",
        "SELECT ssn FROM shop.hidden.secrets",
        (),
        ("SELECT ssn FROM hidden.secrets", "SELECT ssn FROM other.hidden.secrets"),
    ),
    (
        "mysql",
        "SELECT ssn FROM secrets",
        ("((SELECT ssn FROM secrets))",),
        (
            *FILES,
            "EXPLAIN (SELECT ssn FROM secrets)",
            "CREATE VIEW v AS (SELECT ssn FROM secrets)",
            "CREATE TABLE x (SELECT ssn FROM secrets)",
            "INSERT INTO x (SELECT ssn FROM secrets)",
            "SELECT ssn FROM ((SELECT ssn FROM secrets)) x",
        ),
    ),
    (
        "mysql",
        "SELECT ssn FROM secrets INTO OUTFILE '/tmp/x'",
        (),
        (
            "SELECT ssn FROM secrets",
            "SELECT ssn FROM secrets INTO OUTFILE '/tmp/y'",
            "SELECT ssn FROM secrets INTO DUMPFILE '/tmp/x'",
            "SELECT ssn FROM secrets INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ','",
        ),
    ),
    (
        "mysql",
        "CREATE VIEW v AS SELECT ssn FROM secrets",
        ("CREATE VIEW v AS ((SELECT ssn FROM secrets))",),
        (
            "CREATE VIEW v AS ((SELECT ssn FROM secrets) LIMIT 1)",
            "CREATE VIEW w AS (SELECT ssn FROM secrets)",
            "CREATE TABLE v (SELECT ssn FROM secrets)",
            "CREATE OR REPLACE VIEW v AS (SELECT ssn FROM secrets)",
        ),
    ),
    (
        "mysql",
        "SELECT ssn FROM (SELECT ssn FROM secrets LIMIT 1) x",
        ("SELECT ssn FROM ((SELECT ssn FROM secrets LIMIT 1)) x",),
        (
            "SELECT ssn FROM ((SELECT ssn FROM secrets) LIMIT 2) x",
            "SELECT ssn FROM ((SELECT ssn FROM secrets)) x",
            "SELECT ssn FROM ((SELECT ssn FROM secrets LIMIT 1) UNION SELECT 1) x",
        ),
    ),
)
BEHIND = (" ORDER BY id", " LIMIT 10", " GROUP BY id HAVING id > 1", " LIMIT 1 OFFSET 2")


def censor(language, key, rule, kind="deny", *behind):
    handlers = [{"handler": kind, key: [rule]}, *({"handler": other} for other in behind)]
    given = {"version": "0.85.0", "handlers": handlers}
    return Censor(LANGUAGES[language], read_rules(given, "rules.yaml"))


class Denials(SynchronousTestCase):
    def test_what_is_added_to_a_denied_statement_changes_nothing(self):
        for languages, rule, same, others in CASES:
            for language in languages:
                for key in ("queries", "patterns"):
                    rules = censor(language, key, rule)
                    for text in (rule, *same):
                        decision = rules.decide(text.encode())
                        wanted = "deny.query" if key == "queries" else "deny.pattern"
                        self.assertEqual(decision.by, wanted, (language, key, rule, text))
                    for text in others:
                        found = rules.decide(text.encode())
                        self.assertTrue(found.allowed, (language, key, rule, text))

    def test_a_denial_of_any_condition_is_one_with_any_clause_behind_it(self):
        for language in LANGUAGES:
            rules = censor(language, "patterns", "SELECT id FROM secrets %%WHERE%%")
            for condition in ("", " WHERE id = 1"):
                for behind in ("", *BEHIND):
                    text = f"SELECT id FROM secrets{condition}{behind}"
                    self.assertFalse(rules.decide(text.encode()).allowed, (language, text))
            rules = censor(language, "patterns", "SELECT id FROM secrets %%WHERE%% LIMIT 1")
            self.assertFalse(rules.decide(b"SELECT id FROM secrets ORDER BY id LIMIT 1").allowed)
            self.assertTrue(rules.decide(b"SELECT id FROM secrets").allowed)
            self.assertTrue(rules.decide(b"SELECT id FROM secrets LIMIT 2").allowed)

    def test_the_query_of_a_statement_that_is_not_analysed_is_seen(self):
        rules = censor("mysql", "queries", UNREAD)
        for text in IN_UNREAD:
            self.assertEqual(rules.decide(text.encode()).by, "deny.query", text)
            for key, kind in (("patterns", UNREAD), ("patterns", "%%SELECT%%")):
                denied = censor("mysql", key, kind).decide(text.encode())
                self.assertFalse(denied.allowed, (kind, text))
            allowing = censor("mysql", "patterns", UNREAD, "allow", "denyall")
            self.assertFalse(allowing.decide(text.encode()).allowed, text)
        for text in OTHERS_IN_UNREAD:
            self.assertTrue(rules.decide(text.encode()).allowed, text)

    def test_a_statement_is_refused_for_a_query_in_it_that_would_be_refused_alone(self):
        rules = censor("mysql", "queries", UNREAD)
        for around in AROUND_UNPARSED:
            self.assertEqual(
                rules.decide(around.format(UNPARSED).encode()).by, "parse_error", around
            )

    def test_a_table_of_mysql_is_a_query_of_others(self):
        rules = censor("mysql", "queries", "TABLE secrets")
        for around in AROUND_TABLES:
            for name in ("secrets", "public"):
                found = rules.decide(around.format(f"TABLE {name}").encode())
                self.assertEqual(found.allowed, name == "public", (around, name))

    def test_a_query_of_a_rule_is_no_part_of_an_insert_or_of_a_value(self):
        for language in LANGUAGES:
            asked = "SELECT ssn FROM secrets"
            rules = censor(language, "queries", asked)
            pattern = censor(language, "patterns", asked)
            for text in (f"INSERT INTO x {asked}", f"SELECT ({asked})"):
                self.assertTrue(rules.decide(text.encode()).allowed, text)
                self.assertEqual(pattern.decide(text.encode()).by, "deny.pattern", text)

    def test_a_file_for_what_is_denied_changes_nothing(self):
        rules = censor("mysql", "queries", "SELECT ssn FROM secrets")
        for text in FILES:
            self.assertEqual(rules.decide(text.encode()).by, "deny.query", text)
        rules = censor("mysql", "queries", "SELECT ssn FROM secrets WHERE id = 7")
        for text in (
            "SELECT ssn INTO OUTFILE '/tmp/x' FROM secrets WHERE id = 7",
            "SELECT ssn FROM secrets WHERE id = 7 INTO OUTFILE '/tmp/x'",
        ):
            self.assertFalse(rules.decide(text.encode()).allowed, text)
            self.assertTrue(rules.decide(text.replace("7", "8").encode()).allowed, text)
        rules = censor("mysql", "queries", FILES[0])
        self.assertFalse(rules.decide(FILES[0].encode()).allowed)
        for text in ("SELECT ssn FROM secrets", FILES[1], FILES[0].replace("/x", "/y")):
            self.assertTrue(rules.decide(text.encode()).allowed, text)

    def test_permissions_take_no_more_for_it(self):
        for language, rule, same, others in PERMITTED:
            for key in ("queries", "patterns"):
                rules = censor(language, key, rule, "allow", "denyall")
                for text in (rule, *same):
                    self.assertTrue(rules.decide(text.encode()).allowed, (key, rule, text))
                for text in others:
                    self.assertFalse(rules.decide(text.encode()).allowed, (key, rule, text))

    def test_a_statement_is_looked_through_once_for_all_rules(self):
        for language in LANGUAGES.values():
            one = read_query(language, "SELECT a FROM s.t FOR UPDATE", "here").parsed.tree
            names = sorted(denials.own(language, one))
            bared = denials.Bared(language, one)
            whole, without = bared.but(frozenset(names)), bared.but(frozenset())
            self.assertIs(whole, one)
            self.assertIs(bared.but(frozenset(("none of these",))), without)
            self.assertEqual(denials.own(language, without), frozenset())
            self.assertEqual(denials.own(language, bared.but(frozenset(names[:1]))), {names[0]})

    def test_a_tree_with_nothing_to_leave_out_stays(self):
        for language in LANGUAGES.values():
            one = read_query(language, "SELECT a FROM t WHERE b = 1", "here").parsed.tree
            self.assertIs(denials.Bared(language, one).but(frozenset()), one)
            self.assertEqual(denials.own(language, one), frozenset())
            other = read_query(language, "SELECT a FROM s.t FOR UPDATE", "here").parsed.tree
            own = denials.own(language, other)
            self.assertEqual(len(own), 2)
            self.assertIs(denials.Bared(language, other).but(own), other)

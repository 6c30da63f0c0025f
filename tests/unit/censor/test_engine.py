"""The decision: order of handlers, evasion classes with their allowed twins, cached as uncached."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.censor.engine import Censor
from acra_twisted.censor.planner import KEY_LIMIT
from acra_twisted.censor.rules import read_rules
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Statement
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import mysql, postgresql
from acra_twisted.sql.languages import LANGUAGES, Limits
from acra_twisted.sql.tree import Table
from tests.support.callforms import pairs
from tests.support.evasions import EVASIONS
from tests.support.mysqlforms import FORMS
from tests.support.profiled import profiled

DENY = [{"handler": "deny", "tables": ["secrets"]}]
DENY_ALL = [{"handler": "denyall"}]
ALLOW = [{"handler": "allow", "tables": ["t"]}, {"handler": "denyall"}]


def censor(db, handlers, **more):
    rules = read_rules({"handlers": handlers, **more}, need_version=False)
    return Censor(LANGUAGES[db], rules)


class Tables(SynchronousTestCase):
    def test_evasions_and_their_twins(self):
        for db, evasions in EVASIONS.items():
            rules = censor(db, DENY)
            for denied, allowed in evasions:
                for _ in range(2):
                    self.assertFalse(rules.decide(denied.encode()).allowed, denied)
                    decision = rules.decide(allowed.encode())
                    self.assertTrue(decision.allowed, (allowed, decision))

    def test_calls_in_every_form_and_their_twins(self):
        count = 0
        for pair in pairs():
            rules = censor("postgresql", pair.rules)
            for _ in range(2):
                decision = rules.decide(pair.refused.encode())
                self.assertFalse(decision.allowed, (pair.refused, decision))
                decision = rules.decide(pair.allowed.encode())
                self.assertTrue(decision.allowed, (pair.allowed, decision))
            count += 1
        self.assertGreater(count, 90)

    def test_an_allow_list_needs_every_table(self):
        for db in LANGUAGES:
            rules = censor(db, ALLOW)
            for text in ("SELECT * FROM t", "INSERT INTO t VALUES (1)", "EXPLAIN SELECT 1 FROM t"):
                self.assertEqual(rules.decide(text.encode()).by, "allow.table", text)
            for text in ("SELECT 1", "SELECT * FROM t, u", "SELECT * FROM s.t", "CALL t()"):
                self.assertFalse(rules.decide(text.encode()).allowed, text)

    def test_a_permission_for_tables_covers_views_that_functions_stand_behind(self):
        text = b"SELECT query FROM t, pg_stat_get_activity(NULL)"
        self.assertFalse(censor("postgresql", ALLOW).decide(text).allowed)
        views = ["pg_stat_activity", "pg_stat_gssapi", "pg_stat_replication", "pg_stat_ssl"]
        listed = [{"handler": "allow", "tables": ["t", *views]}, {"handler": "denyall"}]
        self.assertTrue(censor("postgresql", listed).decide(text).allowed)

    def test_a_permission_for_tables_covers_no_files(self):
        rules = censor("postgresql", ALLOW)
        for text in (
            b"COPY t TO PROGRAM 'x'",
            b"COPY t FROM '/x'",
            b"SELECT pg_ls_dir('x') FROM t",
        ):
            self.assertEqual(rules.decide(text).by, "denyall", text)

    def test_qualified_rules(self):
        for db in LANGUAGES:
            rules = censor(db, [{"handler": "deny", "tables": ["s.t"]}])
            self.assertFalse(rules.decide(b"SELECT 1 FROM s.t").allowed)
            self.assertFalse(rules.decide(b"SELECT 1 FROM t").allowed)
            self.assertTrue(rules.decide(b"SELECT 1 FROM z.t").allowed)


LONG = "customer_social_security_numbers_and_bank_accounts_of_the_year_2026_eu"
LATIN1 = LANGUAGES["postgresql"].mode_of({"server_encoding": "LATIN1"})
SQL_ASCII = LANGUAGES["postgresql"].mode_of({"server_encoding": "SQL_ASCII"})
EUC_JP = LANGUAGES["postgresql"].mode_of({"client_encoding": "EUC_JP"})


class Names(SynchronousTestCase):
    """Names as the server compares them."""

    def allows(self, handlers, text, mode=None):
        return censor("postgresql", handlers).decide(text.encode(), mode).allowed

    def test_long_names_are_cut_in_rules_and_in_texts(self):
        deny = [{"handler": "deny", "tables": [LONG, f"{LONG}.t", "ä" * 40]}]
        for name in (LONG, LONG[:63], LONG[:63] + "x", f'"{LONG}"', f"{LONG[:63]}.t", "ä" * 31):
            self.assertFalse(self.allows(deny, f"SELECT * FROM {name}"), name)
        for name in (LONG[:62], LONG[:54], "ä" * 30):
            self.assertTrue(self.allows(deny, f"SELECT * FROM {name}"), name)
        allow = [{"handler": "allow", "tables": [LONG]}, {"handler": "denyall"}]
        self.assertTrue(self.allows(allow, f"SELECT * FROM {LONG}"))
        self.assertFalse(self.allows(allow, f"SELECT * FROM {LONG[:62]}"))

    def test_a_server_in_utf8_folds_ascii_alone(self):
        deny = [{"handler": "deny", "tables": ["äpfel"]}]
        self.assertFalse(self.allows(deny, "SELECT * FROM äPFEL"))
        self.assertTrue(self.allows(deny, "SELECT * FROM ÄPFEL"))

    def test_a_server_in_a_single_byte_encoding_may_fold_all(self):
        for listed in ("äpfel", "ÄPFEL", '"Äpfel"', "s.äpfel", "secrets"):
            deny = [{"handler": "deny", "tables": [listed]}]
            expected = listed == "secrets"
            for name in ("äpfel", "ÄPFEL", "Äpfel", "s.ÄPFEL"):
                self.assertEqual(self.allows(deny, f"TABLE {name}", LATIN1), expected, name)
            self.assertTrue(self.allows(deny, "SELECT 'ÄPFEL' FROM birnen", LATIN1))
            self.assertTrue(self.allows(deny, "TABLE apfel", LATIN1))
        deny = [{"handler": "deny", "tables": ["Ä.t"]}]
        self.assertFalse(self.allows(deny, "TABLE ä.t", LATIN1))
        self.assertTrue(self.allows(deny, "TABLE b.t", LATIN1))

    def test_permissions_hold_for_names_that_can_be_no_other(self):
        for handler in (
            {"handler": "allow", "tables": ["äpfel", '"Äpfel"', "t"]},
            {"handler": "allow", "tables": ["äpfel"], "patterns": ['SELECT * FROM "Äpfel"']},
        ):
            rules = [handler, {"handler": "denyall"}]
            self.assertTrue(self.allows(rules, 'SELECT * FROM "Äpfel"', LATIN1))
            self.assertTrue(self.allows(rules, "SELECT * FROM äpfel", LATIN1))
        rules = [{"handler": "allow", "tables": ["Äpfel", "t"]}, {"handler": "denyall"}]
        self.assertFalse(self.allows(rules, "SELECT * FROM Äpfel", LATIN1))
        self.assertTrue(self.allows(rules, "SELECT 'Äpfel' FROM t", LATIN1))
        for kind in ("patterns", "queries"):
            handler = {kind: ["SELECT a FROM Äpfel"]}
            rules = [{"handler": "allow", **handler}, {"handler": "denyall"}]
            self.assertFalse(self.allows(rules, "SELECT a FROM Äpfel", LATIN1))
            self.assertTrue(self.allows(rules, "SELECT a FROM Äpfel"))

    def test_denied_queries_and_patterns_on_tables_with_such_names(self):
        for handler in ({"patterns": ["DELETE FROM Äpfel"]}, {"queries": ["DELETE FROM Äpfel"]}):
            rules = [{"handler": "deny", **handler}]
            for name in ("Äpfel", "äpfel", "ÄPFEL"):
                self.assertFalse(self.allows(rules, f"DELETE FROM {name}", LATIN1), name)
            self.assertTrue(self.allows(rules, "DELETE FROM äpfel"))

    def test_cut_elsewhere_in_other_encodings(self):
        # 40 characters are 80 bytes in UTF-8 and 40 in the server's.
        deny = [{"handler": "deny", "tables": ["ä" * 40]}]
        self.assertFalse(self.allows(deny, f"TABLE {'ä' * 40}", LATIN1))
        # What is cut by UTF-8 here is whole there, and another table.
        allow = [{"handler": "allow", "tables": ["a" * 62, "t"]}, {"handler": "denyall"}]
        self.assertFalse(self.allows(allow, f"TABLE {'a' * 62}ä", LATIN1))
        self.assertTrue(self.allows(allow, "TABLE t", LATIN1))

    def test_bytes_without_an_encoding(self):
        deny = [{"handler": "deny", "tables": ["secrets"]}]
        self.assertFalse(self.allows(deny, "TABLE äpfel", SQL_ASCII))
        self.assertTrue(self.allows(deny, "SELECT 'ä', \"ö\" FROM t", SQL_ASCII))
        allow = [{"handler": "allow", "tables": ["äpfel", "t"]}, {"handler": "denyall"}]
        self.assertFalse(self.allows(allow, "TABLE äpfel", SQL_ASCII))
        self.assertTrue(self.allows(allow, "TABLE t", SQL_ASCII))

    def test_characters_that_two_tables_of_euc_jp_read_differently(self):
        engine = censor("postgresql", [{"handler": "deny", "tables": ["a\uff5eb", "a\u2016"]}])
        for text in (b"TABLE a\xa1\xc1b", b"TABLE a\xa1\xc2"):
            self.assertFalse(engine.decide(text, EUC_JP).allowed)
        self.assertTrue(engine.decide(b"SELECT '\xa1\xc1' FROM t", EUC_JP).allowed)
        allow = [{"handler": "allow", "tables": ["a\u301cb", "t"]}, {"handler": "denyall"}]
        self.assertFalse(censor("postgresql", allow).decide(b"TABLE a\xa1\xc1b", EUC_JP).allowed)
        self.assertTrue(censor("postgresql", allow).decide(b"TABLE t", EUC_JP).allowed)

    def test_one_servers_decisions_are_not_anothers(self):
        engine = censor("postgresql", [{"handler": "deny", "tables": ["äpfel"]}])
        text = b"TABLE U&\"!00c4pfel\" UESCAPE '!'"
        for _ in range(2):
            self.assertTrue(engine.decide(text).allowed)
            self.assertFalse(engine.decide(text, LATIN1).allowed)
            self.assertTrue(engine.decide("TABLE Äpfel".encode()).allowed)
            self.assertFalse(engine.decide("TABLE Äpfel".encode(), LATIN1).allowed)

    def test_prepared_statements_reach_their_tables_by_such_names(self):
        rules = censor("postgresql", [{"handler": "deny", "tables": ["äpfel"]}])
        prepared = {"s": frozenset((Table("", "Äpfel"),))}
        self.assertFalse(rules.decide(b"EXECUTE s", LATIN1, prepared).allowed)
        self.assertTrue(rules.decide(b"EXECUTE s", None, prepared).allowed)

    def test_a_schema_that_gets_another_name(self):
        qualified = [{"handler": "deny", "tables": ["s.secrets"]}]
        for text in (
            "ALTER SCHEMA s RENAME TO z",
            "ALTER SCHEMA S RENAME TO z",
            'ALTER SCHEMA U&"\\0073" RENAME TO z',
            "ALTER TABLE s.secrets SET SCHEMA z",
            "ALTER VIEW s.secrets SET SCHEMA z",
            "ALTER TABLE secrets SET SCHEMA z",
            "ALTER EXTENSION e SET SCHEMA z",
        ):
            self.assertFalse(self.allows(qualified, text), text)
        by = censor("postgresql", qualified).decide(b"ALTER SCHEMA s RENAME TO z").by
        self.assertEqual(by, "deny.table")
        for text in ("ALTER SCHEMA z RENAME TO y", "ALTER TABLE s.t SET SCHEMA z"):
            self.assertTrue(self.allows(qualified, text), text)
        self.assertTrue(self.allows(DENY, "ALTER SCHEMA s RENAME TO z"))
        for handler in ({"patterns": ["DELETE FROM s.t"]}, {"queries": ["TABLE s.t"]}):
            rules = [{"handler": "deny", **handler}]
            self.assertFalse(self.allows(rules, "ALTER SCHEMA s RENAME TO z"))
            self.assertTrue(self.allows(rules, "ALTER SCHEMA z RENAME TO y"))

    def test_names_with_the_databases_own(self):
        for rule in ("secrets", "s.secrets", "db.s.secrets"):
            deny = [{"handler": "deny", "tables": [rule]}]
            self.assertFalse(self.allows(deny, "TABLE db.s.secrets"), rule)
            self.assertTrue(self.allows(deny, "TABLE secrets.s.t"), rule)


class BareNames(SynchronousTestCase):
    """A name without a schema that is allowed must go on meaning the same table."""

    CLOSED = ({"handler": "denyall"}, {"handler": "deny", "patterns": ["%%SELECT%%"]})
    CHANGES = (
        *(b"SET search_path = evil", b"SET SCHEMA 'evil'", b"SET ROLE x", b"CREATE SCHEMA app"),
        *(b"ALTER ROLE app SET search_path = evil", b"SET LOCAL search_path = evil"),
        b"SELECT set_config('search_path', 'evil', false) FROM products",
        b"SELECT 1; SET search_path = evil; SELECT * FROM products",
    )

    def test_fw5_nothing_changes_what_they_mean(self):
        for allowed in (
            {"tables": ["products"]},
            {"queries": ["SELECT * FROM products"]},
            {"patterns": ["SELECT * FROM products %%WHERE%%"]},
        ):
            for closing in self.CLOSED:
                rules = censor("postgresql", [{"handler": "allow", **allowed}, closing])
                self.assertTrue(rules.keeps_names)
                self.assertTrue(rules.decide(b"SELECT * FROM products").allowed)
                for text in self.CHANGES:
                    for _ in range(2):
                        self.assertFalse(rules.decide(text).allowed, text)

    def test_where_nothing_depends_on_it_they_may(self):
        for rules in (
            [{"handler": "allow", "tables": ["public.products"]}, self.CLOSED[1]],
            [{"handler": "allow", "queries": ["SELECT 1"]}, self.CLOSED[1]],
            [{"handler": "allow", "queries": ["SELECT * FROM secrets WHERE a = 1"]}, *DENY],
            DENY,
        ):
            found = censor("postgresql", rules)
            self.assertFalse(found.keeps_names)
            self.assertTrue(found.decide(b"SET search_path = evil").allowed)

    def test_rules_may_allow_it_by_its_text(self):
        given = ["SELECT * FROM products", "SET search_path = app"]
        for closing in self.CLOSED:
            rules = censor("postgresql", [{"handler": "allow", "queries": given}, closing])
            self.assertFalse(rules.keeps_names)
            self.assertTrue(rules.decide(b"SET search_path = app").allowed)
            self.assertFalse(rules.decide(b"SET search_path = evil").allowed)

    def test_a_temporary_table_hides_the_one_of_its_name(self):
        rules = censor("postgresql", ALLOW)
        for text in (
            b"CREATE TEMP TABLE t (a int)",
            b"CREATE TEMPORARY VIEW t AS SELECT 1",
            b"SELECT 1 INTO TEMP t",
            b"CREATE TEMP SEQUENCE t",
            b"CREATE TABLE pg_temp.t (a int)",
        ):
            self.assertEqual(rules.decide(text).by, "denyall", text)
        both = {"handler": "allow", "tables": ["t", "pg_temp.t"]}
        rules = censor("postgresql", [both, {"handler": "denyall"}])
        self.assertTrue(rules.decide(b"CREATE TEMP TABLE t (a int)").allowed)
        self.assertFalse(
            censor("postgresql", [{"handler": "deny", "tables": ["t"]}])
            .decide(b"CREATE TEMP TABLE t (a int)")
            .allowed
        )

    def test_use_of_mysql(self):
        handlers = [{"handler": "allow", "tables": ["t"]}, self.CLOSED[1]]
        rules = censor("mysql", handlers)
        for name in ("evil", "t", "`t`"):
            self.assertEqual(rules.decide(f"USE {name}".encode()).by, "deny.names", name)
        self.assertTrue(rules.decide(b"SELECT * FROM t").allowed)
        self.assertTrue(censor("mysql", DENY).decide(b"USE secrets").allowed)

    def test_renamed_tables_of_mysql(self):
        rules = censor(
            "mysql", [{"handler": "allow", "tables": ["t", "u"]}, {"handler": "denyall"}]
        )
        for form in ("{} TO u, {} TO t", "IF EXISTS {} WAIT 1 TO u, {} NOWAIT TO t"):
            for kind in ("TABLE", "TABLES"):
                text = f"RENAME {kind} {form}"
                self.assertTrue(rules.decide(text.format("t", "u").encode()).allowed, text)
                for names in (("t", "secrets"), ("secrets", "t")):
                    self.assertFalse(rules.decide(text.format(*names).encode()).allowed, text)


class MysqlForms(SynchronousTestCase):
    """Calls, catalogs, options and statements of MariaDB and MySQL."""

    def test_forms_and_their_twins(self):
        rules = censor("mysql", DENY)
        for denied, allowed in FORMS:
            for _ in range(2):
                self.assertFalse(rules.decide(denied.encode()).allowed, denied)
                decision = rules.decide(allowed.encode())
                self.assertTrue(decision.allowed, (allowed, decision))

    def test_forms_get_no_permission(self):
        rules = censor("mysql", ALLOW)
        for denied, _ in FORMS:
            self.assertFalse(rules.decide(denied.encode()).allowed, denied)
        for text in (
            "SELECT sleep(5) FROM t",
            "SELECT a_function_of_ours(a) FROM t",
            "CREATE TABLE t (a int) ENGINE=FEDERATED",
            "SHOW COLUMNS FROM t WHERE EXISTS (SELECT 1 FROM u)",
        ):
            self.assertFalse(rules.decide(text.encode()).allowed, text)
        for text in (
            "SELECT upper(a), count(*), now(), if(a, 1, 2), cast(a AS char(5)) FROM t",
            "SELECT a FROM t AS d (x) WHERE a IN (1) AND (b = 2) HAVING (count(*) > 1)",
            "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)",
            "WITH c (x) AS (SELECT a FROM t) SELECT row_number() OVER (ORDER BY x) FROM c",
            "CREATE TABLE t (a varchar(10), KEY k (a)) ENGINE=InnoDB",
            "SHOW INDEX FROM t",
        ):
            decision = rules.decide(text.encode())
            self.assertTrue(decision.allowed, (text, decision))

    def test_statistics_and_unknown_functions_by_the_rule_file(self):
        text = b"SELECT min_value FROM mysql.column_stats"
        self.assertTrue(censor("mysql", DENY, statistics="allow").decide(text).allowed)
        text = b"SELECT a_function_of_ours(a) FROM t"
        self.assertTrue(censor("mysql", DENY).decide(text).allowed)
        self.assertFalse(censor("mysql", DENY, unknown_functions="deny").decide(text).allowed)
        self.assertTrue(censor("mysql", ALLOW, unknown_functions="allow").decide(text).allowed)

    def test_an_engine_that_is_a_literal_is_read_each_time(self):
        rules = censor("mysql", DENY)
        for _ in range(2):
            self.assertTrue(rules.decide(b"CREATE TABLE x (a int) ENGINE='InnoDB'").allowed)
            self.assertFalse(rules.decide(b"CREATE TABLE x (a int) ENGINE='connect'").allowed)

    def test_only_a_transaction_begins_one(self):
        rules = censor("mysql", [{"handler": "allow", "patterns": ["%%BEGIN%%"]}, *DENY_ALL])
        self.assertTrue(rules.decide(b"START TRANSACTION").allowed)
        self.assertFalse(rules.decide(b"START SLAVE").allowed)


class MysqlNames(SynchronousTestCase):
    """Servers compare names by case or without it: two that may be one name are denied as one."""

    def test_denied_in_any_case_and_allowed_by_ascii_letters_alone(self):
        deny = censor("mysql", [{"handler": "deny", "tables": ["å", "Äpfel", "s.t"]}])
        for name in ("å", "Å", "\u212b", "äpfel", "ÄPFEL", "`Äpfel`", "S.T", "T"):
            self.assertFalse(deny.decide(f"SELECT 1 FROM {name}".encode()).allowed, name)
        for name in ("a", "apfel", "z.t", "\u0101"):
            self.assertTrue(deny.decide(f"SELECT 1 FROM {name}".encode()).allowed, name)
        self.assertFalse(deny.decide("CREATE TABLE m (a int) UNION=(ÄPFEL)".encode()).allowed)
        allow = censor(
            "mysql", [{"handler": "allow", "tables": ["å", "t"]}, {"handler": "denyall"}]
        )
        for name, expected in (("å", True), ("T", True), ("Å", False), ("\u212b", False)):
            text = f"SELECT 1 FROM {name}".encode()
            self.assertEqual(allow.decide(text).allowed, expected, name)

    def test_patterns_name_tables_by_ascii_letters(self):
        rules = [{"handler": "allow", "patterns": ["SELECT a FROM å"]}, {"handler": "denyall"}]
        allow = censor("mysql", rules)
        for name, expected in (("å", True), ("Å", False), ("\u212b", False)):
            text = f"SELECT a FROM {name}".encode()
            self.assertEqual(allow.decide(text).allowed, expected, name)
        deny = censor("mysql", [{"handler": "deny", "patterns": ["DELETE FROM å"]}])
        for name in ("å", "Å", "\u212b"):
            self.assertFalse(deny.decide(f"DELETE FROM {name}".encode()).allowed, name)

    def test_a_common_table_expression_hides_its_own_spelling_alone(self):
        deny = censor("mysql", DENY)
        text = b"WITH SECRETS AS (SELECT 1) SELECT * FROM secrets"
        self.assertFalse(deny.decide(text).allowed)
        self.assertTrue(deny.decide(text.replace(b"secrets", b"SECRETS")).allowed)


class Order(SynchronousTestCase):
    def test_the_first_handler_that_decides_wins(self):
        allow = {"handler": "allow", "queries": ["SELECT * FROM secrets WHERE a = 1"]}
        for db in LANGUAGES:
            first = censor(db, [allow, *DENY])
            self.assertTrue(first.decide(b"SELECT * FROM secrets WHERE a = 1").allowed)
            self.assertFalse(first.decide(b"SELECT * FROM secrets WHERE a = 2").allowed)
            self.assertFalse(first.decide(b"SELECT * FROM secrets WHERE a = '1'").allowed)
            last = censor(db, [*DENY, allow])
            self.assertFalse(last.decide(b"SELECT * FROM secrets WHERE a = 1").allowed)

    def test_no_decision_is_an_allowance_and_denyall_none(self):
        for db in LANGUAGES:
            self.assertEqual(censor(db, DENY).decide(b"SELECT 1").by, "default")
            self.assertEqual(censor(db, [{"handler": "denyall"}]).decide(b"SELECT 1").by, "denyall")
            self.assertEqual(
                censor(db, [{"handler": "allowall"}]).decide(b"SELECT 1").by, "allowall"
            )
            self.assertEqual(censor(db, []).decide(b"\0").by, "idle")

    def test_every_statement_of_a_text_must_be_allowed(self):
        for db in LANGUAGES:
            rules = censor(
                db, [{"handler": "allow", "queries": ["SELECT 1"]}, {"handler": "denyall"}]
            )
            self.assertTrue(rules.decide(b"SELECT 1; SELECT 1;").allowed)
            self.assertFalse(rules.decide(b"SELECT 1; SELECT 2").allowed)
            self.assertEqual(rules.decide(b" ;").by, "empty")

    def test_literals_of_statements_that_nobody_analyses_are_compared(self):
        rules = [{"handler": "allow", "queries": ["CALL p(1)", "SELECT a AS 'x' FROM t"]}]
        engine = censor("mysql", [*rules, {"handler": "denyall"}])
        self.assertTrue(engine.decide(b"CALL p(1)").allowed)
        self.assertFalse(engine.decide(b"CALL p(2)").allowed)
        self.assertFalse(engine.decide(b"SELECT a AS 'y' FROM t").allowed)

    def test_literals_are_compared_whole_whichever_text_was_first(self):
        """The second text of a form is decided by the plan of the first."""
        texts = [
            b"SELECT a FROM t WHERE b = '%b'" % value for value in (b"abc", b"xbc", b"ab", b"")
        ]
        texts.append(b"SELECT a FROM t WHERE b = 1")
        for db in LANGUAGES:
            for listed in texts:
                for first in texts:
                    rules = censor(db, [{"handler": "deny", "queries": [listed.decode()]}])
                    rules.decide(first)
                    allowed = [text for text in texts if rules.decide(text).allowed]
                    self.assertEqual(allowed, [text for text in texts if text != listed])

    def test_ignored_texts_are_compared_as_they_are_and_as_trees(self):
        handlers = [{"handler": "query_ignore", "queries": ["SELECT 1 FROM", "SELECT a"]}]
        rules = censor("postgresql", [*handlers, {"handler": "denyall"}])
        self.assertTrue(rules.decide(b"select  a").allowed)
        self.assertFalse(rules.decide(b"select b").allowed)

    def test_kinds_of_statement(self):
        for db in LANGUAGES:
            for kind, text in (
                ("SELECT", b"SELECT 1 FROM t"),
                ("UNION", b"SELECT 1 UNION SELECT 2"),
                ("INSERT", b"INSERT INTO t VALUES (1)"),
                ("UPDATE", b"UPDATE t SET a = 1"),
                ("DELETE", b"DELETE FROM t"),
                ("BEGIN", b"BEGIN"),
                ("COMMIT", b"COMMIT"),
                ("ROLLBACK", b"ROLLBACK"),
            ):
                rules = censor(db, [{"handler": "deny", "patterns": [f"%%{kind}%%"]}])
                self.assertEqual(rules.decide(text).by, "deny.pattern", (db, kind))
                self.assertTrue(rules.decide(b"SET a = 1").allowed)

    def test_patterns_find_statements_inside_others(self):
        rules = censor("postgresql", [{"handler": "deny", "patterns": ["%%DELETE%%"]}])
        for text in (
            b"WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
            b"EXPLAIN ANALYZE DELETE FROM t",
            b"PREPARE s AS DELETE FROM t",
            b"SELECT 1; DELETE FROM t",
            b"COPY (DELETE FROM t RETURNING *) TO STDOUT",
        ):
            self.assertFalse(rules.decide(text).allowed, text)
        self.assertTrue(rules.decide(b"SELECT 'DELETE FROM t'").allowed)

    def test_denied_queries_inside_others(self):
        rules = censor("postgresql", [{"handler": "deny", "queries": ["DELETE FROM t"]}])
        self.assertEqual(rules.decide(b"EXPLAIN ANALYZE DELETE FROM t").by, "deny.query")


class Kinds(SynchronousTestCase):
    def test_what_inserts_of_mysql_do_besides(self):
        for pattern, text, plain in (
            (
                "%%UPDATE%%",
                b"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
                b"INSERT IGNORE INTO t VALUES (1)",
            ),
            ("%%DELETE%%", b"REPLACE INTO t VALUES (1)", b"INSERT INTO t VALUES (1)"),
        ):
            rules = censor("mysql", [{"handler": "deny", "patterns": [pattern]}])
            self.assertFalse(rules.decide(text).allowed, text)
            self.assertTrue(rules.decide(plain).allowed, plain)
            handlers = [{"handler": "allow", "patterns": ["%%INSERT%%"]}, {"handler": "denyall"}]
            self.assertFalse(censor("mysql", handlers).decide(text).allowed, text)
            self.assertTrue(censor("mysql", handlers).decide(plain).allowed, plain)
            handlers[0]["patterns"].append(pattern)
            self.assertTrue(censor("mysql", handlers).decide(text).allowed, text)


class Policies(SynchronousTestCase):
    """The rules about functions that the table does not have, and about statistics."""

    UNKNOWN = (
        b"SELECT own(1) FROM t",
        b"SELECT ('a'::text).own FROM t",
        b"SELECT own.upper('a') FROM t",
        b"SELECT 1 @@@@ 2 FROM t",
        b"SELECT 1 FROM t WHERE own(1)",
    )

    def test_unknown_functions(self):
        for text in self.UNKNOWN:
            for policy, denied, covered in (
                ("", False, False),
                ("allow", False, True),
                ("deny", True, False),
            ):
                more = {"unknown_functions": policy} if policy else {}
                deny = censor("postgresql", DENY, **more).decide(text)
                self.assertEqual(deny.allowed, not denied, (text, policy))
                allow = censor("postgresql", ALLOW, **more).decide(text)
                self.assertEqual(allow.allowed, covered, (text, policy))

    def test_fields(self):
        for text in (b"SELECT (t.a).street FROM t", b"SELECT t.street FROM t"):
            for handlers in (DENY, ALLOW):
                self.assertTrue(censor("postgresql", handlers).decide(text).allowed, text)
        # Certainty is only to be had by refusing what may be a function.
        rules = censor("postgresql", DENY, unknown_functions="deny")
        self.assertFalse(rules.decide(b"SELECT (t.a).street FROM t").allowed)
        self.assertTrue(rules.decide(b"SELECT t.street, (t.a).name FROM t").allowed)

    def test_without_effect(self):
        for handlers, count in ((DENY, 0), (ALLOW, 1), ([{"handler": "denyall"}], 2)):
            rules = censor("postgresql", handlers, unknown_functions="deny", statistics="allow")
            self.assertEqual(len(rules.remarks), count, rules.remarks)

    def test_a_pattern_covers_the_functions_that_it_has(self):
        handlers = [
            {"handler": "allow", "patterns": ["SELECT own(%%COLUMN%%) FROM t"]},
            {"handler": "denyall"},
        ]
        for policy in ("allow", "deny"):
            rules = censor("postgresql", handlers, unknown_functions=policy)
            self.assertTrue(rules.decide(b"SELECT own(a) FROM t").allowed)
            other = rules.decide(b"SELECT own(other(a)) FROM t")
            self.assertEqual(other.allowed, policy == "allow")

    def test_statistics(self):
        text = b"SELECT most_common_vals FROM pg_stats"
        self.assertFalse(censor("postgresql", DENY).decide(text).allowed)
        self.assertTrue(censor("postgresql", DENY, statistics="allow").decide(text).allowed)
        listed = [{"handler": "allow", "tables": ["pg_stats"]}, {"handler": "denyall"}]
        self.assertTrue(censor("postgresql", listed).decide(text).allowed)


class BulkInserts(SynchronousTestCase):
    """Rows of which a driver sends thousands are read once, and never permit what one row would."""

    def text(self, row, rows=20_000):
        return b"INSERT INTO t (a, b) VALUES " + b", ".join([row] * rows)

    def test_tables_decide(self):
        for db in LANGUAGES:
            rules = censor(db, ALLOW)
            for row in (b"(1, 'x')", b"(NULL, DEFAULT)", b"('a;--', '/*')"):
                decision = rules.decide(self.text(row))
                self.assertEqual(decision.by, "allow.table", (db, row))
            self.assertEqual(censor(db, DENY).decide(self.text(b"(1, 2)")).by, "default")
            denied = self.text(b"(1, 2)").replace(b" t ", b" secrets ")
            self.assertEqual(censor(db, DENY).decide(denied).by, "deny.table")

    def test_parameters(self):
        names = ", ".join(f"(${n}, ${n + 1})" for n in range(1, 60_000, 2)).encode()
        text = b"INSERT INTO t (a, b) VALUES " + names + b" RETURNING a"
        self.assertEqual(censor("postgresql", ALLOW).decide(text).by, "allow.table")

    def test_long_lists(self):
        for db in LANGUAGES:
            rules = censor(db, ALLOW)
            for item in (b"1", b"'x'", b"?" if db == "mysql" else b"$1"):
                text = b"SELECT a FROM t WHERE a IN (" + b", ".join([item] * 60_000) + b")"
                self.assertEqual(rules.decide(text).by, "allow.table", (db, item))
            text = text[:-1] + b", (SELECT 1 FROM u))"
            self.assertEqual(rules.decide(text).by, "denyall")

    def test_what_differs_in_more_is_not_left_out(self):
        rules = censor("postgresql", DENY)
        for tail in (b"((SELECT 1 FROM secrets), 1)", b"(1, 2); SELECT * FROM secrets"):
            text = self.text(b"(1, 'x')") + b", " + tail
            self.assertEqual(rules.decide(text).by, "deny.table", tail)

    def test_a_permission_for_one_row_is_none_for_many(self):
        query = {"handler": "allow", "queries": ["INSERT INTO t (a, b) VALUES (0, 0)"]}
        pattern = {
            "handler": "allow",
            "patterns": ["INSERT INTO t (a, b) VALUES (%%VALUE%%, %%VALUE%%)"],
        }
        for allow in (query, pattern):
            rules = censor("postgresql", [allow, {"handler": "denyall"}])
            self.assertEqual(rules.decide(self.text(b"(0, 0)")).by, "denyall")

    def test_whatever_stands_at_the_values(self):
        """A parser sees a few of the elements; the limit is far below what all of them take."""
        rows = {
            "casts": "(${}::VARCHAR, ${}::INTEGER, {})",
            "functions": "(now(), lower('{}'), $1)",
            "arrays": "(ARRAY[$1::int, {}], '{{{}}}'::int[])",
            "signs": "(-{}, NULL, DEFAULT)",
            "operators": "('a' || '{}', 1 + {})",
            "odd strings": "(E'a\\\\{}', '{}')",
        }
        rules = censor("postgresql", DENY)
        for name, row in rows.items():
            many = ", ".join(row.format(n, n + 1, n) for n in range(5000))
            text = (
                f"INSERT INTO t (a, b) SELECT p0, p1 FROM (VALUES {many}) AS imp_sen(p0, p1, c) "
                "ORDER BY c RETURNING id"
            )
            self.assertEqual(rules.decide(text.encode()).by, "default", name)
            denied = text.replace(" t ", " secrets ").encode()
            self.assertEqual(rules.decide(denied).by, "deny.table", name)

    def test_long_lists_and_chains(self):
        rules = censor("postgresql", DENY)
        for text in (
            "SELECT 1 FROM t WHERE a IN (" + ", ".join(f"${n}::int" for n in range(1, 65536)) + ")",
            "SELECT " + ", ".join(f"${n}::int" for n in range(1, 32768)) + " FROM t",
            "SELECT 1 FROM t WHERE " + " OR ".join(f"a={n}" for n in range(5000)),
            "SELECT 1 FROM t WHERE " + " OR ".join(f"(a={n} AND b='x')" for n in range(5000)),
            "SELECT 1 FROM t" + " UNION ALL SELECT 1 FROM t" * 400,
            "SELECT 'x'" + " || 'x'" * 2000 + " FROM t",
            "SELECT a" + "".join(f" || a{n}" for n in range(400)) + " FROM t",
            ";".join(["INSERT INTO t VALUES (1)"] * 700),
            "CREATE TABLE t (" + ", ".join(f"c{n} varchar(9) NOT NULL" for n in range(1600)) + ")",
            "INSERT INTO t VALUES ('" + "x" * 5_000_000 + "')",
            "SELECT ROW(" + ", ".join(f"${n}::int" for n in range(1, 20000)) + ") FROM t",
            "SELECT unnest(ARRAY[" + ", ".join(f"${n}::int" for n in range(1, 9000)) + "]) FROM t",
            "BEGIN;" + "".join(f"SAVEPOINT s{n};" for n in range(500)) + "COMMIT",
        ):
            self.assertEqual(rules.decide(text.encode()).by, "default", text[:40])
            denied = text.replace(" t", " secrets")
            if denied != text:
                self.assertEqual(rules.decide(denied.encode()).by, "deny.table", text[:40])

    def test_a_table_anywhere_in_a_long_text(self):
        rules = censor("postgresql", DENY)
        for text in (
            "SELECT 1;" * 500 + "SELECT * FROM secrets;" + "SELECT 1;" * 500,
            "SELECT 1" + " UNION ALL SELECT 1" * 200 + " UNION ALL TABLE secrets",
            "SELECT f(" + "'a', " * 3000 + "(SELECT 'a' FROM secrets), " + "'a', " * 3000 + "'a')",
            "SELECT 1 WHERE "
            + "a = 1 OR " * 900
            + "a = (TABLE secrets) OR "
            + "a = 1 OR " * 900
            + "b",
            "SELECT nextval('a'), " * 1
            + "nextval('a'), " * 900
            + "nextval('secrets'), nextval('b')",
        ):
            self.assertEqual(rules.decide(text.encode()).by, "deny.table", text[:40])
        text = "SELECT set_config('a', 'b', false), " * 1 + "set_config('a', 'b', false), " * 500
        text += "set_config('client_encoding', 'sjis', false), set_config('a', 'b', false)"
        self.assertEqual(rules.decide(text.encode()).by, "refused")

    def test_a_statement_with_semicolons_in_it(self):
        body = "SELECT a FROM t; " * 400
        text = f"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC {body} END; SELECT 1".encode()
        self.assertEqual(censor("postgresql", DENY).decide(text).by, "deny.opaque")
        self.assertEqual(
            censor("postgresql", [{"handler": "allowall"}]).decide(text).by, "allowall"
        )

    def test_literals_of_all_statements_count_in_order(self):
        rules = censor(
            "postgresql",
            [
                {"handler": "allow", "patterns": ["SELECT a FROM t WHERE b = 7"]},
                {"handler": "denyall"},
            ],
        )
        text = "SELECT a FROM t WHERE b = 7;" * 700
        self.assertTrue(rules.decide(text.encode()).allowed)
        self.assertFalse(rules.decide(text.replace("7;", "8;", 1).encode()).allowed)
        self.assertFalse(rules.decide((text + "SELECT a FROM t WHERE b = 6").encode()).allowed)

    def test_what_it_may_cost_is_said_with_the_setting(self):
        rules = read_rules({"handlers": DENY}, need_version=False)
        engine = Censor(LANGUAGES["postgresql"], rules, limits=Limits(100_000, 5_000, 2_000))
        columns = ", ".join(f"c{n}" for n in range(1500))
        for text, expected in (
            (
                "SELECT '" + "a" * 100_000 + "'",
                "100009 bytes, max_text allows 100000 in [stage:censor]",
            ),
            (
                f"SELECT {columns} /* */, {columns}",
                "more than 5000 tokens, which max_tokens allows",
            ),
            (f"SELECT {columns}", "3000 tokens (7895 bytes) are left where long lists are cut"),
        ):
            decision = engine.decide(text.encode())
            self.assertEqual(decision.by, "refused")
            self.assertIn("the statement is too large to analyse: ", decision.why)
            self.assertIn(expected, decision.why)

    @settings(max_examples=200)
    @given(st.data())
    def test_what_is_left_of_a_text_is_decided_as_the_whole(self, data):
        """A text with blanks behind it means the same, and is long enough for lists to be cut."""
        draw = data.draw
        element = draw(
            st.sampled_from(["{}", "f({})", "{}::int", "({}, b)", "a = {}", "ROW({}, 1)"])
        )
        joint = draw(st.sampled_from([", ", ",", " OR ", " AND ", " || ", " + "]))
        whole = draw(
            st.sampled_from(
                ["SELECT a FROM t WHERE b IN ({})", "SELECT {}", "INSERT INTO t VALUES ({})"]
                + ["INSERT INTO t VALUES ({}), (7)", "SELECT a FROM t WHERE c = 7 AND b IN (1, {})"]
                + ["SELECT a FROM t WHERE {}", "SELECT f({}) FROM secrets", "SELECT ARRAY[{}]"]
            )
        )
        value = st.sampled_from(["1", "7", "-1", "'x'", "$1", "NULL", "DEFAULT", "b", "(SELECT 7)"])
        few = draw(st.lists(value, max_size=4))
        alike = draw(value)
        values = [
            *few,
            *[alike] * draw(st.integers(0, 40)),
            *draw(st.lists(value, max_size=3)),
            "1",
        ]
        text = whole.format(joint.join(element.format(v) for v in values)).encode()
        expected = _LISTS.decide(text)
        for longer in (text + b" " * 5000, b"/* */ " + text + b" " * 5000):
            _LISTS.forget()
            decision = _LISTS.decide(longer)
            if b"DEFAULT" in text and expected.by.startswith("allow."):
                # What is no value is not left out of what a form permits.
                self.assertIn(decision.by, (expected.by, "denyall"), text)
            else:
                self.assertEqual(decision, expected, text)


LISTS = [
    {"handler": "allow", "queries": ["SELECT 1, 7, 1", "INSERT INTO t VALUES (7, 7)"]},
    {
        "handler": "deny",
        "tables": ["secrets"],
        "patterns": [
            "SELECT a FROM t WHERE c = 7 AND b IN (1, 7, %%LIST_OF_VALUES%%)",
            "SELECT f(7, %%COLUMN%%, 7)",
            "SELECT a FROM t WHERE a = 1 OR a = 7 OR a = 7",
        ],
    },
    {
        "handler": "allow",
        "patterns": [
            "SELECT a FROM t WHERE b IN (%%LIST_OF_VALUES%%)",
            "SELECT a FROM t WHERE a = 7 OR a = 7",
            "INSERT INTO t VALUES (%%LIST_OF_VALUES%%)",
            "INSERT INTO t VALUES (7, %%LIST_OF_VALUES%%), (%%VALUE%%)",
            "SELECT 7 || 7 || %%VALUE%%",
        ],
    },
    {"handler": "denyall"},
]
_LISTS = censor("postgresql", LISTS)


class Handles(SynchronousTestCase):
    """Names that a session makes up are in no rule."""

    def test_savepoints_and_cursors(self):
        pairs = {
            "postgresql": (
                ("SAVEPOINT a", "SAVEPOINT b"),
                ("ROLLBACK TO a", "ROLLBACK TO SAVEPOINT b"),
                ("RELEASE a", "RELEASE SAVEPOINT b"),
                ("DECLARE a CURSOR FOR SELECT 1 FROM t", 'DECLARE "b" CURSOR FOR SELECT 1 FROM t'),
                ("FETCH FORWARD 10 FROM a", "FETCH FORWARD 10 FROM b"),
                ("CLOSE a", "CLOSE b"),
                ("DEALLOCATE a", "DEALLOCATE b"),
            ),
            "mysql": (
                ("SAVEPOINT a", "SAVEPOINT `b`"),
                ("ROLLBACK TO a", "ROLLBACK TO b"),
                ("RELEASE SAVEPOINT a", "RELEASE SAVEPOINT b"),
                ("DEALLOCATE PREPARE a", "DEALLOCATE PREPARE b"),
            ),
        }
        for db, found in pairs.items():
            for listed, other in found:
                rules = censor(
                    db, [{"handler": "allow", "queries": [listed]}, {"handler": "denyall"}]
                )
                self.assertTrue(rules.decide(other.encode()).allowed, other)
                self.assertFalse(rules.decide(b"ROLLBACK").allowed)
                # They hide nothing.
                self.assertTrue(censor(db, DENY).decide(other.encode()).allowed, other)
        rules = censor("postgresql", [{"handler": "allow", "queries": ["CLOSE a"]}, *DENY])
        self.assertEqual(rules.decide(b"DECLARE a CURSOR FOR TABLE secrets").by, "deny.table")
        self.assertEqual(rules.decide(b"CLOSE ALL").by, "default")

    def test_transactions_begin_in_many_words(self):
        rules = censor("mysql", [{"handler": "deny", "patterns": ["%%BEGIN%%"]}])
        for text in (
            b"START TRANSACTION WITH CONSISTENT SNAPSHOT",
            b"START TRANSACTION READ ONLY",
            b"START TRANSACTION",
            b"BEGIN WORK",
        ):
            self.assertEqual(rules.decide(text).by, "deny.pattern", text)


class Unparsable(SynchronousTestCase):
    def test_that_it_passes_is_told_whichever_reading_cannot_be_parsed(self):
        engine = censor("mysql", [{"handler": "allowall"}], ignore_parse_error=True)
        for text, expected in (
            (b"SELECT 1 /*!80013 FROM FROM */", events.QUERY_PARSE_ERROR),
            (b"SELECT 1 FROM /*!80013 t */", events.QUERY_PARSE_ERROR),
            (b"SELECT 1 /*!80013 + 1 */", engine.decide(b"SELECT 1").code),
        ):
            decision = engine.decide(text)
            self.assertEqual((decision.allowed, decision.code), (True, expected), text)

    def test_denied_by_default_and_told(self):
        told = []
        rules = read_rules(
            {"handlers": [{"handler": "allowall"}], "parse_errors_log": "log"}, need_version=False
        )
        engine = Censor(LANGUAGES["postgresql"], rules, unparsable=lambda *a: told.append(a))
        for _ in range(2):
            decision = engine.decide(b"SELEC 'secret' FROM t")
            self.assertEqual(
                (decision.by, decision.code), ("parse_error", events.QUERY_PARSE_ERROR)
            )
        self.assertEqual(told, [("log", "SELEC ? FROM t")])
        engine.decide(rb"SELECT 'O\'SECRET', 1 -- it's")
        engine.decide(rb"SELEC E'O\'Brien'")
        self.assertEqual(told[1:], [("log", "<unreadable SQL>"), ("log", "SELEC ?")])

    def test_ignored_it_may_pass_unless_it_names_a_denied_table(self):
        rules = censor("postgresql", DENY, ignore_parse_error=True)
        self.assertTrue(rules.decide(b"SELEC 1 FROM t").allowed)
        for text in (b"SELEC 1 FROM secrets", b'SELEC 1 FROM "secrets"', b"SELEC SECRETS"):
            self.assertFalse(rules.decide(text).allowed, text)
        rules = censor("postgresql", [{"handler": "denyall"}], ignore_parse_error=True)
        self.assertEqual(rules.decide(b"SELEC 1").by, "denyall")

    def test_a_listed_query_that_cannot_be_parsed_is_allowed_to_the_letter(self):
        """Rules for both databases in one file, say."""
        text = "prepare s from 'select * from t'"
        for other in ([], [{"handler": "deny", "tables": ["secrets"]}]):
            handlers = [
                *other,
                {"handler": "allow", "queries": ["select 1", text, "prepare s from 'secrets'"]},
                {"handler": "denyall"},
            ]
            rules = censor("postgresql", handlers, ignore_parse_error=True)
            self.assertTrue(rules.decide(b"SELECT 1").allowed)
            for _ in range(2):
                decision = rules.decide(text.encode())
                self.assertEqual((decision.allowed, decision.by), (True, "allow.query"))
            for near in (text.upper(), f"{text} ", text.replace("t'", "u'"), text + ", 1"):
                self.assertEqual(rules.decide(near.encode()).by, "denyall", near)
            self.assertEqual(len(rules.remarks), 2)
            self.assertRegex(rules.remarks[0], "cannot be parsed as postgresql.*to the letter")
        # A denial of what it names comes first, wherever that stands.
        handlers = [
            {"handler": "allow", "queries": ["SELEC a FROM secrets"]},
            {"handler": "deny", "tables": ["secrets"]},
        ]
        rules = censor("postgresql", handlers, ignore_parse_error=True)
        self.assertEqual(rules.decide(b"SELEC a FROM secrets").by, "deny.table")

    def test_a_listed_query_that_cannot_be_parsed_stops_the_start_elsewhere(self):
        for kind, ignored, expected in (
            ("deny", True, "would hold for this spelling alone"),
            ("deny", False, "would hold for this spelling alone"),
            ("allow", False, "ignore_parse_error: true would allow it"),
        ):
            with self.assertRaisesRegex(ConfigError, expected):
                censor(
                    "postgresql",
                    [{"handler": kind, "queries": ["SELEC 1"]}],
                    ignore_parse_error=ignored,
                )
        with self.assertRaisesRegex(ConfigError, "one statement"):
            censor(
                "postgresql",
                [{"handler": "allow", "queries": ["SELECT 1; SELECT 2"]}],
                ignore_parse_error=True,
            )

    def test_ignored_it_does_not_pass_in_any_spelling_or_by_what_hides_a_name(self):
        rules = censor("postgresql", DENY, ignore_parse_error=True)
        start = "SELECT 'a' -- x\n 'b', "
        for end in (
            r'ssn FROM U&"\0073ecrets"',
            "ssn FROM U&\"!0073ecrets\" UESCAPE '!'",
            "ssn FROM/**/public . SECRETS",
            "query_to_xml('TABLE secrets', true, true, '')",
            "count(*) FROM TS_STAT('SELECT 1')",
            "('SELECT 1'::text).ts_stat",
            r"""U&"query_to\005fxml"('TABLE secrets', true, true, '')""",
            '"pg_read_file"($1)',
            "stavalues1 FROM pg_statistic",
            "1; DO $$BEGIN END$$",
            "1; EXECUTE s",
            "1; CREATE VIEW v AS SELECT 1",
            "1; SET search_path = x",
        ):
            decision = rules.decide((start + end).encode())
            self.assertFalse(decision.allowed, end)
        for end in (r'id FROM U&"p\0072oducts"', "'secrets', upper(name) FROM t", '"Secrets"'):
            self.assertTrue(rules.decide((start + end).encode()).allowed, end)
        latin1 = censor(
            "postgresql", [{"handler": "deny", "tables": ["äpfel"]}], ignore_parse_error=True
        )
        self.assertFalse(latin1.decide(f"{start} 1 FROM ÄPFEL".encode(), LATIN1).allowed)
        self.assertTrue(latin1.decide(f"{start} 1 FROM ÄPFEL".encode()).allowed)
        self.assertFalse(latin1.decide(f"{start} 1 FROM ÄPFEL".encode(), SQL_ASCII).allowed)

    def test_ignored_it_does_not_pass_where_unknown_functions_are_denied(self):
        rules = censor("postgresql", DENY, ignore_parse_error=True, unknown_functions="deny")
        self.assertEqual(rules.decide(b"SELEC 1 FROM t").by, "deny.opaque")

    def test_ignored_in_mysql_it_does_not_pass_by_what_hides_a_name(self):
        rules = censor("mysql", DENY, ignore_parse_error=True)
        for text in (
            "SELEC 1 FROM SECRETS",
            "SELEC 1 FROM `secrets`",
            "SELEC load_file('x')",
            "SELEC 1; EXECUTE IMMEDIATE @x",
            "SELEC 1; CALL p()",
        ):
            self.assertFalse(rules.decide(text.encode()).allowed, text)
        self.assertTrue(rules.decide(b"SELEC 1 FROM t").allowed)

    def test_refusals_are_never_ignored(self):
        for db in LANGUAGES:
            rules = censor(db, [{"handler": "allowall"}], ignore_parse_error=True)
            for text in (
                b"SELECT 1\0",
                b"SELECT \xff",
                b"SELECT " + b"(" * 200,
                b"SELECT '" + b"a" * (16 << 20) + b"'",
                b"SELECT 1" + b" a" * 300_000,
            ):
                self.assertEqual(rules.decide(text).by, "refused", text[:20])
        rules = censor("postgresql", [{"handler": "allowall"}], ignore_parse_error=True)
        self.assertEqual(rules.decide(b"SELECT " + b"/*" * 9 + b"*/" * 9).by, "refused")

    def test_what_the_server_itself_does_not_read_gets_the_servers_error(self):
        texts = (b"SELECT 123abc", b'CREATE TABLE x() USING ""', b"SELECT 'a", b"SELECT $a$ b")
        texts += (b"SELECT 1 /* a", b"SELECT \\", b"SELECT E'a\\", b'SELECT "a')
        for handlers in ([{"handler": "allowall"}], DENY):
            rules = censor("postgresql", handlers, ignore_parse_error=True)
            for text in texts:
                self.assertTrue(rules.decide(text).allowed, text)
            strict = censor("postgresql", handlers)
            for text in texts:
                self.assertEqual(strict.decide(text).by, "parse_error", text)
        rules = censor("postgresql", [{"handler": "denyall"}], ignore_parse_error=True)
        self.assertEqual(rules.decide(texts[2]).by, "denyall")
        # Servers before PostgreSQL 15 read a number and a word.
        rules = censor("postgresql", DENY, ignore_parse_error=True)
        self.assertFalse(rules.decide(b"SELECT 1FROM secrets").allowed)
        # Of two ways to read a text only one is none.
        changing = LANGUAGES["postgresql"].mode._replace(backslash=None)
        self.assertEqual(rules.decide(rb"SELECT '\' FROM secrets", changing).by, "refused")


class Sessions(SynchronousTestCase):
    def test_prepared_statements(self):
        rules = censor("postgresql", ALLOW)
        prepared = {}
        self.assertFalse(rules.decide(b"EXECUTE s", None, prepared).allowed)
        self.assertFalse(rules.decide(b"PREPARE s AS SELECT * FROM u", None, prepared).allowed)
        self.assertEqual(prepared, {})
        self.assertTrue(rules.decide(b"PREPARE s AS SELECT * FROM t", None, prepared).allowed)
        self.assertTrue(rules.decide(b"EXECUTE s", None, prepared).allowed)
        self.assertFalse(rules.decide(b"EXECUTE s", None, {}).allowed)
        self.assertTrue(rules.decide(b"SELECT 1 FROM t", None, prepared, "wire").allowed)
        self.assertTrue(rules.decide(b"EXECUTE wire", None, prepared).allowed)

    def test_modes_do_not_share_decisions(self):
        rules = censor("postgresql", DENY)
        off = LANGUAGES["postgresql"].mode_of({"standard_conforming_strings": "off"})
        text = rb"SELECT '\' FROM secrets --'"
        for _ in range(2):
            self.assertFalse(rules.decide(text).allowed)
            self.assertTrue(rules.decide(text, off).allowed)

    def test_double_quotes_of_mysql_are_names_in_one_mode_and_strings_in_another(self):
        handlers = [{"handler": "deny", "queries": ['SELECT "a" FROM t']}]
        text = b'SELECT "a" FROM t'
        usual = LANGUAGES["mysql"].mode_of({})
        ansi = LANGUAGES["mysql"].mode_of({"sql_mode": "ANSI_QUOTES"})
        for modes in ((usual, ansi), (ansi, usual)):
            rules = censor("mysql", handlers)
            for _ in range(2):
                allowed = [rules.decide(text, mode).allowed for mode in modes]
                self.assertEqual(allowed, [mode is ansi for mode in modes])

    def test_no_variable_hides_what_stands_behind_it(self):
        handlers = [{"handler": "allow", "tables": ["t"]}, {"handler": "denyall"}]
        denial, permission = censor("mysql", DENY), censor("mysql", handlers)
        for sql_mode, text in (
            ("ANSI_QUOTES", r'SELECT a FROM t WHERE @"\" UNION SELECT a FROM %s WHERE @" -- "'),
            (
                "NO_BACKSLASH_ESCAPES",
                r"SELECT a FROM t WHERE @'\' UNION SELECT a FROM %s WHERE "
                """@"' -- " """,
            ),
            (
                "ANSI_QUOTES,NO_BACKSLASH_ESCAPES",
                r"SELECT a FROM t WHERE @'\' UNION SELECT a FROM %s WHERE "
                """@"' -- " """,
            ),
        ):
            mode = LANGUAGES["mysql"].mode_of({"sql_mode": sql_mode})
            for rules in (denial, permission):
                for table, allowed in (("secrets", False), ("t", True)):
                    given = (text % table).encode()
                    self.assertEqual(rules.decide(given, mode).allowed, allowed, (sql_mode, table))

    def test_fw5_while_a_setting_may_be_changing_a_text_is_allowed_only_by_all_its_values(self):
        changing = LANGUAGES["postgresql"].mode._replace(backslash=None)
        rules = censor("postgresql", [*DENY, {"handler": "deny", "queries": ["SELECT 'ab'"]}])
        for text, allowed in (
            (rb"SELECT '\' , ' , ssn FROM secrets -- '", False),
            (rb"SELECT '\' FROM secrets --'", False),
            (rb"SELECT '\141b'", False),
            (b"SELECT 1 FROM se\xc3[crets", False),
            (rb"SELECT 'a\b' FROM t", True),
            (b"SELECT 'ab' FROM t", True),
            ("SELECT 'ä', \"ö\" FROM größe /* ü */".encode(), True),
            ("SELECT 'ä' FROM secrets".encode(), False),
        ):
            for _ in range(2):
                self.assertIs(rules.decide(text, changing).allowed, allowed, text)

    @given(
        st.lists(
            st.sampled_from(
                [
                    *("'", "\\", "'", "E'", '"', " ", ",", "--", "/*", "*/", "$$", "\n", "1"),
                    *("FROM secrets", "FROM t", "ä", "[", "secrets", ";", "x'"),
                ]
            ),
            max_size=10,
        ),
        st.sampled_from(["UTF8", "LATIN1"]),
    )
    def test_fw5_what_is_allowed_then_is_allowed_by_each(self, parts, believed):
        mode_of = LANGUAGES["postgresql"].mode_of
        text = ("SELECT " + "".join(parts)).encode()
        changing = mode_of({"client_encoding": believed})._replace(backslash=None)
        if not censor("postgresql", DENY).decide(text, changing).allowed:
            return
        for strings in ("on", "off"):
            for encoding in ("UTF8", "LATIN1", "EUC_JP", "WIN1252"):
                holds = {"standard_conforming_strings": strings, "client_encoding": encoding}
                decision = censor("postgresql", DENY).decide(text, mode_of(holds))
                # The server refuses bytes that its encoding does not have.
                if "encoding" not in decision.why:
                    self.assertTrue(decision.allowed, (holds, decision))

    def test_fw5_while_modes_of_mysql_are_not_known_a_text_is_allowed_only_by_all_of_them(self):
        mode_of = LANGUAGES["mysql"].mode_of
        quotes = mode_of({"sql_mode": "ANSI_QUOTES?"})
        rules = censor("mysql", [*DENY, {"handler": "deny", "queries": ['SELECT "a" FROM t']}])
        for text, allowed in (
            (b'SELECT "a" FROM t', False),
            (b'SELECT "b" FROM t', True),
            (b'SELECT "b" FROM secrets', False),
            (b'SELECT 1 FROM "secrets"', False),
            (b"SELECT 'b\\'' FROM t", True),
            ("SELECT 'ä' FROM t".encode(), True),
            (b"SELECT 1 FROM t", True),
            (b"SELECT 1 FROM secrets", False),
        ):
            for _ in range(2):
                self.assertIs(rules.decide(text, quotes).allowed, allowed, text)
        for unknown in (
            {"sql_mode": "NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"},
            {"character_set_client": "?"},
        ):
            for text, allowed in (
                (b"SELECT '\\' FROM secrets -- '", False),
                (b"SELECT '\xbf\\' FROM secrets -- '", False),
                (b"SELECT 'a\\\\' FROM t", True),
                (b"SELECT 'c' FROM t", True),
                (b"SELECT 1 FROM secrets", False),
            ):
                for _ in range(2):
                    mode = mode_of(unknown)
                    self.assertIs(rules.decide(text, mode).allowed, allowed, (text, unknown))

    @given(
        st.lists(
            st.sampled_from(
                [
                    *("'", "\\", "'", '"', "`", " ", ",", "-- ", "/*", "*/", "#", "\n", "1"),
                    *("FROM secrets", "FROM t", "ä", "中", "[", "secrets", ";", "x'"),
                ]
            ),
            max_size=10,
        ),
        st.sampled_from(
            [
                {"sql_mode": "ANSI_QUOTES?"},
                {"sql_mode": "NO_BACKSLASH_ESCAPES?,ANSI_QUOTES?"},
                {"character_set_client": "?"},
            ]
        ),
    )
    def test_fw5_what_mysql_is_allowed_then_is_allowed_by_each(self, parts, unknown):
        mode_of = LANGUAGES["mysql"].mode_of
        text = ("SELECT " + "".join(parts)).encode()
        if not censor("mysql", DENY).decide(text, mode_of(unknown)).allowed:
            return
        modes, charset = unknown.get("sql_mode", ""), unknown.get("character_set_client")
        for ansi in ("", "ANSI_QUOTES") if "ANSI_QUOTES?" in modes else ("",):
            for escapes in ("", ",NO_BACKSLASH_ESCAPES") if "ESCAPES?" in modes else ("",):
                for encoding in ("utf8mb4", "latin1", "ujis") if charset else ("utf8mb4",):
                    holds = {"sql_mode": ansi + escapes, "character_set_client": encoding}
                    decision = censor("mysql", DENY).decide(text, mode_of(holds))
                    # The server refuses bytes that its character set does not have.
                    if "encoding" not in decision.why:
                        self.assertTrue(decision.allowed, (holds, decision))

    def test_fw5_rules_with_other_characters_say_nothing_of_an_encoding_that_may_be_changing(self):
        changing = LANGUAGES["postgresql"].mode._replace(backslash=None)
        rules = censor("postgresql", DENY)
        for text, mode in (
            (f"SELECT 1 FROM {'x' * 61}ä", changing),
            ("SELECT 1 FROM größe", changing._replace(names="loose")),
        ):
            self.assertFalse(rules.decide(text.encode(), mode).allowed)
            self.assertTrue(rules.decide(text.encode(), mode._replace(backslash=False)).allowed)
        for rule in ({"tables": ["gehälter"]}, {"queries": ["SELECT 'ä'"]}):
            rules = censor("postgresql", [{"handler": "deny", **rule}])
            for text, allowed in (("SELECT 1 FROM größe", False), ("SELECT 1 FROM t", True)):
                self.assertIs(rules.decide(text.encode(), changing).allowed, allowed)
                self.assertTrue(rules.decide(text.encode()).allowed)

    def test_captured_once_without_literals(self):
        told = []
        rules = read_rules(
            {"handlers": [{"handler": "query_capture", "filepath": "f"}]}, need_version=False
        )
        engine = Censor(LANGUAGES["postgresql"], rules, captured=lambda *a: told.append(a))
        for n in range(5):
            engine.decide(b"SELECT a FROM t WHERE b = %d" % n)
        self.assertEqual(told, [("f", "SELECT a FROM t WHERE b = ?")])
        # Whole, as rules are made of it.
        engine.decide(b"SELECT " + b"a, " * 1500 + b"a")
        self.assertEqual(len(told[1][1]), len(b"SELECT " + b"a, " * 1500 + b"a"))

    def test_double_quotes_are_captured_as_values_where_nobody_knows_what_they_are(self):
        told = []
        rules = read_rules(
            {
                "handlers": [{"handler": "query_capture", "filepath": "f"}],
                "parse_errors_log": "g",
            },
            need_version=False,
        )
        engine = Censor(
            LANGUAGES["mysql"],
            rules,
            captured=lambda *a: told.append(a),
            unparsable=lambda *a: told.append(a),
        )
        unknown = LANGUAGES["mysql"].mode._replace(ansi=None, default=False)
        for text, path, shown in (
            ('SELECT a FROM t WHERE b = "secret"', "f", "SELECT a FROM t WHERE b = ?"),
            ('SELEC a FRO t WHERE b = "secret"', "g", "SELEC a FRO t WHERE b = ?"),
        ):
            engine.decide(text.encode(), unknown)
            self.assertEqual(told.pop(), (path, shown))
            self.assertEqual(told, [])


SOUP = st.lists(
    st.sampled_from(
        ["SELECT", "a", "FROM", "t", "secrets", "WHERE", "=", "1", "2", "'x'", "'1'", "-", "(", ")"]
        + [",", "IN", "AND", "LIMIT", ";", "--", "/*", "*/", '"t"', "`t`", "E'x'", "$1", "?", "\n"]
        + ["INSERT INTO t VALUES", "(1)", "NULL", "1.5", "SELECT a FROM t WHERE a ="]
    ),
    max_size=10,
)
MIXED = [
    {"handler": "allow", "queries": ["SELECT a FROM t WHERE a = 1", "SELECT 'x'"]},
    {"handler": "deny", "patterns": ["SELECT a FROM t WHERE a = 2", "SELECT -1"]},
    {"handler": "allow", "patterns": ["SELECT a FROM t WHERE a = %%VALUE%%"], "tables": ["t"]},
    {"handler": "denyall"},
]


ODD_STRINGS = st.lists(
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "X", "x", "b", "E", "e", "N", "_binary", "U&", "_utf8", "-"]),
        st.sampled_from(
            [
                *("'x'", "'41'", "'01'", "''", "'\\'", "'\\n'", "'a''b'", "'\\'x'", "'\\\\'"),
                *("1", "2", "0x1", '"x"', '"\\\\"', '"\\\\\\"x"', '"a""b"', '"it\'s"'),
            ]
        ),
    ),
    min_size=2,
    max_size=2,
)


class Caching(SynchronousTestCase):
    def test_literals_that_the_server_does_not_read(self):
        """Found by fuzzing: the token is kept, and whether the server takes it is in its text."""
        rules = censor("postgresql", [{"handler": "allowall"}])
        self.assertTrue(rules.decide(rb"SELECT E'\\n'").allowed)
        self.assertEqual(rules.decide(rb"SELECT E'\UZZ'").by, "parse_error")

    def test_a_number_and_a_word_in_one(self):
        """Found by fuzzing: older servers read both, newer ones and the parser do not."""
        rules = censor("postgresql", [{"handler": "allow", "tables": ["t"]}])
        self.assertTrue(rules.decide(b"SELECT 1 FROM t").allowed)
        self.assertEqual(rules.decide(b"SELECT 1FROM t").by, "parse_error")

    def test_literals_that_go_on_behind_a_comment(self):
        """Found by fuzzing: PostgreSQL reads one literal, its parser in a library does not."""
        rules = censor("postgresql", [{"handler": "allow", "tables": ["t"]}])
        text = b"SELECT 'a'--\n' ESCAPE FROM secrets' FROM t"
        fresh = rules.decide(text)
        rules.forget()
        self.assertTrue(rules.decide(b"SELECT 'a'\n'b' FROM t").allowed)
        self.assertEqual(rules.decide(text), fresh)

    def test_a_decision_holds_for_all_texts_of_a_form_up_to_a_length(self):
        for size, holds in ((20, True), (KEY_LIMIT, True), (KEY_LIMIT + 1, False)):
            rules = censor("postgresql", DENY)
            one, other = ((b"SELECT %d FROM t" % number).ljust(size) for number in (1, 2))
            self.assertIsNone(rules.known(other, rules.language.mode))
            self.assertTrue(rules.decide(one).allowed)
            known = rules.known(other, rules.language.mode)
            self.assertEqual(known is not None, holds, size)

    def test_where_a_literal_decides_the_decision_holds_for_the_same_text_alone(self):
        rules = censor("postgresql", DENY)
        mode = rules.language.mode
        self.assertFalse(rules.decide(b"DO 'BEGIN END'").allowed)
        self.assertEqual(rules.known(b"DO 'BEGIN END'", mode).by, "deny.opaque")
        self.assertIsNone(rules.known(b"DO 'BEGIN NULL; END'", mode))

    def test_texts_that_differ_in_values_are_parsed_once(self):
        for module, db, values in (
            (mysql, "mysql", [rb"'it\'s'", rb"'a\nb'", b"'--'", rb"'\\'", b"'it''s'", rb"'\x'"]),
            (mysql, "mysql", [rb"_binary'\0'", rb"_binary'\\'", b"_binary'a'"]),
            (mysql, "mysql", [b'"a"', rb'"it\"s"', b'"it\'s"', b'""""']),
            (mysql, "mysql", [b"_utf8mb4'a'", rb"_utf8mb4'it\'s'"]),
            (postgresql, "postgresql", [rb"E'a\nb'", rb"E'it\'s'", rb"E'\\u'", b"E''"]),
            (postgresql, "postgresql", [b"'it''s'", rb"'a\b'", b"'a''b''c'"]),
        ):
            with self.subTest(db=db, values=values):
                rules = censor(db, [{"handler": "allow", "queries": [], "tables": ["t"]}])
                for number, value in enumerate(values):
                    self.assertTrue(rules.decide(b"INSERT INTO t VALUES (1, %b)" % value).allowed)
                    if number == 0:
                        parse = module.parse
                        self.patch(module, "parse", self.fail)
                self.patch(module, "parse", parse)

    def test_a_decision_holds_for_strings_that_are_not_plain(self):
        rules = [{"handler": "allow", "queries": ["SELECT a FROM t WHERE a = X'41'"]}]
        rules += [{"handler": "allow", "patterns": ["INSERT INTO t VALUES (%%VALUE%%)"]}]
        rules += [{"handler": "denyall"}]
        for db, one, other, odd in (
            ("mysql", b"X'ff'", b"X'0a0b'", b"X'zz'"),
            ("mysql", b"_binary'a'", rb"_binary'b\0'", b"_binary'\xff'"),
            ("mysql", rb"'it\'s'", rb"'\\'", rb"'\\\'"),
            ("mysql", b'"a"', rb'"it\"s"', rb'"a\"'),
            ("mysql", b"_utf8'a'", rb"_utf8'it\'s'", b"_utf16'a'"),
            ("postgresql", b"E'a'", rb"E'\n'", rb"E'\101'"),
            ("postgresql", b"x'ff'", b"x'0'", b"x'g'"),
            ("postgresql", b"'it''s'", b"''''", b"U&'a'"),
        ):
            with self.subTest(one=one):
                fresh = censor(db, rules)
                mode = fresh.language.mode
                insert = b"INSERT INTO t VALUES (%b)"
                self.assertIsNone(fresh.known(insert % other, mode))
                self.assertTrue(fresh.decide(insert % one).allowed)
                self.assertTrue(fresh.known(insert % other, mode).allowed)
                self.assertIsNone(fresh.known(insert % odd, mode))
                for byte in range(32):
                    forged = bytes((byte,)) + insert % odd
                    self.assertIsNone(fresh.known(forged, mode), byte)
                select = b"SELECT a FROM t WHERE a = %b"
                self.assertFalse(fresh.decide(select % b"X'42'").allowed)
                self.assertTrue(fresh.known(select % b"X'41'", mode).allowed)
                self.assertFalse(fresh.known(select % b"X'43'", mode).allowed)

    def test_what_double_quotes_enclose_is_a_name_in_another_mode(self):
        rules = censor("mysql", [{"handler": "deny", "tables": ["secrets"]}])
        default = rules.language.mode
        texts = [b'INSERT INTO t VALUES ("a")', b'INSERT INTO t VALUES ("b")']
        self.assertTrue(rules.decide(texts[0]).allowed)
        self.assertTrue(rules.known(texts[1], default).allowed)
        for ansi in (True, None):
            self.assertIsNone(rules.known(texts[1], default._replace(ansi=ansi)))

    @settings(max_examples=100)
    @given(st.sampled_from(sorted(LANGUAGES)), st.lists(ODD_STRINGS, max_size=6))
    def test_cached_decisions_of_strings_that_are_not_plain(self, db, texts):
        warm = _WARM[db]
        for literals in texts:
            for form in ("SELECT a FROM t WHERE a = {}", "SELECT {}", "SELECT {}, {}"):
                text = form.format(*literals).encode()
                fresh = censor(db, MIXED).decide(text)
                self.assertEqual(warm.decide(text), fresh, text)
                self.assertEqual(warm.decide(text), fresh, text)

    @settings(max_examples=300)
    @given(st.sampled_from(sorted(LANGUAGES)), st.lists(SOUP, max_size=6))
    def test_cached_decisions_are_the_uncached_ones(self, db, texts):
        warm = _WARM[db]
        for words in texts:
            text = " ".join(words).encode()
            fresh = censor(db, MIXED).decide(text)
            for _ in range(3):
                self.assertEqual(warm.decide(text), fresh, text)

    def test_texts_that_begin_alike_have_decisions_of_their_own(self):
        for db in LANGUAGES:
            denying, mixed = censor(db, DENY), censor(db, MIXED)
            beginning = "SELECT a FROM t WHERE a = "
            for _ in range(4):
                for end, by in (
                    *(("7", "default"), ("'x'", "default"), ("7 AND b = ''", "default")),
                    *(("7 UNION SELECT a FROM secrets", "deny.table"), ("8", "default")),
                    ("'x' OR a IN (SELECT a FROM secrets)", "deny.table"),
                    ("secrets.b", "default"),
                ):
                    decision = denying.decide((beginning + end).encode())
                    self.assertEqual((decision.by, decision.allowed), (by, by == "default"), end)
                for end, allowed in (("1", True), ("2", False), ("3", True), ("2 + 1", True)):
                    self.assertEqual(mixed.decide((beginning + end).encode()).allowed, allowed)

    def test_a_text_with_a_known_skeleton_is_not_cut_where_compiled(self):
        for db in LANGUAGES:
            rules = censor(db, DENY)
            mode = rules.language.mode
            for number in range(3):
                self.assertTrue(rules.decide(b"SELECT a FROM t WHERE a = %d" % number).allowed)
            text = b"SELECT a FROM t WHERE a = 9"
            statement = Statement(text)
            self.assertTrue(rules.known(text, mode, statement=statement).allowed)
            self.assertEqual(statement.skeleton is None, COMPILED)
            for other in (mode._replace(default=False), mode._replace(backslash=None)):
                self.assertIsNone(rules.known(text, other))
            rules.forget()
            self.assertIsNone(rules.known(text, mode))

    def test_beginnings_are_not_kept_where_nobody_asks_for_them(self):
        called = []

        def note(frame, event, argument):
            if event == "call":
                called.append(frame.f_code.co_filename)

        rules = censor("postgresql", DENY)
        texts = [b"SELECT a FROM t WHERE a = %d" % number for number in range(5)]
        profiled(note, lambda: [rules.decide(text) for text in texts])
        # Where compiled they are kept in C, which is no call.
        self.assertEqual([name for name in called if name.endswith("fast/beginnings.py")], [])


_WARM = {db: censor(db, MIXED) for db in LANGUAGES}

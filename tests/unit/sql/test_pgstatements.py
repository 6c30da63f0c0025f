"""Statements: each of the grammar is decided, and what reaches tables unnamed is opaque."""

from postgast import pg_query_pb2
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.sql import lexer, pgstatements, postgresql


def parse(text):
    raw = text.encode()
    [parsed] = postgresql.parse(raw, lexer.tokens(raw))
    return parsed


class Grammar(SynchronousTestCase):
    def test_every_statement_of_the_grammar_is_decided_once(self):
        names = {n for n in pg_query_pb2.DESCRIPTOR.message_types_by_name if n.endswith("Stmt")}
        self.assertGreater(len(names), 100)
        groups = (pgstatements.SHOWN, set(pgstatements.OPAQUE), set(pgstatements.CONDITIONS))
        self.assertEqual(names - set().union(*groups), set())
        for number, group in enumerate(groups):
            for other in groups[number + 1 :]:
                self.assertEqual(set(group) & set(other), set())

    def test_calls_and_statements_are_met_wherever_the_grammar_puts_them(self):
        """A field of one type alone has no type's name in the tree, and is met as a part."""
        visited = {*["FuncCall", "A_Indirection", "ColumnRef", "A_Expr", "SubLink", "SortBy"]}
        visited |= {*["RangeTableSample", "DefElem", "MergeWhenClause"]}
        found = {
            (name, field.name)
            for name, message in pg_query_pb2.DESCRIPTOR.message_types_by_name.items()
            for field in message.fields
            if field.message_type is not None
            and (field.message_type.name in visited or field.message_type.name.endswith("Stmt"))
        }
        found = {(name, field) for name, field in found if name not in pgstatements.OPAQUE}
        self.assertEqual(
            {name for name, _ in found},
            # The last three are read as parts of their own.
            {"Node", "AlterDatabaseSetStmt", "AlterRoleSetStmt", "ParseResult", "SelectStmt"},
        )

    def test_one_that_is_new_is_opaque(self):
        self.assertIn("not known", pgstatements.opaque("NewStmt", {}))


class Unnamed(SynchronousTestCase):
    def test_what_reaches_tables_that_it_does_not_name(self):
        for text in (
            "TRUNCATE t CASCADE",
            "DROP VIEW v CASCADE",
            "ALTER TABLE t DROP COLUMN c CASCADE",
            "ALTER TABLE t DROP CONSTRAINT c CASCADE",
            "ALTER DOMAIN d DROP CONSTRAINT c CASCADE",
            "ALTER DOMAIN d ADD CHECK (VALUE > 1)",
            "ALTER DOMAIN d VALIDATE CONSTRAINT c",
            "ALTER DOMAIN d SET NOT NULL",
            "ALTER TYPE d DROP ATTRIBUTE a CASCADE",
            "DROP SCHEMA s CASCADE",
            "DROP EXTENSION e",
            "DROP DATABASE d",
            "DROP OWNED BY r",
            "REASSIGN OWNED BY r TO s",
            "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r",
            "REVOKE SELECT ON ALL SEQUENCES IN SCHEMA s FROM r",
            "GRANT pg_read_all_data TO r",
            "ALTER GROUP g ADD USER u",
            "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
            "ALTER INDEX ALL IN TABLESPACE a OWNED BY r SET TABLESPACE b",
            "ALTER PUBLICATION p ADD TABLES IN SCHEMA s",
            "CREATE PUBLICATION p FOR TABLE t, TABLES IN SCHEMA s",
            "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
            "VACUUM",
            "VACUUM ANALYZE",
            "ANALYZE",
            "REINDEX DATABASE",
            "CLUSTER",
            "CREATE DATABASE d TEMPLATE postgres",
            "ALTER DATABASE d OWNER TO r",
            "ALTER DATABASE d SET TABLESPACE s",
            "ALTER FUNCTION f() OWNER TO r",
            "ALTER EXTENSION e UPDATE",
            "ALTER AGGREGATE a(int) RENAME TO b",
            "ALTER OPERATOR @@@@ (int, int) SET SCHEMA s",
            "IMPORT FOREIGN SCHEMA s FROM SERVER x INTO y",
            "CREATE USER MAPPING FOR r SERVER x",
            "ALTER FOREIGN TABLE t ALTER c OPTIONS (SET column_name 'x')",
            "CREATE LANGUAGE plx",
            "CREATE ACCESS METHOD a TYPE INDEX HANDLER h",
            "CREATE SCHEMA s CREATE TRIGGER g AFTER INSERT ON a EXECUTE FUNCTION f()",
        ):
            self.assertTrue(parse(text).opaque, text)

    def test_what_does_not(self):
        for text in (
            "TRUNCATE t",
            "DROP TABLE t",
            "DROP TYPE d",
            "ALTER TABLE t DROP COLUMN c",
            "REVOKE SELECT ON t FROM r CASCADE",
            "GRANT SELECT ON t TO r",
            "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA s TO r",
            "REVOKE g FROM r",
            "CREATE ROLE r LOGIN",
            "VACUUM t",
            "VACUUM (ONLY_DATABASE_STATS)",
            "ALTER DATABASE d CONNECTION LIMIT 5",
            "ANALYZE t (a)",
            "REINDEX INDEX i",
            "CREATE PUBLICATION p FOR TABLE t",
            "ALTER TABLE t SET SCHEMA s",
            "ALTER TYPE d RENAME TO e",
            "ALTER DOMAIN d DROP NOT NULL",
            "DISCARD ALL",
            "DEALLOCATE ALL",
            "LISTEN c",
        ):
            self.assertEqual(parse(text).opaque, "", text)

    def test_relations_that_are_named_where_none_is_expected(self):
        for text in (
            "ALTER EXTENSION e ADD TABLE secrets",
            "ALTER EXTENSION e DROP VIEW public.secrets",
            "SECURITY LABEL ON TABLE secrets IS 'x'",
            "SECURITY LABEL ON COLUMN secrets.a IS 'x'",
            "COMMENT ON CONSTRAINT c ON secrets IS 'x'",
            "COMMENT ON TRIGGER g ON secrets IS 'x'",
            "ALTER TABLE t ATTACH PARTITION secrets DEFAULT",
            "ALTER TABLE t INHERIT secrets",
            "ALTER SEQUENCE s OWNED BY secrets.id",
            "ALTER PUBLICATION p ADD TABLE secrets",
            "CREATE STATISTICS s ON a, b FROM secrets",
        ):
            self.assertIn("secrets", {table.name for table in parse(text).tables}, text)

    def test_a_prepared_statement_anywhere(self):
        for text in ("EXECUTE s", "CREATE TABLE t AS EXECUTE s", "EXPLAIN ANALYZE EXECUTE s"):
            self.assertEqual(parse(text).executes, "s", text)

"""Relations by the names that a session gives them."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.sessionnames import SessionNames
from acra_twisted.encryption.refusals import StatementRefusedError
from tests.support.planning import PATH, PEOPLE, outcome, planner

PROTECTION = planner().protection


class Names(SynchronousTestCase):
    def test_a_name_is_looked_up_in_the_sessions_path(self):
        names = SessionNames(PROTECTION, PATH)
        self.assertEqual(names.relation("", "people"), PEOPLE)
        self.assertIsNone(names.relation("", "orders"))
        self.assertEqual(names.columns(PEOPLE)[2].name, "name")
        self.assertEqual(names.by_oid(1), PEOPLE)
        self.assertIsNone(names.by_oid(99))
        self.assertEqual(names.number, 7)
        self.assertEqual(names.functions, frozenset())

    def test_a_name_that_cannot_be_told_is_refused(self):
        hidden = SessionNames(PROTECTION, SearchPath(PATH.schemas, frozenset(["people"])))
        with self.assertRaises(StatementRefusedError) as caught:
            hidden.relation("", "people")
        self.assertEqual(caught.exception.refusal.reason, "schema_unknown")
        self.assertEqual(outcome("insert into pg_temp.people values ('x')"), "!schema_unknown")

    def test_a_definition_that_would_leave_a_column_in_clear_is_refused(self):
        for text, reason in (
            ("alter table people rename name to other", "schema_mismatch"),
            ("alter table people alter name set default 'x'", "default_in_clear"),
            ("alter table people alter name type text", "schema_mismatch"),
            ("alter table people rename to other", "schema_mismatch"),
        ):
            self.assertEqual(outcome(text), f"!{reason}", text)
        for text in ("alter table people rename id to number", "alter table people add x int"):
            self.assertFalse(outcome(text).startswith("!"), text)

"""Statements that SQL's PREPARE makes: known by their text, and planned anew."""

from acra_twisted.encryption.plan import Prepared, StatementPlan
from acra_twisted.exchange import Statement
from acra_twisted.sql.languages import Mode
from acra_twisted.stages import sqlprepared
from acra_twisted.stages.columnbindings import mode_of
from tests.support.encryptors import ColumnsCase

MODE = Mode(False, True, "utf-8", True)


class Made(ColumnsCase):
    def test_a_text_of_one_statement_is_kept_for_a_later_plan(self):
        prepares = StatementPlan(prepares=Prepared("p"))
        [alone] = sqlprepared.made([prepares], b"PREPARE p", MODE, (), b"mark")
        self.assertEqual((alone.text, alone.mark), (b"PREPARE p", b"mark"))
        [one] = sqlprepared.made([prepares, StatementPlan()], b"PREPARE p; x", MODE, (), b"")
        self.assertEqual(one.text, b"")

    def test_what_a_text_executes_is_the_sessions(self):
        [made] = sqlprepared.made([StatementPlan(prepares=Prepared("p"))], b"p", MODE, (), b"")
        self.known.keep_prepared(made)
        plans = [StatementPlan(executes=name) for name in ("p", "q", "")]
        self.assertEqual(sqlprepared.executed(plans, self.known), [made])


class Told(ColumnsCase):
    """The types of parameters that a client is told by the name of a statement."""

    def test_what_it_has_declared_or_sees_in_the_place_of_what_is_stored(self):
        self.session.language = "postgresql"
        snapshot = self.successResultOf(self.learn())
        for text, told in (
            (b"PREPARE p AS INSERT INTO people (name, note) VALUES ($1, $2)", [25, 17]),
            (b"PREPARE p(varchar, bytea) AS INSERT INTO people (name, note) VALUES ($1, $2)", None),
            (b"PREPARE p(text) AS UPDATE people SET note = $2, name = $1", [25, 17]),
            (b"PREPARE p AS UPDATE people SET note = $1 WHERE id = $2", [17, 17]),
        ):
            mode = mode_of(self.known, self.session, Statement(text))
            plans = snapshot.planner.plan(text, mode, self.known.schema.path).statements
            for made in sqlprepared.made(plans, text, mode, (), b""):
                self.known.keep_prepared(made)
            found = list(sqlprepared.told(self.known, b"p", [17, 17]))
            self.assertEqual(found, told or [1043, 17])
            # It is another statement by now, or one that nobody knows.
            for name, kinds in ((b"p", [23, 23]), (b"p", []), (b"q", [17]), (b"\xe9", [17])):
                self.assertEqual(list(sqlprepared.told(self.known, name, kinds)), kinds)
            # The protocol wanted the name for another statement, and has not got it.
            for name in (b"p", b"\xe9"):
                self.known.forget_prepared(name)
                self.assertEqual(list(sqlprepared.told(self.known, b"p", [17, 17])), found)
                self.assertNotIn("p", self.known.prepared)


class Renewed(ColumnsCase):
    def prepared(self, text):
        """Keep what a text prepares; return what is known of it before and after other tables."""
        self.session.language = "postgresql"
        snapshot = self.successResultOf(self.learn())
        mode = mode_of(self.known, self.session, Statement(text))
        plans = snapshot.planner.plan(text, mode, self.known.schema.path).statements
        for made in sqlprepared.made(plans, text, mode, (), b""):
            self.known.keep_prepared(made)
        before = dict(self.known.prepared)
        self.database.oid = 8
        self.now += 301
        snapshot = self.successResultOf(self.learn())
        text = b'/* x */ EXECUTE P(1); execute "Q"; EXECUTE p(2)'
        self.pieces = list(sqlprepared.renewing(text, "a", self.known, snapshot))
        return before, self.known.prepared, snapshot.protection.schema.number

    def test_a_statement_that_is_executed_is_planned_by_the_tables_as_they_are(self):
        for text, name in ((b"PREPARE p AS TABLE people", "p"), (b'PREPARE "Q" AS SELECT 1', "Q")):
            self.setUp()
            before, after, number = self.prepared(text)
            self.assertEqual(after[name], before[name]._replace(schema=number))
            # Each is planned once, however often it is executed.
            self.assertEqual(len(self.pieces), 1)

    def test_one_among_others_or_of_another_name_is_not(self):
        for text in (b"PREPARE p AS TABLE people; SELECT 1", b"PREPARE r AS TABLE people"):
            self.setUp()
            before, after, _ = self.prepared(text)
            self.assertEqual(before, after)
            self.assertEqual(self.pieces, [])

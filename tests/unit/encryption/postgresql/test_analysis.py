"""The uses of a statement's values, and the comparisons that somebody takes."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import COMPARE, Use
from acra_twisted.encryption.postgresql import expressions
from acra_twisted.encryption.postgresql.syntax import node, strings
from acra_twisted.encryption.postgresql.values import PROTECTED
from acra_twisted.encryption.refusals import COMPARISON, refused
from tests.support.planning import MODE, PATH, outcome, planner
from tests.support.profiled import profiled


class Equality:
    """Takes ``column = value``."""

    def claim(self, kind, fields, scope, analysis):
        left, column = node(fields.get("lexpr"))
        if kind != "A_Expr" or left != "ColumnRef":
            return False
        (leaf, *_) = scope.column(strings(column["fields"]))
        if leaf.kind != PROTECTED:
            return False
        if strings(fields["name"]) != ["="]:
            raise refused(COMPARISON, leaf.setting, "is not compared for equality")
        start = column.get("location", 0)
        _, _, end = analysis.text.at(start)
        name = analysis.text.text[start:end]
        analysis.edit(start, end, b"substr(%s,1,33)" % name)
        value = expressions.value(analysis, fields["rexpr"], scope)
        analysis.give(Use(leaf.setting, COMPARE, "WHERE"), value)
        return True


class Claims(SynchronousTestCase):
    def test_a_comparison_that_is_taken_is_planned(self):
        made = planner(claims=Equality())
        self.assertEqual(
            outcome("select id from people where email = 'x' and note = 'y'", made),
            "select id from people where substr(email,1,33) = <?email 'x'>::bytea[] and note = 'y'",
        )
        self.assertEqual(
            outcome("update people set email = $1 where email = $1::text", made),
            "update people set email = $1 where substr(email,1,33) = $2::bytea[] "
            "[$1=$1 email] [$2=$1 ?email]",
        )

    def test_one_that_is_taken_may_be_refused(self):
        made = planner(claims=Equality())
        self.assertEqual(outcome("select 1 from people where email < 'x'", made), "!comparison")

    def test_one_that_is_not_taken_is_refused(self):
        made = planner(claims=Equality())
        self.assertEqual(outcome("select 1 from people where 'x' = email", made), "!comparison")


class Shown(SynchronousTestCase):
    def test_a_text_that_is_cast_to_bytes_is_refused(self):
        self.assertEqual(outcome("select name::bytea from people", planner()), "!expression")
        self.assertEqual(
            outcome("select name::text from people", planner()), "select name::bytea from people"
        )

    def test_a_constant_beside_a_protected_column_is_refused_in_any_order(self):
        for results in ("then name else 'x'", "then 'x' else name"):
            text = f"select case id when 1 {results} end from people"
            self.assertEqual(outcome(text, planner()), "!expression")

    def test_many_results_take_as_many_times_the_work(self):
        work = []
        for number in (200, 400):
            branches = " ".join(f"when {one} then 'x{one}'" for one in range(number))
            text = f"select case id {branches} end, name from people".encode()
            calls = [0]
            found = profiled(
                lambda *_, calls=calls: calls.__setitem__(0, calls[0] + 1),
                lambda text=text: planner().plan(text, MODE, PATH),
            )
            self.assertIsNone(found.statements[0].refusal)
            work.append(calls[0])
        self.assertLess(work[1], 2.5 * work[0])

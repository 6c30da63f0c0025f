"""The operands of comparisons."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.operands import (
    check,
    compared,
    folding,
    is_searchable,
    operator_name,
)
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, TOKENIZED
from tests.support.planning import setting


def names(*words):
    return [{"String": {"sval": word}} for word in words]


class Operands(SynchronousTestCase):
    def test_columns_that_can_be_searched(self):
        plain = setting("people", "c")
        consistent = plain._replace(kind=TOKENIZED, consistent=True)
        for one, expected, told in (
            (plain._replace(kind=SEARCHABLE), True, ""),
            (consistent, True, ""),
            (plain, False, "searchable: true"),
            (plain._replace(kind=MASKED), False, "searchable: true"),
            (consistent._replace(consistent=False), False, "consistent_tokenization: true"),
        ):
            self.assertEqual(is_searchable(one), expected)
            if expected:
                check(one)
            else:
                error = self.assertRaises(StatementRefusedError, check, one)
                self.assertEqual(error.refusal.reason, "comparison")
                self.assertIn("column people.c", error.refusal.text)
                self.assertIn(told, error.refusal.hint)

    def test_what_is_compared_of_a_column(self):
        plain = setting("people", "c")
        stored = compared(plain._replace(kind=SEARCHABLE), b"p.c")
        self.assertEqual(stored, b"pg_catalog.substr(p.c, 1, 33)")
        self.assertEqual(compared(plain._replace(kind=TOKENIZED), b"p.c"), b"p.c")

    def test_operators_of_other_schemas_have_no_name(self):
        for words, expected in (
            (("=",), "="),
            (("pg_catalog", "<>"), "<>"),
            (("other", "="), ""),
            ((), ""),
        ):
            self.assertEqual(operator_name({"name": names(*words)}), expected)

    def test_functions_that_fold_case(self):
        one = [{"A_Const": {}}]
        for fields, expected in (
            ({"funcname": names("lower"), "args": one, "location": 3}, "lower"),
            ({"funcname": names("pg_catalog", "upper"), "args": one}, "upper"),
            ({"funcname": names("other", "upper"), "args": one}, ""),
            ({"funcname": names("lower"), "args": one * 2}, ""),
            ({"funcname": names("lower"), "args": one, "over": {}}, ""),
            ({"funcname": names("initcap"), "args": one}, ""),
        ):
            self.assertEqual(folding(fields), expected)

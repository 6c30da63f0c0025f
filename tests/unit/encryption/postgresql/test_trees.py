"""Names in libpg_query's trees."""

import pgparse
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import trees


def tree(text):
    return pgparse.parse(text)[0]["stmt"]


class Names(SynchronousTestCase):
    def test_columns_wherever_they_stand(self):
        text = "SELECT a, t.b, (t).c, f(d) FROM t WHERE e IN (SELECT g FROM u) ORDER BY h"
        self.assertEqual(sorted(set(trees.columns(tree(text)))), list("abcdegh") + ["t"])
        self.assertEqual(list(trees.columns(tree("SELECT t.* FROM t"))), ["*"])

    def test_what_may_pass_is_left_out(self):
        found = trees.columns(
            tree("SELECT a IS NULL, (b IS NULL) = c FROM t"), lambda item: "NullTest" in item
        )
        self.assertEqual(list(found), ["c"])

    def test_tables_with_those_of_subqueries(self):
        text = "WITH w AS (TABLE a) SELECT 1 FROM b JOIN c ON EXISTS (SELECT 1 FROM s.d)"
        found = {(one.get("schemaname"), one["relname"]) for one in trees.tables(tree(text))}
        self.assertEqual(found, {(None, "a"), (None, "b"), (None, "c"), ("s", "d")})

    def test_functions_without_their_schemas(self):
        text = "SELECT f(g(1)), s.h() FROM k() WHERE 1 = ANY (SELECT i(2))"
        self.assertEqual(sorted(trees.functions(tree(text))), list("fghik"))

"""Functions, CASE and CAST."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.mysql.cursor import UnreadableError
from tests.unit.encryption.mysql.test_expressions import tree


class Functions(SynchronousTestCase):
    def test_arguments_whatever_stands_between(self):
        for text, wanted in (
            (b"f()", "(call f)"),
            (b"f(a, 1)", "(call f a v0)"),
            (b"COUNT(*)", "(call count (star))"),
            (b"COUNT(DISTINCT a, b)", "(call count not a b)"),
            (b"GROUP_CONCAT(a ORDER BY b DESC SEPARATOR ',')", "(call group_concat a b v0)"),
            (b"TRIM(BOTH 'x' FROM a)", "(call trim v0 a)"),
            (b"SUBSTRING(a FROM 1 FOR 2)", "(call substring a v0 v1)"),
            (b"shop.f(a)", "(call shop/f a)"),
            (b"`f`(a)", "(call f a)"),
            (b"shop.`Pack`.f(DISTINCT a)", "(call shop/Pack/f not a)"),
            (b"IF(a, 1, 2)", "(call if a v0 v1)"),
            (b"CURRENT_TIMESTAMP", "(call current_timestamp)"),
            (b"NOW(6)", "(call now v0)"),
            (b"EXTRACT(YEAR FROM a)", "(call extract a)"),
            (b"TIMESTAMPDIFF(YEAR, a, b)", "(call timestampdiff a b)"),
            (b"MATCH (a) AGAINST ('x' IN BOOLEAN MODE)", "(call match a v0)"),
            (b"SUM(a) OVER (ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", "(call over (call sum a))"),
            (b"ROW_NUMBER() OVER (PARTITION BY a ORDER BY b)", "(call over (call row_number) a b)"),
        ):
            self.assertEqual(tree(text), wanted, text)

    def test_case_and_cast(self):
        for text, wanted in (
            (b"CASE WHEN a THEN 1 ELSE 2 END", "(case a v0 v1)"),
            (b"CASE a WHEN 1 THEN 2 END", "(case not a v0 v1)"),
            (b"CAST(a AS CHAR(10) CHARACTER SET utf8mb4)", "(cast char ( character set utf8mb4 a)"),
            (b"CONVERT(a USING utf8mb4)", "(cast using utf8mb4 a)"),
            (b"CONVERT(a, SIGNED INTEGER)", "(cast signed integer a)"),
        ):
            self.assertEqual(tree(text), wanted, text)

    def test_what_is_not_understood(self):
        for text in (
            b"f(SELECT 1)",
            b"f(a b)",
            b"CAST(a AS geometry)",
            b"SUM(a) OVER (ROWS a PRECEDING)",
            b"MATCH (a) AGAINST ('x' OR b)",
        ):
            with self.assertRaises(UnreadableError, msg=text):
                tree(text)

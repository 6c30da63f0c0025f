"""Regular expressions: Python's answers, and no value that takes long."""

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.authentication.expressions import EXPRESSION_LIMIT, VALUE_LIMIT, Expression
from acra_twisted.errors import ConfigError
from tests.support.profiled import profiled

ATOMS = st.sampled_from(("a", "b", ".", "[ab]", "[^a]", "\\.", "\\w", "\\d", "1", "[a-c1]"))
QUANTIFIERS = st.sampled_from(
    ("", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{1,}", "{0}")
)


def grown(inner):
    """Sequences, choices and repeated groups of expressions, none of which repeats an empty one."""
    return st.one_of(
        st.builds("".join, st.lists(inner, min_size=1, max_size=3)),
        st.builds("(?:{}|{})".format, inner, inner),
        st.builds("({})".format, inner),
        st.builds("(x{}){}".format, inner, QUANTIFIERS),
    )


EXPRESSIONS = st.recursive(st.builds("{}{}".format, ATOMS, QUANTIFIERS), grown, max_leaves=6)
VALUES = st.text("abcx1.", max_size=10)


def comparisons(expression, value, most):
    """The number of single characters that are compared while a value is matched.  Fails as soon
    as they are more than ``most``."""
    count = 0

    def called(frame, event, function):
        nonlocal count
        if event == "c_call" and isinstance(getattr(function, "__self__", None), re.Pattern):
            count += 1
            if count > most:
                raise AssertionError("too many comparisons")

    profiled(called, lambda: expression.match(value))
    return count


class Matching(SynchronousTestCase):
    def check(self, text, value, expected):
        self.assertEqual(Expression(text).match(value), expected, (text, value))

    def test_the_whole_value_matches(self):
        self.check("a", "a", ("a",))
        for value in ("ab", "ba", "", "a\n", "A"):
            self.check("a", value, None)
        self.check("", "", ("",))
        self.check("a|ab", "ab", ("ab",))

    def test_anchors_at_the_ends_say_the_same(self):
        for text in ("^a", "a$", "^a$"):
            self.check(text, "a", ("a",))
            self.check(text, "a\n", None)
            self.check(text, "ba", None)
        self.check("^a|b$", "b", ("b",))
        self.check("a\\$", "a$", ("a$",))

    def test_groups(self):
        self.check("CN=(t[0-9]{4}),OU=(.*)", "CN=t0042,OU=x", ("CN=t0042,OU=x", "t0042", "x"))
        self.check("(?:a|(b))c", "ac", ("ac", ""))
        self.check("(a)|(b)", "b", ("b", "", "b"))
        self.check("(a|b)*", "aba", ("aba", "a"))
        self.assertEqual(Expression("(a)(?:b)((c))").groups, 3)

    def test_greed(self):
        self.check("(a*)(a*)", "aa", ("aa", "aa", ""))
        self.check("(a*?)(a*)", "aa", ("aa", "", "aa"))
        self.check("(a{1,2}?)(a*)", "aaa", ("aaa", "a", "aa"))

    def test_a_point_is_any_character(self):
        self.check(".", "\n", ("\n",))
        self.check(".", "\udce9", ("\udce9",))

    def test_classes(self):
        self.check("[]a]+", "]a", ("]a",))
        self.check("[^]a]", "b", ("b",))
        self.check("[\\]\\[]+", "[]", ("[]",))
        self.check("[a-c-]+", "b-", ("b-",))

    def test_a_value_that_is_too_long_is_not_judged(self):
        expression = Expression("a*")
        self.assertTrue(expression.match("a" * VALUE_LIMIT))
        self.assertRaises(ValueError, expression.match, "a" * (VALUE_LIMIT + 1))


class Refused(SynchronousTestCase):
    def test_what_cannot_be_used(self):
        for text, why in (
            ("(", "a group without an end"),
            ("(a", "a group without an end"),
            ("a)", r"'\)' in the wrong place"),
            ("*", r"'\*' in the wrong place"),
            ("a**", r"'\*' in the wrong place at character 3"),
            ("a*+", r"'\+' in the wrong place"),
            ("a{2}{3}", "'{' in the wrong place"),
            ("a{x}", "'{' in the wrong place"),
            ("a{3,2}", "a repetition of more than its most"),
            ("a^", r"'\^' in the wrong place"),
            ("a$b", r"'\$' in the wrong place"),
            ("(a$)", r"'\$' in the wrong place"),
            ("[a", "an unusable class"),
            ("[b-a]", "an unusable class"),
            ("[[:alpha:]]", "an unusable class"),
            ("[a[:digit:]]", "an unusable class"),
            ("[a--b]", "an unusable class"),
            ("a\\", "an unknown escape"),
            ("(a)\\1", "an unknown escape"),
            ("\\bx", "an unknown escape"),
            ("\\Ax", "an unknown escape"),
            ("(?i)a", "an extension"),
            ("(?=a)", "an extension"),
            ("(?P<n>a)", "an extension"),
            ("a{9999}", "too large"),
            ("(((a{20}){20}){20})", "too large"),
            ("(" * 30 + ")" * 30, "too many groups in groups"),
        ):
            with self.assertRaisesRegex(ConfigError, f"^bad expression: .*{why}", msg=text):
                Expression(text)

    def test_a_long_one(self):
        Expression("a" * EXPRESSION_LIMIT)
        with self.assertRaisesRegex(ConfigError, "more than 200 characters"):
            Expression("a" * (EXPRESSION_LIMIT + 1))


class Time(SynchronousTestCase):
    """Each step is tried once at most in each place of a value."""

    def test_the_usual_traps(self):
        value = "a" * 300
        for text in (
            "(a+)+b",
            "(a*)*b",
            "(a|a)*b",
            "(a|aa)+b",
            "(.*a){10}b",
            "a*a*a*a*a*a*b",
            "a?" * 60 + "b",
            "(a?){60}b",
            "((a*)*)*b",
        ):
            expression = Expression(text)
            self.assertIsNone(expression.match(value))
            # No expression here has more than two hundred parts.
            self.assertGreater(comparisons(expression, value, 200 * (len(value) + 1)), 0, text)


class Anything(SynchronousTestCase):
    @given(EXPRESSIONS, VALUES)
    def test_it_agrees_with_python(self, text, value):
        try:
            expression = Expression(text)
        except ConfigError as error:
            self.assertIn("too large", str(error))
            return
        python = re.compile(text, re.DOTALL)
        self.assertEqual(expression.groups, python.groups)
        found = python.fullmatch(value)
        expected = None if found is None else (value, *found.groups(default=""))
        self.assertEqual(expression.match(value), expected)

    @given(st.text("ab.*+?{}()[]|^$\\-,12:d\n\u00e9", max_size=30), VALUES)
    def test_any_text_is_read_or_refused(self, text, value):
        try:
            found = Expression(text).match(value)
        except ConfigError:
            return
        python = re.compile(text, re.DOTALL).fullmatch(value)
        self.assertEqual(found is None, python is None)

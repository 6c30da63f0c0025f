"""Values as a client gives them."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import (
    COMPARE,
    COMPARE_ANY,
    STORE,
    STORE_EACH,
    LiteralUse,
    ParameterUse,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.postgresql import arrays, types
from acra_twisted.encryption.postgresql.givenvalues import (
    about,
    of_literal,
    of_parameter,
    tokens_of_parameters,
    tokens_of_text,
)
from acra_twisted.encryption.settings import TOKENIZED
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, literals
from tests.support.planning import setting

PHONE = setting("people", "phone", kind=TOKENIZED, token_type="int32", data_type="int32")
NICK = setting("people", "nick", kind=TOKENIZED, token_type="str", data_type="str")
NAME = setting("people", "name", data_type="str")


def use(column, role=STORE):
    return Use(column, role, "a place")


class Given(SynchronousTestCase):
    @given(st.text("a'\\\n -;é", max_size=6))
    def test_a_string_is_what_the_lexer_reads(self, text):
        """A string without a quote inside is told by its ends alone."""
        raw = b"'%s'" % text.encode()
        try:
            [(kind, start, end), *others] = lexer.tokens(raw)
        except LexError:
            return
        if (kind, start, end, others) != (lexer.STRING, 0, len(raw), []):
            return
        [value] = of_literal(LiteralUse(0, use(NAME)), raw, "UTF8", True)
        self.assertEqual(value, literals.postgresql_value(kind, raw)[1])

    def test_literals(self):
        for one, raw, values in (
            (LiteralUse(0, use(PHONE)), b"7", (b"7",)),
            (LiteralUse(0, use(PHONE), True), b"7", (b"-7",)),
            (LiteralUse(0, use(NICK)), b"'a''b'", (b"a'b",)),
            (LiteralUse(0, use(NICK, COMPARE_ANY)), b"'{a,NULL}'", [b"a", None]),
            (LiteralUse(0, use(PHONE, STORE_EACH)), b"'{7,-8,NULL}'", [b"7", b"-8", None]),
        ):
            self.assertEqual(of_literal(one, raw, "UTF8", True), values)
        self.assertEqual(of_literal(LiteralUse(0, use(NICK)), rb"'\''", "UTF8", False), (b"'",))

    def test_parameters(self):
        packed = arrays.to_array([b"a", None], types.TEXT)
        for one, value, form, kind, values in (
            (use(PHONE), b"\0\0\0\7", 1, types.INT4, (b"7",)),
            (use(PHONE), b"7", 0, 0, (b"7",)),
            (use(PHONE), None, 0, 0, (None,)),
            (use(NICK, COMPARE), None, 0, 0, (None,)),
            (use(NICK, COMPARE_ANY), None, 0, 0, None),
            (use(NICK, STORE_EACH), None, 0, 0, None),
            (use(NICK, STORE_EACH), b"{a}", 0, 0, [b"a"]),
            (use(NICK, COMPARE_ANY), packed, 1, arrays.array_type(types.TEXT), [b"a", None]),
        ):
            self.assertEqual(of_parameter(one, value, form, kind, "UTF8"), values)

    def test_an_error_names_the_column(self):
        error = self.assertRaises(
            ValueRefusedError, of_literal, LiteralUse(0, use(PHONE)), b"'secret'", "UTF8", True
        )
        self.assertIn("column people.phone", str(error))
        self.assertNotIn("secret", str(error))
        error = self.assertRaises(
            ValueRefusedError, of_parameter, use(PHONE), b"secret", 0, 0, "UTF8"
        )
        self.assertEqual((error.sqlstate, str(error).count("people.phone")), (b"22P02", 1))
        self.assertEqual(about(use(NAME), error).reason, error.reason)


class Tokens(SynchronousTestCase):
    def test_literals_of_columns_with_tokens(self):
        uses = [use(NICK), use(NAME), use(NICK), use(NICK, COMPARE), use(PHONE)]
        plan = StatementPlan(
            literals=[LiteralUse(n, one) for n, one in enumerate(uses)],
            added=(b"'true'",),
        )
        plan = plan._replace(literals=[*plan.literals, LiteralUse(5, use(NICK))])
        literals = [b"'a'", b"'secret'", b"'a'", b"'c'", b"7"]
        found = tokens_of_text([plan], literals, "UTF8", True)
        self.assertEqual(found.stored, {NICK: [b"a", b"a", b"true"], PHONE: [b"7"]})
        self.assertEqual(found.compared, {NICK: [b"c"]})

    def test_parameters_of_columns_with_tokens(self):
        uses = [
            ParameterUse(1, use(NICK)),
            ParameterUse(2, None),
            ParameterUse(3, use(PHONE)),
            ParameterUse(1, use(NICK, COMPARE)),
            ParameterUse(4, use(NICK, COMPARE_ANY)),
            ParameterUse(5, use(NICK, COMPARE_ANY)),
        ]
        values = [b"a", b"x", None, b"{b,NULL,c}", None]
        found = tokens_of_parameters(uses, values, [0] * 5, [0] * 5, "UTF8")
        self.assertEqual(found.stored, {NICK: [b"a"], PHONE: []})
        self.assertEqual(found.compared, {NICK: [b"a", b"b", b"c"]})

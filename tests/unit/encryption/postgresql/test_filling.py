"""Plans made ready for values: what is worked out before says the same as the general way."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import (
    COMPARE,
    COMPARE_ANY,
    HEX,
    STORE,
    STORE_EACH,
    LiteralUse,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.postgresql.filling import Filling, Place, fillings_of
from acra_twisted.encryption.postgresql.givenvalues import of_literal
from acra_twisted.encryption.settings import DATA_TYPES, ColumnSetting

NAME = ColumnSetting("", "people", "name", data_type="str")
ENCODINGS = ("UTF8", "LATIN1", "SQL_ASCII", "EUC_JP")


def outcome(function):
    try:
        return function()
    except ValueRefusedError as error:
        return error.sqlstate, error.reason


class Values(SynchronousTestCase):
    @given(
        st.one_of(
            st.binary(max_size=12).map(lambda body: b"'%b'" % body),
            st.text("a'\\\0\n -é", max_size=8).map(lambda body: f"'{body}'".encode()),
            st.sampled_from((b"17", b"E'a'", b"$$a$$", b"X'61'", b"''", b"'", b"'a' 'b'")),
        ),
        st.sampled_from(ENCODINGS),
    )
    def test_a_plain_value_is_that_of_the_general_way(self, raw, encoding):
        """All others are left to that."""
        one = LiteralUse(0, Use(NAME, STORE, "a place"))
        place = Place(one)
        found = outcome(lambda: place.plain_value(raw, encoding))
        if found is not None:
            if type(found) is bytes:
                found = (found,)
                self.assertEqual(found, of_literal(one, raw, encoding, True))
            else:
                self.assertEqual(outcome(lambda: of_literal(one, raw, encoding, True)), found)

    def test_the_values_of_other_columns_and_uses_are_never_plain(self):
        self.assertEqual(
            Place(LiteralUse(0, Use(NAME, STORE, ""))).plain_value(b"'a'", "UTF8"), b"a"
        )
        self.assertEqual(
            Place(LiteralUse(0, Use(NAME, COMPARE, ""))).plain_value(b"'a'", "UTF8"), b"a"
        )
        others = [
            *(Use(NAME._replace(data_type=kind), STORE, "") for kind in set(DATA_TYPES) - {"str"}),
            *(Use(NAME, role, "") for role in (COMPARE_ANY, STORE_EACH)),
            Use(NAME, STORE, "", cut=3),
            Use(NAME, STORE, "", cast="bpchar"),
        ]
        places = [LiteralUse(0, use) for use in others]
        plain = LiteralUse(0, Use(NAME, STORE, ""))
        places += [plain._replace(negative=True), plain._replace(decoding=HEX)]
        for one in places:
            self.assertIs(Place(one).plain_value(b"'a'", "UTF8"), None, one)


class Texts(SynchronousTestCase):
    PLAN = StatementPlan(parts=(b"a ", b", ", b" b ", b""), slots=(1, 2, 1), added=(b"'true'",))

    def test_the_literals_of_the_text_and_those_that_are_added(self):
        filling = Filling(self.PLAN)
        for literals in ([b"1", b"2"], [b"3", b"4"]):
            given_ = filling.given(literals)
            self.assertEqual(given_, [*literals, b"'true'"])
            self.assertEqual(filling.text(given_), self.PLAN.text(given_))
            # They are the text's own.
            given_[0] = b"other"
            self.assertNotEqual(literals[0], b"other")

    def test_a_plan_of_another_form_is_refused(self):
        self.assertRaises(ValueError, Filling, self.PLAN._replace(slots=(1, 2)))

    def test_they_are_made_once(self):
        plans = (self.PLAN,)
        facts = Facts(plans)
        self.assertIs(fillings_of(plans, facts), fillings_of(plans, facts))

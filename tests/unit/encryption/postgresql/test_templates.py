"""Texts that are written in one step: what is said of a class in Python holds for that in C."""

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.plan import COMPARE, COMPARE_ANY, STORE, LiteralUse, StatementPlan, Use
from acra_twisted.encryption.postgresql import forms, templates
from acra_twisted.encryption.postgresql.filling import Filling
from acra_twisted.encryption.postgresql.templates import (
    TemplateByPython,
    template_of,
)
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, TOKENIZED, ColumnSetting
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import skeleton

NAME = ColumnSetting("", "people", "name", data_type="str")
EMAIL = ColumnSetting("", "people", "email", kind=SEARCHABLE, data_type="str")
STORED = LiteralUse(0, Use(NAME, STORE, ""))
SEARCHED = LiteralUse(1, Use(EMAIL, COMPARE, ""))
KEY = b"update t set name = \x01 where email = \x01 and id = \x04"
PLAN = StatementPlan(
    parts=(b"update t set name = ", b" where (email = ANY (", b")) and id = ", b""),
    slots=(0, 1, 2),
    literals=[STORED, SEARCHED],
)

#: Pieces of texts, and such as make them long, odd or nearly alike.
pieces = st.sampled_from(
    [b"a", b" ", b"1", b"23", b"'", b"''", b"'x'", b"'y z'", b".", b"(", b"\\", b'"', b'"n1"', b"-"]
    + [b"\x01", b"\x04", b"\0", b"\xc3\xa9", b"select ", b"x" * 30]
)
texts = st.lists(pieces, max_size=12).map(b"".join)


def doubled(value):
    return value * 2


def made(key=KEY, plan=PLAN):
    return template_of(key, plan, Filling(plan).places)


class Templates(SynchronousTestCase):
    def test_values_are_made_and_others_stay(self):
        text = b"update t set name = 'ab' where email = 'c' and id = 17"
        hashed = bytes(range(32))
        self.assertEqual(
            made().write(text, (doubled, lambda value: hashed)),
            b"update t set name = "
            + forms.bytes_literal(b"abab")
            + b" where (email = ANY ("
            + forms.array_literal(EMAIL, [b"\x7f" + hashed])
            + b")) and id = 17",
        )

    def test_columns_with_prefixes_of_their_own(self):
        own = SEARCHED._replace(use=Use(EMAIL._replace(scoped=True), COMPARE, ""))
        template = made(plan=PLAN._replace(literals=[STORED, own]))
        sent = template.write(
            b"update t set name = 'ab' where email = 'c' and id = 17", (doubled, doubled)
        )
        self.assertIn(forms.array_literal(EMAIL, [b"\x80cc"]), sent)

    def test_all_others_are_written_otherwise(self):
        for text in (
            b"update t set name = 'ab' where email = 'c' and id = 17 ",
            b"update t set name = 'ab' where email = 'c' and id = 1.7",
            b"update t set name = '' where email = 'c' and id = 17",
            b"update t set name = 'a''b' where email = 'c' and id = 17",
            b"update t set name = '\\x61' where email = 'c' and id = 17",
            "update t set name = 'é' where email = 'c' and id = 17".encode(),
            b"update t set name = 17 where email = 'c' and id = 17",
            b"update t set name = 'ab' where email = 'c'",
            b"",
        ):
            self.assertIsNone(made().write(text, (doubled, doubled)), text)

    def test_a_value_of_which_nothing_is_made(self):
        text = b"update t set name = 'ab' where email = 'c' and id = 17"
        for makers in (
            (doubled, lambda value: None),
            (lambda value: None, doubled),
            (doubled,),
            (),
        ):
            self.assertIsNone(made().write(text, makers))
        self.assertRaises(ZeroDivisionError, made().write, text, (doubled, lambda value: 1 // 0))

    def test_there_is_none_for_other_plans(self):
        others = [
            *(Use(NAME._replace(data_type=kind), STORE, "") for kind in ("", "int32", "bytes")),
            *(
                Use(EMAIL, COMPARE_ANY, ""),
                Use(NAME, STORE, "", cut=3),
                Use(NAME, STORE, "", -1, "x"),
            ),
            Use(NAME._replace(kind=TOKENIZED, token_type="str"), STORE, ""),
            Use(EMAIL._replace(kind=TOKENIZED, token_type="str"), COMPARE, ""),
        ]
        plans = [PLAN._replace(literals=[LiteralUse(0, use)]) for use in others]
        plans += [
            PLAN._replace(added=(b"'true'",)),
            # The same value would be made twice, or not at all.
            PLAN._replace(slots=(0, 1, 0)),
            PLAN._replace(slots=(2, 1, 2)),
        ]
        for plan in plans:
            self.assertIsNone(made(plan=plan), plan)
        masked = Use(NAME._replace(kind=MASKED), STORE, "")
        self.assertIsNotNone(made(plan=PLAN._replace(literals=[LiteralUse(0, masked)])))
        self.assertIsNone(made(KEY + b" " * 1_024))
        self.assertIsNone(made(KEY + b", \x04" * 30))

    if COMPILED:

        @given(texts, texts, st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2)), max_size=4))
        def test_as_in_python(self, known, text, slots):
            in_c = templates.Template
            cut = skeleton.split(known, b'"')
            assume(cut is not None and skeleton.is_plain(cut[2]) and len(cut[1]) <= 32)
            slots = [one for one in slots if one[0] < len(cut[1])]
            parts = tuple(b"<%d>" % number for number in range(len(slots) + 1))
            ordinals, makers = (tuple(one[at] for one in slots) for at in (0, 1))
            both = [each(cut[0], parts, ordinals, makers) for each in (TemplateByPython, in_c)]
            given_ = (doubled, lambda value: None if b"y" in value else value)
            for one in (known, text):
                by_python, found = (each.write(one, given_) for each in both)
                self.assertEqual(found, by_python)

        def test_parts_that_do_not_fit_together(self):
            in_c = templates.Template
            for wrong in (
                (KEY, (b"",), (0,), (0,)),
                (KEY, (b"", b""), (0,), ()),
                (KEY, (b"", b""), (3,), (0,)),
                (KEY, (b"", b""), (-1,), (0,)),
                (KEY, (b"", b""), (0,), (-2,)),
                (KEY, (b"", b""), (0,), (32,)),
                (b"\x04" * 33, (b"",), (), ()),
                (KEY, (b"",) * 34, (0,) * 33, (0,) * 33),
            ):
                self.assertRaises(ValueError, in_c, *wrong)
            for wrong in (
                (KEY, (b"", 1), (0,), (0,)),
                ("", (b"",), (), ()),
                (KEY, (b"", b""), ("",), (0,)),
            ):
                self.assertRaises(TypeError, in_c, *wrong)

"""Values of a plan as the database gets them."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import COMPARE, ParameterUse, StatementPlan, Use
from acra_twisted.encryption.postgresql.writing import (
    ENCRYPTED,
    PASSED,
    Tools,
    columns_of,
    declared,
    told,
    write_parameters,
    write_text,
)
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.exchange import ToldType
from tests.support.planning import MODE, PATH, SETTINGS, planner

KEY = b"k" * 32
COLUMNS = {setting.name: setting for setting in SETTINGS.columns if setting.table == "people"}
NAME, EMAIL, AGE = COLUMNS["name"], COLUMNS["email"], COLUMNS["age"]


def tools(conforming=True, encoding="UTF8"):
    opener = Opener((), [KEY])
    sealers = {
        setting: ColumnSealer(setting, block_seal(KEY), Prefixes(setting, [KEY]), opener)
        for setting in COLUMNS.values()
    }
    return Tools(sealers, os.urandom, encoding, conforming)


def opened(stored):
    """The plaintext of a stored value, behind whatever stands before its container."""
    [found] = envelopes.find(stored)
    return Opener((), [KEY]).open(found.kind, found.data(stored), {})


class Texts(SynchronousTestCase):
    def write(self, text, **options):
        planned = planner().plan(text.encode(), MODE, PATH)
        self.assertEqual([plan.refusal for plan in planned.statements], [None])
        written = write_text(planned.statements, planned.literals, tools(**options))
        return written.text.decode(), written.counts, planned.statements

    def values(self, text, mark="'\\x"):
        """The values of a written text, opened."""
        parts = text.split(mark)[1:]
        return [opened(bytes.fromhex(part.partition("'")[0])) for part in parts]

    def test_every_literal_becomes_ciphertext_and_the_rest_stays(self):
        text, counts, plans = self.write(
            "insert into people (id, name, age, note) values"
            " (1, 'a''b', -7, 'n'), (2, $$x$$, 8, '')"
        )
        self.assertEqual(self.values(text), [b"a'b", b"-7", b"x", b"8"])
        self.assertTrue(text.startswith("insert into people (id, name, age, note) values (1, '\\x"))
        self.assertTrue(text.endswith(", '')"))
        self.assertNotIn("a''b", text)
        self.assertEqual(counts, {(NAME, ENCRYPTED): 2, (AGE, ENCRYPTED): 2})
        self.assertEqual(list(columns_of(plans)), [NAME, AGE, NAME, AGE])

    def test_strings_in_which_backslashes_escape(self):
        text, _, _ = self.write("update people set name='x'", conforming=False)
        self.assertEqual(self.values(text, " E'\\\\x"), [b"x"])

    def test_a_constant_call_is_worked_out(self):
        text, _, _ = self.write("update people set card = decode('616263', 'hex')")
        stored = bytes.fromhex(text.partition("'\\x")[2].partition("'")[0])
        self.assertEqual(opened(stored), b"abc")

    def test_a_container_is_passed(self):
        text, _, _ = self.write("update people set name = 'x'")
        digits = text.partition("'")[2].partition("'")[0]
        again, counts, _ = self.write(f"update people set name = '{digits}'")
        self.assertEqual(again, text)
        self.assertEqual(counts, {(NAME, PASSED): 1})

    def test_a_value_that_is_refused_names_its_column_alone(self):
        for value in ("12345678901", "'secret'"):
            error = self.assertRaises(
                ValueRefusedError, self.write, f"update people set age = {value}"
            )
            self.assertIn("people.age", str(error))
            self.assertNotIn(value.strip("'"), str(error))


class Values(SynchronousTestCase):
    USES = (
        ParameterUse(1, None),
        ParameterUse(2, Use(NAME, "store", "VALUES")),
        ParameterUse(3, Use(AGE, "store", "VALUES")),
        ParameterUse(2, None),
    )

    def test_each_use_of_a_parameter_gets_its_own(self):
        given = [b"1", b"x", b"\0\0\0\7"]
        bound = write_parameters(self.USES, given, [0, 0, 1], [23, 0, 23], tools())
        self.assertEqual((bound.values[0], bound.values[3]), (b"1", b"x"))
        self.assertEqual(bound.formats, [0, 1, 1, 0])
        self.assertEqual([opened(one) for one in bound.values[1:3]], [b"x", b"7"])
        self.assertEqual(bound.counts, {(NAME, ENCRYPTED): 1, (AGE, ENCRYPTED): 1})

    def test_null_and_the_empty_value_stay(self):
        bound = write_parameters(self.USES[:2], [None, None], [0, 0], [0, 0], tools())
        self.assertEqual((bound.values, bound.formats), ([None, None], [0, 1]))
        bound = write_parameters(self.USES[:2], [b"", b""], [0, 0], [0, 0], tools())
        self.assertEqual(bound.values, [b"", b""])

    def test_a_value_that_is_refused_names_its_column_alone(self):
        error = self.assertRaises(
            *(ValueRefusedError, write_parameters, self.USES[2:3]),
            *([b"", b"", b"secret"], [0, 0, 0], [0, 0, 0], tools()),
        )
        self.assertIn("people.age", str(error))
        self.assertNotIn("secret", str(error))

    def test_what_is_to_be_compared_is_never_sent(self):
        uses = [ParameterUse(1, Use(EMAIL, COMPARE, "WHERE"))]
        error = self.assertRaises(
            ValueRefusedError, write_parameters, uses, [b"x"], [0], [0], tools()
        )
        self.assertIn("WHERE", str(error))

    def test_types_for_the_database_and_for_the_client(self):
        self.assertEqual(declared(self.USES, [23, 1043]), [23, 17, 17, 1043])
        self.assertEqual(declared(self.USES, []), [0, 17, 17, 0])
        self.assertEqual(told(self.USES), [ToldType(1), ToldType(2, 25), ToldType(3, 23)])

    def test_a_plan_without_values_has_no_columns(self):
        self.assertEqual(list(columns_of([StatementPlan()])), [])

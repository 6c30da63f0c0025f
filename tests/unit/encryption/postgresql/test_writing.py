"""Values of a plan as the database gets them."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Opener
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.making import ENCRYPTED, PASSED, SEARCHED
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
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.filling import Filling, fillings_of
from acra_twisted.encryption.postgresql.plaintexts import Way
from acra_twisted.encryption.postgresql.writing import (
    LongWriting,
    Tools,
    declared,
    told,
    write_parameters,
    write_text,
)
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.exchange import ToldType
from tests.support.planning import MODE, PATH, SETTINGS, planner

KEY, OLD = b"k" * 32, b"o" * 32
COLUMNS = {setting.name: setting for setting in SETTINGS.columns if setting.table == "people"}
NAME, EMAIL, AGE = COLUMNS["name"], COLUMNS["email"], COLUMNS["age"]


def tools(conforming=True, encoding="UTF8", keys=(KEY,)):
    opener = Opener((), [KEY])
    sealers = {
        setting: ColumnSealer(setting, block_seal(KEY), Prefixes(setting, [KEY]), opener)
        for setting in COLUMNS.values()
    }
    searcher = ColumnSearcher(EMAIL, Prefixes(EMAIL, keys), opener)
    return Tools(sealers, os.urandom, encoding, conforming, {EMAIL: searcher})


def prefixes(value, *keys):
    return Prefixes(EMAIL, keys or [KEY]).all(value)


def opened(stored):
    """The plaintext of a stored value, behind whatever stands before its container."""
    [found] = envelopes.find(stored)
    return Opener((), [KEY]).open(found.kind, found.data(stored), {})


class Texts(SynchronousTestCase):
    def write(self, text, **options):
        planned = planner(claims=Comparisons()).plan(text.encode(), MODE, PATH)
        self.assertEqual([plan.refusal for plan in planned.statements], [None])
        plans, literals = planned.statements, planned.literals
        written = write_text(fillings_of(plans, planned.facts), literals, tools(**options))
        in_steps = LongWriting(plans, literals, tools(**options))
        self.assertEqual(len(list(in_steps.steps())), sum(len(plan.literals) for plan in plans))
        self.assertEqual(in_steps.written.counts, written.counts)
        self.assertEqual(len(in_steps.written.text), len(written.text))
        return written.text.decode(), written.counts, plans

    def values(self, text, mark=" E'\\\\x"):
        """The values of a written text, opened."""
        parts = text.split(mark)[1:]
        return [opened(bytes.fromhex(part.partition("'")[0])) for part in parts]

    def test_numbers_that_are_the_same_for_a_plan_are_the_same_object(self):
        text = "insert into people (id, name) values (1, 'one')"
        planned = planner(claims=Comparisons()).plan(text.encode(), MODE, PATH)
        fillings = fillings_of(planned.statements, planned.facts)
        block = b"'\\x%b'" % block_seal(KEY)(b"one", os.urandom).hex().encode()
        names = (b"'one'", b"'two'", block, b"'three'")
        first, second, passed, last = (
            write_text(fillings, [b"1", name], tools()).counts for name in names
        )
        self.assertIs(first, second)
        self.assertEqual(first, {(NAME, "encrypted"): 1})
        self.assertEqual(passed, {(NAME, "passed_as_is"): 1})
        self.assertEqual(last, first)
        # Those of several columns are made anew.
        _, both, _ = self.write("insert into people (name, age) values ('one', 2)")
        self.assertEqual(both, {(NAME, "encrypted"): 1, (AGE, "encrypted"): 1})

    def test_no_step_encodes_more_than_one_value(self):
        rows = ", ".join(f"({n}, 'v{n}', {n})" for n in range(300))
        text = f"insert into people (id, name, age) values {rows}"
        planned = planner(claims=Comparisons()).plan(text.encode(), MODE, PATH)
        usual, stored = tools(), []

        class Counting:
            def __init__(self, sealer):
                self.sealer = sealer

            def store(self, plaintext, random_bytes):
                stored.append(plaintext)
                return self.sealer.store(plaintext, random_bytes)

        sealers = {one: Counting(sealer) for one, sealer in usual.sealers.items()}
        work = LongWriting(
            planned.statements, planned.literals, Tools(sealers, os.urandom, "UTF8", True)
        )
        done = 0
        for cost in work.steps():
            self.assertGreater(cost, 0)
            self.assertLessEqual(len(stored) - done, 1)
            done = len(stored)
        self.assertEqual(done, 600)
        self.assertEqual(len(self.values(work.written.text.decode())), 600)

    def test_each_element_of_an_array_becomes_ciphertext(self):
        text, counts, plans = self.write(
            "insert into people (name, age) select * from "
            "unnest('{a,NULL,\"b,c\",\"\"}'::text[], '{1,2,3,4}'::int[])"
        )
        names, ages = text.split(" E'{")[1:]
        self.assertTrue(names.partition("}'")[2].startswith("::bytea[]"))
        parts = names.partition("}'")[0].split(",")
        self.assertEqual((parts[1], parts[3]), ("NULL", '""'))
        for part, plain in ((parts[0], b"a"), (parts[2], b"b,c")):
            self.assertEqual(opened(bytes.fromhex(part.strip('"\\x'))), plain)
        self.assertEqual(ages.count("252525"), 4)
        self.assertEqual((counts[NAME, ENCRYPTED], counts[AGE, ENCRYPTED]), (3, 4))
        [use, _] = Facts(plans).uses
        self.assertEqual(use.role, STORE_EACH)

    def test_every_literal_becomes_ciphertext_and_the_rest_stays(self):
        text, counts, plans = self.write(
            "insert into people (id, name, age, note) values"
            " (1, 'a''b', -7, 'n'), (2, $$x$$, 8, '')"
        )
        self.assertEqual(self.values(text), [b"a'b", b"-7", b"x", b"8"])
        self.assertTrue(
            text.startswith("insert into people (id, name, age, note) values (1,  E'\\\\x")
        )
        self.assertTrue(text.endswith(", '')"))
        self.assertNotIn("a''b", text)
        self.assertEqual(counts, {(NAME, ENCRYPTED): 2, (AGE, ENCRYPTED): 2})
        self.assertEqual([use.column for use in Facts(plans).uses], [NAME, AGE, NAME, AGE])

    def test_a_word_may_stand_right_before_a_literal(self):
        text, _, _ = self.write("update people set name=case when true then'x'end")
        self.assertEqual(self.values(text), [b"x"])
        self.assertIn("then E'", text)

    def test_a_literal_is_read_as_its_session_reads_it(self):
        for role, mark in ((STORE, r" E'\\x"), (COMPARE, r""" E'{"\\\\x""")):
            use = LiteralUse(0, Use(EMAIL, role, "a place"))
            plan = StatementPlan(parts=(b"", b""), slots=(0,), literals=(use,))
            for literal, value in (
                (rb"'a\'b'", b"a'b"),
                (rb"E'a\'b\\'", b"a'b\\"),
                (b"'a''b'", b"a'b"),
                (b"$$a'b$$", b"a'b"),
            ):
                sent = write_text([Filling(plan)], [literal], tools(conforming=False)).text.decode()
                self.assertTrue(sent.startswith(mark + prefixes(value)[0].hex()), sent)

    def test_a_constant_call_is_worked_out(self):
        text, _, _ = self.write("update people set card = decode('616263', 'hex')")
        self.assertEqual(self.values(text), [b"abc"])

    def test_a_value_that_is_compared_becomes_its_prefixes(self):
        for text, values in (
            ("select id from people where email = 'a'", [b"a"]),
            ("select id from people where $$a$$ <> email", [b"a"]),
            ("select id from people where email in ('a', 'b')", [b"a", b"b"]),
            ("select id from people where email = any('{a,\"b c\"}')", [b"a", b"b c"]),
            ("delete from people where email is distinct from 'a'", [b"a"]),
            ("update people set id = 2 where email like 'a'", [b"a"]),
        ):
            sent, counts, _ = self.write(text, keys=(KEY, OLD))
            for value in values:
                for prefix in prefixes(value, KEY, OLD):
                    self.assertIn(f'"\\\\\\\\x{prefix.hex()}"', sent)
            self.assertEqual(sent.count(r'"\\\\x'), 2 * len(values))
            self.assertEqual(counts, {(EMAIL, SEARCHED): len(values)})

    def test_empty_values_and_null_keep_the_width_of_the_others(self):
        sent, _, _ = self.write("select id from people where email = ''", keys=(KEY, OLD))
        self.assertIn("""'{"",""}'""", sent)
        sent, _, _ = self.write(
            "select id from people where email <> all('{a,NULL}')", keys=(KEY, OLD)
        )
        self.assertIn(",NULL,NULL}'", sent)

    def test_what_is_no_array_is_refused(self):
        for value in ("'secret'", "'{secret'", "'{{secret}}'"):
            error = self.assertRaises(
                ValueRefusedError, self.write, f"select id from people where email = any({value})"
            )
            self.assertIn("people.email", str(error))
            self.assertNotIn("secret", str(error))

    def test_a_container_is_passed(self):
        text, _, _ = self.write("update people set name = 'x'")
        digits = text.partition("'")[2].partition("'")[0]
        again, counts, _ = self.write(f"update people set name = E'{digits}'")
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

    def test_what_cannot_be_searched_for_is_never_sent(self):
        for role, value in ((COMPARE, b"x"), (COMPARE_ANY, b"{x}")):
            uses = [ParameterUse(1, Use(NAME, role, "WHERE"))]
            error = self.assertRaises(
                ValueRefusedError, write_parameters, uses, [value], [0], [0], tools()
            )
            self.assertIn("WHERE", str(error))

    def search(self, role, value, form=0, kind=0):
        """The elements of the array that is sent for a parameter; None for NULL."""
        uses = [ParameterUse(1, Use(EMAIL, role, "WHERE"))]
        bound = write_parameters(uses, [value], [form], [kind], tools(keys=(KEY, OLD)))
        self.assertEqual(bound.formats, [1])
        if bound.values[0] is None:
            return None
        return arrays.from_array(bound.values[0], 1001, 1, Way("bytes"))

    def test_a_parameter_that_is_compared_becomes_its_prefixes(self):
        both = prefixes(b"a", KEY, OLD)
        self.assertEqual(self.search(COMPARE, b"a"), both)
        self.assertEqual(self.search(COMPARE, b"a", 1, 1043), both)
        self.assertEqual(self.search(COMPARE, b""), [b"", b""])
        self.assertEqual(self.search(COMPARE, None), [None, None])

    def test_an_array_that_is_compared_becomes_that_of_all_prefixes(self):
        found = [*prefixes(b"a", KEY, OLD), None, None, b"", b""]
        self.assertEqual(self.search(COMPARE_ANY, b'{a,NULL,""}'), found)
        binary = arrays.to_array([b"a", None, b""], 25)
        for kind in (0, 1009, 1015):
            self.assertEqual(self.search(COMPARE_ANY, binary, 1, kind), found)
        self.assertEqual(self.search(COMPARE_ANY, b"{}"), [])
        self.assertIsNone(self.search(COMPARE_ANY, None))

    def test_each_element_of_an_array_that_is_stored(self):
        use = Use(NAME, STORE_EACH, "SELECT")
        binary = arrays.to_array([b"a", None, b""], types.TEXT)
        for value, form, kind in (
            (b'{a,NULL,""}', 0, 0),
            (binary, 1, arrays.array_type(types.TEXT)),
        ):
            bound = write_parameters([ParameterUse(1, use)], [value], [form], [kind], tools())
            self.assertEqual((bound.formats, bound.counts[NAME, ENCRYPTED]), ([1], 2))
            first, second, third = arrays.from_array(bound.values[0], 1001, 1, Way("", "", -1))
            self.assertEqual((opened(first), second, third), (b"a", None, b""))
        bound = write_parameters([ParameterUse(1, use)], [None], [0], [0], tools())
        self.assertEqual(bound.values, [None])
        self.assertEqual(declared([ParameterUse(1, use)], [25]), [arrays.array_type(types.BYTEA)])
        self.assertEqual(
            told([ParameterUse(1, use)], ()), [ToldType(1, arrays.array_type(types.TEXT))]
        )

    def test_types_of_what_is_compared(self):
        uses = [
            ParameterUse(1, Use(EMAIL, COMPARE, "WHERE")),
            ParameterUse(2, Use(EMAIL, COMPARE_ANY, "WHERE")),
        ]
        self.assertEqual(declared(uses, [25, 1009]), [1001, 1001])
        self.assertEqual(told(uses, ()), [ToldType(1, 25), ToldType(2, 1009)])

    def test_types_for_the_database_and_for_the_client(self):
        self.assertEqual(declared(self.USES, [23, 1043]), [23, 17, 17, 1043])
        self.assertEqual(declared(self.USES, []), [0, 17, 17, 0])
        self.assertEqual(told(self.USES, ()), [ToldType(1), ToldType(2, 25), ToldType(3, 23)])

    def test_clients_are_told_the_types_that_they_have_declared(self):
        """PgJDBC declares varchar, and refuses to be told of text."""
        self.assertEqual(
            told(self.USES, (23, 1043)), [ToldType(1), ToldType(2, 1043), ToldType(3, 23)]
        )
        unknown = types.UNKNOWN
        self.assertEqual(
            told(self.USES, (0, unknown, 20)), [ToldType(1), ToldType(2, 25), ToldType(3, 20)]
        )

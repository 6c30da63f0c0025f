"""Plans of whole texts, and how long they are kept."""

from pathlib import Path

import pgparse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import trees
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planner import Limits
from acra_twisted.encryption.postgresql.schema import Relation
from acra_twisted.encryption.settings import EncryptionSettings, TableSetting
from acra_twisted.errors import UnscannableError
from acra_twisted.sql import lexer
from acra_twisted.sql.languages import LANGUAGES
from tests.support import planning
from tests.support.planning import (
    MODE,
    PATH,
    PEOPLE,
    attributes,
    outcome,
    planner,
    setting,
    shown,
    table,
)
from tests.support.statements import PROTECTED, searches, statements

_CLIENTS = Path(planning.__file__).with_name("clientstatements.txt")
PATTERN = "insert into people (id, name) values (%d, '%s')"


class Kept(SynchronousTestCase):
    def setUp(self):
        self.planner = planner()

    def planned(self, text, path=PATH, mode=MODE):
        return self.planner.plan(text.encode(), mode, path)

    def test_a_plan_serves_every_text_of_its_skeleton(self):
        self.assertFalse(self.planned(PATTERN % (1, "x")).hit)
        text = PATTERN % (2, "y")
        again = self.planned(text)
        self.assertTrue(again.hit)
        self.assertEqual(shown(again, text), "insert into people (id, name) values (2, <name 'y'>)")
        self.assertIsNotNone(self.planner.known(text.encode(), MODE, PATH))

    def test_a_text_that_has_nothing_to_do_with_protected_columns_is_known_as_such(self):
        self.assertIsNone(self.planner.known(b"select 1 from orders", MODE, PATH))
        self.assertIsNone(self.planned("select 1 from orders").statements)
        known = self.planner.known(b"select 2 from orders", MODE, PATH)
        self.assertIsNone(known.statements)
        self.assertTrue(known.quiet)
        self.planned("set search_path = x")
        self.assertFalse(self.planner.known(b"set search_path = x", MODE, PATH).quiet)

    def test_a_refusal_is_kept(self):
        self.planned("select upper(name) from people where id = 1")
        again = self.planned("select upper(name) from people where id = 2")
        self.assertTrue(again.hit)
        self.assertEqual(again.statements[0].refusal.reason, "expression")

    def test_a_length_of_a_cast_makes_another_plan(self):
        text = "update people set name = 'x'::varchar(%d)"
        for _ in range(2):
            for length in (80, 10):
                self.assertEqual(
                    shown(self.planned(text % length), text % length),
                    f"update people set name = <name({length}) 'x'>::bytea",
                )
        self.assertTrue(self.planned(text % 10).hit)

    def test_a_number_that_means_an_output_column_makes_another_plan(self):
        text = "select id, name from people order by %d"
        self.assertEqual(shown(self.planned(text % 1), text % 1), text % 1)
        self.assertEqual(shown(self.planned(text % 2), text % 2), "!order")
        self.assertEqual(shown(self.planned(text % 1), text % 1), text % 1)

    def test_the_second_value_of_nullif_makes_another_plan(self):
        text = "update people set name = nullif('x', '%s')"
        self.assertNotIn("!", shown(self.planned(text % ""), text % ""))
        self.assertEqual(shown(self.planned(text % "a"), text % "a"), "!expression")

    def test_an_encoding_makes_another_plan(self):
        text = "insert into people (name) values (decode('41', '%s'))"
        self.assertIn("<name '41' hex>", shown(self.planned(text % "hex"), text))
        self.assertIn("<name '41' base64>", shown(self.planned(text % "base64"), text))
        self.assertEqual(shown(self.planned(text % "rot13"), text), "!expression")

    def test_the_options_of_copy_make_another_plan(self):
        text = "copy people (id) from stdin with (null '%s')"
        for value in ("a", "b", "a"):
            (plan,) = self.planned(text % value).statements
            self.assertEqual(plan.copies.options, {"null": value})

    def test_code_in_a_string_is_looked_at_each_time(self):
        text = "select query_to_xml('select * from %s', true, true, '')"
        self.assertEqual(outcome(text % "orders", self.planner), text % "orders")
        self.assertEqual(outcome(text % "people", self.planner), "!opaque_code")
        self.assertEqual(outcome(text % r"\70eople", self.planner), "!opaque_code")

        for arguments in (
            *("'a'::tsquery, 'b'", "pg_catalog.to_tsquery('a'), tsquery 'b', null"),
            *("cast('a' as tsquery), 'b'", "query => 'a'::tsquery, -1", "('a'), ('b'::varchar(9))"),
        ):
            text = f"select ts_rewrite({arguments}), note from orders"
            self.assertEqual(outcome(text, self.planner), text)
        for hidden in (
            *("$1", "'select * from peo' || 'ple'", "note", "o.note", '"note"', "lower(note)"),
            *("(select note from orders)", "array['x'], note", "sql => note"),
            *("current_setting('a.b')", "f()", "s.f()", '"f"()', "(values (f()))", "(f('x'))"),
            *("to_tsquery('x')", "s.to_tsquery('x')", "pg_catalog.lower('x')", "cast(f() as text)"),
            *('U&"n\\006fte"', "'{}'::json ->> 'a'", "'a' ~~~ 'b'", "'a' operator(s.+) 'b'"),
            *("text(f())", "f(1)::text", "coalesce('a', 'b')", "case when true then 'a' end"),
        ):
            text = f"select query_to_xml({hidden}, true, true, '')"
            self.assertEqual(outcome(text, self.planner), "!opaque_code", text)
        for text in ("dblink_exec('c', (values (f())))", "dblink_exec('c', f()), 1"):
            self.assertEqual(outcome(f"select {text}", self.planner), "!opaque_code", text)

    def test_a_function_that_runs_code_may_be_named_with_escapes(self):
        for name in (
            'U&"dblink_exec"',
            r'u&"dblink\005fexec"',
            r'pg_temp.U&"\0064blink_exec"',
            """U&"dblink!005fexec" uescape '!'""",
            """U&"dblink!005fexec"/**/UESCAPE/**/'!'/**/""",
        ):
            for code in ("'insert into people (name) values (''x'')'", "note", "$1", "f()"):
                text = f"select {name}({code}) from orders"
                self.assertEqual(outcome(text, self.planner), "!opaque_code", text)
        for text in (
            'select U&"lower"(note) from orders where note = $1',
            """select U&"low!0065r" uescape '!' ('people'), $1 from orders""",
            r"""select dblink_exec('select 1'), U&"n\006fte" from orders""",
        ):
            self.assertEqual(outcome(text, self.planner), text)

    def test_code_of_other_tables_is_created(self):
        head = "create function f(x text) returns int language "
        for text in (
            head + "sql as 'select 1 from orders'",
            head + "plpgsql as $$ begin execute 'select 1' using x; return 1; end $$",
            head + "'plpgsql' as $$ begin return length(x || 'a'); end $$",
            "create trigger t before insert on orders for each row execute function f('a')",
            head + "sql as $$ select dblink_exec('c', 'it''s', true, 1), ts_stat ( 'x' ) $$",
            head + r"sql as $$ select 1 where x ~ '\d+' or x = E'a\n' $$",
            "create rule r as on insert to orders do also insert into log values (1, '\\')",
            "create or replace rule r as on delete to orders where a > 1 do instead nothing",
        ):
            self.assertEqual(outcome(text, self.planner), text)

    def test_code_that_may_put_a_statement_together_is_not(self):
        head = "create function f(x text) returns int language "
        for language, code in (
            ("plpgsql", "begin execute 'insert into peo' || 'ple values (1)'; end"),
            ("plpgsql", "begin execute 'insert into peo'\n'ple values (1)'; end"),
            ("plpgsql", "begin execute 'insert into peo' -- a\n'ple values (1)'; end"),
            ("plpgsql", "begin execute concat('insert into peo', 'ple values (1)'); end"),
            ("plpgsql", "begin execute x; end"),
            ("plpgsql", "begin execute/**/'select ' || x; end"),
            ("plpgsql", "begin for i in execute format('table %s', x) loop end loop; end"),
            ("sql", "select query_to_xml('select * from peo' || 'ple', true, true, '')"),
            ("sql", "select dblink_exec(x)"),
            ("sql", "select ts_rewrite('a', $1)"),
            ("plpgsql", "begin perform dblink_exec ( 'c' , x ); return 1; end"),
            ("plpgsql", "begin perform dblink(lower('select 1')); return 1; end"),
            ("plpgsql", "declare c text := dblink; begin return 1; end"),
            ("internal", "query_to_xml"),
            ('"c"', "$libdir/dblink"),
            ("plpython3u", "return 1"),
            ("'plperl'", "return 1"),
        ):
            text = f"{head}{language} as $$ {code} $$"
            self.assertEqual(outcome(text, self.planner), "!opaque_code", code)
            quoted = code.replace("'", "''")
            text = f"{head}{language} as '{quoted}'"
            self.assertEqual(outcome(text, self.planner), "!opaque_code", code)

    def test_a_schema_whose_table_is_protected_keeps_its_name(self):
        name = setting("people", "name")._replace(schema="public")
        one = TableSetting("public", "people", (), {"name": name})
        made = planner((PEOPLE,), EncryptionSettings((one,)))
        text = "alter schema public rename to old"
        self.assertEqual(outcome(text, made), "!schema_mismatch")
        text = (
            "drop schema public cascade; alter schema old rename to public; "
            "insert into public.people (name) values ('x')"
        )
        self.assertTrue(outcome(text, made).endswith("!schema_mismatch"))

    def test_a_search_path_is_never_taken_for_another_however_many_there_are(self):
        other = PEOPLE._replace(oid=9, schema="other", attributes=PEOPLE.attributes[::-1])
        self.planner = planner((PEOPLE, other))
        text = "insert into people (id) values (1)"
        for number in range(2_001):
            self.planned(text, SearchPath(("pg_catalog", "public", f"s{number}")))
        text = "insert into people values ('x')"
        self.assertNotIn("<", shown(self.planned(text), text))
        self.assertIn("<", shown(self.planned(text, SearchPath(("pg_catalog", "other"))), text))

    def test_another_search_path_has_plans_of_its_own(self):
        other = PEOPLE._replace(oid=9, schema="other", attributes=PEOPLE.attributes[::-1])
        self.planner = planner((PEOPLE, other))
        text = "insert into people values ('x')"
        self.assertIn("'x'", shown(self.planned(text), text))
        path = SearchPath(("pg_catalog", "other"))
        self.assertIn("<flag 'x'>", shown(self.planned(text, path), text))
        self.assertNotIn("<", shown(self.planned(text), text))

    def test_a_text_that_only_the_lexer_can_split_is_planned_each_time(self):
        text = r"insert into people (name) values (E'\x')"
        for _ in range(2):
            planned = self.planned(text)
            self.assertFalse(planned.hit)
            self.assertIn(r"<name E'\x'>", shown(planned, text))


class Readable(SynchronousTestCase):
    def test_a_refusal_names_the_table_that_the_text_has(self):
        for text in (
            "insert People ('x')",
            "select 1; do $$ begin perform 1 from people; end $$",
            "create rule r as on insert to plain do also insert into people (name) values ('x')",
            "insert into people values (1" + ", (" * 200,
        ):
            planned = planner().plan(text.encode(), MODE, PATH)
            [refusal] = [one.refusal for one in planned.statements]
            self.assertIn('"people", which AcraServer protects', refusal.text, text)
        made = planner(functions=["seen"])
        for text, told in (
            ("do $$ begin perform seen(); end $$", 'protects ("seen" may reach one)'),
            ("do $$ begin perform seen() from people; end $$", '"people", which'),
            ('do $$ begin perform 1 from "Odd Table"; end $$', '"Odd Table", which'),
            ("do $$ begin perform 1 from adults; end $$", '("adults" may reach one)'),
        ):
            [one] = made.plan(text.encode(), MODE, PATH).statements
            self.assertIn(told, one.refusal.text)
        [one] = planner().plan(b'update U&"p\\0065ople" set', MODE, PATH).statements
        self.assertIn("it may name a table that AcraServer protects", one.refusal.text)

    def mode(self, **settings):
        return LANGUAGES["postgresql"].mode_of(settings)

    def test_a_text_that_does_not_parse_is_refused_if_it_names_a_protected_table(self):
        self.assertEqual(outcome("insert people ('x')"), "!unparsable")
        self.assertEqual(outcome("insert orders ('x')"), "insert orders ('x')")
        # The database would write it to its log.
        self.assertEqual(outcome("insert into people values ('x"), "!unparsable")
        self.assertEqual(outcome("insert into orders values ('x"), "insert into orders values ('x")

    def test_a_text_that_may_be_read_in_two_ways_is_refused(self):
        off = self.mode(standard_conforming_strings="off")
        self.assertEqual(outcome(r"update people set name = 'a\'", mode=off), "!unparsable")
        self.assertEqual(
            outcome("update people set name = 'a'", mode=off), "update people set name = <name 'a'>"
        )
        latin = self.mode(client_encoding="LATIN1")
        self.assertEqual(outcome("update people set name = 'é'", mode=latin), "!unparsable")
        self.assertEqual(outcome("update orders set name = 'é'", mode=latin)[:6], "update")

    def test_letters_beyond_ascii_do_not_move_a_place(self):
        self.assertEqual(
            outcome("update people set note = 'Żółć', name = 'ćma'"),
            "update people set note = 'Żółć', name = <name 'ćma'>",
        )

    def test_comments_and_long_literals_do_not_move_a_place(self):
        long = "x" * 1_000
        self.assertEqual(
            outcome(f"update /* people */ people set note = $${long}$$, -- é\n name = '{long}'"),
            f"update /* people */ people set note = $${long}$$, -- é\n name = <name '{long}'>",
        )

    def test_a_text_beyond_a_limit_is_refused(self):
        made = planner(limits=Limits(text=100, values=3, structure=60))
        for text in (
            "update people set note = '" + "x" * 100 + "'",
            "insert into people (id) values (1), (2), (3), (4)",
            "select id " + ", id" * 30 + " from people",
        ):
            self.assertEqual(outcome(text, made), "!unparsable")

    def test_a_text_that_is_nested_too_deeply_is_refused(self):
        for text in (
            "select name from people where id = " + "(" * 90 + "1" + ")" * 90,
            "select " + "coalesce(" * 98 + "note" + ")" * 98 + " from people",
        ):
            self.assertIn(outcome(text), (text, "!unparsable"))
        deep = "select note from people"
        for _ in range(60):
            deep = f"select * from ({deep}) q"
        self.assertEqual(outcome(deep), "!unparsable")

    def test_queries_that_name_themselves_inside_each_other_take_a_bounded_time(self):
        inner = "select 1 from people"
        for number in range(20):
            inner = (
                f"with recursive r{number} as (({inner}) union all select 1 from r{number}) "
                f"select * from r{number}"
            )
        self.assertEqual(outcome(inner), "!unparsable")

    def test_a_long_chain_of_operators_is_no_deep_one(self):
        text = "select id" + " + 1" * 300 + " from people"
        self.assertEqual(outcome(text), text)
        self.assertEqual(outcome(text.replace("id", "age")), "!expression")

    def test_a_literal_right_behind_another_is_refused(self):
        # The server takes it for a mistake: the two are one for a reader that drops the comment.
        for text in (
            "insert into people (note, name) values ('a', 'b' /*c*/ \n 'secret')",
            "update people set name = E'b' /*c*/ \n 'secret'",
            "update people set name = 'b' 'secret'",
        ):
            self.assertEqual(outcome(text), "!unparsable", text)
        self.assertEqual(
            outcome("update people set name = 'b' \n 'c'"),
            "update people set name = <name 'b' \n 'c'>",
        )

    def test_names_beyond_ascii_are_found_in_the_clients_encoding(self):
        other = Relation(9, "public", "café", "r", attributes("id", "name"))
        given = EncryptionSettings([table("café", setting("café", "name"))])
        made = planner((other,), given)
        latin = self.mode(client_encoding="LATIN1")
        text = "insert into %s values (1, 'secret')"

        def touched(name, mode):
            planned = made.plan((text % name).encode("latin-1"), mode, PATH)
            return planned.statements is not None

        for name in ("café", "CAFÉ", '"café"'):
            self.assertTrue(touched(name, latin), name)
        self.assertFalse(touched("thé", latin))
        self.assertFalse(touched("tea", latin))
        # What cannot be read may be any name.
        for mode in (self.mode(client_encoding="SJIS"), self.mode(client_encoding="UTF8")):
            self.assertTrue(touched("thé", mode))
            self.assertFalse(touched("tea", mode))
        unsure = self.mode(client_encoding="LATIN1", server_encoding="SQL_ASCII")
        self.assertTrue(touched("thé", unsure))


class Parameters(SynchronousTestCase):
    def test_a_parameter_in_two_roles_becomes_two(self):
        self.assertEqual(
            outcome("update people set name = $1, note = $1 where id = $2"),
            "update people set name = $1, note = $3 where id = $2 [$1=$1 name] [$3=$1]",
        )
        self.assertEqual(
            outcome("insert into people (note, name, email) values ($1, $1, $1)"),
            "insert into people (note, name, email) values ($1, $2, $3) [$2=$1 name] [$3=$1 email]",
        )

    def test_one_role_in_two_places_stays_one(self):
        self.assertEqual(
            outcome("insert into people (name) values ($1), ($1)"),
            "insert into people (name) values ($1), ($1) [$1=$1 name]",
        )

    def test_a_cast_with_another_length_is_another_role(self):
        self.assertEqual(
            outcome("insert into people (name) values ($1::varchar(5)), ($1)"),
            "insert into people (name) values ($1::bytea), ($2) [$1=$1 name(5)] [$2=$1 name]",
        )

    def test_numbers_that_the_text_leaves_out_stay(self):
        self.assertEqual(
            outcome("update people set name = $3"), "update people set name = $3 [$3=$3 name]"
        )

    def test_a_text_without_protected_values_has_its_own_parameters(self):
        (plan,) = planner().plan(b"select $2, $1 from people", MODE, PATH).statements
        self.assertFalse(plan.changes)
        self.assertEqual(list(plan.parameters), [])

    def test_a_plan_tells_whether_anything_is_changed(self):
        for text, expected in (
            ("select name from people", False),
            ("select name::text from people", True),
            ("update people set name = $1", True),
            ("update people set name = 'x'", True),
            ("update people set note = 'x'", False),
        ):
            (plan,) = planner().plan(text.encode(), MODE, PATH).statements
            self.assertEqual(plan.changes, expected, text)

    def test_a_number_beyond_the_protocols_is_refused(self):
        for number in ("70000", "65536", "0", "99999999999", "9" * 5000, "0" * 5000 + "1"):
            for text in (
                "update people set name = ",
                "prepare q as select ",
                "update people set note = ",
            ):
                self.assertEqual(outcome(text + "$" + number), "!unparsable", text + number[:9])
        self.assertIn("$65535", outcome("update people set name = $65535"))


class Mutated(SynchronousTestCase):
    """Texts that are no longer what somebody meant."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(statements, st.data())
    def test_every_text_that_names_a_protected_table_is_planned_or_is_no_statement(
        self, text, data
    ):
        pieces = text.split(" ")
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, len(pieces)))
            new = data.draw(
                st.one_of(
                    st.just([]),
                    st.sampled_from(pieces).map(lambda piece: [piece]),
                    st.text("()'\"$;,-*\\é\n", max_size=2).map(lambda piece: [piece]),
                )
            )
            pieces[at : at + data.draw(st.integers(0, 2))] = new
        mutated = " ".join(pieces).encode()
        made = planner()
        planned = made.plan(mutated, MODE, PATH)
        again = made.plan(mutated, MODE, PATH)
        self.assertEqual((planned.statements, planned.literals), (again.statements, again.literals))
        if planned.statements is None:
            try:
                tokens = lexer.tokens(mutated)
            except UnscannableError:
                return
            kept = {mutated[start:end].lower() for _, start, end in tokens}
            self.assertTrue(not {b"people", b"clones", b"adults"} & kept)
        elif all(plan.refusal is None and not plan.changes for plan in planned.statements):
            self.assertEqual(shown(planned, ""), mutated.decode())


class Clients(SynchronousTestCase):
    """Statements that clients send."""

    def test_what_becomes_of_each(self):
        made = planner(claims=Comparisons())
        lines = _CLIENTS.read_text("utf-8").splitlines()
        known = [line.split(" | ", 2) for line in lines if not line.startswith("#")]
        self.assertGreater(len(known), 100)
        for _, expected, text in known:
            planned = made.plan(text.encode(), MODE, PATH)
            outcomes = {self.outcome(plan) for plan in planned.statements or ()}
            self.assertEqual(outcomes or {"untouched"}, {expected}, text)

    @staticmethod
    def outcome(plan):
        if plan.refusal is not None:
            return f"!{plan.refusal.reason}"
        return "changed" if plan.changes else "same"


class Compared(SynchronousTestCase):
    """Texts as they are sent, where comparisons are answered."""

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(statements, searches(), searches()))
    def test_no_value_stands_in_clear_beside_a_protected_column(self, text):
        planned = planner(claims=Comparisons()).plan(text.encode(), MODE, PATH)
        [plan] = planned.statements
        if plan.refusal is not None:
            self.assertNotRegex(plan.refusal.text + plan.refusal.hint, "secret")
            return
        self.assertNotRegex(b"".join(plan.parts), b"secret|'other'")
        literals = [*planned.literals, *plan.added]
        for one in plan.literals:
            literals[one.ordinal] = b" '{encoded}'"
        # This union shows no other protected column: those of other names are another table's.
        names = ("name",) if "select id, name from clones) p" in text else PROTECTED
        for item in trees.dicts(pgparse.parse(plan.text(literals).decode())):
            operation = item.get("A_Expr", {})
            sides = [*_operands(operation.get("lexpr")), *_operands(operation.get("rexpr"))]
            is_protected = any(
                [one["String"]["sval"] for one in side["ColumnRef"]["fields"] if "String" in one]
                in [[name] for name in names]
                for side in sides
                if "ColumnRef" in side
            )
            values = [
                side["A_Const"].get("sval", {}).get("sval", "")
                for side in sides
                if "A_Const" in side
            ]
            # Rows of INSERT, the view, and a table with other names by its alias have no columns of
            # these names: they are another table's.
            others = ("insert into", "adults", "p(a, b, title)")
            if is_protected and not any(one in text for one in others):
                self.assertEqual({*values} - {"{encoded}", ""}, set(), text)


def _operands(item):
    """Return the operands that a side of an operator has, without casts."""
    found = []
    waiting = [item or {}]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.get("List", {}).get("items", [])
        waiting += one.get("A_ArrayExpr", {}).get("elements", [])
        waiting += one.get("RowExpr", {}).get("args", [])
        if "TypeCast" in one:
            waiting.append(one["TypeCast"]["arg"])
    return found

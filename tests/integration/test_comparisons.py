"""Comparisons with protected columns, answered by PostgreSQL and by a twin that holds plaintext."""

import psycopg

from acra_twisted.encryption.plan import COMPARE_ANY
from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.forms import array_literal, spread
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    TOKENIZED,
    EncryptionSettings,
)
from tests.integration.base import Surroundings
from tests.support.planning import MODE, PATH, PEOPLE, planner, setting, table

EMAIL = setting("people", "email", kind=SEARCHABLE, data_type="str")
PHONE = setting(
    *("people", "phone"), kind=TOKENIZED, token_type="str", data_type="str", consistent=True
)
#: The newest first.
KEYS = (b"n" * 32, b"o" * 32)
VALUES = ["a", "b", "abc", "", None, "a", "Żółć", "x'y\\z"]
#: Conditions, and the texts of their parameters.
CONDITIONS = (
    ("email = 'a'",),
    ("email <> 'a'",),
    ("'a' = email",),
    ("not ('b' <> email)",),
    ("email = ''",),
    ("email <> ''",),
    ("email = 'Żółć'",),
    (r"email = E'x''y\\z'",),
    ("(email) = ('a'::text)",),
    ("email::text = cast('abcd' as varchar(3))",),
    ("email = varchar 'a'",),
    ("email = null",),
    ("email is null",),
    ("email in ('a', 'b', '')",),
    ("email not in ('a', 'b')",),
    ("email = any('{a,abc}')",),
    ("email <> all('{a,NULL}'::text[])",),
    ("email = any(array['a', 'none'])",),
    ("email is not distinct from 'a'",),
    ("email is distinct from 'a'",),
    ("'a' is distinct from email",),
    ("email is distinct from null",),
    ("email like 'abc'",),
    ("email not like 'abc'",),
    ("case email when 'a' then id = 1 when 'b' then true else false end",),
    ("email in (select email from people where id < 3)",),
    ("email = any (select p.email from people p where p.email = 'abc')",),
    ("exists (select 1 from people p where p.email = people.email and p.id <> people.id)",),
    ("email = 'a' and (id = 1 or email <> 'b') and not email = 'c'",),
    ("phone = 'a'",),
    ("phone <> 'a'",),
    ("phone in ('a', 'b', '')",),
    ("phone = any('{a}')",),
    ("phone is not distinct from 'a'",),
    ("phone in (select phone from people where id < 3)",),
    ("email = $1", "a"),
    ("email = $1", ""),
    ("email = $1", None),
    ("$1 = email", "b"),
    ("email <> $1::varchar", "a"),
    ("email in ($1, $2, 'b')", "a", ""),
    ("email not in ($1, $2)", "a", None),
    ("email = any($1)", "{a,abc}"),
    ("email = any($1::text[])", "{a,NULL}"),
    ("email <> all($1)", "{a,NULL}"),
    ("email = any($1)", "{}"),
    ("email = any($1)", None),
    ("email is not distinct from $1", "a"),
    ("email is not distinct from $1", None),
    ("email is distinct from $1", None),
    ("email is distinct from $1", ""),
    ("phone = $1 or email = $1", "b"),
)


def stored(column, value, keys):
    """The forms in which a value may be stored, as far as they are compared."""

    def forms(value):
        if column is PHONE:
            return [value and b"token of " + value]
        return Prefixes(EMAIL, keys).all(value)

    found = spread([None if value is None else value.encode()], forms, len(keys))
    if column is PHONE:
        return [None if one is None else one.decode() for one in found]
    return found


def elements(text):
    """The elements of an array's text, of words alone."""
    words = text.strip("{}").split(",") if text != "{}" else []
    return [None if word == "NULL" else word for word in words]


class Answers(Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.planner = planner(
            (PEOPLE,), EncryptionSettings((table("people", EMAIL, PHONE),)), claims=Comparisons()
        )
        with cls.connect(cls.postgres) as db:
            db.execute("CREATE SCHEMA twin")
            db.execute("CREATE TABLE twin.people (id int, email text, phone text)")
            for number, value in enumerate(VALUES):
                db.execute("INSERT INTO twin.people VALUES (%s, %s, %s)", (number, value, value))
        cls.fill("rotated", KEYS)
        cls.fill("single", KEYS[:1])

    @classmethod
    def fill(cls, schema, keys):
        with cls.connect(cls.postgres) as db:
            db.execute(f"CREATE SCHEMA {schema}")
            db.execute(f"CREATE TABLE {schema}.people (id int, email bytea, phone text)")
            for number, value in enumerate(VALUES):
                form = stored(EMAIL, value, keys)[number % len(keys)]
                held = form and form + b"%%% a container"
                row = (number, held, stored(PHONE, value, keys)[0])
                db.execute(f"INSERT INTO {schema}.people VALUES (%s, %s, %s)", row)

    def sent(self, plan, literals, values, keys):
        """The text that is sent, and its parameters: all values in their stored forms."""
        literals = list(literals)
        with self.connect(self.postgres) as db:
            for one in plan.literals:
                (plain,) = db.execute(b"SELECT " + literals[one.ordinal] + b"::text").fetchone()
                forms = self.forms(one.use, plain, keys)
                forms = [form.encode() if isinstance(form, str) else form for form in forms]
                literals[one.ordinal] = array_literal(one.use.column, forms)
        parameters = []
        for one in plan.parameters:
            value = values[one.source - 1]
            parameters.append(value if one.use is None else self.forms(one.use, value, keys))
        return plan.text(literals).decode(), parameters

    def forms(self, use, plain, keys):
        if use.role != COMPARE_ANY:
            cut = use.cut if use.cut >= 0 and plain is not None else None
            return stored(use.column, plain[:cut] if plain is not None else None, keys)
        if plain is None:
            return None
        return [form for one in elements(plain) for form in stored(use.column, one, keys)]

    def rows(self, text, parameters, path):
        with psycopg.RawCursor(self.connect(self.postgres)) as cursor:
            cursor.execute(f"SET search_path = {path}")
            cursor.execute(text, parameters)
            found = cursor.fetchall()
            cursor.connection.close()
            return found

    def test_they_are_the_twins(self):
        matched = 0
        for condition, *values in CONDITIONS:
            text = f"select id from people where {condition} order by id"
            found = self.planner.plan(text.encode(), MODE, PATH)
            [plan] = found.statements
            self.assertIsNone(plan.refusal, text)
            expected = self.rows(text, values, "twin")
            for schema, keys in (("rotated", KEYS), ("single", KEYS[:1])):
                if plan.matched and len(keys) > 1:
                    matched += 1
                    continue
                sent, parameters = self.sent(plan, found.literals, values, keys)
                self.assertEqual(self.rows(sent, parameters, schema), expected, condition)
        self.assertEqual(matched, 3)

    def test_the_index_is_used(self):
        conditions = [
            c for c in CONDITIONS if c[0].startswith(("email = ", "email in", "'a' = ", "$1"))
        ]
        with self.connect(self.postgres) as db:
            db.execute("CREATE SCHEMA large; SET search_path = large")
            db.execute("CREATE TABLE people (id int, email bytea, phone text)")
            db.execute(
                "INSERT INTO people SELECT n, sha512(n::text::bytea), md5(n::text) "
                "FROM generate_series(1, 20000) n"
            )
            db.execute("CREATE INDEX found ON people (substr(email, 1, 33)); ANALYZE people")
        used = 0
        for condition, *values in conditions:
            text = f"select id from people where {condition}"
            found = self.planner.plan(text.encode(), MODE, PATH)
            [plan] = found.statements
            if plan.matched or "null" in condition:
                continue
            sent, parameters = self.sent(plan, found.literals, values, KEYS)
            lines = self.rows(f"EXPLAIN {sent}", parameters, "large")
            if values != [None]:
                self.assertIn(" found", "\n".join(line for (line,) in lines), condition)
                used += 1
        self.assertGreater(used, 12)

"""Drivers of Java and JavaScript, and programs of PostgreSQL, with protected columns."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import uuid

from tests.support.documents import TOP
from tests.support.people import PeopleCase, person

INTEROP = TOP / "tests/interop"
FORMS = ("defaults", "rewriting", "binary")


def run(*command: str, cwd=TOP, text: str = "", **environment: str) -> str:
    """Run a program, and return its output."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def java_row(number: int) -> list:
    """A row as tests/support/protectedjdbc.py writes it."""
    made = person(number)
    return [
        *(made.name, made.email, made.age, made.big, made.raw.hex(), made.flag),
        str(datetime.date(1942, 3, number % 28 + 1)),
        str(uuid.UUID(int=(0x7A6170686F646975 << 64) + number)),
        *(made.score, made.card, made.phone),
    ]


class Java(PeopleCase):
    def test_pgjdbc(self):
        ports = (str(self.served.port), str(self.strangers.port))
        shown = run(sys.executable, "-m", "tests.support.protectedjdbc", *ports)
        seen = json.loads(shown)
        for name in FORMS:
            with self.subTest(name):
                self.check(seen[name])
        self.assertEqual(seen["stranger"][0], "xxxx0001")
        self.assert_masked(tuple(seen["stranger"]))
        self.assert_stored(39)

    def check(self, seen):
        expected = [java_row(number) for number in range(1, 40)]
        self.assertEqual(seen["generated"], [8])
        self.assertEqual(seen["batch"], 31)
        self.assertEqual(seen["rows"], expected)
        self.assertEqual(seen["fetched"], expected)
        self.assertEqual(
            seen["types"],
            ["text", "text", "int4", "int8", "bytea", "bool", "date", "uuid", "float8", "text"]
            + ["text"],
        )
        one = [[number] for number in range(1, 8)]
        two = [[number, number + 1] for number in range(1, 8)]
        self.assertEqual(seen["found"], [*one, *one, *one, *two, *one])
        self.assertEqual(seen["updated"], 1)
        kept = "Zaphodius new"
        self.assertEqual(seen["errors"], ["0A000", kept, "22P02", kept, "0A000", kept])


class JavaScript(PeopleCase):
    #: The drivers' types of the columns; numbers that have no place in a double are texts.
    TYPES = (
        *("string", "string", "number", "string", "Buffer", "boolean", "Date", "string", "number"),
        *("string", "string", "string"),
    )

    def use(self, driver):
        rows = [
            [*made[:4], made.raw.hex(), made.flag, str(made.born), str(made.key), *made[8:]]
            for made in map(person, range(1, 12))
        ]
        for row in rows:
            row[3] = str(row[3])
        ports = (str(self.served.port), str(self.strangers.port))
        text = json.dumps(rows)
        command = ("node", "columns.js", driver, *ports)
        seen = json.loads(run(*command, cwd=INTEROP, text=text, TZ="UTC"))
        expected = [[list(one) for one in zip(self.TYPES, row, strict=True)] for row in rows]
        nobody = [["null", None]] * len(self.TYPES)
        self.assertEqual(seen["rows"], [*expected, nobody])
        first, third, fourth = ([[["string", rows[n][0]]]] for n in (0, 2, 3))
        self.assertEqual(seen["searched"], [first, first, third, third, first] * 6)
        self.assertEqual(seen["any"], [*first, *fourth])
        new = [[["string", "Zaphodius new"]]]
        self.assertEqual(seen["updated"], new)
        self.assertEqual(seen["refused"], ["0A000", "0A000", "22P02", new])
        stranger = [value for _, value in seen["stranger"]]
        self.assert_masked(tuple(stranger))
        self.assertEqual(stranger[3], "xxxx0001")
        self.assertEqual([len(stranger[4]), stranger[5]], [len(rows[0][10]), rows[0][11]])
        self.assertEqual(seen["closed"], "22000")
        self.assert_stored(12)

    def test_node_postgres(self):
        self.use("pg")

    def test_postgres_js(self):
        self.use("postgres")


class Pgbench(PeopleCase):
    SCRIPT = """
        \\set n random(1471108000, 1471108999)
        INSERT INTO people (name, email, age, big) VALUES (:name, :email, :n, :n);
        SELECT name, age, big FROM people WHERE email = :email AND age = :n;
        UPDATE people SET name = :other WHERE big = :n;
        SELECT name FROM people WHERE age IN (:n, :n) LIMIT 1;
    """

    def test_each_protocol(self):
        values = {"name": "Zaphodius 1", "email": "zaphodius1@example.com", "other": "Zaphodius b"}
        script = self.folder / "script.sql"
        script.write_text(self.SCRIPT)
        for mode in ("simple", "extended", "prepared"):
            with self.fresh(mode):
                # A text that is put into the statement needs its quotes.
                given = {k: f"'{v}'" if mode == "simple" else v for k, v in values.items()}
                shown = run(
                    *(str(self.postgres.bin / "pgbench"), "-n", "-M", mode, "-c", "2", "-t", "10"),
                    *(f"-D{name}={value}" for name, value in given.items()),
                    *("-f", str(script), "-h", "127.0.0.1", "-p", str(self.served.port)),
                    *("-U", "postgres", "postgres"),
                )
                self.assertIn("number of transactions actually processed: 20/20", shown)
                with self.connect(self.served) as db:
                    found = db.execute(
                        "SELECT name, age, big FROM people WHERE email = %s", (values["email"],)
                    ).fetchall()
                self.assertEqual([(name, age) for name, age, _ in found], [
                    ("Zaphodius b", big) for _, _, big in found
                ])  # fmt: skip
                self.assertEqual(len(found), 20)
                self.assert_stored(20)

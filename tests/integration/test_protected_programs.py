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

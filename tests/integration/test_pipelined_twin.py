"""Programs of pipelined messages do on protected columns what they do on an unprotected twin."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Sequence
from functools import partial

from tests.integration.protected import ProtectedCase
from tests.support.answering import Answering, shown
from tests.support.pipelines import Writer
from tests.support.pipelinetalk import END, Step, converse, failing
from tests.support.pipelinewords import CREATED, SECRETS
from tests.support.shrinking import shrunk

#: Fewer programs do not show how often each thing happens.
ENOUGH = 300
#: By hand: one that has failed, or thousands, with other seeds.
EXAMPLES = int(os.environ.get("ACRA_PIPELINES", ENOUGH))
SEED = int(os.environ.get("ACRA_PIPELINES_SEED", "0"))
CONFIG = """
schemas:
  - table: people
    encrypted:
      - {column: name, data_type: str}
      - {column: email, data_type: str, searchable: true}
"""
_SEALED = r"CHECK ({0} IS NULL OR position('\x252525'::bytea IN {0}) > 0)"
_PLAIN = "CHECK (note NOT LIKE '%252525%' AND note NOT LIKE '%$$$%%')".replace("$", r"\%")
_ROWS = "SELECT id, name, email, note FROM people ORDER BY n"
_NOTES = "SELECT id, note FROM notes ORDER BY n"
_AGAIN = (
    "TRUNCATE people, notes RESTART IDENTITY;"
    " INSERT INTO people (id, name, email, note) SELECT id, name, email, note FROM seeds ORDER BY n"
)


class PipelinedTwin(ProtectedCase):
    config = CONFIG

    @classmethod
    def make_served(cls):
        with cls.direct() as db:
            for name in ("protected", "twin"):
                db.execute(f"CREATE DATABASE {name}")
                db.execute(f"ALTER DATABASE {name} SET log_min_messages = panic")
                db.execute(f"ALTER DATABASE {name} SET log_statement = none")
        for name in ("protected", "twin"):
            kind = "bytea" if name == "protected" else "text"
            checks = [_SEALED.format(one) if kind == "bytea" else "" for one in ("name", "email")]
            with cls.direct(dbname=name) as db:
                db.execute(
                    f"CREATE TABLE people (n serial, id int, name {kind} {checks[0]},"
                    f" email {kind} {checks[1]}, note text {_PLAIN})"
                )
                db.execute("CREATE TABLE seeds AS SELECT * FROM people")
                db.execute(CREATED)
        sections = {"logging": {"v": "false"}}
        served = cls.protect(cls.keys, sections)
        limited = {**sections, "database": {"max_prepared_statements": "3"}}
        cls.limited = cls.protect(cls.keys, limited)
        return served

    def setUp(self):
        self.raw, self.plain = (self.direct(dbname=name) for name in ("protected", "twin"))
        self.ours = self.connect(self.served, dbname="protected", prepare_threshold=None)
        for db in (self.raw, self.plain, self.ours):
            self.addCleanup(db.close)
        for db in (self.plain, self.ours):
            db.execute("TRUNCATE people RESTART IDENTITY")
            db.execute(
                "INSERT INTO people (id, name, email, note) VALUES"
                " (1, 'Zaphodius', 'Zaphodius', 'Zaphodius'),"
                " (2, 'Trillianna', 'Trillianna', 'Trillianna'), (3, NULL, 'plain', 'plain')"
            )
        for db in (self.plain, self.raw):
            db.execute("DELETE FROM seeds; INSERT INTO seeds SELECT * FROM people")

    def test_programs_do_what_the_twin_does(self):
        seen = Counter()
        for number in range(SEED, SEED + EXAMPLES):
            writer = Writer(random.Random(number))  # noqa: S311 - nothing secret
            port = self.served.port if number % 8 else self.limited.port
            program = writer.program()
            wrong = self.difference(port, program, seen)
            if wrong:
                short = shrunk(program, partial(self.differs, port))
                wrong = self.differs(port, short) or wrong
                lines = "\n".join(f"{one.written:8}{one.label}" for one in short)
                self.fail(f"program {number}:\n{lines}\n{wrong}")
        if EXAMPLES >= ENOUGH:
            self.assert_variety(seen)

    def assert_variety(self, seen: Counter) -> None:
        # Most are answered, and of each kind enough.
        self.assertLess(seen["refused"] * 6, seen["answered"], seen)
        self.assertLess(seen["confused"] * 20, EXAMPLES, seen)
        self.assertGreater(seen["stored"], EXAMPLES // 2, seen)

    def differs(self, port: int, program: Sequence[Step]) -> str:
        """Say what differs in one of some runs: replies do not come at the same time in each."""
        return next((found for _ in range(3) if (found := self.difference(port, program))), "")

    def difference(self, port: int, program: Sequence[Step], seen: Counter | None = None) -> str:
        """Run a program on both; return what differs, in words, or nothing."""
        self.raw.execute(_AGAIN)
        steps = [*program, *END]
        mine = converse(port, b"protected", steps)
        refused = [any(one.is_refusal for one in answer) for answer in mine.answers]
        refused += [False] * (len(steps) - len(refused))
        if seen is not None:
            self.count(steps, mine, refused, seen)
        self.sealed()
        found = ""
        for keeps in (False, True):
            pairs = zip(steps, refused, strict=True)
            others = [failing(step, keeps) if was else step for step, was in pairs]
            self.plain.execute(_AGAIN)
            twin = converse(self.postgres.port, b"twin", others)
            if mine.is_confused or twin.is_confused:
                # By a simple query behind an Execute that no Sync follows: anything may come.
                if seen is not None:
                    seen["confused"] += 1
                return ""
            found = self.compare(steps, mine, twin, refused) or self.stored()
            if not found or True not in refused:
                break
        return found

    def count(
        self, steps: Sequence[Step], mine: Answering, refused: Sequence[bool], seen: Counter
    ) -> None:
        for step, answer, was in zip(steps, mine.answers, refused, strict=False):
            if was:
                seen["refused"] += 1
                error = next(one for one in answer if one.is_refusal).fields
                seen["refused", step.kind, error["M"].decode()] += 1
            elif answer and all(one.kind != "E" for one in answer):
                seen["answered"] += 1
                seen["stored"] += b"INSERT 0 1\0" in [one.body for one in answer]
        seen["ended"] += mine.ended

    def compare(
        self, steps: Sequence[Step], mine: Answering, twin: Answering, refused: Sequence[bool]
    ) -> str:
        says_why = any(b"AcraServer" in one.body for one in mine.farewell)
        for number, step in enumerate(steps):
            ours, theirs = (
                shown(one.answers[number]) if number < len(one.answers) else []
                for one in (mine, twin)
            )
            if refused[number]:
                # Its error is AcraServer's.
                ours, theirs = ([x for x in some if x[0] == "Z"] for some in (ours, theirs))
            if ours != theirs:
                if mine.ended and not ours and (twin.ended or says_why):
                    # What is said last to a client that still writes may be lost on its way.
                    return ""
                if mine.ended and twin.ended and not theirs:
                    return ""
                return f"{step.label}\nis answered {ours}\nby the twin {theirs}"
        if mine.ended != twin.ended:
            return f"AcraServer has ended the session: {mine.ended}, the twin: {twin.ended}"
        return ""

    def sealed(self) -> None:
        """Look at what is stored in protected columns, whatever it is."""
        for (*cells,) in self.raw.execute("SELECT name, email FROM people"):
            for cell in cells:
                if cell is not None:
                    self.assertIn(b"%%%", cell)
                    self.assertFalse([one for one in SECRETS if one.encode() in cell])

    def stored(self) -> str:
        """Compare what is stored."""
        for text in (_ROWS, _NOTES):
            ours, theirs = self.ours.execute(text).fetchall(), self.plain.execute(text).fetchall()
            if ours != theirs:
                return f"stored is {ours}\nby the twin {theirs}"
        return ""

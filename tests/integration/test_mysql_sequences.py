"""Sequences of commands at protected columns of MariaDB, beside a twin in clear: whatever takes
another one's place, nothing is stored in clear, and each answer is the twin's, or a refusal."""

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.support.mysqlbeside import Beside
from tests.support.mysqldefinitions import MIGRATION
from tests.support.mysqldrawing import Drawing
from tests.support.mysqlplayer import QUERY, Step
from tests.support.mysqlprograms import SECRET, Batch, Program

#: Fewer programs do not show how often each thing happens.
_ENOUGH = 300
#: By hand: one that has failed, or thousands, with other seeds.
_SEED = os.environ.get("ACRA_SEQUENCES_SEED", "20261130")
_PROGRAMS = int(os.environ.get("ACRA_SEQUENCES", _ENOUGH))


class Sequences(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.beside = Beside()
        cls.addClassCleanup(cls.beside.stop)
        cls.beside.start()

    def test_programs(self):
        for number in range(_PROGRAMS):
            program = Drawing(f"{_SEED}/{number}").program()
            if self.beside.problem(program):
                program = self.beside.shrunk(program)
                self.fail(f"program {number}\n{program.told()}\n{self.beside.problem(program)}")
        if _PROGRAMS >= _ENOUGH:
            self.assert_variety()

    def assert_variety(self):
        # Most steps are done at both, and some are refused.
        refused = self.beside.refusals.total()
        self.assertGreater(self.beside.alike, self.beside.steps // 2, self.beside.refusals)
        self.assertTrue(0 < refused < self.beside.steps // 5, self.beside.refusals)

    def test_what_programs_for_migrations_send(self):
        """All of it passes, and does the same as without AcraServer."""
        steps = [Step(QUERY, text.encode()) for text in MIGRATION]
        alike = self.beside.alike
        program = Program(0, tuple(Batch(0, (step,)) for step in steps))
        self.assertEqual(self.beside.problem(program), "")
        # None is refused, and none fails.
        self.assertEqual(self.beside.alike - alike, len(MIGRATION), self.beside.refusals)

    def test_what_is_wrong_is_told(self):
        """Plaintext in a protected column, a row too many, and an answer that differs."""
        write = f"INSERT INTO shop.people (id, {{}}) VALUES (9, '{SECRET}')"
        for port, text, told in (
            (self.beside.ours.port, write.format("name"), "stored in clear: name"),
            (self.beside.ours.port, write.format("email"), "stored in clear: email"),
            (self.beside.ours.port, write.format("nick"), "stored in clear: nick"),
            (self.beside.twin.port, "INSERT INTO shop.plain (id) VALUES (9)", "the tables have"),
            (self.beside.twin.port, "CREATE TABLE shop.other (id INT)", "batch 0"),
        ):
            step = Step(QUERY, b"SELECT * FROM other; DROP TABLE other")
            program = Program(0, (Batch(0, (step,)), Batch(0, (Step(QUERY, b"DO 1"),))))
            found = self.beside.problem(
                program, before=lambda p=port, t=text: self.beside.ask(p, t)
            )
            self.assertIn(told, found)

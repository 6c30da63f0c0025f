"""Inputs by number: the same in whatever process, on whatever machine and Python; each is found."""

import shutil
import subprocess
import unittest

from tests.fuzz.base import run
from tests.fuzz.framed import POSTGRESQL
from tests.fuzz.framed import Mutator as Framed
from tests.fuzz.listing import TARGETS
from tests.fuzz.numbered import CORPUS, Inputs, by_number, digest
from tests.fuzz.starting import DICTIONARY
from tests.fuzz.words import Mutator as Words

SEEDS = [b"SELECT a FROM t", b"INSERT INTO t VALUES ('x', 1)", b"", b"\x05\0\0\1\xff" * 3]
#: A program whose inputs are wrong if they have a certain byte, take for ever, or much memory.
PROGRAM = """
import sys
from tests.fuzz.numbered import Inputs, run

def check(data):
    if data == b"slow":
        while True:
            pass
    if data == b"large":
        bytes(2 << 30)
    assert b"!" not in data, "a mark"

sys.exit(run(check, Inputs([b"a", {wrong}, b"c"], 10), 3, seconds=0.5))
"""


def listed(*before, **settings):
    """Hashes of the first inputs of every fuzzer, as another process sees them."""
    done = run("-m", "tests.fuzz.listing", "700", seconds=120, before=before, **settings)
    return done.stdout.splitlines(), done.stderr


class Numbered(unittest.TestCase):
    def test_no_seed_of_hashes_and_no_address_changes_an_input(self):
        first, said = listed(PYTHONHASHSEED="1")
        self.assertEqual([line.split()[0] for line in first], list(TARGETS), said)
        in_place = [shutil.which("setarch") or "false", "-R"]
        may = subprocess.run([*in_place, "true"], capture_output=True, check=False).returncode == 0
        second, said = listed(*(in_place if may else ()), PYTHONHASHSEED="2")
        self.assertEqual(second, first, said)

    def test_every_machine_and_python_has_these(self):
        """Changes to mutators, to the words and to `by_number` change the hashes; nothing else
        may."""
        for mutator, expected in (
            (None, "4c29850a97855077"),
            (Words(SEEDS[:2]), "13d84e6bd556aafa"),
            (Framed(SEEDS, POSTGRESQL, 2, SEEDS[:2]), "a63743aaf324a29e"),
        ):
            found = digest(Inputs(SEEDS, 60, mutator, DICTIONARY), 300)
            self.assertEqual(found[:16], expected, mutator)

    def test_an_input_that_is_kept_changes_no_other(self):
        made, more = (by_number(Inputs(SEEDS, 60, found=found)) for found in ((), (b"new",)))
        inputs = [made(number) for number in range(200)]
        self.assertEqual([more(number) for number in range(250) if number % 5 != 4], inputs)

    def test_the_first_are_the_seeds_and_the_others_differ(self):
        inputs = Inputs(SEEDS, 20, None, DICTIONARY)
        made = by_number(inputs)
        self.assertEqual([made(number) for number in range(4)], [seed[:20] for seed in SEEDS])
        others = [made(number) for number in range(4, 1000)]
        self.assertLessEqual(max(map(len, others)), 20)
        self.assertGreater(len(set(others)), 700)
        self.assertNotEqual(digest(inputs, 900), digest(inputs, 901))

    def test_one_does_not_depend_on_those_before(self):
        made = by_number(Inputs(SEEDS, 60))
        forth = [made(number) for number in range(50)]
        self.assertEqual([made(number) for number in reversed(range(50))], forth[::-1])

    def test_every_corpus_is_one_of_a_fuzzer(self):
        self.assertLessEqual({folder.name for folder in CORPUS.iterdir()}, set(TARGETS))
        self.assertGreater(len(list((CORPUS / "wire").iterdir())), 10)


class Running(unittest.TestCase):
    def run_one(self, wrong):
        return run("-c", PROGRAM.format(wrong=wrong), seconds=120)

    def test_what_is_wrong_is_told_with_its_input_in_full(self):
        done = self.run_one(b"ab!\xff")
        self.assertEqual(done.returncode, 1)
        self.assertIn("AssertionError: a mark", done.stderr)
        self.assertTrue(done.stderr.endswith("Found by input 1:\nb'ab!\\xff'\n"), done.stderr)

    def test_what_takes_much_memory_is_wrong(self):
        done = self.run_one(b"large")
        self.assertEqual(done.returncode, 1)
        self.assertIn("MemoryError", done.stderr)
        self.assertIn("Found by input 1:", done.stderr)

    def test_what_takes_for_ever_is_wrong(self):
        done = self.run_one(b"slow")
        self.assertEqual(done.returncode, 1)
        self.assertIn("TooLong", done.stderr)
        self.assertIn("Found by input 1:", done.stderr)

    def test_those_that_were_tried_are_counted(self):
        done = self.run_one(b"b")
        self.assertEqual(done.returncode, 0, done.stderr)
        whole = digest(Inputs([b"a", b"b", b"c"], 10), 3)
        self.assertEqual(done.stderr, f"Done 3 inputs, {whole}\n")

    def test_files_are_tried_and_what_is_wrong_with_one_is_told(self):
        files = [str(path) for path in sorted((CORPUS / "wire").iterdir())]
        done = run("-m", "tests.fuzz.wire", *files, seconds=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run("-m", "tests.fuzz.wire", seconds=60)
        self.assertEqual(done.returncode, 1)

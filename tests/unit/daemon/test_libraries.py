"""Pages of libraries are given back, and mapped again when they are used."""

import subprocess
import sys
import threading
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.libraries import give_back, unchanged

_HEAD = "7f00{0}000-7f00{0}fff {1} 00000000 fd:00 {2}    /usr/lib/a library.so"
#: Gives back what an interpreter with OpenSSL has, and uses all of it again.
_PROGRAM = """
import hashlib, json, re, ssl, sys
from pathlib import Path
from acra_twisted.daemon.libraries import give_back

def of_files():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

def used():
    return hashlib.sha256(b"x").hexdigest(), json.dumps({"a": [1, 2.5]}), ssl.OPENSSL_VERSION

before = used()
held = of_files()
given = give_back()
left = of_files()
assert used() == before
print(given, held, left)
"""


def mapping(place, may="r-xp", number=7, own=0, swapped=0, there=64):
    return [
        line.encode() + b"\n"
        for line in (
            _HEAD.format(place, may, number),
            "Size:                 64 kB",
            f"Rss:             {there:8} kB",
            f"Anonymous:       {own:8} kB",
            "LazyFree:              0 kB",
            f"Swap:            {swapped:8} kB",
            "SwapPss:               0 kB",
            "VmFlags: rd ex mr mw me sd",
        )
    ]


def place(number):
    return int(f"7f00{number}000", 16), int(f"7f00{number}fff", 16)


class Mappings(SynchronousTestCase):
    def test_code_and_constants_of_files(self):
        lines = [*mapping(1), *mapping(2, "r--p")]
        self.assertEqual(list(unchanged(lines)), [place(1), place(2)])

    def test_what_is_or_was_written_is_kept(self):
        lines = [
            *mapping(1, "rw-p"),
            *mapping(2, "rwxp"),
            *mapping(3, "r--p", own=4),
            *mapping(4, "r--p", swapped=4),
            *mapping(5, "r-xp", own=8, swapped=4),
            *mapping(6, "r--s"),
            *mapping(7, "---p"),
            *mapping(8, number=0),
            *mapping(9, there=0),
        ]
        self.assertEqual(list(unchanged([*lines, *mapping("a")])), [place("a")])

    def test_lines_that_are_missing(self):
        lines = mapping(1)
        for left_out in (3, 5):
            cut = lines[:left_out] + lines[left_out + 1 :]
            self.assertEqual(list(unchanged([*cut, *mapping(2)])), [place(2)])

    @given(st.lists(st.binary(max_size=60)))
    def test_any_lines(self, lines):
        self.assertEqual(list(unchanged([*lines, b"\n", *mapping(1)]))[-1:], [place(1)])


class GivenBack(SynchronousTestCase):
    def test_pages_come_again_when_they_are_used(self):
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        self.assertEqual(done.stderr, "")
        given_back, held, left = map(int, done.stdout.split())
        self.assertGreater(given_back, 0)
        self.assertLess(left, held / 2)

    def test_nothing_is_done_beside_another_thread(self):
        ended = threading.Event()
        thread = threading.Thread(target=ended.wait)
        thread.start()
        try:
            self.assertEqual(give_back(), 0)
        finally:
            ended.set()
            thread.join()

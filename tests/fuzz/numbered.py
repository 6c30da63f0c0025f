"""Inputs of fuzzers by number, the same on each machine and for every Python.

An input follows from its number alone: each seed of a fuzzer has a row of inputs, which
`random.Random` makes of it.  What ran before, and what that ran through, play no part: coverage
differs from one Python to the next, and so does all that is led by it.  Nor does an input that is
kept change those of other seeds: it adds a row of its own.
"""

from __future__ import annotations

import ast
import random
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from resource import RLIMIT_DATA, getrlimit, setrlimit
from types import FrameType
from typing import NamedTuple

from tests.fuzz.changes import Bytes, Mutator

#: Inputs that were found once, in a folder for each fuzzer.
CORPUS = Path(__file__).with_name("corpus")
#: How many changes are piled up in an input.
_PILED = (1, 1, 1, 2, 2, 3, 5)
#: Longest that an input may take, seconds of processor time; memory at most, bytes.
_SECONDS = 20
_MEMORY = 1500 << 20
#: The end of what an error says, characters: it may quote inputs several times.
_SAID = 6000


class Inputs(NamedTuple):
    """The inputs of a fuzzer: ``seeds`` to begin with, parts of which come into others, the most
    bytes that one has, what changes one by its meaning, if anything does, a file of libFuzzer's
    with words that come into it, and more to begin with: inputs that were ``found`` once."""

    seeds: Sequence[bytes]
    longest: int
    mutator: Mutator | None = None
    words: Path | None = None
    found: Sequence[bytes] = ()

    def first(self) -> list[bytes]:
        """All of those to begin with, each once, as long as they may be."""
        return list(dict.fromkeys(one[: self.longest] for one in (*self.seeds, *self.found)))


def kept(name: str) -> list[bytes]:
    """The inputs that are kept for a fuzzer, if any are, always in one order."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def words_of(path: Path) -> list[bytes]:
    """The words in a dictionary of libFuzzer's."""
    lines = path.read_text("ascii").splitlines()
    return [ast.literal_eval("b" + line) for line in lines if line.startswith('"')]


def by_number(inputs: Inputs) -> Callable[[int], bytes]:
    """A function that returns the input of a number: first come the seeds as they are, then one
    that is made of each, and so on."""
    rows = [(seed, int.from_bytes(sha256(seed).digest()[:8])) for seed in inputs.first()]
    plain = Bytes(inputs.seeds, words_of(inputs.words) if inputs.words else ())

    def made(number: int) -> bytes:
        place, row = divmod(number, len(rows))
        data, own = rows[row]
        if not place:
            return data
        chance = random.Random(own + place)
        for _ in range(chance.choice(_PILED)):
            if inputs.mutator is None:
                data = plain.changed(data, inputs.longest, chance)
            else:
                data = inputs.mutator.changed(
                    data,
                    inputs.longest,
                    chance,
                    lambda part, longest: plain.changed(part, longest, chance),
                )
        return data

    return made


def digest(inputs: Inputs, count: int) -> str:
    """A hash of the first ``count`` inputs."""
    made, summed = by_number(inputs), sha256()
    for number in range(count):
        _add(summed, made(number))
    return summed.hexdigest()


class TooLong(BaseException):
    """An input takes longer than it may; nothing that is tried may catch this."""


def run(
    check: Callable[[bytes], None], inputs: Inputs, count: int, seconds: float = _SECONDS
) -> int:
    """Try the first ``count`` inputs up to the first that is wrong, and tell how many these were,
    with a hash of them, or what was found, with the input.  Return the program's exit status.

    One that takes more than ``seconds`` of processor time, or too much memory, is wrong."""
    setrlimit(RLIMIT_DATA, (_MEMORY, getrlimit(RLIMIT_DATA)[1]))
    made, summed = by_number(inputs), sha256()
    for number in range(count):
        data = made(number)
        _add(summed, data)
        if not tried(check, data, f"input {number}", seconds):
            return 1
    print(f"Done {count} inputs, {summed.hexdigest()}", file=sys.stderr)
    return 0


def tried(
    check: Callable[[bytes], None], data: bytes, name: str, seconds: float = _SECONDS
) -> bool:
    """Try one input; return False if it is wrong, and tell what was found."""
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        check(data)
    except KeyboardInterrupt:
        raise
    except BaseException:
        signal.setitimer(signal.ITIMER_PROF, 0)
        said = traceback.format_exc()[-_SAID:]
        print(f"{said}\nFound by {name}:\n{data!r}", file=sys.stderr)
        return False
    signal.setitimer(signal.ITIMER_PROF, 0)
    return True


def _add(summed, data: bytes) -> None:
    summed.update(len(data).to_bytes(4, "big"))
    summed.update(data)


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong

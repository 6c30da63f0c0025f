"""Check that a signed log is unchanged, by replaying its chains.

A key may have been rotated meanwhile.  Each chain is replayed with the key that fits its first
line; newer chains are not signed with older keys.

Acra writes some lines before it signs any, at each start.  Where no chain is open they are neither
proven nor a sign of tampering.  Our chains begin with the first line: what stands behind one of
them and has no value was added, or was signed once.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from acra_twisted.telemetry.logs import chain
from acra_twisted.telemetry.logs.chain import Signed


class Problem(NamedTuple):
    """``line`` counts from 1, over all files in order."""

    line: int
    text: str


class Run(NamedTuple):
    """Lines without a value that can be checked, from ``first`` to ``last``.

    ``foreign``: they are JSON that Acra has signed.
    """

    first: int
    last: int
    foreign: bool


class Verified(NamedTuple):
    """The result: ``chains`` by number of the key, ``open_chain`` if the last has not ended."""

    lines: int
    chains: list[int]
    problems: list[Problem]
    unsigned: list[Run]
    open_chain: bool


def verify(lines: Iterable[str], keys: Sequence[bytes]) -> Verified:
    """Replay chains over the lines of a log.  ``keys`` are the log's, the newest first.  At a
    problem it goes on with the next chain."""
    replay = _Replay(keys)
    number = 0
    for number, text in enumerate(lines, 1):
        line = text.rstrip("\n")
        signed = chain.read(line)
        if signed is None:
            replay.take_unsigned(number, line)
        else:
            replay.take(number, signed)
    return Verified(
        number, replay.chains, replay.problems, replay.unsigned, replay.state is not None
    )


class _Replay:
    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = [hashlib.sha256(key).digest() for key in keys]
        self.chains = [0] * len(keys)
        self.problems: list[Problem] = []
        self.unsigned: list[Run] = []
        #: Key and hash before the next line; None where no chain is open.
        self.state: tuple[bytes, bytes] | None = None
        # Later lines cannot be judged before another chain begins; that is already reported.
        self._lost = False
        self._last = ""
        # The number of the key of the chain before, and whether that chain is one of ours.
        self._key: int | None = None
        self._ours = False

    def _problem(self, number: int, text: str) -> None:
        self.problems.append(Problem(number, text))
        self.state, self._lost = None, True

    def take_unsigned(self, number: int, line: str) -> None:
        """A line without a value."""
        if self.state is None and not self._ours:
            if not self._lost:
                self._add_unsigned(number, chain.is_acras_json(line))
        elif not self._lost:
            text = "the line has no integrity value: it was cut off, or added"
            if not self._ours:
                text += "; or a chain of AcraConnector's stands before it, which ends none"
            self._problem(number, text)

    def _add_unsigned(self, number: int, foreign: bool) -> None:
        before = self.unsigned[-1] if self.unsigned else None
        if before is not None and (before.last, before.foreign) == (number - 1, foreign):
            self.unsigned[-1] = before._replace(last=number)
        else:
            self.unsigned.append(Run(number, number, foreign))

    def take(self, number: int, signed: Signed) -> None:
        """A line with a value."""
        # Also of a line that is none of a chain: what was lost there has been said already.
        before, self._last = self._last, signed.integrity
        if signed.begins:
            self._begin(number, signed, before)
        elif self.state is not None:
            self._step(number, signed, self.state)
        elif not self._lost:
            self._problem(number, "the line belongs to no chain")

    def _begin(self, number: int, signed: Signed, before: str) -> None:
        if self.state is not None:
            self._problem(number, "a chain begins and the one before has not ended")
        previous = chain.previous_of(signed.body)
        if self._key is not None and previous and previous != before:
            self._problem(number, "a chain is missing before this one")
        if self._key is None and self.unsigned and previous not in ("", "none"):
            self._problem(number, "lines without a value stand where signed ones were")
        self._ours = bool(previous)
        self._lost = False
        place = self._place_of(signed)
        if place is None:
            self._problem(
                number,
                "this line was changed, or it was signed with a key that is not in keys_dir",
            )
            return
        if self._key is not None and place > self._key:
            self._problem(
                number, "this chain is signed with a key that was rotated before the chain before"
            )
        self._key = place
        self.chains[place] += 1
        self._step(number, signed, (self._keys[place], b""))

    def _place_of(self, signed: Signed) -> int | None:
        """The key that the first line of a chain is signed with."""
        for place, key in enumerate(self._keys):
            if hmac.compare_digest(chain.step(key, b"", signed.body)[2], signed.integrity):
                return place
        return None

    def _step(self, number: int, signed: Signed, state: tuple[bytes, bytes]) -> None:
        key, digest, expected = chain.step(*state, signed.body)
        if not hmac.compare_digest(expected, signed.integrity):
            self._problem(number, "this line was changed, or lines before it are missing")
            return
        self.state = None if chain.is_end(signed.body) else (key, digest)
        self._lost = False

r"""Regular expressions that are safe for values of strangers.

The matcher remembers in which place of the value each part of the expression has been tried, and
tries none there again: its time is at most the size of the expression times the length of the
value, whatever both are.  (Python's own module needs exponential time for some.)  The syntax and
the groups are those of Python, without assertions, references to groups and flags.  An expression
matches the whole value; ``^`` at its beginning and ``$`` at its end say the same and are allowed.
"""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.errors import ConfigError

#: Characters of an expression, characters of a value, steps of a program, and groups in groups,
#: at most.
EXPRESSION_LIMIT: Final = 200
VALUE_LIMIT: Final = 1024
_PROGRAM_LIMIT: Final = 500
_DEPTH_LIMIT: Final = 20

# Steps of a program: a character to match; two places to go on at, the first preferred; the
# beginning (even) or the end (odd) of a group.
_Step = re.Pattern[str] | tuple[int, int] | int
_CLASSES: Final = frozenset("dDwWsS")
_QUANTIFIER: Final = re.compile(r"(?:([*+?])|\{(\d{1,4})(?:(,)(\d{1,4})?)?\})(\??)")
_GROUPS: Final = re.compile(r"\((?:\?:)?")
# A bracket in a class is escaped: ``[[:alpha:]]`` means something else in other languages.
_CLASS: Final = re.compile(r"\[\^?\]?(?:[^\[\]\\]|\\.)*\]", re.DOTALL)
# Python keeps these for operations on sets.
_SETS: Final = re.compile(r"--|&&|~~|\|\|")
_SIMPLE: Final = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class Expression:
    """``groups`` is the number of its groups.  Raises ConfigError if it
    cannot be used."""

    def __init__(self, text: str) -> None:
        if len(text) > EXPRESSION_LIMIT:
            raise ConfigError(f"an expression of more than {EXPRESSION_LIMIT} characters")
        parser = _Parser(text)
        self._program = parser.program()
        self.groups = parser.groups

    def match(self, value: str) -> tuple[str, ...] | None:
        """Return the whole value and its groups, if the value matches; a group without a part is
        empty.  Raises ValueError for one that is longer than VALUE_LIMIT."""
        if len(value) > VALUE_LIMIT:
            raise ValueError("a value is too long to be matched")
        program, size = self._program, len(value)
        marks = [-1] * (2 * self.groups)
        tried: set[tuple[int, int]] = set()
        # Places to go on at, and below each the marks to restore before that.
        stack: list[tuple[int, int]] = [(0, 0)]
        while stack:
            place, at = stack.pop()
            if place < 0:
                marks[~place] = at
                continue
            while (place, at) not in tried:
                tried.add((place, at))
                if place == len(program):
                    if at == size:
                        ends = zip(marks[::2], marks[1::2], strict=True)
                        return (value, *(value[begin:end] for begin, end in ends))
                    break
                step = program[place]
                if isinstance(step, tuple):
                    stack.append((place + step[1], at))
                    place += step[0]
                elif isinstance(step, int):
                    stack.append((~step, marks[step]))
                    marks[step] = at
                    place += 1
                elif step.match(value, at):
                    place, at = place + 1, at + 1
                else:
                    break
        return None


class _Parser:
    """Reads an expression into the steps of a program."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.groups = 0

    def program(self) -> list[_Step]:
        """Read all of it.  Raises ConfigError."""
        if self._text.startswith("^"):
            self._at = 1
        steps = self._choice()
        if self._text[self._at :] == "$":
            self._at += 1
        if self._at < len(self._text):
            raise self._bad(f"{self._text[self._at]!r} in the wrong place")
        return steps

    def _bad(self, why: str) -> ConfigError:
        return ConfigError(f"bad expression: {why} at character {self._at + 1}")

    def _choice(self) -> list[_Step]:
        choices = [self._sequence()]
        while self._text[self._at : self._at + 1] == "|":
            self._at += 1
            choices.append(self._sequence())
        steps = choices.pop()
        for choice in reversed(choices):
            # The choice ends with a step over all that follow.
            steps = [(1, len(choice) + 2), *choice, (len(steps) + 1,) * 2, *steps]
        return steps

    def _sequence(self) -> list[_Step]:
        steps: list[_Step] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            if self._text[self._at :] == "$":
                break
            part = self._atom()
            quantifier = _QUANTIFIER.match(self._text, self._at)
            if quantifier is not None:
                part = self._repeated(part, quantifier)
                self._at = quantifier.end()
            steps += part
            if len(steps) > _PROGRAM_LIMIT:
                raise self._bad("it is too large")
        return steps

    def _repeated(self, part: list[_Step], quantifier: re.Match[str]) -> list[_Step]:
        sign, low, comma, high, lazy = quantifier.groups()
        least: int
        most: int | None
        if sign:
            least, most = _SIMPLE[sign]
        else:
            least = int(low)
            most = int(high) if high else None if comma else least
        if most is not None and most < least:
            raise self._bad("a repetition of more than its most")
        if (len(part) + 1) * max(least + 1, most or 0) > _PROGRAM_LIMIT:
            raise self._bad("it is too large")

        def fork(here: int, over: int) -> tuple[int, int]:
            return (over, here) if lazy else (here, over)

        steps = part * least
        if most is None:
            steps += [fork(1, len(part) + 2), *part, (-len(part) - 1,) * 2]
        else:
            size = len(part) + 1
            for left in range(most - least, 0, -1):
                steps += [fork(1, left * size), *part]
        return steps

    def _atom(self) -> list[_Step]:
        text, at = self._text, self._at
        c = text[at]
        if c == "(":
            return self._group()
        if c in "*+?{^$":
            raise self._bad(f"{c!r} in the wrong place")
        end = at + 1
        if c == "[":
            found = _CLASS.match(text, at)
            if found is None or _SETS.search(found.group()):
                raise self._bad("an unusable class")
            end = found.end()
        elif c == "\\":
            end = at + 2
            known = text[at + 1 : end]
            if not known or (known.isalnum() and known not in _CLASSES):
                raise self._bad("an unknown escape")
        try:
            step = re.compile(text[at:end], re.DOTALL)
        except re.error:
            raise self._bad("an unusable class") from None
        self._at = end
        return [step]

    def _group(self) -> list[_Step]:
        begin = _GROUPS.match(self._text, self._at)
        assert begin is not None  # noqa: S101 - it begins with a bracket
        self._at = begin.end()
        self._depth += 1
        if self._depth > _DEPTH_LIMIT:
            raise self._bad("too many groups in groups")
        number = -1
        if begin.group() == "(":
            if self._text[self._at : self._at + 1] == "?":
                raise self._bad("an extension")
            number, self.groups = self.groups, self.groups + 1
        steps = self._choice()
        if self._text[self._at : self._at + 1] != ")":
            raise self._bad("a group without an end")
        self._at += 1
        self._depth -= 1
        return steps if number < 0 else [2 * number, *steps, 2 * number + 1]

"""The result of one check, and results as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, TextIO

OK: Final = "ok"
WARN: Final = "warn"
FAIL: Final = "FAIL"


class Result(NamedTuple):
    """``about`` names what was looked at; ``remedy`` is what mends it, empty if nothing is to be
    mended or nobody can know."""

    state: str
    about: str
    text: str
    remedy: str = ""


def ok(about: str, text: str) -> Result:
    """Nothing is wrong."""
    return Result(OK, about, text)


def warn(about: str, text: str, remedy: str = "") -> Result:
    """It works, and should not stay so."""
    return Result(WARN, about, text, remedy)


def fail(about: str, text: str, remedy: str = "") -> Result:
    """It does not work, or not as it is configured."""
    return Result(FAIL, about, text, remedy)


def of_lines(state: str, about: str, text: str) -> list[Result]:
    """A result for each line of a message that has several; a remedy follows the last semicolon
    of those that have one."""
    found = []
    for line in text.splitlines():
        what, _, remedy = line.rpartition("; ")
        found.append(Result(state, about, what, remedy) if what else Result(state, about, line))
    return found


def lines_of(result: Result) -> list[str]:
    """A result for people: one line, and one with an arrow if there is something to do."""
    lines = [f"{result.state:<5} {result.about + ':':<14} {result.text}"]
    if result.remedy:
        lines.append(f"      -> {result.remedy}")
    return lines


class Report:
    """Takes results as they become known; writes each at once unless ``quiet``."""

    def __init__(self, output: TextIO, quiet: bool = False) -> None:
        self._output = output
        self._quiet = quiet
        self.results: list[Result] = []

    def __call__(self, result: Result) -> None:
        """Take one."""
        self.results.append(result)
        if not self._quiet:
            self._output.write("".join(f"{line}\n" for line in lines_of(result)))
            self._output.flush()

    @property
    def failed(self) -> bool:
        """True if something is wrong."""
        return any(result.state == FAIL for result in self.results)


def summary(results: Sequence[Result]) -> str:
    """How many of each kind."""
    counts = dict.fromkeys((OK, WARN, FAIL), 0)
    for result in results:
        counts[result.state] += 1
    return f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} wrong"


def as_records(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Results for JSON."""
    return [{**result._asdict(), "state": result.state.lower()} for result in results]

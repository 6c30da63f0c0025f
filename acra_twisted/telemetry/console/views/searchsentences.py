"""The sentences of the view of traces, and their rules; and the addresses of its searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from acra_twisted.telemetry.console import formats, requests
from acra_twisted.telemetry.console.firststatement import EMPTY
from acra_twisted.telemetry.console.matches import WORDS, verdicts_of
from acra_twisted.telemetry.console.nearly import Nearly
from acra_twisted.telemetry.console.people import NAMELESS, Names
from acra_twisted.telemetry.console.sentences import (
    BAD,
    GOOD,
    PLAIN,
    SLOW,
    Answer,
    Piece,
    Sentence,
    answer,
    link,
    sentence,
    strong,
)
from acra_twisted.telemetry.pages.found import Matches
from acra_twisted.telemetry.pages.matching import Match
from acra_twisted.telemetry.pages.search import ALLOW

HERE: Final = "/console/traces"
#: Verdicts in the order of their weight, with the filter that finds them.
VERDICTS: Final[Mapping[str, str]] = {word: filter_ for filter_, word in WORDS.items()}
_KINDS: Final = {
    requests.POISON: BAD,
    requests.DENIED: BAD,
    requests.FAILED: BAD,
    requests.SLOW: SLOW,
}
#: What nearly all traces have.
_ALLOWED: Final = (ALLOW,)
#: A part of those of one verdict from which on they are "one statement", and those at least.
_MOST, _SEVERAL = 0.6, 3


def address(arguments: Mapping[str, str], verdict: str | None = None, **changed: str) -> str:
    """Return the address of the same search with something else."""
    others = {name: value for name, value in arguments.items() if name != "offset"}
    if verdict is not None:
        changed["verdict"] = verdict
    wanted = {name: value for name, value in {**others, **changed}.items() if value}
    return f"{HERE}?{urlencode(wanted)}"


def said(
    found: Matches,
    kept: int,
    arguments: Mapping[str, str],
    near: Sequence[Nearly] = (),
    names: Names = NAMELESS,
) -> Answer:
    """Return the sentences about traces that were found among so many that are kept;
    ``arguments`` are those of the search, ``near`` is what would fit, and ``names`` name clients.
    """
    some: dict[str, list[Match]] = {kind: [] for kind in _KINDS}
    for match in found.only(lambda one: one.verdicts != _ALLOWED):
        for verdict in verdicts_of(match):
            if verdict in some:
                some[verdict].append(match)
    if not found:
        why = f"None of {formats.several(kept, 'kept trace')} fits" if kept else "No traces yet"
        return answer([], sentence(EMPTY, PLAIN, f"{why}.", *_would_fit(near, arguments)))
    traces = formats.several(len(found), "kept trace")
    none = f"Nothing stands out: of {traces} none was denied, failed, slow or poisoned."
    kind = GOOD
    least = arguments.get("min_ms", "")
    if least:
        # Whoever looks for long ones has found some, whatever the threshold of slow ones is.
        none = f"{traces} took {least} ms or longer: none was denied, failed or poisoned."
        kind = PLAIN
    return answer(
        [
            _alike(verdict, some[verdict], len(found), arguments, names)
            for verdict in _KINDS
            if some[verdict]
        ],
        sentence("nothing", kind, none),
    )


def _alike(
    verdict: str, some: Sequence[Match], whole: int, arguments: Mapping[str, str], names: Names
) -> Sentence:
    """Say what those of a verdict have in common; links narrow the search of these arguments."""
    name, number = Counter(match.name for match in some).most_common(1)[0]
    client, of_client = Counter(match.client_id for match in some).most_common(1)[0]
    rule, kind = verdict, _KINDS[verdict]
    if len(some) >= _SEVERAL and number >= _MOST * len(some):
        where = address(arguments, VERDICTS[verdict], summary=name)
        return sentence(
            rule,
            kind,
            strong(f"{_of_all(number, len(some), verdict)} are of one statement"),
            ", ",
            link(formats.name(name), where),
            f"{_when([match for match in some if match.name == name])}.",
        )
    if len(some) >= _SEVERAL and client and of_client >= _MOST * len(some):
        where = address(arguments, VERDICTS[verdict], client_id=client)
        return sentence(
            rule,
            kind,
            strong(f"{_of_all(of_client, len(some), verdict)} are of one client"),
            ", ",
            link(names.of(client), where),
            f"{_when([match for match in some if match.client_id == client])}.",
        )
    was = "" if verdict == requests.FAILED else "was " if len(some) == 1 else "were "
    where = f"/console/trace?id={some[0].trace_id}"
    if len(some) > 1:
        where = address(arguments, VERDICTS[verdict])
    return sentence(
        rule,
        kind,
        link(formats.several(len(some), "kept trace"), where),
        f" of {formats.count(whole)} {was}{_word(verdict)}{_when(some)}.",
    )


def _of_all(number: int, whole: int, verdict: str) -> str:
    """Tell what the traces are: others may be counted and not kept."""
    if number == whole:
        return f"All {formats.count(whole)} kept {_word(verdict)} traces"
    return f"{formats.count(number)} of the {formats.count(whole)} kept {_word(verdict)} traces"


def _word(verdict: str) -> str:
    return "poisoned" if verdict == requests.POISON else verdict


def _when(some: Sequence[Match]) -> str:
    first, last = min(match.start for match in some), max(match.start for match in some)
    begin, end = formats.clock(first), formats.clock(last)
    return f", at {begin}" if begin == end else f", {begin} to {end}"


def _would_fit(near: Sequence[Nearly], arguments: Mapping[str, str]) -> list[str | Piece]:
    found: list[str | Piece] = []
    for name, traces in near:
        found.append(", without " if found else " Without ")
        found.append(link(name, address(arguments, **{name: ""})))
        found.append(f" there {'is' if traces == 1 else 'are'} {formats.count(traces)}")
    return [*found, "."] if found else []

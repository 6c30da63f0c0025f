"""The rows of a long VALUES list, each like one of few: one of each kind is parsed, and its plan
holds for all.

Source: the transparent-encryption reference, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.syntax import Text
from acra_twisted.sql import lexer

#: Rows of a list that is worth it.
_FEWEST: Final = 16
#: Kinds of rows: with ten columns that may be NULL there are more.
_MOST_KINDS: Final = 1_000


class Row(NamedTuple):
    """A row: the numbers of its brackets' tokens, and where it and the comma before it stand."""

    first: int
    last: int
    start: int
    end: int


class Alike(NamedTuple):
    """Rows that are not parsed: each like the one in ``model``."""

    model: Row
    others: Sequence[Row]


def find(text: Text) -> list[Alike]:
    """The rows that need not be parsed.

    Rows are alike if they have the same tokens but for the values of literals and the numbers of
    parameters, and the very same inside further brackets.
    """
    found: list[Alike] = []
    for rows in _lists(text):
        if len(rows) < _FEWEST:
            continue
        kinds: dict[tuple[bytes, ...], list[Row]] = {}
        for row in rows:
            kinds.setdefault(_shape(text, row), []).append(row)
        if len(kinds) <= _MOST_KINDS:
            found += (Alike(same[0], same[1:]) for same in kinds.values() if len(same) > 1)
    return found


def unread(found: Sequence[Alike]) -> list[tuple[int, int]]:
    """The spans of the rows that need not be parsed."""
    return [(row.start, row.end) for alike in found for row in alike.others]


def spread(analysis: Analysis, found: Sequence[Alike], start: int, end: int) -> None:
    """Give the rows that were not parsed the uses and edits of those that are like them, for the
    statement that is ``text[start:end]``."""
    tokens = analysis.text.tokens
    edits: dict[int, list[tuple[int, bytes]]] = {}
    for (begin, last), new in analysis.edits.items():
        edits.setdefault(last, []).append((begin, new))
    for model, others in found:
        if start <= model.start < end:
            row = range(model.first, model.last + 1)
            begins = {tokens[number][1]: number for number in row}
            ends = {tokens[number][2]: number for number in row}
            for other in others:
                shift = other.first - model.first
                _use(analysis, begins, ends, shift)
                _edit(analysis, edits, begins, ends, shift)


def _use(analysis: Analysis, begins: dict[int, int], ends: dict[int, int], shift: int) -> None:
    tokens = analysis.text.tokens
    for start, number in begins.items():
        uses = analysis.uses.get(start)
        at = tokens[number + shift][1]
        if uses is not None:
            leaf = analysis.leaves[start]
            analysis.uses[at] = uses
            analysis.leaves[at] = leaf._replace(
                start=at,
                begin=tokens[begins[leaf.begin] + shift][1],
                end=tokens[ends[leaf.end] + shift][2],
            )
        if start in analysis.deciding:
            analysis.deciding.add(at)


def _edit(
    analysis: Analysis,
    edits: dict[int, list[tuple[int, bytes]]],
    begins: dict[int, int],
    ends: dict[int, int],
    shift: int,
) -> None:
    tokens = analysis.text.tokens
    for end, number in ends.items():
        moved = tokens[number + shift][2]
        for begin, new in edits.get(end, ()):
            if begin == end:
                analysis.edits[moved, moved] = new
            elif begin in begins:
                analysis.edits[tokens[begins[begin] + shift][1], moved] = new


def _lists(text: Text) -> Iterator[list[Row]]:
    """The rows of each VALUES of a text."""
    tokens, source = text.tokens, text.text
    number = 0
    while number < len(tokens):
        kind, start, end = tokens[number]
        number += 1
        if kind != lexer.WORD or end - start != 6 or source[start:end].lower() != b"values":
            continue
        rows: list[Row] = []
        begin = end
        while number < len(tokens) and source[tokens[number][1] : tokens[number][2]] == b"(":
            last = text.closing(number)
            if last < 0:
                break
            rows.append(Row(number, last, begin, tokens[last][2]))
            number = last + 1
            if text.shown(number) != b",":
                break
            begin = tokens[number][1]
            number += 1
        yield rows


def _shape(text: Text, row: Row) -> tuple[bytes, ...]:
    shape: list[bytes] = []
    depth = 0
    source = text.text
    for kind, start, end in text.tokens[row.first : row.last + 1]:
        shown = source[start:end]
        if kind == lexer.OPERATOR:
            depth += (shown in (b"(", b"[")) - (shown in (b")", b"]"))
        elif depth == 1 and kind in lexer.LITERALS:
            shown = kind.encode()
        elif depth == 1 and kind == lexer.PARAMETER:
            shown = b"$"
        shape.append(shown)
    return tuple(shape)

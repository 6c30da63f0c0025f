"""The rows of a long VALUES list, each like one of few: one of each kind is parsed, and its plan
holds for all.

Source: the transparent-encryption reference, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.syntax import Text
from acra_twisted.encryption.postgresql.values import Leaf
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


def spread(analysis: Analysis, found: Sequence[Alike]) -> None:
    """Give the rows that were not parsed the uses and edits of those that are like them."""
    tokens = analysis.text.tokens
    for model, others in found:
        begins = {tokens[n][1]: n for n in range(model.first, model.last + 1)}
        ends = {tokens[n][2]: n for n in range(model.first, model.last + 1)}
        uses = [(begins[at], uses) for at, uses in analysis.uses.items() if at in begins]
        edits = [(span, new) for span, new in analysis.edits.items() if span[1] in ends]
        edits = [(span, new) for span, new in edits if span[0] in begins or span[0] in ends]
        deciding = [begins[at] for at in analysis.deciding if at in begins]
        for row in others:
            shift = row.first - model.first
            for number, same in uses:
                at = tokens[number + shift][1]
                analysis.uses[at] = same
                leaf = analysis.leaves[tokens[number][1]]
                analysis.leaves[at] = _moved(analysis.text, leaf, begins, ends, shift)
            analysis.deciding.update(tokens[number + shift][1] for number in deciding)
            for (start, end), new in edits:
                moved = tokens[ends[end] + shift][2]
                whole = start < end
                begin = tokens[begins[start] + shift][1] if whole else moved
                analysis.edits[begin, moved] = new


def _moved(
    text: Text, leaf: Leaf, begins: dict[int, int], ends: dict[int, int], shift: int
) -> Leaf:
    tokens = text.tokens
    return leaf._replace(
        start=tokens[begins[leaf.start] + shift][1],
        begin=tokens[begins[leaf.begin] + shift][1],
        end=tokens[ends[leaf.end] + shift][2],
    )


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

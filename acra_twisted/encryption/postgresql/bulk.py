"""The rows of a long VALUES list, each like one of few: one of each kind is parsed, and its plan
holds for all.

Source: the transparent-encryption reference, section 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.syntax import Statement, Text, node
from acra_twisted.sql import lexer

#: Rows of a list that is worth it.
FEWEST: Final = 16
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


def find(text: Text, fewest: int = FEWEST) -> list[Alike]:
    """The rows that need not be parsed, of lists that have ``fewest``.

    Rows are alike if they have the same tokens but for the values of literals and the numbers of
    parameters, and the very same inside further brackets.  ``values`` may be an alias or a function
    in the text as well: the tree without these rows tells it (`are_rows`).
    """
    found: list[Alike] = []
    for rows in _lists(text):
        if len(rows) < fewest:
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


def are_rows(text: Text, found: Sequence[Alike], statements: Sequence[Statement]) -> bool:
    """Tell whether each model is a row of a VALUES list in the tree: then all that stands behind it
    and a comma is a row, too.

    A row has no location of its own: it is known by where its first value begins, behind no more
    than brackets.
    """
    begins = set(_first_values([one.fields for one in statements])) if found else set()
    return all(begins.intersection(_behind_brackets(text, one.model)) for one in found)


def _first_values(tree: Any) -> Iterator[int]:
    """The offsets at which the first values of the rows of all VALUES lists begin."""
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for row in item.get("valuesLists", ()):
                yield min(_locations(node(row)[1].get("items", [])[:1]), default=-1)
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _locations(tree: Any) -> Iterator[int]:
    waiting = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            location = item.get("location", -1)
            if location >= 0:
                yield location
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _behind_brackets(text: Text, row: Row) -> Iterator[int]:
    """The offsets of a row's first token, and of those behind it as long as only brackets stand
    before them."""
    number = row.first
    while text.shown(number) == b"(":
        number += 1
        yield text.tokens[number][1]


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

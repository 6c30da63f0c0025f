"""The plan of a statement from the uses and edits that a walk through its tree found."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import LiteralUse, ParameterUse, StatementPlan, Use
from acra_twisted.encryption.postgresql import values
from acra_twisted.encryption.postgresql.analysis import Analysis, alone
from acra_twisted.encryption.postgresql.statements import Found
from acra_twisted.encryption.postgresql.syntax import Statement, Text, is_glued
from acra_twisted.encryption.refusals import refused

#: Signs behind which a word may stand without a blank.
_SIGNS: Final = (b"(", b"[", b",")

#: A place of the text, and what stands there instead: a text, or a literal by its ordinal.
_Piece = tuple[int, int, bytes | int]


def assemble(analysis: Analysis, statement: Statement, found: Found) -> StatementPlan:
    """The plan.  Raises StatementRefusedError if its parts do not fit together."""
    text = analysis.text
    edits = dict(analysis.edits)
    parameters = _parameters(analysis, statement, edits)
    pieces: list[_Piece] = [(start, end, new) for (start, end), new in edits.items()]
    literals: list[LiteralUse] = []
    added: list[bytes] = []
    for start, uses in analysis.uses.items():
        leaf = analysis.leaves[start]
        use = next(iter(uses))
        if use is None or text.text[start : start + 1] == b"$" and text.ordinal(start) < 0:
            continue
        ordinal = text.ordinal(start)
        if leaf.kind == values.WORD:
            ordinal = len(text.literals) + len(added)
            added.append(b"'" + text.text[leaf.begin : leaf.end].lower() + b"'")
        pieces.append((leaf.begin, leaf.end, ordinal))
        literals.append(LiteralUse(ordinal, use, leaf.negative, leaf.decoding))
    parts, slots = _pieces(text, statement, pieces)
    literals.sort()
    return StatementPlan(
        None,
        parts,
        slots,
        literals,
        () if found.prepares else parameters,
        found.results,
        analysis.names.number,
        added,
        found.prepares,
        found.copies,
        tuple(analysis.matched),
        tuple(analysis.asked),
        bool(pieces or parameters),
        found.executes,
        found.declares,
        found.notice,
    )


def unchanged(text: Text, statement: Statement, number: int) -> StatementPlan:
    """The plan of a statement that touches nothing protected."""
    parts, slots = _pieces(text, statement, [])
    return StatementPlan(parts=parts, slots=slots, schema=number)


def _pieces(
    text: Text, statement: Statement, pieces: list[_Piece]
) -> tuple[list[bytes], list[int]]:
    """The parts of the statement, and the ordinals of the literals between them."""
    covered = list(pieces)
    replaced = {start for start, _, new in pieces if isinstance(new, int)}
    for place in text.literals_of(statement):
        start, end = text.literals[place]
        if start not in replaced:
            covered.append((start, end, place))
    # Where several begin, an insertion comes first, and of the others the longest counts.
    covered.sort(key=lambda piece: (piece[0], piece[1] > piece[0], -piece[1]))
    parts: list[bytes] = []
    slots: list[int] = []
    part: list[bytes] = []
    position = statement.start
    for start, end, new in covered:
        if start < position:
            if end > position:
                raise refused(refusals.UNPARSABLE, None, "two changes of the statement overlap")
            continue
        part.append(text.text[position:start])
        if isinstance(new, int):
            parts.append(part[0] if len(part) == 1 else b"".join(part))
            part.clear()
            slots.append(new)
        else:
            part.append(new)
            if not new.endswith(_SIGNS) and is_glued(text.text, end):
                part.append(b" ")
        position = end
    part.append(text.text[position : statement.end])
    parts.append(b"".join(part))
    return parts, slots


def _parameters(
    analysis: Analysis, statement: Statement, edits: dict[tuple[int, int], bytes]
) -> list[ParameterUse]:
    """The parameters of the text that is sent: one for each use that a parameter has."""
    places: dict[int, dict[Use | None, list[tuple[int, int]]]] = {}
    named: dict[Use | None, Use | None] = {}
    for number, use, start, end in analysis.parameters(statement):
        named.setdefault(alone(use), use)
        places.setdefault(number, {}).setdefault(alone(use), []).append((start, end))
    if not any(use for uses in places.values() for use in uses):
        return []
    last = max(places)
    found = [ParameterUse(number, None) for number in range(1, last + 1)]
    for number, uses in sorted(places.items()):
        for rank, (use, spans) in enumerate(uses.items()):
            if not rank:
                found[number - 1] = ParameterUse(number, named[use])
                continue
            found.append(ParameterUse(number, named[use]))
            for span in spans:
                edits[span] = b"$%d" % len(found)
    return found

"""Targets of ON CONFLICT: the unique index that tells equal values.

Values of a searchable column are told by a unique index on their search prefixes alone, so that
``ON CONFLICT (c)`` becomes ``ON CONFLICT ((substr(c, 1, 33)))``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.extents import Extent
from acra_twisted.encryption.postgresql.operands import compared, is_searchable
from acra_twisted.encryption.postgresql.schema import PREFIX, RAW, VIEW, Key, Relation
from acra_twisted.encryption.postgresql.syntax import Fields, Text, node
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from acra_twisted.sql import lexer

_TARGET: Final = "is the target of ON CONFLICT"
_NO_INDEX: Final = f"{_TARGET}, and no unique index tells its equal values"
_UNKNOWN: Final = f"{_TARGET} in a form that is not known"
_MAKE: Final = "make a unique index on substr({}, 1, 33)"
_NAMES: Final = (lexer.WORD, lexer.QUOTED)


def constraint(analysis: Analysis, relation: Relation, name: str) -> None:
    """Judge ON CONFLICT ON CONSTRAINT.  Raises StatementRefusedError for one that compares what is
    stored in a protected column, which is never equal."""
    settings = analysis.names.columns(relation)
    if name and relation.kind == VIEW and settings:
        # It is one of the table behind the view.
        raise refused(refusals.CONFLICT_TARGET, next(iter(settings.values())), _UNKNOWN)
    numbers = [key.column for one in relation.indexes if one.name == name for key in one.keys]
    for attached in relation.attached:
        numbers += attached.columns if attached.name == name else ()
    for number in numbers:
        setting = settings.get(number)
        if setting is not None and not _is_told(setting):
            raise refused(refusals.CONFLICT_TARGET, setting, _NO_INDEX)
        if setting is not None:
            analysis.match(setting)


def columns(analysis: Analysis, relation: Relation, infer: Fields) -> None:
    """Judge the columns of ON CONFLICT, and put search prefixes in the place of those that are
    searchable.  Expressions are judged elsewhere.  Raises StatementRefusedError."""
    elements = [node(one)[1] for one in infer.get("indexElems", ())]
    known = analysis.names.columns(relation)
    settings: dict[int, ColumnSetting] = {}
    keys: list[Key] = []
    for at, element in enumerate(elements):
        attribute = relation.attribute(element.get("name", ""))
        setting = known.get(attribute.number) if attribute is not None else None
        if setting is not None:
            settings[at] = setting
        form = PREFIX if setting is not None and setting.kind == SEARCHABLE else RAW
        keys.append(Key(attribute.number if attribute is not None else 0, form))
    for at, setting in settings.items():
        if not is_searchable(setting):
            raise refused(refusals.CONFLICT_TARGET, setting, _TARGET)
        if keys[at].form == PREFIX and not _is_unique(relation, keys):
            hint = _MAKE.format(setting.name)
            raise refused(refusals.CONFLICT_TARGET, setting, _NO_INDEX, hint)
        analysis.match(setting)
    _rewrite(analysis, infer.get("location", 0), settings)


def _is_told(setting: ColumnSetting) -> bool:
    """Tell whether equal values are equal as they are stored."""
    return setting.kind != SEARCHABLE and is_searchable(setting)


def _is_unique(relation: Relation, keys: Sequence[Key]) -> bool:
    """Tell whether a unique index of a table has these keys, in whatever order."""
    return any(
        one.unique and one.usable and not one.partial and set(one.keys) == set(keys)
        for one in relation.indexes
    )


def _rewrite(analysis: Analysis, location: int, settings: Mapping[int, ColumnSetting]) -> None:
    text = analysis.text
    searched = {at: one for at, one in settings.items() if one.kind == SEARCHABLE}
    places = _places(text, text.place(location)) if searched else []
    for at, setting in searched.items():
        place = places[at] if at < len(places) else None
        if place is None or place.first != place.last or text.tokens[place.first][0] not in _NAMES:
            raise refused(
                refusals.CONFLICT_TARGET, setting, f"{_TARGET} in a form that is not known"
            )
        _, start, end = text.tokens[place.first]
        analysis.edit(start, end, b"(" + compared(setting, text.text[start:end]) + b")")


def _places(text: Text, opening: int) -> list[Extent]:
    """The parts between the commas in the brackets that a token opens."""
    closing = text.closing(opening) if text.shown(opening) == b"(" else -1
    found: list[Extent] = []
    first, depth = opening + 1, 0
    for place in range(opening + 1, closing + 1):
        sign = text.shown(place)
        depth += (sign in (b"(", b"[")) - (sign in (b")", b"]"))
        if place == closing or (sign == b"," and not depth):
            found.append(Extent(first, place - 1))
            first = place + 1
    return found

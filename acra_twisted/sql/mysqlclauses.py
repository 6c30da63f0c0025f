"""Clauses of MySQL and MariaDB that sqlglot does not know, and that change no table, column or
value which a statement names: it is shown the statement without them.

Each is recognised by the words around it, so that it is a clause to every server that runs the
statement, and no name.  A placeholder is never left out, for others are counted by their order.
Each has a spot, so that statements with the same words in other spots are told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from acra_twisted.sql import lexer, mysqlforeign

_NAMES: Final = (lexer.WORD, lexer.QUOTED)
_CHARACTERS: Final = (b"char", b"character", b"varchar", b"varcharacter")
_LAYERS: Final = (b"date", b"time", b"timestamp")
_EXPLAINED: Final = (b"select", b"insert", b"update", b"delete", b"replace", b"with")
_EXPLAINING: Final = (b"explain", b"describe", b"desc")
_INDEXES: Final = (b"fulltext", b"spatial")
_ESCAPED_VALUES: Final = (b"d", b"t", b"ts")
_ESCAPED: Final = (b"fn", b"oj")
#: Types of columns, and the one that sqlglot knows.
_TYPES: Final = (
    *(b"inet4", b"inet6", b"point", b"linestring", b"polygon", b"multipoint"),
    *(b"multilinestring", b"multipolygon", b"geometrycollection"),
)
_A_TYPE: Final = "GEOMETRY"
#: Around rows that are a query: the name is none that a text could have.
_FROM_ROWS: Final = "SELECT * FROM ( VALUES"
_BEHIND_ROWS: Final = f") ) AS `{mysqlforeign.marked('values')}`"
_SETS: Final = (b"union", b"except", b"intersect")
_QUERIES: Final = (b"select", b"values", b"with")
_DELETING: Final = (b"low_priority", b"quick", b"ignore")
_TARGETS_END: Final = (b"where", b"returning", b"order", b"limit", b"(")
#: Words of MariaDB behind which a name stands, or that are no name.
_BEFORE_NAMES: Final = (b"table", b"tables", b"index", b"exists", b"on", b"truncate")
#: Statements that wait for a lock as they say at their end.
_WAITING: Final = ((b"drop", b"table"), (b"drop", b"temporary"), (b"drop", b"index"))

#: Around the whole of what a statement reads from, where brackets mean nothing.
_BEFORE_SOURCES: Final = (b"from", b"update")
_BEHIND_SOURCES: Final = (
    *(b"where", b"group", b"order", b"having", b"limit", b"for", b"union", b"set", b")", b"}"),
)


class Shown(NamedTuple):
    """Shown in place of a word is ``text``, empty for nothing.  ``spot`` tells where the word
    stands: its number among the words, or with a minus sign how many are left with it."""

    text: str
    spot: str


class Words:
    """The tokens of a statement that are no comments: kinds, texts in lower case."""

    __slots__ = ("kinds", "texts")

    def __init__(self, kinds: Sequence[str], texts: Sequence[bytes]) -> None:
        self.kinds = kinds
        self.texts = texts

    def at(self, place: int, *texts: bytes) -> bool:
        """Tell whether these words stand at a place.  A quoted name is no word."""
        return place >= 0 and tuple(self.texts[place : place + len(texts)]) == texts

    def is_one_of(self, place: int, texts: Sequence[bytes]) -> bool:
        """Tell whether one of the words stands at a place."""
        return 0 <= place < len(self.texts) and self.texts[place] in texts

    def has_kind(self, place: int, *kinds: str) -> bool:
        """Tell whether the token at a place is of one of the kinds."""
        return 0 <= place < len(self.kinds) and self.kinds[place] in kinds


def shown(words: Words) -> dict[int, Shown]:
    """Places of words that are shown as others, or left out."""
    if not words.texts:
        return {}
    found: set[int] = set()
    # Patterns leave open how many words stand before these.
    at_end: set[int] = set()
    types: Iterable[int] = ()
    verb = words.texts[0]
    if verb in (b"update", b"delete") and b"portion" in words.texts:
        found.update(_portion(words))
    if verb == b"delete":
        found.update(_stars(words))
    elif verb == b"insert" and b"duplicate" in words.texts:
        at_end.update(_qualifiers(words))
    elif verb == b"create":
        found.update(_created(words))
        types = _types(words)
    elif verb in _EXPLAINING:
        if words.at(1, b"partitions") and words.is_one_of(2, _EXPLAINED):
            found.add(1)
    elif verb in (b"drop", b"truncate"):
        found.update(_wait(words))
    if b"examined" in words.texts:
        _rows_examined(words, found, at_end)
    texts = {**dict.fromkeys((*found, *at_end), ""), **dict.fromkeys(types, _A_TYPE)}
    if b"{" in words.texts:
        texts.update(_escapes(words))
    left = len(words.texts)
    spots = {at: Shown(text, f"{at - left if at in at_end else at}") for at, text in texts.items()}
    # The tree has these where they stand.
    rows = _rows(words) if b"values" in words.texts else {}
    return {**spots, **{at: Shown(text, "") for at, text in rows.items()}}


def _rows_examined(words: Words, found: set[int], at_end: set[int]) -> None:
    """``LIMIT 5 ROWS EXAMINED 9``, and the LIMIT where it has no number of its own.  Outside of
    brackets it is among the last words."""
    depth = 0
    for place, text in enumerate(words.texts):
        depth += (text == b"(") - (text == b")")
        if text != b"rows" or not words.at(place + 1, b"examined"):
            continue
        is_bare = words.at(place - 1, b"limit")
        if not is_bare and not words.has_kind(place - 1, lexer.NUMBER, lexer.PARAMETER):
            continue
        if words.has_kind(place + 2, lexer.NUMBER):
            (found if depth else at_end).update(range(place - is_bare, place + 3))


def _portion(words: Words) -> Iterable[int]:
    """``FOR PORTION OF p FROM DATE '...' TO DATE '...'``, with literals alone."""
    for place, text in enumerate(words.texts):
        if text != b"for" or not words.at(place + 1, b"portion", b"of"):
            continue
        end = place + 4
        for word in (b"from", b"to"):
            if not words.at(end, word):
                return
            end += 2 if words.is_one_of(end + 1, _LAYERS) else 1
            if not words.has_kind(end, lexer.STRING, lexer.NUMBER):
                return
            end += 1
            if words.has_kind(end, lexer.STRING):
                # The literal goes on.
                return
        if words.has_kind(place + 3, *_NAMES):
            yield from range(place, end)
        return


def _stars(words: Words) -> Iterable[int]:
    """``DELETE a.*, b.* FROM``, in which the stars mean nothing, and the ``t`` of ``DELETE t FROM
    t``."""
    begin = 1
    while words.is_one_of(begin, _DELETING):
        begin += 1
    for place, text in enumerate(words.texts):
        if text in _TARGETS_END:
            return
        if text == b"." and words.at(place + 1, b"*") and words.has_kind(place - 1, *_NAMES):
            if words.is_one_of(place + 2, (b",", b"from", b"using")):
                yield from (place, place + 1)
        if text == b"from" and place > begin:
            end = place - 2 if words.at(place - 2, b".", b"*") else place
            name = _unquoted(words, begin, end)
            behind = place + 1 + end - begin
            if name and name == _unquoted(words, place + 1, behind):
                if behind == len(words.texts) or words.at(behind, b"where"):
                    yield from range(begin, end)
            return


def _unquoted(words: Words, place: int, end: int) -> list[bytes]:
    """The words from a place up to an end that are a name and dots, without backticks; none if they
    are no name, or more than a name and its schema."""
    found = [text.strip(b"`") for text in words.texts[place:end]]
    is_name = len(found) in (1, 3) and all(words.has_kind(at, *_NAMES) for at in (place, end - 1))
    return found if is_name and (len(found) == 1 or found[1] == b".") else []


def _qualifiers(words: Words) -> Iterable[int]:
    """``VALUES(t.c)`` behind ON DUPLICATE KEY UPDATE: the value of a column of the table that gets
    the row, whatever stands before the dot."""
    is_behind = False
    for place, text in enumerate(words.texts):
        if text == b"duplicate" and words.at(place + 1, b"key", b"update"):
            is_behind = True
        elif is_behind and text == b"select":
            # Values may be rows in a query.
            return
        if not is_behind or text != b"values" or not words.at(place + 1, b"("):
            continue
        name = place + 2
        while words.has_kind(name, *_NAMES) and words.at(name + 1, b"."):
            name += 2
        if name > place + 2 and words.has_kind(name, *_NAMES) and words.at(name + 1, b")"):
            yield from range(place + 2, name)


def _created(words: Words) -> Iterable[int]:
    """Words of CREATE: NATIONAL before a type, FULLTEXT before INDEX, and a DEFINER that is the
    user."""
    if words.is_one_of(1, _INDEXES) and words.at(2, b"index"):
        yield 1
    begin = 3 if words.at(1, b"or", b"replace") else 1
    begin += 3 if words.at(begin, b"algorithm", b"=") else 0
    if words.at(begin, b"definer", b"=", b"current_user"):
        end = begin + (5 if words.at(begin + 3, b"(", b")") else 3)
        if words.is_one_of(end, (b"view", b"sql")):
            yield from range(begin, end)
    depth = 0
    for place, text in enumerate(words.texts):
        depth += (text == b"(") - (text == b")")
        if text == b"national" and depth and words.is_one_of(place + 1, _CHARACTERS):
            # Behind a bracket or a comma it is a column's name.
            if words.has_kind(place - 1, *_NAMES):
                yield place


def _wait(words: Words) -> Iterable[int]:
    """``DROP TABLE t NOWAIT`` and ``WAIT 5``, at the end or before RESTRICT and CASCADE."""
    if words.texts[0] != b"truncate" and tuple(words.texts[:2]) not in _WAITING:
        return
    end = len(words.texts)
    end -= words.is_one_of(end - 1, (b"restrict", b"cascade"))
    place = end - (2 if words.has_kind(end - 1, lexer.NUMBER) else 1)
    if not words.is_one_of(place, (b"nowait",) if place == end - 1 else (b"wait",)):
        return
    if words.has_kind(place - 1, *_NAMES) and not words.is_one_of(place - 1, _BEFORE_NAMES):
        yield from range(place, end)


def _types(words: Words) -> Iterable[int]:
    """Types of columns of a table that is made, behind the column's name."""
    for place, text in enumerate(words.texts):
        if text in _QUERIES:
            return
        if text in _TYPES and words.has_kind(place - 1, *_NAMES):
            if words.is_one_of(place - 2, (b"(", b",")):
                yield place


def _escapes(words: Words) -> dict[int, str]:
    """ODBC's ``{d '2026-01-31'}``, ``{fn f()}`` and ``{oj a LEFT JOIN b}``, with brackets for the
    braces unless these enclose one thing alone."""
    ends = _ends(words)
    found: dict[int, str] = {}
    for place, end in ends.items():
        if words.texts[place] != b"{":
            continue
        is_value = words.is_one_of(place + 1, _ESCAPED_VALUES)
        is_value = is_value and words.has_kind(place + 2, lexer.STRING)
        if is_value or words.is_one_of(place + 1, _ESCAPED):
            is_bare = _is_one(words, ends, place + 2, end) or _is_all_sources(words, place, end)
            found.update(
                {place: "" if is_bare else "(", place + 1: "", end: "" if is_bare else ")"}
            )
    return found


def _ends(words: Words) -> dict[int, int]:
    """Places of brackets and braces that open, each with that of the one that closes it."""
    opened: list[int] = []
    found: dict[int, int] = {}
    for place, text in enumerate(words.texts):
        if text in (b"(", b"{"):
            opened.append(place)
        elif text in (b")", b"}"):
            if not opened or (words.texts[opened[-1]] == b"(") != (text == b")"):
                # No server runs it.
                return found
            found[opened.pop()] = place
    return found


def _is_one(words: Words, ends: dict[int, int], place: int, end: int) -> bool:
    """Tell whether there is one word, name, call or bracket from a place up to an end."""
    while words.has_kind(place, *_NAMES) and words.at(place + 1, b"."):
        place += 2
    if words.has_kind(place, lexer.WORD) and words.at(place + 1, b"("):
        place += 1
    return ends.get(place, place) + 1 == end


def _is_all_sources(words: Words, place: int, end: int) -> bool:
    """Tell whether braces enclose all that a statement reads from."""
    is_last = end + 1 == len(words.texts) or words.is_one_of(end + 1, _BEHIND_SOURCES)
    return words.at(place + 1, b"oj") and words.is_one_of(place - 1, _BEFORE_SOURCES) and is_last


def _rows(words: Words) -> dict[int, str]:
    """``VALUES (1, 2), (3, 4)`` as a query: a statement, a part of a UNION, or behind AS."""
    found: dict[int, str] = {}
    is_made = words.texts[0] == b"create"
    ends = _ends(words)
    for place, text in enumerate(words.texts):
        if text != b"values":
            continue
        is_opened = words.at(place - 1, b"(")
        is_query = not place or is_opened and words.at(place - 2, b"as")
        is_query = is_query or is_made and words.at(place - 1, b"as")
        if not (is_query or is_opened):
            continue
        end = _end_of_rows(words, ends, place + 1)
        if end and (is_query or words.is_one_of(end + 1, _SETS)):
            found[place] = _FROM_ROWS
            found[end] = _BEHIND_ROWS
    return found


def _end_of_rows(words: Words, ends: dict[int, int], place: int) -> int:
    """The place of the bracket that ends the last of the rows that begin at a place; 0 if none
    begins there."""
    end = 0
    while True:
        place += words.at(place, b"row")
        if not words.at(place, b"("):
            return end
        end = ends.get(place, 0)
        if not end or not words.at(end + 1, b","):
            return end
        place = end + 2

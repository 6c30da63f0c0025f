"""Reads the answers to the questions about a database's schema."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar

from acra_twisted.encryption.postgresql import storedtrees
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.nodetree import TreeLimitError
from acra_twisted.encryption.postgresql.schema import (
    Attached,
    Attribute,
    Handed,
    Index,
    Relation,
    Schema,
    SchemaError,
    Writer,
)

#: Relations, and bytes of the whole answer as it is sent.
MAX_ROWS: Final = 20_000
MAX_BYTES: Final = 64 * 1024 * 1024
#: PostgreSQL's own limit on the columns of a query is the largest.  How many tables one inherits
#: from has no limit there: those of all relations are bounded by the bytes of the answer.
_COLUMNS_MAX: Final = 1664
_ODD: Final = "the database's answer about its schema is not understood"
_T = TypeVar("_T")


def read(cells: Sequence[bytes], number: int) -> Schema:
    """The schema by the answer to `question.schema_question`: the only cell of each of its rows.
    ``number`` becomes the schema's.  Raises SchemaError."""
    if len(cells) > MAX_ROWS or sum(map(len, cells)) > MAX_BYTES:
        raise SchemaError("the database's answer about its schema is too long")
    rows = [_json(cell) for cell in cells]
    return _understood(lambda: _schema(rows, number))


def read_path(cells: Sequence[bytes]) -> SearchPath:
    """The search path of a session by the answer to `question.path_question`.  Raises
    SchemaError."""
    if len(cells) != 1:
        raise SchemaError(_ODD)
    row = _json(cells[0])
    return _understood(lambda: _path(*row))


class Lookup(NamedTuple):
    """The relations of some names: ``found`` tells for each name that there is whether all that
    have it are tables that hand nothing on to others; ``made`` are those of views that the open
    transaction has made, or given that name.  ``behind`` has the names of all that stands behind
    something temporary of the session."""

    found: Mapping[str, bool] = {}
    made: frozenset[str] = frozenset()
    behind: Mapping[str, Sequence[str]] = {}


def read_lookup(cells: Sequence[bytes]) -> Lookup:
    """The relations of some names by the answer to `question.lookup_question`.  Raises
    SchemaError."""
    found: dict[str, bool] = {}
    behind: dict[str, Sequence[str]] = {}
    made = set()
    for cell in cells:
        row = _json(cell)
        if not isinstance(row, list) or len(row) != 4 or not isinstance(row[0], str):
            raise SchemaError(_ODD)
        found[row[0]] = found.get(row[0], True) and row[1] is True
        if row[2] is not False:
            made.add(row[0])
        if row[3] is not None:
            behind[row[0]] = _understood(partial(_words, row[3]))
    return Lookup(found, frozenset(made), behind)


def _understood(read_it: Callable[[], _T]) -> _T:
    try:
        return read_it()
    except (KeyError, IndexError, TypeError, ValueError):
        raise SchemaError(_ODD) from None


def _path(schemas: Any, temporary: Any, first: Any) -> SearchPath:
    made_in = "" if first is None else _word(first)
    return SearchPath(_words(schemas), frozenset(_words(temporary or ())), made_in)


def _json(cell: bytes) -> Any:
    if len(cell) > MAX_BYTES:
        raise SchemaError("the database's answer about its schema is too long")
    try:
        return json.loads(base64.b64decode(cell))
    except (ValueError, RecursionError):
        raise SchemaError(_ODD) from None


def _schema(rows: Sequence[Any], number: int) -> Schema:
    first, *others = rows
    relations = {relation.oid: relation for relation in map(_relation, others)}
    if len(relations) != len(others):
        raise SchemaError(_ODD)
    functions = _reaching(_words(first["words"] or ()), first["functions"] or ())
    writers = tuple(
        Writer(
            *(_word(place), _word(table), _word(name), functions.get(oid, ""), _number(relation)),
            tuple(Handed(*_numbers(pair)) for pair in handed or ()),
        )
        for oid, place, table, name, relation, handed in first["writers"] or ()
        if oid is None or oid in functions
    )
    return Schema(number, relations, frozenset(functions.values()), writers)


def _reaching(words: Sequence[str], rows: Sequence[Any]) -> dict[int, str]:
    """The names, by OID, of the functions that mention one of the words, or such a function."""
    names: dict[int, str] = {}
    told: dict[int, str] = {}
    mentioned_by: dict[str, list[int]] = {}
    for oid, name, word, mentions in rows:
        names[_number(oid)], told[oid] = _word(name), _word(word)
        for mention in _words(mentions):
            mentioned_by.setdefault(mention, []).append(oid)
    found: dict[int, str] = {}
    waiting = list(words)
    while waiting:
        for oid in mentioned_by.pop(waiting.pop(), ()):
            if oid not in found:
                found[oid] = names[oid]
                waiting.append(told[oid])
    return found


def _relation(row: Mapping[str, Any]) -> Relation:
    rule = row["view"]
    columns = row["columns"] or ()
    parents = _numbers(row["parents"])
    if len(columns) > _COLUMNS_MAX or len(set(parents)) < len(parents):
        raise SchemaError(_ODD)
    attributes = tuple(_attribute(*column) for column in columns)
    numbers = {one.number for one in attributes}
    if not len({one.name for one in attributes}) == len(numbers) == len(attributes):
        raise SchemaError(_ODD)
    if not all(numbers.issuperset(one.reads) for one in attributes):
        raise SchemaError(_ODD)
    sources: Mapping[int, tuple[int, int]] = {}
    is_read = True
    if rule is not None:
        try:
            sources = storedtrees.shown(_word(rule))
        except TreeLimitError:
            is_read = False
    return Relation(
        _number(row["oid"]),
        _word(row["schema"]),
        _word(row["name"]),
        _word(row["kind"]),
        attributes,
        {number: source for number, source in sources.items() if number in numbers},
        parents,
        tuple(_index(*index) for index in row["indexes"] or ()),
        tuple(
            Attached(_word(kind), _word(name), _numbers(columns))
            for kind, name, columns in row["attached"] or ()
        ),
        is_read,
    )


def _attribute(
    name: Any,
    number: Any,
    type_: Any,
    modifier: Any,
    type_name: Any,
    not_null: Any,
    generated: Any,
    default: Any,
    domains: Any,
    reads: Any,
) -> Attribute:
    # The default nearest to the column holds.
    base, modifier = type_, _number(modifier)
    for behind, domain_modifier, initial in domains or ():
        base = behind
        default = initial if default is None else default
        modifier = max(modifier, _number(domain_modifier))
    return Attribute(
        _word(name),
        _number(number),
        _number(type_),
        _number(base),
        modifier,
        _word(type_name),
        _flag(not_null),
        default is not None and storedtrees.is_in_clear(_word(default)),
        _flag(generated),
        _numbers(reads),
    )


def _index(
    name: Any,
    unique: Any,
    method: Any,
    partial: Any,
    usable: Any,
    columns: Any,
    count: Any,
    trees: Any,
) -> Index:
    keys = storedtrees.keys(_numbers(columns)[: _number(count)], _word(trees or ""))
    return Index(_word(name), keys, _flag(unique), _word(method), _flag(partial), _flag(usable))


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise SchemaError(_ODD)
    return value


def _words(values: Any) -> Sequence[str]:
    return tuple(map(_word, values))


def _number(value: Any) -> int:
    if type(value) is not int:
        raise SchemaError(_ODD)
    return value


def _numbers(values: Any) -> Sequence[int]:
    return tuple(map(_number, values or ()))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise SchemaError(_ODD)
    return value

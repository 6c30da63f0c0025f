"""Walks through COPY: the columns that it loads or reads, and its options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Copied, ResultColumn
from acra_twisted.encryption.postgresql import columnlists, expressions, values, writes
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, node, strings
from acra_twisted.encryption.postgresql.values import setting_of
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.wire.postgres.copyformat import CopyDataError, copy_format

_SERVER_FILE: Final = "is read or written by a file or program of the server"
_ON_SERVER: Final = ("is_program", "filename")

Options = dict[str, str | Sequence[str] | None]
#: The results of a COPY ... TO, and its columns; None for what it does not have.
Found = tuple[Sequence[ResultColumn] | None, Copied | None]


def walk(analysis: Analysis, fields: Fields) -> Found:
    """Walk through a COPY.  Raises StatementRefusedError for one that must not be sent."""
    if "query" in fields:
        return _query_out(analysis, fields)
    target, names = writes.copied(analysis, fields)
    if target.relation is None:
        return None, None
    if any(fields.get(one) for one in _ON_SERVER):
        raise refused(refusals.SERVER_FILE, target.first, _SERVER_FILE)
    if names is None:
        return None, None
    settings = tuple(target.setting(name) for name in names)
    if not fields.get("is_from"):
        found = {one.name: one.base for one in target.relation.attributes}
        types = [found[name] if one else 0 for name, one in zip(names, settings, strict=True)]
        return _out(analysis, fields, settings, names, types)
    target.omit(names, "COPY")
    expressions.condition(analysis, fields.get("whereClause"), Scope([target.range]))
    options = _options(analysis, fields, settings, names)
    if "default" in options:
        # Any value may be the mark for it.
        target.omit((), "COPY")
    return None, Copied(settings, options, tuple(names))


def _query_out(analysis: Analysis, fields: Fields) -> Found:
    columns = analysis.query(fields["query"], Scope())
    columnlists.in_place_of_star(analysis, node(fields["query"])[1], Scope())
    for one in columns:
        analysis.show(one.value)
        if not values.is_protected(one.value):
            continue
        setting = setting_of(one.value)
        if any(fields.get(key) for key in _ON_SERVER):
            raise refused(refusals.SERVER_FILE, setting, _SERVER_FILE)
        if values.is_open(columns):
            raise refused(
                refusals.EXPRESSION, setting, "is copied out among columns that are not known"
            )
        if any(leaf.casts for leaf in one.value):
            raise refused(refusals.EXPRESSION, setting, "is copied out through a cast")
    settings = tuple(setting_of(one.value) for one in columns)
    types = [analysis.names.stored_type(one) if one else 0 for one in settings]
    return _out(analysis, fields, settings, [one.name for one in columns], types)


def _out(
    analysis: Analysis,
    fields: Fields,
    settings: Sequence[ColumnSetting | None],
    names: Sequence[str],
    types: Sequence[int],
) -> Found:
    if not any(settings):
        return None, None
    options = _options(analysis, fields, settings, names)
    copied = Copied(settings, options, tuple(names), tuple(types), True)
    return tuple(ResultColumn(one) for one in settings), copied


def _options(
    analysis: Analysis,
    fields: Fields,
    settings: Sequence[ColumnSetting | None],
    names: Sequence[str],
) -> Options:
    """The options of a COPY.  Raises StatementRefusedError for those by which the values of
    protected columns could not be told from others; the session decides about an encoding."""
    options: Options = {}
    for one in fields.get("options", ()):
        _, element = node(one)
        options[element.get("defname", "")] = _option(element.get("arg"))
    # They are read with each statement's own values.
    analysis.deciding.update(start for start, _ in analysis.text.literals)
    first = next((one for one in settings if one is not None), None)
    if first is not None:
        try:
            copy_format({key: options[key] for key in options if key != "encoding"}, names)
        except CopyDataError as error:
            raise refused(refusals.COPY_OPTIONS, first, f"cannot be copied so: {error}") from None
    return options


def _option(item: Any) -> str | Sequence[str] | None:
    if item is None:
        return None
    kind, fields = node(item)
    if kind == "List":
        return tuple(strings(fields.get("items")))
    for key in ("sval", "boolval", "ival", "fval"):
        if key in fields:
            return str(fields[key]).lower() if key == "boolval" else str(fields[key])
    return "*" if kind == "A_Star" else None

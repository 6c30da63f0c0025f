"""Findings: what does not fit between the configuration of protected columns and the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from acra_twisted.encryption.misfits import ERROR, NOTICE, ROWS, WARNING, Finding
from acra_twisted.encryption.postgresql import belt, storage, types
from acra_twisted.encryption.postgresql.protection import UNREAD, Protection
from acra_twisted.encryption.postgresql.schema import (
    MATERIALIZED,
    PARTITION_KEY,
    PREFIX,
    RAW,
    SUBSTRING,
    VIEW,
    Attribute,
    Relation,
)
from acra_twisted.encryption.settings import (
    MASKED,
    PLAIN,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    TableSetting,
)
from acra_twisted.nearest import meant

#: Findings of one kind that are told one by one.
_MANY: Final = 100
_VIEWS: Final = (VIEW, MATERIALIZED)
#: Why something that is attached to a protected column does not do what it says.
_ATTACHED: Final[Mapping[str, str]] = {
    "check": "constraint {} sees what is stored, not the value",
    "foreign key": "foreign key {} never finds its row: equal values are stored differently",
    "reference": "foreign key {} refers to it, and never finds a row",
    "exclusion": "exclusion constraint {} never fires: equal values are stored differently",
    "policy": "policy {} of row level security sees what is stored, not the value",
    "statistics": "statistics object {} counts what is stored: each value once",
    PARTITION_KEY: "the {} sees what is stored, not the value",
}
#: The same for a table, whichever columns it has.
_ON_TABLE: Final[Mapping[str, str]] = {
    "trigger": "trigger {} sees what is stored, and may write plaintext",
    "rule": "rule {} may write plaintext; statements that it changes are not followed",
    "publication": "publication {} sends what is stored to its subscribers",
}
#: What holds of equal tokens as of equal values.
_BY_EQUALITY: Final = frozenset(
    ("foreign key", "reference", "exclusion", "statistics", PARTITION_KEY)
)


def findings(protection: Protection, tables: Iterable[str] = ()) -> list[Finding]:
    """All findings, in the order of the configuration.

    ``tables`` are the names of the database's tables, for the nearest one.
    """
    known = list(tables)
    found: list[Finding] = []
    for table in protection.settings.tables:
        found += _table(protection, table, known)
    for relation in protection.schema.relations.values():
        found += _relation(protection, relation)
    found += _code(protection)
    return found


def _table(protection: Protection, table: TableSetting, known: Sequence[str]) -> Iterator[Finding]:
    """Findings about a table of the configuration."""
    label = table.label
    relations = [
        relation
        for relation in protection.named(table.name)
        if protection.table_setting(relation) is table
    ]
    if not relations:
        yield Finding(ERROR, label, f"the database has no such table{meant(table.name, known)}")
    if len(relations) > 1:
        schemas = ", ".join(sorted(relation.schema for relation in relations))
        shapes = {_shape(relation) for relation in relations}
        yield Finding(
            WARNING if len(shapes) > 1 else NOTICE,
            label,
            f"it means the tables of that name in schemas {schemas}"
            + (", whose columns differ" if len(shapes) > 1 else ""),
            "Name the schema.",
        )
    for relation in relations:
        names = [attribute.name for attribute in relation.attributes]
        for name, setting in table.protected.items():
            if name not in names:
                yield Finding(
                    ERROR,
                    setting.label,
                    f"table {_name(relation)} has no such column{meant(name, names)}",
                )
        if table.columns and list(table.columns) != names:
            yield Finding(
                WARNING,
                label,
                f"columns is not the order of table {_name(relation)}; the table's own is used",
                "Leave columns out.",
            )


def _relation(protection: Protection, relation: Relation) -> Iterator[Finding]:
    """Findings about a relation with protected columns, or one that should have some."""
    unclear = protection.unclear(relation.oid)
    if unclear:
        yield Finding(
            ERROR,
            _name(relation),
            f"statements on it are refused: {unclear}",
            "Protect the same columns of both."
            if unclear != UNREAD
            else "Divide the query into views of views.",
        )
    columns = protection.columns(relation.oid)
    if not columns or relation.kind in _VIEWS:
        return
    for attribute in relation.attributes:
        setting = columns.get(attribute.number)
        if setting is not None:
            for judge in _JUDGES:
                yield from judge(relation, attribute, setting)
            yield from _type(attribute, setting, protection.settings.allow_text)
    for attached in relation.attached:
        if attached.kind in _ON_TABLE:
            text = _ON_TABLE[attached.kind].format(attached.name)
            yield Finding(WARNING, _name(relation), text)


def _type(attribute: Attribute, setting: ColumnSetting, allow_text: bool) -> Iterator[Finding]:
    if attribute.base in storage.storage_types(setting):
        return
    wanted = storage.storage_type(setting)
    text = f"its type is {attribute.type_name}, which cannot hold it"
    if attribute.base in storage.TEXTS and setting.kind != TOKENIZED:
        if attribute.base != types.TEXT and attribute.modifier >= 0:
            text = f"its type is {attribute.type_name}, which is too short for it"
        elif setting.kind == SEARCHABLE:
            text = f"its type is {attribute.type_name}, in which it cannot be searched"
        elif allow_text and setting.kind in (PLAIN, MASKED):
            return
        else:
            text = (
                f"its type is {attribute.type_name}, which takes twice the room, and is accepted "
                f"with allow_text_columns = true alone"
            )
    yield Finding(ERROR, setting.label, text, f"Make it {wanted}; {ROWS}.")


def _values(_: Relation, attribute: Attribute, setting: ColumnSetting) -> Iterator[Finding]:
    """Findings about values that the database makes itself."""
    if attribute.default_in_clear:
        yield Finding(ERROR, setting.label, "its default is stored in clear", "Drop the default.")
    if attribute.generated:
        yield Finding(ERROR, setting.label, "the database computes its values, and in clear")


def _read(relation: Relation, attribute: Attribute, setting: ColumnSetting) -> Iterator[Finding]:
    for other in relation.attributes:
        # A column of prefixes, for searches, is computed from it too.
        if attribute.number in other.reads and other.base != types.BYTEA:
            yield Finding(
                ERROR, setting.label, f"column {other.name} is computed from what is stored"
            )


def _attached(
    relation: Relation, attribute: Attribute, setting: ColumnSetting
) -> Iterator[Finding]:
    for attached in relation.attached:
        if attribute.number not in attached.columns or attached.kind not in _ATTACHED:
            continue
        if setting.kind == TOKENIZED and setting.consistent and attached.kind in _BY_EQUALITY:
            continue
        yield Finding(WARNING, setting.label, _ATTACHED[attached.kind].format(attached.name))


def _indexes(relation: Relation, attribute: Attribute, setting: ColumnSetting) -> Iterator[Finding]:
    forms = set()
    for index in relation.indexes:
        for key in index.keys:
            if key.column != attribute.number:
                continue
            if index.usable and not index.partial and key is index.keys[0]:
                forms.add(key.form)
            if key.form == RAW and not (setting.kind == TOKENIZED and setting.consistent):
                yield _on_raw(index.name, index.unique, setting)
    if setting.kind == SEARCHABLE and PREFIX not in forms:
        remedy = belt.index(setting, belt.quoted(relation.schema, relation.name))
        if SUBSTRING in forms:
            text = "its index on substring(...) is never used: searches call substr(...)"
            yield Finding(WARNING, setting.label, text, remedy)
        else:
            yield Finding(NOTICE, setting.label, "searches of it read the whole table", remedy)


def _on_raw(name: str, unique: bool, setting: ColumnSetting) -> Finding:
    if unique:
        text = f"unique index {name} never fires: equal values are stored differently"
        remedy = ""
        if setting.kind == SEARCHABLE:
            remedy = f"Make a unique index on substr({belt.quoted(setting.name)}, 1, 33)."
        return Finding(WARNING, setting.label, text, remedy)
    return Finding(NOTICE, setting.label, f"index {name} finds nothing by a value")


def _code(protection: Protection) -> Iterator[Finding]:
    """Findings about code of the database that names a protected table."""
    functions = sorted(protection.functions)
    for name in functions[:_MANY]:
        yield Finding(
            WARNING, name, "this function names a protected table, and may write plaintext to it"
        )
    writers = sorted(".".join(one[:3]) for one in protection.writers)
    for name in writers[:_MANY]:
        yield Finding(
            WARNING, name, "by this the table may write to a protected one: it is not written"
        )
    rest = len(functions[_MANY:]) + len(writers[_MANY:])
    if rest:
        yield Finding(WARNING, "", f"{rest} more functions and triggers name protected tables")


_JUDGES: Final[Sequence[Callable[[Relation, Attribute, ColumnSetting], Iterator[Finding]]]] = (
    _values,
    _read,
    _attached,
    _indexes,
)


def _shape(relation: Relation) -> tuple[tuple[str, int], ...]:
    return tuple((attribute.name, attribute.type) for attribute in relation.attributes)


def _name(relation: Relation) -> str:
    return f"{relation.schema}.{relation.name}"

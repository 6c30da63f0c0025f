"""The schema of a database as a text, which others can work with who cannot reach the database.

It is JSON: each relation, attribute, index and constraint has the fields of its type in `schema`.
It has names and types, and no value or expression of the database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import schemarecords
from acra_twisted.encryption.postgresql.schema import Relation, Schema, SchemaError, Writer
from acra_twisted.encryption.schemarecords import OddRecords

_FORMAT: Final = "acra schema 3"
_KINDS: Final = {
    "relations": Sequence[Relation],
    "functions": Sequence[str],
    "writers": Sequence[Writer],
}


def dump(schema: Schema) -> str:
    """The text of a schema."""
    fields = {
        "relations": list(schema.relations.values()),
        "functions": sorted(schema.functions),
        "writers": schema.writers,
    }
    return schemarecords.text_of(_FORMAT, fields)


def load(text: str) -> Schema:
    """The schema of a text.  Raises SchemaError."""
    try:
        found = schemarecords.fields_of(text, _FORMAT, _KINDS)
        by_oid = {relation.oid: relation for relation in found["relations"]}
        if len(by_oid) != len(found["relations"]):
            raise OddRecords
    except OddRecords as error:
        raise SchemaError(str(error)) from None
    return Schema(1, by_oid, frozenset(found["functions"]), found["writers"])

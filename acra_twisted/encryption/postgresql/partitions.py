"""Partitions of tables by protected columns: a bound is a value that the database keeps in clear.

The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import PARTITION_KEY, Relation
from acra_twisted.encryption.settings import ColumnSetting

#: Where a bound has values; the default partition, and those by hashes, have none.
_VALUES: Final = ("listdatums", "lowerdatums", "upperdatums")
_KEPT: Final = "a partition's bound would be kept in clear"
_HINT: Final = "Configure the columns of the table above it too."


def refused_bound(
    bound: dict[str, Any], protection: Protection, relation: Relation
) -> Refusal | None:
    """The refusal of a partition of ``relation`` with a bound, a PartitionBoundSpec; None if it may
    be made."""
    setting = _key(protection, relation) if _has_values(bound) else None
    return refusals.refused(refusals.EXPRESSION, setting, _KEPT).refusal if setting else None


def refused_child(bound: dict[str, Any], settings: Mapping[str, ColumnSetting]) -> Refusal | None:
    """The refusal of a partition with a bound whose columns have settings, of a table that has no
    protected column; None if it may be made.  The columns by which that is divided are not
    known."""
    if not settings or not _has_values(bound):
        return None
    setting = next(iter(settings.values()))
    return refusals.refused(refusals.EXPRESSION, setting, _KEPT, _HINT).refusal


def _has_values(bound: dict[str, Any]) -> bool:
    return any(key in bound for key in _VALUES)


def _key(protection: Protection, relation: Relation) -> ColumnSetting | None:
    """The protected column by which a table is divided, or may be: what an expression reads is not
    known."""
    columns = protection.columns(relation.oid)
    for attached in relation.attached:
        if attached.kind == PARTITION_KEY:
            for number in attached.columns:
                found = columns.get(number)
                if number == 0:
                    found = next(iter(columns.values()), None)
                if found is not None:
                    return found
    return None

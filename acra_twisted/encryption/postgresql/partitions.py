"""Partitions of tables by protected columns: a bound is a value that the database keeps in clear.

The trees are libpg_query's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import PARTITION_KEY, Relation
from acra_twisted.encryption.settings import ColumnSetting

#: Where a bound has values.
_VALUES: Final = ("listdatums", "lowerdatums", "upperdatums")
_KEPT: Final = "a partition's bound would be kept in clear"
_HINT: Final = "Configure the columns of the table above it too."


def refused_bound(
    bound: dict[str, Any],
    protection: Protection,
    relation: Relation,
    own: Mapping[str, ColumnSetting] = MappingProxyType({}),
) -> Refusal | None:
    """The refusal of a partition of ``relation`` with a bound, a PartitionBoundSpec; None if it may
    be made.  ``own`` are the settings of the partition's columns by name."""
    setting = _key(protection, relation, own) if has_values(bound) else None
    return refusals.refused(refusals.EXPRESSION, setting, _KEPT).refusal if setting else None


def refused_child(bound: dict[str, Any], settings: Mapping[str, ColumnSetting]) -> Refusal | None:
    """The refusal of a partition with a bound whose columns have settings; None if it may be made.
    The columns that divide the table above it are not known."""
    if not settings or not has_values(bound):
        return None
    setting = next(iter(settings.values()))
    return refusals.refused(refusals.EXPRESSION, setting, _KEPT, _HINT).refusal


def has_values(bound: dict[str, Any]) -> bool:
    """Tell whether a bound has values; that of a default partition, or by hashes, has none."""
    return any(key in bound for key in _VALUES)


def _key(
    protection: Protection, relation: Relation, own: Mapping[str, ColumnSetting]
) -> ColumnSetting | None:
    """The column by which a table is divided, or may be, that is protected in it or in its
    partition: what an expression reads is not known."""
    names = protection.names_of(relation)
    settings = {**own, **protection.by_name(relation)}
    for attached in relation.attached:
        if attached.kind == PARTITION_KEY:
            for number in attached.columns:
                found = settings.get(names.get(number, ""))
                if number == 0:
                    found = next(iter(settings.values()), None)
                if found is not None:
                    return found
    return None

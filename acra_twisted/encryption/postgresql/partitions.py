"""Partitions of tables by protected columns: a bound is a value that the database keeps in clear.

The trees are libpg_query's own.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import PARTITION_KEY, Relation
from acra_twisted.encryption.settings import ColumnSetting

#: Where a bound has values; the default partition, and those by hashes, have none.
_VALUES: Final = ("listdatums", "lowerdatums", "upperdatums")


def refused_bound(
    bound: dict[str, Any], protection: Protection, relation: Relation
) -> Refusal | None:
    """The refusal of a partition of ``relation`` with a bound, a PartitionBoundSpec; None if it may
    be made."""
    if not any(key in bound for key in _VALUES):
        return None
    setting = _key(protection, relation)
    if setting is None:
        return None
    return refusals.refused(
        refusals.EXPRESSION, setting, "a partition's bound would be kept in clear"
    ).refusal


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

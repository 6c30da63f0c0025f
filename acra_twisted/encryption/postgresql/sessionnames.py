"""The tables of a database by the names that one session gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql import definitions, naming
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.schema import Relation, Writer
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import ColumnSetting


class SessionNames:
    """See `analysis.Names`."""

    __slots__ = ("_protection", "_path")

    def __init__(self, protection: Protection, path: SearchPath) -> None:
        self._protection = protection
        self._path = path

    @property
    def number(self) -> int:
        """See `analysis.Names`."""
        return self._protection.schema.number

    @property
    def path(self) -> SearchPath:
        """See `analysis.Names`."""
        return self._path

    @property
    def functions(self) -> frozenset[str]:
        """See `analysis.Names`."""
        return self._protection.functions

    def relation(self, schema: str, name: str) -> Relation | None:
        """See `analysis.Names`."""
        found = naming.resolve(self._protection, self._path, schema, name)
        if found.unknown:
            raise refused(
                refusals.SCHEMA_UNKNOWN, None, f"table {name} is not known: {found.unknown}"
            )
        return found.relation

    def writer(self, name: str, relation: Relation | None) -> Writer | None:
        """See `analysis.Names`."""
        return self._protection.writer(name, relation)

    def by_oid(self, oid: int) -> Relation | None:
        """See `analysis.Names`."""
        return self._protection.schema.relations.get(oid)

    def columns(self, relation: Relation) -> Mapping[int, ColumnSetting]:
        """See `analysis.Names`."""
        return self._protection.columns(relation.oid)

    def coming(self, relation: Relation) -> Mapping[str, ColumnSetting]:
        """See `analysis.Names`."""
        return self._protection.coming(relation.oid)

    def computed(self, relation: Relation) -> Mapping[int, ColumnSetting]:
        """See `analysis.Names`."""
        return self._protection.computed(relation.oid)

    def stored_type(self, setting: ColumnSetting) -> int:
        """See `analysis.Names`."""
        return self._protection.stored_type(setting)

    def misfit(self, setting: ColumnSetting) -> str | None:
        """See `analysis.Names`."""
        return self._protection.misfit(setting)

    @property
    def strict_copies(self) -> bool:
        """See `analysis.Names`."""
        return self._protection.settings.strict_copies

    def definition(
        self, kind: str, fields: dict[str, Any], retyped: list[Retyped]
    ) -> Refusal | None:
        """See `analysis.Names`."""
        return definitions.refusal(kind, fields, self._protection, self._path, retyped)

"""Types that definitions give to protected columns."""

from __future__ import annotations

from typing import Any, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.postgresql.storage import is_storable, storage_type
from acra_twisted.encryption.settings import ColumnSetting


class Retyped(NamedTuple):
    """A protected column that is defined with a type that cannot hold what is stored, and the
    fields of the type's TypeName."""

    setting: ColumnSetting
    type_name: dict[str, Any]


def is_fit(type_name: dict[str, Any], setting: ColumnSetting) -> bool:
    """Tell whether a column of the type of a TypeName can hold what a protected one stores."""
    names = [part.get("String", {}).get("sval", "") for part in type_name.get("names", ())]
    is_plain = "arrayBounds" not in type_name and names[:-1] in ([], ["pg_catalog"])
    return is_plain and bool(names) and is_storable(setting, names[-1])


def refusal(setting: ColumnSetting) -> Refusal:
    """The refusal of a type that cannot hold what is stored."""
    return refusals.refused(
        refusals.SCHEMA_MISMATCH,
        setting,
        "a column of that type cannot hold it",
        f"Make it {storage_type(setting)}.",
    ).refusal

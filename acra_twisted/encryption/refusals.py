"""Refusals of statements whose effect on a protected column is not fully understood."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption import plan
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import AcraError

# Reasons: labels of a metric.
EXPRESSION: Final = "expression"
UNALIKE: Final = "source_not_protected_alike"
PART: Final = "part_of_column"
COMPARISON: Final = "comparison"
ORDER: Final = "order"
GROUP: Final = "group"
AGGREGATE: Final = "aggregate"
PATTERN: Final = "pattern"
PARAMETER_CONFLICT: Final = "parameter_conflict"
DEFAULT_IN_CLEAR: Final = "default_in_clear"
UNPARSABLE: Final = "unparsable"
OPAQUE_CODE: Final = "opaque_code"
SERVER_FILE: Final = "copy_from_server_file"
COPY_OPTIONS: Final = "copy_options"
SCHEMA_UNKNOWN: Final = "schema_unknown"
SCHEMA_MISMATCH: Final = "schema_mismatch"
CONFLICT_TARGET: Final = "conflict_target"
#: The answer would depend on values that the client may not read.
NOT_A_READER: Final = "not_a_reader"
BYPASS_ENDED: Final = "bypass_ended"
#: The database would no longer check what is stored.
CHECKS_OFF: Final = "checks_off"


class StatementRefusedError(AcraError):
    """A statement that must not reach the database; ``refusal`` says why.  ``missing`` is the
    database and the name of a table that is configured and not known, if that is why."""

    def __init__(self, refusal: Refusal, missing: tuple[str, str] | None = None) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal
        self.missing = missing


def refused(
    reason: str,
    setting: ColumnSetting | None,
    text: str,
    hint: str = "",
    missing: tuple[str, str] | None = None,
) -> StatementRefusedError:
    """The error of a statement that concerns a column, None where it is not known which one.

    ``text`` goes on after "column ... is protected by AcraServer and"; ``missing`` is the error's.
    """
    label = setting.label if setting else ""
    column = f"column {label}" if setting else "a column that the statement names"
    return StatementRefusedError(
        Refusal(reason, label, f"{column} is protected by AcraServer and {text}", hint), missing
    )


def mismatched(table: str, text: str, hint: str = "") -> StatementRefusedError:
    """The error of a statement that does not fit a table or a view with protected columns, whatever
    these are.

    ``table`` begins with its kind, ``text`` goes on after "is protected by AcraServer and".
    """
    told = f"{table} is protected by AcraServer and {text}"
    return StatementRefusedError(Refusal(SCHEMA_MISMATCH, "", told, hint))


def no_column(table: str, name: str) -> StatementRefusedError:
    """The error of a statement that writes a column that its table is known not to have."""
    return mismatched(f"table {table}", f"has no column {name} as far as is known")


def naming(refusal: Refusal, table: str, other: str = "") -> Refusal:
    """The refusal with the name of a protected table in place of `plan.SOME_TABLE`; where that is
    empty, with the name of a function or a view by which one may be reached, unless it is, too."""
    if table:
        told = f'"{table}", which AcraServer protects'
    elif other:
        told = f'{plan.SOME_TABLE} ("{other}" may reach one)'
    else:
        return refusal
    return refusal._replace(text=refusal.text.replace(plan.SOME_TABLE, told, 1))

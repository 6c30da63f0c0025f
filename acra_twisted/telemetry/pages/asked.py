"""Find what is asked for in statements as they are shown: tables, and shapes."""

from __future__ import annotations

import re
from typing import Final

from acra_twisted.sql.redact import Redacted
from acra_twisted.sql.systems import SYSTEMS
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.tracing.spannames import kind_of

_WORD: Final = re.compile(r"[^\s,;()]+")


def names_table(summary: str, table: str) -> bool:
    """Return True if a summary names a table (in small letters), with its schema or without, as a
    word."""
    words = _WORD.findall(summary.lower())
    return table in words or any(word.endswith(f".{table}") for word in words)


def is_of_shape(shape: str, database: str, name: str, text: str) -> bool:
    """Return True if a request whose database system is not known has the shape of an id."""
    return any(shape_id(system, database, name, text) == shape for system in SYSTEMS)


def shape_id(system: str, database: str, name: str, text: str) -> str:
    """Return the id of the shape of a request by its span's name and the statement that is shown;
    empty without one."""
    if not text:
        return ""
    return shape_of(system, database, kind_of(name), Redacted(text, "")).id

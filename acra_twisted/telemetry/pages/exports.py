"""Files of what a page shows: lines of CSV or of CEF."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from acra_twisted.telemetry.pages.rendering import Page, Piece

CSV, CEF = "csv", "cef"
_KINDS: Final = {CSV: "text/csv; charset=utf-8", CEF: "text/plain; charset=utf-8"}
#: A spreadsheet would take what begins so for a formula, also by signs as wide as Chinese ones.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def exported(name: str, form: str, lines: Iterator[Piece]) -> Page:
    """Return a file of a form, CSV or CEF, which is called by ``name``."""
    return Page(_KINDS[form], lines, f"acra-{name}.{form}")


def as_csv(values: Iterable[Any]) -> str:
    """A line, in which no text is a formula."""
    line = io.StringIO()
    csv.writer(line).writerow(
        f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
        for value in values
    )
    return line.getvalue()


def table(columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give a table as CSV: its heads, then its lines."""
    names = list(columns)
    yield as_csv(names)
    for row in rows:
        yield as_csv(row.get(name, "") for name in names)

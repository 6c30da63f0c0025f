"""Tells the operator how the configuration of protected columns does not fit a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from twisted.logger import Logger, LogLevel

from acra_twisted import events
from acra_twisted.encryption.misfits import NOTICE, Finding
from acra_twisted.encryption.postgresql.findings import findings
from acra_twisted.lines import printable

_log: Final = Logger()

#: Findings that are told at a time, one by one.
MANY: Final = 100


class ColumnFindings:
    """Tells of each finding when a reading of a database's tables shows it for the first time, or
    again after one that did not.  ``find`` returns those of the protected columns of a database."""

    def __init__(self, find: Callable[[Any], Iterable[Finding]] = findings) -> None:
        self._find = find
        self._told: dict[bytes, frozenset[Finding]] = {}

    def tell(self, seen_by: bytes, protection: Any, field: str = "database") -> None:
        """Log the findings of the tables of a database that were not there before; or of those that
        a user sees, if ``field`` is "user"."""
        found = list(dict.fromkeys(self._find(protection)))
        before = self._told.get(seen_by, frozenset())
        self._told[seen_by] = frozenset(found)
        fresh = [finding for finding in found if finding not in before]
        where = {field: seen_by.decode("utf-8", "replace")}
        for finding in fresh[:MANY]:
            _emit(LogLevel.info if finding.level == NOTICE else LogLevel.warn, where, said(finding))
        if len(fresh) > MANY:
            _emit(LogLevel.warn, where, f"{len(fresh) - MANY} more findings")

    def forget(self) -> None:
        """Tell of all findings again: the configuration is another one."""
        self._told.clear()


def said(finding: Finding) -> str:
    """A finding as one line."""
    told = f"{finding.label}: {finding.text}" if finding.label else finding.text
    return printable(f"{told}. {finding.remedy}" if finding.remedy else told)


def _emit(level: LogLevel, where: dict[str, str], text: str) -> None:
    _log.emit(
        level,
        "Protected columns: {event_text}",
        event_text=text,
        code=events.COLUMN_MISFIT,
        **where,
    )

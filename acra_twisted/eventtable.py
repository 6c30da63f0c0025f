"""Every event code there is, in one table, and how severe the lines are that have one."""

from __future__ import annotations

from typing import Final

from acra_twisted.eventmeanings import MEANINGS, Event
from acra_twisted.loginmeanings import LOGIN_MEANINGS
from acra_twisted.protectionmeanings import PROTECTION_MEANINGS
from acra_twisted.revocationmeanings import REVOCATION_MEANINGS

#: Names of syslog's severities to their numbers.
SYSLOG: Final = {"alert": 1, "critical": 2, "error": 3, "warning": 4, "notice": 5, "info": 6}

TABLE: Final[dict[int, Event]] = {
    **MEANINGS,
    **LOGIN_MEANINGS,
    **REVOCATION_MEANINGS,
    **PROTECTION_MEANINGS,
}

#: What belongs on the stream of security events.
SECURITY: Final = frozenset(code for code, event in TABLE.items() if event.action)


def cef_severity(code: int, level: int) -> int:
    """The severity of a line: the table's for security events.  ``level`` is that of its level.

    Other lines weigh what their level says, and from a warning (3) on what the table says if that
    is more.
    """
    event = TABLE.get(code)
    if event is None or level < 3:
        return level
    return event.severity if event.action else max(event.severity, level)


def syslog_severity(code: int, level: int) -> int:
    """Return a severity as `cef_severity` does, by syslog's numbers: less is worse."""
    event = TABLE.get(code)
    if event is None or not event.action or level > SYSLOG["warning"]:
        return level
    return SYSLOG[event.syslog]

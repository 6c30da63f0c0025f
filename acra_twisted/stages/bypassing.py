"""The way out: statements that may leave protected columns unprotected, for one client, until a
day.  Each use is a security event.

A bypass is asked for where a statement was refused.  The statement is then planned as if the
bypass's columns were not protected: it is still refused for any other column that it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted import events
from acra_twisted.encryption.postgresql import planner
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.settings import Bypass
from acra_twisted.encryption.statementpattern import (
    LANGUAGE,
    StatementPattern,
    pattern_of,
)
from acra_twisted.exchange import Exchange
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.redact import of_statement
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.columnverdicts import first_refusal
from acra_twisted.stages.sessionknown import Known

_NOTE: Final = "encryptor.bypass"


class _Way(NamedTuple):
    bypass: Bypass
    pattern: StatementPattern


class Passed(NamedTuple):
    """A statement that a bypass lets pass, as it is planned without the bypass's columns."""

    bypass: Bypass
    planned: Planned


class Bypasses:
    """The bypasses in force, by their clients.  ``now`` is the time as seconds since the epoch:
    each use is judged by it.  ``language`` is that of their statements."""

    def __init__(self, now: Callable[[], float], language: str = LANGUAGE) -> None:
        self._now = now
        self._language = language
        self._ways: Mapping[str, Sequence[_Way]] = {}

    def put_in_force(self, bypasses: Sequence[Bypass]) -> None:
        """Use these bypasses from now on, and no others.

        Raises ConfigError for a statement that cannot be compared with those of clients, and
        changes nothing then."""
        ways: dict[str, list[_Way]] = {}
        for one in bypasses:
            ways.setdefault(one.client_id, []).append(_Way(one, pattern_of(one, self._language)))
        self._ways = ways

    def in_force(self) -> Sequence[Bypass]:
        """The bypasses that clients can use now."""
        now = self._now()
        return [
            way.bypass for ways in self._ways.values() for way in ways if now < way.bypass.until
        ]

    def find(self, client_id: str, text: bytes, mode: Mode) -> Bypass | None:
        """The bypass that a statement of a client has now; None if it has none."""
        for way in self._ways.get(client_id, ()):
            if self._now() < way.bypass.until and way.pattern.matches(text, mode):
                return way.bypass
        return None

    def has_any(self, client_id: str) -> bool:
        """Tell whether a client has a bypass at all."""
        return client_id in self._ways

    def is_in_force(self, bypass: Bypass, client_id: str) -> bool:
        """Tell whether a client can still use a bypass that was found before."""
        known = any(way.bypass == bypass for way in self._ways.get(client_id, ()))
        return known and self._now() < bypass.until

    def passed(
        self, text: bytes, mode: Mode, client_id: str, known: Known, snapshot: Snapshot
    ) -> Passed | None:
        """Plan a statement that was refused without the columns of its bypass; None if it has no
        bypass, or is refused for other columns, too."""
        if not self.has_any(client_id) or known.unfit is not None or len(text) > planner.LONG:
            return None
        bypass = self.find(client_id, text, mode)
        if bypass is None:
            return None
        plan = snapshot.planner_without(bypass.columns).plan
        planned = plan(text, mode, known.schema.path, known.prepared)
        plans = planned.statements
        if (
            plans is not None
            and first_refusal(plans, client_id, snapshot.protection.readers) is not None
        ):
            return None
        return Passed(bypass, planned)


def tell(exchange: Exchange, bypass: Bypass) -> None:
    """Report the use of a bypass, once for a request."""
    if exchange.notes.get(_NOTE) == bypass.name:
        return
    exchange.notes[_NOTE] = bypass.name
    exchange.add_attribute("acra.encryption_bypassed", bypass.name)
    session, statement = exchange.session, exchange.statement
    columns = ", ".join(sorted(bypass.columns))
    session.observer.security_event(
        events.COLUMN_BYPASSED,
        f"Bypass {bypass.name!r} let a statement pass that leaves {columns} unprotected",
        session,
        exchange,
        stage="encryptor",
        rule=bypass.name,
        columns=columns,
        reason=bypass.reason,
        query="" if statement is None else of_statement(statement, session.language).text,
    )

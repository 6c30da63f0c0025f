"""An observer that counts the logins that the database refuses, where it checks passwords itself.

Their errors do not wait as those of AcraServer's own do: each holds a connection of the database,
and attackers would take them all.  PostgreSQL's auth_delay makes them wait where that is wanted.

A client that has proven its user here has not guessed: its login is counted where it was proven.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from acra_twisted import events
from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Session
from acra_twisted.telemetry.metrics.exchanges import ServerExchanges

#: Says of an event that the database has refused the password, or that AcraServer has refused what
#: could not pass.
_PASSWORD, _PROXY = "password", "proxy"  # noqa: S105 - labels


class LoginRefusals(BaseObserver):
    """``tell`` is IPipelineObserver.security_event of all observers."""

    def __init__(
        self, limits: LoginLimits, counts: ServerExchanges, tell: Callable[..., None]
    ) -> None:
        self._limits = limits
        self._counts = counts
        self._tell = tell

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """Count a refused login; tell of wrong passwords that have become many."""
        rule = fields.get("rule")
        if code != events.LOGIN_REFUSED or session is None or session.proven or rule == _PROXY:
            return
        self._counts.login("database", "database", False)
        if rule != _PASSWORD:
            return
        penalty = self._limits.failed(session.identity.peer, session.user)
        for kind, failures in penalty.repeated:
            self._tell(
                events.REPEATED_FAILURES,
                "Repeated login failures",
                session,
                None,
                rule=kind,
                attempts=failures,
            )

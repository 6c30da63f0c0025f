"""An observer that does nothing: the base of those that observe some of what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zope.interface import classImplements

from acra_twisted.exchange import Exchange, Work
from acra_twisted.interfaces import IPipelineObserver
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Hangup


class BaseObserver:
    """Subclasses override the methods that they want to hear of.

    ``refusals_only``: `exchange_closed` need not be called for exchanges that were not refused.
    ``failures_only``: nor `column_values` where none of them has failed.
    """

    refusals_only = False
    failures_only = False

    def session_opened(self, session: Session) -> None:
        """See IPipelineObserver."""

    def session_closed(self, session: Session, reason: str) -> None:
        """See IPipelineObserver."""

    def exchange_opened(self, exchange: Exchange) -> None:
        """See IPipelineObserver."""

    def exchange_closed(self, exchange: Exchange) -> None:
        """See IPipelineObserver."""

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """See IPipelineObserver."""

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """See IPipelineObserver."""

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """See IPipelineObserver."""

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """See IPipelineObserver."""

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """See IPipelineObserver."""


# Not as a decorator: compiled classes have none.
classImplements(BaseObserver, IPipelineObserver)

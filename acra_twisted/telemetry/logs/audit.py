"""The observer that writes the log: session ends, refusals, broken stages, security events.

Every line of a session carries ``client_id``, ``session_id`` and the ``trace_id`` and ``span_id``
of its connection span, which are the connector's trace; a line about one exchange carries that
exchange's span.  Identity comes from the session, never from a peer's claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from acra_twisted import events
from acra_twisted.encryption.fates import FAILED
from acra_twisted.errors import AcraError
from acra_twisted.exchange import Exchange, Work
from acra_twisted.optionkinds import Address
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Identity, Session
from acra_twisted.sql.redact import of_statement
from acra_twisted.telemetry.logs.attempts import Attempts
from acra_twisted.telemetry.tracing.exchanges import context_of
from acra_twisted.verdicts import Deny, Hangup

#: A peer that has proven nothing may show a certificate of any size.
_SUBJECT_MAX = 512


def identity_fields(identity: Identity) -> dict[str, Any]:
    """Return fields of a log line that identify the peer."""
    found: dict[str, Any] = {"client_id": identity.client_id, "peer": identity.peer}
    if identity.port:
        found["peer_port"] = identity.port
    if identity.certificate:
        found["certificate"] = identity.certificate[:_SUBJECT_MAX]
    return found


def session_fields(session: Session | None, exchange: Exchange | None = None) -> dict[str, Any]:
    """Return fields of a log line that identify a session, or one exchange of it."""
    if session is None:
        return {}
    trace = session.span
    if exchange is not None:
        if exchange.span is not None:
            trace = exchange.span
        elif exchange.context is not None and exchange.context.sampled:
            trace = context_of(exchange)
    found = identity_fields(session.identity)
    found["session_id"] = session.id
    for name, value in (("user", session.user), ("database", session.database)):
        if value:
            found[name] = value.decode("utf-8", "replace")
    found["trace_id"] = trace.trace_id
    found["span_id"] = trace.span_id
    return found


#: Daemons as people call them.
_NAMES = {"acra-server": "AcraServer", "acra-connector": "AcraConnector"}


class AuditLog(BaseObserver):
    """Writes through twisted.logger; formats and destinations are `telemetry.logs`' business.

    ``server`` is the database's address, where the daemon knows it; ``daemon`` is its own name.
    """

    refusals_only = True
    failures_only = True

    def __init__(self, server: Address | None = None, daemon: str = "acra-server") -> None:
        self._log = Logger(namespace="acra")
        self._daemon = daemon
        self._server: dict[str, Any] = {}
        if server is not None:
            self._server["server_address"] = server.host or server.path
            if server.port:
                self._server["server_port"] = server.port
        self._hung_up: Exchange | None = None
        self._attempts = Attempts()

    def _fields(self, session: Session | None, exchange: Exchange | None = None) -> dict[str, Any]:
        """Return fields that identify a session and its database."""
        return {**session_fields(session, exchange), **self._server}

    def session_opened(self, session: Session) -> None:
        """Info: who, for which database."""
        self._log.info(
            "Session started",
            from_connector=session.identity.from_connector,
            **self._fields(session),
        )

    def session_closed(self, session: Session, reason: str) -> None:
        """Info: why."""
        self._log.info(
            "Finished processing client's connection", reason=reason, **self._fields(session)
        )

    def exchange_closed(self, exchange: Exchange) -> None:
        """A refusal is an error line with the redacted statement, under the name of the stage that
        refused.  One that ended the connection, or whose stage failed, has its line already."""
        if exchange.outcome != "denied":
            return
        if exchange is self._hung_up:
            self._hung_up = None
            return
        if exchange.code == events.STAGE_FAILED:
            return
        fields = self._fields(exchange.session, exchange)
        add_query(fields, exchange)
        if exchange.rule:
            fields["rule"] = exchange.rule
        known = exchange.attributes or {}
        for name, attribute in (("column", "acra.refused_column"), ("place", "acra.censor.place")):
            if known.get(attribute):
                fields[name] = known[attribute]
        self._log.error(
            "{event_text}",
            event_text=refusal_text(exchange, self._daemon),
            code=exchange.code,
            error=exchange.reason,
            stage=exchange.denied_by or self._daemon,
            **fields,
        )

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """Debug: who was given stored bytes instead of plaintext."""
        if failed:
            self._log.debug(
                "Containers left as stored",
                code=events.DECRYPT,
                kind=kind,
                failed=failed,
                **self._fields(exchange.session, exchange),
            )

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """Debug: who was given something else than the value, where the column's setting wants
        that."""
        failed = 0
        for (_, action), number in counts.items():
            if action == FAILED:
                failed += number
        if failed:
            labels = {setting.label for setting, action in counts if action == FAILED}
            self._log.debug(
                "Values of protected columns could not be read",
                code=events.COLUMN_CLOSED,
                columns=", ".join(sorted(labels)),
                failed=failed,
                **self._fields(exchange.session, exchange),
            )

    def stage_refused(self, stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """A hangup is a warning; a denial is written when its exchange ends."""
        if type(verdict) is Hangup:
            self._hung_up = work.exchange
            self._log.warn(
                "Stage ended the connection",
                code=events.QUERY_NOT_ALLOWED,
                stage=stage,
                error=verdict.reason,
                action=events.ENDED,
                outcome=events.FAILURE,
                **self._fields(work.exchange.session, work.exchange),
            )

    def stage_failed(self, stage: str, work: Work, failure: Any) -> None:
        """Our bug or the stage's: where it was raised, without the text, which may hold data.

        An error of ours has a text without data, which says what to do: a key file's mode, say.
        An advisory stage lets what it failed at pass.
        """
        trace = failure.getTracebackObject()
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
        exchange = work.exchange
        fields = self._fields(exchange.session, exchange)
        add_query(fields, exchange)
        refused = exchange.denied_by == stage
        self._log.error(
            "Stage failed",
            code=events.STAGE_FAILED,
            stage=stage,
            error=str(failure.value) if failure.check(AcraError) else failure.type.__name__,
            where=where,
            action=events.BLOCKED if refused else events.ALLOWED,
            outcome=events.FAILURE if refused else events.SUCCESS,
            **fields,
        )

    def security_event(
        self,
        code: int,
        text: str,
        session: Session | None,
        exchange: Exchange | None,
        **fields: Any,
    ) -> None:
        """A warning with the event's code."""
        known = {**self._fields(session, exchange), **fields}
        if code == events.LOGIN_REFUSED and session is not None:
            known["attempts"] = self._attempts.add(session.identity.peer, session.clock())
        if code == events.POISON_RECORD and "records" in fields:
            # Acra's line of each record that it finds: scripts look for it.
            self._log.info("Check poison records", **self._fields(session, exchange))
        self._log.warn("{event_text}", event_text=text, code=code, **known)


def refusal_text(exchange: Exchange, daemon: str) -> str:
    """Return the text of a refusal: Acra's for the firewall, else one that names the stage."""
    if exchange.denied_by == "censor":
        return "AcraCensor blocked query"
    if exchange.denied_by:
        return f"Stage {exchange.denied_by} refused a query"
    return f"{_NAMES.get(daemon, daemon)} refused a request"


def add_query(fields: dict[str, Any], exchange: Exchange) -> None:
    """The redacted statement, if there is one."""
    if exchange.statement is not None:
        fields["query"] = of_statement(exchange.statement, exchange.session.language).text

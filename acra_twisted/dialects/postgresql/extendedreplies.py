"""Replies to the messages of the extended protocol, descriptions of results, and COPY."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.answers import AnsweredReplies
from acra_twisted.dialects.postgresql.unloads import Unloading
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange, Statement, ToldType, Unload
from acra_twisted.fast.bigendian import uint16
from acra_twisted.outstanding import (
    ANSWER,
    FORWARD,
    SKIP,
    Entry,
)
from acra_twisted.results import LINES, STREAM, Plan
from acra_twisted.session import Load
from acra_twisted.verdicts import Deny
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.copyformat import CopyDataError

#: The rows have another layout than the statement said.
_NOT_READ: Final = Deny(
    "AcraServer cannot read the rows that the database copies out as the statement describes them",
    sqlstate=b"0A000",
    reason="copied rows of another format",
)


class ExtendedReplies(AnsweredReplies):
    """AnsweredReplies that read what the database says of statements, portals and columns."""

    def _parse_complete(self, start: int, end: int) -> None:
        _, _, exchange, statement = self._head(replies.PARSE)
        if exchange is not None and exchange.told is not None and not exchange.is_run:
            # Nothing of it may ever be done.
            self._tell_of(exchange, start)
        self._session.prepared.parse_complete(statement)
        self._pop(end)

    def _bind_complete(self, start: int, end: int) -> None:
        _, _, exchange, portal = self._head(replies.BIND)
        if exchange is not None and exchange.told is not None and not exchange.is_run:
            # It is executed apart, if at all.
            self._tell_of(exchange, start)
        self._session.prepared.bind_complete(portal)
        self._pop(end)

    def _close_complete(self, start: int, end: int) -> None:
        if self._head_is(SKIP, replies.CLOSE):
            self._leave_out(start, end)
        else:
            self._session.prepared.close_complete(*self._head(replies.CLOSE)[3])
        self._pop(end)

    def _parameter_description(self, start: int, end: int) -> None:
        asked: Statement = self._head(replies.DESCRIBE_STATEMENT)[3]
        statement = self._session.prepared.described(asked)
        if statement is None:
            tell = self._session.parameters_of_sql
            if tell is not None:
                types = backend.decode_parameter_description(self._body(start, end))
                told = tell(asked.prepared_name or b"", types)
                if told is not types:
                    self._leave_out(start, end)
                    self._out.append(backend.encode_parameter_description(list(told)))
            return
        if statement.told is None and statement.parameter_types is None:
            return
        types = backend.decode_parameter_description(self._body(start, end))
        if statement.told is not None and (
            self._session.prepared.is_meant(statement) or _is_described(statement, types)
        ):
            types = _told(statement.told, types)
            self._leave_out(start, end)
            self._out.append(backend.encode_parameter_description(types))
        if statement.parameter_types is not None:
            self._session.prepared.parameters_described(statement, types)

    def _no_data(self, start: int, end: int) -> None:
        if self._head_is(SKIP, replies.DESCRIBE_PORTAL):
            self._leave_out(start, end)
            self._pop(end)
            return
        _, code, _, payload = self._head(replies.DESCRIBE_STATEMENT, replies.DESCRIBE_PORTAL)
        if code == replies.DESCRIBE_STATEMENT:
            payload = self._session.prepared.described(payload)
            if payload is not None:
                self._session.prepared.describe_answered(payload)
        self._pop(end)

    def _row_description(self, start: int, end: int) -> None:
        if end - start < 7:
            raise WireError("database", "RowDescription is too short")
        columns = self._descriptions.columns(self._body(start, end))
        if self._head_is(SKIP, replies.DESCRIBE_PORTAL):
            self._leave_out(start, end)
            self._session.prepared.execution_described(self._session.outstanding[0][3], columns)
            self._pop(end)
            return
        _, code, exchange, payload = self._head(
            replies.QUERY, replies.DESCRIBE_STATEMENT, replies.DESCRIBE_PORTAL, replies.EXECUTE
        )
        if code == replies.DESCRIBE_STATEMENT:
            payload = self._session.prepared.described(payload)
        if self._results is not None:
            described = self._meant(columns, code, exchange, payload)
            plan = self._results.plan(described)
            if plan.shown is not described:
                self._leave_out(start, end)
                self._out.append(_description(plan))
        if code == replies.DESCRIBE_STATEMENT:
            if self._results is not None and payload is not None:
                self._session.prepared.statement_described(payload, columns)
                self._session.prepared.describe_answered(payload)
            self._pop(end)
        elif code == replies.DESCRIBE_PORTAL:
            self._session.prepared.portal_described(payload, columns)
            self._pop(end)
        else:
            self._no_rows()
            self._described = columns

    def _in_copy(self) -> Entry:
        return self._head(replies.QUERY, replies.EXECUTE)

    def _copy_done(self, start: int, end: int) -> None:
        self._in_copy()
        if self._unloading is not None:
            self._unloading.finish()

    def _copy_out(self, start: int, end: int) -> None:
        _, code, exchange, portal = self._in_copy()
        assert exchange is not None  # noqa: S101 - all codes that copy have one
        statement = exchange.statement if portal is None else portal.statement
        self._no_rows()
        body = self._body(start, end)
        self._copy_begins(body, statement)
        copies = None if statement is None else statement.copies
        if copies is not None and self._results is not None and self._ordinal < len(copies.unloads):
            unload = copies.unloads[self._ordinal]
            if unload is not None and not self._unloads(unload, body, code, exchange, portal):
                self._leave_out(start, end)
                self._fail(exchange, _NOT_READ)

    def _unloads(
        self, unload: Unload, body: bytes, code: int, exchange: Exchange, portal: Any
    ) -> bool:
        """Read the rows that come value by value; return False if they are not what was planned."""
        encoding = self._session.parameters.get(b"client_encoding", b"UTF8").decode("latin-1")
        try:
            made = Unloading(unload, encoding, self._message_limit)
        except CopyDataError:
            return False
        if uint16(body, 1) != len(made.columns) or (body[0] != 0) != made.is_binary:
            return False
        self._columns = len(made.columns)
        self._follow(self._meant(made.columns, code, exchange, portal))
        self._unloading = made if self._plan.hooks else None
        return True

    def _copy_both(self, start: int, end: int) -> None:
        self._copy_begins(b"", None)
        self._copy_in(start, end)
        self._session.load_layout = STREAM

    def _copy_in(self, start: int, end: int) -> None:
        """CopyInResponse or CopyBothResponse: until the client's CopyDone, Syncs draw nothing.

        CopyDone may have been sent already; Syncs sent before it are ignored as well.
        """
        _, _, exchange, portal = self._in_copy()
        assert exchange is not None  # noqa: S101 - all codes that copy have one
        self._no_rows()
        statement = exchange.statement if portal is None else portal.statement
        if statement is None and self._session.meaning is not None:
            raise WireError("database", "a load by a portal that is not known")
        copies = None if statement is None else statement.copies
        make = None if copies is None else copies.load
        self._session.load = None if make is None else Load(exchange, make(exchange))
        # Zero: the overall format is text.
        self._session.load_layout = LINES if self._body(start, end)[:1] == b"\0" else STREAM
        outstanding = self._session.outstanding
        head = outstanding.popleft()
        while self._head_is(FORWARD, replies.SYNC):
            outstanding.popleft()
        if self._head_is(ANSWER, replies.COPY_END):
            outstanding.popleft()
        else:
            self._session.copying_in = True
        outstanding.appendleft(head)


def _is_described(statement: Statement, types: Sequence[int]) -> bool:
    """Return True if the database says these types of a statement's parameters: all that it
    declares, at least one, and as many.  Another one of its name hardly has them; should it, no
    values reach it before the database has said that the name is not its own any more."""
    declared = statement.types
    if declared is None or not any(declared) or len(declared) != len(types):
        return False
    return all(one in (0, found) for one, found in zip(declared, types, strict=True))


def _told(told: Sequence[ToldType], types: list[int]) -> list[int]:
    """The types of the client's parameters.  Raises WireError if the database has fewer parameters
    than the text that it got."""
    try:
        return [one.type or types[one.source - 1] for one in told]
    except IndexError:
        raise WireError("database", "ParameterDescription has too few types") from None


def _description(plan: Plan) -> bytes:
    """The RowDescription that the client gets, made once."""
    if not plan.described:
        plan.described = backend.encode_row_description(plan.shown)
    return plan.described

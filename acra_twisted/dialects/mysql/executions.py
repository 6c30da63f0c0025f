"""Executions of prepared statements, and the values that come ahead of them.

An execution is read where a stage judges values, or something of its attributes is ours; any other
passes as it came.  While stages judge values, those that come ahead of an execution (long data) are
held back until it is there.  Once a stage has changed a value, each execution of its statement
tells the types of its values: the database's memory of them is another than the client's.

Commands about a statement wait while their number may yet become one's.  Those about none are
answered here, and the database never sees them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.modequestions import must_know_characters
from acra_twisted.dialects.mysql.opening import OpeningRequests
from acra_twisted.dialects.mysql.prepared import Prepared
from acra_twisted.dialects.mysql.replies import RENAMES, RESETS, Reply
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import PARAMETERS, Exchange, Parameters, Statement, Work
from acra_twisted.session import Session
from acra_twisted.sql.tags import CONTEXT_KEY
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql import commands, errors, parameters
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.commands import LongData
from acra_twisted.wire.mysql.frames import Packet, packets
from acra_twisted.wire.mysql.parameters import BLOB, Execution, is_string

# Formats of values, as stages see them.
TEXT: Final = 0
BINARY: Final = 1

#: Their statement must be prepared before their values can be read.
_EXECUTIONS: Final = frozenset((commands.EXECUTE, commands.BULK_EXECUTE))
_OVERLONG: Final = "values sent ahead of an execution are larger than message_size_limit"


class Executing:
    """An execution that was read.  ``pieces`` are values that came ahead of it; ``rewrites``: it
    does not leave as it came."""

    __slots__ = ("packet", "prepared", "execution", "pieces", "rewrites")

    def __init__(
        self,
        packet: Packet,
        prepared: Prepared,
        execution: Execution,
        pieces: list[LongData],
        rewrites: bool,
    ) -> None:
        self.packet = packet
        self.prepared = prepared
        self.execution = execution
        self.pieces = pieces
        self.rewrites = rewrites


class ExecutingRequests(OpeningRequests):
    """``judges``: some stage has hooks for values."""

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        propagation: Propagation,
        judges: bool,
    ) -> None:
        super().__init__(session, state, in_force, propagation)
        self._judges = judges
        # The execution whose values wait for their verdict.
        self._executing: Executing | None = None
        # The bulk execution of which a row does, or that goes on with the next one.
        self._bulk: Any = None

    def _must_wait(self, packet: Packet) -> bool:
        """Return True if nobody knows yet which statement a command is about, or if an execution
        cannot be read before its statement is prepared, or before the database has told the
        characters of its values (see `modequestions`)."""
        state = self._state
        if not (state.changing or state.is_unsure or self._prepared.is_waiting):
            # Nearly always: all is known.
            return False
        payload = packet.payload
        if state.changing:
            if self._owes(RESETS) or (payload[0] in _EXECUTIONS and self._is_renaming()):
                return True
        number = commands.statement_number(payload)
        prepared = self._prepared.find(number)
        if prepared is None:
            return self._prepared.may_come(number)
        if payload[0] not in _EXECUTIONS:
            return False
        if prepared.is_pending:
            return self._must_read(payload)
        return state.is_unsure and self._lacks_characters(prepared)

    def _lacks_characters(self, prepared: Prepared) -> bool:
        statement = prepared.statement
        if statement is None or not self._judges:
            return False
        return must_know_characters(self._state, statement.text, self.ask)

    def _is_renaming(self) -> bool:
        """Return True while a stage that judges values cannot know the character set of what comes,
        nor that of the results."""
        return self._judges and self._owes(RENAMES)

    def _owes(self, changes: int) -> bool:
        """Return True while a request is unanswered that has some of these flags (see `Reply`)."""
        for entry in self._session.outstanding:
            reply: Reply = entry[3]
            if reply.changes & changes:
                return True
        return False

    def _must_read(self, payload: bytes) -> bool:
        if self._judges or self._in_attributes:
            return True
        return self._in_force.query_attributes and payload.find(CONTEXT_KEY) >= 0

    def _found(self, kind: str, packet: Packet) -> Prepared | None:
        """The statement that a command is about; None if there is none: then the client has its
        answer."""
        prepared = self._prepared.find(commands.statement_number(packet.payload))
        if prepared is None or self._is_another(prepared):
            self._refuse(errors.UNKNOWN_STATEMENT, self._open(kind), packet.following)
            return None
        return prepared

    def _is_another(self, prepared: Prepared) -> bool:
        """Tell whether what a command calls the last one may be one before it, whose values nobody
        has judged: a server that had no room for it still takes that one for the last."""
        return prepared.failed and self._judges

    def _reply(self, prepared: Prepared, packet: Packet) -> Reply:
        """The reply to an execution."""
        return self._prepared.reply(
            prepared,
            packet.following,
            commands.opens_cursor(packet.payload),
            prepared.files if self._in_force.local_files else 0,
        )

    # -- executions -----------------------------------------------------------------------------

    def _execute(self, packet: Packet) -> Work | None:
        payload = packet.payload
        prepared = self._found("execute", packet)
        if prepared is None:
            return None
        if prepared.failed or not self._must_read(payload):
            exchange, _ = self._open_execution("execute", prepared)
            self._carry(exchange)
            self._pass(packet, replies.RESULT, exchange, self._reply(prepared, packet))
            return None
        is_overlong = prepared.is_overlong
        pieces = self._prepared.drop_long(prepared)
        long = joined(pieces)
        try:
            execution = parameters.decode_execution(
                payload,
                prepared.parameters,
                prepared.kinds,
                long,
                with_attributes=self._in_force.query_attributes,
            )
            if self._in_force.mariadb:
                parameters.check_for_mariadb(execution.kinds)
        except WireError:
            exchange, _ = self._open_execution("execute", prepared)
            if self._judges:
                prepared.tells = True
                self._refuse(errors.MALFORMED, exchange, packet.following)
            else:
                # Nobody here needs what it says, and the database judges it for itself.
                self._carry(exchange)
                self._pass(packet, replies.RESULT, exchange, self._reply(prepared, packet))
            return None
        exchange, attributes = self._open_execution("execute", prepared, execution.attributes)
        if execution.renewed:
            prepared.kinds = execution.kinds
        if is_overlong:
            prepared.tells = True
            self._refuse(errors.TOO_LARGE, exchange, packet.following, _OVERLONG)
            return None
        rewrites = len(attributes) != len(execution.attributes)
        rewrites = rewrites or (prepared.tells and not execution.renewed)
        execution = execution._replace(attributes=attributes)
        executing = Executing(packet, prepared, execution, pieces, rewrites)
        if not self._judges or not (prepared.parameters or is_planned(prepared.statement)):
            self._executes(executing, exchange)
            return None
        self._executing = executing
        values = [long.get(number, value) for number, value in enumerate(execution.values)]
        formats = [
            TEXT if number in long or is_string(kind) else BINARY
            for number, kind in enumerate(execution.kinds)
        ]
        item = Parameters(values, formats, prepared.statement, [*execution.kinds])
        return Work(PARAMETERS, item, exchange)

    def _settle_execution(self, executing: Executing, work: Work, verdict: Any) -> None:
        """Apply a verdict to the values of an execution."""
        self._executing = None
        if type(verdict) is Deny:
            # The kinds that it has brought are known to nobody but the client.
            executing.prepared.tells = True
            self._deny(work.exchange, verdict, executing.packet)
            return
        if type(verdict) is Replace:
            item: Parameters = verdict.item
            execution = executing.execution
            kinds = told_kinds(item, execution.kinds, executing.prepared.taken)
            # All values are in the command itself now.
            names = execution.names if len(execution.names) == len(kinds) else ()
            executing.execution = execution._replace(kinds=kinds, names=names, values=item.values)
            executing.pieces = []
            executing.rewrites = executing.prepared.tells = True
        elif executing.prepared.parameters != executing.prepared.taken:
            raise ValueError("a text has other parameters, whose values no stage has given")
        self._executes(executing, work.exchange)

    def _executes(self, executing: Executing, exchange: Exchange) -> None:
        """An execution goes to the database."""
        packet, execution = executing.packet, executing.execution
        for piece in executing.pieces:
            self._out.append(packets(commands.encode_long_data(piece), 0))
        attributes = self._handed_on(exchange, execution.attributes)
        if not self._in_attributes:
            self._carry(exchange)
        reply = self._reply(executing.prepared, packet)
        if not executing.rewrites and attributes is execution.attributes:
            self._pass(packet, replies.RESULT, exchange, reply)
            return
        flags = execution.flags | (commands.COUNTED if attributes else 0)
        payload = parameters.encode_execution(
            execution._replace(attributes=attributes, flags=flags),
            with_attributes=self._in_force.query_attributes,
            long=joined(executing.pieces),
        )
        self._send(payload, replies.RESULT, exchange, reply)

    # -- values ahead of an execution -------------------------------------------------------------

    def _long_data(self, packet: Packet) -> None:
        """A piece of a value: no reply answers it."""
        prepared = self._prepared.find(commands.statement_number(packet.payload))
        if prepared is None or self._is_another(prepared):
            return
        if not self._judges:
            self._forward(packet)
        else:
            self._prepared.hold(prepared, commands.decode_long_data(packet.payload))


def joined(pieces: Sequence[LongData]) -> dict[int, bytes]:
    """Values that came in pieces, by their parameters."""
    parts: dict[int, list[bytes]] = {}
    for piece in pieces:
        parts.setdefault(piece.parameter, []).append(piece.data)
    return {parameter: b"".join(data) for parameter, data in parts.items()}


def is_planned(statement: Statement | None) -> bool:
    """Tell whether a stage has kept something of a statement for its executions."""
    return statement is not None and statement.plan is not None


def told_kinds(item: Parameters, kinds: Sequence[int], taken: int) -> list[int]:
    """Return the kinds that the database is told of values that a stage has changed: bytes where it
    has put such in place of a number or a date.

    ``kinds`` are those that the client has told; they hold unless the stage has given others.
    Raises ValueError if the stage does not give the ``taken`` values that the database takes.
    """
    given = kinds if item.types is None else item.types
    if not len(item.values) == len(item.formats) == len(given) == taken:
        raise ValueError(f"{len(item.values)} values for {taken} parameters")
    return [
        BLOB if value is not None and form == TEXT and not is_string(kind) else kind
        for kind, value, form in zip(given, item.values, item.formats, strict=True)
    ]

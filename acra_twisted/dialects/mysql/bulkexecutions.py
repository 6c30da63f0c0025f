"""Bulk executions of MariaDB, whose rows are judged one by one.

Either all rows leave or none: a refusal of one refuses the command.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.executions import BINARY, TEXT, ExecutingRequests, told_kinds
from acra_twisted.dialects.mysql.prepared import Prepared
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import PARAMETERS, Exchange, Parameters, Work
from acra_twisted.session import Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql import bulk, errors
from acra_twisted.wire.mysql.bulk import GIVEN, IS_NULL, BulkHeader, BulkRow
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.errors import Situation
from acra_twisted.wire.mysql.frames import Assembler, Packet
from acra_twisted.wire.mysql.parameters import check_for_mariadb, is_string

_MIXED: Final = Deny(
    "rows of a bulk execution whose values are numbers in some and bytes in others",
    errno=errors.FAILED.number,
    reason="a stage has changed the type of a value in some rows of a bulk execution only",
)

_UNEVEN: Final = Deny(
    "a bulk execution of a statement with a search in a protected column; execute it row by row",
    errno=errors.FAILED.number,
    reason="a bulk execution of a statement that has another number of parameters by a stage",
)


_LARGE: Final = "rows of a bulk execution are larger than message_size_limit as stages have them"


class Judged:
    """A bulk execution and how far it has been judged.

    ``row``: the one that waits for its verdict, from ``start`` to ``at``; ``count``: how many came
    before it.  ``written``: what leaves in place of the rows up to ``kept``, whose values are of
    ``kinds``.  ``given``: places where a row leaves a value of the kind that the client has told;
    ``rewrites``: the command does not leave as it came.
    """

    __slots__ = (
        *("packet", "prepared", "header", "exchange", "row", "start", "at", "count"),
        *("written", "kept", "kinds", "given", "rewrites"),
    )

    def __init__(
        self, packet: Packet, prepared: Prepared, header: BulkHeader, exchange: Exchange
    ) -> None:
        self.packet = packet
        self.prepared = prepared
        self.header = header
        self.exchange = exchange
        self.row = BulkRow((), ())
        self.start = self.at = self.kept = header.start
        self.count = 0
        self.written = bytearray()
        self.kinds = list(header.kinds)
        self.given: set[int] = set()
        self.rewrites = prepared.tells and not header.renewed

    def keep(self) -> None:
        """The row leaves as it came."""
        self.count += 1
        given = self.given
        if len(given) < len(self.kinds):
            for place, indicator in enumerate(self.row.indicators):
                if indicator == GIVEN:
                    given.add(place)

    def replace(self, item: Parameters) -> bool:
        """Others leave in place of the row's values.  Return False if one has not the form of those
        in its place before."""
        row, before = self.row, self.header.kinds
        kinds = told_kinds(item, before, len(before))
        indicators: list[int] = []
        for place, kind in enumerate(kinds):
            if item.values[place] is None:
                # It stays what it was if that was no value either.
                was = row.indicators[place]
                indicators.append(IS_NULL if was == GIVEN else was)
                continue
            indicators.append(GIVEN)
            if kind == before[place]:
                self.given.add(place)
            elif self.kinds[place] == before[place]:
                self.kinds[place] = kind
            elif self.kinds[place] != kind and not (
                is_string(kind) and is_string(self.kinds[place])
            ):
                return False
        self.count += 1
        self.rewrites = True
        self.written += self.packet.payload[self.kept : self.start]
        self.written += bulk.encode_bulk_row(BulkRow(indicators, item.values), kinds)
        self.kept = self.at
        return True

    def is_uniform(self) -> bool:
        """Tell whether the values that leave in one place are of one kind."""
        before = self.header.kinds
        return all(self.kinds[place] == before[place] for place in self.given)

    def encode(self) -> bytes:
        """The command as it leaves."""
        head = bulk.encode_bulk_head(self.header, self.kinds)
        return b"%b%b%b" % (head, bytes(self.written), self.packet.payload[self.kept :])


class BulkRequests(ExecutingRequests):
    """ExecutingRequests with bulk executions.  ``message_limit``: bytes of one command, as it comes
    and, of rows, as they leave."""

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        propagation: Propagation,
        judges: bool,
        message_limit: int,
    ) -> None:
        super().__init__(session, state, in_force, propagation, judges)
        self._assembler = Assembler("client", self._buffer, message_limit)

    def _execute_bulk(self, packet: Packet) -> Work | None:
        prepared = self._found("bulk", packet)
        if prepared is None:
            return None
        exchange, _ = self._open_execution("bulk", prepared)
        if prepared.failed or not self._judges:
            self._carry(exchange)
            self._pass(packet, replies.RESULT, exchange, self._reply(prepared, packet))
            return None
        try:
            header = bulk.decode_bulk(packet.payload, prepared.parameters, prepared.kinds)
            if self._in_force.mariadb:
                check_for_mariadb(header.kinds)
        except WireError:
            prepared.tells = True
            self._refuse(errors.MALFORMED, exchange, packet.following)
            return None
        if header.renewed:
            prepared.kinds = header.kinds
        if prepared.parameters != prepared.taken:
            prepared.tells = True
            self._deny(exchange, _UNEVEN, packet)
            return None
        # Its bytes may be gone when the last row has its verdict.
        judged = self._bulk = Judged(packet.kept(), prepared, header, exchange)
        return self._next_row(judged)

    def _next_row(self, judged: Judged) -> Work | None:
        """The next row to judge; behind the last one the command goes."""
        payload, kinds = judged.packet.payload, judged.header.kinds
        if judged.count and judged.at == len(payload):
            self._bulk = None
            self._execute_rows(judged)
            return None
        judged.start = judged.at
        try:
            judged.row, judged.at = bulk.read_bulk_row(payload, judged.at, kinds)
        except WireError:
            self._refuse_rows(judged, errors.MALFORMED)
            return None
        formats = [TEXT if is_string(kind) else BINARY for kind in kinds]
        values = [*judged.row.values]
        item = Parameters(values, formats, judged.prepared.statement, [*kinds])
        return Work(PARAMETERS, item, judged.exchange)

    def _settle_row(self, judged: Judged, verdict: Any) -> None:
        """Apply a verdict to a row."""
        if type(verdict) is Deny:
            self._deny_rows(judged, verdict)
        elif type(verdict) is not Replace:
            judged.keep()
        elif not judged.replace(verdict.item):
            self._deny_rows(judged, _MIXED)
        elif len(judged.written) + len(judged.packet.payload) - judged.kept > self._assembler.limit:
            self._refuse_rows(judged, errors.TOO_LARGE, _LARGE)

    def _deny_rows(self, judged: Judged, deny: Deny) -> None:
        self._bulk = None
        judged.prepared.tells = True
        self._deny(judged.exchange, deny, judged.packet)

    def _refuse_rows(self, judged: Judged, situation: Situation, text: str = "") -> None:
        self._bulk = None
        judged.prepared.tells = True
        self._refuse(situation, judged.exchange, judged.packet.following, text)

    def _execute_rows(self, judged: Judged) -> None:
        """All rows go to the database."""
        packet, exchange = judged.packet, judged.exchange
        exchange.add_attribute("db.operation.batch.size", judged.count)
        if not judged.is_uniform():
            self._deny_rows(judged, _MIXED)
            return
        self._carry(exchange)
        reply = self._reply(judged.prepared, packet)
        if not judged.rewrites:
            self._pass(packet, replies.RESULT, exchange, reply)
            return
        judged.prepared.tells = True
        self._send(judged.encode(), replies.RESULT, exchange, reply)

"""Bulk executions of MariaDB, whose rows are judged one by one.

Either all rows leave or none: a refusal of one refuses the command.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.executions import BINARY, TEXT, ExecutingRequests, told_kinds
from acra_twisted.dialects.mysql.prepared import Prepared
from acra_twisted.errors import WireError
from acra_twisted.exchange import PARAMETERS, Exchange, Parameters, Work
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql import bulk, errors
from acra_twisted.wire.mysql.bulk import GIVEN, IS_NULL, BulkHeader, BulkRow
from acra_twisted.wire.mysql.frames import Packet
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


class Judged:
    """A bulk execution and how far it has been judged.  ``at``: where the next row begins; ``row``:
    the one that waits for its verdict.  ``rows`` are those that leave, with values of ``kinds``;
    ``given``: places where one leaves as it came; ``rewrites``: some do not."""

    __slots__ = (
        *("packet", "prepared", "header", "exchange"),
        *("at", "row", "kinds", "rows", "given", "rewrites"),
    )

    def __init__(
        self, packet: Packet, prepared: Prepared, header: BulkHeader, exchange: Exchange
    ) -> None:
        self.packet = packet
        self.prepared = prepared
        self.header = header
        self.exchange = exchange
        self.at = header.start
        self.row = BulkRow((), ())
        self.kinds = list(header.kinds)
        self.rows: list[BulkRow] = []
        self.given: set[int] = set()
        self.rewrites = prepared.tells and not header.renewed


class BulkRequests(ExecutingRequests):
    """ExecutingRequests with bulk executions."""

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
        judged = self._bulk = Judged(packet, prepared, header, exchange)
        return self._next_row(judged)

    def _next_row(self, judged: Judged) -> Work | None:
        """The next row to judge; behind the last one the command goes."""
        payload, kinds = judged.packet.payload, judged.header.kinds
        if judged.at == len(payload):
            self._bulk = None
            self._execute_rows(judged)
            return None
        try:
            judged.row, judged.at = bulk.read_bulk_row(payload, judged.at, kinds)
        except WireError:
            self._bulk = None
            judged.prepared.tells = True
            self._refuse(errors.MALFORMED, judged.exchange, judged.packet.following)
            return None
        formats = [TEXT if is_string(kind) else BINARY for kind in kinds]
        values = [*judged.row.values]
        item = Parameters(values, formats, judged.prepared.statement, [*kinds])
        return Work(PARAMETERS, item, judged.exchange)

    def _settle_row(self, judged: Judged, verdict: Any) -> None:
        """Apply a verdict to a row."""
        if type(verdict) is Deny:
            self._bulk = None
            judged.prepared.tells = True
            self._deny(judged.exchange, verdict, judged.packet)
        elif type(verdict) is Replace:
            judged.rewrites = True
            self._replace_row(judged, verdict.item)
        else:
            self._keep_row(judged)

    @staticmethod
    def _keep_row(judged: Judged) -> None:
        judged.rows.append(judged.row)
        for place, indicator in enumerate(judged.row.indicators):
            if indicator == GIVEN:
                judged.given.add(place)

    @staticmethod
    def _replace_row(judged: Judged, item: Parameters) -> None:
        row, kinds = judged.row, judged.header.kinds
        indicators: list[int] = []
        for place, told in enumerate(told_kinds(item, kinds, len(kinds))):
            if item.values[place] is None:
                # It stays what it was if that was no value either.
                was = row.indicators[place]
                indicators.append(IS_NULL if was == GIVEN else was)
                continue
            indicators.append(GIVEN)
            if told == kinds[place]:
                judged.given.add(place)
            else:
                judged.kinds[place] = told
        judged.rows.append(BulkRow(indicators, item.values))

    def _execute_rows(self, judged: Judged) -> None:
        """All rows go to the database."""
        packet, kinds, exchange = judged.packet, judged.kinds, judged.exchange
        exchange.add_attribute("db.operation.batch.size", len(judged.rows))
        for place in judged.given:
            if kinds[place] != judged.header.kinds[place]:
                judged.prepared.tells = True
                self._deny(exchange, _MIXED, packet)
                return
        self._carry(exchange)
        reply = self._reply(judged.prepared, packet)
        if not judged.rewrites:
            self._pass(packet, replies.RESULT, exchange, reply)
            return
        judged.prepared.tells = True
        parts = [bulk.encode_bulk_head(judged.header, kinds)]
        parts += [bulk.encode_bulk_row(row, kinds) for row in judged.rows]
        self._send(b"".join(parts), replies.RESULT, exchange, reply)

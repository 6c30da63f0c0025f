"""A command begins: its exchange is opened, with the trace context that it brings, and takes its
place in the queue of replies, whether the database answers it or we do.

A context comes as a query attribute, in a comment of the text, by a command in front of what has
no text, or with the preparation of what is executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted import events
from acra_twisted.dialects.flow import ClientFlow
from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.contexts import carrier, take_attributes, with_context
from acra_twisted.dialects.mysql.prepared import Prepared, PreparedStatements
from acra_twisted.dialects.mysql.replies import Reply
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.texts import reads_alike
from acra_twisted.dialects.propagation import Propagation, bring, sent_form, show_tags
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.outstanding import ANSWER, FORWARD
from acra_twisted.session import Session
from acra_twisted.sql.mysqlcomments import add_context, look_for_context
from acra_twisted.verdicts import Deny
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import commands, errors
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.errors import Situation
from acra_twisted.wire.mysql.frames import Packet, packets
from acra_twisted.wire.mysql.parameters import Attribute

#: The answer to a client that has prepared as much as it may.
TOO_MANY_STATEMENTS: Final = Situation(
    1461, b"42000", "more statements are prepared than max_prepared_statements allows"
)


class OpeningRequests(ClientFlow):
    """Opens exchanges, and sends or answers commands; see `request`."""

    def __init__(
        self, session: Session, state: MysqlState, in_force: InForce, propagation: Propagation
    ) -> None:
        super().__init__(session)
        self._state = state
        self._in_force = in_force
        self._propagation = propagation
        self._prepared: PreparedStatements = session.prepared
        # Contexts of queries and executions are handed on in attributes.
        self._in_attributes = propagation.onward is not None and in_force.query_attributes
        self._reading_since = 0
        # The reply that everything waits for: until then nobody knows what the client says.
        self._blocking: Reply | None = None
        # The context that a command has brought for what comes behind it.
        self._announced: TraceContext | None = None

    # -- exchanges ------------------------------------------------------------------------------

    def _begin(self, kind: str, statement: Statement | None) -> Exchange:
        """It began with the first byte of its command, if that has come in pieces."""
        session, since = self._session, self._reading_since
        now = session.clock()
        exchange = Exchange(session, kind, statement, since or now)
        if since:
            self._reading_since = 0
            exchange.add_attribute("acra.time.client_read_ms", round((now - since) / 1e6, 3))
        exchange.remote = session.context
        if self._announced is not None:
            exchange.remote = self._announced
            self._announced = None
        return exchange

    def _open(self, kind: str, statement: Statement | None = None) -> Exchange:
        exchange = self._begin(kind, statement)
        self._session.observer.exchange_opened(exchange)
        return exchange

    def _open_statement(
        self, kind: str, statement: Statement, attributes: Sequence[Attribute] = ()
    ) -> tuple[Exchange, Sequence[Attribute]]:
        """An exchange that may have been given a trace context, and the attributes that are not
        of it."""
        session = self._session
        session.in_flight = self._state.changing > 0 and not reads_alike(statement.text)
        statement.conforming = None if session.in_flight else session.conforming
        exchange = self._begin(kind, statement)
        found = look_for_context(statement.text, statement.conforming)
        commented = found is not None and bring(exchange, statement, found)
        if attributes:
            attributes = self._take_attributes(exchange, attributes, commented)
        session.observer.exchange_opened(exchange)
        return exchange, attributes

    def _open_execution(
        self,
        kind: str,
        prepared: Prepared | None,
        attributes: Sequence[Attribute] = (),
    ) -> tuple[Exchange, Sequence[Attribute]]:
        """The exchange of a request without text: the first execution goes on with the context of
        its preparation, later ones are linked with it."""
        statement = None if prepared is None else prepared.statement
        announced = self._announced is not None
        exchange = self._begin(kind, statement)
        if statement is not None:
            if statement.brought is not None:
                show_tags(exchange, statement.brought)
            if not announced:
                if statement.origin is not None:
                    exchange.remote = statement.origin
                else:
                    exchange.linked = statement.linked
            if statement.origin is not None:
                statement.linked, statement.origin = statement.origin, None
        if attributes:
            attributes = self._take_attributes(exchange, attributes, False)
        self._session.observer.exchange_opened(exchange)
        return exchange, attributes

    def _take_attributes(
        self, exchange: Exchange, attributes: Sequence[Attribute], commented: bool
    ) -> Sequence[Attribute]:
        rest, context, malformed = take_attributes(attributes, self._propagation.decided)
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        if context is not None:
            if commented and context != exchange.remote:
                exchange.add_attribute("acra.traceparent_conflict", True)
            exchange.remote, exchange.linked = context, None
        return rest

    # -- contexts that are handed on ------------------------------------------------------------

    def _onward(self, exchange: Exchange) -> TraceContext | None:
        onward = self._propagation.onward
        return None if onward is None else onward(exchange)

    def _handed_on(
        self, exchange: Exchange, attributes: Sequence[Attribute]
    ) -> Sequence[Attribute]:
        """The attributes that leave with a request."""
        context = self._onward(exchange) if self._in_attributes else None
        if context is None:
            return attributes
        return with_context(attributes, context, _state_of(exchange))

    def _text_handed_on(self, exchange: Exchange, statement: Statement) -> bytes:
        """The text that leaves, not that of the statement as it is judged.

        The text of a prepared statement stays as it is, but on the way to AcraServer.
        """
        prepares = exchange.kind == "prepare"
        hands_on = self._propagation.to_acra if prepares else not self._in_attributes
        context = self._onward(exchange) if hands_on else None
        if context is None:
            return sent_form(statement)
        brought, state = statement.brought, _state_of(exchange)
        if brought is not None and brought.kept is not None:
            text: bytes = brought.kept.with_context(context, state)
            return text
        return add_context(statement.text, context, state)

    def _carry(self, exchange: Exchange) -> None:
        """Before a request without text and attributes: a command that carries its context to
        AcraServer."""
        context = self._onward(exchange) if self._propagation.to_acra else None
        if context is not None:
            self._out.append(carrier(context))

    # -- the queue ------------------------------------------------------------------------------

    def _pass(self, packet: Packet, code: int, exchange: Exchange, reply: Reply) -> None:
        """A command goes on as it came."""
        self._forward(packet)
        self._await(code, exchange, reply)

    def _forward(self, packet: Packet) -> None:
        """A packet goes on as it came, whether a reply is owed for it or not."""
        if packet.start < 0:
            self._out.append(packets(packet.payload, packet.sequence))
        else:
            self._out.append(self._part(packet.start, packet.end))

    def _send(self, payload: bytes, code: int, exchange: Exchange, reply: Reply) -> None:
        """A command goes on as ``payload``."""
        self._out.append(packets(payload, 0))
        self._await(code, exchange, reply)

    def _plain(self, kind: str, code: int, packet: Packet, reply: Reply) -> None:
        """A command without a text; a server ignores what stands behind its fixed part."""
        exchange, _ = self._open_execution(kind, reply.prepared)
        self._go_on(packet, code, exchange, reply)

    def _go_on(self, packet: Packet, code: int, exchange: Exchange, reply: Reply) -> None:
        """Such a command goes on, with its context ahead of it."""
        self._carry(exchange)
        payload = packet.payload
        sent = commands.fixed_part(payload) if payload[0] in commands.WHOLE else payload
        if sent is payload:
            self._pass(packet, code, exchange, reply)
        else:
            self._send(sent, code, exchange, reply)

    def _await(self, code: int, exchange: Exchange, reply: Reply) -> None:
        self._state.sent(reply)
        if reply.files:
            self._blocking = reply
        self._session.outstanding.append((FORWARD, code, exchange, reply))
        exchange.sent = self._session.clock()

    def _answer(self, exchange: Exchange, payload: bytes, sequence: int) -> None:
        reply = Reply(sequence, answer=payload)
        self._session.outstanding.append((ANSWER, replies.ONE, exchange, reply))

    def _deny(self, exchange: Exchange, deny: Deny, packet: Packet) -> None:
        """A stage has refused a command."""
        self._answer(exchange, self._denial(exchange, deny), packet.following)

    def _denial(self, exchange: Exchange, deny: Deny) -> bytes:
        """The error that the client gets where a stage has refused something of an exchange."""
        exchange.refuse(deny, str(deny.errno))
        payload = replies.denial(deny)
        hint = self._propagation.hint(exchange)
        return payload + f" ({hint})".encode() if hint else payload

    def _refuse(
        self,
        situation: Situation,
        exchange: Exchange,
        sequence: int,
        text: str = "",
        code: int = events.LIMIT_EXCEEDED,
    ) -> None:
        """A command is refused for what it is."""
        shown = text or situation.text
        deny = Deny(shown, errno=situation.number, sqlstate=situation.sqlstate, code=code)
        exchange.refuse(deny, str(situation.number))
        self._answer(exchange, errors.encode_error(situation, shown), sequence)

    def _end(self, situation: Situation, sequence: int) -> None:
        """Give the client up, whose next command cannot be read: it gets an error behind all that
        is owed, and the session ends."""
        self._refuse(situation, self._open("command"), sequence)
        self.terminated = True


def _state_of(exchange: Exchange) -> str:
    remote = exchange.remote
    return "" if remote is None else str(remote.state)

"""Another user logs in on a session: COM_CHANGE_USER, and the client's answers behind it.

They pass as those of the first login do (`authentication`).  The client keeps the identity that it
has proven to AcraServer; what else the session is, its database begins anew.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.authentication import LegsPolicy, Plugins
from acra_twisted.dialects.mysql.bulkexecutions import BulkRequests
from acra_twisted.dialects.mysql.contexts import told
from acra_twisted.dialects.mysql.replies import RESETS, Reply
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange
from acra_twisted.session import Session
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql import errors
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.errors import Situation
from acra_twisted.wire.mysql.frames import Packet
from acra_twisted.wire.mysql.handshake import decode_change_user

_NOT_ENABLED: Final = Situation(
    errors.UNKNOWN_COMMAND.number,
    errors.UNKNOWN_COMMAND.sqlstate,
    "another user may not log in on this session",
)


class ChangingRequests(BulkRequests):
    """BulkRequests of clients that may log in other users.

    ``legs``: which of the connections have TLS; None if no other user may.
    """

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        propagation: Propagation,
        judges: bool,
        message_limit: int,
        legs: LegsPolicy | None,
    ) -> None:
        super().__init__(session, state, in_force, propagation, judges, message_limit)
        self._legs = legs
        # The user that is logging in.
        self._changing: tuple[Exchange, bytes, TraceContext | None] | None = None

    @property
    def unfinished(self) -> bool:
        """See IMessageFlow."""
        return self._assembler.unfinished or self._streaming > 0

    @property
    def unread(self) -> int:
        """See IMessageFlow: parts of a command that were taken are here still."""
        return self._assembler.held + super().unread

    def _change_user(self, packet: Packet) -> None:
        if self._legs is None:
            self._refuse(_NOT_ENABLED, self._open("change_user"), packet.following)
            return
        exchange = self._begin("change_user", None)
        try:
            change = decode_change_user(packet.payload, self._in_force)
        except WireError:
            self._session.observer.exchange_opened(exchange)
            self._refuse(errors.MALFORMED, exchange, packet.following)
            return
        context, malformed = told(change.attributes)
        if context is not None:
            exchange.remote = context
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        self._session.observer.exchange_opened(exchange)
        login = Plugins(self._legs)
        try:
            login.begin(change.plugin or b"", change.answer)
        except WireError as error:
            self._refuse(errors.NO_RIGHT, exchange, packet.following, str(error))
            return
        self._changing = exchange, change.user, context
        self._blocking = Reply(
            packet.following,
            changes=RESETS,
            # MySQL's is its server's default then.
            collation=change.collation if self._in_force.mariadb else 0,
            schema=change.database,
            login=login,
        )
        self._pass(packet, replies.AUTH, exchange, self._blocking)

    def _answers_login(self, login: Plugins) -> bool:
        """Pass the client's answer on, if it has come.  Raises WireError for one that may not
        pass."""
        packet = self._assembler.take()
        if packet is None:
            self._assembler.wait()
            return False
        login.from_client(packet.payload)
        self._state.following = packet.following
        self._forward(packet)
        return True

    def _changed_user(self) -> None:
        """The database has decided about another user."""
        changing, self._changing = self._changing, None
        if changing is None or changing[0].outcome != "ok":
            return
        _, user, context = changing
        session = self._session
        session.user = user
        if context is not None:
            session.context = context

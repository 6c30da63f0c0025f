"""Texts of a client on their way to the database: queries, those that are prepared, and commands
that ask for what a statement asks for, too.

A text waits until it is known how it is read.  A query that no stage needs to judge, as the stages
say themselves, is no Work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.equivalents import KINDS, statement_of
from acra_twisted.dialects.mysql.modequestions import must_wait
from acra_twisted.dialects.mysql.opening import TOO_MANY_STATEMENTS
from acra_twisted.dialects.mysql.prepared import Prepared
from acra_twisted.dialects.mysql.replies import KEEPS, PLAIN, Reply
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.texts import changes, files_of, schema_of
from acra_twisted.dialects.mysql.uploading import UploadingRequests
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.errors import WireError
from acra_twisted.exchange import ALL, STATEMENT, Exchange, Judges, Statement, Work
from acra_twisted.session import Session
from acra_twisted.verdicts import PASS, Deny, Replace
from acra_twisted.wire.mysql import commands, errors, parameters
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import Packet
from acra_twisted.wire.mysql.parameters import Attribute, Query

#: Final here, because a look into a module's dict takes longer than one into this one.
_KINDS: Final = KINDS


def all_judge(statement: Statement, exchange: Exchange) -> int:
    """`Judges` where no stage lets a query pass by itself."""
    return ALL


class TextRequests(UploadingRequests):
    """UploadingRequests that read texts.

    ``texts`` tells how many stages must judge a query; None where no stage looks at texts.
    """

    def __init__(
        self,
        session: Session,
        state: MysqlState,
        in_force: InForce,
        propagation: Propagation,
        judges: bool,
        texts: Judges | None,
        message_limit: int,
        legs: LegsPolicy | None,
    ) -> None:
        super().__init__(session, state, in_force, propagation, judges, message_limit, legs)
        self._judges_texts = texts
        # A command that waits: for its statement to be prepared, or for how its text is read.
        self._kept: Packet | None = None
        # The text that waits for its verdict, with its attributes.
        self._text: tuple[Packet, Query, Sequence[Attribute]] | None = None

    def _query(self, packet: Packet) -> Work | None:
        try:
            query = parameters.decode_query(packet.payload, self._in_force.query_attributes)
        except WireError:
            self._refuse(errors.MALFORMED, self._open("query"), packet.following)
            return None
        return self._read_text("query", packet, query)

    def _prepare(self, packet: Packet) -> Work | None:
        if self._prepared.is_full:
            self._prepared.denied()
            self._refuse(TOO_MANY_STATEMENTS, self._open("prepare"), packet.following)
            return None
        return self._read_text("prepare", packet, Query(packet.payload[1:]))

    def _read_text(self, kind: str, packet: Packet, query: Query) -> Work | None:
        if self._state.changing and self._is_renaming():
            self._kept = packet.kept()
            return None
        if self._state.is_unsure and self._waits(packet, query.text):
            return None
        statement = Statement(query.text, b"" if kind == "prepare" else None)
        exchange, attributes = self._open_statement(kind, statement, query.attributes)
        judges = self._judges_texts
        if judges is not None:
            before = statement.text
            left = ALL if kind == "prepare" else judges(statement, exchange)
            if left:
                self._text = packet, query, attributes
                work = Work(STATEMENT, statement, exchange)
                work.left = left
                return work
            if statement.text is not before:
                self._replaced(statement)
        self._text_passed(packet, query, attributes, exchange, statement)
        return None

    def _replaced(self, statement: Statement) -> None:
        """A stage has replaced the text of a statement."""
        statement.conforming = statement.conforming and self._session.conforming
        brought = statement.brought
        if brought is not None and brought.kept is not None:
            brought.kept = brought.kept.replaced(statement.text)

    def _waits(self, packet: Packet, text: bytes) -> bool:
        """Keep a command whose text is to be judged, until it is known how that is read."""
        if self._judges_texts is None:
            return False
        if not must_wait(self._state, text, self.ask, self._judges):
            return False
        self._kept = packet.kept()
        return True

    def _text_passed(
        self,
        packet: Packet,
        query: Query,
        attributes: Sequence[Attribute],
        exchange: Exchange,
        statement: Statement,
    ) -> None:
        """A text goes to the database; as it came, if nothing of it has changed."""
        text = self._text_handed_on(exchange, statement)
        flags = changes(statement.text, statement.conforming)
        files = files_of(statement.text) if self._in_force.local_files else 0
        if exchange.kind == "prepare":
            prepared = Prepared(statement, flags, files)
            self._prepared.sent(prepared)
            reply = Reply(packet.following, prepared=prepared)
            if text is query.text:
                self._pass(packet, replies.PREPARE, exchange, reply)
            else:
                self._send(b"\x16" + text, replies.PREPARE, exchange, reply)
            return
        reply = PLAIN
        # Where nobody tells of another schema.
        schema = None if self._in_force.tracks else schema_of(statement.text)
        if flags != KEEPS or files or packet.following != 1 or schema is not None:
            reply = Reply(packet.following, files=files, changes=flags, schema=schema)
        attributes = self._handed_on(exchange, attributes)
        if text is query.text and attributes is query.attributes:
            self._pass(packet, replies.RESULT, exchange, reply)
        else:
            in_force = self._in_force.query_attributes
            payload = (
                parameters.encode_query(Query(text, attributes), in_force)
                if attributes
                else parameters.encode_text(text, in_force)
            )
            self._send(payload, replies.RESULT, exchange, reply)

    def _equivalent(self, packet: Packet) -> Work | None:
        """A command that a stage judges as the statement that says the same."""
        payload = packet.payload
        kind, _ = _KINDS[payload[0]]
        text = statement_of(payload)
        if text is None:
            self._refuse(errors.UNKNOWN_COMMAND, self._open(kind), packet.following)
            return None
        if self._state.is_unsure and self._waits(packet, text):
            return None
        statement = Statement(text)
        exchange, _ = self._open_statement(kind, statement)
        if self._judges_texts is not None:
            self._text = packet, Query(text), ()
            return Work(STATEMENT, statement, exchange)
        self._judged(packet, exchange, PASS)
        return None

    def _judged(self, packet: Packet, exchange: Exchange, verdict: Any) -> None:
        """Such a command goes on; it has no text that another one could replace."""
        if type(verdict) is Replace:
            self._refuse(errors.UNKNOWN_COMMAND, exchange, packet.following)
            return
        payload = packet.payload
        _, code = _KINDS[payload[0]]
        schema = payload[1:] if payload[0] == commands.INIT_DB else None
        self._go_on(packet, code, exchange, Reply(packet.following, schema=schema))

    def _settle_text(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to a text."""
        text, self._text = self._text, None
        assert text is not None  # noqa: S101 - a statement was handed out
        packet, query, attributes = text
        if type(verdict) is Deny:
            self._deny(work.exchange, verdict, packet)
            if packet.payload[0] == commands.PREPARE:
                self._prepared.denied()
            return
        if packet.payload[0] in _KINDS:
            self._judged(packet, work.exchange, verdict)
            return
        if type(verdict) is Replace:
            statement: Statement = work.item
            statement.become(verdict.item)
            self._replaced(statement)
        self._text_passed(packet, query, attributes, work.exchange, work.item)

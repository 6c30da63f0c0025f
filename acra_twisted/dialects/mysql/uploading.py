"""Files of the client's on their way to the database, which has asked for them.

A file passes unread, unless its statement has an ILoad: that gets it in pieces, and packets of ours
carry what it answers.  Once it has refused one, the rest of the file goes nowhere, and the database
gets rows that it fails to load: a file that only ended would count as whole.
"""

from __future__ import annotations

from typing import Any

from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.mysql.uploads import PIECE, Upload
from acra_twisted.dialects.mysql.userchanges import ChangingRequests
from acra_twisted.dialects.propagation import Propagation
from acra_twisted.exchange import ROWS, Exchange, Work
from acra_twisted.session import Load, Session
from acra_twisted.verdicts import Deny, Replace
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import HEADER_SIZE


class UploadingRequests(ChangingRequests):
    """ChangingRequests of clients that may send files."""

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
        super().__init__(session, state, in_force, propagation, judges, message_limit, legs)
        self._upload = Upload()

    def _uploads(self) -> Work | None:
        """Go on with a file by what is here of it: a Work for its ILoad, or None.  The state tells
        if it has ended."""
        upload, buffer, load = self._upload, self._buffer, self._session.load
        if load is not None:
            return self._taken_out(upload, load)
        ended = upload.pass_on(buffer, self._state, self._out)
        self._streaming = upload.left
        if ended:
            self._uploaded(self._session.outstanding[0][2])
        elif len(buffer):
            buffer.wait_for(HEADER_SIZE)
        return None

    def _taken_out(self, upload: Upload, load: Load) -> Work | None:
        taker = load.taker
        buffer = self._buffer
        # The rest of a file that was refused goes nowhere, all of it.
        room = PIECE if taker is not None else len(buffer)
        piece = upload.take_out(buffer, self._state, room)
        self._streaming = upload.left
        if piece and taker is not None:
            return Work(ROWS, piece, load.exchange, ((taker.name, taker.feed, False),))
        if upload.ended and taker is not None:
            return Work(ROWS, b"", load.exchange, ((taker.name, taker.finish, False),))
        if upload.ended:
            self._file_ended(load)
        elif len(buffer):
            buffer.wait_for(HEADER_SIZE)
        return None

    def _settle_upload(self, work: Work, verdict: Any) -> None:
        """Apply a verdict to a piece of a file, or to its end."""
        load, state = self._session.load, self._state
        if load is None or state.upload < 0:
            # The database has given up meanwhile.
            return
        is_end = not work.item
        if type(verdict) is Deny:
            state.refusal = self._denial(work.exchange, verdict)
            load.taker = None
        else:
            made: bytes = verdict.item if type(verdict) is Replace else work.item
            self._upload.sent(made, state, self._out)
        if is_end:
            self._file_ended(load)

    def _file_ended(self, load: Load) -> None:
        """The client has sent all of a file."""
        upload, state = self._upload, self._state
        if state.refusal:
            upload.sent(load.exchange.statement.copies.failing, state, self._out)
        upload.end(state, self._out)
        load.taker = None
        self._uploaded(load.exchange)

    def _uploaded(self, exchange: Exchange) -> None:
        exchange.add_attribute("acra.mysql.infile_bytes", self._upload.size)
        self._upload.size = 0

"""Prepared statements of one session of MySQL or MariaDB.

The database numbers them: an entry is provisional until it has answered.  MariaDB's clients need
not wait for that, and name the statement that was prepared last.  They mean the last one that they
have asked for, even if it was refused here: then the database must not see what they say of it.

A database sees no number that it has not told: it gives them in order, so that clients can guess
the next one, of a text that was never judged for what they say.
"""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.dialects.mysql.replies import KEEPS, PLAIN, Reply
from acra_twisted.exchange import Statement
from acra_twisted.results import Columns
from acra_twisted.wire.mysql.commands import LAST_PREPARED, NOBODYS, LongData


class Prepared:
    """A statement and what is known of it.

    ``number`` and ``parameters`` are less than 0 until the database has told them; so is
    ``taken``, the number of values that the database takes, where the client knows of
    ``parameters``: a stage may have put a text with more of them, or fewer, in place of its own.
    ``failed``: it will not, or the client has closed it before.  ``columns``: those of its last
    execution, or of its preparation, and ``shown`` the types of them that the client was told
    last, None before.  ``changes`` and ``files``: what each execution may do, as in
    `replies.Reply`.
    ``kinds``: those of the values that the client has sent last, None if it has sent none (see
    `wire.mysql.parameters`); ``tells``: the database may have been told others, so that each
    execution tells them.  ``long`` has values that are held back, in pieces as they came;
    ``is_overlong``: there was more than may be held.
    """

    __slots__ = (
        "statement",
        "number",
        "parameters",
        "taken",
        "failed",
        "columns",
        "shown",
        "changes",
        "files",
        "kinds",
        "tells",
        "long",
        "is_overlong",
    )

    def __init__(self, statement: Statement | None, changes: int = KEEPS, files: int = 0) -> None:
        self.statement = statement
        self.changes = changes
        self.files = files
        self.number = -1
        self.parameters = -1
        self.taken = -1
        self.failed = False
        self.columns: Columns | None = None
        self.shown: Sequence[int] | None = None
        self.kinds: Sequence[int] | None = None
        self.tells = False
        self.long: list[LongData] = []
        self.is_overlong = False

    @property
    def is_pending(self) -> bool:
        """The database has not answered yet."""
        return self.number < 0 and not self.failed


class PreparedStatements:
    """``limit``: so many at once; ``held_max``: bytes of values that are held back for all of them.
    ``names_last``: the database knows the number of the statement prepared last, as MariaDB
    does."""

    __slots__ = (
        "limit",
        "_held_max",
        "_names_last",
        "_known",
        "_pending",
        "_last",
        "_held",
        "_reply",
    )

    def __init__(self, limit: int, held_max: int, names_last: bool) -> None:
        self.limit = limit
        self._held_max = held_max
        self._names_last = names_last
        self._known: dict[int, Prepared] = {}
        self._pending: list[Prepared] = []
        self._last: Prepared | None = None
        self._held = 0
        # That to the last execution.
        self._reply = PLAIN

    @property
    def is_waiting(self) -> bool:
        """True if the database has not answered yet for some statement."""
        return bool(self._pending)

    @property
    def is_full(self) -> bool:
        """True if no further statement may be prepared."""
        return len(self._known) + len(self._pending) >= self.limit

    def sent(self, prepared: Prepared) -> None:
        """A statement goes to the database to be prepared."""
        self._pending.append(prepared)
        self._last = prepared

    def denied(self) -> None:
        """A statement was refused: the one prepared last is none."""
        self._last = None

    def confirm(self, prepared: Prepared, number: int, parameters: int, taken: int = -1) -> None:
        """Take note that the database has prepared a statement.  The client is told of so many
        parameters; the database takes ``taken`` values, where that is another number."""
        self._forget_pending(prepared)
        prepared.number = number
        prepared.parameters = parameters
        prepared.taken = parameters if taken < 0 else taken
        if not prepared.failed:
            self._known[number] = prepared

    def failed(self, prepared: Prepared) -> None:
        """The database has not prepared it."""
        prepared.failed = True
        self.drop_long(prepared)
        self._forget_pending(prepared)

    def find(self, number: int) -> Prepared | None:
        """The statement that a command names; None for one that was refused, or that nobody
        knows."""
        if number == LAST_PREPARED and self._names_last:
            return self._last
        return self._known.get(number)

    def reply(self, prepared: Prepared, sequence: int, opens: bool, files: int) -> Reply:
        """The reply that an execution is owed, as `replies.Reply` has it.  Where it is as that to
        the last one it is the same object, unless the database may ask for files: everything
        behind such an execution waits for its own reply."""
        reply = self._reply
        if (
            reply.prepared is prepared
            and reply.sequence == sequence
            and reply.opens == opens
            and not files
            and not reply.files
        ):
            return reply
        reply = self._reply = Reply(
            sequence, prepared=prepared, opens=opens, files=files, changes=prepared.changes
        )
        return reply

    def may_come(self, number: int) -> bool:
        """Return True if a number may be that of a statement that is being prepared."""
        return bool(self._pending) and number < NOBODYS

    def close(self, prepared: Prepared) -> None:
        """The client needs it no more.  A pending one is closed by the number that it will get."""
        self.drop_long(prepared)
        if self._last is prepared:
            self._last = None
        if self._reply.prepared is prepared:
            self._reply = PLAIN
        if prepared.is_pending:
            self._forget_pending(prepared)
            prepared.failed = True
        elif self._known.get(prepared.number) is prepared:
            del self._known[prepared.number]

    def clear(self) -> None:
        """The database has forgotten all that it had prepared when it was told so; pending
        statements were sent behind that."""
        for prepared in self._known.values():
            self.drop_long(prepared)
        if self._last is not None and self._last not in self._pending:
            self._last = None
        self._known.clear()
        self._reply = PLAIN

    def hold(self, prepared: Prepared, piece: LongData) -> None:
        """Keep a piece of a value, or note that it is too much."""
        size = len(piece.data)
        if self._held + size > self._held_max:
            self.drop_long(prepared)
            prepared.is_overlong = True
        if not prepared.is_overlong:
            prepared.long.append(piece)
            self._held += size

    def drop_long(self, prepared: Prepared) -> list[LongData]:
        """Give the values away that were held back for a statement; none is kept."""
        pieces, prepared.long = prepared.long, []
        prepared.is_overlong = False
        self._held -= sum([len(piece.data) for piece in pieces])
        return pieces

    def _forget_pending(self, prepared: Prepared) -> None:
        if prepared in self._pending:
            self._pending.remove(prepared)

"""Facts about one session whose statements may concern protected columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple

from acra_twisted.encryption.making import Kept
from acra_twisted.encryption.plan import Prepared, Refusal, StatementPlan
from acra_twisted.encryption.postgresql.sessionschema import SessionSchema
from acra_twisted.session import IDLE, Session
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.columnmeanings import Snapshot
from acra_twisted.stages.opencursors import NAME_SIZE, OpenCursors

#: Statements of a session by SQL's PREPARE that are kept.
_PREPARED: Final = 1_000


class PreparedText(NamedTuple):
    """A statement that SQL's PREPARE makes: ``text``, read by ``mode``, has the plan ``plan``; the
    text is empty if there are more statements in it.  ``mark`` is that of the keys by which
    literals are encoded for ``uses``."""

    text: bytes
    mode: Mode
    plan: StatementPlan
    uses: Sequence[Kept] = ()
    mark: bytes = b""


class Known:
    """Facts about one session.  ``prepared`` are its statements by SQL's PREPARE, made of
    ``prepared_texts``; they have changed ``prepared_changes`` times.  ``doubted`` are those whose
    name the protocol may have given to another: if it has not, they are there.  ``mode`` is how its
    texts are read by the settings ``parameters``.  ``unfit`` is the refusal of each statement that
    concerns a protected column, if its database can have none.  ``open`` is the number of its
    statements that are watched and not answered; ``is_dirty``: something was watched since the
    database last had no transaction open.  ``cursors`` are those that show protected columns.
    ``snapshot`` is the one that its last statement was decided by."""

    __slots__ = (
        *("schema", "unfit", "cursors", "prepared", "prepared_texts", "prepared_changes"),
        *("doubted", "open", "is_dirty", "reported_path", "reported_by", "parameters", "mode"),
        "snapshot",
    )

    def __init__(self, schema: SessionSchema, unfit: Refusal | None) -> None:
        self.schema = schema
        self.unfit = unfit
        self.cursors = OpenCursors()
        self.prepared: dict[str, Prepared] = {}
        self.prepared_texts: dict[str, PreparedText] = {}
        self.prepared_changes = 0
        self.doubted: dict[str, Prepared] = {}
        self.parameters: Mapping[bytes, bytes] | None = None
        self.mode: Mode | None = None
        self.snapshot: Snapshot | None = None
        self.open = 0
        self.is_dirty = False
        # The search_path as the database reports it, None where it does not, and the settings that
        # it was looked up in.
        self.reported_path: bytes | None = None
        self.reported_by: Mapping[bytes, bytes] | None = None

    def follow(self, session: Session) -> None:
        """Take in what the session's database says of its transaction, until nothing depends on
        that any more."""
        session.on_ready = partial(self._ready, session)

    def _ready(self, session: Session) -> None:
        """The database is ready.  If no transaction is open, what was watched is everybody's, and
        cursors and portals that were opened before have ended."""
        if session.transaction != IDLE:
            return
        if self.is_dirty:
            self.schema.settled()
            self.is_dirty = bool(self.open)
        self.cursors.transaction_ended()
        if not self.is_dirty and not self.cursors.are_passing:
            session.on_ready = None

    def keep_prepared(self, made: PreparedText) -> None:
        """Take in a statement that the database has prepared by SQL."""
        statement = made.plan.prepares
        if statement is None:
            return
        self.prepared_changes += 1
        if len(self.prepared) >= _PREPARED:
            # One that is not known is not executed.
            self._forget_texts()
        self.doubted.pop(statement.name, None)
        self.prepared[statement.name] = statement
        self.prepared_texts[statement.name] = made

    def renew_prepared(self, made: PreparedText) -> None:
        """Take in the plan of a statement of the session by other tables than before."""
        statement = made.plan.prepares
        if statement is not None:
            self.prepared[statement.name] = statement
            self.prepared_texts[statement.name] = made

    def forget_prepared(self, name: bytes) -> None:
        """Note that the protocol may prepare another statement of a name.  The database reads the
        name in an encoding of the client's."""
        if not name.isascii():
            for known in list(self.prepared):
                self._doubt(known)
            self.prepared_changes += 1
            return
        known = name[:NAME_SIZE].decode("ascii")
        if known in self.prepared:
            self._doubt(known)
            self.prepared_changes += 1

    def _doubt(self, name: str) -> None:
        if len(self.doubted) >= _PREPARED:
            self.doubted.clear()
        self.doubted[name] = self.prepared.pop(name)
        self.prepared_texts.pop(name, None)

    def forget_all_prepared(self) -> None:
        """Note that the database has forgotten all statements."""
        self.prepared_changes += 1
        self._forget_texts()

    def _forget_texts(self) -> None:
        self.prepared.clear()
        self.prepared_texts.clear()
        self.doubted.clear()

"""One request and its whole reply, and what stages judge of it.

A request's text is a `Statement`, with `Parameters` bound to it; the rows of its result are in
`results`.  What needs a verdict is handed over as a `Work`.  The records are slotted: they are made
for each message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted import events
from acra_twisted.results import Columns
from acra_twisted.session import IDLE, Session, Traffic
from acra_twisted.stagerun import StageRun
from acra_twisted.verdicts import Deny

# The kinds of Work.
STATEMENT: Final = "statement"
PARAMETERS: Final = "parameters"
ROWS: Final = "rows"
MESSAGES: Final = "messages"
#: In place of a number of stages.
ALL: Final = -1


class ToldType(NamedTuple):
    """The type that a client is told of one of its parameters: ``type`` if it is not 0, else what
    the database says of its parameter ``source``, counted from 1."""

    source: int
    type: int = 0


class Unload(NamedTuple):
    """The rows that a statement copies out in bulk: its ``options`` by their names, None for one
    without a value, and the columns' ``names`` and ``types``, a type 0 where it is not known."""

    options: Mapping[str, str | Sequence[str] | None]
    names: Sequence[str]
    types: Sequence[int]


class Copies(NamedTuple):
    """A stage's part in the rows that a text copies in bulk.

    ``load`` is called with the exchange when the database asks for the rows of a text that is one
    statement, and returns the interfaces.ILoad that takes them; None: nothing is loaded.
    ``unloads`` has for each statement of the text how its rows are read, value by value; None where
    nobody needs to.  ``failing`` are rows that the database fails to load, for one that cannot be
    told to give a load up.
    """

    load: Any = None
    unloads: Sequence[Unload | None] = ()
    failing: bytes = b""


class Statement:
    """SQL text as bytes, exactly as it will be sent.

    ``types`` are the types that it declares for its parameters where it is prepared, 0 for those
    that the database is to find out; they are None where nobody looks at parameters.  A stage that
    replaces a statement may leave None, and they stay as they are.

    Of stages: ``told`` is what the client is told of each of its parameters; None for what the
    database says.  ``meanings`` has the `Columns.meaning` of the result of each statement of the
    text; None for what the session has.  ``copies`` is a stage's part in rows that are copied in
    bulk.  ``plan`` is whatever a stage keeps for the values that are bound to it.

    ``prepared_name`` is None for a simple query.  ``columns`` is learnt from Describe;
    ``is_described`` is the number of the batch in which one has been sent, -1 once it is answered;
    ``era`` tells how long the columns hold, ``types_era`` how long its ``parameter_types`` do,
    which are None where nobody looks at parameters, ``name_era`` how long its name is its own: see
    `dialects.postgresql.prepared`.  ``skeleton`` and ``shown`` are what has been made of the text
    by whoever needed it first: see `sql.skeleton` and `sql.redact`.  ``written`` is the client's
    own text with its skeleton, once a stage has put another one in its place: people are shown that
    one.  ``conforming``: whether backslashes are ordinary characters in its strings; None if that
    was not known when it was read (see `sql.settings`).  ``origin`` is the trace context that a
    prepared one came with, until it is executed, ``linked`` the same from then on; ``brought`` is
    what else came with its text, None for nearly all.
    """

    __slots__ = (
        "text",
        "prepared_name",
        "columns",
        "era",
        "types",
        "told",
        "meanings",
        "copies",
        "plan",
        "is_described",
        "parameter_types",
        "types_era",
        "name_era",
        "skeleton",
        "shown",
        "written",
        "conforming",
        "origin",
        "linked",
        "brought",
    )

    def __init__(self, text: bytes, prepared_name: bytes | None = None) -> None:
        self.text = text
        self.prepared_name = prepared_name
        self.columns: Columns | None = None
        self.era = -1
        self.types: Sequence[int] | None = None
        self.told: Sequence[ToldType] | None = None
        self.meanings: Sequence[Any] | None = None
        self.copies: Copies | None = None
        self.plan: Any = None
        self.is_described = 0
        self.parameter_types: Sequence[int] | None = None
        self.types_era = -1
        self.name_era = -1
        self.skeleton: tuple[bytes, list[bytes], bytes] | None = None
        self.written: tuple[bytes, tuple[bytes, list[bytes], bytes] | None] | None = None
        self.shown: Any = None
        self.conforming: bool | None = True
        self.origin: Any = None
        self.linked: Any = None
        self.brought: Brought | None = None

    def become(self, other: Statement) -> None:
        """Go on as another one that takes its place, but for what that leaves open."""
        self.replace(other.text)
        if other.types is not None:
            self.types = other.types
        if other.told is not None:
            self.told = other.told
        if other.meanings is not None:
            self.meanings = other.meanings
        if other.copies is not None:
            self.copies = other.copies
        if other.plan is not None:
            self.plan = other.plan

    def replace(self, text: bytes) -> None:
        """Another text in place of the one that the client wrote, which people are shown."""
        if self.written is None:
            self.written = self.text, self.skeleton
        self.rewrite(text)

    def rewrite(self, text: bytes) -> None:
        """Another text, of which nothing has been made yet."""
        self.text = text
        self.skeleton = self.shown = None


#: Tells whether values that are bound to a statement now must be judged.
LooksAt = Callable[[Statement, Session], bool]
#: Returns how many of the stages, the last ones, must judge a simple query, which those before them
#: may have changed; where there is one stage alone, whether it must.
Judges = Callable[[Statement, "Exchange"], int]


class Brought:
    """Came with a statement and is not judged: ``kept`` is its text as the database gets
    it, with comments that nobody else sees (`sql.comments.Kept`, or None), ``tags`` those of them
    that may be shown, ``changes`` what it sets that may hold a trace context (or None).
    """

    __slots__ = ("kept", "tags", "changes")

    def __init__(self, kept: Any, tags: Mapping[str, str] | None) -> None:
        self.kept = kept
        self.tags = tags
        self.changes: Any = None


class Parameters:
    """Values bound to a prepared statement: bytes or None, with their formats (0 text, 1 binary).

    ``statement`` is None if the name bound to is not known to us (the database will say so);
    ``is_meant``: nothing that has ended since it was prepared may have given the name to another.
    ``types`` has the database's number of each value's type, 0 where the client has left it open;
    it is None if nothing certain is known.  ``portal`` is the name that the bound statement is
    executed by, empty for none.
    """

    __slots__ = ("values", "formats", "statement", "types", "is_meant", "portal")

    def __init__(
        self,
        values: Sequence[bytes | None],
        formats: Sequence[int],
        statement: Statement | None,
        types: Sequence[int] | None = None,
        is_meant: bool = True,
        portal: bytes = b"",
    ) -> None:
        self.is_meant = is_meant
        self.portal = portal
        self.values = values
        self.formats = formats
        self.statement = statement
        self.types = types

    def replaced(self, values: Sequence[bytes | None], formats: Sequence[int]) -> Parameters:
        """Return what is bound in their place: other values, of types that nobody has told."""
        return Parameters(values, formats, self.statement, None, self.is_meant, self.portal)


class Notice(NamedTuple):
    """A text for the client when the statement with the number ``place`` of a text is done, or any
    later one.  ``once``: a session is told of it once."""

    text: str
    place: int = 0
    once: bool = False


class Exchange:
    """One request and its whole reply; the record from which its spans are made.

    ``kind`` is ``"query"``, ``"prepare"``, ``"execute"``, ``"call"`` or ``"startup"``.
    ``outcome`` is None while it runs, then ``"ok"``, ``"error"``, ``"denied"``, ``"aborted"``
    (discarded unanswered, as after an error in its batch) or ``"lost"`` (the connection ended).
    ``in_transaction``: a transaction was open when it came, as its database had said last.
    ``traffic``, once it is closed: the session's bytes since its exchange before was.
    ``remote``: the context that it goes on with; ``linked``: one that it has to do with and is no
    part of.  ``span`` is None unless it is recorded.  ``context`` is then the trace context of an
    exchange that has a trace of its own, or whose context others were given, else None; its
    ``span_id`` is empty until others are given it.  ``watch``, once a stage has put an `IWatch`
    there, is told what the database completes of it.  ``is_run``: an execution of what it binds has
    been requested.  ``stage_runs``: what stages did for it, if it is recorded, until observers have
    been told.  ``values``: the numbers of its values in protected columns by column and fate, until
    then.  ``plan`` is "hit" if it was known what becomes of a statement with protected columns,
    "miss" if it was not, "" where there are none.  ``told`` are the notices that its client gets
    with its reply, None for nearly all: see `tell`.
    """

    __slots__ = (
        *("session", "kind", "statement", "outcome", "status_code", "denied_by", "reason", "code"),
        *("rule", "rows", "opened", "sent", "first_byte", "closed", "span", "remote", "linked"),
        *("attributes", "in_transaction", "traffic", "context", "watch", "is_run", "stage_runs"),
        *("values", "plan", "told", "_notes"),
    )

    def __init__(self, session: Session, kind: str, statement: Statement | None, now: int) -> None:
        self.session = session
        self.kind = kind
        self.statement = statement
        self.outcome: str | None = None
        self.status_code = ""
        self.denied_by = ""
        self.reason = ""
        self.code = events.QUERY_NOT_ALLOWED
        self.rule = ""
        self.rows = -1
        self.opened = now
        self.sent = 0
        self.first_byte = 0
        self.closed = 0
        self.span: Any = None
        self.remote: Any = None
        self.linked: Any = None
        self.attributes: dict[str, Any] | None = None
        self.in_transaction = session.transaction is not IDLE
        self.traffic: Traffic | None = None
        self.context: Any = None
        self.watch: Any = None
        self.is_run = False
        self.stage_runs: list[StageRun] | None = None
        self.values: Mapping[tuple[Any, str], int] | None = None
        self.plan = ""
        self.told: list[Notice] | None = None
        self._notes: dict[str, Any] | None = None

    def close(self, outcome: str, now: int = 0) -> None:
        """End it, once; a worse outcome that is already known holds.

        ``now`` saves a look at the clock where the caller has just looked.
        """
        if self.closed:
            return
        session = self.session
        self.closed = now or session.clock()
        if self.outcome is None:
            self.outcome = outcome
        self.traffic = session.counted.advance(session.traffic)
        if session.settings is not None:
            session.settings.closed(self)
        if self.watch is not None:
            self.watch.ended(self)
        session.observer.exchange_closed(self)

    def refuse(self, deny: Deny, status_code: str) -> None:
        """Note that the client gets an error in place of its reply, or of the rest of it.

        ``status_code`` is what its database calls that error.
        """
        self.outcome = "denied"
        self.status_code = status_code
        self.reason = deny.reason
        self.code = deny.code
        self.rule = deny.rule
        if deny.column is not None:
            self.add_attribute("acra.refused_reason", deny.rule)
            if deny.column:
                self.add_attribute("acra.refused_column", deny.column)

    def begin_run(self) -> int:
        """Return the moment at which a stage begins; 0 where nobody wants to know what it takes."""
        if self.span is None and not self.session.timed:
            return 0
        return self.session.clock()

    def end_run(self, stage: str, verdict: Any, started: int) -> None:
        """Note that a stage has judged the statement."""
        self.add_run(StageRun(stage, STATEMENT, verdict, started, self.session.clock()))

    def add_run(self, run: StageRun) -> None:
        """Add to what stages did for it."""
        if self.stage_runs is None:
            self.stage_runs = [run]
        else:
            self.stage_runs.append(run)

    @property
    def tracer(self) -> Any:
        """For stages: open spans below the exchange's, by the names of OpenCensus's Tracer.

        See `telemetry.tracing.tracer`; `untraced.Untraced` where the exchange is not recorded.
        """
        return self.session.tracer(self)

    @property
    def notes(self) -> dict[str, Any]:
        """Notes of stages and observers about it, by their names."""
        if self._notes is None:
            self._notes = {}
        return self._notes

    def take_note(self, name: str, default: Any) -> Any:
        """Remove and return the note of a name; ``default`` if there is none."""
        return default if self._notes is None else self._notes.pop(name, default)

    def tell(self, notice: Notice) -> None:
        """For stages: tell the client something with the reply, if its database's protocol has
        notices and it wants them.  Never data, never a literal."""
        told = self.session.told
        if told is None or notice.once and notice.text in told:
            return
        if self.told is None:
            self.told = [notice]
        else:
            self.told.append(notice)

    def add_attribute(self, key: str, value: str | int | float | bool) -> None:
        """For stages: put a fact on the exchange's span.  Never data, never a literal."""
        if self.attributes is None:
            self.attributes = {}
        if len(self.attributes) < 32:
            self.attributes[key] = value


class Work:
    """Something that needs a verdict: ``hooks`` of the stages judge ``item``.

    ``kind`` selects them, but for ROWS, which bring those of their result's plan, or of the ILoad
    that takes them: then the item is a piece of the data.  ``left`` stages must judge a statement.
    """

    __slots__ = ("kind", "item", "exchange", "hooks", "left")

    def __init__(
        self, kind: str, item: Any, exchange: Exchange, hooks: tuple[Any, ...] = ()
    ) -> None:
        self.kind = kind
        self.item = item
        self.exchange = exchange
        self.hooks = hooks
        self.left = ALL


def take_reply(session: Session, now: int = 0) -> None:
    """Take the head off the queue, whose reply is complete; end its exchange if that was the last
    reply of it.  ``now`` is that of `Exchange.close`."""
    outstanding = session.outstanding
    exchange: Exchange | None = outstanding.popleft()[2]
    if exchange is not None and (not outstanding or outstanding[0][2] is not exchange):
        exchange.close("ok", now)


def lose_replies(session: Session) -> None:
    """End what is owed to a session unanswered: its connection is gone."""
    outstanding = session.outstanding
    while outstanding:
        exchange: Exchange | None = outstanding.popleft()[2]
        if exchange is not None:
            exchange.close("lost")

"""The records that flows, stages and observers share.  All slotted: they are made per message.

A `Session` is one client connected to one database.  An `Exchange` is one request and its whole
reply.  The rest is what stages judge: a `Statement`, its `Parameters` and the rows of its result
(see `results`), handed over wrapped in a `Work`.

Times are nanoseconds of the session's clock (see `telemetry.clock`), 0 meaning "not yet".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from acra_twisted import events
from acra_twisted.outstanding import Outstanding
from acra_twisted.results import Columns
from acra_twisted.stagerun import StageRun
from acra_twisted.untraced import Untraced
from acra_twisted.verdicts import Deny

# The kinds of Work.
STATEMENT: Final = "statement"
PARAMETERS: Final = "parameters"
ROWS: Final = "rows"
MESSAGES: Final = "messages"


class Identity:
    """Who is at the other end.  Bound once, from what was verified, never from what is claimed.

    ``peer`` and ``port`` are the address; ``certificate`` is the subject of the peer's, empty
    where it has none.
    """

    __slots__ = ("client_id", "peer", "from_connector", "port", "certificate")

    def __init__(
        self, client_id: str, peer: str, from_connector: bool, port: int = 0, certificate: str = ""
    ) -> None:
        self.client_id = client_id
        self.peer = peer
        self.from_connector = from_connector
        self.port = port
        self.certificate = certificate

    def locate(self, address: Any) -> None:
        """Take the address of a transport's peer; that of a unix socket is no more than that."""
        self.peer = getattr(address, "host", "") or "unix"
        self.port = getattr(address, "port", 0)


class Statement:
    """SQL text as bytes, exactly as it will be sent.

    ``prepared_name`` is None for a simple query.  ``columns`` is learnt from Describe; ``era``
    tells how long that holds: see `dialects.postgresql.prepared`.
    ``skeleton`` and ``shown`` are what has been made of the text by whoever needed it first: see
    `sql.skeleton` and `sql.redact`.  ``conforming``: whether backslashes are ordinary characters
    in its strings; None if that was not known when it was read (see `sql.settings`).

    ``origin`` is the trace context that a prepared one came with, until it is executed, ``linked``
    the same from then on; ``brought`` is what else came with its text, None for nearly all.
    """

    __slots__ = (
        "text",
        "prepared_name",
        "columns",
        "era",
        "skeleton",
        "shown",
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
        self.skeleton: tuple[bytes, list[bytes], bytes] | None = None
        self.shown: Any = None
        self.conforming: bool | None = True
        self.origin: Any = None
        self.linked: Any = None
        self.brought: Brought | None = None

    def rewrite(self, text: bytes) -> None:
        """Another text, of which nothing has been made yet."""
        self.text = text
        self.skeleton = self.shown = None


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

    ``statement`` is None if the name bound to is not known to us (the database will say so).
    """

    __slots__ = ("values", "formats", "statement")

    def __init__(
        self,
        values: Sequence[bytes | None],
        formats: Sequence[int],
        statement: Statement | None,
    ) -> None:
        self.values = values
        self.formats = formats
        self.statement = statement


class Traffic:
    """Bytes of the database protocol: from and to the client, to and from the database."""

    __slots__ = ("from_client", "to_client", "to_database", "from_database")

    def __init__(
        self,
        from_client: int = 0,
        to_client: int = 0,
        to_database: int = 0,
        from_database: int = 0,
    ) -> None:
        self.from_client = from_client
        self.to_client = to_client
        self.to_database = to_database
        self.from_database = from_database

    def __add__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.from_client + other.from_client,
            self.to_client + other.to_client,
            self.to_database + other.to_database,
            self.from_database + other.from_database,
        )

    def since(self, before: Traffic) -> Traffic:
        """What has come on top of ``before``, which is brought up to date."""
        more = Traffic(
            self.from_client - before.from_client,
            self.to_client - before.to_client,
            self.to_database - before.to_database,
            self.from_database - before.from_database,
        )
        before.from_client = self.from_client
        before.to_client = self.to_client
        before.to_database = self.to_database
        before.from_database = self.from_database
        return more


class Exchange:
    """One request and its whole reply; the record from which its spans are made.

    ``kind`` is ``"query"``, ``"prepare"``, ``"execute"``, ``"call"`` or ``"startup"``.
    ``outcome`` is None while it runs, then ``"ok"``, ``"error"``, ``"denied"``, ``"aborted"``
    (discarded unanswered, as after an error in its batch) or ``"lost"`` (the connection ended).
    ``traffic``, once it is closed: the session's bytes since its exchange before was.
    ``remote``: the context that it goes on with; ``linked``: one that it has to do with and is no
    part of.  ``span`` is None unless it is recorded.  ``context`` is then the trace context of an
    exchange that has a trace of its own, or whose context others were given, else None; its
    ``span_id`` is empty until others are given it.  ``stage_runs``: what stages did for it, if it
    is recorded, until observers have been told.
    """

    __slots__ = (
        "session",
        "kind",
        "statement",
        "outcome",
        "sqlstate",
        "denied_by",
        "reason",
        "code",
        "rule",
        "rows",
        "opened",
        "sent",
        "first_byte",
        "last_byte",
        "closed",
        "span",
        "remote",
        "linked",
        "attributes",
        "traffic",
        "context",
        "stage_runs",
        "_notes",
    )

    def __init__(self, session: Session, kind: str, statement: Statement | None, now: int) -> None:
        self.session = session
        self.kind = kind
        self.statement = statement
        self.outcome: str | None = None
        self.sqlstate = ""
        self.denied_by = ""
        self.reason = ""
        self.code = events.QUERY_NOT_ALLOWED
        self.rule = ""
        self.rows = -1
        self.opened = now
        self.sent = 0
        self.first_byte = 0
        self.last_byte = 0
        self.closed = 0
        self.span: Any = None
        self.remote: Any = None
        self.linked: Any = None
        self.attributes: dict[str, Any] | None = None
        self.traffic: Traffic | None = None
        self.context: Any = None
        self.stage_runs: list[StageRun] | None = None
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
        self.traffic = session.traffic.since(session.told)
        if session.settings is not None:
            session.settings.closed(self)
        session.observer.exchange_closed(self)

    def refuse(self, deny: Deny) -> None:
        """The client gets an error in place of its reply, or of the rest of it."""
        self.outcome = "denied"
        self.sqlstate = deny.sqlstate.decode()
        self.reason = deny.reason
        self.code = deny.code
        self.rule = deny.rule

    @property
    def tracer(self) -> Any:
        """For stages: open spans below the exchange's, by the names of OpenCensus's Tracer.

        See `telemetry.tracing.tracer`; `untraced.Untraced` where the exchange is not recorded.
        """
        return self.session.tracer(self)

    @property
    def notes(self) -> dict[str, Any]:
        """What stages and observers must remember about it, by their names."""
        if self._notes is None:
            self._notes = {}
        return self._notes

    def take_note(self, name: str, default: Any) -> Any:
        """What was remembered by a name, and is no more; ``default`` if nothing was."""
        return default if self._notes is None else self._notes.pop(name, default)

    def add_attribute(self, key: str, value: str | int | float | bool) -> None:
        """For stages: put a fact on the exchange's span.  Never data, never a literal."""
        if self.attributes is None:
            self.attributes = {}
        if len(self.attributes) < 32:
            self.attributes[key] = value


class Work:
    """Something that needs a verdict: ``hooks`` of the stages judge ``item``.

    ``kind`` selects them, but for ROWS, which bring those of their result's plan.
    """

    __slots__ = ("kind", "item", "exchange", "hooks")

    def __init__(
        self, kind: str, item: Any, exchange: Exchange, hooks: tuple[Any, ...] = ()
    ) -> None:
        self.kind = kind
        self.item = item
        self.exchange = exchange
        self.hooks = hooks


def _untraced(exchange: Exchange) -> Untraced:
    return Untraced()


class Session:
    """One client's connection, as both flows, the stages and the observers see it.

    ``language`` is the name of the SQL that its statements are in, one of `sql.languages`, empty
    until its dialect has begun it.  ``outstanding`` is the queue of replies still owed to the
    client: nothing reaches the client except through it.  ``in_flight``: when the statement at
    hand was read, something had been sent since the database last said what its settings are that
    may change them.
    ``conforming`` is what ``parameters`` say of backslashes, as in `Statement`.  ``asked``: the
    settings that the client made when it connected.  ``context`` is
    the trace context that the client has set, or gave when it connected, for requests that bring
    none; ``settings`` keeps it so, None if none was ever given (`ContextSettings` of the dialect);
    ``named`` are those of cursors and SQL's own prepared statements (`NamedContexts`, or None);
    ``notices``: it wants to be told of its traces.  ``traffic`` is all of it, ``told`` what of it
    has been put down to exchanges.  ``answered``: when its last exchange that the database saw
    ended.  ``refused``: the database has refused the login.  ``unread``: why nothing of it can be
    seen; empty if it can.
    """

    __slots__ = (
        "id",
        "identity",
        "observer",
        "clock",
        "language",
        "outstanding",
        "transaction_status",
        "parameters",
        "conforming",
        "asked",
        "prepared",
        "discarding",
        "refused",
        "refused_result",
        "fails",
        "in_flight",
        "copying_in",
        "ready",
        "draining",
        "user",
        "database",
        "span",
        "tracer",
        "context",
        "settings",
        "named",
        "notices",
        "opened",
        "traffic",
        "told",
        "answered",
        "unread",
        "notes",
    )

    def __init__(
        self, number: int, identity: Identity, observer: Any, clock: Callable[[], int]
    ) -> None:
        self.id = number
        self.identity = identity
        self.observer = observer
        self.clock = clock
        self.language = ""
        self.outstanding = Outstanding()
        self.transaction_status = b"I"
        #: What the database has reported; another object whenever it reports something.
        self.parameters: Mapping[bytes, bytes] = {}
        self.conforming: bool | None = True
        self.asked: frozenset[str] = frozenset()
        self.prepared: Any = None
        self.discarding = False
        self.refused = False
        #: A result was refused whose statement the database takes for done.
        self.refused_result = False
        #: The database is to be sent what must fail; its reply is in the queue.
        self.fails = False
        self.in_flight = False
        self.copying_in = False
        self.ready = False
        self.draining = False
        self.user = b""
        self.database = b""
        self.span: Any = None
        #: Gives the tracer of one of its exchanges.
        self.tracer: Callable[[Exchange], Any] = _untraced
        self.context: Any = None
        self.settings: Any = None
        self.named: Any = None
        self.notices = False
        self.opened = clock()
        self.traffic = Traffic()
        self.told = Traffic()
        self.answered = 0
        self.unread = ""
        self.notes: dict[str, Any] = {}

    def lose_replies(self) -> None:
        """End what is outstanding unanswered: the connection is gone."""
        outstanding = self.outstanding
        while outstanding:
            exchange: Exchange | None = outstanding.popleft()[2]
            if exchange is not None:
                exchange.close("lost")

    @property
    def idle(self) -> bool:
        """Between transactions with nothing owed: the moment at which a session may end."""
        return self.ready and not self.outstanding and self.transaction_status == b"I"

"""A client's connection to a database, as flows, stages and observers see it.

The records are slotted: every message reads them.  Times are nanoseconds of the session's clock
(see `telemetry.tracing.clock`), 0 meaning "not yet".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from acra_twisted.errors import QuestionError
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.outstanding import Outstanding
from acra_twisted.question import Question
from acra_twisted.results import STREAM
from acra_twisted.untraced import Untraced

if TYPE_CHECKING:
    from mypy_extensions import i64

# What becomes of a session's transaction, as its database has said last.
IDLE: Final = "idle"
IN_TRANSACTION: Final = "in_transaction"
FAILED_TRANSACTION: Final = "failed_transaction"


class Identity:
    """The peer.  Bound once, from what was verified, never from what is claimed.

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


# Of numbers alone: the collector need not know.
@mypyc_attr(acyclic=True)
class Traffic:
    """Bytes of the database protocol: from and to the client, to and from the database."""

    __slots__ = ("from_client", "to_client", "to_database", "from_database")

    from_client: i64
    to_client: i64
    to_database: i64
    from_database: i64

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

    def __sub__(self, other: Traffic) -> Traffic:
        return Traffic(
            self.from_client - other.from_client,
            self.to_client - other.to_client,
            self.to_database - other.to_database,
            self.from_database - other.from_database,
        )

    def advance(self, to: Traffic) -> Traffic:
        """Become equal to ``to``, and return what was added."""
        # The same as a difference, without a call.
        added = Traffic(
            to.from_client - self.from_client,
            to.to_client - self.to_client,
            to.to_database - self.to_database,
            to.from_database - self.from_database,
        )
        self.from_client = to.from_client
        self.to_client = to.to_client
        self.to_database = to.to_database
        self.from_database = to.from_database
        return added


class Load:
    """A load of the exchange ``exchange``, whose rows the interfaces.ILoad ``taker`` takes; None
    once it is over.  ``asked``: the database has asked for the rows."""

    __slots__ = ("exchange", "taker", "asked")

    def __init__(self, exchange: Any, taker: Any, asked: bool = True) -> None:
        self.exchange = exchange
        self.taker = taker
        self.asked = asked


def nobody(text: bytes) -> Any:
    """Stands for `Session.ask` where there is no connection.  Raises QuestionError."""
    raise QuestionError("the session has no connection")


def nothing() -> bool:
    """Stands for `Session.runs_before` where there are no batches."""
    return False


def _untraced(exchange: Any) -> Untraced:
    return Untraced()


class Session:
    """One client's connection, as both flows, the stages and the observers see it.

    ``system`` is what its database is called (OpenTelemetry's ``db.system.name``), ``language`` the
    name of the SQL that its statements are in, one of `sql.languages`; both are empty until its
    dialect has begun it.  ``outstanding`` is the queue of replies still owed to the
    client: nothing reaches the client except through it.  ``in_flight``: when the statement at
    hand was read, something had been sent since the database last said what its settings are that
    may change them.
    ``load_layout``: how the rows are laid out that the database has asked the client for; ``load``
    is the `Load` that takes them, or took the last ones, None if they pass.
    ``conforming`` is what ``parameters`` say of backslashes, as in `Statement`.  ``asked``: the
    settings that the client made when it connected.  ``context`` is
    the trace context that the client has set, or gave when it connected, for requests that bring
    none; ``settings`` keeps it so, None if none was ever given (`ContextSettings` of the dialect);
    ``named`` are those of cursors and SQL's own prepared statements (`NamedContexts`, or None);
    ``notices``: it wants to be told of its traces.  ``told`` are the texts of notices of stages
    that it has had and gets once; None where it gets none at all.  ``traffic`` is all of it,
    ``counted`` the part that has been put down to exchanges.  ``answered``: when its last exchange
    that the database saw ended.  ``proven``: its client has proven its user to AcraServer;
    ``refused``: the database has refused the login.  ``meaning`` is a stage's: the
    `Columns.meaning` of every result whose statement has none of its own; with None nobody asks for
    those either.  ``cursor_meanings`` is a stage's, too, or None: it returns the meanings of what a
    cursor shows that SQL has declared by a name, None if it knows of none.  So is
    ``parameters_of_sql``: for a name that the protocol has given to no statement it returns the
    types that the client is told of the parameters, in place of the types that the database tells.

    ``ask(text)`` is for stages.  It puts a statement of ours to the database, on the client's
    connection but unseen by the client, and returns a Deferred of its rows: lists of texts, None
    for NULL.  It is put between two requests, once nothing is owed, inside the client's transaction
    if there is one.  It fails with QuestionError: for the database's error, which makes that
    transaction fail too, after 10 s, for more than 64 MiB of rows, and at once where it can't be
    put: in a failed transaction, in the middle of a batch or a load, without a connection.  A stage
    may hold the client's statement until the answer has come.  ``question`` is the one at hand.

    ``runs_before()`` tells whether the message at hand stands in a batch behind an execution that
    may be of anything but a statement that controls a transaction: `ask` is answered before it.

    ``on_ready`` is a stage's: it is called whenever the database has said that it is ready, once
    ``transaction`` is what it said and the exchange has ended; None if nobody waits for that.

    ``figures`` is what counts requests by their statements (`telemetry.figures.counting`), which
    notes in ``last`` what is shown of the statement that ended last; ``ways`` gives what counts
    them by their way, which is kept in ``way``; ``series`` are its listener's histograms, if it
    counts in them, too.  ``timed``: stages are timed for each of its
    requests, whether it is recorded or not.

    ``transaction_since``: when the database said that the transaction had begun that is open.

    ``unread``: why nothing of it can be seen; empty if it can.

    ``resets``: how often its database has begun it anew, for the same user or for another.
    """

    __slots__ = (
        "id",
        "identity",
        "observer",
        "clock",
        "system",
        "language",
        "outstanding",
        "transaction",
        "transaction_since",
        "parameters",
        "conforming",
        "asked",
        "prepared",
        "discarding",
        "proven",
        "refused",
        "refused_result",
        "fails",
        "in_flight",
        "copying_in",
        "load_layout",
        "load",
        "ready",
        "draining",
        "user",
        "database",
        "span",
        "tracer",
        "meaning",
        "cursor_meanings",
        "parameters_of_sql",
        "ask",
        "question",
        "runs_before",
        "on_ready",
        "context",
        "settings",
        "named",
        "notices",
        "told",
        "opened",
        "traffic",
        "counted",
        "answered",
        "timed",
        "figures",
        "last",
        "way",
        "ways",
        "series",
        "unread",
        "resets",
        "notes",
    )

    def __init__(
        self, number: int, identity: Identity, observer: Any, clock: Callable[[], int]
    ) -> None:
        self.id = number
        self.identity = identity
        self.observer = observer
        self.clock = clock
        self.system = ""
        self.language = ""
        self.outstanding = Outstanding()
        self.transaction = IDLE
        self.transaction_since = 0
        #: What the database has reported; another object whenever it reports something.
        self.parameters: Mapping[bytes, bytes] = {}
        self.conforming: bool | None = True
        self.asked: frozenset[str] = frozenset()
        self.prepared: Any = None
        self.discarding = False
        self.proven = False
        self.refused = False
        #: A result was refused whose statement the database takes for done.
        self.refused_result = False
        #: The database is to be sent what must fail; its reply is in the queue.
        self.fails = False
        self.in_flight = False
        self.copying_in = False
        self.load_layout = STREAM
        self.load: Load | None = None
        self.ready = False
        self.draining = False
        self.user = b""
        self.database = b""
        self.span: Any = None
        #: Gives the tracer of one of its exchanges.
        self.tracer: Callable[[Any], Any] = _untraced
        self.meaning: Any = None
        self.cursor_meanings: Callable[[bytes], Sequence[Any] | None] | None = None
        self.parameters_of_sql: Callable[[bytes, Sequence[int]], Sequence[int]] | None = None
        self.ask: Callable[[bytes], Any] = nobody
        self.question: Question | None = None
        self.runs_before: Callable[[], bool] = nothing
        self.on_ready: Callable[[], None] | None = None
        self.context: Any = None
        self.settings: Any = None
        self.named: Any = None
        self.notices = False
        self.told: set[str] | None = None
        self.opened = clock()
        self.traffic = Traffic()
        self.counted = Traffic()
        self.answered = 0
        self.timed = False
        self.figures: Any = None
        self.last: Any = None
        self.way: Any = None
        self.ways: Any = None
        self.series: Any = None
        self.unread = ""
        self.resets = 0
        self.notes: dict[str, Any] = {}

    def now_in(self, transaction: str) -> None:
        """Take what the database says has become of the transaction."""
        if transaction == IDLE:
            self.transaction_since = 0
        elif not self.transaction_since:
            self.transaction_since = self.clock()
        self.transaction = transaction

    @property
    def idle(self) -> bool:
        """Between transactions with nothing owed: the moment at which a session may end."""
        return self.ready and not self.outstanding and self.transaction == IDLE

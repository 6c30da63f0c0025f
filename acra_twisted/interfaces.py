"""Every interface of the program; no implementation.  The docstrings are the contract."""

# Methods of interfaces have docstrings for bodies and no self.
# ruff: noqa: N805
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Hashable, MutableMapping, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IProtocolFactory

    from acra_twisted.endreason import EndReason
    from acra_twisted.exchange import Exchange, Parameters, Statement, Work
    from acra_twisted.loginactions import Action
    from acra_twisted.options import Option, Settings
    from acra_twisted.purposes import Purpose
    from acra_twisted.results import Columns, RowBatch, Search
    from acra_twisted.session import Session
    from acra_twisted.verdicts import Deny, Hangup, Verdict


class IPluginFactory(Interface):
    """Makes something chosen by name in the ini file.  Implementations also provide
    twisted.plugin.IPlugin and live in acra_twisted.plugins."""

    name: str = Attribute("Unique lower-case name used in the ini file, e.g. 'query_capture'.")
    options: Sequence[Option] = Attribute("Declarations for its own section, [stage:NAME].")

    def make(settings: Settings, services: Any) -> Any:
        """Return the made object.  Called once, before any listener opens.  Raises ConfigError.
        `services` is a pipeline.services.Services: reactor, clock, key store, workers and more."""


class IStageFactory(IPluginFactory):
    """make() returns an IStage.  Its section is [stage:NAME]."""

    after: Sequence[str] = Attribute("Stages that, if present, must stand nearer the client.")
    before: Sequence[str] = Attribute("Stages that, if present, must stand nearer the database.")
    advisory: bool = Attribute("True if the operator may let traffic pass when this stage fails.")


class IStage(Interface):
    """One processing step, shared by all sessions.  Keeps no per-session state of its own; what
    it must remember about a statement goes in exchange.notes[name].  Provides one or more of the
    hook interfaces below."""

    name: str = Attribute("The factory's name.")

    def stop() -> Deferred[None] | None:
        """Release resources at shutdown.  May return a Deferred."""


class IStatementStage(IStage):
    """Looks at SQL text on its way to the database."""

    def on_statement(
        statement: Statement, exchange: Exchange
    ) -> Verdict[Statement] | Deferred[Verdict[Statement]]:
        """Judge one statement (simple query or Parse).  Returns PASS, Replace(statement), Deny or
        Hangup, or a Deferred of one of these.  Must not block.  Raising means Deny."""


class IReloadable(IStage):
    """A stage that reads something which may change: rules, schemas."""

    def reload() -> Deferred[None] | None:
        """SIGHUP: read it anew, now or later.  Raises ConfigError, or fails with one; what was in
        force stays in force then.  It is not called again before it is done."""


class IParameterStage(IStage):
    """Looks at values bound to a prepared statement."""

    def on_parameters(
        parameters: Parameters, exchange: Exchange
    ) -> Verdict[Parameters] | Deferred[Verdict[Parameters]]:
        """As on_statement, for one set of bound values.  `parameters.types` has their types, or is
        None where nothing certain is known."""


class IResultStage(IStage):
    """Looks at rows on their way to the client."""

    def plan_result(columns: Columns) -> IRowTransform | None:
        """Say what becomes of the rows of a result with these columns: an IRowTransform, or None
        to have every row forwarded unread.  Synchronous.  Asked when the database describes the
        result, before the client gets the description.  The answer is kept with the columns and
        serves every session and client until the next reload, so it depends on nothing but the
        columns and the stage's settings.  Raising means that every run of rows is refused."""


class ILoadStage(IStage):
    """Looks at rows that a client loads in bulk (COPY ... FROM STDIN), on their way to the
    database."""

    def plan_load(columns: Columns) -> IRowTransform | None:
        """As plan_result, for rows that are loaded.  There is one column, whose cells are lines of
        text, however the client cuts them into messages (`columns.layout` is LINES; in CSV a value
        may hold the end of a line), or messages of anything else (STREAM).  The transform's
        `columns` are not used.  A refusal makes the load fail."""


class IMessageStage(IStage):
    """Looks at texts that are no rows, on their way to the client: errors, notices, notifications,
    settings, results of function calls."""

    def on_message(
        batch: RowBatch, exchange: Exchange
    ) -> Verdict[RowBatch] | Deferred[Verdict[RowBatch]]:
        """Judge one message: a batch of one row, whose only cell is the whole message's body.
        Returns PASS, Deny (the client is told of an error instead, or nothing) or Hangup, or a
        Deferred of one of these.  `exchange` is one of its own where the message answers no
        request."""


class IRowTransform(Interface):
    """Changes the rows of results with the same columns.  Keeps no state of one result: what it
    must remember goes in exchange.notes[name]."""

    columns: Columns | None = Attribute(
        "The columns as they are behind this transform, which the client and the stages nearer to "
        "it are told of (see Columns.with_type); None if they stay as they are."
    )
    concerns: Search | None = Attribute(
        "A function (data, start, end) -> bool that searches a run of rows, data[start:end] as it "
        "came from the database: False if nothing in it concerns this stage.  A run that concerns "
        "no stage is forwarded at once.  It depends on the columns alone.  Stages that give the "
        "same function search once.  None: every run concerns this stage, as it must where the "
        "stage looks for something that another stage may have put there."
    )

    def transform(
        batch: RowBatch, exchange: Exchange
    ) -> Verdict[RowBatch] | Deferred[Verdict[RowBatch]]:
        """Judge a run of complete rows that concerns this stage.  Returns PASS if nothing changed,
        Replace(batch) after batch.set_cell(), Deny or Hangup, or a Deferred of one of these."""


class IMessageFlow(Interface):
    """One direction of one session that is ready, sans-IO.  Not re-entrant.  Its base is
    `dialects.flow.MessageFlow`; a protocol that numbers its messages writes the numbers itself, for
    each leg its own."""

    unfinished: bool = Attribute("Part of a message is here, or has left, and the rest has not.")
    unread: int = Attribute(
        "The bytes that are here of a message that is not; negative are those that are to come of "
        "one that has left in part.  With what was fed it tells a message from the next."
    )

    def begin(data: bytes) -> Work | None:
        """Do feed and the first next_work.  Not called while a Work is unsettled."""

    def feed(data: bytes) -> None:
        """Accept bytes from the source.  Never runs a stage.  May be called while a Work is
        unsettled; the bytes wait."""

    def next_work() -> Work | None:
        """Consume input up to the next thing that needs a verdict and return it, or None when
        input is used up.  Bytes needing no verdict go straight to output.  Must not be called
        while a Work is unsettled.  Raises WireError."""

    def settle(work: Work, verdict: Verdict[Any]) -> None:
        """Apply the pipeline's verdict (but Hangup, which the owner of the flow executes)."""

    def take_output() -> bytes:
        """Return and clear the bytes for the destination, joined: one write per turn."""

    def give_back() -> bytes:
        """Return and clear what is here of a message that is not whole: somebody goes on without
        the flow."""


class IRequestFlow(IMessageFlow):
    """From the client to the database.  Opens an Exchange for each request and appends an entry to
    session.outstanding for each message that draws a reply: its action says what the client gets.
    A refusal is an entry with an answer of ours (ANSWER), or with an error that stands in for the
    database's (REPLACE); it must leave client and database in the same state."""

    terminated: bool = Attribute("The client has said that it goes.")
    holding: bool = Attribute("Messages were held back when output was taken last.")
    pending_limit: int = Attribute(
        "So many replies may be outstanding; with more the client is not read.  Set by the relay."
    )

    def release_held() -> None:
        """Let go what is held back, unless a verdict is awaited."""

    def ask_for_replies() -> None:
        """See to it that replies come: the client is not read any more until they do.  Where the
        database, or a proxy behind us, keeps replies back until it is asked, ask it now."""

    def fail_transaction() -> None:
        """Have the database fail: session.fails was set, for a result was refused whose statement
        it takes for done.  Raises RolledBackError if nothing can be said to it now."""


class IReplyFlow(IMessageFlow):
    """From the database to the client.  Attributes each message to the head of
    session.outstanding, takes that off at the end of its reply, and sets session.transaction."""

    may_interject: bool = Attribute("False while a message to the client has left in part.")

    def release_answers() -> None:
        """Put out the answers of ours that have become due, unless a verdict is awaited."""


class IKeyStore(Interface):
    """A place where keys are.  `keys` and `public_key` may return a Deferred, so that a store may
    be remote: whoever asks waits.  ``purpose`` is one of acra_twisted.purposes; ``owner`` a client
    or zone id, "" for keys that belong to nobody."""

    def keys(purpose: Purpose, owner: str = "") -> Any:
        """The current key and those it replaced, newest first; () if there is none.  Private keys
        of pairs as cryptography's EllipticCurvePrivateKey, symmetric ones as keystore.secret's
        Secret.  Raises KeyStoreError, or fails with it, if one is there and cannot be read."""

    def public_key(purpose: Purpose, owner: str = "") -> Any:
        """The public key of a pair, None if there is none.  Raises KeyStoreError."""

    def version(purpose: Purpose, owner: str = "") -> Hashable:
        """A value that changes when the key changes.  Synchronous and cheap: it is asked for each
        kept key, at most once a second, before the key is used.  A remote store answers by what it
        has heard last, and sees to it itself that it hears of changes."""

    def forget() -> None:
        """Read keys anew from now on: SIGHUP."""

    def close() -> None:
        """Overwrite every secret as far as the language lets us.  Nothing is asked afterwards."""


class IKeys(IKeyStore):
    """Keys as a daemon's parts get them: a store behind its cache."""

    def opener(pair: Purpose, symmetric: Purpose, owner: str = "") -> Any:
        """A crypto.openers.Opener of the keys of both purposes, or a Deferred of one.  Raises
        KeyStoreError."""


class IKeyStoreFactory(Interface):
    """A kind of key store, chosen by its name in the setting ``keystore``.

    Implementations also provide twisted.plugin.IPlugin and live in acra_twisted.keystore.plugins.
    """

    name: str = Attribute("Unique lower-case name, e.g. 'vault'.")
    options: Sequence[Option] = Attribute(
        "Settings of its own, which keystore_settings gives as NAME=VALUE."
    )

    def make(own: Settings, settings: Settings, environment: MutableMapping[str, str]) -> Any:
        """Return an IKeyStore, None if the settings name none.  Raises KeyStoreError, at once, if
        what they name cannot be used.

        ``own`` has ``options``, ``settings`` are the daemon's.  Secrets that ``environment`` holds
        for the store are taken out of it, so that no child process gets them.  Called before the
        reactor runs, and before the process goes into the background: connections and threads
        begin when a key is asked for."""


class ILogin(Interface):
    """Everything between a client's first byte and its session's first request, sans-IO.

    It is told facts and fed bytes; each method returns a list of the actions in `loginactions`,
    which are carried out in order.  It takes any bytes in any pieces: for what it cannot go on
    with it returns Fail, and raises nothing.  Behind Fail, Close(CLIENT), Serve or Ready it is
    over, and answers with nothing.
    """

    encrypted: bool = Attribute("Whether the client's leg has TLS of the database's protocol.")
    declined: bool = Attribute("The client asked for TLS, was told no, and has said nothing since.")
    unanswered: bool = Attribute("The client waits for its session, and was told of no error.")
    holding: bool = Attribute("Requests wait for the session: the client need not be read.")
    terminated: bool = Attribute("The client has said that it goes.")

    def begin() -> Sequence[Action]:
        """A client is there.  A login whose database speaks first connects to it now."""

    def feed(leg: str, data: bytes) -> Sequence[Action]:
        """Bytes that CLIENT or DATABASE has sent."""

    def connected(encrypted: bool, sent: bool = False) -> Sequence[Action]:
        """The database is there, in answer to Connect.  ``encrypted``: with TLS already; ``sent``:
        it has got the bytes that were to come first, and what it says is its answer to them."""

    def opened(session: Session) -> Sequence[Action]:
        """The answer to Open."""

    def tls_started(leg: str, protocol: bytes | None) -> Sequence[Action]:
        """The answer to StartTLS.  ``protocol`` was agreed on by ALPN."""

    def answered(answer: Any) -> Sequence[Action]:
        """The answer to Ask."""

    def refuse(reason: EndReason, text: str, trace_id: str = "") -> Sequence[Action]:
        """Give the client up: tell it why, as soon as it can understand it, and close its leg."""


class IFollowedLogin(ILogin):
    """The login of an application, followed by a connector to a server that does the rest."""

    reads: bool = Attribute("Sessions are to be followed, not carried unread.")
    said: bytes | None = Attribute(
        "What the client has said and has no answer to; None once the server has answered."
    )


class IDatabaseDialect(Interface):
    """A database family: its wire protocol as a proxy sees it."""

    name: str = Attribute("'postgresql' or 'mysql', as in db.system.name.")
    default_port: int = Attribute("Port used when the ini file gives none.")

    def encode_farewell(reason: EndReason, text: str, trace_id: str = "") -> bytes:
        """The error that ends a session, in the database's own form; ``trace_id`` is for those
        whom errors tell of traces."""


class ITransportSecurity(Interface):
    """How the link between connector and server is protected: one of several providers."""

    name: str = Attribute("'raw', 'tls' or 'secure-session'.")

    def protect(factory: IProtocolFactory) -> IProtocolFactory:
        """Return a protocol factory that speaks the protection outside and gives factory's
        protocols plaintext inside.  The inner protocols provide ISecuredProtocol."""


class ISecuredProtocol(Interface):
    """Implemented by protocols that run inside an ITransportSecurity."""

    def peer_authenticated(certificate: bytes | None, client_id: str = "") -> None:
        """Called once, after the handshake and before any dataReceived.  `certificate` is the
        peer's, DER, or None where the protection has none; `client_id` is the connector's where
        the protection itself has proven it."""


class IAuthenticatingTransport(Interface):
    """A transport that calls its protocol's peer_authenticated itself when the time has come."""


class ISpanExporter(Interface):
    """Sends finished spans somewhere."""

    name: str = Attribute("Short name: the label of its metrics.")

    def export(span: Any) -> None:
        """Take one finished telemetry.spans.Span.  Must queue and return; drops when full,
        counting it.  Must not raise."""

    def start() -> None:
        """Begin sending.  Called in startService, after daemonizing."""

    def stop() -> Deferred[None]:
        """Send what is queued, within a bounded time, and release everything."""


class IPipelineObserver(Interface):
    """Is told what happened.  Must not raise, must not wait, cannot change anything."""

    def session_opened(session: Session) -> None:
        """A client is connected and identified; its startup packet has been accepted."""

    def session_closed(session: Session, reason: str) -> None:
        """Both sides are gone, or about to be."""

    def containers_read(exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """So many containers of a kind ("acrastruct", "acrablock") of a run of rows were opened,
        and so many left as stored."""

    def exchange_opened(exchange: Exchange) -> None:
        """A request was read.  Decides sampling; may set exchange.span."""

    def exchange_closed(exchange: Exchange) -> None:
        """Its last reply byte was queued for the client, or it was dropped: see outcome."""

    def stage_refused(stage: str, work: Work, verdict: Deny | Hangup) -> None:
        """A stage answered Deny or Hangup.  A recorded exchange has the work of its stages,
        with times, in `stage_runs` when it closes, until every observer has been told."""

    def stage_failed(stage: str, work: Work, failure: Any) -> None:
        """A hook raised or its Deferred failed.  `failure` is a twisted Failure."""

    def security_event(
        code: int, text: str, session: Session | None, exchange: Exchange | None, **fields: Any
    ) -> None:
        """A denial, a poison record, a failed handshake: goes to the security log."""

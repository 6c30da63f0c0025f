"""Every interface of the program; no implementation.  The docstrings are the contract."""

# Methods of interfaces have docstrings for bodies and no self.
# ruff: noqa: N805
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, MutableMapping, Sequence

    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IProtocolFactory

    from acra_twisted.exchange import Exchange, Parameters, Statement, Work
    from acra_twisted.options import Option, Settings
    from acra_twisted.purposes import Purpose
    from acra_twisted.results import Columns, RowBatch, Search
    from acra_twisted.session import Session
    from acra_twisted.tokenentry import Entry
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


class IDatabaseStageFactory(IStageFactory):
    """Makes a stage that works with some databases alone: with any other the start stops."""

    languages: Sequence[str] = Attribute("The databases: postgresql, mysql.")


class IStage(Interface):
    """One processing step, shared by all sessions.  Keeps no per-session state of its own; what
    it must remember about a statement goes in exchange.notes[name].  exchange.tracer opens spans
    below the request's, by the names of OpenCensus's Tracer; exchange.tell gives the client a
    notice.  Provides one or more of the hook interfaces below."""

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


class ISelectiveStatementStage(IStatementStage):
    """Looks at some statements alone."""

    def judges(statement: Statement, exchange: Exchange) -> bool:
        """Return False if a simple query passes without on_statement, its text perhaps replaced.
        Asked once stages before it let it pass so; it is quick.  Raising means Deny."""


class IReloadable(IStage):
    """A stage that reads something which may change: rules, schemas."""

    def reload() -> Deferred[None] | None:
        """SIGHUP: read it again, now or later.  Raises ConfigError, or fails with one; what was in
        force stays in force then.  It is not called again before it is done."""


class IParameterStage(IStage):
    """Looks at values bound to a prepared statement."""

    def on_parameters(
        parameters: Parameters, exchange: Exchange
    ) -> Verdict[Parameters] | Deferred[Verdict[Parameters]]:
        """Judge one set of bound values, as on_statement.  `parameters.types` has their types, or
        is None if they are not certain."""


class ISelectiveParameterStage(IParameterStage):
    """Looks at the values of some statements alone."""

    def looks_at(statement: Statement, session: Session) -> bool:
        """Return False if values that are bound to a statement now need no verdict.  Asked for each
        execution, once it is certain which statement that is, and then in place of on_parameters:
        it must be quick.  Raising means Deny."""


class IWatch(Interface):
    """The watch of a stage over a request that may change what it knows: `exchange.watch`, set
    before the request leaves."""

    def completed(tag: bytes) -> None:
        """Take in the command tag of a statement that the database has completed."""

    def executed(exchange: Exchange) -> bool:
        """Go on with another exchange, which executes what was bound in this one.  Called before it
        leaves; False if it must be refused, since the stage no longer knows what it does."""

    def ended(exchange: Exchange) -> None:
        """Take in the end of an exchange; see `exchange.outcome`.  The transaction that it was in
        may have ended with it: `session.on_ready` tells."""


class IResultStage(IStage):
    """Looks at rows on their way to the client."""

    def plan_result(columns: Columns) -> IRowTransform | None:
        """Return an IRowTransform for results with these columns, or None to forward every row
        unread.  Synchronous.  Asked when the database describes the result, before the client
        receives the description.  The answer is kept with the columns and serves every session and
        client until the next reload, so it depends on nothing but the columns and the stage's
        settings.  Raising means that every run of rows is refused.

        A part of the columns is their `meaning`: whatever the stage has put in session.meaning, and
        for the results of one statement in statement.meanings, before the request left; a
        portal keeps those that its statement had when it was bound.  A session
        with a meaning has the columns of each result described, whether the client asks or not."""


class ILoadStage(IStage):
    """Looks at rows that a client loads in bulk (COPY ... FROM STDIN), on their way to the
    database."""

    def plan_load(columns: Columns) -> IRowTransform | None:
        """Plan like plan_result, for loaded rows.  There is one column, whose cells are lines of
        text, however the client cuts them into messages (`columns.layout` is LINES; in CSV a value
        may hold the end of a line), or messages of anything else (STREAM).  The transform's
        `columns` are not used.  A refusal makes the load fail."""


class ILoad(Interface):
    """Takes the rows of one bulk load.  A stage puts a function that makes it into
    `statement.copies.load` (see exchange.Copies).  The rows come in pieces that begin and end
    anywhere, in order, the next one when the verdict on the last is there; the client is not read
    meanwhile, nor while the database does not read.  No other stage may look at the same rows.

    A refusal ends the load: PostgreSQL is told to give it up, without a reason; MySQL, which cannot
    be told, gets `copies.failing` when the client has sent the rest.  The client gets the error in
    place of the database's.  The database may give up first; nothing more comes then."""

    name: str = Attribute("The stage's name.")

    def feed(data: bytes, exchange: Exchange) -> Verdict[bytes] | Deferred[Verdict[bytes]]:
        """Take a piece of the data.  Returns Replace(bytes), which are sent in its place, Deny or
        Hangup, or a Deferred of one of these.  PASS sends the piece.  Raising means Deny."""

    def finish(data: bytes, exchange: Exchange) -> Verdict[bytes] | Deferred[Verdict[bytes]]:
        """Take the end of the data, which is not called for a load that the client gives up: `data`
        is empty.  Returns like `feed`; what it answers is sent before the end."""


class IMessageStage(IStage):
    """Looks at texts other than rows on their way to the client: errors, notices, notifications,
    settings, results of function calls."""

    def on_message(
        batch: RowBatch, exchange: Exchange
    ) -> Verdict[RowBatch] | Deferred[Verdict[RowBatch]]:
        """Judge one message: a batch of one row, whose only cell is the whole message's body.
        Returns PASS, Deny (the client receives an error instead, or nothing) or Hangup, or a
        Deferred of one of these.  `exchange` is a separate one if it answers no request.  Until the
        database has let the client in, the session's client id may be the link's, or empty."""


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


class IKeyStore(Interface):
    """A place where keys are.  `keys` and `public_key` may return a Deferred, so that a store may
    be remote: the caller waits.  ``purpose`` is one of acra_twisted.purposes; ``owner`` a client
    or zone id, "" for keys that belong to nobody."""

    def keys(purpose: Purpose, owner: str = "") -> Any:
        """Return the current key and its predecessors, newest first; () if there is none.  Private
        keys of pairs as cryptography's EllipticCurvePrivateKey, symmetric ones as keystore.secret's
        Secret.  Raises KeyStoreError, or fails with it, if one is there and cannot be read."""

    def public_key(purpose: Purpose, owner: str = "") -> Any:
        """Return the public key of a pair, None if there is none.  Raises KeyStoreError."""

    def version(purpose: Purpose, owner: str = "") -> Hashable:
        """A value that changes when the key changes.  Synchronous and cheap: it is asked for each
        kept key, at most four times in three seconds, before the key is used.  A remote store
        answers with the last known version, and must watch for changes itself."""

    def forget() -> None:
        """Read keys again from now on: SIGHUP."""

    def close() -> None:
        """Overwrite every secret as far as the language lets us.  Nothing is asked afterwards."""


class IKeys(IKeyStore):
    """The keys for a daemon's parts: a store behind its cache."""

    def opener(pair: Purpose, symmetric: Purpose, owner: str = "") -> Any:
        """Return a crypto.openers.Opener of the keys of both purposes, or a Deferred of one.
        Raises KeyStoreError."""

    def derived(label: bytes) -> bytes | None:
        """Return 32 bytes that follow from the store's master key and ``label`` alone; None if the
        store has none that is for this.  A store says so by a method of this name."""

    def follow(dropped: Callable[[], None]) -> bool:
        """Call ``dropped`` each time keys that were kept are dropped, so that nothing that was made
        of them is kept either.  Objects that are made of kept keys may be used for
        `keystore.cache.TRUST` seconds before the keys are asked for again.  Returns False if no
        keys are ever kept."""


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


class ITokenSource(Interface):
    """A place where records of tokens are, as `encryption.tokenrecords` has them.

    Every method returns a Deferred, which fails with TokenStoreError if the place cannot be asked
    or what it holds is damaged, and within a bounded time."""

    def page(after: Any = None) -> Deferred[tuple[Sequence[Entry], Any]]:
        """Return some records, and what to give for the next ones: None behind the last.  A record
        that stays there meanwhile comes once, in Redis sometimes twice."""

    def close() -> Deferred[None]:
        """Release connections and files.  Nothing is asked afterwards."""


class ITokenStore(ITokenSource):
    """A token source that can be written, by several programs at once."""

    def get(bucket: bytes, keys: Sequence[bytes]) -> Deferred[Sequence[bytes | None]]:
        """Return the record of each key, None where there is none: one question however many
        they are."""

    def add(
        bucket: bytes, groups: Sequence[Sequence[tuple[bytes, bytes]]]
    ) -> Deferred[Sequence[bool]]:
        """Store groups of keys with their records.  A group is stored as a whole, or not at all
        if one of its keys is there already, also where several programs write at the same time.
        Return for each whether it was stored; it outlasts a crash then as far as the store lets
        it."""

    def replace(changes: Sequence[tuple[Entry, bytes]]) -> Deferred[Sequence[bool]]:
        """Put another record in the place of each entry, unless it is not there as given any
        more.  Return for each whether it was."""

    def remove(entries: Sequence[Entry]) -> Deferred[Sequence[bool]]:
        """Delete each entry, unless it is not there as given any more.  Return for each whether
        it was."""


class ITransportSecurity(Interface):
    """A protection of the link between connector and server: one of several providers."""

    name: str = Attribute("'raw', 'tls' or 'secure-session'.")

    def protect(factory: IProtocolFactory) -> IProtocolFactory:
        """Return a protocol factory that speaks the protection outside and gives factory's
        protocols plaintext inside.  The inner protocols provide ISecuredProtocol."""


class IPeerJudge(Interface):
    """Decides if a peer may be talked to whose certificate has been verified in a handshake."""

    def judge(evidence: Any, channel: Any) -> Deferred[None] | None:
        """Return None if the peer of a transport.channel.Channel may be talked to, or a Deferred
        that fires with None then.  ``evidence`` is a transport.evidence.Evidence.  Raises
        CertificateRefused, or fails with it."""

    def watch(context: Any) -> None:
        """Judge the peers of a transport.tlscontext.TLSContext from now on."""


class ISecuredProtocol(Interface):
    """Implemented by protocols that run inside an ITransportSecurity."""

    def peer_authenticated(certificate: bytes | None, client_id: str = "") -> None:
        """Called once, after the handshake and before any dataReceived.  `certificate` is the
        peer's, DER, or None if the protection has none; `client_id` is the connector's if the
        protection itself has proven it."""


class IAuthenticatingTransport(Interface):
    """A transport that calls its protocol's peer_authenticated itself, after the handshake."""


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
    """Is told what happened.  Must not raise and must not wait.  It changes nothing that stages or
    flows look at but an exchange's span and context and its session's tracer; what it must remember
    goes in notes."""

    def session_opened(session: Session) -> None:
        """A client is connected and identified; its startup packet has been accepted."""

    def session_closed(session: Session, reason: str) -> None:
        """Both sides are gone, or about to be."""

    def containers_read(exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """So many containers of a kind ("acrastruct", "acrablock") of a run of rows were opened,
        and so many left as stored."""

    def column_values(exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """So many values of protected columns were handled, by the column's
        encryption.settings.ColumnSetting and by what became of them (see stages.columnseen)."""

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

"""The interfaces of a database's dialect; no implementation.  The docstrings are the contract.

A protocol whose server speaks first has another login; one that numbers its messages has flows that
write the numbers; one with numbers of errors of its own encodes an `endreason` by them.  What reads
and carries sessions (`proxy`), judges them (`pipeline`) and tells of them (`telemetry`) knows
nothing else of a database.
"""

# Methods of interfaces have docstrings for bodies and no self.
# ruff: noqa: N805
# mypy: disable-error-code="empty-body"

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acra_twisted.endreason import EndReason
    from acra_twisted.exchange import Work
    from acra_twisted.loginactions import Action
    from acra_twisted.lookup import Found
    from acra_twisted.queryactions import QueryAction
    from acra_twisted.question import Question
    from acra_twisted.session import Session
    from acra_twisted.verdicts import Verdict


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


class IRequestFlow(IMessageFlow):
    """From the client to the database.  Opens an Exchange for each request and appends an entry to
    session.outstanding for each message that draws a reply: its action says what the client gets.
    A refusal is an entry with an answer of ours (ANSWER), or with an error that stands in for the
    database's (REPLACE); it must leave client and database in the same state."""

    terminated: bool = Attribute("The client has said that it goes.")
    holding: bool = Attribute("Messages were held back when output was taken last.")
    awaits_load: bool = Attribute(
        "Rows are here that the database has not asked for yet: next_work goes on once it has, or "
        "has refused to."
    )
    pending_limit: int = Attribute(
        "So many replies may be outstanding; with more the client is not read.  Set by the relay."
    )

    def release_held() -> None:
        """Let go what is held back, unless a verdict is awaited."""

    def ask_for_replies() -> None:
        """See to it that replies come: the client is not read any more until they do.  Where the
        database, or a proxy behind us, keeps replies back until it is asked, ask it now."""

    def ask(question: Question) -> bool:
        """Put a question of ours, and add its reply to session.outstanding; False if it must wait
        until nothing is owed.  The reply flow reads the reply, of which the client gets nothing.
        Raises QuestionError if what the client has begun must be ended by the client first."""

    def lose(left: Work | None) -> None:
        """End the exchanges of all requests that have not left: the session is over.  ``left`` is
        what was being judged, if anything was.  Those whose replies are owed have been ended."""

    def fail_transaction() -> None:
        """Have the database fail: session.fails was set, for a result was refused whose statement
        it takes for done.  Raises RolledBackError if nothing can be said to it now."""


class IReplyFlow(IMessageFlow):
    """From the database to the client.  Attributes each message to the head of
    session.outstanding, takes that off at the end of its reply, and sets session.transaction."""

    may_interject: bool = Attribute("False while a message to the client has left in part.")
    due: int = Attribute(
        "The number of the next message to the client, in a protocol that numbers them; else 0."
    )

    def release_answers() -> None:
        """Put out the answers of ours that have become due, unless a verdict is awaited."""


class ILogin(Interface):
    """Everything between a client's first byte and its session's first request, sans-IO.

    It is told facts and fed bytes; each method returns a list of the actions in `loginactions`,
    which are carried out in order.  It takes any bytes in any pieces: for what it cannot go on
    with it returns Fail, and raises nothing.  Behind Fail, Unproven, Close(CLIENT), Serve or Ready
    it is over, and answers with nothing.
    """

    encrypted: bool = Attribute("True if the client's leg has TLS of the database's protocol.")
    declined: bool = Attribute("The client asked for TLS, was told no, and has said nothing since.")
    unanswered: bool = Attribute("The client waits for its session, and was told of no error.")
    holding: bool = Attribute("Requests wait for the session: the client need not be read.")
    terminated: bool = Attribute("The client has said that it goes.")
    due: int = Attribute("The number of the next message to the client, as in IReplyFlow.")

    def begin() -> Sequence[Action]:
        """A client is there.  A login whose database speaks first connects to it now, for its
        GREETING."""

    def feed(leg: str, data: bytes) -> Sequence[Action]:
        """Bytes that CLIENT or DATABASE has sent."""

    def connected(
        encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> Sequence[Action]:
        """The database is there, in answer to Connect.  Where it had been reached for its greeting,
        the client may now have a session.  ``encrypted``: with TLS already; ``sent``:
        it has got the bytes that were to come first, and what it says is its answer to them.
        ``end_point`` is that of the certificate that it has shown, see `transport.binding`."""

    def opened(session: Session) -> Sequence[Action]:
        """The answer to Open."""

    def tls_started(
        leg: str, protocol: bytes | None, end_point: bytes | None = None
    ) -> Sequence[Action]:
        """The answer to StartTLS.  ``protocol`` was agreed on by ALPN.  ``end_point`` is that of
        the certificate that the server of this leg has shown: this daemon to CLIENT, or DATABASE;
        None if nothing can be bound to it."""

    def looked_up(found: Found) -> Sequence[Action]:
        """The answer to LookUp."""

    def derived(salted: bytes) -> Sequence[Action]:
        """The answer to Derive."""

    def answered(answer: Any) -> Sequence[Action]:
        """The answer to Ask."""

    def refuse(reason: EndReason, text: str, trace_id: str = "") -> Sequence[Action]:
        """Give the client up: tell it why, as soon as it can understand it, and close its leg."""

    def leave() -> Sequence[Action]:
        """End before the session is ready, whatever it waits for: return what is to be done about
        the database, Close or Leave."""


class IServiceQuery(Interface):
    """A connection of the service's own to the database, sans-IO: login, then one question at a
    time.

    It is told facts and fed bytes; each method returns a list of the actions in `queryactions`,
    which are carried out in order.  It raises WireError or HandshakeError for what it cannot go on
    with, and is over then; no text of an error has a value or a name that was asked about.
    """

    plain: bool = Attribute("It is given a connection without TLS, and asks for that by StartTLS.")
    problem: str = Attribute(
        "Why it does not log in, while it brings a login to its end all the same; empty else."
    )

    def begin(encrypted: bool, end_point: bytes | None) -> Sequence[QueryAction]:
        """The database is there.  ``encrypted``: with TLS; ``end_point`` is that of the certificate
        that it has shown, see `transport.binding`."""

    def feed(data: bytes) -> Sequence[QueryAction]:
        """Bytes that the database has sent."""

    def derived(key: bytes) -> Sequence[QueryAction]:
        """The answer to Derive."""

    def tls_started() -> Sequence[QueryAction]:
        """The answer to StartTLS, which a database asks for that speaks first."""

    def ask(value: bytes) -> Sequence[QueryAction]:
        """Ask the question about ``value``, behind LoggedIn, Answered or Refused.  A
        database whose questions have no parameters takes another question, or empty bytes for the
        only one."""


class IServedLogin(ILogin):
    """The login of a client of AcraServer."""

    def follows(startup_parent: str = "") -> None:
        """Take note that the client is a connector that follows its sessions: this server makes
        itself known to it.  ``startup_parent`` is the id of its span for the startup, which is a
        context of its own where the application has brought one; empty without one.  It is told
        before the client's first byte."""


class IFollowedLogin(ILogin):
    """The login of an application, followed by a connector to a server that does the rest."""

    reads: bool = Attribute("Sessions are to be followed, not carried unread.")
    said: bytes | None = Attribute(
        "The client's unanswered bytes; None once the server has answered."
    )


class IVisit(Interface):
    """A login that nobody waits for any more, or did ever, sans-IO, up to the database's decision.

    Some databases count whoever leaves them before they have decided about a login.
    """

    over: bool = Attribute("The database has decided: what is to be written is the last of it.")
    problem: str = Attribute(
        "What the database does to whoever connects, such as 'takes no connections'; empty if it "
        "takes them."
    )

    def feed(data: bytes) -> Sequence[Action]:
        """Bytes that the database has sent.  Raises WireError."""

    def tls_started() -> Sequence[Action]:
        """TLS has begun that was asked for.  Raises WireError."""


class IDatabaseDialect(Interface):
    """A database family: its wire protocol as a proxy sees it."""

    name: str = Attribute("OpenTelemetry's db.system.name for it: 'postgresql', 'mysql'.")
    language: str = Attribute("The SQL of its statements, one of sql.languages.")
    default_port: int = Attribute("Port used when the ini file gives none.")
    refusals: Sequence[str] = Attribute("The reasons for which it refuses logins: metric labels.")

    def encode_farewell(reason: EndReason, text: str, trace_id: str = "", number: int = 0) -> bytes:
        """The error that ends a session, in the database's own form; ``trace_id`` is for those
        whom errors tell of traces, ``number`` the message's, as in IReplyFlow.due."""


class IServerDialect(IDatabaseDialect):
    """A dialect's answers for the daemons, which reach it, serve its clients and follow them."""

    alpn: bytes = Attribute(
        "The name that its clients offer by ALPN when TLS begins at once; empty if it never does."
    )
    protocol: str = Attribute("What its protocol is called, as in transport.spoken.")
    server_speaks_first: bool = Attribute(
        "Its servers greet before their clients say anything, and TLS with them begins later."
    )
    handshake_limit: float = Attribute(
        "Seconds in which a session must be ready, lest its server gives it up."
    )
    tls_request: bytes = Attribute("Asks a server for TLS.")
    spans_offer: bytes = Attribute("The first bytes of a link on which a connector offers spans.")

    def socket_name(port: int) -> str:
        """Return the name of its servers' unix socket in a folder."""

    def accepts_tls(answer: bytes) -> bool:
        """Read a server's answer to `tls_request`.  Raises WireError."""

    def offers_binding(answer: bytes) -> bool:
        """Return True if a server's first message offers a login that is bound to its TLS."""

    def is_error(answer: bytes) -> bool:
        """Return True if a server's first message is an error."""

    def read_refusal(data: bytes) -> str:
        """Return what may be shown of the error that a server answers with; empty if it is none."""

    def visit(tls: str = "off") -> IVisit | None:
        """Return a visit to one of its servers; None if they may be left at any time.  ``tls`` is
        as in `server.database.Database`."""

    def serve(policy: Any) -> IServedLogin:
        """Return the login of a client that is served, by a policy of this dialect."""

    def send_away(reason: EndReason, text: str) -> IServedLogin:
        """Return the login of a client that is refused whatever it asks for."""

    def follow(tls: str, *, reads: bool, startup_span: str, exposed: bool) -> IFollowedLogin:
        """Return the login of an application that a connector follows.  ``exposed``: others may
        read what goes over the link."""

"""AcraCensor as a stage: every statement is decided by the rules before the database sees it.

The decision itself is `censor.engine`'s.  Here is what ties it to a session: which settings the
database last reported, whether one may be changing right now, what was prepared, and the files.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, DeferredLock
from twisted.logger import Logger
from twisted.plugin import IPlugin
from twisted.python.failure import Failure
from zope.interface import classImplements

from acra_twisted import events
from acra_twisted.censor import rules
from acra_twisted.censor.rules import Rules
from acra_twisted.errors import ConfigError
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.interfaces import IReloadable, ISelectiveStatementStage, IStageFactory
from acra_twisted.optionkinds import Integer
from acra_twisted.options import Block, Option, Settings
from acra_twisted.pipeline.workers import uncollected
from acra_twisted.sql.redact import of_statement
from acra_twisted.stages.censorsessions import CensorSessions, Followed
from acra_twisted.stages.rulesource import read_rule_source
from acra_twisted.stages.statementfiles import StatementFiles
from acra_twisted.verdicts import PASS, Deny, Pass

# The parsers take 0.2 s to import and every start reads this module: they are imported where a
# stage is made.
if TYPE_CHECKING:
    from acra_twisted.censor.engine import Censor
    from acra_twisted.censor.handlers import Decision
    from acra_twisted.censor.plan import Prepared
    from acra_twisted.censor.planner import Told
    from acra_twisted.sql.languages import Language, Limits, Mode

_log: Final = Logger()

_NAME: Final = "censor"
#: Bytes of texts that are not known and are decided in the reactor's thread, of one and of all in
#: a turn: each takes up to ten microseconds.  Longer ones are decided in a thread of their own.
_AT_ONCE: Final = 1 << 10
_IN_A_TURN: Final = 2 << 10
#: Acra's text: applications match on it.
_BLOCKED: Final = "AcraCensor blocked this query"
_MOVED: Final = Deny(
    f"{_BLOCKED}: the session has changed search_path or its role, so that a "
    "table without a schema may be another than the rules allow; name schemas in rules and "
    "statements, or leave the setting to the database (ALTER ROLE ... SET search_path)",
    reason="the session has changed which tables names without a schema mean",
    rule="deny.names",
)


class CensorFactory:
    """Makes the stage ``censor``."""

    name = _NAME
    options = (
        Option(
            "cache_entries",
            Integer(16, 1_000_000),
            4096,
            "Decisions kept, by statement without its literals.",
        ),
        Option("cache_bytes", Integer(1 << 16, 1 << 30), 8 << 20, "Bytes of such statements kept."),
        Option(
            "max_text",
            Integer(1 << 10, 1 << 30),
            16 << 20,
            "Longest statement that is analysed, bytes. Longer ones are refused.",
        ),
        Option(
            "max_tokens",
            Integer(100, 10_000_000),
            200_000,
            "Tokens (words, literals, signs) of a statement that is analysed.",
        ),
        Option(
            "max_structure",
            Integer(100, 1_000_000),
            16_000,
            "Tokens of a statement that are left when long lists are cut, which are parsed.",
        ),
    )
    after = ()
    # The text for the database must have been judged as the application wrote it.
    before = ("decryptor", "poison")
    advisory = False

    def make(self, settings: Settings, services: Any) -> CensorStage:
        """Raises ConfigError if there is no rule file or it cannot be used."""
        if services.settings.get("function_call_enable"):
            raise ConfigError(
                "function_call_enable: a FunctionCall message names its function by number, which "
                "the stage 'censor' cannot judge; switch one of them off"
            )

        def read() -> Rules:
            return read_rule_source(services.settings, services.blocks())

        from acra_twisted.sql.languages import LANGUAGES, Limits

        stage = CensorStage(
            read,
            LANGUAGES[services.language],
            settings["cache_entries"],
            settings["cache_bytes"],
            Limits(settings["max_text"], settings["max_tokens"], settings["max_structure"]),
        )
        try:
            stage.put_in_force(stage.compiled())
        except ConfigError as error:
            raise _of_setup(error) from None
        stage.start(services.reactor, services.workers)
        return stage


# Not as decorators: compiled classes have none.
classImplements(CensorFactory, IPlugin, IStageFactory)


def check_rules(settings: Mapping[str, Any], blocks: Sequence[Block], language: str) -> None:
    """Raises ConfigError if there are no rules, or such as cannot be used for a language."""
    from acra_twisted.censor.engine import Censor
    from acra_twisted.sql.languages import LANGUAGES

    try:
        Censor(LANGUAGES[language], read_rule_source(settings, blocks))
    except ConfigError as error:
        raise _of_setup(error) from None


def _of_setup(error: ConfigError) -> ConfigError:
    """The same with Acra's code for it."""
    return ConfigError(str(error), code=events.CENSOR_SETUP)


#: A text that is not known, its mode, what its session has prepared, and its own name.
_Job = tuple[bytes, "Mode", "Prepared", str]


def _no_turns(*_: Any) -> None:
    """Before the reactor runs there are none."""


def _denied(decision: Decision, exchange: Exchange) -> Deny:
    exchange.add_attribute("acra.censor.rule", decision.by)
    if decision.where:
        # Without its folders: spans leave this machine.
        exchange.add_attribute("acra.censor.place", decision.where.rpartition("/")[2])
    return Deny(_BLOCKED, reason=decision.why, rule=decision.by, code=decision.code)


def _tell_unparsed(exchange: Exchange) -> None:
    """Each different text once: what cannot be parsed passes, as ``ignore_parse_error`` says.

    The text of the event is Acra's: scripts look for it.
    """
    session, statement = exchange.session, exchange.statement
    session.observer.security_event(
        events.QUERY_PARSE_ERROR,
        "ignoring error of non parsed sql statement",
        session,
        exchange,
        stage=_NAME,
        query="" if statement is None else of_statement(statement, session.language).text,
        action=events.ALLOWED,
        outcome=events.SUCCESS,
    )


class CensorStage:
    """``read`` gives the rules, or raises ConfigError.  Make, put rules in force, `start`."""

    name = _NAME

    def __init__(
        self,
        read: Callable[[], Rules],
        language: Language,
        cache_entries: int,
        cache_bytes: int,
        limits: Limits,
    ) -> None:
        self._read = read
        self._limits = (cache_entries, cache_bytes, limits)
        self._language = language
        self._sessions = CensorSessions(language)
        self._files = StatementFiles(lambda: self.censor.forget())
        self._workers: Any = None
        # One long text at a time, in the order in which they came: a session has one at most.
        self._lane = DeferredLock()
        self._call_later: Callable[..., Any] = _no_turns
        # Bytes decided in this turn of the reactor, and what waits for another one.
        self._spent = 0
        self._jobs: deque[tuple[Deferred[Pass | Deny], _Job, Exchange]] = deque()
        self.censor: Censor

    @property
    def summary(self) -> str:
        """How many rules are in force, for people."""
        return self.censor.rules.summary

    # -- statements ---------------------------------------------------------------------------

    def on_statement(self, statement: Statement, exchange: Exchange) -> Any:
        """Decide: Pass, Deny, or a Deferred of one of them for what takes long.

        Allowed statements cost one or two dict lookups once they are known.
        """
        session = exchange.session
        followed: Followed | None = session.notes.get(_NAME)
        if followed is None:
            followed = session.notes[_NAME] = self._sessions.begin(session)
        if self.censor.keeps_names and self._sessions.names_moved(session, followed):
            exchange.add_attribute("acra.censor.rule", _MOVED.rule)
            return _MOVED
        text, prepared = statement.text, followed.prepared
        name = statement.prepared_name
        shown_name = name.decode("utf-8", "replace") if name else ""
        mode = self._sessions.mode(session, followed)
        decision = self.censor.known(text, mode, prepared, shown_name, statement)
        if decision is not None:
            self._count(decision, exchange)
            return PASS if decision.allowed else _denied(decision, exchange)
        job = (text, mode, prepared, shown_name)
        if self._workers is None:
            return self._worked_out(job, exchange)
        if len(text) > _AT_ONCE or self._language.may_differ(text):
            told: Told = []
            return self._lane.run(self._aside, job, told).addCallback(self._verdict, exchange, told)
        if self._jobs or self._spent + len(text) > _IN_A_TURN:
            verdict: Deferred[Pass | Deny] = Deferred()
            self._jobs.append((verdict, job, exchange))
            return verdict
        if not self._spent:
            self._call_later(0, self._begin_turn)
        self._spent += len(text)
        return self._worked_out(job, exchange)

    def judges(self, statement: Statement, exchange: Exchange) -> bool:
        """See ISelectiveStatementStage: a query that is known to be allowed needs no verdict."""
        session = exchange.session
        followed: Followed | None = session.notes.get(_NAME)
        if followed is None:
            return True
        if self.censor.keeps_names and self._sessions.names_moved(session, followed):
            return True
        started = exchange.begin_run()
        mode = self._sessions.mode(session, followed)
        decision = self.censor.known(statement.text, mode, followed.prepared, "", statement)
        if decision is None or not decision.allowed:
            return True
        self._count(decision, exchange)
        if started:
            exchange.end_run(_NAME, PASS, started)
        return False

    def _aside(self, job: _Job, told: Told) -> Deferred[Decision]:
        deciding: Deferred[Decision] = self._workers.run(
            uncollected, self.censor.work_out, *job, told
        )
        return deciding

    def _begin_turn(self) -> None:
        """Decide what others would have waited for in the last turn, as much as this one bears."""
        self._spent = 0
        while self._jobs and self._spent + len(self._jobs[0][1][0]) <= _IN_A_TURN:
            verdict, job, exchange = self._jobs.popleft()
            self._spent += len(job[0])
            try:
                found = self._worked_out(job, exchange)
            except Exception:
                verdict.errback(Failure())
            else:
                verdict.callback(found)
        if self._spent:
            self._call_later(0, self._begin_turn)

    def _worked_out(self, job: _Job, exchange: Exchange) -> Pass | Deny:
        told: Told = []
        return self._verdict(self.censor.work_out(*job, told), exchange, told)

    def _verdict(self, decision: Decision, exchange: Exchange, told: Told) -> Pass | Deny:
        for sink, path, text in told:
            sink(path, text)
        if decision.allowed and decision.code == events.QUERY_PARSE_ERROR:
            _tell_unparsed(exchange)
        self._files.await_reply(exchange)
        self._count(decision, exchange)
        return PASS if decision.allowed else _denied(decision, exchange)

    def _count(self, decision: Decision, exchange: Exchange) -> None:
        if not self.censor.idle:
            client_id = exchange.session.identity.client_id
            self.censor.hits.count(decision, exchange.opened, client_id)

    def rule_hits(self) -> list[dict[str, Any]]:
        """Return what each rule in force has decided: see `censor.hits`."""
        return self.censor.hits.shown()

    # -- rules ------------------------------------------------------------------------------------

    def reload(self) -> Any:
        """Read the rules anew, in a thread if there are any: then the result is a Deferred.

        Raises ConfigError; those in force stay then, and until the others are whole.  Statements
        that were prepared stay prepared: they were decided when they were.
        """
        if self._workers is None:
            self.put_in_force(self.compiled())
            return None
        reading: Deferred[Censor] = self._workers.run(uncollected, self.compiled)
        return reading.addCallback(self.put_in_force)

    def compiled(self) -> Censor:
        """The rules as they are written now.  Raises ConfigError.  Changes nothing."""
        from acra_twisted.censor.engine import Censor

        files = self._files
        return Censor(self._language, self._read(), files.capture, files.write, *self._limits)

    def put_in_force(self, censor: Censor) -> None:
        """Decide by these rules from now on.  Raises ConfigError if a file cannot be written."""
        given = censor.rules
        paths = {h.filepath for h in given.handlers if h.kind == rules.CAPTURE}
        paths |= {given.parse_errors_log} if given.parse_errors_log else set()
        self._files.open(paths)
        self.censor = censor
        for remark in censor.remarks:
            _log.warn("{event_text}", event_text=remark, code=events.INSECURE_SETTING)
        if given.idle:
            _log.warn(
                "{event_text}",
                event_text="AcraCensor has no handlers: every statement is allowed",
                code=events.INSECURE_SETTING,
            )

    # -- start and end ----------------------------------------------------------------------------

    def start(self, reactor: Any, workers: Any = None) -> None:
        """Write the files every second from when the reactor runs.  ``workers`` do what is long."""
        self._workers = workers
        self._call_later = reactor.callLater
        self._files.start(reactor)

    def stop(self) -> None:
        """Write what is left."""
        self._files.stop()


classImplements(CensorStage, ISelectiveStatementStage, IReloadable)

"""Trace contexts in settings of a session: what applications SET before their statements.

``SET application_name = '00-...'`` is OpenTelemetry's way for PostgreSQL, pg_tracing has a
setting of its own, and so have we.  The requests that follow go on with such a context until it
changes.  What a statement sets holds at once for the requests behind it, and for good when the
database has done it; what was rolled back, or set LOCAL, ends with its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from acra_twisted.errors import LexError
from acra_twisted.exchange import Exchange
from acra_twisted.session import IDLE, Session
from acra_twisted.sql import lexer, settings
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import postgresql_value
from acra_twisted.sql.tags import context_in_value
from acra_twisted.wire.link.tracecontext import TraceContext

APPLICATION_NAME: Final = b"application_name"
#: Settings that may hold a context; of several in a startup packet the first one holds.
NAMES: Final = (b"acra.traceparent", b"pg_tracing.trace_context", APPLICATION_NAME)
_TEXT_LIMIT: Final = 4096
#: The database cuts application_name, and reports no more of it.
_NAME_LIMIT: Final = 63
_SET_CONFIG: Final = b"set_config"
_TRUE: Final = frozenset((b"true", b"t", b"yes", b"y", b"on", b"1"))
_EVERYTHING: Final = b""


class Change(NamedTuple):
    """A change of the setting ``name`` (empty: of all): its ``context`` (None: it has none), or
    that in the parameter of this ``number``; ``resets`` it, ``is_local`` to the transaction."""

    name: bytes
    context: TraceContext | None = None
    number: int = 0
    resets: bool = False
    is_local: bool = False


class Changes(NamedTuple):
    """All that a text sets; ``alone`` if it does nothing else."""

    changes: tuple[Change, ...]
    alone: bool

    @property
    def by_parameter(self) -> bool:
        """True if a value comes with Bind."""
        return any(change.number for change in self.changes)

    def with_parameters(self, values: Sequence[bytes | None]) -> Changes:
        """The same with what parameters hold."""
        return Changes(tuple([_given(change, values) for change in self.changes]), self.alone)


def _given(change: Change, values: Sequence[bytes | None]) -> Change:
    if not change.number:
        return change
    value = values[change.number - 1] if change.number <= len(values) else None
    return change._replace(context=context_in_value(value or b"")[0], number=0)


def read_changes(text: bytes, conforming: bool | None) -> Changes | None:
    """Read how a statement changes settings that may hold a context; None if it does not."""
    if len(text) > _TEXT_LIMIT:
        return None
    try:
        tokens = lexer.tokens(text, conforming)
    except LexError:
        return None
    found: list[Change] = []
    alone = True
    for words in _statements(text, tokens):
        changes = list(_changes(words, conforming is not False))
        sets = bool(changes) or _lower(words[0]) in (b"set", b"reset", b"discard")
        alone = alone and sets
        found += changes
    return Changes(tuple(found), alone) if found else None


#: A token's kind and its bytes.
_Word = tuple[str, bytes]


def _statements(text: bytes, tokens: list[Token]) -> Iterator[list[_Word]]:
    words: list[_Word] = []
    for kind, start, end in tokens:
        word = text[start:end]
        if kind == lexer.OPERATOR and word == b";":
            if words:
                yield words
            words = []
        elif kind != lexer.COMMENT:
            words.append((kind, word))
    if words:
        yield words


def _lower(word: _Word) -> bytes:
    """A keyword or a name as the database takes it."""
    kind, text = word
    if kind == lexer.QUOTED:
        return text[1:-1].replace(b'""', b'"')
    return text.lower() if kind == lexer.WORD else b""


def _changes(words: list[_Word], conforming: bool) -> Iterator[Change]:
    first = _lower(words[0])
    if first == b"set":
        yield from _set(words[1:], conforming)
    elif first == b"reset":
        name, _ = _name(words[1:])
        if name == b"all" or name in NAMES:
            yield Change(_EVERYTHING if name == b"all" else name, resets=True)
    elif first == b"discard" and _lower(words[-1]) == b"all":
        yield Change(_EVERYTHING, resets=True)
    else:
        for at, word in enumerate(words):
            if _lower(word) == _SET_CONFIG and words[at + 1 : at + 2] == [(lexer.OPERATOR, b"(")]:
                yield from _called(words[at + 2 :], conforming)


def _name(words: list[_Word]) -> tuple[bytes, list[_Word]]:
    """A setting's name, and what stands behind it."""
    name, words = _lower(words[0]) if words else b"", words[1:]
    while len(words) > 1 and words[0] == (lexer.OPERATOR, b"."):
        name, words = name + b"." + _lower(words[1]), words[2:]
    return name.lower(), words


def _set(words: list[_Word], conforming: bool) -> Iterator[Change]:
    """SET [SESSION | LOCAL] name { = | TO } { value | DEFAULT }."""
    scope = _lower(words[0]) if len(words) > 1 and words[1][0] != lexer.OPERATOR else b""
    if scope in (b"session", b"local"):
        words = words[1:]
    name, words = _name(words)
    if name not in NAMES or not words:
        return
    if words[0] != (lexer.OPERATOR, b"=") and _lower(words[0]) != b"to":
        return
    value = words[1:]
    is_local = scope == b"local"
    if len(value) == 1 and value[0][0] == lexer.WORD and _lower(value[0]) == b"default":
        yield Change(name, resets=True, is_local=is_local)
    else:
        context = context_in_value(_text(value[0], conforming))[0] if len(value) == 1 else None
        yield Change(name, context, is_local=is_local)


def _called(words: list[_Word], conforming: bool) -> Iterator[Change]:
    """set_config(name, value, is_local)."""
    arguments: list[list[_Word]] = [[]]
    depth = 0
    for kind, text in words:
        if kind == lexer.OPERATOR and text in (b"(", b")"):
            depth += 1 if text == b"(" else -1
            if depth < 0:
                break
        if depth == 0 and (kind, text) == (lexer.OPERATOR, b","):
            arguments.append([])
        else:
            arguments[-1].append((kind, text))
    if len(arguments) != 3 or not all(arguments):
        return
    (name, *_), (value, *_), (local, *_) = arguments
    setting = _text(name, conforming).lower() if name[0] in lexer.LITERALS else b""
    if setting not in NAMES:
        return
    is_local = (_text(local, conforming) or _lower(local)).lower() in _TRUE
    if value[0] == lexer.PARAMETER:
        yield Change(setting, number=int(value[1][1:6]), is_local=is_local)
    else:
        yield Change(setting, context_in_value(_text(value, conforming))[0], is_local=is_local)


def _text(word: _Word, conforming: bool) -> bytes:
    """A value as it is set."""
    kind, text = word
    if kind in lexer.LITERALS:
        return postgresql_value(kind, text, conforming)[1]
    return _lower(word)


#: Values by setting, in the order in which they were set.
_Values = dict[bytes, "TraceContext | None"]


def _apply(values: _Values, change: Change) -> None:
    if change.name == _EVERYTHING:
        values.clear()
        return
    values.pop(change.name, None)
    if not change.resets:
        values[change.name] = change.context


class ContextSettings:
    """Keeps ``session.context`` what it is by the settings in force.

    ``at_startup`` are those of the startup packet, which hold again where a setting is reset, and
    stand behind all that were set since.
    """

    def __init__(self, session: Session, at_startup: _Values) -> None:
        self._session = session
        self._at_startup = at_startup
        self._values: _Values = {}
        # The value after a rollback or a commit of the transaction.
        self._before: _Values | None = None
        self._committed: _Values = {}
        self._rolled_back = False
        # Sent, and not answered yet.
        self._pending: list[tuple[Exchange, Changes]] = []
        self._reported: TraceContext | None = None
        self._is_reported = False
        self._settle()

    def sent(self, exchange: Exchange, changes: Changes) -> None:
        """A request that sets something is on its way."""
        self._pending.append((exchange, changes))
        self._settle()

    def closed(self, exchange: Exchange) -> None:
        """A request has ended: what it has set holds, if it went well."""
        done = [changes for other, changes in self._pending if other is exchange]
        if not done:
            return
        self._pending = [entry for entry in self._pending if entry[0] is not exchange]
        if exchange.outcome == "ok":
            if self._before is None:
                self._before, self._committed = dict(self._values), dict(self._values)
            for changes in done:
                for change in changes.changes:
                    _apply(self._values, change)
                    if not change.is_local:
                        _apply(self._committed, change)
        self._settle()

    def completed(self, tag: bytes) -> None:
        """A command has ended, by its tag."""
        self._rolled_back = tag == b"ROLLBACK"

    def ready(self) -> None:
        """The database waits for the next request; between transactions what was local is over."""
        if self._session.transaction != IDLE:
            return
        if self._before is not None:
            self._values = self._before if self._rolled_back else self._committed
            self._before = None
            if self._is_reported:
                self._take_report()
        self._rolled_back = False
        self._settle()

    def reported(self, value: bytes) -> None:
        """The database says what application_name is now, however it came to be."""
        # Of a value that it has cut the statement knew more.
        if len(value) >= _NAME_LIMIT:
            return
        self._reported = context_in_value(value)[0]
        self._is_reported = True
        self._take_report()
        self._settle()

    def _take_report(self) -> None:
        known = self._values.get(APPLICATION_NAME, self._at_startup.get(APPLICATION_NAME))
        if known == self._reported:
            return
        change = Change(APPLICATION_NAME, self._reported)
        _apply(self._values, change)
        if self._before is not None:
            _apply(self._committed, change)

    def _settle(self) -> None:
        values = dict(self._values)
        for _, changes in self._pending:
            for change in changes.changes:
                _apply(values, change)
        contexts = [context for context in reversed(values.values()) if context is not None]
        contexts += [
            context
            for name, context in self._at_startup.items()
            if context is not None and name not in values
        ]
        self._session.context = contexts[0] if contexts else None


def report(session: Session, value: bytes) -> None:
    """The database has said what application_name is, of a session that may not have set any."""
    if session.settings is None:
        if context_in_value(value)[0] is None:
            return
        session.settings = ContextSettings(session, {})
    session.settings.reported(value)


def note_parameter(session: Session, name: bytes, value: bytes) -> None:
    """Keep a setting that the database has reported, if texts are read by it."""
    if name in settings.FOLLOWED:
        session.parameters = {**session.parameters, name: settings.kept(value)}
        session.conforming = settings.conforming(session.parameters)
    elif name == APPLICATION_NAME and session.ready:
        report(session, value)

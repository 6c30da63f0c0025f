"""The decision on a text: the same for the stage and for the tools.

    text -> kept by whole text? -> kept by skeleton? -> long lists cut -> lexer, limits, parser
         -> handlers in order

`Censor.known` looks up and is soon done.  `Censor.work_out` takes as long as the text is large, and
may be called in a thread: it changes nothing but what it is given and the caches.

Nothing that a rule says overrules what is refused before the rules: text that cannot be split
into tokens, that exceeds a limit, or that is written in an encoding that cannot be read safely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted import events
from acra_twisted.cache import GenerationCache
from acra_twisted.censor import rules
from acra_twisted.censor.handlers import CompiledHandler, Decision, Step
from acra_twisted.censor.patterns import literal_values
from acra_twisted.censor.rules import Rules
from acra_twisted.errors import LexError, TooCostlyError, UnscannableError
from acra_twisted.model import Statement
from acra_twisted.sql import folding, lexer, names, skeleton, tree
from acra_twisted.sql.languages import Limits, Mode, bound, normal
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import Value
from acra_twisted.sql.redact import UNREADABLE, hide
from acra_twisted.sql.tree import Parsed, Table, UnparsableError

#: Larger texts are decided each time.
_KEY_LIMIT: Final = 64 << 10
_TEXT_LIMIT: Final = 2 << 10
#: From this size on, bytes, long lists of a text are cut before it is parsed.
_FOLDED_FROM: Final = 4 << 10
#: What joins the elements of a list in a rule.
_JOINTS: Final = re.compile(r",|[-+*]|\|\||\b(?:OR|AND|WHEN)\b", re.IGNORECASE)

NO_RULE: Final = Decision(True, "default", "no rule decides")
NO_STATEMENT: Final = Decision(True, "empty", "no statement")
NOT_READ: Final = Decision(True, "idle", "there are no rules")
NOT_PARSED: Final = Decision(
    False, "parse_error", "it cannot be parsed", code=events.QUERY_PARSE_ERROR
)

#: What `Decision.by` can be for a refusal: the labels of the metric.
DENIALS: Final = (
    *("refused", "parse_error", "denyall"),
    *("deny.query", "deny.table", "deny.pattern", "deny.opaque", "deny.names"),
)

#: Told of a statement to capture (path, redacted text) and of one that cannot be parsed.
Sink = Callable[[str, str], None]
#: Sinks and what they are to be told: path, redacted text.
Told = list[tuple[Sink, str, str]]
#: Prepared statements of a session by name, with the tables that they reach.
Prepared = dict[str, frozenset[Table]]


class Plan:
    """For every text of one skeleton: the steps of each of its statements.

    ``fixed`` is the decision where it does not depend on literals.
    """

    __slots__ = ("statements", "tables", "fixed")

    def __init__(
        self, statements: tuple[tuple[Step, ...], ...], tables: frozenset[Table] = frozenset()
    ) -> None:
        self.statements = statements
        self.tables = tables
        plain = all(not steps or steps[0].final is not None for steps in statements)
        self.fixed = self.decide(b"", list) if plain else None

    def decide(self, text: bytes, values: Callable[[], list[Value]]) -> Decision:
        """Every statement must be allowed.  ``values`` are the text's literals by ordinal."""
        decision = NO_STATEMENT
        known: list[Value] | None = None
        for steps in self.statements:
            decision = NO_RULE
            for ordinals, decisions, texts, final in steps:
                if final is not None:
                    decision = final
                    break
                if texts is not None:
                    found = texts.get(text)
                elif decisions is not None:
                    known = values() if known is None else known
                    found = decisions.get(tuple([known[n] for n in ordinals]))
                if found is not None:
                    decision = found
                    break
            if not decision.allowed:
                return decision
        return decision


class _Outcome(NamedTuple):
    """``whole``: no literal decides what the statements are, so that those left out do not."""

    plan: Plan
    whole: bool
    cacheable: bool
    stateful: bool
    made: Prepared


class Censor:
    """Rules for one database.  Raises ConfigError where a rule cannot be used.

    ``captured`` and ``unparsable`` are told once for each different text that is seen anew.
    """

    def __init__(
        self,
        language: Any,
        given: Rules,
        captured: Sink = lambda path, text: None,
        unparsable: Sink = lambda path, text: None,
        cache_entries: int = 4096,
        cache_bytes: int = 8 << 20,
        limits: Limits = Limits(),  # noqa: B008 (a constant)
    ) -> None:
        self.language = language
        self._costs = limits
        self.rules = given
        self._handlers = [
            CompiledHandler(
                language, handler, number, given.value_matches_functions, given.ignore_parse_error
            )
            for number, handler in enumerate(given.handlers, 1)
        ]
        #: What a person should know of the rules: a line each.
        self.remarks = [remark for one in self._handlers for remark in one.remarks]
        self.remarks += _without_effect(given)
        #: Whether what is allowed by names without a schema must go on meaning the same tables.
        self.guards_names = _guards_names(self._handlers)
        #: The same, where no rule lets a client change them.
        self.keeps_names = self.guards_names and not any(h.moves_names for h in self._handlers)
        self._captured = captured
        self._unparsable = unparsable
        self._limits = (cache_entries, cache_bytes // 4)
        self.forget()
        self.idle = given.idle
        self._beyond_ascii = any(
            not entry.text.isascii()
            for handler in given.handlers
            for entry in (*handler.queries, *handler.tables, *handler.patterns)
        )
        #: Elements of a list that are read: more than any list of a rule has.
        self._keep = 2 + max(
            (
                len(_JOINTS.findall(entry.text))
                for handler in given.handlers
                for entry in (*handler.queries, *handler.patterns)
            ),
            default=0,
        )
        self._name_quote = language.quote
        self._double_quotes = language.name == "mysql"

    def forget(self) -> None:
        """Drop every decision that is kept: the next ones are worked out anew."""
        self._texts: GenerationCache[bytes, Decision] = GenerationCache(*self._limits)
        self._plans: GenerationCache[bytes, Plan] = GenerationCache(*self._limits)

    def decide(
        self,
        text: bytes,
        mode: Mode | None = None,
        prepared: Prepared | None = None,
        name: str = "",
        statement: Statement | None = None,
    ) -> Decision:
        """The decision on a text.  Never raises for what a client can send.

        ``prepared`` belongs to the session: it is asked for EXECUTE, and told of PREPARE and of
        the text's own ``name`` if it has one.  ``statement``, whose text it is, gets the skeleton.
        """
        mode = self.language.mode if mode is None else mode
        decision = self.known(text, mode, prepared, name, statement)
        if decision is None:
            told: Told = []
            decision = self.work_out(text, mode, prepared, name, told)
            for sink, path, shown in told:
                sink(path, shown)
        return decision

    def known(
        self,
        text: bytes,
        mode: Mode,
        prepared: Prepared | None = None,
        name: str = "",
        statement: Statement | None = None,
    ) -> Decision | None:
        """The decision if it is kept, else None."""
        if self.idle:
            return NOT_READ
        if mode.whole and not name:
            kept = self._texts.get(text)
            if kept is not None:
                return kept
        if not mode.default or mode.backslash is None or len(text) > _KEY_LIMIT:
            return None
        found = skeleton.split(text, self._name_quote)
        if found is None:
            return None
        if statement is not None:
            statement.skeleton = found
        plan = self._plans.get(found[0])
        if plan is None:
            return None
        decision = plan.fixed or plan.decide(text, lambda: _plain_values(found[1]))
        if found[1] and not name:
            return decision
        return self._kept(text, decision, plan, prepared, name, not found[1])

    def work_out(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        """The decision on a text that is not known.  ``told`` gets what sinks are to be told."""
        try:
            if len(text) > self._costs.max_text:
                raise TooCostlyError(
                    f"{len(text)} bytes, max_text allows {self._costs.max_text}", 0
                )
            if mode.backslash is None:
                return self._decide_either_way(text, mode, prepared, name, told)
            return self._decide(text, mode, prepared, name, told)
        except TooCostlyError as costly:
            why = f"the statement is too large to analyse: {costly.why} in [stage:censor]"
            return Decision(False, "refused", why)
        except UnscannableError:
            # No server runs any part of it, so that it does not matter what it names.
            return _passing(self._by_text(text)) if self.rules.ignore_parse_error else NOT_PARSED
        except LexError as error:
            return Decision(False, "refused", error.why)

    def _decide_either_way(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        """While a setting may be changing: only what is allowed by all its values is allowed.

        Which characters bytes above 127 are is not known either, only that they are none of
        ASCII: that is enough where no rule has others.
        """
        if not text.isascii() and self._beyond_ascii:
            raise LexError("characters beyond ASCII, in an encoding that may be changing", 0)
        usual = normal(text, mode)
        for kind, start, end in self._tokens(usual, mode):
            if kind in _NAME_KINDS and not usual[start:end].isascii():
                if mode.names or end - start >= names.CERTAIN_BYTES:
                    raise LexError("a name in an encoding that may be changing", start)
        decision = self._decide(text, mode._replace(backslash=False), prepared, name, told)
        if decision.allowed and b"\\" in text:
            other = mode._replace(backslash=True, default=False)
            decision = self._decide(text, other, prepared, name, told)
        return decision

    def _tokens(self, text: bytes, mode: Mode) -> list[Token]:
        limit = self._costs.max_tokens
        try:
            found: list[Token] = self.language.tokens(text, mode, limit)
        except TooCostlyError as error:
            raise TooCostlyError(
                f"more than {limit} tokens, which max_tokens allows", error.position
            ) from None
        return found

    def _decide(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        known = self.known(text, mode, prepared, name)
        if known is not None:
            return known
        whole = normal(text, mode)
        folded = self._folded(whole, mode)
        decision = None
        if folded is not None:
            decision = self._decide_usual(text, folded, mode, prepared, name, told)
        if decision is None:
            usual = folding.Folded(whole, True, False)
            decision = self._decide_usual(text, usual, mode, prepared, name, told)
        return decision or NO_STATEMENT

    def _decide_usual(
        self,
        text: bytes,
        folded: folding.Folded,
        mode: Mode,
        prepared: Prepared | None,
        name: str,
        told: Told,
    ) -> Decision | None:
        """None if more has to be read of the text than what is left of it."""
        usual = folded.text
        tokens = self._tokens(usual, mode)
        bound(self.language, usual, tokens, self._costs.max_structure)
        key = _full_key(usual, tokens, mode)
        if not folded.alike:
            key = b"\0rows" + key
        values = _Values(self.language, usual, tokens, mode)
        plan = self._plans.get(key)
        if plan is not None:
            if plan.fixed is not None:
                self._keep_plain(text, mode, plan)
            return self._kept(text, plan.decide(text, values), plan, prepared, name, False)
        telling: Told = []
        try:
            outcome = self._plan(usual, tokens, mode, prepared, folded.alike, telling)
        except UnparsableError:
            if folded.cut:
                return None
            decision = self._undecided(text, usual, tokens, mode, told)
            return self._kept(text, decision, None, prepared, name, mode.whole)
        if folded.cut and not outcome.whole:
            return None
        told += telling
        plan = outcome.plan
        if outcome.cacheable:
            if len(key) <= _KEY_LIMIT:
                self._plans.put(key, plan)
            if not folded.cut or plan.fixed is not None:
                # Where no literal decides it does not matter that not all of them are read.
                self._keep_plain(text, mode, plan)
        decision = plan.decide(text, values)
        if decision.allowed and prepared is not None:
            for other, tables in outcome.made.items():
                _remember(prepared, other, tables)
        literals = mode.default and _has_plain_literals(text, self._name_quote)
        keeps = not outcome.stateful and (not outcome.cacheable or not literals) and mode.whole
        return self._kept(text, decision, plan, prepared, name, keeps)

    def _folded(self, text: bytes, mode: Mode) -> folding.Folded | None:
        """A long text with its long lists cut; None if there are none."""
        if len(text) < _FOLDED_FROM:
            return None
        cut = folding.cut_plain(text, self._name_quote) if mode.default else None
        if cut is not None:
            # By regular expressions: a tenth of what the lexer takes for drivers' bulk inserts.
            folded = folding.fold(text, cut, self._keep)
            if folding.is_plain(folded.text, self._name_quote):
                return folded if folded.cut else None
        cut = folding.cut_tokens(text, self._tokens(text, mode))
        if cut is None:
            return None
        folded = folding.fold(text, cut, self._keep)
        return folded if folded.cut else None

    def _keep_plain(self, text: bytes, mode: Mode, plan: Plan) -> None:
        """Keep a plan by the skeleton of its text, too."""
        if mode.default and len(text) <= _KEY_LIMIT:
            found = skeleton.split(text, self._name_quote)
            if found is not None and skeleton.is_plain(found[2]):
                self._plans.put(found[0], plan)

    def _kept(
        self,
        text: bytes,
        decision: Decision,
        plan: Plan | None,
        prepared: Prepared | None,
        name: str,
        keeps: bool,
    ) -> Decision:
        if name and prepared is not None and decision.allowed:
            _remember(prepared, name, plan.tables if plan is not None else frozenset())
        # Only what means the same in every mode may be found by its whole text.
        if (
            keeps
            and len(text) <= _TEXT_LIMIT
            and text.isascii()
            and b"\\" not in text
            and not (self._double_quotes and b'"' in text)
        ):
            self._texts.put(text, decision)
        return decision

    # -- a statement that is new ------------------------------------------------------------------

    def _plan(
        self,
        text: bytes,
        tokens: list[Token],
        mode: Mode,
        prepared: Prepared | None,
        by_form: bool,
        told: Told,
    ) -> _Outcome:
        parsed = self.language.parse(text, tokens, mode)
        statements, tables = [], set()
        stateful = False
        session: Prepared = {} if prepared is None else prepared
        made: Prepared = {}
        for one in parsed:
            if one.refused:
                raise LexError(one.refused, 0)
            if one.executes:
                stateful = True
                known = made.get(one.executes, session.get(one.executes))
                if known is None:
                    one.opaque = "EXECUTE of a statement that was not seen prepared"
                else:
                    one.tables |= known
            self.language.compare(one, mode)
            self._settle(one)
            tables |= one.tables | one.views
            statements.append(tuple(self._steps(one, text, tokens, by_form, told)))
            if one.prepares:
                stateful = True
                _remember(made, one.prepares, one.tables | one.views)
        plan = Plan(tuple(statements), frozenset(tables))
        whole = all(one.whole for one in parsed)
        return _Outcome(plan, whole, whole and not stateful, stateful, made)

    def _settle(self, parsed: Parsed) -> None:
        """Apply what the rules say of unknown functions and of statistics."""
        if self.rules.statistics == rules.ALLOW:
            parsed.values = ""
        policy = self.rules.unknown_functions
        if policy == rules.ALLOW:
            parsed.unknown = frozenset()
        elif policy == rules.DENY:
            parsed.unknown |= parsed.unsure
            if parsed.unknown:
                parsed.values = f"{min(parsed.unknown)} is not known (unknown_functions: deny)"

    def _steps(
        self, parsed: Parsed, text: bytes, tokens: list[Token], by_form: bool, told: Told
    ) -> list[Step]:
        form = tree.shape(parsed.tree)
        found: list[Step] = []
        for handler in self._handlers:
            if handler.kind == rules.CAPTURE:
                told.append((self._captured, handler.filepath, hide(text, tokens, _KEY_LIMIT)))
                continue
            steps = handler.steps(parsed, form)
            if not by_form and handler.kind == rules.ALLOW:
                # Some of what was left out is no value: the form of the rest permits nothing.
                steps = [s for s in steps if s.final is not None and s.final.by == "allow.table"]
            found += steps
            if found and found[-1].final is not None:
                return found
        if self.guards_names and parsed.moves:
            found.append(Step(final=Decision(False, "deny.names", parsed.moves)))
        return found

    def _shown(self, text: bytes, tokens: list[Token], mode: Mode) -> str:
        """Return what a file may hold of an unparsable text: nothing, if a quote in it was to be
        escaped and is not."""
        if mode.backslash is False and b"\\'" in text:
            try:
                self.language.tokens(text, mode._replace(backslash=None))
            except LexError:
                return UNREADABLE
        return hide(text, tokens, _KEY_LIMIT)

    def _undecided(
        self, text: bytes, usual: bytes, tokens: list[Token], mode: Mode, told: Told
    ) -> Decision:
        """A text that cannot be parsed."""
        path = self.rules.parse_errors_log
        if path:
            told.append((self._unparsable, path, self._shown(usual, tokens, mode)))
        if not self.rules.ignore_parse_error:
            return NOT_PARSED
        found = self.language.words(usual, tokens)
        if self.rules.unknown_functions == rules.DENY:
            # Which of its words are functions is not known.
            found = found._replace(is_unseen=True)
        for handler in self._handlers:
            denied = handler.words_denied(found, mode.names)
            if denied is not None:
                return denied
        return _passing(self._by_text(text))

    def _by_text(self, text: bytes) -> Decision:
        """Decide by the rules that act without a tree."""
        steps: list[Step] = []
        for handler in self._handlers:
            steps += handler.text_steps()
        return Plan((tuple(steps),)).decide(text, list)


def _passing(decision: Decision) -> Decision:
    """The decision on a text that cannot be parsed; if it passes, somebody is told."""
    return decision._replace(code=events.QUERY_PARSE_ERROR) if decision.allowed else decision


def _guards_names(handlers: Sequence[CompiledHandler]) -> bool:
    """Whether something is allowed by names without a schema that is denied under others."""
    trusts = False
    for handler in handlers:
        if trusts and handler.closes:
            return True
        trusts = trusts or handler.trusts_names
    return False


def _without_effect(given: Rules) -> list[str]:
    """Settings of the rules that no handler asks for: a line each."""
    deciding = [one for one in given.handlers if one.tables or one.patterns]
    found = []
    if given.unknown_functions and not deciding:
        found.append(
            f"unknown_functions: {given.unknown_functions} has no effect: it is for handlers with "
            "tables or patterns"
        )
    if given.statistics == rules.ALLOW and all(one.kind != rules.DENY for one in deciding):
        found.append(
            "statistics: allow has no effect: it is for deny handlers with tables or patterns"
        )
    return found


def _remember(prepared: Prepared, name: str, tables: frozenset[Table]) -> None:
    """A name that was prepared before may still mean the older statement: both count."""
    if name in prepared:
        prepared[name] |= tables
    elif len(prepared) < 1000:
        prepared[name] = tables


def _plain_values(literals: Iterable[bytes]) -> list[Value]:
    return [("string", one[1:-1]) if one[0] == 0x27 else ("number", one) for one in literals]


def _has_plain_literals(text: bytes, quote: bytes) -> bool:
    found = skeleton.split(text, quote) if len(text) <= _TEXT_LIMIT else None
    return found is not None and bool(found[1])


class _Values:
    """The literals of a text by ordinal, worked out when they are asked for."""

    __slots__ = ("_arguments",)

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments

    def __call__(self) -> list[Value]:
        return literal_values(*self._arguments)


_NAME_KINDS: Final = frozenset((lexer.WORD, lexer.QUOTED, lexer.UNICODE_QUOTED))
_SCANNED: Final = frozenset((lexer.ESCAPE, lexer.UNICODE, lexer.STRING))


def _full_key(text: bytes, tokens: list[Token], mode: Mode) -> bytes:
    """The tokens with marks for literals.  No other key begins with NUL."""
    parts = [b"\0%d%d%b" % (mode.backslash is not False, mode.ansi, mode.names.encode())]
    number_end = 0
    for kind, start, end in tokens:
        if kind in lexer.LITERALS:
            number_end = end if kind == lexer.NUMBER else 0
            parts.append(b"\x01" + kind.encode())
            literal = text[start:end]
            if kind in _SCANNED and (kind == lexer.UNICODE or b"\\" in literal):
                # Whether such a literal is one depends on what stands in it.
                parts.append(literal)
            elif b"--" in literal:
                # One that goes on behind a comment: PostgreSQL reads it, libpg_query does not.
                parts.append(literal)
        elif kind != lexer.COMMENT:
            # A number and a word in one are none of both to newer servers.
            parts.append(text[start:end] if start != number_end else b"\x03" + text[start:end])
    return b"\x02".join(parts)

"""Parses a text that is new, compares its statements with every rule, and makes a plan of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from acra_twisted import events
from acra_twisted.censor import rules
from acra_twisted.censor.handlers import CompiledHandler, Decision, Step
from acra_twisted.censor.plan import Outcome, Plan, Prepared, remember
from acra_twisted.censor.rules import Rules
from acra_twisted.errors import LexError
from acra_twisted.sql import tree
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.redact import UNREADABLE, hide
from acra_twisted.sql.tree import Parsed

#: Bytes of the longest text whose plan is kept; longer ones are decided each time.
KEY_LIMIT: Final = 64 << 10
NOT_PARSED: Final = Decision(
    False, "parse_error", "it cannot be parsed", code=events.QUERY_PARSE_ERROR
)

#: Told of a statement to capture (path, redacted text) and of one that cannot be parsed.
Sink = Callable[[str, str], None]
#: Sinks and what they are to be told: path, redacted text.
Told = list[tuple[Sink, str, str]]


class Planner:
    """Applies the rules of a database in one language to texts that are not known.

    Raises ConfigError where a rule cannot be used.  A text that a handler captures is for
    ``captured``, one that cannot be parsed for ``unparsable``: both are put into the `Told` that
    a method gets, and the caller tells them.
    """

    def __init__(self, language: Any, given: Rules, captured: Sink, unparsable: Sink) -> None:
        self._language = language
        self._rules = given
        self._handlers = [
            CompiledHandler(
                language, handler, number, given.value_matches_functions, given.ignore_parse_error
            )
            for number, handler in enumerate(given.handlers, 1)
        ]
        #: What a person should know of the rules: a line each.
        self.remarks = [remark for one in self._handlers for remark in one.remarks]
        self.remarks += _without_effect(given)
        # Whether tables that are allowed by names without a schema must stay the same tables.
        self._guards_names = _guards_names(self._handlers)
        #: The same, where no rule lets a client change them.
        self.keeps_names = self._guards_names and not any(h.moves_names for h in self._handlers)
        self._captured = captured
        self._unparsable = unparsable

    def plan(
        self,
        text: bytes,
        tokens: list[Token],
        mode: Mode,
        prepared: Prepared | None,
        by_form: bool,
        told: Told,
    ) -> Outcome:
        """Make the plan of a text.  Raises UnparsableError, and LexError for a text that is refused
        whatever the rules say.

        ``by_form``: the literals that were left out of the text are values and nothing else.
        ``prepared`` are the statements that the session has prepared; it is not changed.
        """
        parsed = self._language.parse(text, tokens, mode)
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
            self._language.compare(one, mode)
            self._settle(one)
            tables |= one.tables | one.views
            statements.append(tuple(self._steps(one, text, tokens, by_form, told)))
            if one.prepares:
                stateful = True
                remember(made, one.prepares, one.tables | one.views)
        plan = Plan(tuple(statements), frozenset(tables))
        whole = all(one.whole for one in parsed)
        return Outcome(plan, whole, whole and not stateful, stateful, made)

    def _settle(self, parsed: Parsed) -> None:
        """Apply what the rules say of unknown functions and of statistics."""
        if self._rules.statistics == rules.ALLOW:
            parsed.values = ""
        policy = self._rules.unknown_functions
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
                told.append((self._captured, handler.filepath, hide(text, tokens, KEY_LIMIT)))
                continue
            steps = handler.steps(parsed, form)
            if not by_form and handler.kind == rules.ALLOW:
                # Some of what was left out is no value: the form of the rest permits nothing.
                steps = [s for s in steps if s.final is not None and s.final.by == "allow.table"]
            found += steps
            if found and found[-1].final is not None:
                return found
        if self._guards_names and parsed.moves:
            found.append(Step(final=Decision(False, "deny.names", parsed.moves)))
        return found

    def _shown(self, text: bytes, tokens: list[Token], mode: Mode) -> str:
        """Return what a file may hold of an unparsable text: nothing, if a quote in it was to be
        escaped and is not."""
        if mode.backslash is False and b"\\'" in text:
            try:
                self._language.tokens(text, mode._replace(backslash=None))
            except LexError:
                return UNREADABLE
        return hide(text, tokens, KEY_LIMIT)

    def undecided(
        self, text: bytes, usual: bytes, tokens: list[Token], mode: Mode, told: Told
    ) -> Decision:
        """Decide a text that cannot be parsed by its words, then as `without_tree` does.

        ``usual`` is the text as ``tokens`` were read of it.
        """
        path = self._rules.parse_errors_log
        if path:
            told.append((self._unparsable, path, self._shown(usual, tokens, mode)))
        if not self._rules.ignore_parse_error:
            return NOT_PARSED
        found = self._language.words(usual, tokens)
        if self._rules.unknown_functions == rules.DENY:
            # Which of its words are functions is not known.
            found = found._replace(is_unseen=True)
        for handler in self._handlers:
            denied = handler.words_denied(found, mode.names)
            if denied is not None:
                return denied
        return self.without_tree(text)

    def without_tree(self, text: bytes) -> Decision:
        """Decide a text that has no tree by the rules that need none.

        It is refused unless ``ignore_parse_error`` is on; one that passes has the code of an event.
        """
        if not self._rules.ignore_parse_error:
            return NOT_PARSED
        steps: list[Step] = []
        for handler in self._handlers:
            steps += handler.text_steps()
        decision = Plan((tuple(steps),)).decide(text, list)
        return decision._replace(code=events.QUERY_PARSE_ERROR) if decision.allowed else decision


def _guards_names(handlers: Sequence[CompiledHandler]) -> bool:
    """Return True if rules allow something by names without a schema and deny it by others."""
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

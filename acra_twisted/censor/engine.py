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
from collections.abc import Callable
from typing import Any, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.censor import values
from acra_twisted.censor.fullkey import full_key
from acra_twisted.censor.handlers import Decision
from acra_twisted.censor.hits import RuleHits
from acra_twisted.censor.plan import NO_STATEMENT, KeyedPlan, Plan, Prepared, of_all, remember
from acra_twisted.censor.planner import KEY_LIMIT, Planner, Sink, Told
from acra_twisted.censor.rules import Rules
from acra_twisted.errors import LexError, TooCostlyError, UnscannableError
from acra_twisted.exchange import Statement
from acra_twisted.fast.beginnings import beginnings
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.sql import folding, lexer, names, oddstrings, skeleton
from acra_twisted.sql.languages import Limits, Mode, bound
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.skeleton import Skeleton
from acra_twisted.sql.tree import UnparsableError

#: Longest text, bytes, whose decision is kept by the whole text.
_TEXT_LIMIT: Final = 2 << 10
#: From this size on, bytes, long lists of a text are cut before it is parsed.
_FOLDED_FROM: Final = 4 << 10
#: What joins the elements of a list in a rule.
_JOINTS: Final = re.compile(r",|[-+*]|\|\||\b(?:OR|AND|WHEN)\b", re.IGNORECASE)

NOT_READ: Final = Decision(True, "idle", "there are no rules")


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
        #: Counts decisions by the rule, for whoever applies them.
        self.hits = RuleHits(given)
        self._planner = Planner(language, given, captured, unparsable)
        #: What a person should know of the rules: a line each.
        self.remarks = self._planner.remarks
        #: Whether a client must not change which tables names without a schema mean.
        self.keeps_names = self._planner.keeps_names
        self._limits = (cache_entries, cache_bytes // 4)
        # Modes of which one thing is not known, and the same for texts to which it does not matter.
        self._settled: dict[Mode, Mode] = {}
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
        self._shows_literals = language.name != "mysql"

    def forget(self) -> None:
        """Drop every decision that is kept: the next ones are worked out anew."""
        self._texts: GenerationCache[bytes, Decision] = GenerationCache(*self._limits)
        self._plans: GenerationCache[bytes, KeyedPlan] = GenerationCache(*self._limits)
        # Plans that decide whatever the literals are, by how their texts begin.
        self._near: Any = beginnings()

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
        if COMPILED and not name:
            decision = self._known_nearly(text, mode)
            if decision is not None:
                return decision
        if mode.whole and not name:
            kept = self._texts.get(text)
            if kept is not None:
                return kept
        if mode.ansi is None and b'"' not in text:
            mode = self._without_quotes(mode)
        if not mode.default or mode.backslash is None or len(text) > KEY_LIMIT:
            return None
        found = skeleton.split(text, self._name_quote)
        if found is None:
            return None
        if statement is not None:
            statement.skeleton = found
        kept_plan = self._plans.get(found[0])
        if kept_plan is None:
            return self._known_by_odd_strings(text, mode, prepared, name)
        plan = kept_plan.plan
        if COMPILED and kept_plan.is_plain and plan.fixed is not None:
            self._near.keep(found[0], kept_plan)
        decision = plan.fixed or plan.decide(text, lambda: values.plain(found[1]))
        if found[1] and not name:
            return decision
        return self._kept(text, decision, plan, prepared, name, not found[1])

    def _known_nearly(self, text: bytes, mode: Mode) -> Decision | None:
        """The decision on a text with the skeleton of one that began alike, whose plan decides
        whatever the literals are; else None.  One pass tells, in place of cutting the text and
        looking for two keys."""
        if not mode.default or mode.backslash is None or len(text) > KEY_LIMIT:
            return None
        near: KeyedPlan | None = self._near.find(text)
        if near is None or not skeleton.has_key(text, near.key):
            return None
        return near.plan.fixed

    def _known_by_odd_strings(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str
    ) -> Decision | None:
        """The same for a text whose strings are not all plain."""
        cut = self._odd_strings(text, mode)
        kept = None if cut is None else self._plans.get(cut[0])
        if kept is None or cut is None:
            return None
        plan = kept.plan
        decision = plan.fixed or plan.decide(text, lambda: values.odd(cut[1], self.language, mode))
        return self._kept(text, decision, plan, prepared, name, False)

    def _odd_strings(self, text: bytes, mode: Mode) -> Skeleton | None:
        if mode.backslash != self.language.mode.backslash:
            return None
        if mode.ansi != self.language.mode.ansi and b'"' in text:
            return None
        return oddstrings.cut(text, self.language.name)

    def work_out(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        """The decision on a text that is not known.  ``told`` gets what sinks are to be told."""
        try:
            if len(text) > self._costs.max_text:
                raise TooCostlyError(
                    f"{len(text)} bytes, max_text allows {self._costs.max_text}", 0
                )
            if mode.ansi is None and b'"' not in text:
                mode = self._without_quotes(mode)
            unknown = mode.backslash is None or mode.ansi is None
            decide = self._decide_either_way if unknown else self._decide
            return of_all(
                decide(reading, mode, prepared, name, [] if number else told)
                for number, reading in enumerate(self._read(self.language.readings, text, mode))
            )
        except TooCostlyError as costly:
            why = f"the statement is too large to analyse: {costly.why} in [stage:censor]"
            return Decision(False, "refused", why)
        except UnscannableError:
            # No server runs any part of it, so that it does not matter what it names.
            return self._planner.without_tree(text)
        except LexError as error:
            return Decision(False, "refused", error.why)

    def _without_quotes(self, mode: Mode) -> Mode:
        """The same mode, for texts that do not have what would be read in two ways."""
        found = self._settled.get(mode)
        if found is None:
            default = mode.backslash is not False and mode.encoding == "utf-8"
            found = self._settled[mode] = mode._replace(ansi=False, default=default)
        return found

    def _decide_either_way(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        """While a setting is not known: only what is allowed by all its values is allowed."""
        usual = self._read(self.language.normal, text, mode)
        tokens = self._read(self.language.tokens, usual, mode)
        if mode.backslash is None:
            self._check_characters(text, usual, tokens, mode)
        # Files get what the first reading shows: to it, double quotes enclose values.
        return of_all(
            self._decide(text, reading, prepared, name, [] if number else told)
            for number, reading in enumerate(_readings(text, mode))
        )

    def _check_characters(self, text: bytes, usual: bytes, tokens: list[Token], mode: Mode) -> None:
        """Refuse bytes above 127 where it matters which characters they are.  Raises LexError.

        Nothing is known of them but that they are none of ASCII: that is enough where no rule has
        others.
        """
        if text.isascii():
            return
        if self._beyond_ascii:
            raise LexError("characters beyond ASCII, in an encoding that may be changing", 0)
        for kind, start, end in tokens:
            if kind in _NAME_KINDS and not usual[start:end].isascii():
                if mode.names or end - start >= names.CERTAIN_BYTES:
                    raise LexError("a name in an encoding that may be changing", start)

    def _read(self, how: Callable[..., Any], text: bytes, mode: Mode) -> Any:
        """Ask the language for the tokens of a text, for its readings, or for it in UTF-8."""
        limit = self._costs.max_tokens
        try:
            return how(text, mode, limit)
        except TooCostlyError as error:
            raise TooCostlyError(
                f"more than {limit} tokens, which max_tokens allows", error.position
            ) from None

    def _decide(
        self, text: bytes, mode: Mode, prepared: Prepared | None, name: str, told: Told
    ) -> Decision:
        known = self.known(text, mode, prepared, name)
        if known is not None:
            return known
        whole = self._read(self.language.normal, text, mode)
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
        tokens = self._read(self.language.tokens, usual, mode)
        bound(self.language, usual, tokens, self._costs.max_structure)
        key = full_key(usual, tokens, mode, self._shows_literals)
        if not folded.alike:
            key = b"\0rows" + key
        literals_of = values.Values(self.language, usual, tokens, mode)
        kept = self._plans.get(key)
        if kept is not None:
            plan = kept.plan
            if plan.fixed is not None:
                self._keep_plain(text, mode, plan)
            return self._kept(text, plan.decide(text, literals_of), plan, prepared, name, False)
        telling: Told = []
        try:
            outcome = self._planner.plan(usual, tokens, mode, prepared, folded.alike, telling)
        except UnparsableError:
            if folded.cut:
                return None
            decision = self._planner.undecided(text, usual, tokens, mode, told)
            return self._kept(text, decision, None, prepared, name, mode.whole)
        if folded.cut and not outcome.whole:
            return None
        told += telling
        plan = outcome.plan
        if outcome.cacheable:
            if len(key) <= KEY_LIMIT:
                self._plans.put(key, KeyedPlan(plan, key, False))
            if not folded.cut or plan.fixed is not None:
                # Where no literal decides it does not matter that not all of them are read.
                self._keep_plain(text, mode, plan)
        decision = plan.decide(text, literals_of)
        if decision.allowed and prepared is not None:
            for other, tables in outcome.made.items():
                remember(prepared, other, tables)
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
        cut = folding.cut_tokens(text, self._read(self.language.tokens, text, mode))
        if cut is None:
            return None
        folded = folding.fold(text, cut, self._keep)
        return folded if folded.cut else None

    def _keep_plain(self, text: bytes, mode: Mode, plan: Plan) -> None:
        """Keep a plan by the skeleton of its text, too, or by that of its odd strings."""
        if mode.default and len(text) <= KEY_LIMIT:
            found = skeleton.split(text, self._name_quote)
            if found is None:
                return
            if skeleton.is_plain(found[2]):
                self._plans.put(found[0], KeyedPlan(plan, found[0], True))
                return
            found = self._odd_strings(text, mode)
            if found is not None and skeleton.is_plain(found[2]):
                self._plans.put(found[0], KeyedPlan(plan, found[0], False))

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
            remember(prepared, name, plan.tables if plan is not None else frozenset())
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


def _has_plain_literals(text: bytes, quote: bytes) -> bool:
    found = skeleton.split(text, quote) if len(text) <= _TEXT_LIMIT else None
    return found is not None and bool(found[1])


def _readings(text: bytes, mode: Mode) -> list[Mode]:
    """The modes in which a text may be read."""
    found: list[Mode] = []
    backslash = (False, True) if b"\\" in text else (False,)
    for ansi in (False, True) if mode.ansi is None else (mode.ansi,):
        for escapes in backslash if mode.backslash is None else (mode.backslash,):
            default = mode.default and (mode.backslash is not None or not escapes)
            found.append(mode._replace(backslash=escapes, ansi=ansi, default=default))
    return found


_NAME_KINDS: Final = frozenset((lexer.WORD, lexer.QUOTED, lexer.UNICODE_QUOTED))

"""Plans of whole texts: by the text's skeleton where one is known, else by its tokens and tree.

A plan depends on the values of few literals, such as the length in ``varchar(80)``: it is kept by
the skeleton and those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.plan import SOME_TABLE, Prepared, Refusal, StatementPlan
from acra_twisted.encryption.postgresql import (
    assembly,
    bulk,
    statements,
    statementwords,
    succession,
    syntax,
)
from acra_twisted.encryption.postgresql.analysis import Analysis, Claims, NoClaims
from acra_twisted.encryption.postgresql.concerns import Concerns
from acra_twisted.encryption.postgresql.cursorcommands import CursorCommand, command_of
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.planmemory import UNTOUCHED, Kept, PlanMemory, Planned
from acra_twisted.encryption.postgresql.protection import Protection
from acra_twisted.encryption.postgresql.sessionnames import SessionNames
from acra_twisted.encryption.postgresql.syntax import Statement, Text
from acra_twisted.encryption.postgresql.unconcerned import Unconcerned
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.errors import LexError
from acra_twisted.sql import languages, lexer, names, skeleton
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.skeleton import Skeleton
from acra_twisted.sql.tree import UnparsableError

_LANGUAGE: Final = languages.LANGUAGES["postgresql"]
#: A text that is longer is planned by a worker.
LONG: Final = 16 << 10
#: PostgreSQL's limit of a statement's parameters, and its digits.
_MOST_PARAMETERS: Final = 65_535
_MOST_DIGITS: Final = 5
_NO_STATEMENTS: Final[Mapping[str, Prepared]] = MappingProxyType({})


class Limits(NamedTuple):
    """Limits of a text: bytes; values, which are literals and parameters; the tokens of all that
    is no row like others; and the rows of a list from which rows that are alike are read once."""

    text: int = 64 << 20
    values: int = 500_000
    structure: int = 30_000
    rows: int = bulk.FEWEST


class Planner:
    """Plans texts for one reading of a database's schema.

    ``claims`` takes comparisons with protected columns.  ``unconcerned`` knows texts that need no
    plan.
    """

    def __init__(
        self,
        protection: Protection,
        claims: Claims | None = None,
        limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.protection = protection
        self._claims = claims or NoClaims()
        self._limits = limits
        tables = [table.name for table in protection.settings.tables]
        self._concerns = Concerns(protection.names, tables)
        self.unconcerned = Unconcerned(protection.names)
        self._memory = PlanMemory()

    def known(self, text: bytes, mode: Mode, path: SearchPath) -> Planned | None:
        """The plans of a text whose skeleton is known; None for one that is to be planned."""
        parts = cut(text) if mode.default else None
        kept = None if parts is None else self.kept(parts[0], path)
        return None if kept is None or parts is None else kept.planned(parts[1])

    def kept(self, key: bytes, path: SearchPath) -> Kept | None:
        """Return the plans of texts that are read in the default mode, by the key of their
        skeleton; None if none are known."""
        return self._memory.kept(key, path)

    def plan(
        self,
        text: bytes,
        mode: Mode,
        path: SearchPath,
        prepared: Mapping[str, Prepared] = _NO_STATEMENTS,
    ) -> Planned:
        """The plans of a text; ``prepared`` are the session's statements by SQL's PREPARE.

        One that is refused has a plan with a refusal.  It takes long for a text beyond LONG bytes.
        """
        known = self.known(text, mode, path)
        if known is not None:
            return known
        parts = cut(text) if mode.default else None
        plain = parts is not None and skeleton.is_plain(parts[2])
        if parts is not None and plain and not self._concerns.may_touch(parts[0]):
            self._memory.keep_untouched(parts[0], path, statementwords.is_quiet(parts[0]))
            return UNTOUCHED
        if not plain and not self._concerns.may_touch_in(text, mode):
            return UNTOUCHED
        try:
            return self._read(text, mode, path, prepared, parts[0] if parts and plain else None)
        except StatementRefusedError as error:
            refusal = refusals.naming(error.refusal, *self._concerns.named(text))
            plans = (StatementPlan(refusal=refusal),)
            return Planned(plans, facts=Facts(plans))

    def commands(self, text: bytes, mode: Mode) -> list[CursorCommand | None]:
        """Return the command on cursors that each statement of a text is, None for other
        statements.  Raises StatementRefusedError for a text that cannot be read."""
        tokens = self._tokens(text, mode)
        return [command_of(one) for one in self._statements(Text(text, tokens), tokens)[1]]

    def _read(
        self,
        text: bytes,
        mode: Mode,
        path: SearchPath,
        prepared: Mapping[str, Prepared],
        key: bytes | None,
    ) -> Planned:
        """Plan a text that may touch a protected column, by its tokens and tree."""
        tokens = self._tokens(text, mode)
        runs = self._concerns.may_run(text, tokens)
        if runs and (self._concerns.carries(text, tokens) or self._concerns.may_hide(text, tokens)):
            raise _unseen(f"the statement may run code that names {SOME_TABLE}")
        # What it runs stands in its literals, or is the session's.
        key = None if runs or self._concerns.is_stateful(text, tokens) else key
        read = Text(text, tokens)
        literals = [text[start:end] for start, end in read.literals]
        if len(literals) > self._limits.values:
            raise _unreadable("the statement has too many values")
        _check(read)
        alike, found = self._statements(read, tokens)
        known, first = SessionNames(self.protection, path), path
        plans: list[StatementPlan] = []
        deciding: set[int] = set()
        made: dict[str, Prepared] | None = None
        changed = False
        for statement in found:
            behind = succession.behind_a_change(statement) if changed else None
            if behind is not None:
                plans.append(StatementPlan(refusal=behind.refusal, schema=known.number))
                continue
            touches = self._may_touch(read, statement, changed)
            if touches:
                plan, decided = self._statement(read, statement, known, made or prepared, alike)
                deciding |= decided
            else:
                plan = assembly.unchanged(read, statement, known.number)
            plans.append(plan)
            if plan.prepares is not None:
                made = dict(prepared) if made is None else made
                made[plan.prepares.name] = plan.prepares
            if succession.changes_types(statement):
                changed = True
            changed = changed or (touches and succession.changes_tables(statement))
            shown = text[statement.start : statement.end]
            if succession.moves_names(statement, shown):
                path = path.moved()
                known = SessionNames(self.protection, path)
                continue
            if succession.may_uncover(statement):
                path = path.uncovered()
                known = SessionNames(self.protection, path)
            if succession.may_make_temporary(statement, shown):
                path = path.doubted()
                known = SessionNames(self.protection, path)
        if not plans:
            return UNTOUCHED
        done = tuple(plans)
        facts = Facts(done)
        if key is not None:
            ordinals = sorted(map(read.ordinal, deciding))
            self._memory.learn(key, first, ordinals, literals, done, facts)
        return Planned(done, literals, facts=facts)

    def _statement(
        self,
        text: Text,
        statement: Statement,
        known: SessionNames,
        prepared: Mapping[str, Prepared],
        alike: Sequence[bulk.Alike],
    ) -> tuple[StatementPlan, set[int]]:
        """The plan of a statement, and the literals that decide it."""
        analysis = Analysis(text, known, self._claims, prepared)
        try:
            found = statements.walk(analysis, statement)
            bulk.spread(analysis, alike, statement.start, statement.end)
            return assembly.assemble(analysis, statement, found), analysis.deciding
        except StatementRefusedError as error:
            # One that is refused may be so for the value of any literal that was looked at.
            shown = text.text[statement.start : statement.end]
            refusal = refusals.naming(error.refusal, *self._concerns.named(shown))
            return StatementPlan(refusal=refusal, schema=known.number), analysis.deciding

    def _may_touch(self, text: Text, statement: Statement, changed: bool) -> bool:
        """Tell whether a statement can concern a protected column.  ``changed``: one before it may
        have changed which names do.

        One that creates code does by its names; no string of it has any that is known, nor may it
        put one together.
        """
        if not self._concerns.may_touch(text.text[statement.start : statement.end]):
            return False
        if changed or not succession.creates_code(statement):
            return True
        inside = text.tokens_of(statement)
        if self._concerns.is_named_beside_strings(text.text, inside):
            return True
        return self._concerns.code_may_hide(text.text, inside)

    def _tokens(self, text: bytes, mode: Mode) -> list[Token]:
        """The tokens of a text.  One that no server scans is refused like others that cannot be
        read: the server would write it to its log."""
        if len(text) > self._limits.text:
            raise _unreadable("the statement is too long")
        if mode.backslash is not False and b"\\" in text:
            raise _unreadable(
                "the statement has a backslash, and standard_conforming_strings is not on"
            )
        if not text.isascii() and (mode.encoding != "utf-8" or mode.names != names.EXACT):
            raise _unreadable(
                "the statement has letters beyond ASCII in another encoding than UTF8"
            )
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError:
                raise _unreadable("the statement is not in UTF-8") from None
        try:
            return lexer.tokens(text, True, 4 * self._limits.values + self._limits.structure)
        except LexError as error:
            raise _unreadable(error.why) from None

    def _statements(
        self, read: Text, tokens: Sequence[Token]
    ) -> tuple[Sequence[bulk.Alike], Sequence[Statement]]:
        """The rows of a text that are alike, and read once, and its statements."""
        alike = bulk.find(read, self._limits.rows)
        found = self._parsed(read, tokens, bulk.unread(alike))
        if bulk.are_rows(read, alike, found):
            return alike, found
        return [], self._parsed(read, tokens)

    def _parsed(
        self, read: Text, tokens: Sequence[Token], unread: Sequence[tuple[int, int]] = ()
    ) -> list[Statement]:
        """The statements of a text but for the spans ``unread``."""
        self._bound(read.text, read, unread)
        try:
            return syntax.parse(read.text, tokens, unread)
        except UnparsableError:
            raise _unreadable("the statement cannot be parsed") from None
        except LexError as error:
            raise _unreadable(error.why) from None

    def _bound(self, text: bytes, read: Text, unread: Sequence[tuple[int, int]]) -> None:
        """Refuse what may crash or stall the parser."""
        left = read.tokens
        if unread:
            spans = iter(sorted(unread))
            start, end = next(spans)
            left = []
            for token in read.tokens:
                while token[1] >= end and start >= 0:
                    start, end = next(spans, (-1, len(text) + 1))
                if not start <= token[1] < end or start < 0:
                    left.append(token)
        try:
            languages.bound(_LANGUAGE, text, left, self._limits.structure)
        except LexError as error:
            raise _unreadable(error.why) from None


def key_of(text: bytes) -> bytes | None:
    """Return the key of the skeleton of such a text, which takes less time."""
    return skeleton.key_of(text, _LANGUAGE.quote)


def cut(text: bytes) -> Skeleton | None:
    """Return the skeleton of a text that is read in the default mode, if it has one."""
    return skeleton.split(text, _LANGUAGE.quote)


def _check(text: Text) -> None:
    """Refuse what the server takes for a mistake, and what would be read in another way here."""
    before = ""
    for kind, start, end in text.tokens:
        if kind in lexer.LITERALS and before in lexer.LITERALS:
            # Without the comment between them they may be one.
            raise _unreadable("the statement has a literal right behind another")
        if kind == lexer.PARAMETER:
            long = end - start > _MOST_DIGITS + 1
            if long or not 1 <= int(text.text[start + 1 : end]) <= _MOST_PARAMETERS:
                raise _unreadable("the statement has a parameter with a number out of range")
        before = kind


def _unreadable(text: str) -> StatementRefusedError:
    return StatementRefusedError(
        Refusal(refusals.UNPARSABLE, "", f"{text}; it may name {SOME_TABLE}")
    )


def _unseen(text: str) -> StatementRefusedError:
    return StatementRefusedError(Refusal(refusals.OPAQUE_CODE, "", text))

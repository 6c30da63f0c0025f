"""Plans of whole texts of MySQL and MariaDB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql import (
    checks,
    concerns,
    definitions,
    loadreader,
    loads,
    plaintexts,
    queries,
    targets,
    writes,
)
from acra_twisted.encryption.mysql.analysis import Analysis
from acra_twisted.encryption.mysql.concerns import Concerns
from acra_twisted.encryption.mysql.cursor import Cursor, UnreadableError
from acra_twisted.encryption.mysql.plan import UNTOUCHED, Part, Plan, Planned
from acra_twisted.encryption.mysql.planmemory import PlanMemory, key_of
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.reader import Reader
from acra_twisted.encryption.mysql.targets import Target
from acra_twisted.encryption.mysql.values import Leaf
from acra_twisted.encryption.mysql.views import Views
from acra_twisted.encryption.plan import SOME_TABLE, Refusal, ResultColumn
from acra_twisted.encryption.refusals import StatementRefusedError
from acra_twisted.errors import LexError
from acra_twisted.sql import languages, lexer, mysqltokens, mysqlversions, skeleton
from acra_twisted.sql.languages import Mode
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.literals import mysql_value
from acra_twisted.sql.mysqlnames import fold

_LANGUAGE: Final = languages.LANGUAGES["mysql"]
_READ: Final = frozenset(("select", "insert", "replace", "update", "delete", "with", "("))
_VALUES: Final = frozenset((*lexer.LITERALS, lexer.PARAMETER))
_EXPLAIN: Final = frozenset(("explain", "describe", "desc"))
#: Words of definitions behind which another name may stand for a protected table.
_DEFINING: Final = frozenset(("view", "rename"))
#: A worker plans longer texts: everybody would wait for that.
LONG: Final = 16 << 10
#: Longer texts that name nothing protected are not read by their tokens.
_LONGEST: Final = 64 << 10
#: Words between EXPLAIN and its statement.
_EXPLAINED: Final = (
    *("extended", "partitions", "analyze", "format", "=", "json", "tree", "traditional"),
)


class Limits(NamedTuple):
    """Limits of a text: bytes; tokens, which are all its words, signs and values; and those of
    them that are values: literals and parameters.

    Each bounds the time and the memory that one text takes: all its tokens are kept at once.
    """

    text: int = 16 << 20
    tokens: int = 400_000
    values: int = 100_000


class Planner:
    """Plans texts for one reading of a server's schema."""

    def __init__(
        self,
        protection: Protection,
        limits: Limits = Limits(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self.protection = protection
        self._limits = limits
        self._concerns = Concerns(protection)
        self._reader = Reader()
        self._views = Views(protection, self._reader, queries.query)
        self._memory = PlanMemory()

    def plan(self, text: bytes, mode: Mode, database: str | None) -> Planned:
        """The plan of a text.  ``mode`` is the session's, ``database`` the one of names without
        one, "" if it has none, None if it is not known.

        A text that cannot be read, and may concern a protected column, has a refusal.
        """
        if database is not None and self.protection.schema.is_system(database):
            # No setting is about tables there: names without a database would have none.
            database = None
        parts = None
        if database is not None and mode.default and mode.backslash:
            parts = skeleton.split(text, _LANGUAGE.quote)
        key = b"" if parts is None or database is None else key_of(parts[0], database)
        if parts is not None:
            known = self._memory.find(key, parts[1])
            if known is not None:
                return Planned(known, parts[1])
        if not self._concerns.may_touch(text):
            found = self._targets(text, mode)
            return Planned(Plan(targets=found) if found else UNTOUCHED)
        keeps = parts is not None and skeleton.is_plain(parts[2])
        try:
            return self._read(text, mode, database, key if keeps else b"")
        except StatementRefusedError as error:
            refusal = refusals.naming(error.refusal, *self._concerns.named(text))
            missing = () if error.missing is None else (Target(*error.missing),)
        except LexError as error:
            refusal = refusals.naming(_unreadable(error.why), *self._concerns.named(text))
            missing = ()
        return Planned(Plan(refusal, targets=missing, schema=self.protection.schema.number))

    def may_touch(self, text: bytes) -> bool:
        """Tell whether a text may concern a protected column, by its words alone, whatever its
        mode.  It may say yes of one that does not."""
        return self._concerns.may_touch(text)

    def gives(self, text: bytes, mode: Mode) -> bool:
        """Tell whether a text gives values to tables or routines.  The plan of one that does not,
        and may touch nothing, is UNTOUCHED."""
        return bool(self._targets(text, mode))

    def _read(self, text: bytes, mode: Mode, database: str | None, key: bytes) -> Planned:
        """Plan a text by its tokens, and keep the plan by a key that is not empty."""
        tokens = self._tokens(text, mode)
        if mysqlversions.has_any(text):
            # An edit could have one mark of a comment in it and not the other.
            text = mysqlversions.unmarked(text, tokens)
            tokens = self._tokens(text, mode)
        statements = mysqltokens.statements(text, tokens)
        concerns.check_roles(text, statements)
        if checks.is_named(text):
            checks.judge(text, tokens, statements)
            # Another value of a literal would have another plan.
            key = b""
        if key and any(concerns.judges_literals(text, part) for part in statements):
            key = b""
        touching = [self._concerns.touches(text, part, mode) for part in statements]
        written = self._written(text, statements, mode)
        if not any(touching):
            return Planned(Plan(targets=written) if written else UNTOUCHED)
        given = [token for token in tokens if token[0] in lexer.LITERALS]
        ordinals = {token[1]: number for number, token in enumerate(given)}
        literals = [text[start:end] for _, start, end in given]
        no_backslash = mode.backslash is False

        def string(leaf: Leaf) -> bytes | None:
            try:
                assert leaf.source is not None  # noqa: S101 - it is asked of literals
                return plaintexts.string(leaf.source, literals, no_backslash)
            except ValueRefusedError:
                return None

        analysis = Analysis(
            *(text, self.protection, database, queries.query, string),
            *(self._views.columns, self._views.written, mode.encoding),
        )
        results: list[Sequence[ResultColumn] | None] = []
        renews = changed = False
        parameters = 0
        # Names in what defines views of protected tables, or gives them other names.
        defined: frozenset[str] = frozenset()
        for part, touches in zip(statements, touching, strict=True):
            if changed and touches:
                raise StatementRefusedError(
                    _unreadable("a statement before it may change how it is read")
                )
            if defined and concerns.hides(text, part, defined):
                raise StatementRefusedError(
                    _unreadable("a statement before it may have made what it hides")
                )
            given_to = self._written(text, [part], mode) if defined else ()
            runs = bool(defined) and mysqltokens.first_word(text, list(part)) == "execute"
            if runs or any(one == targets.UNREAD or fold(one.name) in defined for one in given_to):
                raise StatementRefusedError(
                    _unreadable("a statement before it may have made what it gives values to")
                )
            cursor = Cursor(text, part, ordinals, parameters)
            if touches:
                found, new = self._statement(analysis, cursor, mode)
                results.append(found)
                renews = renews or new
            else:
                results.append(None)
            analysis.deciding |= cursor.deciding
            parameters += sum(token[0] == lexer.PARAMETER for token in part)
            changed = changed or renews or concerns.changes_reading(text, part)
            names = mysqltokens.names(text, part) if renews else frozenset()
            if not names.isdisjoint(_DEFINING):
                defined |= frozenset(map(fold, names))
        if analysis.load is not None:
            if len(statements) > 1:
                raise StatementRefusedError(_unreadable("a file is loaded among other statements"))
            # Another value of a literal would be another format.
            key = b""
        parts: Sequence[Part] = analysis.parts(tokens, ordinals) if analysis.edits else ()
        plan = Plan(
            None,
            parts,
            analysis.given,
            results,
            tuple(analysis.matched),
            tuple(analysis.asked),
            renews,
            self.protection.schema.number,
            written,
            analysis.load,
        )
        if key:
            self._memory.learn(key, sorted(analysis.deciding), literals, plan)
        return Planned(plan, literals)

    def _targets(self, text: bytes, mode: Mode) -> Sequence[Target]:
        """The tables and routines that a text gives values to which names nothing protected."""
        found = targets.simple(text)
        if found is not None:
            return found
        if not targets.gives(text) and not concerns.may_hold_block(text):
            return ()
        if len(text) > _LONGEST:
            return (targets.UNREAD,)
        try:
            tokens = self._tokens(text, mode)
            if mysqlversions.has_any(text):
                text = mysqlversions.unmarked(text, tokens)
                tokens = self._tokens(text, mode)
        except (StatementRefusedError, LexError):
            return (targets.UNREAD,)
        return self._written(text, mysqltokens.statements(text, tokens), mode)

    def _written(
        self, text: bytes, statements: Sequence[Sequence[Token]], mode: Mode
    ) -> Sequence[Target]:
        """The tables and routines that statements give values to."""

        def inner(token: Token) -> Sequence[Target]:
            raw = text[token[1] : token[2]]
            string = mysql_value(lexer.STRING, raw, mode.backslash is False)[1]
            return self._targets(string, mode)

        found = targets.of_statements(text, statements, inner)
        if len(statements) > 1 and any(concerns.holds_another(text, one) for one in statements):
            # In a mode of MariaDB's, blocks run routines by their names alone.
            return (*found, targets.UNREAD)
        return found

    def _statement(
        self, analysis: Analysis, cursor: Cursor, mode: Mode
    ) -> tuple[Sequence[ResultColumn] | None, bool]:
        """The columns of a statement's result, and whether it changes the schema."""
        explained = cursor.here in _EXPLAIN and _explains(cursor)
        if loadreader.is_local(cursor):
            try:
                analysis.load = loads.take(
                    analysis, cursor, self._reader.assignments, mode.backslash
                )
            except UnreadableError as error:
                raise StatementRefusedError(_unreadable(str(error))) from None
            return None, False
        if cursor.here not in _READ:
            return None, definitions.take(analysis, cursor, self._reader.query)
        try:
            read = self._reader.statement(cursor)
        except UnreadableError as error:
            raise StatementRefusedError(_unreadable(str(error))) from None
        columns = writes.statement(analysis, read)
        return (None if explained else queries.results(columns)), False

    def _tokens(self, text: bytes, mode: Mode) -> list[Token]:
        if len(text) > self._limits.text:
            raise StatementRefusedError(_unreadable("it is too long"))
        # A text of the same tokens may still mean something else.
        if mode.ansi is None and b'"' in text:
            raise StatementRefusedError(
                _unreadable("it has double quotes, and sql_mode is unknown")
            )
        if mode.backslash is None and b"\\" in text:
            raise StatementRefusedError(_unreadable("it has a backslash, and sql_mode is unknown"))
        if not text.isascii():
            if mode.encoding != "utf-8" or mode.backslash is None:
                raise StatementRefusedError(
                    _unreadable("it has letters beyond ASCII in another character set than utf8mb4")
                )
        found: list[Token] = _LANGUAGE.tokens(text, mode, self._limits.tokens)
        if len(found) > self._limits.values:
            if sum(kind in _VALUES for kind, _, _ in found) > self._limits.values:
                raise StatementRefusedError(_unreadable("it has too many values"))
        if not text.isascii():
            for kind, start, end in found:
                # Clients write bytes as they are in strings.
                if kind != lexer.STRING:
                    languages.normal(text[start:end], mode)
        return found


def _explains(cursor: Cursor) -> bool:
    """Go to the statement of an EXPLAIN; stay where it describes a table."""
    place = cursor.at
    cursor.step()
    while cursor.takes(*_EXPLAINED):
        pass
    if cursor.here in _READ:
        return True
    cursor.at = place
    return False


def _unreadable(why: str) -> Refusal:
    return Refusal(
        refusals.UNPARSABLE,
        "",
        f"the statement names {SOME_TABLE}, and is not understood: {why}",
    )

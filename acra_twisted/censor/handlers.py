"""Compiled handlers: what each says of one statement, for all texts of its skeleton at once.

A handler answers `Step`s, in order.  A step decides where the text's literals have given values,
or always.  The number of rules costs when a statement is first seen; a hit pays for the steps
that are left, which rules without literals do not leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from acra_twisted import events
from acra_twisted.censor import denials, rules
from acra_twisted.censor.denials import Candidate
from acra_twisted.censor.matching import Matcher
from acra_twisted.censor.patterns import (
    Pattern,
    read_pattern,
    read_query,
    writes_everywhere,
)
from acra_twisted.censor.rules import Handler
from acra_twisted.errors import ConfigError, UnparsedRule
from acra_twisted.sql import names, tree
from acra_twisted.sql.literals import Value
from acra_twisted.sql.tree import Parsed, Table
from acra_twisted.sql.words import Words


class Decision(NamedTuple):
    """``by`` is from a fixed set (it labels a metric); ``why`` holds no literal.  ``where`` is the
    place of the rule that decides, empty if none does."""

    allowed: bool
    by: str
    why: str
    code: int = events.QUERY_NOT_ALLOWED
    where: str = ""


class Step(NamedTuple):
    """Decides if the literals ``ordinals`` have values that ``decisions`` lists.

    ``texts``: decides if the whole text is one of these.  Neither: decides always, by ``final``.
    """

    ordinals: tuple[int, ...] = ()
    decisions: dict[tuple[Value, ...], Decision] | None = None
    texts: dict[bytes, Decision] | None = None
    final: Decision | None = None


class CompiledHandler:
    """One handler of a rule file.  Raises ConfigError where a rule cannot be used.

    ``functions``: %%VALUE%% stands for function calls, too; ``unparsed``: texts that cannot be
    parsed may pass, so that a query that is allowed may be one.
    """

    def __init__(
        self, language: Any, handler: Handler, number: int, functions: bool, unparsed: bool = False
    ) -> None:
        self.kind = handler.kind
        self.filepath = handler.filepath
        self._place = f"handler {number}"
        self._where = handler.where
        self._table_places: dict[str, str] = {}
        self._pattern_places = [entry.where for entry in handler.patterns]
        self._language = language
        denies = handler.kind == rules.DENY
        self._denies = denies
        # For servers that may take other names for these, by the language's `loose`: the tables
        # listed, and whether those of queries and patterns may be others to the server.
        self._loose: dict[str, set[str]] = {}
        self._near: dict[str, bool] = {}
        # Of its queries and patterns: tables without a schema; whether one changes what they are.
        self._named: set[str] = set()
        self._moves = False
        # Schemas that its rules name.
        self._schemas: set[str] = set()
        # Exact queries by shape: literals in walking order to the decision.
        self._queries: dict[str, dict[tuple[tuple[bool, Value], ...], Decision]] = {}
        self._texts: dict[bytes, Decision] = {}
        # What its queries have of clauses that others may add.
        self._kept: dict[frozenset[str], None] = {}
        #: What a person should know of its rules.
        self.remarks: list[str] = []
        self._unparsed = unparsed
        for entry in handler.queries:
            self._add_query(entry.text, entry.where)
        self._tables: dict[str, set[str]] = {}
        for entry in handler.tables:
            try:
                table = language.table(entry.text)
            except ValueError as error:
                raise ConfigError(str(error), entry.where) from None
            self._tables.setdefault(table.name, set()).add(table.schema)
            self._table_places.setdefault(table.name, entry.where)
            key = self._language.loose(table.name)
            self._loose.setdefault(key, set()).add(self._language.loose(table.schema))
        # Patterns by a table that they name, by kind if they are a kind, else under "".
        self._patterns: dict[str, list[tuple[int, Matcher, str]]] = {}
        self._kinds: dict[str, int] = {}
        for number_, entry in enumerate(handler.patterns, 1):
            pattern = read_pattern(language, entry.text, entry.where)
            self._add_pattern(number_, pattern, functions)
            if not denies and pattern.query and writes_everywhere(language, pattern.query):
                self.remarks.append(
                    f"{entry.where}: the pattern allows the statement without any WHERE clause, "
                    "too: %%WHERE%% stands for that as well; write out the condition, such as "
                    "WHERE id = %%VALUE%%, if every row is too much"
                )
        bare = (*self._named, *(t for t, schemas in self._tables.items() if "" in schemas))
        #: Whether it allows anything by a name without a schema; whether it denies more than what
        #: it names; whether it allows something after which such names mean other tables.
        self.trusts_names = handler.kind == rules.ALLOW and bool(bare)
        self.closes = handler.kind == rules.DENY_ALL or (denies and bool(self._kinds))
        self.moves_names = handler.kind == rules.ALLOW and self._moves
        self._schemas.update(s for found in self._tables.values() for s in found if s)
        self._needs_sight = denies and bool(handler.tables or handler.patterns)

    def _add_query(self, text: str, where: str) -> None:
        if self.kind == rules.IGNORE:
            decision = Decision(True, "query_ignore", f"{self._place}: listed query", where=where)
            self._texts[text.encode("utf-8", "surrogateescape")] = decision
            try:
                query = read_query(self._language, text, where)
            except ConfigError:
                return
        else:
            decision = self._decision("query", "listed query", where)
            try:
                query = read_query(self._language, text, where)
            except UnparsedRule as error:
                self._add_text(text, where, decision, error)
                return
        self._add_reach(query.parsed)
        compared = query.parsed.tree
        if self._denies:
            kept = denials.own(self._language, compared)
            self._kept[kept] = None
            compared = denials.Bared(self._language, compared).but(kept)
        form, literals = tree.shape(compared)
        values = tuple((one.negative, query.values[one.ordinal]) for one in literals)
        self._queries.setdefault(form, {}).setdefault(values, decision)

    def _add_text(self, text: str, where: str, decision: Decision, error: UnparsedRule) -> None:
        """A query that cannot be parsed: it is allowed as this very text, where such texts pass.

        A denial would hold for one spelling alone.
        """
        if self._denies:
            raise ConfigError(
                f"{error}; a denial of such a text would hold for this spelling alone: leave it "
                "out, for what cannot be parsed is refused by ignore_parse_error: false"
            )
        if not self._unparsed:
            raise ConfigError(
                f"{error}; ignore_parse_error: true would allow it as this very text, and let "
                "other texts that cannot be parsed reach the handlers, too"
            )
        self._texts[text.encode("utf-8", "surrogateescape")] = decision
        self.remarks.append(f"{error}; it is allowed as this very text, to the letter")

    def _add_pattern(self, number: int, pattern: Pattern, functions: bool) -> None:
        if pattern.query is None:
            self._kinds.setdefault(pattern.whole, number)
            return
        matcher = Matcher(
            self._language,
            pattern.query,
            guards=not self._denies,
            functions=functions,
        )
        tables = pattern.query.parsed.tables
        self._add_reach(pattern.query.parsed)
        key = min(table.name for table in tables) if tables else ""
        self._patterns.setdefault(key, []).append((number, matcher, pattern.query.parsed.kind))

    def _add_reach(self, parsed: Parsed) -> None:
        self._moves = self._moves or bool(parsed.moves)
        for table in parsed.tables:
            self._add_near(table.name)
            if table.schema:
                self._schemas.add(table.schema)
            else:
                self._named.add(table.name)

    def _add_near(self, name: str) -> None:
        key = self._language.loose(name)
        self._near[key] = self._near.get(key, False) or not self._language.is_certain(name)

    def _decision(self, what: str, why: str, where: str = "") -> Decision:
        by, place = f"{self.kind}.{what}", where or self._where
        return Decision(not self._denies, by, f"{self._place}: {why}", where=place)

    def _table_place(self, parsed: Parsed) -> str:
        """Return the place of the first listed table that a statement names."""
        named = sorted(table.name for table in (*parsed.tables, *parsed.views, *parsed.shown))
        return next((self._table_places[n] for n in named if n in self._table_places), "")

    def _whole(self, allowed: bool) -> list[Step]:
        decision = Decision(allowed, self.kind, f"{self._place}: {self.kind}", where=self._where)
        return [Step(final=decision)]

    # -- one statement ------------------------------------------------------------------------

    def steps(self, parsed: Parsed, form: tuple[str, list[tree.Literal]]) -> list[Step]:
        """Return this handler's steps for a statement; the list ends with a final step if it
        decides."""
        if self.kind == rules.ALLOW_ALL:
            return self._whole(True)
        if self.kind == rules.DENY_ALL:
            return self._whole(False)
        found = [Step(texts=self._texts)] if self._texts else []
        if parsed.loose:
            decided = self._denied_loosely(parsed)
            if decided:
                return [*found, Step(final=self._decision("table", decided))]
            if not self._denies and not self._permits(parsed):
                return found
        candidates = denials.candidates(self._language, parsed, self._denies)
        if self._denies:
            found += self._denied_queries(candidates, parsed, form)
        else:
            found += self._query_steps(form)
        if parsed.schemas and self._denies and self._names_schema(parsed.schemas):
            why = "the schema of a table in the rules gets another name"
            return [*found, Step(final=self._decision("table", why))]
        if self._tables:
            decided = self._denied_table(parsed) if self._denies else self._allowed_tables(parsed)
            if decided:
                place = self._table_place(parsed)
                found.append(Step(final=self._decision("table", decided, place)))
                return found
        found += self._pattern_steps(parsed, candidates)
        unseen = parsed.opaque or parsed.beyond or parsed.values
        if self._needs_sight and unseen:
            found.append(Step(final=self._decision("opaque", unseen)))
        return found

    def words_denied(self, words: Words, comparison: str) -> Decision | None:
        """The denial of a text that cannot be parsed: each of its names may be a table's."""
        if not self._needs_sight:
            return None
        if not self._tables.keys().isdisjoint(words.names):
            return self._decision("table", "it cannot be parsed and names a listed table")
        for name in words.names:
            if comparison and not name.isascii():
                if comparison == names.UNSURE or self._language.loose(name) in self._loose:
                    return self._decision("table", "it cannot be parsed, and names what may be one")
            if self._language.trees.may_hide(name):
                why = f"it cannot be parsed and may call {name}"
                return self._decision("opaque", why)
        if words.is_unseen:
            return self._decision("opaque", "it cannot be parsed, and its words do not show enough")
        return None

    def text_steps(self) -> list[Step]:
        """Return the steps that need no tree, for a text that cannot be parsed and may pass."""
        if self.kind in (rules.ALLOW_ALL, rules.DENY_ALL):
            return self.steps(Parsed(tree.OTHER, None), ("", []))
        return [Step(texts=self._texts)] if self._texts else []

    def _denied_queries(
        self, candidates: list[Candidate], parsed: Parsed, form: tuple[str, list[tree.Literal]]
    ) -> Iterator[Step]:
        """The steps of its queries, without what others may add to them."""
        for bared in (bared for _, bared, subquery in candidates if not subquery):
            for bare in bared.each(self._kept):
                yield from self._query_steps(form if bare is parsed.tree else tree.shape(bare))

    def _query_steps(self, form: tuple[str, list[tree.Literal]]) -> list[Step]:
        listed = self._queries.get(form[0])
        if not listed:
            return []
        signs = tuple(one.negative for one in form[1])
        ordinals = tuple(one.ordinal for one in form[1])
        if not ordinals:
            return [Step(final=listed[()])] if () in listed else []
        decisions = {
            tuple(value for _, value in key): decision
            for key, decision in listed.items()
            if tuple(sign for sign, _ in key) == signs
        }
        return [Step(ordinals, decisions)] if decisions else []

    def _names_schema(self, moved: frozenset[str]) -> bool:
        """Tell whether a rule names a schema whose tables are moved."""
        return bool(self._schemas) and (
            tree.ANY_SCHEMA in moved or not self._schemas.isdisjoint(moved)
        )

    def _denied_loosely(self, parsed: Parsed) -> str:
        """Tell whether a name may be, to the server, one that this handler denies."""
        if not self._denies:
            return ""
        for table in parsed.tables:
            key = self._language.loose(table.name)
            schemas = self._loose.get(key)
            listed = schemas and _is_in(self._language.loose(table.schema), schemas)
            near = self._near.get(key)
            if listed or (near or near is False and not self._language.is_certain(table.name)):
                return "a name that may be a listed table's to the server"
        if any(self._language.loose(name) in self._loose for name in parsed.names):
            return "a word that may be a listed table's name to the server"
        return ""

    def _permits(self, parsed: Parsed) -> bool:
        """Tell whether every table that the names may mean is one of which the rules speak."""
        others = parsed.other_tables
        return others is not None and all(_is_listed(self._tables, table) for table in others)

    def _denied_table(self, parsed: Parsed) -> str:
        for table in (*parsed.tables, *parsed.views, *parsed.shown):
            schemas = self._tables.get(table.name)
            if schemas and _is_in(table.schema, schemas):
                return "listed table"
        if any(name in self._tables for name in parsed.names):
            return "the name of a listed table stands where it is not known to be anything else"
        return ""

    def _allowed_tables(self, parsed: Parsed) -> str:
        listed = self._tables
        if not parsed.tables or parsed.opaque or parsed.beyond or parsed.apart or parsed.unknown:
            return ""
        if not all(view.name in listed for view in parsed.views):
            return ""
        return "all tables listed" if all(_is_listed(listed, t) for t in parsed.tables) else ""

    def _kind_pattern(self, parsed: Parsed, candidates: list[Candidate]) -> int | None:
        """The number of a pattern that is a kind of statement and decides."""
        if not self._kinds:
            return None
        if not self._denies:
            # A permission must be there for all that the statement writes.
            wanted = [n.kind for n in parsed.nested if n.kind in _WRITING]
            if parsed.kind != tree.MERGE:
                wanted.append(parsed.kind)
            if wanted and all(kind in self._kinds for kind in wanted):
                return self._kinds[wanted[-1]]
            return None
        for kind, _, subquery in candidates:
            # %%SELECT%% is about statements; as a value or table a SELECT is another one's part.
            if kind in self._kinds and not (subquery and kind == tree.SELECT):
                return self._kinds[kind]
        return None

    def _of_pattern(self, number: int) -> Decision:
        return self._decision("pattern", f"pattern {number}", self._pattern_places[number - 1])

    def _pattern_steps(self, parsed: Parsed, candidates: list[Candidate]) -> list[Step]:
        number = self._kind_pattern(parsed, candidates)
        if number is not None:
            return [Step(final=self._of_pattern(number))]
        if not self._patterns:
            return []
        reached = {"", *(table.name for table in parsed.tables)}
        chosen = sorted((p for name in reached for p in self._patterns.get(name, ())), key=_number)
        found: list[Step] = []
        for number, matcher, wanted in chosen:
            for kind, candidate, _ in candidates:
                if kind != wanted or not (self._denies or matcher.covers(parsed)):
                    continue
                conditions = matcher.match(candidate)
                if conditions is None:
                    continue
                decision = self._of_pattern(number)
                if not conditions:
                    found.append(Step(final=decision))
                    return found
                ordinals = tuple(c.ordinal for c in conditions)
                values = tuple(c.value for c in conditions)
                if found and found[-1].ordinals == ordinals and found[-1].decisions is not None:
                    found[-1].decisions.setdefault(values, decision)
                else:
                    found.append(Step(ordinals, {values: decision}))
        return found


_WRITING = frozenset((tree.INSERT, tree.UPDATE, tree.DELETE))


def _number(pattern: tuple[int, Matcher, str]) -> int:
    return pattern[0]


def _is_in(schema: str, schemas: set[str]) -> bool:
    return "" in schemas or not schema or schema in schemas


def _is_listed(listed: dict[str, set[str]], table: Table) -> bool:
    return table.schema in listed.get(table.name, ())

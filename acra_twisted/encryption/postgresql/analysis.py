"""Collects the uses of a statement's values while its tree is walked through.

The walk asks each expression for its value and says what becomes of it: it is stored in a column,
compared with one, shown, or used in some other way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Protocol

from acra_twisted.encryption import refusals
from acra_twisted.encryption.plan import STORE, STORE_EACH, Prepared, Refusal, Use
from acra_twisted.encryption.postgresql import casts, storage
from acra_twisted.encryption.postgresql.casts import Cast
from acra_twisted.encryption.postgresql.columntypes import Retyped
from acra_twisted.encryption.postgresql.naming import SearchPath
from acra_twisted.encryption.postgresql.schema import Attribute, Relation, Writer
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, Statement, Text
from acra_twisted.encryption.postgresql.values import (
    DEFAULT,
    EACH,
    GIVEN,
    LITERAL,
    NULL,
    OPEN,
    PARAMETER,
    PROTECTED,
    UNCLEAR,
    WORD,
    Columns,
    Leaf,
    Value,
    may_copy,
    setting_of,
)
from acra_twisted.encryption.refusals import refused
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting
from acra_twisted.sql import lexer

_CONSTANTS: Final = (LITERAL, PARAMETER, WORD)
_MAX_DEPTH: Final = 100
#: Nodes that may be walked through for each token: some are met twice.
_STEPS: Final = 20
_LEAST_STEPS: Final = 10_000
#: Columns that may be looked at for each token, and for all: each takes a fraction of a step.
_LOOKS: Final = 100
_LEAST_LOOKS: Final = 400_000
_BITS: Final = (lexer.HEX, lexer.BIT)
_WRITE_AS: Final = "write the value as a literal or a parameter"


class Names(Protocol):
    """The protected columns of a database, as one session names its tables."""

    @property
    def number(self) -> int:
        """Another for each reading of the schema."""

    @property
    def path(self) -> SearchPath:
        """Tells where bare names are looked up."""

    @property
    def functions(self) -> frozenset[str]:
        """The functions that name a protected table."""

    def relation(self, schema: str, name: str) -> Relation | None:
        """The relation that a name means; None if it has nothing to do with protected columns.
        Raises StatementRefusedError if that is not known."""

    @property
    def strict_copies(self) -> bool:
        """No table may be made of what protected columns store."""

    def definition(self, kind: str, fields: Fields, retyped: list[Retyped]) -> Refusal | None:
        """The refusal of a statement that defines something, with the node of this kind; None if it
        may pass, once the columns that are added to ``retyped`` have the type of what is stored."""

    def writer(self, name: str, relation: Relation | None) -> Writer | None:
        """A trigger or the like that may write to a protected column by itself where a table of
        this name is written; None for most.  ``relation`` is the table, if it is known."""

    def by_oid(self, oid: int) -> Relation | None:
        """A relation by its number, that of a view's table."""

    def columns(self, relation: Relation) -> Mapping[int, ColumnSetting]:
        """The protected columns of a relation by attribute number."""

    def coming(self, relation: Relation) -> Mapping[str, ColumnSetting]:
        """The protected columns, by name, that a relation does not have yet, or may get."""

    def computed(self, relation: Relation) -> Mapping[int, ColumnSetting]:
        """The columns from whose new values the database would compute a protected one."""

    def stored_type(self, setting: ColumnSetting) -> int:
        """The type by which the database has a protected column, behind a domain."""

    def misfit(self, setting: ColumnSetting) -> str | None:
        """The name of a type that a protected column has and that cannot hold what is stored; None
        for one that can."""


class Claims(Protocol):
    """Takes the comparisons with protected columns that can be answered."""

    def claim(self, kind: str, fields: Fields, scope: Scope, analysis: Analysis) -> bool:
        """Take an expression: an A_Expr, a CaseExpr with an argument, or a SubLink with a test.

        Returns False for one that it does not know: then it is walked through, and refused if a
        protected column stands in it.  To find that out it asks for the values of the operands
        that are column references alone.  One that is taken is walked through by it: it says what
        becomes of each operand by the methods of ``analysis``.  Raises StatementRefusedError."""

    def group(self, item: Any, scope: Scope, analysis: Analysis) -> bool:
        """Take an expression by whose equal values rows are put together, if it is a column whose
        equal values can be told."""


class NoClaims:
    """Takes none."""

    def claim(self, kind: str, fields: Fields, scope: Scope, analysis: Analysis) -> bool:
        """See `Claims`."""
        return False

    def group(self, item: Any, scope: Scope, analysis: Analysis) -> bool:
        """See `Claims`."""
        return False


class Analysis:
    """The uses of a statement's values, and the edits of its text.

    ``uses`` gives for the offset of a literal, parameter or word the uses that it has, None for one
    that is of no protected column.  ``edits`` are spans of the text and what stands there instead.
    ``matched`` are columns whose stored values are compared with others, ``asked`` all of whose
    values the answer depends on.  ``taken`` are the offsets of the columns that a comparison puts
    another text in the place of.  ``deciding`` are the offsets of literals whose values the plan
    depends on.  ``query`` walks through a statement inside another.
    """

    def __init__(
        self, text: Text, names: Names, claims: Claims, prepared: Mapping[str, Prepared]
    ) -> None:
        self.text = text
        self.names = names
        self.claims = claims
        self.prepared = prepared
        self.uses: dict[int, dict[Use | None, None]] = {}
        self.leaves: dict[int, Leaf] = {}
        self.edits: dict[tuple[int, int], bytes] = {}
        self.deciding: set[int] = set()
        self.taken: set[int] = set()
        self.matched: dict[ColumnSetting, None] = {}
        self.asked: dict[ColumnSetting, None] = {}
        self.query: Callable[[Any, Scope], Columns]
        self._depth = 0
        self._steps = _LEAST_STEPS + _STEPS * len(text.tokens)
        self._looks = _LEAST_LOOKS + _LOOKS * len(text.tokens)

    def deeper(self) -> None:
        """Go one level down.  Raises StatementRefusedError for one level or one step too many."""
        self._depth += 1
        self._steps -= 1
        if self._depth > _MAX_DEPTH or self._steps < 0:
            raise refused(refusals.UNPARSABLE, None, "the statement is nested too deeply")

    def look_at(self, columns: int) -> None:
        """Note that so many columns are gone through.  Raises StatementRefusedError for one too
        many."""
        self._looks -= columns
        if self._looks < 0:
            raise refused(refusals.UNPARSABLE, None, "the statement reads too many columns")

    def higher(self) -> None:
        """Go one level up."""
        self._depth -= 1

    # -- what becomes of a value ------------------------------------------------------------------

    def ignore(self, value: Value, reason: str, text: str) -> None:
        """Note a value that is used apart from protected columns.  Raises StatementRefusedError if
        it is one."""
        for leaf in value:
            if leaf.kind in (PROTECTED, UNCLEAR):
                raise refused(reason, leaf.setting, text, _hint(leaf))
            if leaf.kind in GIVEN:
                self._use(leaf, None)

    def store(self, setting: ColumnSetting, value: Value, place: str, cut: int = -1) -> None:
        """Note a value that is stored in a column.  ``place`` is the clause, for messages."""
        self.give(Use(setting, STORE, place, cut), value)

    def give(self, use: Use, value: Value) -> None:
        """Note the use of a value by a column."""
        setting = use.column
        if use.role != STORE:
            self.ask(setting)
        for leaf in value:
            if leaf.kind in _CONSTANTS:
                self._constant(use, leaf)
            elif leaf.kind == EACH and use.role == STORE:
                self._each(use, leaf)
            elif leaf.kind == NULL:
                self._null(use, leaf)
            elif leaf.kind == PROTECTED and leaf.setting is not None and use.role == STORE:
                if not may_copy(setting, leaf.setting):
                    raise refused(
                        refusals.UNALIKE,
                        setting,
                        f"is given column {leaf.setting.label} in {use.place}, which is protected "
                        "otherwise",
                    )
                self._bare(setting, leaf)
            elif leaf.kind in (OPEN, PROTECTED, UNCLEAR):
                raise refused(
                    refusals.UNALIKE,
                    setting,
                    f"is given another column in {use.place} that is not protected alike",
                )
            elif leaf.kind == DEFAULT:
                raise refused(refusals.EXPRESSION, setting, f"has DEFAULT in {use.place}")
            else:
                raise refused(
                    refusals.EXPRESSION,
                    setting,
                    f"is given an expression in {use.place} that only the database can work out",
                    _WRITE_AS,
                )

    def match(self, setting: ColumnSetting) -> None:
        """Note that values of a column are compared with each other, or with those of another, by
        what is stored.  Tokens are the same whatever keys there are."""
        self.ask(setting)
        if setting.kind == SEARCHABLE:
            self.matched[setting] = None

    def ask(self, setting: ColumnSetting) -> None:
        """Note that the answer depends on all values of a column.  Raises StatementRefusedError for
        one whose type cannot hold what is stored: equal values may be unequal there, or different
        ones equal."""
        misfit = self.names.misfit(setting)
        if misfit is not None:
            raise refused(
                refusals.SCHEMA_MISMATCH,
                setting,
                f"is compared, and its type is {misfit}, which cannot hold what is stored",
                f"make it {storage.storage_type(setting)}",
            )
        self.asked[setting] = None

    def default(self, setting: ColumnSetting, attribute: Attribute, place: str) -> None:
        """Note that a column takes its default.  Raises StatementRefusedError if that is no
        container, or the database makes the value."""
        if attribute.default_in_clear or attribute.generated:
            raise refused(
                refusals.DEFAULT_IN_CLEAR,
                setting,
                f"takes its default in {place}, which is not encrypted",
                "drop the column's default, or give a value",
            )

    def show(self, value: Value) -> ColumnSetting | None:
        """Note a value that a result shows; the setting by which it is read."""
        protected: Leaf | None = None
        is_given = False
        for leaf in value:
            if leaf.kind == UNCLEAR:
                raise refused(refusals.EXPRESSION, None, "stands in an expression", _hint(leaf))
            if leaf.kind == PROTECTED:
                protected = protected or leaf
                if leaf.setting is not None:
                    self._show_stored(leaf.setting, leaf)
            elif leaf.kind in GIVEN:
                is_given = True
                self._use(leaf, None)
        found = setting_of(value)
        if protected is not None and (is_given or found is None):
            other = "constant instead" if is_given else "column that is not protected alike"
            text = f"is shown by an expression that may give a {other}"
            raise refused(refusals.EXPRESSION, protected.setting, text)
        return found

    def _show_stored(self, setting: ColumnSetting, leaf: Leaf) -> None:
        """Note a protected column that a result may show."""
        if casts.cut(leaf.casts) >= 0:
            raise refused(refusals.EXPRESSION, setting, "is cut by a cast")
        if not casts.may_show(setting, leaf.casts):
            raise refused(refusals.EXPRESSION, setting, "is cast to another type")
        self._bare(setting, leaf)

    def parameters(self, statement: Statement) -> Iterator[tuple[int, Use | None, int, int]]:
        """The parameters of a statement in their order: number, use, and where each stands."""
        text = self.text
        for kind, start, end in text.tokens_of(statement):
            if kind == lexer.PARAMETER:
                use = next(iter(self.uses.get(start, {None: None})))
                yield int(text.text[start + 1 : end]), use, start, end

    # -- edits ------------------------------------------------------------------------------------

    def edit(self, start: int, end: int, new: bytes) -> None:
        """Put something in the place of a part of the text."""
        self.edits[start, end] = new

    def recast(self, kind: bytes, around: tuple[Cast, ...]) -> None:
        """Have casts give the type ``kind``."""
        for cast in around:
            self.edit(cast.start, cast.end, kind)

    def _bare(self, setting: ColumnSetting, leaf: Leaf) -> None:
        """Edit the casts of something that is no value of the client."""
        if not leaf.casts:
            return
        if not casts.may_have(setting, leaf.casts):
            raise refused(refusals.EXPRESSION, setting, "is cast to another type")
        self.recast(casts.stored_type(setting), leaf.casts)

    def _null(self, use: Use, leaf: Leaf) -> None:
        """Give a NULL that is stored, and whose type nothing else tells, that of its column."""
        self._bare(use.column, leaf)
        if use.role == STORE and not (leaf.direct or leaf.casts) and leaf.end >= 0:
            self.edit(leaf.end, leaf.end, b"::" + casts.stored_type(use.column))

    def _constant(self, use: Use, leaf: Leaf) -> None:
        setting = use.column
        token = self.text.at(leaf.start)
        if leaf.kind == LITERAL and token is not None and token[0] in _BITS:
            raise refused(
                refusals.EXPRESSION,
                setting,
                f"is given a bit string in {use.place}",
                r"write it as '\x...'",
            )
        if not casts.may_have(setting, leaf.casts):
            raise refused(
                refusals.EXPRESSION,
                setting,
                f"is given a value in {use.place} with a cast that its data_type does not have",
            )
        cuts = [length for length in (use.cut, casts.cut(leaf.casts)) if length >= 0]
        kind = leaf.casts[0].type if leaf.casts else use.cast
        self._use(leaf, use._replace(cut=min(cuts, default=-1), cast=kind))
        sent = casts.sent_type(use)
        if use.role == STORE:
            self.recast(sent, leaf.casts)
            is_typed = leaf.direct or bool(leaf.casts)
        else:
            # The type of an array cannot stand ahead of its literal, and nothing else tells it.
            behind = tuple(one for one in leaf.casts if one.start > leaf.start)
            self.recast(sent, behind)
            self.recast(b"", tuple(one for one in leaf.casts if one not in behind))
            is_typed = bool(behind)
        if not is_typed:
            self.edit(leaf.end, leaf.end, b"::" + sent)

    def _each(self, use: Use, leaf: Leaf) -> None:
        """Note an array whose elements are stored."""
        array, *around = leaf.casts
        if not casts.may_have(use.column, leaf.casts):
            raise refused(
                refusals.EXPRESSION,
                use.column,
                f"is given the elements of an array in {use.place} of a type that its data_type "
                "does not have",
            )
        cuts = [length for length in (use.cut, casts.cut(leaf.casts)) if length >= 0]
        each = use._replace(role=STORE_EACH, cut=min(cuts, default=-1), cast=array.type)
        self._use(leaf, each)
        self.recast(casts.sent_type(each), (array,))
        self.recast(casts.sent_type(use), tuple(around))

    def _use(self, leaf: Leaf, use: Use | None) -> None:
        known = self.uses.setdefault(leaf.start, {})
        known[use] = None
        self.leaves[leaf.start] = leaf
        if len({alone(one) for one in known}) > 1:
            columns = [one.column for one in known if one is not None]
            raise refused(
                refusals.PARAMETER_CONFLICT,
                columns[0],
                "is given a value that the statement uses in another way, too",
            )


def alone(use: Use | None) -> Use | None:
    """A use without its place, which changes nothing."""
    return use and use._replace(place="")


def _hint(leaf: Leaf) -> str:
    return "" if leaf.setting else "name the column with its table: a protected one may be meant"

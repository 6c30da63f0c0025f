"""The values of a plan as PostgreSQL gets them: literals in the text, and parameters.

Nothing here waits or knows a session: it may run in a worker.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.making import (
    COST,
    ENCRYPTED,
    PASSED,
    REPLACED,
    SEARCHED,
    Counts,
    Sealer,
    Searcher,
    Written,
)
from acra_twisted.encryption.plan import (
    ARRAYS,
    STORE,
    STORE_EACH,
    LiteralUse,
    ParameterUse,
    Prepared,
    StatementPlan,
    Use,
)
from acra_twisted.encryption.postgresql import arrays, forms, types
from acra_twisted.encryption.postgresql.filling import Filling, Place
from acra_twisted.encryption.postgresql.givenvalues import Given, about, of_literal, of_parameter
from acra_twisted.encryption.postgresql.plaintexts import BINARY_FORMAT
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.exchange import ToldType
from acra_twisted.themis.cell import Random

#: Parts of a text that cost as much.
_PARTS: Final = 100

_NO_SEARCHERS: Final[dict[ColumnSetting, Searcher]] = {}


class Tools:
    """All that is needed for the values of one statement: ``sealers`` of the columns that it writes
    and ``searchers`` of those that it searches, the client's ``encoding``, a source of random
    bytes, and whether backslashes are ordinary characters in the strings of the statement."""

    __slots__ = ("sealers", "random_bytes", "encoding", "conforming", "searchers")

    def __init__(
        self,
        sealers: dict[ColumnSetting, Sealer],
        random_bytes: Random,
        encoding: str,
        conforming: bool,
        searchers: dict[ColumnSetting, Searcher] = _NO_SEARCHERS,
    ) -> None:
        self.sealers = sealers
        self.random_bytes = random_bytes
        self.encoding = encoding
        self.conforming = conforming
        self.searchers = searchers

    def sealer(self, column: ColumnSetting) -> Sealer:
        """Return the sealer of a column that is written."""
        # The only one, for most statements: to hash a setting of 19 parts takes longer.
        for one, sealer in self.sealers.items():
            if one is column:
                return sealer
            break
        return self.sealers[column]

    def searcher(self, column: ColumnSetting) -> Searcher | None:
        """Return the searcher of a column, None for one that is not searched."""
        for one, searcher in self.searchers.items():
            if one is column:
                return searcher
            break
        return self.searchers.get(column)

    @property
    def width(self) -> int:
        """The number of forms of each value that is searched for."""
        searchers = self.searchers
        if not searchers:
            return 1
        most = 0
        for one in searchers.values():
            # The built-in max makes a list first, and takes twenty times as long for one.
            width = one.width
            if width > most:
                most = width
        return most


class Counted:
    """The numbers of a text whose values are of one column and had one fate, as they mostly are."""

    __slots__ = ("column", "fate", "number", "counts")

    def __init__(self, column: ColumnSetting, fate: str, number: int) -> None:
        self.column = column
        self.fate = fate
        self.number = number
        self.counts: Counts = {(column, fate): number}


class Tally:
    """Numbers of values by column and fate: of those that are like the one before they are counted
    without a look at the rest."""

    __slots__ = ("_counts", "_column", "_fate", "_number")

    def __init__(self) -> None:
        self._counts: Counts = {}
        self._column: ColumnSetting | None = None
        self._fate = ""
        self._number = 0

    def add(self, column: ColumnSetting, fate: str, values: int) -> None:
        """Count some values."""
        if column is not self._column or fate is not self._fate:
            self._put()
            self._column, self._fate = column, fate
        self._number += values

    def counts(self) -> Counts:
        """Return the numbers."""
        self._put()
        return self._counts

    def counted(self, before: Counted | None) -> Counted | None:
        """Return the numbers of values of one column and fate, ``before`` itself if it has the
        same; None for all others."""
        column, fate, number = self._column, self._fate, self._number
        if column is None or not number or self._counts:
            return None
        if before is None:
            return Counted(column, fate, number)
        if before.column is column and before.fate is fate and before.number == number:
            return before
        return Counted(column, fate, number)

    def _put(self) -> None:
        column, number = self._column, self._number
        if column is None or not number:
            return
        key = (column, self._fate)
        counts = self._counts
        counts[key] = counts.get(key, 0) + number if counts else number
        self._number = 0


class Bound:
    """Parameters as they are sent, each with its format."""

    __slots__ = ("values", "formats", "counts")

    def __init__(self, values: list[bytes | None], formats: list[int], counts: Counts) -> None:
        self.values = values
        self.formats = formats
        self.counts = counts


def write_text(fillings: Sequence[Filling], literals: Sequence[bytes], tools: Tools) -> Written:
    """The text of some plans with their values encoded; ``literals`` are the client's own.  The
    numbers are the same object as for the text before by the same plan, if they are equal.  Raises
    ValueRefusedError for a value that cannot be stored or searched for, CryptoError."""
    tally = Tally()
    texts = []
    for filling in fillings:
        given = filling.given(literals)
        for place in filling.places:
            given[place.ordinal] = _literal(place, given[place.ordinal], tools, tally)
        texts.append(filling.text(given))
    if len(texts) != 1:
        return Written(b"".join(texts), tally.counts())
    counted = filling.counted = tally.counted(filling.counted)
    return Written(texts[0], tally.counts() if counted is None else counted.counts)


class LongWriting:
    """Does as `write_text` in steps, for plans of which no filling is kept.  ``written`` is there
    when they are done."""

    def __init__(
        self, plans: Sequence[StatementPlan], literals: Sequence[bytes], tools: Tools
    ) -> None:
        self._plans = plans
        self._literals = literals
        self._tools = tools
        self.written = Written(b"", {})

    def whole(self) -> Written:
        """Encode all values at once, and return the text."""
        for _ in self.steps():
            pass
        return self.written

    def steps(self) -> Iterator[int]:
        """Encode all values; yield the cost of each, and of each run of parts."""
        tally = Tally()
        pieces: list[bytes] = []
        for plan in self._plans:
            given = [*self._literals, *plan.added]
            for one in plan.literals:
                given[one.ordinal] = _literal(Place(one), given[one.ordinal], self._tools, tally)
                yield COST
            pieces.append(plan.parts[0])
            for number, slot in enumerate(plan.slots, 1):
                pieces += (given[slot], plan.parts[number])
                if not number % _PARTS:
                    yield COST
        self.written = Written(b"".join(pieces), tally.counts())


def write_parameters(
    uses: Sequence[ParameterUse],
    given: Sequence[bytes | None],
    formats: Sequence[int],
    kinds: Sequence[int],
    tools: Tools,
) -> Bound:
    """Encode parameters; ``kinds`` are the types that the client has been told, 0 for open ones.
    Raises ValueRefusedError, CryptoError."""
    tally = Tally()
    values: list[bytes | None] = []
    sent: list[int] = []
    for source, use in uses:
        value, form = given[source - 1], formats[source - 1]
        if use is not None:
            value = _parameter(use, value, form, kinds[source - 1], tools, tally)
            form = BINARY_FORMAT
        values.append(value)
        sent.append(form)
    return Bound(values, sent, tally.counts())


def declared(uses: Sequence[ParameterUse], kinds: Sequence[int]) -> list[int]:
    """The types that the database is told of its parameters; ``kinds`` are the client's."""
    return [
        _sent_type(use) if use is not None else kinds[source - 1] if source <= len(kinds) else 0
        for source, use in uses
    ]


def told(uses: Sequence[ParameterUse], kinds: Sequence[int]) -> list[ToldType]:
    """The types that the client is told of its parameters: those that it has declared (``kinds``),
    as a database does, and those of the columns for others."""
    found: dict[int, ToldType] = {}
    for number, (source, use) in enumerate(uses, 1):
        kind = kinds[source - 1] if source <= len(kinds) else 0
        if use is None:
            kind = 0
        elif kind in (0, types.UNKNOWN):
            kind = _seen_type(use)
        found.setdefault(source, ToldType(number, kind))
    return [found[source] for source in sorted(found)]


def told_by_sql(prepared: Prepared, kinds: Sequence[int]) -> list[int]:
    """The types that the client is told of the parameters of a statement that SQL's PREPARE has
    made: ``kinds`` are the database's.  Where one is not that of what is sent, the name has been
    given to another statement, and it stays."""
    found = list(kinds)
    for at, (use, kind) in enumerate(zip(prepared.uses, kinds, strict=False)):
        if use is None or kind != _sent_type(use):
            continue
        declared = types.oid_of(prepared.declared[at]) if at < len(prepared.declared) else -1
        found[at] = declared if declared > 0 else _seen_type(use)
    return found


def _sent_type(use: Use) -> int:
    element = forms.element_type(use.column)
    return element if use.role == STORE else arrays.array_type(element)


def _seen_type(use: Use) -> int:
    data_type = use.column.data_type
    described = arrays.described_array if use.role in ARRAYS else types.described
    return described(data_type).oid


def _literal(place: Place, raw: bytes, tools: Tools, tally: Tally) -> bytes:
    one = place.one
    use = one.use
    try:
        plain = place.plain_value(raw, tools.encoding) if tools.conforming else None
    except ValueRefusedError as error:
        raise about(use, error) from None
    given: Given = [plain] if plain is not None else _read(one, raw, tools)
    try:
        if use.role == STORE:
            [plaintext] = given
            stored = _stored(use, plaintext or b"", tools, tally)
            if place.is_bytes:
                return forms.bytes_literal(stored)
            return forms.stored_literal(use.column, stored)
        return forms.array_literal(use.column, _elements(use, given, tools, tally))
    except ValueRefusedError as error:
        raise about(use, error) from None


def _read(one: LiteralUse, raw: bytes, tools: Tools) -> Given:
    return of_literal(one, raw, tools.encoding, tools.conforming)


def _parameter(
    use: Use, value: bytes | None, form: int, kind: int, tools: Tools, tally: Tally
) -> bytes | None:
    """A parameter's value in binary format."""
    given = of_parameter(use, value, form, kind, tools.encoding)
    if given is None:
        return None
    try:
        if use.role != STORE:
            return forms.array_binary(use.column, _elements(use, given, tools, tally))
        [plaintext] = given
        if plaintext is None:
            return None
        return forms.stored_binary(use.column, _stored(use, plaintext, tools, tally))
    except ValueRefusedError as error:
        raise about(use, error) from None


def _stored(use: Use, plaintext: bytes, tools: Tools, tally: Tally) -> bytes:
    column = use.column
    stored = tools.sealer(column).store(plaintext, tools.random_bytes)
    made = REPLACED if column.kind == TOKENIZED else ENCRYPTED
    tally.add(column, PASSED if stored.passed else made, 1)
    return stored.data


def _elements(
    use: Use, given: Sequence[bytes | None], tools: Tools, tally: Tally
) -> list[bytes | None]:
    """The elements of the array that is sent."""
    if use.role != STORE_EACH:
        return _forms(use, given, tools, tally)
    return [None if one is None else _stored(use, one, tools, tally) for one in given]


def _forms(
    use: Use, elements: Sequence[bytes | None], tools: Tools, tally: Tally
) -> list[bytes | None]:
    """The forms of values that are compared with a column."""
    searcher = tools.searcher(use.column)
    if searcher is None:
        raise ValueRefusedError(
            errors.NOT_SUPPORTED, errors.WRONG_TYPE, f"it cannot be compared in {use.place}"
        )
    tally.add(use.column, SEARCHED, len(elements))
    if len(elements) == 1 and len(tools.searchers) == 1:
        alone = elements[0]
        if alone:
            # No other has more forms.
            return list(searcher.forms(alone))
    return forms.spread(elements, searcher.forms, tools.width)

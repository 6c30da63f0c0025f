"""The values of a plan as the database gets them: literals in the text, and parameters.

Nothing here waits or knows a session: it may run in a worker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.making import (
    ENCRYPTED,
    PASSED,
    REPLACED,
    SEARCHED,
    Counts,
    Sealer,
    Searcher,
    TokenValues,
)
from acra_twisted.encryption.mysql import filling, inputs, storage
from acra_twisted.encryption.mysql.filling import Filled, Sent
from acra_twisted.encryption.mysql.plaintexts import about, from_literal
from acra_twisted.encryption.mysql.plan import Given, Plan
from acra_twisted.encryption.plan import STORE, Use
from acra_twisted.encryption.settings import TEXT_TOKENS, TOKENIZED, ColumnSetting
from acra_twisted.themis.cell import Random
from acra_twisted.wire.mysql import types

_NUMBERS: Final = {"int32": types.LONG, "int64": types.LONGLONG}
#: Formats of parameters, as stages see them.
_TEXT: Final = 0
_BINARY: Final = 1

#: Canonical plaintexts of a plan's values, by their numbers; None for NULL.
Plaintexts = Mapping[int, bytes | None]


class Reading(NamedTuple):
    """The way in which a client's values are read: the codec of its texts, empty for one that is
    not known, and whether a backslash escapes in them."""

    encoding: str
    backslash: bool


class Tools(NamedTuple):
    """All that is needed for the values of one text: ``sealers`` of the columns that it writes and
    ``searchers`` of those that it searches, and a source of random bytes."""

    sealers: Mapping[ColumnSetting, Sealer]
    searchers: Mapping[ColumnSetting, Searcher]
    random_bytes: Random


class Parameter(NamedTuple):
    """A value that a client gives to a parameter: ``kind`` is as in `wire.mysql.parameters`,
    ``value`` is None for NULL, ``form`` 0 for a string and 1 for any other."""

    kind: int
    value: bytes | None
    form: int


class Encoded(NamedTuple):
    """A text with the values of its literals, and how many values had which fate."""

    filled: Filled
    counts: Counts


def of_literals(plan: Plan, literals: Sequence[bytes], reading: Reading) -> Plaintexts:
    """The values of a text's literals.  Raises ValueRefusedError, which names the column."""
    found: dict[int, bytes | None] = {}
    for number, given in enumerate(plan.values):
        if not given.source.parameter:
            found[number] = from_literal(given, literals, not reading.backslash)
    return found


def of_parameters(plan: Plan, given: Sequence[Parameter], reading: Reading) -> Plaintexts:
    """The values of a text's parameters.  Raises ValueRefusedError, which names the column."""
    found: dict[int, bytes | None] = {}
    for number, (source, use, _) in enumerate(plan.values):
        if not source.parameter:
            continue
        kind, value, _ = given[source.parameter - 1]
        if value is None:
            found[number] = None
            continue
        with _About(use):
            found[number] = inputs.from_parameter(use, kind, value, reading.encoding)
    return found


def tokens_of(plan: Plan, plaintexts: Plaintexts) -> TokenValues:
    """The values that are stored in columns with tokens, and those that are compared with such."""
    found = TokenValues({}, {})
    for number, plaintext in plaintexts.items():
        use = plan.values[number].use
        if use.column.kind == TOKENIZED and plaintext is not None:
            group = found.stored if use.role == STORE else found.compared
            group.setdefault(use.column, []).append(plaintext)
    return found


def encode_text(
    plan: Plan, literals: Sequence[bytes], plaintexts: Plaintexts, tools: Tools
) -> Encoded:
    """Fill a plan's text.  Parameters stay parameters, with as many forms as their values will
    have.  Raises ValueRefusedError, CryptoError."""
    making = _Making(plan, plaintexts, tools)
    return Encoded(filling.fill(plan, literals, making.forms), making.counts)


def encode_parameters(
    plan: Plan,
    sent: Sequence[Sent],
    given: Sequence[Parameter],
    plaintexts: Plaintexts,
    tools: Tools,
) -> tuple[list[Parameter], Counts]:
    """Return the parameters that are sent.  Raises ValueRefusedError, CryptoError."""
    making = _Making(plan, plaintexts, tools)
    found: list[Parameter] = []
    for one in sent:
        if one.value < 0:
            found.append(given[one.parameter - 1])
            continue
        forms = making.forms(one.value)
        if isinstance(forms, int) or not forms:
            found.append(Parameter(types.BLOB, None, _TEXT))
            continue
        form = filling.at_edge(forms[min(one.form, len(forms) - 1)], one.edge)
        found.append(_sent(plan.values[one.value].use.column, form))
    return found, making.counts


def width_of(use: Use, tools: Tools) -> int:
    """Return how many forms a value has that is not empty."""
    searcher = None if use.role == STORE else tools.searchers.get(use.column)
    return 1 if searcher is None else searcher.width


class _About:
    """Gives a refusal of a value the name of its column."""

    __slots__ = ("_use",)

    def __init__(self, use: Use) -> None:
        self._use = use

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if isinstance(error, ValueRefusedError) and not error.column:
            raise about(self._use.column, error) from None


class _Making:
    """Makes the forms of a plan's values, each once."""

    def __init__(self, plan: Plan, plaintexts: Plaintexts, tools: Tools) -> None:
        self._plan = plan
        self._plaintexts = plaintexts
        self._tools = tools
        self._made: dict[int, Sequence[bytes]] = {}
        self.counts: Counts = {}

    def forms(self, number: int) -> Sequence[bytes] | int:
        """See `filling.Forms`."""
        made = self._made.get(number)
        if made is not None:
            return made
        given = self._plan.values[number]
        if number not in self._plaintexts:
            return width_of(given.use, self._tools)
        plaintext = self._plaintexts[number]
        with _About(given.use):
            made = [] if plaintext is None else self._make(given, plaintext)
        self._made[number] = made
        return made

    def _make(self, given: Given, plaintext: bytes) -> Sequence[bytes]:
        column = given.use.column
        if given.use.role == STORE:
            stored = self._tools.sealers[column].store(plaintext, self._tools.random_bytes)
            made = REPLACED if column.kind == TOKENIZED else ENCRYPTED
            storage.check_room(column, stored.data, given.room)
            self._count(column, PASSED if stored.passed else made)
            return [stored.data]
        searcher = self._tools.searchers.get(column)
        if searcher is None:
            raise ValueRefusedError(
                errors.NOT_SUPPORTED,
                errors.WRONG_TYPE,
                f"it cannot be compared in {given.use.place}",
            )
        self._count(column, SEARCHED)
        return searcher.forms(plaintext)

    def _count(self, column: ColumnSetting, fate: str) -> None:
        self.counts[column, fate] = self.counts.get((column, fate), 0) + 1


def _sent(column: ColumnSetting, form: bytes) -> Parameter:
    """A form as a parameter, of the type that the column has."""
    if column.kind == TOKENIZED:
        kind = _NUMBERS.get(column.token_type)
        if kind is not None:
            size = types.WIDTHS[kind]
            return Parameter(kind, int(form).to_bytes(size, "little", signed=True), _BINARY)
        if column.token_type in TEXT_TOKENS:
            return Parameter(types.VAR_STRING, form, _TEXT)
    return Parameter(types.BLOB, form, _TEXT)

"""The explanation of a statement: what becomes of its values and results.

Nothing of it shows a value of the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.encryption.plan import STORING, Refusal, StatementPlan, Use
from acra_twisted.encryption.postgresql.planmemory import Planned
from acra_twisted.encryption.settings import MASKED, TOKENIZED, ColumnSetting
from acra_twisted.errors import LexError
from acra_twisted.sql import lexer, redact
from acra_twisted.sql.barevalues import masked

# Verdicts.
#: It goes to the database as it is, and its result to the client.
PASSED: Final = "pass"
#: It is sent with other values, or its result is opened.
CHANGED: Final = "change"
REFUSED: Final = "refuse"

_DATABASE: Final = "postgresql"
#: Actions on values that are stored, by the kind of column.
_STORED: Final = {TOKENIZED: "tokenized", MASKED: "masked"}
#: It stands for a literal while the text is split: no value goes that way.
_STAND_IN: Final = b"'acra %d'"
_STANDS_IN: Final = re.compile(rb"'acra (\d+)'")
#: The bounds of a search prefix, which the plan writes.
_BOUNDS: Final = (b"1", b"33")
#: Tokens of a text that is shown.
_TOKENS: Final = 200_000


class Value(NamedTuple):
    """A value that is encoded.  ``source`` says which one it is."""

    source: str
    action: str
    column: str
    place: str


class Parameter(NamedTuple):
    """A parameter of the text that is sent: ``number`` is its own, ``source`` the client's."""

    number: int
    source: int
    action: str
    column: str


class Result(NamedTuple):
    """A protected column of the result, by its number from 1, 0 where columns that are not known
    stand before it; ``type`` is what clients see."""

    number: int
    column: str
    type: str


class Explanation(NamedTuple):
    """The explanation of one statement.  ``text`` is what is sent, without values; of a statement
    that is refused, the client's."""

    verdict: str
    text: str
    values: Sequence[Value] = ()
    parameters: Sequence[Parameter] = ()
    results: Sequence[Result] = ()
    refusal: Refusal | None = None

    def record(self) -> dict[str, Any]:
        """The explanation as JSON has it."""
        return {
            "verdict": self.verdict,
            "text": self.text,
            "values": [one._asdict() for one in self.values],
            "parameters": [one._asdict() for one in self.parameters],
            "results": [one._asdict() for one in self.results],
            "refusal": self.refusal._asdict() if self.refusal else None,
        }

    def lines(self) -> Iterator[tuple[str, str]]:
        """The explanation as lines for people: a word, and what it is about."""
        yield self.verdict, self.text
        if self.refusal is not None:
            yield "  reason", self.refusal.reason
            yield "  because", self.refusal.text
            if self.refusal.hint:
                yield "  instead", self.refusal.hint
        for value in self.values:
            yield f"  {value.action}", f"{value.column}: {value.source}, {value.place}"
        for number, source, action, column in self.parameters:
            told = f"{action} {column}" if action else "as it is"
            yield "  parameter", f"${number} is the client's ${source}, {told}"
        for result in self.results:
            shown = f"result column {result.number}" if result.number else "a result column"
            yield "  read", f"{result.column}: {shown}, {result.type}"


def explain(text: bytes, planned: Planned) -> list[Explanation]:
    """Return the explanations of a text's statements, by its plans."""
    if planned.statements is None:
        return [Explanation(PASSED, _shown(text))]
    return [
        Explanation(REFUSED, _shown(text), refusal=plan.refusal)
        if plan.refusal is not None
        else _of_plan(plan, planned.literals)
        for plan in planned.statements
    ]


def _of_plan(plan: StatementPlan, literals: Sequence[bytes]) -> Explanation:
    values = [
        Value(
            f"literal {one.ordinal + 1}" if one.ordinal < len(literals) else "a word",
            _action(one.use),
            one.use.column.label,
            one.use.place,
        )
        for one in plan.literals
    ]
    parameters = list(_parameters(plan))
    if plan.prepares is not None:
        values += _uses(plan.prepares.uses, "parameter ${}")
    copies = plan.copies
    copied = () if copies is None or copies.is_out else copies.columns
    values += [
        Value(f"field {number}", _stored(setting), setting.label, "COPY")
        for number, setting in enumerate(copied, 1)
        if setting is not None
    ]
    shown = plan.results or ()
    known = next((at for at, one in enumerate(shown) if one.rest), len(shown))
    results = [
        Result(at + 1 if at < known else 0, one.setting.label, one.setting.data_type or "bytes")
        for at, one in enumerate(shown)
        if one.setting is not None
    ]
    marks = {one.ordinal: _mark(one.use) for one in plan.literals}
    text = _sent(plan, len(literals) + len(plan.added), marks)
    changed = values or results or any(one.action for one in parameters)
    return Explanation(CHANGED if changed else PASSED, text, values, parameters, results)


def _parameters(plan: StatementPlan) -> Iterator[Parameter]:
    for number, (source, use) in enumerate(plan.parameters, 1):
        action, column = (_action(use), use.column.label) if use else ("", "")
        yield Parameter(number, source, action, column)


def _uses(uses: Sequence[Use | None], form: str) -> Iterator[Value]:
    for number, use in enumerate(uses, 1):
        if use is not None:
            yield Value(form.format(number), _action(use), use.column.label, use.place)


def _action(use: Use) -> str:
    return _stored(use.column) if use.role in STORING else "searched"


def _stored(setting: ColumnSetting) -> str:
    return _STORED.get(setting.kind, "encrypted")


def _mark(use: Use) -> str:
    return f"<{_action(use)} {use.column.label}>"


def _shown(text: bytes) -> str:
    return redact.redact(text, _DATABASE).text


def _sent(plan: StatementPlan, literals: int, marks: Mapping[int, str]) -> str:
    """The text that is sent, with a mark for each value that is encoded, and ``?`` for others."""
    text = plan.text([_STAND_IN % number for number in range(literals)])
    try:
        found = masked(text, lexer.tokens(text, True, _TOKENS))
    except LexError:
        return redact.UNREADABLE
    parts: list[str] = []
    last = literal_end = 0
    for kind, start, end in found:
        if kind in lexer.LITERALS:
            token = text[start:end]
            standing = _STANDS_IN.fullmatch(token)
            new = marks.get(int(standing[1]), "?") if standing else "?"
            if token in _BOUNDS:
                new = token.decode()
            literal_end = end
        elif kind == lexer.COMMENT:
            new = " "
        elif kind == lexer.WORD and start == literal_end > 0:
            # It may be a value that somebody forgot to quote.
            new = ""
        else:
            continue
        parts += (text[last:start].decode("utf-8", "replace"), new)
        last = end
    parts.append(text[last:].decode("utf-8", "replace"))
    shown = "".join(parts).strip().rstrip(";").rstrip()
    if len(shown) > redact.TEXT_LIMIT:
        shown = shown[: redact.TEXT_LIMIT - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return shown

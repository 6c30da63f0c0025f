"""The explanation of a text of MySQL: what becomes of its values and results.

Nothing of it shows a value of the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.encryption.mysql.filling import fill
from acra_twisted.encryption.mysql.plan import (
    Compared,
    Given,
    Literal,
    Parameter,
    Plan,
    Planned,
    Stored,
)
from acra_twisted.encryption.mysql.planner import Planner
from acra_twisted.encryption.mysql.protection import Protection
from acra_twisted.encryption.mysql.schema import Schema
from acra_twisted.encryption.plan import STORE, ResultColumn
from acra_twisted.encryption.settings import MASKED, TOKENIZED, ColumnSetting, EncryptionSettings
from acra_twisted.sql import redact
from acra_twisted.sql.languages import LANGUAGES
from acra_twisted.tools import explanation
from acra_twisted.tools.explanation import CHANGED, PASSED, REFUSED, Explanation, Result, Value

_DATABASE: Final = "mysql"
_STORED: Final = {TOKENIZED: "tokenized", MASKED: "masked"}
#: Marks stand in quotes of names while the text is redacted, with a letter that no name has.
_BEGIN, _END = "`\ue000", "\ue001`"


def default_database(settings: EncryptionSettings) -> str:
    """The database of names without one: the first that the configuration names."""
    return next((one.schema for one in settings.tables if one.schema), "app")


def of_mysql(
    settings: EncryptionSettings,
    schema: Schema,
    database: str,
    statements: Iterator[tuple[int, bytes]],
) -> Iterator[tuple[int, Explanation]]:
    """Explain statements, each with the number of its line, by the tables of a schema.
    ``database`` is the one of names without one."""
    planner = Planner(Protection(schema, settings))
    mode = LANGUAGES[_DATABASE].mode
    for line, text in statements:
        yield line, explain(text, planner.plan(text, mode, database))


def explain(text: bytes, planned: Planned) -> Explanation:
    """The explanation of a text, by its plan."""
    plan = planned.plan
    if plan.refusal is not None:
        return Explanation(REFUSED, _redacted(text), refusal=plan.refusal)
    values = [
        Value(_source(given), _action(given), given.use.column.label, given.use.place)
        for given in plan.values
        if not given.source.parameter
    ]
    if plan.load is not None:
        values += [
            Value(f"field {number}", _stored(one), one.label, "LOAD DATA")
            for number, one in enumerate(plan.load.columns, 1)
            if one is not None
        ]
    parameters = list(_parameters(plan, planned.literals))
    results = [result for columns in plan.results for result in _results(columns or ())]
    changed = bool(values or plan.values or results)
    shown = _sent(plan, planned.literals) if plan.parts else _redacted(text)
    verdict = CHANGED if changed else PASSED
    return Explanation(verdict, shown, values, parameters, results)


def _source(given: Given) -> str:
    source = given.source
    return "a word" if source.word else f"literal {source.ordinal + 1}"


def _action(given: Given) -> str:
    if given.use.role != STORE:
        return "searched"
    return _stored(given.use.column)


def _stored(column: ColumnSetting) -> str:
    return _STORED.get(column.kind, "encrypted")


def _results(columns: Sequence[ResultColumn]) -> Iterator[Result]:
    known = next((at for at, one in enumerate(columns) if one.rest), len(columns))
    for at, one in enumerate(columns):
        if one.setting is not None:
            kind = one.setting.data_type or "bytes"
            yield Result(at + 1 if at < known else 0, one.setting.label, kind)


def _parameters(plan: Plan, literals: Sequence[bytes]) -> Iterator[explanation.Parameter]:
    """The parameters of the text that is sent, for a client with one key."""

    def forms(number: int) -> Sequence[bytes] | int:
        return 1 if plan.values[number].source.parameter else [b"0"]

    for number, one in enumerate(fill(plan, literals, forms).parameters, 1):
        given = plan.values[one.value] if one.value >= 0 else None
        action, column = (_action(given), given.use.column.label) if given else ("", "")
        yield explanation.Parameter(number, one.parameter, action, column)


def _sent(plan: Plan, literals: Sequence[bytes]) -> str:
    """The text that is sent, with a mark for each value that is encoded, and ``?`` for others."""
    pieces: list[bytes] = []
    for part in plan.parts:
        if isinstance(part, bytes):
            pieces.append(part)
        elif isinstance(part, Literal):
            pieces.append(literals[part.ordinal])
        elif isinstance(part, Parameter):
            pieces.append(b"?")
        elif isinstance(part, Stored):
            pieces.append(_mark(plan.values[part.value]))
        else:
            pieces.append(_condition(part, plan.values[part.value]))
    return _redacted(b"".join(pieces))


def _condition(part: Compared, given: Given) -> bytes:
    mark = _mark(given)
    if given.use.column.kind == TOKENIZED:
        return b"(%b = %b)" % (part.column, mark)
    return b"(%b >= %b AND %b < %b)" % (part.column, mark, part.column, _mark(given, ", next"))


def _mark(given: Given, more: str = "") -> bytes:
    label = given.use.column.label.replace("`", "``")
    return f"{_BEGIN}<{_action(given)} {label}{more}>{_END}".encode()


def _redacted(text: bytes) -> str:
    shown = redact.redact(text, _DATABASE).text
    return shown.replace(_BEGIN, "").replace(_END, "")

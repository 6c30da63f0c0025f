"""Statements that may leave columns unprotected: for one client, until a day, with a reason.

Source: the transparent-encryption reference, section 4.5.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from acra_twisted.encryption.configuration.columns import line_of
from acra_twisted.encryption.configuration.keys import Given, Keys
from acra_twisted.encryption.settings import Bypass
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant

#: The longest time for which one can be given.
LONGEST: Final = timedelta(days=90)
#: Days before the end in which the start says that it comes.
_SOON: Final = 7
_LONGEST_TEXT: Final = 200
_LONGEST_NAME: Final = 60
_REQUIRED: Final = ("client_id", "statement", "columns", "until", "reason")


def bypasses_of(
    entries: Sequence[tuple[Keys, str]],
    known: Mapping[tuple[str, ...], str],
    now: float,
    wrong: list[ConfigError],
) -> Sequence[Bypass]:
    """Return the bypasses of entries, each its keys and its place.

    ``known`` has the labels of all protected columns by schema ("" for none), table and name;
    ``now`` is the time as seconds since the epoch.  Mistakes are added to ``wrong``.
    """
    found: dict[tuple[str, str], Bypass] = {}
    for keys, where in entries:
        mistakes = list(_mistakes(keys, where, known, now))
        wrong += mistakes
        if not mistakes:
            bypass = _bypass(keys, where, known)
            key = bypass.client_id, bypass.statement
            if key in found:
                text = f"client_id and statement are those of line {found[key].line}, too"
                wrong.append(ConfigError(text, where))
            if bypass.name in (one.name for one in found.values()):
                wrong.append(
                    ConfigError(f"another bypass has the name {bypass.name!r}, too", where)
                )
            found[key] = bypass
    return list(found.values())


def remarks_of(bypasses: Sequence[Bypass], now: float) -> Iterator[str]:
    """Yield a sentence for the operator about each bypass."""
    for bypass in bypasses:
        columns = ", ".join(sorted(bypass.columns))
        last = datetime.fromtimestamp(bypass.until, UTC).date() - timedelta(days=1)
        if bypass.until <= now:
            yield (
                f"line {bypass.line}: the bypass of client {bypass.client_id!r} for {columns} "
                f"ended with {last} and has no effect; take it out"
            )
        else:
            days = (last - _today(now)).days
            soon = f"; it ends in {days} days, unless you renew it" if days <= _SOON else ""
            yield (
                f"line {bypass.line}: until the end of {last} (UTC) client {bypass.client_id!r} "
                f"may leave {columns} unprotected by a statement: {bypass.reason}{soon}"
            )


def _mistakes(
    keys: Keys, where: str, known: Mapping[tuple[str, ...], str], now: float
) -> Iterator[ConfigError]:
    for key in _REQUIRED:
        given = keys.get(key)
        if given is None or not given.value:
            yield ConfigError(f"a bypass needs {key}", where if given is None else given.where)
    labels = list(known.values())
    columns = keys.get("columns", Given((), where))
    for names in columns.value:
        if _full(names) not in known:
            label = ".".join(names)
            yield ConfigError(
                f"columns: {label!r} is not protected by this configuration{meant(label, labels)}",
                columns.where,
            )
    name = keys.get("name", Given("", where))
    if len(name.value) > _LONGEST_NAME or not name.value.isprintable():
        text = f"name: expected at most {_LONGEST_NAME} characters on one line"
        yield ConfigError(text, name.where)
    reason = keys.get("reason", Given("", where))
    if len(reason.value) > _LONGEST_TEXT or not reason.value.isprintable():
        text = f"reason: expected one line of at most {_LONGEST_TEXT} characters"
        yield ConfigError(text, reason.where)
    until = keys.get("until")
    if until is not None and until.value - _today(now) > LONGEST:
        text = f"until: expected a day at most {LONGEST.days} days ahead"
        yield ConfigError(text, until.where)


def _bypass(keys: Keys, where: str, known: Mapping[tuple[str, ...], str]) -> Bypass:
    line = line_of(where)
    return Bypass(
        keys["client_id"].value,
        keys["statement"].value,
        frozenset(known[_full(names)] for names in keys["columns"].value),
        _end(keys["until"].value),
        keys["reason"].value,
        line,
        keys.get("name", Given("", where)).value or f"line {line}",
    )


def _full(names: Sequence[str]) -> tuple[str, ...]:
    return ("", *names) if len(names) == 2 else tuple(names)


def _today(now: float) -> date:
    return datetime.fromtimestamp(now, UTC).date()


def _end(day: date) -> float:
    """Return the end of a day as seconds since the epoch."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + 86_400

"""The model of a rule file, as Acra's YAML and our ini sections both give it.

Source: acra-config reference, section 7.  Unknown keys are errors: a rule with a typo in its key
would be a rule that is silently off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.options import Line

ALLOW, DENY, ALLOW_ALL, DENY_ALL = "allow", "deny", "allowall", "denyall"
CAPTURE, IGNORE = "query_capture", "query_ignore"
#: What each kind of handler may be given.
HANDLER_KEYS = {
    ALLOW: ("queries", "tables", "patterns"),
    DENY: ("queries", "tables", "patterns"),
    ALLOW_ALL: (),
    DENY_ALL: (),
    CAPTURE: ("filepath",),
    IGNORE: ("queries",),
}
#: The oldest format that is read.
MINIMUM_VERSION = (0, 85, 0)


class Handler(NamedTuple):
    """One handler.  ``where`` names it in errors."""

    kind: str
    queries: tuple[Line, ...] = ()
    tables: tuple[Line, ...] = ()
    patterns: tuple[Line, ...] = ()
    filepath: str = ""
    where: str = ""


class Rules(NamedTuple):
    """``handlers`` in the order in which they decide."""

    handlers: tuple[Handler, ...] = ()
    ignore_parse_error: bool = False
    parse_errors_log: str = ""
    #: %%VALUE%% also stands for a function call, as in Acra; that admits sleep(5).
    value_matches_functions: bool = False
    #: ALLOW, DENY, or empty: a function that the table of functions does not have is no concern of
    #: a denial, and no part of a permission.
    unknown_functions: str = ""
    #: ALLOW, DENY: whether a denial of tables is one of the statistics that show their values.
    statistics: str = DENY

    @property
    def summary(self) -> str:
        """Summarise the size of the rules in words, for people."""
        entries = sum(len(h.queries) + len(h.tables) + len(h.patterns) for h in self.handlers)
        return f"handlers: {len(self.handlers)}, rules: {entries}"

    @property
    def idle(self) -> bool:
        """True if there is nothing to do: every statement passes without being read, as in Acra."""
        return not self.handlers and not self.parse_errors_log


def read_rules(data: Any, where: str = "rules", *, need_version: bool = True) -> Rules:
    """Rules of plain data, shaped as the YAML file.  Raises ConfigError."""
    if data is None:
        raise ConfigError("the file is empty; it needs at least version: and handlers:", where)
    keys = ("version", "ignore_parse_error", "parse_errors_log", "handlers")
    policies = ("unknown_functions", "statistics")
    data = _mapping(data, (*keys, "value_matches_functions", *policies), where)
    if need_version:
        _check_version(data.get("version"), _where(data, "version", where))
    handlers = data.get("handlers")
    if handlers is None:
        handlers = []
    if not isinstance(handlers, Sequence) or isinstance(handlers, str):
        raise ConfigError("handlers: expected a list", _where(data, "handlers", where))
    return Rules(
        tuple(_handler(item, n, where) for n, item in enumerate(handlers, 1)),
        _flag(data, "ignore_parse_error", where),
        _text(data, "parse_errors_log", where),
        _flag(data, "value_matches_functions", where),
        _policy(data, "unknown_functions", "", where),
        _policy(data, "statistics", DENY, where),
    )


def _handler(data: Any, number: int, file: str) -> Handler:
    place = f"{file}, handler {number}"
    if not isinstance(data, Mapping):
        raise ConfigError("expected a mapping with the key handler:", place)
    where = _where(data, "handler", file)
    where = place if where == file else where
    kind = data.get("handler")
    if not isinstance(kind, str) or kind not in HANDLER_KEYS:
        hint = meant(str(kind), HANDLER_KEYS, "{}") or f" ({', '.join(HANDLER_KEYS)})"
        raise ConfigError(f"handler: {kind!r} is no handler{hint}", where)
    data = _mapping(data, ("handler", *HANDLER_KEYS[kind]), where)
    if kind == CAPTURE and not _text(data, "filepath", where):
        raise ConfigError("query_capture needs filepath:", where)
    return Handler(
        kind,
        _entries(data, "queries", where),
        _entries(data, "tables", where),
        _entries(data, "patterns", where),
        _text(data, "filepath", where),
        where,
    )


def _mapping(data: Any, known: Sequence[str], where: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError("expected keys and values", where)
    for key in data:
        if key not in known:
            hint = meant(str(key), known, "{}") or f" (known: {', '.join(known)})"
            raise ConfigError(f"unknown key {key!r}{hint}", _where(data, key, where))
    return data


def _where(data: Any, key: Any, fallback: str) -> str:
    """Readers of files may say where each key stands."""
    places = getattr(data, "places", {})
    return str(places.get(key, fallback))


def _entries(data: Mapping[str, Any], key: str, where: str) -> tuple[Line, ...]:
    items = data.get(key)
    if items is None:
        return ()
    place = _where(data, key, where)
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise ConfigError(f"{key}: expected a list", place)
    found = []
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise ConfigError(f"{key}: expected texts", place)
        found.append(Line(str(item), getattr(item, "where", place)))
    return tuple(found)


def _flag(data: Mapping[str, Any], key: str, where: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{key}: expected true or false", _where(data, key, where))
    return value


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{key}: expected a text", _where(data, key, where))
    return str(value or "")


def _policy(data: Mapping[str, Any], key: str, default: str, where: str) -> str:
    value = _text(data, key, where) or default
    if value not in (ALLOW, DENY, default):
        raise ConfigError(f"{key}: expected {ALLOW} or {DENY}", _where(data, key, where))
    return value


def _check_version(version: Any, where: str) -> None:
    """Texts are those that scripts look for in Acra's log."""
    text = str(version or "0.0.0")
    for part in text.split("."):
        if not re.fullmatch("[0-9]{1,9}", part):
            raise ConfigError(
                f'version: strconv.ParseUint: parsing "{part[:40]}": invalid syntax; expected '
                f"three numbers, such as 0.85.0",
                where,
            )
    found = re.fullmatch(r"([0-9]+)\.([0-9]+)\.([0-9]+)", text)
    if found is None:
        raise ConfigError("version: expected three numbers, such as 0.85.0", where)
    if tuple(int(part) for part in found.groups()) < MINIMUM_VERSION:
        raise ConfigError(
            "acra-censor's config is outdated: version 0.85.0 or newer is needed", where
        )

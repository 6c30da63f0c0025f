"""Facts of a request from the attributes of its spans: its verdict, its shape, whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from acra_twisted.sql.redact import Redacted
from acra_twisted.telemetry.console.formats import name
from acra_twisted.telemetry.figures.shapes import shape_of
from acra_twisted.telemetry.tracing.spannames import kind_of

#: Verdicts with the kinds and texts of their badges.
RUNNING, DENIED, POISON, FAILED, SLOW, ALLOWED = (
    "running",
    "denied",
    "poison",
    "failed",
    "slow",
    "allowed",
)
BADGES: Final[Mapping[str, tuple[str, str]]] = {
    RUNNING: ("info", "running"),
    DENIED: ("deny", "denied"),
    POISON: ("intr", "poison"),
    FAILED: ("fail", "failed"),
    SLOW: ("slow", "slow"),
    ALLOWED: ("ok", "allowed"),
}
#: Attributes that count what somebody should see, with the badges and names of what they count.
COUNTED: Final = (
    ("acra.poison_records", "intr", "poison", "poison record"),
    ("acra.containers_failed", "fail", "left as stored", "container"),
)
_NUMBER_MAX: Final = 1 << 63


def is_request(record: Mapping[str, Any]) -> bool:
    """Return True for the span of a request, in AcraServer or the connector."""
    known = record["attributes"]
    return "acra.stage" not in known and (
        "db.namespace" in known or "acra.verdict" in known or "acra.time.proxy_ms" in known
    )


def main_of(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the request that a trace is about: one that failed before others, then the one that
    took longest; AcraServer knows more of it than a connector."""
    found = None
    weight: tuple[bool, bool, int] = (False, False, -1)
    for record in records:
        if is_request(record):
            known = record["attributes"]
            this = (
                bool(record["status"]),
                "acra.time.proxy_ms" in known or "acra.verdict" in known,
                record["end"] - record["start"],
            )
            if found is None or this > weight:
                found, weight = record, this
    return found


def top_count(records: Iterable[Mapping[str, Any]]) -> int:
    """Return how many requests a trace has; one in AcraServer and in the connector is one."""
    found = {record["span_id"]: record["parent_id"] for record in records if is_request(record)}
    return sum(parent not in found for parent in found.values())


def verdict_of(record: Mapping[str, Any]) -> str:
    """Return the verdict of a request."""
    known = record["attributes"]
    if record.get("running"):
        return RUNNING
    if number(known, "acra.poison_records"):
        return POISON
    if known.get("acra.verdict") in ("deny", "hangup"):
        return DENIED
    if record["status"]:
        return FAILED
    return SLOW if known.get("acra.slow") else ALLOWED


def shape_id(record: Mapping[str, Any]) -> str:
    """Return the id of the shape of a request's statement; empty if it has none."""
    known = record["attributes"]
    text = known.get("db.query.text")
    if not text:
        return ""
    kind = kind_of(str(record["name"]))
    shown = Redacted(str(text), str(known.get("db.query.summary", "")))
    return shape_of(
        str(known.get("db.system.name", "")), str(known.get("db.namespace", "")), kind, shown
    ).id


def poison_place(known: Mapping[str, Any]) -> str:
    """Return the row and the column of the first poison record that a request read, where they are
    known."""
    row, column = number(known, "acra.poison_row"), known.get("acra.poison_column")
    parts = [f"row {row:,}"] if row else []
    if column:
        parts.append(f"column {name(str(column))}")
    return ", ".join(parts)


def first(records: Sequence[Mapping[str, Any]], key: str) -> str:
    """Return an attribute of the first span that has it, as a text."""
    return next((str(r["attributes"][key]) for r in records if r["attributes"].get(key)), "")


def number(known: Mapping[str, Any], key: str) -> int | None:
    """Return an attribute that is a whole number; None if it is none, or a larger one than any
    counter has, for others may have sent it."""
    value = known.get(key)
    return value if isinstance(value, int) and abs(value) < _NUMBER_MAX else None

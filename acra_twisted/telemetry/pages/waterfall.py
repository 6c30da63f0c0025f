"""Spans of one trace as a waterfall: rows in order of the tree, with offsets and shares.

Used by the page, by its JSON form and by the demo's terminal picture, which may merge the spans
of several daemons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

#: Milliseconds that a wait may be said to have taken.
_WAITED_MAX: Final = 1e12


class Row(NamedTuple):
    """One span: ``depth`` in the tree, ``start`` and ``length`` as shares (0 to 1) of the trace;
    ``mark`` is where the first byte of the database's reply came, None if that is not known."""

    depth: int
    start: float
    length: float
    span: Mapping[str, Any]
    mark: float | None = None


def arrange(records: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Depth-first, children by start.  A span whose parent is missing stands at the top; of those
    that go round in a circle the first one does."""
    by_id = {record["span_id"]: record for record in records}
    if not by_id:
        return []
    children: dict[str, list[Mapping[str, Any]]] = {}
    for record in by_id.values():
        parent = record["parent_id"] if record["parent_id"] in by_id else ""
        children.setdefault(parent, []).append(record)
    begin = min(record["start"] for record in by_id.values())
    whole = max(max(record["end"] for record in by_id.values()) - begin, 1)
    rows: list[Row] = []
    reached: set[str] = set()
    # Whatever goes round in a circle has no way from the top.
    for top in (*_by_start(children.get("", ())), *_by_start(by_id.values())):
        pending = [(0, top)]
        while pending:
            depth, record = pending.pop()
            if record["span_id"] in reached:
                continue
            reached.add(record["span_id"])
            start = (record["start"] - begin) / whole
            length = (record["end"] - record["start"]) / whole
            rows.append(Row(depth, start, length, record, _mark(record, start, length, whole)))
            below = children.get(record["span_id"], ())
            pending += [(depth + 1, child) for child in reversed(_by_start(below))]
    return rows


def _mark(record: Mapping[str, Any], start: float, length: float, whole: int) -> float | None:
    waited = record["attributes"].get("acra.time.first_byte_ms")
    if not isinstance(waited, int | float) or not 0 <= waited <= _WAITED_MAX:
        return None
    return min(start + waited * 1e6 / whole, start + length)


def _by_start(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(records, key=lambda record: record["start"])


def shares(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Nanoseconds spent per stage and in the database, over the exchanges of a trace.

    ``proxy`` is what an exchange took beyond its stages and the database, in AcraServer;
    ``connector and link`` what it took beyond that for the connector, of those exchanges whose span
    is below one of the connector's.  An exchange of which only one of the two is known has no part
    in that.
    """
    spent: dict[str, int] = {}
    by_id = {record["span_id"]: record for record in records}
    exchanges = {key: r for key, r in by_id.items() if "acra.time.proxy_ms" in r["attributes"]}
    left = {key: _took(record) for key, record in exchanges.items()}
    for record in by_id.values():
        known = record["attributes"]
        name = known.get("acra.stage")
        # A stage may have asked a service, as a client of it: that is part of the stage's time.
        asked = record["kind"] == "client" and "db.system.name" in known
        key = f"stage {name}" if name else "database" if asked else ""
        if key and record["parent_id"] in exchanges:
            took = _took(record)
            spent[key] = spent.get(key, 0) + took
            left[record["parent_id"]] -= took
    if exchanges:
        spent["proxy"] = sum(max(rest, 0) for rest in left.values())
    outside: dict[str, int] = {}
    for record in exchanges.values():
        above = by_id.get(record["parent_id"])
        if above is not None and _is_connectors(above):
            key = above["span_id"]
            outside[key] = outside.get(key, _took(above)) - _took(record)
    if outside:
        spent["connector and link"] = sum(max(rest, 0) for rest in outside.values())
    return spent


class Head(NamedTuple):
    """A trace in a few words: times are nanoseconds, ``known`` names and texts."""

    start: int
    took: int
    running: bool
    known: Sequence[tuple[str, str]]


_HEAD = (
    ("Client id", "acra.client_id"),
    ("User", "user.name"),
    ("Database", "db.namespace"),
    ("Verdict", "acra.verdict"),
    ("Refused by", "acra.denied_by"),
    ("Rule", "acra.censor.rule"),
    ("Error", "error.type"),
)
_TICKS = 4


def summary(records: Sequence[Mapping[str, Any]]) -> Head:
    """Sort requests before other spans, and refused ones before the rest."""
    start = min(record["start"] for record in records)
    took = max(record["end"] for record in records) - start
    requests = [record for record in records if "acra.stage" not in record["attributes"]]
    requests.sort(key=lambda record: not record["status"])
    known = []
    for title, key in _HEAD:
        text = next((str(r["attributes"][key]) for r in requests if r["attributes"].get(key)), "")
        if text:
            known.append((title, text))
    running = any(record.get("running") for record in records)
    return Head(start, took, running, known)


def ticks(took: int) -> list[tuple[float, str]]:
    """The axis of a trace that took as long: places in percent, with texts."""
    unit, name = (1e9, "s") if took >= 10**10 else (1e6, "ms") if took >= 10**6 else (1e3, "us")
    return [
        (100 * number / _TICKS, f"{took * number / _TICKS / unit:.4g} {name}")
        for number in range(_TICKS + 1)
    ]


def daemons(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """A number from 0 to 3 for each daemon, for its colour: always the same for ours."""
    names = sorted({record["service"] for record in records})
    ours = [name for name in ("acra-connector", "acra-server") if name in names]
    others = [name for name in names if name not in ours]
    return {name: number % 4 for number, name in enumerate([*ours, *others])}


def folded(rows: Sequence[Row]) -> list[tuple[Row, int, int]]:
    """Each row, how many come below it, and how many of the groups that it and rows before it
    have begun end behind it."""
    below = [0] * len(rows)
    for number in range(len(rows) - 1, -1, -1):
        at = number + 1
        while at < len(rows) and rows[at].depth > rows[number].depth:
            below[number] += 1 + below[at]
            at += 1 + below[at]
    found = []
    begun: list[int] = []
    for number, row in enumerate(rows):
        if below[number]:
            begun.append(row.depth)
        after = rows[number + 1].depth if number + 1 < len(rows) else 0
        ended = [depth for depth in begun if depth >= after]
        begun = begun[: len(begun) - len(ended)]
        found.append((row, below[number], len(ended)))
    return found


def _took(record: Mapping[str, Any]) -> int:
    return int(record["end"] - record["start"])


def _is_connectors(record: Mapping[str, Any]) -> bool:
    """Return True for a connector's span of an exchange."""
    known = record["attributes"]
    return "db.system.name" in known and "acra.time.proxy_ms" not in known


def draw(records: Iterable[Mapping[str, Any]], width: int = 40) -> list[str]:
    """The waterfall as lines of text; ``!`` marks what failed, ``~`` what still runs."""
    lines = []
    for row in arrange(records):
        span = row.span
        label = "  " * row.depth + span["name"]
        left = min(int(row.start * width), width - 1)
        bar = max(int(row.length * width), 1)
        picture = (" " * left + "#" * bar)[:width].ljust(width)
        mark = "!" if span["status"] else "~" if span.get("running") else " "
        took = (span["end"] - span["start"]) / 1e6
        lines.append(f"{span['service'][:14]:14} {label[:44]:44} |{picture}|{mark}{took:9.3f} ms")
    return lines


def draw_shares(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """`shares` as lines of text, the largest first."""
    spent = shares(records)
    whole = sum(spent.values()) or 1
    largest_first = sorted(spent.items(), key=lambda item: -item[1])
    return [f"{name:24} {took / 1e6:9.3f} ms  {took / whole:6.1%}" for name, took in largest_first]

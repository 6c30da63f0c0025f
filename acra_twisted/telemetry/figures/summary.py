"""Read figures: shares, percentiles and changes, as plain values for pages and tools."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from acra_twisted.telemetry.figures.buckets import percentile
from acra_twisted.telemetry.figures.rows import FIRST_BYTE, LINK, PROXY, ROWS, STAGE, WHOLE, Row
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import Found

PERCENTILES: Final = (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99))
#: Orders of a list, each with the largest first.
ORDERS: Final = ("time", "calls", "ours", "mean", "p95", "errors", "denied", "rows")
_MS: Final = 1e6


def described(shape: Shape, row: Row) -> dict[str, Any]:
    """Return all that is known of a shape's figures; their parts are there too, so that others can
    add them up."""
    return {
        "id": shape.id,
        "system": shape.system,
        "database": shape.database,
        "kind": shape.kind,
        "summary": shape.summary,
        "statement": shape.text,
        "total_ms": whole_ms(row),
        "mean_ms": mean_ms(row),
        **percentiles(row, WHOLE),
        "ours_ms": ours_ms(row),
        "database_ms": layers_ms(row, (FIRST_BYTE, ROWS)),
        "link_ms": layers_ms(row, (LINK,)),
        **row.as_json(),
    }


def whole_ms(row: Row) -> float:
    """Return the time of all requests."""
    return layers_ms(row, (WHOLE,))


def mean_ms(row: Row) -> float:
    """Return the time of a request."""
    layer = row.layers.get(WHOLE)
    # A row of another daemon may have a bucket with nothing in it.
    count = 0 if layer is None else layer.count
    return _ms(layer.total / count) if layer is not None and count else 0.0


def percentiles(row: Row, name: str) -> dict[str, float]:
    """Return the percentiles of a layer, right to 9 %; 0 where no request spent time in it."""
    layer = row.layers.get(name)
    counts = {} if layer is None else layer.buckets
    return {title: _ms(percentile(counts, share)) for title, share in PERCENTILES}


def ours_ms(row: Row) -> float:
    """Return the time of all requests in this daemon: the proxy's and the stages'."""
    return layers_ms(row, (PROXY, *(name for name in row.layers if name.startswith(STAGE))))


def layers_ms(row: Row, names: Iterable[str]) -> float:
    """Return the time of all requests in some layers."""
    return _ms(sum(row.layers[name].total for name in names if name in row.layers))


def ordered(found: Iterable[Found], order: str) -> list[Found]:
    """Return figures in one of the `ORDERS`; those that are equal by their ids."""
    key = {
        "time": whole_ms,
        "calls": lambda row: row.calls,
        "ours": ours_ms,
        "mean": mean_ms,
        "p95": lambda row: percentiles(row, WHOLE)["p95_ms"],
        "errors": lambda row: row.errors + row.lost,
        "denied": lambda row: row.denied,
        "rows": lambda row: row.rows,
    }[order]
    return sorted(found, key=lambda one: (-key(one.row), one.shape.id))


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / _MS, 6)

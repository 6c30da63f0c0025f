"""The eight layers of a request's time, in the order of its way, and the figures by layer.

Each view shows time so: in this order, in these colours (classes of ``console.css``).  The first
six are ours, the last two the database's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acra_twisted.telemetry.figures.rows import FIRST_BYTE, LINK, PROXY, ROWS, STAGE, Row

#: Layers with their names.
LAYERS: Final[Mapping[str, str]] = {
    "link": "Connector and link",
    "proxy": "Proxy",
    "other": "Other stages",
    "censor": "Censor",
    "cipher": "Encryption",
    "poison": "Poison",
    "dbfirst": "Database, first byte",
    "dbrows": "Database, rows",
}
#: Where time of each layer is spent, as sentences tell it.
_SPENT: Final[Mapping[str, str]] = {
    "link": "in the connector and link",
    "proxy": "in the proxy",
    "other": "in other stages",
    "censor": "in the censor",
    "cipher": "in encryption",
    "poison": "in the stage for poison",
    "dbfirst": "before the database's first byte",
    "dbrows": "for the database's rows",
}
DATABASE: Final = ("dbfirst", "dbrows")
OURS: Final = tuple(layer for layer in LAYERS if layer not in DATABASE)
_OF: Final[Mapping[str, str]] = {
    LINK: "link",
    PROXY: "proxy",
    STAGE + "censor": "censor",
    STAGE + "encryptor": "cipher",
    STAGE + "decryptor": "cipher",
    STAGE + "poison": "poison",
    FIRST_BYTE: "dbfirst",
    ROWS: "dbrows",
}
_MS: Final = 1e6
#: A layer's part of what was added, from which on it is nearly all of it.
_NEARLY_ALL: Final = 0.90


def layer_of(part: str) -> str:
    """Return the layer of a part of a `Row`'s time; empty for the whole."""
    known = _OF.get(part)
    if known is not None:
        return known
    return "other" if part.startswith(STAGE) else ""


def by_layer(row: Row) -> dict[str, float]:
    """Return the milliseconds of all requests by layer, in the order of the layers; those without
    time are left out."""
    found = dict.fromkeys(LAYERS, 0.0)
    for part, spent in row.layers.items():
        layer = layer_of(part)
        if layer:
            found[layer] += spent.total / _MS
    return {layer: spent for layer, spent in found.items() if spent}


def per_call(row: Row) -> dict[str, float]:
    """Return the mean milliseconds of a request by layer."""
    calls = row.calls or 1
    return {layer: spent / calls for layer, spent in by_layer(row).items()}


def largest_stage(spent: Mapping[str, float]) -> str:
    """Return the stage that has nearly all of the times of other stages, by their names; empty if
    several share it."""
    name = max(spent, key=lambda one: spent[one], default="")
    return name if name and is_nearly_all(spent[name], sum(spent.values())) else ""


def stage_of(row: Row) -> str:
    """Return the name of the one that has nearly all of the time of other stages in a row."""
    return largest_stage(
        {
            part.removeprefix(STAGE): float(spent.total)
            for part, spent in row.layers.items()
            if layer_of(part) == "other"
        }
    )


def spent_in(layer: str, stage: str = "") -> str:
    """Tell where time of a layer was spent: ``in the proxy``.  ``stage`` is the name of the one
    that has the time of other stages, if it is one."""
    return f"in the stage {stage}" if layer == "other" and stage else _SPENT[layer]


def ours(parts: Mapping[str, float]) -> float:
    """Return what is not the database's of times by layer."""
    return sum(parts.get(layer, 0.0) for layer in OURS)


def database(parts: Mapping[str, float]) -> float:
    """Return what is the database's of times by layer."""
    return sum(parts.get(layer, 0.0) for layer in DATABASE)


def largest_change(before: Mapping[str, float], now: Mapping[str, float]) -> tuple[str, float]:
    """Return the layer whose time has grown most, and by how much; empty if none has."""
    grown = {layer: now.get(layer, 0.0) - before.get(layer, 0.0) for layer in LAYERS}
    layer = max(grown, key=lambda one: grown[one])
    return (layer, grown[layer]) if grown[layer] > 0 else ("", 0.0)


def is_nearly_all(grown: float, difference: float) -> bool:
    """Return True if a layer has grown by so much of a difference that the rest is not worth its
    words."""
    return grown >= _NEARLY_ALL * difference

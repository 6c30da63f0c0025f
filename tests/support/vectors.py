"""Byte vectors made by real Themis and real Acra: see ``tests/vectors/README.rst``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from acra_twisted.themis import keys


@cache
def load() -> dict[str, Any]:
    """All of them, by section."""
    return json.loads((Path(__file__).parents[1] / "vectors/themis.json").read_text())


@cache
def encryption() -> dict[str, Any]:
    """Those of protected columns, by group."""
    return json.loads((Path(__file__).parents[1] / "vectors/encryption.json").read_text())


def unhex(item: dict[str, Any], *names: str) -> list[bytes]:
    """Fields of an item as bytes; a missing one is empty."""
    return [bytes.fromhex(item.get(name) or "") for name in names]


@cache
def key_pair(name: str):
    """A private key of the vectors."""
    (item,) = (pair for pair in load()["key_pairs"] if pair["name"] == name)
    return keys.decode_private(bytes.fromhex(item["private"]))

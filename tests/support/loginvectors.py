"""Vectors of logins, made with real servers and clients: see ``tests/vectors/README.rst``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any


@cache
def group(name: str) -> dict[str, Any]:
    """A group of them."""
    return json.loads((Path(__file__).parents[1] / "vectors/authentication.json").read_text())[name]


def cases(name: str) -> list[dict[str, Any]]:
    """The cases of a group."""
    return group(name)["cases"]

"""The name that somebody may have meant who wrote another."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def meant(word: str, known: Iterable[str], form: str = "{!r}", least: float = 0.6) -> str:
    """Return ``; did you mean ...?`` for an error; empty if no name in ``known`` is near.

    ``form`` is how the name is shown, ``least`` how near it has to be: 1 is the same.
    """
    near = get_close_matches(word, list(known), 1, least)
    return f"; did you mean {form.format(near[0])}?" if near else ""

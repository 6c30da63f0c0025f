"""Plain data that knows where it was written, for the messages about its mistakes."""

from __future__ import annotations

from typing import Any


class Text(str):
    """A text, and ``where`` it stands."""

    where: str

    @classmethod
    def at(cls, where: str, text: str) -> Text:
        """``text``, standing there."""
        made = cls(text)
        made.where = where
        return made


class Keys(dict[Any, Any]):
    """A mapping, and in ``places`` where each key stands."""

    places: dict[Any, str]

    def __init__(self) -> None:
        super().__init__()
        self.places = {}

"""The ways in which the keys of a configuration of columns are written: text to value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from acra_twisted.nearest import meant
from acra_twisted.optionkinds import CLIENT_ID, Kind

#: A name between double quotes, or one without any and without a dot.
_PART: Final = re.compile(r'"(?P<quoted>(?:[^"]|"")+)"|(?P<bare>[^".]+)')
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def names_of(text: str) -> tuple[str, ...]:
    """Return the names between the dots of ``schema.table.column``.

    A name is taken as it is written; double quotes around it are taken off, and a dot between them
    is a part of the name.  Raises ValueError.
    """
    found, position = [], 0
    while True:
        match = _PART.match(text, position)
        if match is None:
            raise ValueError("expected a name; one with dots or double quotes stands in quotes")
        quoted = match["quoted"]
        name = match["bare"] if quoted is None else quoted.replace('""', '"')
        if quoted is None and name != name.strip():
            raise ValueError("a name has blanks around it")
        found.append(sound(name))
        position = match.end()
        if position == len(text):
            return tuple(found)
        if text[position] != ".":
            raise ValueError("expected a dot or nothing behind a name in double quotes")
        position += 1


def sound(text: str) -> str:
    """Return a text that a database can hold.  Raises ValueError."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("no text has a NUL or half a character in it")
    return text


class Text(Kind):
    """Any text.  ``verbatim`` as in `Kind`."""

    def __init__(self, noun: str = "text", verbatim: bool = False) -> None:
        self.noun, self.verbatim = noun, verbatim

    def parse(self, text: str) -> str:
        return sound(text)


class Name(Kind):
    """The name of one thing."""

    noun = "a name"

    def parse(self, text: str) -> str:
        names = names_of(text)
        if len(names) > 1:
            raise ValueError("expected one name; one with a dot in it stands in double quotes")
        return names[0]


class Names(Kind):
    """A name with those that it is in, as a tuple.  ``most`` is the number of its parts at most,
    ``least`` at least."""

    def __init__(self, noun: str, least: int, most: int) -> None:
        self.noun, self._least, self._most = noun, least, most

    def parse(self, text: str) -> tuple[str, ...]:
        names = names_of(text)
        if not self._least <= len(names) <= self._most:
            raise ValueError(f"expected {self.noun}")
        return names


class Word(Kind):
    """One of a few words, in lower case.  ``wrong`` is the beginning of the error."""

    def __init__(self, *words: str, wrong: str = "{text!r} is unknown") -> None:
        self.words = words
        self.noun = ", ".join(words[:-1]) + f" or {words[-1]}"
        self._wrong = wrong

    def parse(self, text: str) -> str:
        if text not in self.words:
            told = self._wrong.format(text=text[:40])
            raise ValueError(told + (meant(text, self.words) or f"; expected {self.noun}"))
        return text


class Flag(Kind):
    """A truth value: YAML's, and what ini files have for it."""

    noun = "true or false"
    _words: Final = {
        **dict.fromkeys(("true", "yes", "on"), True),
        **dict.fromkeys(("false", "no", "off"), False),
    }

    def parse(self, text: str) -> bool:
        try:
            return self._words[text.lower()]
        except KeyError:
            raise ValueError("expected true or false") from None


class Whole(Kind):
    """A whole number in decimal."""

    noun = "a whole number"

    def parse(self, text: str) -> int:
        if not _WHOLE.fullmatch(text):
            raise ValueError("expected a whole number in decimal")
        return int(text)


class Owner(Kind):
    """A client id; empty means none."""

    noun = CLIENT_ID.noun

    def parse(self, text: str) -> str:
        return CLIENT_ID.parse(text)


class Day(Kind):
    """A day of the calendar."""

    noun = "a date such as 2027-01-31"

    def parse(self, text: str) -> date:
        if _DATE.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                pass
        raise ValueError(f"expected {self.noun}")


class Several(Kind):
    """A list: YAML's, or with commas between its items.  ``counts``: the key counts as given even
    without a value."""

    def __init__(self, noun: str, item: Kind, counts: bool = False) -> None:
        self.noun, self.item, self.counts = noun, item, counts

    def parse(self, text: str) -> tuple[Any, ...]:
        words = [word.strip() for word in text.replace("\n", ",").split(",")]
        return self.checked([self.item.parse(word) for word in words if word])

    def checked(self, items: Sequence[Any]) -> tuple[Any, ...]:
        """Return the items as the value.  Raises ValueError if one is there twice."""
        if len(set(items)) < len(items):
            raise ValueError("something is twice in the list")
        return tuple(items)

"""Mappings, lists and values of a YAML file, checked against the declaration of their keys.

A reader takes note of all mistakes, each with file and line, and goes on: an operator who corrects
one wants to know the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import yaml

from acra_twisted.encryption.configuration.keys import LEVELS, Given, Level
from acra_twisted.encryption.configuration.kinds import Flag, Several, Whole, Word
from acra_twisted.encryption.settings import NULL
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.optionkinds import Kind
from acra_twisted.options import Option
from acra_twisted.yamltext import place

_TAG: Final = "tag:yaml.org,2002:"
_NULL: Final = f"{_TAG}null"
_MERGE: Final = f"{_TAG}merge"
_VALUES: Final = frozenset(
    f"{_TAG}{name}" for name in ("str", "bool", "int", "float", "timestamp", "value")
)
#: References let a small file name many values.
_MOST_VALUES: Final = 200_000
_INI: Final = "belongs in the section [encryptor] of AcraServer's ini file"
#: Keys that stand nowhere in a file, and what to write instead.
_INSTEAD: Final = {
    "zone_id": "zone_id is not supported: there are no zones; give the data to a client id and "
    "name that in client_id",
    "read_expressions": "read_expressions is not supported: a bypass names the statement that "
    "computes with what is stored",
    **{name: f"{name} {_INI}" for name in ("strict_copies", "ddl_types")},
    **{name: f"{name} {_INI}" for name in ("allow_text_columns", "trusted_functions")},
}


class TooMuchError(Exception):
    """A file names more values than are read."""


class Mapping(NamedTuple):
    """A mapping of the file.  ``values`` are those that could be read, ``inner`` the nodes of what
    has more below; ``sound`` is False if there was a mistake in the values."""

    values: dict[str, Given]
    inner: dict[str, Any]
    where: str
    sound: bool


class Reader:
    """Reads nodes of one file; ``wrong`` are the mistakes found so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.wrong: list[ConfigError] = []
        self._left = _MOST_VALUES

    def where(self, node: Any) -> str:
        """Return ``file:line`` of a node."""
        return place(self.path, node.start_mark.line)

    def refuse(self, text: str, where: str) -> None:
        """Take note of a mistake."""
        self.wrong.append(ConfigError(text, where))

    def mapping(self, node: Any, level: Level) -> Mapping:
        """Read a mapping.  A key without a value counts as not there."""
        found = Mapping({}, {}, self.where(node), True)
        if not isinstance(node, yaml.MappingNode):
            self.refuse(f"expected keys and values {level.place}", found.where)
            return found._replace(sound=False)
        before = len(self.wrong)
        for name, where, value in self._entries(node, level):
            option = level.option(name)
            if name not in level.known:
                self.refuse(_unknown(name, level), where)
            elif option is None:
                if value.tag != _NULL:
                    found.inner[name] = value
            elif (given := self._value(option, value, where)) is not None:
                found.values[name] = given
        return found._replace(sound=len(self.wrong) == before)

    def items(self, mapping: Mapping, name: str) -> Sequence[Any]:
        """Return the nodes of a list, none if it is not given."""
        node = mapping.inner.get(name)
        if node is None:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self.refuse(f"{name}: expected a list", self.where(node))
            return ()
        self._take(len(node.value))
        return list(node.value)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise TooMuchError

    def _entries(self, node: Any, level: Level) -> Iterator[tuple[str, str, Any]]:
        """Yield name, place and value of each key; those of a mapping that is merged only where
        the mapping itself has none."""
        seen: dict[str, str] = {}
        merged = []
        self._take(len(node.value))
        for key, value in node.value:
            where = self.where(key)
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if key.tag == _MERGE:
                merged.append(value)
            elif not name:
                self.refuse(f"expected keys and values {level.place}", where)
            elif name in seen:
                self.refuse(f"{name!r} is given twice; the other is at {seen[name]}", where)
            else:
                seen[name] = where
                yield name, where, value
        for value in merged:
            for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                if not isinstance(other, yaml.MappingNode):
                    self.refuse("<<: expected a mapping", self.where(value))
                    continue
                self._take(len(other.value) + 1)
                for entry in self._entries(other, level):
                    if entry[0] not in seen:
                        seen[entry[0]] = entry[1]
                        yield entry

    def _value(self, option: Option, node: Any, where: str) -> Given | None:
        """Return the value of a key; None if it is none, or wrong."""
        kind = option.kind
        try:
            if isinstance(node, yaml.ScalarNode) and _is_absent(option, node):
                return None
            if not isinstance(kind, Several):
                return Given(kind.parse(_text(kind, node)), where)
            if not isinstance(node, yaml.SequenceNode):
                raise ValueError("expected a list")
            self._take(len(node.value))
            items = [kind.item.parse(_text(kind.item, item)) for item in node.value]
            return Given(kind.checked(items), where)
        except ValueError as error:
            self.refuse(f"{option.name}: {error}", where)
            return None


def _is_absent(option: Option, node: Any) -> bool:
    if isinstance(option.kind, Several) and option.kind.counts:
        return False
    if node.tag == _NULL:
        # The word is a value of one key.
        return not (option.name == "on_plaintext" and node.value == NULL)
    return not node.value and option.name not in ("default_data_value", "masking", "column")


def _text(kind: Kind, node: Any) -> str:
    """Return the text of a value.  Raises ValueError."""
    if isinstance(node, yaml.ScalarNode):
        wanted = "bool" if isinstance(kind, Flag) else "int" if isinstance(kind, Whole) else ""
        fine = node.tag == _TAG + wanted if wanted else node.tag in _VALUES
        if fine or isinstance(kind, Word) and node.tag == _NULL:
            return str(node.value)
    raise ValueError(f"expected {kind.noun}")


def _unknown(name: str, level: Level) -> str:
    if name in _INSTEAD:
        return _INSTEAD[name]
    homes = [other.place for other in LEVELS if name in other.known]
    if homes:
        return f"{name!r} belongs {' or '.join(homes)}, not {level.place}"
    shown = name if len(name) <= 60 else f"{name[:60]}..."
    return f"unknown key {shown!r} {level.place}{meant(name, level.known)}"

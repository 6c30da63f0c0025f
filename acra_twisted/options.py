"""The one declaration of a setting.

An `Option` gives the ini key, the command line flag (``--name=value``), the environment variable
(``ACRA_NAME``), the line in ``--help``, the entry in the sample file and the reference page, and
the validation of whatever value arrives.  `Section` groups options under an ini heading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from acra_twisted.optionkinds import Kind


@dataclass(frozen=True)
class Option:
    """One setting.  ``help`` is one or two plain sentences; units are in the kind or the help.

    ``secret``: never accepted as a flag (command lines are public), never shown by --dump-config.
    ``short``: a second, one-letter name for the flag.
    """

    name: str
    kind: Kind
    default: Any
    help: str
    secret: bool = False
    short: str = ""


@dataclass(frozen=True)
class Section:
    """Options under one ini heading."""

    name: str
    help: str
    options: tuple[Option, ...] = field(default=())


class Line(NamedTuple):
    """A text, and the place where it was given: ``file:line``, a variable or a flag."""

    text: str
    where: str


class Block(NamedTuple):
    """A section of which there may be any number, such as ``[censor:NAME]``.

    ``keys`` holds the lines of each value that are not empty, ``places`` where each key stands.
    """

    name: str
    where: str
    keys: Mapping[str, tuple[Line, ...]]
    places: Mapping[str, str]


class Settings(Mapping[str, Any]):
    """Parsed values by option name: frozen, passed to constructors, never global.

    ``stages`` holds one Settings for each ``[stage:NAME]``, ``blocks`` the sections that may be
    repeated, in file order; ``file`` is the path of the file, empty if there was none.  ``given``
    says of each setting that somebody made where that was (``file:line``, a variable, a flag);
    ``remarks`` are sentences for the operator, about settings that are taken and do nothing.
    ``listeners`` holds one Settings for each ``[listener:NAME]``: all values that hold there, of
    which ``given`` names those that the section has itself.  Iteration is in order of declaration.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        stages: Mapping[str, Settings] | None = None,
        blocks: Sequence[Block] = (),
        file: str = "",
        given: Mapping[str, str] | None = None,
        remarks: Sequence[str] = (),
        listeners: Mapping[str, Settings] | None = None,
    ) -> None:
        self._values = dict(values)
        self.stages: Mapping[str, Settings] = dict(stages or {})
        self.blocks = tuple(blocks)
        self.file = file
        self.given: Mapping[str, str] = dict(given or {})
        self.remarks = tuple(remarks)
        self.listeners: Mapping[str, Settings] = dict(listeners or {})

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Any:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def remarked(self, remarks: Sequence[str]) -> Settings:
        """A copy with more to tell."""
        return self._copy(self._values, (*self.remarks, *remarks))

    def but(self, **changes: Any) -> Settings:
        """A copy with some values changed."""
        unknown = changes.keys() - self._values.keys()
        if unknown:
            raise KeyError(", ".join(sorted(unknown)))
        return self._copy({**self._values, **changes}, self.remarks)

    def _copy(self, values: Mapping[str, Any], remarks: Sequence[str]) -> Settings:
        return Settings(
            values, self.stages, self.blocks, self.file, self.given, remarks, self.listeners
        )


def defaults(sections: Sequence[Section]) -> Settings:
    """Return the settings when nothing is configured."""
    return Settings({o.name: o.default for section in sections for o in section.options})

"""An ini file to settings, strictly: a section or key nobody declared is an error.

Every message says where (file and line) and names the nearest declared word; all mistakes in keys
and values are found at once.
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.options import Block, Line, Option, Section

STAGE_PREFIX = "stage:"
#: Sections of which a server's file may hold any number.
BLOCK_PREFIXES = ("censor:",)

Values = dict[str, Any]
StageValues = dict[str, Values]


def parse_value(option: Option, text: str, where: str) -> Any:
    """Text to value.  Raises ConfigError; the text itself is not shown for secrets."""
    try:
        return option.kind.parse(text)
    except ValueError as error:
        shown = "" if option.secret else f" {text.strip()!r}:"
        raise ConfigError(f"{option.name}:{shown} {error}", where) from None


class IniFile:
    """The text of one file, by section and key, with line numbers."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            with open(path, encoding="utf-8") as file:
                self._lines = file.read().splitlines()
        except OSError as error:
            raise ConfigError(f"cannot read {path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigError("the file is not UTF-8 text", path) from None
        parser = configparser.RawConfigParser(
            delimiters=("=",), comment_prefixes=("#", ";"), default_section="", strict=True
        )
        parser.optionxform = str  # type: ignore[assignment]
        try:
            parser.read_string("\n".join(self._lines), path)
        except configparser.DuplicateOptionError as error:
            raise ConfigError(f"{error.option!r} is given twice", self._at(error)) from None
        except configparser.DuplicateSectionError as error:
            raise ConfigError(f"[{error.section}] is given twice", self._at(error)) from None
        except configparser.MissingSectionHeaderError as error:
            raise ConfigError("a key before the first [section]", self._at(error)) from None
        except configparser.ParsingError as error:
            line = error.errors[0][0] if error.errors else "?"
            raise ConfigError("neither [section] nor key = value", f"{path}:{line}") from None
        self.sections = {name: dict(parser.items(name)) for name in parser.sections()}

    def _at(self, error: Any) -> str:
        return f"{self.path}:{error.lineno}"

    def where(self, section: str, key: str | None = None) -> str:
        """``file:line`` of a section's heading or of a key in it."""
        inside = False
        for number, line in enumerate(self._lines, 1):
            text = line.strip()
            if text.startswith("["):
                inside = text == f"[{section}]"
                if inside and key is None:
                    return f"{self.path}:{number}"
            elif inside and key is not None and text.partition("=")[0].strip() == key:
                return f"{self.path}:{number}"
        return self.path

    def blocks(self, prefixes: Sequence[str] = BLOCK_PREFIXES) -> tuple[Block, ...]:
        """The sections whose names begin so, in file order."""
        found = []
        for name, keys in self.sections.items():
            if name.startswith(tuple(prefixes)):
                places = {key: self.where(name, key) for key in keys}
                lines = {
                    key: tuple(self._lines_of(text, places[key])) for key, text in keys.items()
                }
                found.append(Block(name, self.where(name), lines, places))
        return tuple(found)

    def _lines_of(self, text: str, where: str) -> Iterator[Line]:
        """The lines of a value that begins at ``where``."""
        number = int(where.rpartition(":")[2])
        for line in filter(None, map(str.strip, text.splitlines())):
            # Comments and empty lines may stand between.
            while not self._lines[number - 1].strip().endswith(line):
                number += 1
            yield Line(line, f"{self.path}:{number}")
            number += 1

    def read(self, sections: Sequence[Section], prefixes: Sequence[str] = ()) -> Values:
        """Values of the declared options that the file gives.

        Sections whose names begin with one of ``prefixes`` are left to `blocks`.
        """
        declared = {section.name: section for section in sections}
        values: Values = {}
        wrong: list[ConfigError] = []
        for name, keys in self.sections.items():
            if name.startswith((STAGE_PREFIX, *prefixes)):
                continue
            if name in declared:
                wrong += self._read_keys(declared[name], keys, values, declared)
            else:
                text = f"unknown section [{name}]{_near(name, declared)}"
                wrong.append(ConfigError(text, self.where(name)))
        raise_together(wrong)
        return values

    def read_stages(self, sections: Sequence[Section], installed: Callable[[], Any]) -> StageValues:
        """Values of the stages that are switched on.

        A section of an installed stage that is not in ``stages`` is fine and unread; one of no
        installed stage is an error.
        """
        chosen = {section.name: section for section in sections}
        found: StageValues = {}
        wrong: list[ConfigError] = []
        for name, keys in self.sections.items():
            if not name.startswith(STAGE_PREFIX):
                continue
            stage = name.removeprefix(STAGE_PREFIX)
            if name in chosen:
                found[stage] = {}
                wrong += self._read_keys(chosen[name], keys, found[stage], {name: chosen[name]})
            elif stage not in installed():
                text = f"unknown section [{name}]{_near(stage, installed())}"
                wrong.append(ConfigError(text, self.where(name)))
        raise_together(wrong)
        return found

    def _read_keys(
        self,
        section: Section,
        keys: Mapping[str, str],
        values: Values,
        declared: Mapping[str, Section],
    ) -> Iterator[ConfigError]:
        """Fill ``values``; what is wrong with the keys."""
        options = {option.name: option for option in section.options}
        for key, text in keys.items():
            where = self.where(section.name, key)
            if key not in options:
                home = next(
                    (s.name for s in declared.values() for o in s.options if o.name == key), None
                )
                hint = f"; it belongs in [{home}]" if home else _near(key, options)
                yield ConfigError(f"unknown key {key!r} in [{section.name}]{hint}", where)
                continue
            try:
                values[key] = parse_value(options[key], text, where)
            except ConfigError as error:
                yield error


def _near(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""

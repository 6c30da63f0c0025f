"""The text of an ini file by section and key, strictly.

A section or key that nobody declared is an error.  Every message says where (file and line) and
names the nearest declared word; all mistakes in keys and values are found at once.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from acra_twisted.blocks import ALL_BLOCKS
from acra_twisted.config.hints import hint, owner, section_hint, section_of
from acra_twisted.errors import ConfigError
from acra_twisted.nearest import meant
from acra_twisted.options import Block, Line, Option, Section

STAGE_PREFIX = "stage:"

#: Values that were meant to be none: nobody has taken the quotes off.
EMPTY = ('""', "''")
_COMMENT = re.compile(r"\s[#;]")
_HINT = "a comment stands on a line of its own"

Texts = dict[str, Line]
StageTexts = dict[str, Texts]


class FileTexts(NamedTuple):
    """The contents of a file: values of our options, of those that only Acra has, mistakes, and
    sentences for the operator."""

    ours: Texts
    acra: Texts
    wrong: list[ConfigError]
    remarks: list[str]


class StageFileTexts(NamedTuple):
    """The same of stages; ``unread`` are installed ones that do not run, and where they stand."""

    ours: StageTexts
    wrong: list[ConfigError]
    unread: dict[str, str]


def parse_value(option: Option, text: str, where: str) -> Any:
    """Text to value.  Raises ConfigError; the text itself is not shown for secrets."""
    word = text.strip()
    shown = _shown(option, word)
    verbatim = option.secret or option.kind.verbatim
    if not verbatim and len(word) > 2 and word[0] == word[-1] and word[0] in "\"'":
        text = f"{option.name}:{shown} the quotes count as part of the value; take them off"
        raise ConfigError(text, where)
    try:
        return option.kind.parse("" if word in EMPTY and not verbatim else text)
    except ValueError as error:
        hint = f" ({_HINT})" if not verbatim and _COMMENT.search(word) else ""
        raise ConfigError(f"{option.name}:{shown} {error}{hint}", where) from None


def _shown(option: Option, word: str) -> str:
    """The text, unless it may hold a password: a URL's stands before an @ or behind a ?."""
    closed = option.secret or not option.kind.is_public or "@" in word or "?" in word
    return "" if closed else f" {word!r}:"


class IniFile:
    """The text of one file, by section and key, with line numbers."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()
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
                inside = text.rpartition("]")[0] == f"[{section}"
                if inside and key is None:
                    return f"{self.path}:{number}"
            elif inside and key is not None and text.partition("=")[0].strip() == key:
                return f"{self.path}:{number}"
        return self.path

    def blocks(self, prefixes: Sequence[str] = ALL_BLOCKS) -> tuple[Block, ...]:
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
        # Of a key that was not found the first line counts.
        found = where.rpartition(":")[2]
        number = int(found) if found.isdecimal() else 1
        for line in filter(None, map(str.strip, text.splitlines())):
            # Comments and empty lines may stand between.
            while not self._lines[number - 1].strip().endswith(line):
                number += 1
            yield Line(line, f"{self.path}:{number}")
            number += 1

    def _swallowed(
        self, key: str, text: str, where: str, declared: Mapping[str, Section]
    ) -> list[ConfigError]:
        """Find lines of a value that were meant as keys: those of options, in any section."""
        if "\n" not in text:
            return []
        options = {option.name for section in declared.values() for option in section.options}
        lines = list(self._lines_of(text, where))
        # The first one is the key's own, if it has anything.
        more = lines if text.startswith("\n") else lines[1:]
        named = ((line.text.partition("=")[0].strip(), line) for line in more if "=" in line.text)
        return [
            ConfigError(
                f"the line begins with white space, and so belongs to the value of {key!r} above "
                f"it; begin {name!r} at the margin",
                line.where,
            )
            for name, line in named
            if name in options
        ]

    def read(
        self, sections: Sequence[Section], acra: Collection[str] = (), prefixes: Sequence[str] = ()
    ) -> FileTexts:
        """Read the declared options, and ``acra``'s.

        Sections whose names begin with one of ``prefixes`` are left to `blocks`.
        """
        declared = {section.name: section for section in sections}
        found = FileTexts({}, {}, [], [])
        for name, keys in self.sections.items():
            if name.startswith((STAGE_PREFIX, *prefixes)):
                continue
            if name in declared:
                self._read_keys(declared[name], keys, found, declared, acra)
            else:
                text = f"unknown section [{name}]{section_hint(name, declared)}"
                found.wrong.append(ConfigError(text, self.where(name)))
        return found

    def read_stages(
        self, sections: Sequence[Section], installed: Callable[[], Any]
    ) -> StageFileTexts:
        """Read the stages that are switched on.

        A section of no installed stage is an error.
        """
        chosen = {section.name: section for section in sections}
        found = StageFileTexts({}, [], {})
        for name, keys in self.sections.items():
            if not name.startswith(STAGE_PREFIX):
                continue
            stage = name.removeprefix(STAGE_PREFIX)
            if name in chosen:
                texts = FileTexts(found.ours.setdefault(stage, {}), {}, found.wrong, [])
                self._read_keys(chosen[name], keys, texts, {name: chosen[name]}, ())
            elif stage not in installed():
                text = f"unknown section [{name}]{meant(stage, installed())}"
                found.wrong.append(ConfigError(text, self.where(name)))
            elif keys:
                found.unread[stage] = self.where(name)
        return found

    def read_repeated(
        self, prefix: str, options: Sequence[Option]
    ) -> tuple[StageTexts, list[ConfigError]]:
        """Read sections that may be repeated and have ``options``: texts by what stands behind the
        prefix, and mistakes."""
        found = FileTexts({}, {}, [], [])
        made: StageTexts = {}
        for name, keys in self.sections.items():
            if name.startswith(prefix):
                section = Section(name, "", tuple(options))
                texts = found._replace(ours=made.setdefault(name.removeprefix(prefix), {}))
                self._read_keys(section, keys, texts, {name: section}, ())
        return made, found.wrong

    def _read_keys(
        self,
        section: Section,
        keys: Mapping[str, str],
        found: FileTexts,
        declared: Mapping[str, Section],
        acra: Collection[str],
    ) -> None:
        options = {option.name: option for option in section.options}
        for key, text in keys.items():
            where = self.where(section.name, key)
            option = options.get(key)
            if option is not None:
                found.ours[key] = Line(text, where)
                swallowed = self._swallowed(key, text, where, declared)
                if swallowed:
                    found.wrong.extend(swallowed)
                    del found.ours[key]
                elif not (option.secret or option.kind.verbatim) and _COMMENT.search(text.strip()):
                    shown = _shown(option, text.strip())
                    found.wrong.append(ConfigError(f"{key}:{shown} {_HINT}", where))
                    del found.ours[key]
                continue
            home = next(
                (s.name for s in declared.values() for o in s.options if o.name == key), None
            )
            if home is None and key in acra:
                found.acra[key] = Line(text, where)
                continue
            # A stage's keys are nobody else's.
            told = hint(key, options) if acra else meant(key, options)
            if home:
                told = f"; it belongs in [{home}]"
            elif not acra and (section_name := section_of(key)):
                told = f"; it is set for the whole daemon, in [{section_name}]"
            elif not acra and owner(key):
                told = hint(key, ())
            elif not told:
                told = meant(
                    key, [o.name for s in declared.values() for o in s.options], least=0.75
                )
            found.wrong.append(ConfigError(f"unknown key {key!r} in [{section.name}]{told}", where))

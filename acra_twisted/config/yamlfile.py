"""Acra's configuration files: YAML, a flat map from options to values, and a version.

As in Acra a file without ``version`` is refused, and so is one of a version that is not known; a
key without a value counts as not there.  Unlike Acra, a key that nobody knows is a mistake.
"""

from __future__ import annotations

import json
import math
import os
import re
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

import yaml

from acra_twisted.config.acratable import DUMPED
from acra_twisted.config.hints import hint
from acra_twisted.config.ini import FileTexts, StageFileTexts, StageTexts, Texts
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.events import READ_CONFIGURATION
from acra_twisted.options import Block, Line, Option, Section, Settings
from acra_twisted.yamltext import NULL, TEXT, compose, place

#: PyYAML takes about a second for so much.
_LARGEST: Final = 1 << 18
_OLDEST, _NEWEST = 84, 96
_VERSION: Final = re.compile(r"0\.([0-9]{1,4})(?:\.[0-9]{1,4})?")
_WRITTEN: Final = "0.91.0"
_OFF: Final = ("", "false")
#: Keys that Acra writes into its files although only its command line uses them.
_COMMAND_LINE: Final = frozenset(("config_file", "dump_config", "generate_markdown_args_table"))
_PLAIN: Final = re.compile(r"-?[A-Za-z0-9](?:[A-Za-z0-9./_:@+=-]*[A-Za-z0-9./_@+=-])?")


def read_yaml(path: str, text: str) -> Texts:
    """The values that are not empty, without the version.

    Raises ConfigError, with all mistakes.
    """
    root = compose(path, text, _LARGEST)
    if root is None:
        raise ConfigError("config hasn't version key", path, READ_CONFIGURATION)
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError("expected one option a line: name: value", path)
    found: Texts = {}
    wrong: list[ConfigError] = []
    version: Any = None
    for key, value in root.value:
        where = place(path, key.start_mark.line)
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not name or not isinstance(value, yaml.ScalarNode):
            wrong.append(ConfigError(f"{name or 'a key'}: expected one option: name: value", where))
        elif name in found or name == "version" and version is not None:
            wrong.append(ConfigError(f"{name!r} is given twice", where))
        elif name == "version":
            version = value
            wrong += _check_version(value, where)
        else:
            found[name] = Line("" if value.tag == NULL else value.value, where)
    if version is None:
        wrong.append(ConfigError("config hasn't version key", path, READ_CONFIGURATION))
    raise_together(wrong)
    return {name: line for name, line in found.items() if line.text.strip()}


def _check_version(value: Any, where: str) -> list[ConfigError]:
    if value.tag != TEXT:
        return [_outdated("value of version is not string; write it as 0.91.0", where)]
    match = _VERSION.fullmatch(value.value)
    if match is not None and _OLDEST <= int(match[1]) <= _NEWEST:
        return []
    expected = f'expects "0.{_OLDEST}" to "0.{_NEWEST}" version'
    text = f"config version {json.dumps(value.value[:40])} is not supported, {expected}"
    return [_outdated(text, where)]


def _outdated(text: str, where: str) -> ConfigError:
    return ConfigError(text, where, READ_CONFIGURATION)


class YamlFile:
    """One file, by option.  Raises ConfigError."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.texts = read_yaml(path, text)

    def read(
        self, sections: Sequence[Section], acra: Collection[str] = (), prefixes: Sequence[str] = ()
    ) -> FileTexts:
        """Read the declared options, and ``acra``'s."""
        options = {option.name for section in sections for option in section.options}
        found = FileTexts({}, {}, [], [])
        for name, line in self.texts.items():
            if name in options and line.text.strip().lower() == DUMPED.get(name):
                found.remarks.extend(_not_followed(name, line))
            elif name in options:
                found.ours[name] = line
            elif name in acra:
                found.acra[name] = line
            else:
                found.wrong.extend(unknown_key(name, line, options))
        return found

    def read_stages(
        self, sections: Sequence[Section], installed: Callable[[], Any]
    ) -> StageFileTexts:
        """A flat file has none."""
        return StageFileTexts({}, [], {})

    def read_repeated(
        self, prefix: str, options: Sequence[Option]
    ) -> tuple[StageTexts, list[ConfigError]]:
        """A flat file has none."""
        return {}, []

    def blocks(self, prefixes: Sequence[str] = ()) -> tuple[Block, ...]:
        """A flat file has none."""
        return ()


def unknown_key(name: str, line: Line, options: Collection[str]) -> Iterator[ConfigError]:
    """Say what is wrong with a key that is no option of the program."""
    if name not in _COMMAND_LINE:
        yield ConfigError(f"unknown key {name!r}{hint(name, options)}", line.where)
    elif line.text.strip().lower() not in _OFF:
        yield ConfigError(f"{name} belongs on the command line", line.where)


def _not_followed(name: str, line: Line) -> Iterator[str]:
    """Tell of a default of Acra's that would have something done which Acra does unasked."""
    if name.endswith("from_cert"):
        yield (
            f"{line.where}: {name} = prefer has no effect, for Acra writes it by itself: addresses "
            "that certificates name are not asked; write trust or use to have them asked"
        )


def render_yaml(entries: Sequence[tuple[str, str, str]]) -> str:
    """A file as Acra's --dump_config writes it: name, help and value of each option."""
    lines = [f"version: {_WRITTEN}", ""]
    for name, told, value in sorted(entries):
        plain = not value or _PLAIN.fullmatch(value) and value.lower() != "null"
        shown = value if plain else _quoted(value)
        lines += [*textwrap.wrap(told, 96, initial_indent="# ", subsequent_indent="# ")]
        lines += [f"{name}: {shown}".rstrip(), ""]
    return "\n".join(lines)


def _quoted(value: str) -> str:
    text: str = yaml.safe_dump(value, default_style='"', allow_unicode=True, width=math.inf)
    return text.rstrip("\n")


def settings_as_yaml(sections: Sequence[Section], settings: Settings) -> str:
    """The settings in force; secrets are left empty.  Raises ConfigError for what has no place in
    a flat file."""
    for block in settings.blocks:
        raise ConfigError(f"[{block.name}] has no place in a YAML file; keep the ini file")
    entries = [
        (option.name, option.help, _shown(option, settings[option.name]))
        for section in sections
        for option in section.options
    ]
    return render_yaml(entries)


def _shown(option: Option, value: Any) -> str:
    return "" if option.secret else option.kind.render(value)


def write_file(path: str, text: str) -> None:
    """Put ``text`` in place of the file, mode 0600.  Raises ConfigError."""
    partial = f"{path}.tmp"
    try:
        if folder := os.path.dirname(path):
            os.makedirs(folder, 0o700, exist_ok=True)
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(partial, path)
    except OSError as error:
        raise ConfigError(f"config_file: cannot write {path}: {error.strerror}") from None

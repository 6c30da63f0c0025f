"""A configuration file, whichever form it has: ini as ours are, or YAML as Acra's are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, Protocol

from acra_twisted.blocks import ALL_BLOCKS
from acra_twisted.config.ini import FileTexts, IniFile, StageFileTexts, StageTexts
from acra_twisted.errors import ConfigError
from acra_twisted.events import READ_CONFIGURATION
from acra_twisted.options import Block, Option, Section

_LARGEST: Final = 4 << 20
_YAML_NAMES: Final = (".yaml", ".yml")
_YAML_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\s*:(\s|$)")


class ConfigFile(Protocol):
    """The texts of one file, each with its place."""

    def read(
        self, sections: Sequence[Section], acra: Collection[str] = (), prefixes: Sequence[str] = ()
    ) -> FileTexts:
        """Read the declared options, and ``acra``'s."""

    def read_stages(
        self, sections: Sequence[Section], installed: Callable[[], Any]
    ) -> StageFileTexts:
        """Read the options of stages."""

    def read_repeated(
        self, prefix: str, options: Sequence[Option]
    ) -> tuple[StageTexts, list[ConfigError]]:
        """Read the sections that may be repeated and have options; by what is behind the prefix."""

    def blocks(self, prefixes: Sequence[str] = ALL_BLOCKS) -> tuple[Block, ...]:
        """The sections that may be repeated, in file order."""


def has_yaml_name(path: str) -> bool:
    """Return True if the name says that the content is YAML."""
    return path.lower().endswith(_YAML_NAMES)


def is_to_be_made(path: str) -> bool:
    """Return True if --dump_config makes this file: it has YAML's name, and holds nothing yet."""
    return has_yaml_name(path) and not (os.path.exists(path) and os.path.getsize(path))


def open_file(path: str) -> ConfigFile:
    """Read the file.  Raises ConfigError."""
    text = read_text(path)
    if is_yaml(path, text):
        # It takes time to import, and an ini file is the rule.
        from acra_twisted.config.yamlfile import YamlFile

        return YamlFile(path, text)
    return IniFile(path, text)


def read_text(path: str) -> str:
    """The file's text, without the mark that some editors put in front.  Raises ConfigError."""
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}", code=READ_CONFIGURATION
        ) from None
    if len(data) > _LARGEST:
        raise ConfigError(f"the file has more than {_LARGEST} bytes: it is no configuration", path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text", path) from None


def is_yaml(path: str, text: str) -> bool:
    """Return True if the first line that is no comment is one of YAML; the name, if there is
    none."""
    for line in map(str.strip, text.splitlines()):
        if line and line[0] not in "#;":
            return line[0] != "[" and (
                line[:3] == "---" or _YAML_KEY.match(line) is not None or has_yaml_name(path)
            )
    return has_yaml_name(path)

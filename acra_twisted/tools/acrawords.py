"""Flags that all of Acra's tools share: a configuration file, its dump, and options for key stores
that do not exist here."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.config.acraoptions import judge
from acra_twisted.config.acratable import options_of
from acra_twisted.config.files import has_yaml_name, is_yaml, read_text
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN
from acra_twisted.options import Line

#: Flags of every tool; the value says whether it is a switch.
COMMON: Final[Mapping[str, bool]] = {
    "config_file": False,
    "dump_config": True,
    "generate_markdown_args_table": True,
}
_NEVER_IN_A_FILE: Final = ("help", "h", "version", *COMMON)


class Words(NamedTuple):
    """A command line: ``rest`` is for argparse, ``common`` are the flags of every tool, ``acra``
    those that only Acra has, ``given`` the texts of the tool's own."""

    rest: list[str]
    common: dict[str, str]
    acra: dict[str, Line]
    given: dict[str, str]


def flags_of(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action]]:
    """Name and action of each flag of a parser and of its commands' parsers."""
    # argparse shows them nowhere else.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                yield from flags_of(command)
        for word in action.option_strings:
            yield word.lstrip("-"), action


def split(program: str, words: Sequence[str], known: Mapping[str, bool]) -> Words:
    """``known`` has the tool's own flags, True for switches."""
    acra = {name: o for name, o in options_of(program).items() if name not in known}
    found = Words([], {}, {}, {})
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            found.rest.extend([word, *waiting])
            break
        name, equals, text = word.lstrip("-").partition("=")
        is_flag = word[:2] == "--" and name
        if not is_flag or not (name in COMMON or name in acra or name in known):
            found.rest.append(word)
            continue
        option = acra.get(name)
        switch = COMMON.get(name, False) or (option.is_switch if option else known.get(name, False))
        if not equals and name not in known:
            text = "true" if switch else waiting.pop(0) if waiting else ""
        if name in COMMON:
            found.common[name] = "" if text in ('""', "''") else text
        elif option is not None and option.becomes:
            found.rest.append(f"--{option.becomes}={text}")
        elif option is not None:
            found.acra[name] = Line(text, f"--{name}")
        else:
            found.rest.append(word)
            if equals or switch:
                found.given[name] = text if equals else "true"
            elif waiting:
                found.given[name] = waiting[0]
                found.rest.append(waiting.pop(0))
    return found


def read_file(
    program: str, path: str, actions: Mapping[str, Sequence[argparse.Action]]
) -> tuple[dict[str, Line], list[ConfigError]]:
    """Make a file's values the defaults of ``actions``; what it has of Acra's options, and what is
    wrong with it.  Raises ConfigError if it cannot be read at all."""
    text = read_text(path)
    if not is_yaml(path, text):
        other = "; --server_config names the ini file of an AcraServer"
        told = other if "server_config" in actions else ""
        raise ConfigError(f"expected one option a line, name: value, and version{told}", path)
    from acra_twisted.config.yamlfile import read_yaml, unknown_key

    known = options_of(program)
    acra: dict[str, Line] = {}
    wrong: list[ConfigError] = []
    for name, line in read_yaml(path, text).items():
        target = known[name].becomes if name in known and name not in actions else name
        if target in actions:
            wrong += [error for action in actions[target] for error in _set(action, name, line)]
        elif name in known:
            acra[name] = line
        else:
            wrong += unknown_key(name, line, actions)
    return acra, wrong


def _set(action: argparse.Action, name: str, line: Line) -> Iterator[ConfigError]:
    """Make a text the action's default."""
    kind: Any = action.type or str
    try:
        value = kind(line.text)
    except (ValueError, argparse.ArgumentTypeError) as error:
        yield ConfigError(f"{name}: {error}", line.where)
        return
    if action.choices is not None and value not in action.choices:
        words = ", ".join(str(choice) for choice in action.choices if choice)
        yield ConfigError(f"{name}: expected one of {words}", line.where)
        return
    action.default = [value] if isinstance(action, argparse._AppendAction) else value
    action.required = False


def entries(
    actions: Mapping[str, Sequence[argparse.Action]], given: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Name, help and value of each flag that a file may set."""
    return [
        (name, (found[0].help or "") % {}, given.get(name, _text(found[0].default)))
        for name, found in actions.items()
        if name not in _NEVER_IN_A_FILE and len(name) > 1
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return BOOLEAN.render(value)
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def dump(
    program: str, common: Mapping[str, str], found: Sequence[tuple[str, str, str]]
) -> Iterator[str]:
    """Write the file that was asked for; what is to be printed.  Raises ConfigError."""
    from acra_twisted.config.yamlfile import render_yaml, write_file

    path = common.get("config_file", "")
    if _is_on(common, "dump_config"):
        if has_yaml_name(path):
            write_file(path, render_yaml(found))
        else:
            yield render_yaml(found)
    if _is_on(common, "generate_markdown_args_table"):
        lines = [f"# {program}", "", "| Option | Default | Description |", "|---|---|---|"]
        lines += [f"| `{name}` | {value} | {told} |" for name, told, value in sorted(found)]
        text = "\n".join(lines) + "\n"
        if has_yaml_name(path):
            write_file(os.path.join(os.path.dirname(path), f"markdown_{program}.md"), text)
        else:
            yield text


def _is_on(common: Mapping[str, str], name: str) -> bool:
    try:
        return BOOLEAN.parse(common.get(name, "false"))
    except ValueError as error:
        raise ConfigError(f"--{name}: {error}") from None


def asks_for_dump(common: Mapping[str, str]) -> bool:
    """Return True if the command line asks only for a dump.  Raises ConfigError."""
    return any(_is_on(common, name) for name, switch in COMMON.items() if switch)


def refusals(
    program: str, acra: Mapping[str, Line], from_file: Mapping[str, Line]
) -> list[ConfigError]:
    """Return an error for each requested feature that does not exist here."""
    filed = [name for name in from_file if name not in acra]
    return judge(program, {**from_file, **acra}, filed).wrong

"""Man pages, from what also makes ``--help``: the options of the daemons, the parsers of the tools.

`write` makes one for each program that is installed.
"""

from __future__ import annotations

import argparse
import io
import re
from collections.abc import Sequence
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from acra_twisted import __version__
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.reading import ACTIONS, environment_name
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import Option, Section
from acra_twisted.tools.commandline import Parser

TOP = Path(__file__).parents[1]
DAEMONS: dict[str, tuple[str, Sequence[Section]]] = {
    "acra-server": (
        "stand between applications and their database: inspect, refuse, decrypt, trace",
        SERVER_SECTIONS,
    ),
    "acra-connector": (
        "take an application's connections to AcraServer, encrypted and traced",
        CONNECTOR_SECTIONS,
    ),
}
_SIGNALS = (
    (
        "SIGTERM, SIGINT",
        "Sessions end between transactions; the daemon stops after the last, or "
        "when incoming_connection_close_timeout is over.  A second signal does not wait.",
    ),
    ("SIGHUP", "Rules, keys and certificates are read anew, each of them all or not at all."),
    ("SIGUSR1", "Log files are opened anew, after they were rotated."),
)


def escaped(text: str) -> str:
    """Text as roff takes it literally, in one paragraph."""
    return escaped_line(" ".join(text.replace("``", "").split()))


def escaped_line(line: str) -> str:
    """A line as it is."""
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return re.sub(r"^\.", r"\\&.", line)


def head(program: str, number: int, purpose: str, date: str) -> list[str]:
    """The title and the name."""
    return [
        f'.TH {program.upper()} {number} {date} "acra\\-twisted {__version__}"',
        ".SH NAME",
        f"{escaped(program)} \\- {escaped(purpose)}",
    ]


def entry(term: str, text: str) -> list[str]:
    """A term and what it means."""
    return [".TP", f".B {escaped(term)}", escaped(text) or "\\&"]


def daemon_page(program: str, date: str) -> str:
    """The page of a daemon, section 8."""
    purpose, sections = DAEMONS[program]
    lines = [
        *head(program, 8, purpose, date),
        ".SH SYNOPSIS",
        f".B twistd \\-n {escaped(program)}",
        ".RI \\-\\-config_file= FILE",
        ".RI [\\-\\-name= value \\&...]",
        ".SH DESCRIPTION",
        escaped(
            "Each setting below is a key of the ini file, a flag --name=value and an environment "
            "variable ACRA_NAME.  A flag overrides the environment, which overrides the file, "
            "which overrides the default.  The command line takes no secrets."
        ),
    ]
    for section in (ACTIONS, *sections):
        lines += [f".SH {escaped(section.name).upper()}", escaped(section.help)]
        for option in section.options:
            lines += _option(option)
    lines.append(".SH SIGNALS")
    for term, text in _SIGNALS:
        lines += entry(term, text)
    lines += [
        ".SH FILES",
        *entry("PREFIX/share/acra-twisted/etc", "Samples of the ini files, with every setting."),
        *entry("PREFIX/share/acra-twisted/systemd", "Units for systemd."),
        *entry("PREFIX/share/doc/acra-twisted", "The documentation."),
        *see_also(program),
    ]
    return "\n".join(lines) + "\n"


def _option(option: Option) -> list[str]:
    value = "" if option.secret else option.kind.render(option.default)
    default = f"  Default: {value}." if value else ""
    text = f"{option.help} ({option.kind.noun}){default}"
    if option.secret:
        return entry(environment_name(option.name), f"{text}  Not a flag: it is a secret.")
    return entry(f"--{option.name}=...", text)


def tools() -> dict[str, str]:
    """Console scripts and their modules, as setup.cfg declares them."""
    declared = ConfigParser()
    declared.read(TOP / "setup.cfg")
    lines = declared["options.entry_points"]["console_scripts"].split("\n")
    pairs = (line.partition("=") for line in lines if line)
    return {name.strip(): target.strip().partition(":")[0] for name, _, target in pairs}


def _others(program: str) -> list[tuple[str, int]]:
    names = {**dict.fromkeys(tools(), 1), **dict.fromkeys(DAEMONS, 8)}
    return sorted((name, number) for name, number in names.items() if name != program)


class _Asked(Exception):
    """The parser that was asked for help is ``args[0]``."""


def parser_of(module: str) -> argparse.ArgumentParser | str:
    """The parser that a tool makes for itself, or the text that one without prints for help."""

    def asked(self: Parser, file: object = None) -> None:
        raise _Asked(self)

    printed = io.StringIO()
    with patch.object(Parser, "print_help", asked):
        try:
            import_module(module).main(["--help"], {}, printed)
        except _Asked as found:
            parser: argparse.ArgumentParser = found.args[0]
            return parser
    return printed.getvalue()


def told_page(program: str, text: str, date: str) -> str:
    """The page of a tool that prints ``text`` for help: how it is used, then what it does."""
    usage, _, rest = text.partition("\n\n")
    about, _, more = rest.partition("\n\n")
    purpose = re.split(r"[.:](?:\s|$)", about)[0]
    lines = [
        *head(program, 1, purpose[0].lower() + purpose[1:], date),
        ".SH SYNOPSIS",
        escaped(usage.partition(": ")[2]),
        ".SH DESCRIPTION",
        escaped(about),
        ".SH OPTIONS",
        ".nf",
        *(escaped_line(line) for line in more.rstrip().splitlines()),
        ".fi",
        *see_also(program),
    ]
    return "\n".join(lines) + "\n"


def see_also(program: str) -> list[str]:
    """The other pages."""
    names = (escaped(f"{name}({number})") for name, number in _others(program))
    return [".SH SEE ALSO", ", ".join(names)]


def tool_page(program: str, module: str, date: str) -> str:
    """The page of a tool, section 1."""
    parser = parser_of(module)
    if isinstance(parser, str):
        return told_page(program, parser, date)
    purpose = (parser.description or program).rstrip(".")
    lines = [
        *head(program, 1, purpose[0].lower() + purpose[1:], date),
        ".SH SYNOPSIS",
        escaped(" ".join(parser.format_usage().split()[1:])),
        ".SH DESCRIPTION",
        escaped(f"{parser.description or purpose}  {parser.epilog or ''}"),
        *_arguments(parser, ".SH OPTIONS"),
    ]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            helps = {choice.dest: choice.help for choice in action._choices_actions}
            for name, command in action.choices.items():
                lines += [
                    f".SH {escaped(f'command {name}').upper()}",
                    escaped(helps.get(name) or command.description or ""),
                    ".PP",
                    escaped(" ".join(command.format_usage().split()[1:])),
                    *_arguments(command, ""),
                ]
    lines += [
        ".SH EXIT STATUS",
        escaped("0, or 1 after a line on standard error that says what is wrong."),
        *see_also(program),
    ]
    return "\n".join(line for line in lines if line) + "\n"


def _arguments(parser: argparse.ArgumentParser, title: str) -> list[str]:
    lines = [title]
    formatter = parser.formatter_class(prog=parser.prog)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) or action.help == argparse.SUPPRESS:
            continue
        term = formatter._format_action_invocation(action)
        lines += entry(term, formatter._expand_help(action) if action.help else "")
    return lines


def pages(date: str) -> dict[str, str]:
    """Names of files and what is in them; ``date`` is the release's."""
    found = {f"{program}.8": daemon_page(program, date) for program in DAEMONS}
    return found | {f"{name}.1": tool_page(name, module, date) for name, module in tools().items()}


def write(folder: Path, date: str) -> None:
    """Write all of them."""
    folder.mkdir(exist_ok=True)
    for name, text in pages(date).items():
        (folder / name).write_text(text)

"""Command line, environment and file to settings: what ``twistd acra-server`` parses.

Flags are accepted as Acra's command lines write them: ``--name=value`` or ``-name=value``, other
than booleans also ``--name value``.  Precedence: default, file, environment, flag.  Any mistake
is one line on standard error and exit status 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn, TextIO

from twisted.python import usage

from acra_twisted.config.ini import IniFile, StageValues, Values, parse_value
from acra_twisted.config.render import render_help, render_ini
from acra_twisted.errors import ConfigError
from acra_twisted.options import BOOLEAN, FILE, Block, Boolean, Option, Section, Settings

#: What twistd writes if nobody says otherwise, whatever it runs.
_TWISTDS_PID_FILE: Final = "twistd.pid"
#: Only on the command line.
ACTIONS = Section(
    "command line",
    "Only on the command line.",
    (
        Option("config_file", FILE, "", "Path of the ini file to read.", short="config"),
        Option("check_config", BOOLEAN, False, "Check the whole configuration and exit."),
        Option(
            "probe_exporters",
            BOOLEAN,
            False,
            "With --check_config: ask every destination of spans whether it takes some, too.",
        ),
        Option("dump_config", BOOLEAN, False, "Print the settings in force as an ini file."),
        Option("help", BOOLEAN, False, "Print this help and exit.", short="h"),
    ),
)


def environment_name(option: str, stage: str = "") -> str:
    """``ACRA_DB_HOST`` for db_host; ``ACRA_STAGE_NAME_KEY`` for a stage's key."""
    return f"ACRA_STAGE_{stage}_{option}".upper() if stage else f"ACRA_{option}".upper()


class Program:
    """A daemon as its command line sees it.

    ``stages`` gives the sections of the stages that values and blocks choose (or raises
    ConfigError), ``installed`` the names of all; ``check`` raises ConfigError if the settings
    can't be used together, ``check_whole`` also for what a start would find when it makes its
    parts: only --check_config asks.  ``probe`` asks what is outside: name and what is wrong.
    ``blocks`` are the prefixes of sections that may be repeated.
    """

    def __init__(
        self,
        name: str,
        sections: Sequence[Section],
        check: Callable[[Settings], None],
        stages: Callable[[Mapping[str, Any], Sequence[Block]], list[Section]] = lambda *_: [],
        installed: Callable[[], Any] = dict,
        blocks: Sequence[str] = (),
        check_whole: Callable[[Settings], None] = lambda settings: None,
        probe: Callable[[Settings], list[tuple[str, str]]] = lambda settings: [],
    ) -> None:
        self.name = name
        self.sections = tuple(sections)
        self.check = check
        self.stages = stages
        self.installed = installed
        self.blocks = tuple(blocks)
        self.check_whole = check_whole
        self.probe = probe


class Flags:
    """A command line split into option names and texts."""

    def __init__(self, program: Program, arguments: Sequence[str]) -> None:
        self.options: dict[str, str] = {}
        self.stages: dict[str, str] = {}
        known: dict[str, Option] = {}
        for section in (*program.sections, ACTIONS):
            for option in section.options:
                known[option.name] = option
                known[option.name.replace("_", "-")] = option
                if option.short:
                    known[option.short] = option
        waiting = list(arguments)
        while waiting:
            word = waiting.pop(0)
            name, equals, text = word.lstrip("-").partition("=")
            if not word.startswith("-") or not name:
                raise ConfigError(f"unexpected argument {word!r}; flags are --name=value")
            if name.startswith("stage."):
                self.stages[name] = text
                continue
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f"; did you mean --{near[0]}?" if near else "; see --help"
                raise ConfigError(f"unknown flag --{name}{hint}")
            option = known[name]
            if option.secret:
                raise ConfigError(
                    f"--{option.name}: secrets are not taken from the command line, where every "
                    f"user of this machine can read them; use the ini file or "
                    f"{environment_name(option.name)}"
                )
            if not equals:
                if isinstance(option.kind, Boolean):
                    text = "true"
                elif not waiting:
                    raise ConfigError(f"flag --{name} needs a value: --{name}=...")
                else:
                    text = waiting.pop(0)
            self.options[option.name] = text


def load(
    program: Program, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Settings, Settings]:
    """Settings and actions.  Raises ConfigError."""
    flags = Flags(program, arguments)
    actions = Settings(
        {
            option.name: parse_value(option, flags.options[option.name], f"--{option.name}")
            if option.name in flags.options
            else option.default
            for option in ACTIONS.options
        }
    )
    if actions["help"]:
        return Settings({}), actions
    values: Values = {o.name: o.default for s in program.sections for o in s.options}
    ini = IniFile(actions["config_file"]) if actions["config_file"] else None
    if ini is not None:
        values.update(ini.read(program.sections, program.blocks))
    for section in program.sections:
        for option in section.options:
            name = environment_name(option.name)
            if name in environment:
                values[option.name] = parse_value(option, environment[name], name)
            if option.name in flags.options:
                where = f"--{option.name}"
                values[option.name] = parse_value(option, flags.options[option.name], where)
    blocks = ini.blocks(program.blocks) if ini is not None else ()
    stages = program.stages(values, blocks)
    if stages:
        values["stages"] = tuple(section.name.partition(":")[2] for section in stages)
    given: StageValues = ini.read_stages(stages, program.installed) if ini is not None else {}
    own = _stage_settings(stages, given, flags.stages, environment)
    settings = Settings(values, own, blocks, actions["config_file"])
    program.check(settings)
    if actions["check_config"]:
        program.check_whole(settings)
    return settings, actions


def _stage_settings(
    sections: Sequence[Section],
    given: StageValues,
    flags: Mapping[str, str],
    environment: Mapping[str, str],
) -> dict[str, Settings]:
    found: dict[str, Settings] = {}
    unused = dict(flags)
    for section in sections:
        stage = section.name.partition(":")[2]
        values = {option.name: option.default for option in section.options}
        values.update(given.get(stage, {}))
        for option in section.options:
            name = environment_name(option.name, stage)
            if name in environment:
                values[option.name] = parse_value(option, environment[name], name)
            flag = f"stage.{stage}.{option.name}"
            if flag in unused:
                values[option.name] = parse_value(option, unused.pop(flag), f"--{flag}")
        found[stage] = Settings(values)
    if unused:
        raise ConfigError(f"unknown flag --{next(iter(unused))}: no such key of a chosen stage")
    return found


class DaemonOptions(usage.Options):
    """What twistd hands its arguments to.  Subclasses set ``program``."""

    program: Program
    settings: Settings
    output: TextIO = sys.stdout
    errors: TextIO = sys.stderr

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Fill ``settings``, or do what was asked for and exit."""
        try:
            settings, actions = load(self.program, options or (), os.environ)
        except ConfigError as error:
            fail(self.program.name, error, self.errors)
        self.settings = settings
        if actions["help"]:
            self.output.write(render_help(self.program.name, (*self.program.sections, ACTIONS)))
        elif actions["dump_config"]:
            self.output.write(render_ini(self.program.name, self.program.sections, settings))
        elif actions["check_config"]:
            if actions["probe_exporters"]:
                self._probe(settings)
            self.output.write(f"{self.program.name}: the configuration is fine\n")
        else:
            self._choose_pid_file()
            return
        self.output.flush()
        raise SystemExit(0)

    def _choose_pid_file(self) -> None:
        """In the foreground there is no pid file, unless twistd was given one; in the background
        each daemon has its own, so that several can be started in one folder."""
        twistd = self.parent
        if twistd is not None and twistd["pidfile"] == _TWISTDS_PID_FILE:
            twistd["pidfile"] = "" if twistd["nodaemon"] else f"{self.program.name}.pid"

    def _probe(self, settings: Settings) -> None:
        found = self.program.probe(settings)
        for name, wrong in found:
            self.output.write(f"{self.program.name}: exporter {name}: {wrong or 'fine'}\n")
        if any(wrong for _, wrong in found):
            self.output.flush()
            raise SystemExit(1)


def fail(program: str, error: Exception, errors: TextIO | None = None) -> NoReturn:
    """A line for each mistake that says what to do, and exit status 1."""
    stream = sys.stderr if errors is None else errors
    stream.write("".join(f"{program}: {line}\n" for line in str(error).splitlines()))
    stream.flush()
    raise SystemExit(1) from None

"""Command line, environment and file to settings.

Flags are accepted as Acra's command lines write them: ``--name=value`` or ``-name=value``, other
than booleans also ``--name value``.  Precedence: default, file, environment, flag.  All that is
wrong with any of them is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from acra_twisted.blocks import LISTENER
from acra_twisted.config.acraoptions import Judged, address, judge
from acra_twisted.config.acratable import options_of
from acra_twisted.config.actions import ACTIONS, ineffective
from acra_twisted.config.effects import Rule, without_effect
from acra_twisted.config.files import ConfigFile, is_to_be_made, open_file
from acra_twisted.config.hints import hint, misspelt
from acra_twisted.config.ini import EMPTY, StageTexts, parse_value
from acra_twisted.config.listeners import Listener, read_listeners, settings_of
from acra_twisted.config.places import placed
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.optionkinds import Boolean
from acra_twisted.options import Block, Line, Option, Section, Settings

#: Flags of twistd that stand before the name of a daemon, and are not the daemon's.
_TWISTD: Final = frozenset(
    (
        *("nodaemon", "n", "pidfile", "logfile", "l", "syslog", "rundir", "chroot", "umask"),
        *("uid", "u", "gid", "g", "reactor", "r"),
    )
)


def environment_name(option: str, stage: str = "") -> str:
    """``ACRA_DB_HOST`` for db_host; ``ACRA_STAGE_NAME_KEY`` for a stage's key."""
    return f"ACRA_STAGE_{stage}_{option}".upper() if stage else f"ACRA_{option}".upper()


async def _no_probe(reactor: Any, settings: Settings) -> list[tuple[str, str]]:
    return []


class Program:
    """A daemon as its command line sees it.

    ``settle`` fills in what follows from settings that were made.  ``rules`` say where settings
    have an effect.  ``stages`` gives the sections of the stages that values and blocks choose (or
    raises ConfigError), ``installed`` the names of all; ``check`` raises ConfigError if the
    settings can't be used together, ``check_whole`` also for what a start would find when it makes
    its parts, and gives sentences for the operator: only --check_config asks, and who has something
    to mend anyway.  ``probe`` gets a reactor and asks what is outside: name and what is wrong.
    ``blocks`` are the prefixes of sections that may be repeated.  ``examination`` gives the
    doctor.examination.Examination, which brings much along.  ``listener`` are the options that
    ``[listener:NAME]`` may have; without them there are no such sections.
    """

    def __init__(
        self,
        name: str,
        sections: Sequence[Section],
        check: Callable[[Settings], None],
        stages: Callable[[Mapping[str, Any], Sequence[Block]], list[Section]] = lambda *_: [],
        installed: Callable[[], Any] = dict,
        blocks: Sequence[str] = (),
        check_whole: Callable[[Settings], Sequence[str]] = lambda settings: (),
        probe: Callable[[Any, Settings], Coroutine[Any, Any, list[tuple[str, str]]]] = _no_probe,
        settle: Callable[[dict[str, Any], Mapping[str, str]], None] = lambda values, given: None,
        rules: Sequence[Rule] = (),
        examination: Callable[[], Any] = lambda: None,
        listener: Sequence[Option] = (),
    ) -> None:
        self.name = name
        self.sections = tuple(sections)
        self.check = check
        self.stages = stages
        self.installed = installed
        self.blocks = tuple(blocks)
        self.check_whole = check_whole
        self.probe = probe
        self.settle = settle
        self.rules = tuple(rules)
        self.examination = examination
        self.listener = tuple(listener)
        #: Prefixes of all sections of which there may be any number.
        self.repeated = (*self.blocks, LISTENER) if self.listener else self.blocks


class Flags:
    """A command line split into option names and texts.

    ``options`` are ours, ``acra`` those that Acra has and we do not, ``stages`` those of stages;
    ``wrong`` are all mistakes.
    """

    def __init__(self, program: Program, arguments: Sequence[str]) -> None:
        self.options: dict[str, Line] = {}
        self.acra: dict[str, Line] = {}
        self.stages: dict[str, str] = {}
        self.wrong: list[ConfigError] = []
        self._known: dict[str, Option] = {}
        self._acra = options_of(program.name)
        for section in (*program.sections, ACTIONS):
            for option in section.options:
                self._known[option.name] = option
                self._known[option.name.replace("_", "-")] = option
                if option.short:
                    self._known[option.short] = option
        waiting = list(arguments)
        while waiting:
            try:
                self._take(waiting.pop(0), waiting)
            except ConfigError as error:
                self.wrong.append(error)

    def _take(self, word: str, waiting: list[str]) -> None:
        name, equals, text = word.lstrip("-").partition("=")
        if not word.startswith("-") or not name:
            raise ConfigError(f"unexpected argument {word!r}; flags are --name=value")
        if name.startswith("stage."):
            self.stages[name] = text
            return
        if name in self._known:
            option = self._known[name]
            text = self._text(name, equals, text, isinstance(option.kind, Boolean), waiting)
            if option.secret:
                if not text:
                    # It gives nothing away, and takes nothing from the file or the environment.
                    return
                raise ConfigError(
                    f"--{option.name}: secrets are not taken from the command line, where every "
                    f"user of this machine can read them; use the file or "
                    f"{environment_name(option.name)}"
                )
            self.options[option.name] = Line(text, f"--{option.name}")
        elif name in self._acra:
            text = self._text(name, equals, text, self._acra[name].is_switch, waiting)
            self.acra[name] = Line(text, f"--{name}")
        else:
            if name in _TWISTD:
                flag, _, _ = word.partition("=")
                raise ConfigError(f"{flag} is a flag of twistd: give it before the daemon's name")
            told = hint(name, self._known, "--{}") or "; see --help"
            raise ConfigError(f"unknown flag --{name}{told}")

    @staticmethod
    def _text(name: str, equals: str, text: str, switch: bool, waiting: list[str]) -> str:
        """The value: behind the sign, or for what is no switch the next word."""
        if not equals:
            if switch:
                return "true"
            if not waiting:
                raise ConfigError(f"flag --{name} needs a value: --{name}=...")
            text = waiting.pop(0)
        # Acra's compose files write --config_file="" without a shell that takes the quotes off.
        return "" if text in EMPTY else text


class _Reading:
    """One reading of flags, environment and file, with all that is wrong."""

    def __init__(
        self, program: Program, flags: Flags, environment: Mapping[str, str], path: str
    ) -> None:
        self.program = program
        self.flags = flags
        self.environment = environment
        self.wrong = list(flags.wrong)
        self.remarks: list[str] = []
        self.values: dict[str, Any] = {
            o.name: o.default for s in program.sections for o in s.options
        }
        self.given: dict[str, str] = {}
        self.blocks: tuple[Block, ...] = ()
        self.stages: dict[str, Settings] = {}
        self.listeners: dict[str, Listener] = {}
        self._options = {o.name: o for s in program.sections for o in s.options}
        self.file: ConfigFile | None = None
        if path:
            with self._noting():
                self.file = open_file(path)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        """A mistake is kept, and reading goes on."""
        try:
            yield
        except ConfigError as error:
            self.wrong.append(error)

    def read(self) -> None:
        """Fill the rest."""
        acra: dict[str, Line] = {}
        filed: frozenset[str] = frozenset()
        if self.file is not None:
            acra_names = options_of(self.program.name)
            texts, acra, wrong, remarks = self.file.read(
                self.program.sections, acra_names, self.program.repeated
            )
            filed = frozenset(acra)
            self.wrong += wrong
            self.remarks += remarks
            self._take(texts)
        named = {name: environment_name(name) for name in (*self._options, *self._acra_names())}
        found = {
            name: Line(self.environment[variable], variable)
            for name, variable in named.items()
            if variable in self.environment
        }
        self.remarks += misspelt(self.environment, named.values())
        ours = {name: entry for name, entry in found.items() if name in self._options}
        acra |= {name: entry for name, entry in found.items() if name not in self._options}
        acra |= self.flags.acra
        filed -= self.flags.acra.keys() | found.keys()
        self._take(ours)
        self._take({n: e for n, e in self.flags.options.items() if n in self._options})
        judged = judge(self.program.name, acra, filed)
        self.wrong += judged.wrong
        self.remarks += judged.remarks
        self._take({n: e for n, e in judged.ours.items() if n not in self.given and e.text})
        self._listen(judged)
        if self.file is not None:
            self.blocks = self.file.blocks(self.program.repeated)
        self.program.settle(self.values, self.given)
        if self.file is not None and self.program.listener:
            repeated, wrong = self.file.read_repeated(LISTENER, self.program.listener)
            self.listeners, mistakes = read_listeners(
                repeated,
                self.program.listener,
                self.values,
                self.given,
                self.blocks,
                self.program.settle,
            )
            self.wrong += [*wrong, *mistakes]
        self._read_stages()
        # In the order of the file, whatever was looked at first; sorting keeps the rest in place.
        self.wrong.sort(key=_line)

    def _acra_names(self) -> Iterator[str]:
        return (name for name in options_of(self.program.name) if name not in self._options)

    def _take(self, texts: Mapping[str, Line]) -> None:
        for name, (text, where) in texts.items():
            self.given[name] = where
            with self._noting():
                self.values[name] = parse_value(self._options[name], text, where)

    def _listen(self, judged: Judged) -> None:
        for name in {options_of(self.program.name)[part].becomes for part in judged.parts}:
            self.values[name], where = address(
                self.program.name, judged, name, name in self.given, self.values[name]
            )
            if where:
                self.given[name] = where

    def _read_stages(self) -> None:
        sections: list[Section] = []
        with self._noting():
            sections = self.program.stages(self.values, self.blocks)
        if sections:
            self.values["stages"] = tuple(section.name.partition(":")[2] for section in sections)
        for listener in self.listeners.values():
            with self._noting():
                more = listener.choose(self.program.stages)
                sections = list({each.name: each for each in (*sections, *more)}.values())
        texts: StageTexts = {}
        if self.file is not None:
            texts, wrong, unread = self.file.read_stages(sections, self.program.installed)
            self.wrong += wrong
            if not self.wrong:
                self._tell_of_unread(unread)
        unused = dict(self.flags.stages)
        for section in sections:
            stage = section.name.partition(":")[2]
            values = {option.name: option.default for option in section.options}
            for option in section.options:
                flag = f"stage.{stage}.{option.name}"
                variable = environment_name(option.name, stage)
                found = [texts.get(stage, {}).get(option.name)]
                if variable in self.environment:
                    found.append(Line(self.environment[variable], variable))
                if flag in unused:
                    found.append(Line(unused.pop(flag), f"--{flag}"))
                for entry in filter(None, found):
                    with self._noting():
                        values[option.name] = parse_value(option, *entry)
            self.stages[stage] = Settings(values)
        for flag in unused:
            self.wrong.append(ConfigError(f"unknown flag --{flag}: no such key of a chosen stage"))

    def _tell_of_unread(self, unread: Mapping[str, str]) -> None:
        """Sections of stages that do not run.  One that protects must not be off by accident."""
        installed = self.program.installed() if unread else {}
        for stage, where in unread.items():
            error = ConfigError(
                f"[stage:{stage}] has no effect: stages does not name {stage!r}; name it there, or "
                f"take the section out",
                where,
            )
            if getattr(installed[stage], "advisory", True):
                self.remarks.append(str(error))
            else:
                self.wrong.append(error)


def _line(error: ConfigError) -> int:
    """Where in its file a mistake stands; 0 for one that stands in none."""
    number = error.where.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


def load(
    program: Program, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Settings, Settings]:
    """Settings and actions.  Raises ConfigError, with everything that is wrong."""
    actions, settings = read_settings(program, arguments, environment)
    if actions["help"] or actions["version"] or actions["dump_config"]:
        return settings, actions
    wrong, remarks = without_effect(
        settings, (o for s in program.sections for o in s.options), program.rules
    )
    try:
        program.check(settings)
    except ConfigError as error:
        wrong.append(error)
    if wrong or actions["check_config"]:
        # An operator who corrects one mistake wants to know all others.
        try:
            remarks += program.check_whole(settings)
        except ConfigError as error:
            wrong.append(error)
    _raise_together([placed(error, settings.given) for error in wrong], settings, actions)
    return settings.remarked(remarks), actions


def _raise_together(problems: Sequence[ConfigError], settings: Settings, actions: Settings) -> None:
    """Do as `raise_together`; a start that fails so is told of in the log that was chosen."""
    try:
        raise_together(problems)
    except ConfigError as error:
        if not (actions["check_config"] or actions["dump_config"]):
            error.settings = settings
        raise


def read_settings(
    program: Program, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Settings, Settings]:
    """Actions, and settings whose values are right each by itself.  Raises ConfigError, with
    everything that is wrong."""
    flags = Flags(program, arguments)
    values = {option.name: option.default for option in ACTIONS.options}
    for option in ACTIONS.options:
        if option.name in flags.options:
            try:
                values[option.name] = parse_value(option, *flags.options[option.name])
            except ConfigError as error:
                flags.wrong.append(error)
    actions = Settings(values)
    flags.wrong.extend(ineffective(actions))
    if actions["help"] or actions["version"]:
        raise_together(flags.wrong)
        return actions, Settings({})
    path = actions["config_file"]
    if actions["dump_config"] and is_to_be_made(path):
        path = ""
    reading = _Reading(program, flags, environment, path)
    reading.read()
    settings = Settings(
        reading.values,
        reading.stages,
        reading.blocks,
        actions["config_file"],
        reading.given,
        reading.remarks,
        settings_of(reading.listeners, reading.stages, actions["config_file"]),
    )
    _raise_together(reading.wrong, settings, actions)
    return actions, settings

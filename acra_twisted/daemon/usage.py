"""Parse twistd's arguments: settings for a service, or a question about them.

Any mistake is one line on standard error and exit status 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn, TextIO

from twisted.python import usage

from acra_twisted import __version__
from acra_twisted.config.actions import ACTIONS
from acra_twisted.config.changes import changes
from acra_twisted.config.files import has_yaml_name
from acra_twisted.config.ownreactor import in_own_reactor
from acra_twisted.config.reading import Program, load, read_settings
from acra_twisted.config.render import render_help, render_ini, render_markdown
from acra_twisted.daemon import startlog
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings

#: twistd's default for every command.
_TWISTDS_PID_FILE: Final = "twistd.pid"


#: Actions after which nothing is started.
_ANSWERED: Final = frozenset(
    ("help", "version", "dump_config", "generate_markdown_args_table", "check_config")
)


class DaemonOptions(usage.Options):
    """Take twistd's arguments.  Subclasses set ``program``."""

    program: Program
    settings: Settings
    output: TextIO = sys.stdout
    errors: TextIO = sys.stderr

    def parseOptions(self, options: Sequence[str] | None = None) -> None:
        """Fill ``settings``, or do what was asked for and exit."""
        self._arguments = tuple(options or ())
        try:
            settings, actions = load(self.program, self._arguments, os.environ)
            self._read = settings
            if not any(actions[name] for name in _ANSWERED):
                settings = startlog.adopt(self.program.name, settings, self.parent, self.errors)
        except ConfigError as error:
            startlog.record(self.program.name, error)
            fail(self.program.name, error, self.errors)
        self.settings = settings
        program = self.program
        if actions["help"]:
            self.output.write(render_help(program.name, (*program.sections, ACTIONS)))
        elif actions["version"]:
            self.output.write(f"{__version__}\n")
        elif actions["dump_config"] or actions["generate_markdown_args_table"]:
            self._dump(actions)
        elif actions["check_config"]:
            for remark in settings.remarks:
                self.output.write(f"{program.name}: warning: {remark}\n")
            try:
                if actions["probe"] or actions["schema"]:
                    self._examine(settings, actions)
                elif actions["probe_exporters"]:
                    self._probe(settings)
            except KeyboardInterrupt:
                fail(program.name, ConfigError("interrupted"), self.errors)
            self.output.write(f"{program.name}: the configuration is fine\n")
        else:
            self._choose_pid_file()
            return
        self.output.flush()
        raise SystemExit(0)

    def changes(self) -> list[str]:
        """The names of settings that are others by now, in the file.  Raises ConfigError."""
        _, settings = read_settings(self.program, self._arguments, os.environ)
        return changes(self._read, settings)

    def _dump(self, actions: Settings) -> None:
        program, path = self.program, actions["config_file"]
        table = render_markdown(program.name, program.sections)
        if not (path and has_yaml_name(path)):
            if actions["dump_config"]:
                self.output.write(render_ini(program.name, program.sections, self.settings))
            if actions["generate_markdown_args_table"]:
                self.output.write(table)
            return
        from acra_twisted.config.yamlfile import settings_as_yaml, write_file

        try:
            if actions["dump_config"]:
                write_file(path, settings_as_yaml(program.sections, self.settings))
            if actions["generate_markdown_args_table"]:
                folder = os.path.dirname(path)
                write_file(os.path.join(folder, f"markdown_{program.name}.md"), table)
        except ConfigError as error:
            fail(program.name, error, self.errors)

    def _choose_pid_file(self) -> None:
        """In the foreground there is no pid file, unless twistd was given one; in the background
        each daemon has its own, so that several can be started in one folder."""
        twistd = self.parent
        if twistd is not None and twistd["pidfile"] == _TWISTDS_PID_FILE:
            twistd["pidfile"] = "" if twistd["nodaemon"] else f"{self.program.name}.pid"

    def _examine(self, settings: Settings, actions: Settings) -> None:
        # Nobody who starts a daemon needs it.
        from acra_twisted.doctor.examination import run, run_schema
        from acra_twisted.doctor.result import Report

        report = Report(self.output)
        if actions["probe"]:
            run(self.program, settings, os.environ, report)
        else:
            run_schema(self.program, settings, actions["sample"], report)
        if report.failed:
            raise SystemExit(1)

    def _probe(self, settings: Settings) -> None:
        found = in_own_reactor(lambda reactor: self.program.probe(reactor, settings))
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

"""``acra-doctor``: what is right, what is wrong and what mends it, of a daemon's configuration and
of what is at the other end, before it is started or while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from acra_twisted import __version__
from acra_twisted.config.reading import Program, read_settings
from acra_twisted.connector import tap as connector
from acra_twisted.daemon.dialect import DIALECT
from acra_twisted.doctor import examination, login
from acra_twisted.doctor.result import FAIL, Report, Result, as_records, of_lines, summary
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.server import tap as server
from acra_twisted.server.examination import USER
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment

PROGRAM = "acra-doctor"
_PROGRAMS = {
    name: options.program
    for options in (server.Options, connector.Options)
    for name in (options.program.name, options.program.name.removeprefix("acra-"))
}
HELP = f"""usage: {PROGRAM} server|connector [--json] [flags of the daemon]
       {PROGRAM} server [--json] [flags of the daemon] --login KEY=VALUE ...

Examine a daemon's configuration, its files, certificates, keys and ports, and the other end of its
connections: the database, AcraServer, collectors of spans.  Nothing is changed.  No user logs in:
the tool asks the database for a session of {USER.decode()}, which is refused.  The role in
auth_query_user, if there is one, logs in and looks for the secret of that user.

flags of the daemon:
  --config_file=FILE  and every other flag of twistd acra-server or twistd acra-connector

with --login:
  KEY=VALUE ...       say which client id a login would have, and which line of client_id_map_file
                      decides: user=NAME (proven), database=NAME, address=ADDRESS or local,
                      cert=FILE (PEM), link=ID, tls=no|yes|bound, protocol=NAME

others:
  --json              print the results as JSON
  --version           print the version
  --help              print this help

The daemon can be omitted if the file's name tells it: {PROGRAM} --config_file=acra-server.ini
Exit status: 0 if nothing is wrong, 1 if something is wrong, 2 if the command line is wrong.
"""


class Misused(AcraError):
    """The command line cannot be understood; the text says why."""

    status = 2


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> int:
    """The exit status.  Raises Misused."""
    words = [word for word in arguments if word not in ("--json", "-json")]
    as_json = len(words) < len(arguments)
    if {"--help", "-help", "-h"} & set(words):
        output.write(HELP)
        return 0
    if {"--version", "-version"} & set(words):
        output.write(f"{__version__}\n")
        return 0
    described = _described(words)
    program = _program(words)
    report = Report(output, quiet=as_json)
    if described is None:
        settings, found = examination.configuration(program, words, environment)
        for result in found:
            report(result)
        if settings is not None:
            examination.run(program, settings, environment, report)
    else:
        for result in _login(program, words, environment, described):
            report(result)
    if as_json:
        json.dump({"program": program.name, "results": as_records(report.results)}, output)
        output.write("\n")
    else:
        output.write(f"{program.name}: {summary(report.results)}\n")
    return int(report.failed)


def _described(words: list[str]) -> list[str] | None:
    """The facts of a login that stand behind --login, which are taken out; None without it."""
    if "--login" not in words:
        return None
    begin = words.index("--login")
    end = begin + 1
    while end < len(words) and not words[end].startswith("-"):
        end += 1
    facts = words[begin + 1 : end]
    del words[begin:end]
    return facts


def _login(
    program: Program, words: Sequence[str], environment: Mapping[str, str], facts: Sequence[str]
) -> Iterator[Result]:
    """Say which client id a login would have.  Raises Misused."""
    if program is not _PROGRAMS["server"]:
        raise Misused("--login is about logins at AcraServer; see --help")
    try:
        described = login.facts_of(facts, DIALECT.name)
    except ConfigError as error:
        raise Misused(f"{error}; see --help") from None
    try:
        _, settings = read_settings(program, words, environment)
    except ConfigError as error:
        yield from of_lines(FAIL, "settings", str(error))
        return
    yield from login.explain(settings, described)


def _program(words: list[str]) -> Program:
    """The daemon that is named, or that the file's name tells; its word is taken out."""
    if words and words[0] in _PROGRAMS:
        return _PROGRAMS[words.pop(0)]
    if words and not words[0].startswith("-"):
        raise Misused(f"{words[0]!r} is no daemon; they are server and connector; see --help")
    told = {name for name in ("server", "connector") for word in words if name in word.lower()}
    if len(told) != 1:
        raise Misused(
            "which daemon? acra-doctor server ... or acra-doctor connector ...; see --help"
        )
    return _PROGRAMS[told.pop()]


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)

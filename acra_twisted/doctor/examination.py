"""Every check of a daemon, in an order in which the first thing that is wrong explains the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from acra_twisted.config.effects import without_effect
from acra_twisted.config.listeners import each
from acra_twisted.config.ownreactor import in_own_reactor
from acra_twisted.config.reading import Program, read_settings
from acra_twisted.doctor import far, local
from acra_twisted.doctor.result import FAIL, WARN, Result, fail, of_lines, ok, warn
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.transport.certificates import Loaded
from acra_twisted.transport.credentials import Credentials

Tell = Callable[[Result], None]
#: Gives results for a reactor, settings and the environment.
Examine = Callable[[Any, Settings, Mapping[str, str]], AsyncIterator[Result]]

#: Gives results for a reactor, settings and a number of values.
ExamineSchema = Callable[[Any, Settings, int], AsyncIterator[Result]]


class Own(NamedTuple):
    """A certificate of a daemon: ``prefix`` stands before its options, ``usage`` is what it is for;
    ``falls_back``: the options without the prefix hold where its own are not set."""

    prefix: str
    usage: Any
    falls_back: bool = True


async def _no_schema(reactor: Any, settings: Settings, sample: int) -> AsyncIterator[Result]:
    yield fail("columns", "this daemon protects no columns", "ask acra-server")


class Examination(NamedTuple):
    """The checks of one kind of daemon.

    ``certificates`` gives those that are used, ``upstream`` the results of asking whoever stands
    behind it, ``insecure`` a sentence for each setting that weakens protection, ``schema`` the
    results of comparing the database's tables, and so many values of each protected column, with
    the configuration of these.
    """

    certificates: Callable[[Settings], list[Own]]
    upstream: Examine
    insecure: Callable[[Settings], list[str]] = lambda settings: []
    schema: ExamineSchema = _no_schema


def configuration(
    program: Program, arguments: Sequence[str], environment: Mapping[str, str]
) -> tuple[Settings | None, list[Result]]:
    """The settings, None if they cannot even be read, and what is wrong with them."""
    try:
        _, settings = read_settings(program, arguments, environment)
    except ConfigError as error:
        return None, of_lines(FAIL, "settings", str(error))
    found: list[Result] = []
    options = (option for section in program.sections for option in section.options)
    wrong, remarks = without_effect(settings, options, program.rules)
    for problem in wrong:
        found += of_lines(FAIL, "settings", str(problem))
    checks: tuple[Callable[[Settings], Sequence[str] | None], ...]
    checks = program.check, program.check_whole
    for check in checks:
        try:
            remarks += check(settings) or ()
        except ConfigError as error:
            found += of_lines(FAIL, "settings", str(error))
    for remark in (*settings.remarks, *remarks):
        found += of_lines(WARN, "settings", remark)
    if not any(result.state == FAIL for result in found):
        found += [warn("settings", text) for text in program.examination().insecure(settings)]
    if not found:
        found.append(ok("settings", f"{settings.file or 'flags and environment'}: all fit"))
    return settings, list(dict.fromkeys(found))


def here(program: Program, settings: Settings, environment: Mapping[str, str]) -> Iterator[Result]:
    """Examine this machine."""
    yield from local.files(program, settings)
    for loaded in _certificates(program, settings):
        yield from local.certificate(loaded)
    yield from local.keys(settings, environment)
    yield from local.audit(settings, environment)
    yield from local.ports(program, settings)
    yield from local.limits(settings)
    yield from local.clock()


def _certificates(program: Program, settings: Settings) -> list[Loaded]:
    """Those of this side that are used."""
    found: dict[tuple[Any, ...], Loaded] = {}
    for _, there in each(settings):
        for own in program.examination().certificates(there):
            try:
                credentials = Credentials(there, own.prefix, falls_back=own.falls_back)
                loaded = credentials.loaded(own.usage)
            except ConfigError:
                continue
            for one in loaded:
                found[one.option, one.usage, one.certificate] = one
    return list(found.values())


async def there(
    reactor: Any, program: Program, settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Result]:
    """Examine the other end of each connection."""
    async for result in program.examination().upstream(reactor, settings, environment):
        yield result
    async for result in far.collectors(reactor, program.name, settings):
        yield result


async def examine(
    reactor: Any,
    program: Program,
    settings: Settings,
    environment: Mapping[str, str],
    tell: Tell,
) -> None:
    """Report each result when it is known.  The settings limit the time of each question to
    another program."""
    for result in here(program, settings, environment):
        tell(result)

    async for found in there(reactor, program, settings, environment):
        tell(found)


def run(
    program: Program,
    settings: Settings,
    environment: Mapping[str, str],
    tell: Tell,
) -> None:
    """`examine` in a reactor of its own: before twistd has begun, or without it."""
    in_own_reactor(lambda reactor: examine(reactor, program, settings, environment, tell))


def run_schema(program: Program, settings: Settings, sample: int, tell: Tell) -> None:
    """Compare the database's tables, and ``sample`` values of each protected column, with the
    configuration, in a reactor of its own."""

    async def examine_schema(reactor: Any) -> None:
        async for result in program.examination().schema(reactor, settings, sample):
            tell(result)

    in_own_reactor(examine_schema)

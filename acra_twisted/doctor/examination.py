"""Every check of a daemon, in an order in which the first thing that is wrong explains the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from twisted.internet.defer import ensureDeferred

from acra_twisted.config.effects import without_effect
from acra_twisted.config.reading import Program, read_settings
from acra_twisted.connector.applicationtls import application_tls
from acra_twisted.connector.watch import OFFER, REQUIRE
from acra_twisted.doctor import far, local
from acra_twisted.doctor.result import FAIL, WARN, Result, of_lines, ok, warn
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.server.checks import insecure
from acra_twisted.server.upstream import uses_database_tls
from acra_twisted.transport.certificates import CLIENT, SERVER, Loaded
from acra_twisted.transport.tls import Credentials

SERVER_NAME = "acra-server"
Tell = Callable[[Result], None]


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
    for check in (program.check, program.check_whole):
        try:
            check(settings)
        except ConfigError as error:
            found += of_lines(FAIL, "settings", str(error))
    for remark in (*settings.remarks, *remarks):
        found += of_lines(WARN, "settings", remark)
    if program.name == SERVER_NAME and not any(result.state == FAIL for result in found):
        found += [warn("settings", text) for text in insecure(settings)]
    if not found:
        found.append(ok("settings", f"{settings.file or 'flags and environment'}: all fit"))
    return settings, list(dict.fromkeys(found))


def here(program: Program, settings: Settings, environment: Mapping[str, str]) -> Iterator[Result]:
    """What is on this machine."""
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
    wanted: list[tuple[str, Any]] = []
    if program.name == SERVER_NAME:
        if settings["acraconnector_tls_transport_enable"] or settings["client_tls"] != "disable":
            wanted.append(("tls_client_", SERVER))
        if uses_database_tls(settings):
            wanted.append(("tls_database_", CLIENT))
    else:
        if settings["acraserver_tls_transport_enable"]:
            wanted.append(("tls_", CLIENT))
        if application_tls(settings) in (OFFER, REQUIRE):
            wanted.append(("application_tls_", SERVER))
    found: dict[tuple[Any, ...], Loaded] = {}
    for prefix, usage in wanted:
        try:
            falls_back = not prefix.startswith("application")
            loaded = Credentials(settings, prefix, falls_back=falls_back).loaded(usage)
        except ConfigError:
            continue
        for each in loaded:
            found[each.option, each.usage] = each
    return list(found.values())


async def there(
    reactor: Any, program: Program, settings: Settings, environment: Mapping[str, str]
) -> AsyncIterator[Result]:
    """What is at the other end."""
    if program.name == SERVER_NAME:
        async for result in far.database(reactor, settings):
            yield result
    else:
        async for result in far.link(reactor, settings, environment):
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
    """Tell of each result when it is known.  What others are asked has its limits of time by the
    settings."""
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
    from twisted.internet import reactor as chosen  # noqa: TID251 - nobody else runs one yet

    reactor: Any = chosen
    problems: list[BaseException] = []

    def ended(failure: Any) -> None:
        if failure is not None:
            problems.append(failure.value)
        reactor.stop()

    def begin() -> None:
        examining = ensureDeferred(examine(reactor, program, settings, environment, tell))
        examining.addBoth(ended)

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    if problems:
        raise problems[0]

"""Sections ``[listener:NAME]``: further addresses of one daemon, each with settings of its own.

A listener has the settings of the daemon, but for those that its section makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from acra_twisted.blocks import LISTENER, blocks_beside
from acra_twisted.config.databasekind import choose_kind, inherited
from acra_twisted.config.ini import Texts, parse_value
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.optionkinds import Address
from acra_twisted.options import Block, Option, Section, Settings

#: Where a listener listens: it cannot be inherited.
ADDRESS: Final = "incoming_connection_string"
#: Where metrics and pages are.
_SITES: Final = (
    "incoming_connection_prometheus_metrics_string",
    "incoming_connection_zpages_string",
)
#: The options of AcraServer that a listener may have for itself; a section in brackets has all
#: of its options there.
SERVERS: Final = (
    ADDRESS,
    "acraconnector_tls_transport_enable",
    "acraconnector_transport_encryption_disable",
    "client_id",
    "[database]",
    "[authentication]",
    "tls_client_ca",
    "tls_client_cert",
    "tls_client_key",
    "tls_client_auth",
    "tls_database_ca",
    "tls_database_cert",
    "tls_database_key",
    "tls_database_auth",
    "tls_database_sni",
    "tls_client_id_from_cert",
    "tls_identifier_extractor_type",
    "[pipeline]",
    "[censor]",
    "encryptor_config_file",
    "poison_detect_enable",
)
#: The same of AcraConnector.
CONNECTORS: Final = (
    ADDRESS,
    "allowed_users",
    "application_tls",
    "application_tls_cert",
    "application_tls_key",
    "mysql_enable",
    "postgresql_enable",
    "acraserver_connection_string",
    "acraserver_connection_host",
    "acraserver_connection_port",
    "acraserver_securesession_id",
    "client_id",
    "tls_acraserver_sni",
)
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Fills in what follows from settings that were made.
Settle = Callable[[dict[str, Any], Mapping[str, str]], None]
#: Gives the sections of the stages that values and repeated sections choose.
Stages = Callable[[Mapping[str, Any], Sequence[Block]], list[Section]]


class Listener(NamedTuple):
    """The values that hold at a listener, the places of its own, and the sections beside it."""

    values: dict[str, Any]
    given: dict[str, str]
    blocks: tuple[Block, ...]

    def choose(self, stages: Stages) -> list[Section]:
        """Choose its stages, and return their sections.  Raises ConfigError."""
        sections = stages(self.values, self.blocks)
        if sections:
            self.values["stages"] = tuple(each.name.partition(":")[2] for each in sections)
        return sections


def options_of(sections: Iterable[Section], names: Iterable[str]) -> tuple[Option, ...]:
    """Return the options with these names, or of the sections with these names in brackets."""
    wanted = frozenset(names)
    return tuple(
        option
        for section in sections
        for option in section.options
        if option.name in wanted or f"[{section.name}]" in wanted
    )


def read_listeners(
    texts: Mapping[str, Texts],
    options: Iterable[Option],
    values: Mapping[str, Any],
    given: Mapping[str, str],
    blocks: Sequence[Block],
    settle: Settle,
) -> tuple[dict[str, Listener], list[ConfigError]]:
    """Return the listeners by name, and all that is wrong with them.

    ``texts`` are those of each listener's section, ``values``, ``given`` and ``blocks`` the
    daemon's.
    """
    known = {option.name: option for option in options}
    found: dict[str, Listener] = {}
    wrong: list[ConfigError] = []
    for name, own in texts.items():
        made: dict[str, Any] = {}
        for key, line in own.items():
            try:
                made[key] = parse_value(known[key], *line)
            except ConfigError as error:
                wrong.append(error)
        if not _NAME.fullmatch(name):
            text = "a name has 1 to 64 letters, digits, - and _"
            wrong.append(ConfigError(f"[{LISTENER}{name}]: {text}"))
        if ADDRESS not in own:
            wrong.append(ConfigError(f"[{LISTENER}{name}]: name its address in {ADDRESS}"))
        places = {key: line.where for key, line in own.items()}
        all_values = {**values, **made}
        choose_kind(all_values, made)
        settle(all_values, {**inherited(given, values, all_values), **places})
        found[name] = Listener(all_values, places, tuple(blocks_beside(own, blocks)))
    return found, wrong


def settings_of(
    listeners: Mapping[str, Listener], stages: Mapping[str, Settings], file: str
) -> dict[str, Settings]:
    """Return the settings of each listener; ``stages`` are those of all that anybody chooses."""
    return {
        name: Settings(one.values, stages, one.blocks, file, one.given)
        for name, one in listeners.items()
    }


def each(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """The daemon's own address, which has no name, and its listeners: what to put in front of
    a message, and the settings that hold there."""
    yield "", settings
    for name, own in settings.listeners.items():
        yield f"[{LISTENER}{name}] ", own


def check_addresses(settings: Settings, section: str) -> None:
    """Raises ConfigError if two listeners have one address, or one of them has that of metrics or
    pages, which may be the same; ``section`` has the daemon's own."""
    addresses: dict[Address, str] = {}
    for mark, there in each(settings):
        address = there[ADDRESS]
        if address in addresses and address.port != 0:
            other = addresses[address] or f"[{section}]"
            raise ConfigError(f"{mark}{ADDRESS}: {other.strip()} listens on {address} already")
        addresses[address] = mark
    for name in _SITES:
        address = settings.get(name)
        if address in addresses and address.port != 0:
            other = addresses[address] or f"[{section}]"
            raise ConfigError(f"{name}: {other.strip()} listens on {address} already ({ADDRESS})")


def checked(check: Callable[[Settings], Iterable[str] | None], settings: Settings) -> list[str]:
    """Call a check with the settings of each listener; return all remarks.  Raises ConfigError with
    all that is wrong, each with the listener that it concerns."""
    remarks: list[str] = []
    wrong: list[ConfigError] = []
    for mark, own in each(settings):
        try:
            remarks += [mark + text for text in check(own) or ()]
        except ConfigError as error:
            wrong.append(error if not mark else _marked(mark, error))
    raise_together(wrong)
    return remarks


def _marked(mark: str, error: ConfigError) -> ConfigError:
    made = ConfigError("\n".join(mark + line for line in str(error).splitlines()))
    made.parts = tuple((code, mark + line) for code, line in error.parts)
    return made

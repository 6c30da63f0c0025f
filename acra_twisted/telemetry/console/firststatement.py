"""Say how a statement comes through this daemon, where a view has none to show."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any, Final

from acra_twisted import hosts
from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.sentences import Answer, Piece, strong

#: The rule of a sentence that there is nothing.
EMPTY: Final = "empty"
#: The option of the address at which applications, or connectors, come.
_OPTION: Final = "incoming_connection_string"
_PLAIN_LINK: Final = "acraconnector_transport_encryption_disable"
_MYSQL: Final = "mysql_enable"
#: Addresses that stand for all of a host, with one that a client there can use.
_ANY: Final[Mapping[str, str]] = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared
_FEW: Final = 32


def explained(said: Answer, fact: Callable[[str], Any]) -> Generator[str, None, Answer]:
    """Return an answer, in steps.  If it says that there is nothing yet, this tells also where the
    daemon listens, and the command with which a statement comes through it."""
    last = said.sentences[-1]
    at = _listens(fact) if last.rule == EMPTY else ""
    yield ""
    if not at:
        return said
    given = {}
    for number, one in enumerate(fact("settings") or (), 1):
        if one["name"] in (_PLAIN_LINK, _MYSQL):
            given[one["name"]] = one["value"] == "true"
        if not number % _FEW:
            yield ""
    how = Piece("send it through an AcraConnector that connects there")
    if given.get(_PLAIN_LINK):
        how = strong(_command(at, given.get(_MYSQL, False)))
    where = f" This server listens at {formats.name(at)}. The next statement appears here: "
    told = last._replace(pieces=(*last.pieces, Piece(where), how, Piece(".")))
    return Answer((*said.sentences[:-1], told))


def _listens(fact: Callable[[str], Any]) -> str:
    for one in fact("listeners") or ():
        if one["option"] == _OPTION and one["open"]:
            return str(one["at"])
    return ""


def _command(at: str, is_mysql: bool) -> str:
    try:
        host, port = hosts.host_and_port(at)
    except ValueError:
        return "connect there"
    host = _ANY.get(host, host)
    return f"mysql -h {host} -P {port}" if is_mysql else f"psql -h {host} -p {port}"

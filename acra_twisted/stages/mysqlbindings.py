"""Facts about statements that MySQL has prepared, for the values that are bound to them."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from acra_twisted.encryption.facts import NOTHING, Wanted
from acra_twisted.encryption.mysql.encoding import Plaintexts, Reading
from acra_twisted.encryption.mysql.filling import Sent
from acra_twisted.encryption.mysql.plan import Plan, Planned
from acra_twisted.encryption.plan import Refusal
from acra_twisted.encryption.settings import Bypass
from acra_twisted.exchange import Exchange, ToldType
from acra_twisted.session import Session
from acra_twisted.sql.languages import Mode
from acra_twisted.stages.columnkeys import is_reader
from acra_twisted.stages.columnverdicts import unreadable
from acra_twisted.stages.mysqlmeanings import MysqlSnapshot
from acra_twisted.stages.mysqlmodes import encoding_of

_NONE: Final[Plaintexts] = MappingProxyType({})


class ReadBy(NamedTuple):
    """Facts by which a text is read: its mode, and the database of names without one, "" for none
    and None if it is not known."""

    mode: Mode
    database: str | None


class Binding(NamedTuple):
    """Facts about a prepared statement, kept for the values that are bound to it.

    ``text``, read as ``read`` says, is what was planned by ``snapshot``, and ``planned`` what came
    of it.  ``sent`` are the parameters of the text that the database got, ``wanted`` the columns
    of all values, ``literals`` those that are no parameters, and ``mark`` that of the keys by which
    the text was encoded; ``bypass`` lets it pass.  ``moves`` is what it may change of what the
    session sees.
    """

    text: bytes
    read: ReadBy
    snapshot: MysqlSnapshot
    planned: Planned
    moves: int
    bypass: Bypass | None = None
    sent: Sequence[Sent] = ()
    wanted: Wanted = NOTHING
    literals: Plaintexts = _NONE
    mark: bytes = b""


def is_same(one: Planned, other: Planned) -> bool:
    """Tell whether a text is sent alike, and shows the same, by two readings of a schema."""
    return one.plan._replace(schema=0) == other.plan._replace(schema=0)


def told_of(sent: Sequence[Sent]) -> list[ToldType]:
    """The client's own parameters, each by one that is sent in its place."""
    first: dict[int, int] = {}
    for at, one in enumerate(sent, 1):
        first.setdefault(one.parameter, at)
    return [ToldType(first.get(number, 0)) for number in range(1, max(first, default=0) + 1)]


def reading_of(session: Session, mode: Mode) -> Reading:
    """The way in which the values of a session's text are read."""
    return Reading(encoding_of(session), mode.backslash is not False)


def refusal_of(plan: Plan, exchange: Exchange) -> Refusal | None:
    """Return the reason for which a text must not be sent for a client; None if it may be."""
    if plan.refusal is not None:
        return plan.refusal
    client = exchange.session.identity.client_id
    for asked in plan.asked:
        if not is_reader(asked, client):
            return unreadable(asked)
    return None

"""Declares the options that say which database is behind a daemon, and reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN
from acra_twisted.options import Option

_MYSQL: Final = "mysql_enable"
_POSTGRESQL: Final = "postgresql_enable"
_PORT: Final = "db_port"

DATABASE_KIND: Final = (
    Option(
        _MYSQL,
        BOOLEAN,
        False,
        "The database is MySQL or MariaDB.",
    ),
    Option(
        _POSTGRESQL,
        BOOLEAN,
        False,
        "The database is PostgreSQL, as it is anyway unless mysql_enable is set.",
    ),
)

#: Options that MySQL and MariaDB alone have.
MYSQL_ONLY: Final = (
    Option(
        "local_infile",
        BOOLEAN,
        False,
        "Let MySQL or MariaDB ask a client for a file (LOAD DATA LOCAL INFILE).",
    ),
    Option(
        "multi_statements_enable",
        BOOLEAN,
        True,
        "Let a text of MySQL or MariaDB hold several statements, if the client asks for that. Each "
        "is judged by itself. Off, clients are not offered it, and the database refuses such a "
        "text.",
    ),
    Option(
        "change_user_enable",
        BOOLEAN,
        True,
        "Let a session of MySQL or MariaDB become another user's (COM_CHANGE_USER), as pools of "
        "connections do. The client id stays. With client_id_map_file no session may, because "
        "the rules have decided about its first user.",
    ),
)


def is_mysql(settings: Mapping[str, Any]) -> bool:
    """Return True if the database is MySQL or MariaDB, else it is PostgreSQL."""
    return bool(settings[_MYSQL])


def check_kind(settings: Mapping[str, Any]) -> None:
    """Raises ConfigError if two kinds of database are chosen at once."""
    if settings[_MYSQL] and settings[_POSTGRESQL]:
        raise ConfigError(
            "mysql_enable and postgresql_enable: a listener has one database; take one of the two "
            "out, and give the other database a section [listener:NAME]"
        )


def choose_kind(values: dict[str, Any], own: Mapping[str, Any]) -> None:
    """Fill in what follows from a listener's ``own`` choice: another kind than the daemon's takes
    its place."""
    for chosen, other in ((_MYSQL, _POSTGRESQL), (_POSTGRESQL, _MYSQL)):
        if own.get(chosen) and other not in own and other in values:
            values[other] = False


def inherited(
    given: Mapping[str, str], values: Mapping[str, Any], own: Mapping[str, Any]
) -> dict[str, str]:
    """Return what was given of a daemon's ``values`` that counts as given at a listener with its
    ``own``: not the port of another kind of database."""
    same = values.get(_MYSQL) == own.get(_MYSQL)
    return {name: where for name, where in given.items() if same or name != _PORT}

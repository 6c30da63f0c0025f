"""The database whose protocol the daemons speak, made from their settings.

Outside of a database's own packages it is named here, and where acra-doctor asks one
(``server.examination``, ``server.mysqlexamination``).
"""

from __future__ import annotations

import os
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import Any, Final, Protocol

from acra_twisted.config.authentication import (
    WITHOUT_TLS,
    ends_authentication,
    is_exposed,
    requires_tls,
)
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.loginmethods import by_certificate
from acra_twisted.dialects.mysql.dialect import MysqlDialect
from acra_twisted.dialects.mysql.servedlogin import ServePolicy as MysqlServePolicy
from acra_twisted.dialects.mysql.servicelogin import Account as MysqlAccount
from acra_twisted.dialects.mysql.servicequery import ServiceQuery as MysqlServiceQuery
from acra_twisted.dialects.postgresql.challenge import ChallengePolicy
from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.hashchallenge import SALT
from acra_twisted.dialects.postgresql.servedlogin import ServePolicy
from acra_twisted.dialects.postgresql.servicequery import Account, ServiceQuery
from acra_twisted.dialects.postgresql.startup import StartupPolicy
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import Settings
from acra_twisted.queryactions import AUTH_QUERY, Names

#: An IServerDialect's class: the database of tools.
DIALECT: Final = PostgresqlDialect
#: Random bytes of a nonce.
_NONCE: Final = 18
#: Bytes of an answer of MySQL to a question of the service's own.
_ANSWER_MAX: Final = 64 << 20
#: Gives the trace context of an exchange, None for none.
Context = Callable[[Any], Any]


class Way(Protocol):
    """The way to the database, as `server.database.Database` has it."""

    address: Address
    tls: str


def dialect_of(settings: Mapping[str, Any]) -> type[PostgresqlDialect] | type[MysqlDialect]:
    """Return the class of a daemon's dialect: what is true of its database whatever the other
    settings."""
    return MysqlDialect if is_mysql(settings) else PostgresqlDialect


def protocols(dialect: Any) -> tuple[bytes, ...]:
    """The names that a dialect's clients offer by ALPN."""
    return (dialect.alpn,) if dialect.alpn else ()


def server_dialect(settings: Mapping[str, Any], context: Context, database_context: Context) -> Any:
    """Make AcraServer's IServerDialect; ``database_context`` is for the database's part."""
    propagation = Propagation(
        context,
        database_context if settings["tracing_propagate_to_database"] else None,
        errors=settings["tracing_trace_id_in_errors"],
        notices=settings["tracing_notice_enable"],
    )
    limits = {
        "message_limit": settings["message_size_limit"],
        "max_prepared": settings["max_prepared_statements"],
    }
    if dialect_of(settings) is MysqlDialect:
        return MysqlDialect(propagation=propagation, **limits)
    return PostgresqlDialect(
        hold_limit=settings["batch_hold_limit"],
        function_call=settings["function_call_enable"],
        propagation=propagation,
        **limits,
    )


def connector_dialect(settings: Mapping[str, Any], context: Context | None = None) -> Any:
    """Make the IServerDialect of a connector; ``context`` is there if it follows its sessions."""
    return dialect_of(settings)(
        message_limit=settings["message_size_limit"],
        max_prepared=settings["max_prepared_statements"],
        propagation=NOTHING if context is None else Propagation(context, context, to_acra=True),
    )


def login_policy(
    settings: Settings,
    pipeline: Any,
    *,
    offers_tls: bool,
    password_without_tls: bool,
    database_tls: str = "off",
    plain: bool = False,
    mock_key: bytes = b"",
) -> ServePolicy | MysqlServePolicy:
    """Say what AcraServer's clients may ask for, and what they are asked.

    ``plain``: the link is not encrypted.  ``mock_key`` is as in ChallengePolicy, ``database_tls``
    as in `server.database.Database.tls`.  Raises ConfigError.
    """
    insists = requires_tls(settings, plain)
    if insists and not offers_tls:
        raise ConfigError(WITHOUT_TLS)
    offered = "require" if insists or settings["client_tls"] == "require" else "allow"
    tls = offered if offers_tls else "disable"
    if dialect_of(settings) is MysqlDialect:
        return MysqlServePolicy(
            tls,
            database_tls,
            pipeline,
            password_without_tls,
            local_files=settings["local_infile"],
            multi_statements=settings["multi_statements_enable"],
            exposed=is_exposed(settings, plain),
            # A map of client ids decides about the user of the login.
            changes_user=settings["change_user_enable"] and not settings["client_id_map_file"],
        )
    startup = StartupPolicy(
        tls=tls,
        parameters=frozenset(name.lower() for name in settings["allowed_startup_parameters"]),
        replication=settings["replication_enable"],
    )
    challenge = None
    if ends_authentication(settings):
        challenge = ChallengePolicy(
            mock_key,
            _nonce,
            settings["require_channel_binding"],
            settings["db_channel_binding"],
            by_certificate=by_certificate(settings),
            with_hashes=settings["auth_md5"],
            in_clear=frozenset(name.encode() for name in settings["auth_cleartext"]),
            exposed=is_exposed(settings, plain),
            passes_unknown=settings["auth_unknown"] == "passthrough",
            salt=lambda: token_bytes(SALT),
        )
    return ServePolicy(
        startup,
        pipeline,
        password_without_tls,
        challenge=challenge,
        exposed=is_exposed(settings, plain),
    )


def _nonce() -> bytes:
    return b2a_base64(os.urandom(_NONCE), newline=False)


def service_query(
    settings: Mapping[str, Any],
    password: bytes,
    way: Way,
    statement: str = "",
    rows: int = 1,
    names: Names = AUTH_QUERY,
) -> ServiceQuery | MysqlServiceQuery:
    """Make the IServiceQuery of the role that looks up secrets, or that a tool names.

    ``statement`` takes the place of ``auth_query``; ``rows`` is the number of rows that its answer
    may have.  ``names`` are for messages.
    """
    user, database = settings["auth_query_user"].encode(), settings["auth_query_database"].encode()
    asked = (statement or settings["auth_query"]).encode()
    if dialect_of(settings) is MysqlDialect:
        rule = settings["db_password_without_tls"]
        return MysqlServiceQuery(
            MysqlAccount(
                user,
                password,
                database,
                way.tls,
                exposed=not lets_password_pass(rule, way.address),
                by_socket=bool(way.address.path),
                statement=asked,
                rows=rows,
                size=_ANSWER_MAX,
            )
        )
    account = Account(
        user,
        asked,
        password,
        database,
        settings["auth_query_timeout"],
        settings["db_channel_binding"],
        rows=rows,
        names=names,
    )
    return ServiceQuery(account, _nonce())


def lets_password_pass(rule: str, address: Address) -> bool:
    """Tell whether a password may go to the database without TLS, by the option of that name."""
    return rule == "allow" or (rule == "loopback" and address.is_local)

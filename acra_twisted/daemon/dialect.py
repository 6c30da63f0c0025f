"""The database whose protocol the daemons speak, made from their settings.

Outside of a database's own packages it is named here, and where acra-doctor asks one
(``server.examination``).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from secrets import token_bytes
from typing import Any, Final

from acra_twisted.dialects.postgresql.dialect import PostgresqlDialect
from acra_twisted.dialects.postgresql.propagation import Propagation
from acra_twisted.dialects.postgresql.servedlogin import ServePolicy
from acra_twisted.dialects.postgresql.servicequery import Account, ServiceQuery
from acra_twisted.dialects.postgresql.startup import StartupPolicy

#: An IDatabaseDialect's class: what is true of the database whatever the settings.
DIALECT: Final = PostgresqlDialect
#: Random bytes of a nonce.
_NONCE: Final = 18
#: Gives the trace context of an exchange, None for none.
Context = Callable[[Any], Any]


def server_dialect(
    settings: Mapping[str, Any], context: Context, database_context: Context
) -> PostgresqlDialect:
    """Make AcraServer's dialect; ``database_context`` is for the database's part of an exchange."""
    return DIALECT(
        message_limit=settings["message_size_limit"],
        hold_limit=settings["batch_hold_limit"],
        max_prepared=settings["max_prepared_statements"],
        function_call=settings["function_call_enable"],
        propagation=Propagation(
            context,
            database_context if settings["tracing_propagate_to_database"] else None,
            errors=settings["tracing_trace_id_in_errors"],
            notices=settings["tracing_notice_enable"],
        ),
    )


def connector_dialect(settings: Mapping[str, Any], context: Context) -> PostgresqlDialect:
    """Make the dialect of a connector that follows its sessions."""
    return DIALECT(
        message_limit=settings["message_size_limit"],
        max_prepared=settings["max_prepared_statements"],
        propagation=Propagation(context, context, to_acra=True),
    )


def login_policy(
    settings: Mapping[str, Any], pipeline: Any, *, offers_tls: bool, password_without_tls: bool
) -> ServePolicy:
    """Say what AcraServer's clients may ask for."""
    offered = "require" if settings["client_tls"] == "require" else "allow"
    startup = StartupPolicy(
        tls=offered if offers_tls else "disable",
        parameters=frozenset(name.lower() for name in settings["allowed_startup_parameters"]),
        replication=settings["replication_enable"],
    )
    return ServePolicy(startup, pipeline, password_without_tls)


def service_query(
    settings: Mapping[str, Any], password: bytes, statement: str = "", rows: int = 1
) -> ServiceQuery:
    """Make the IServiceQuery of the role that looks up secrets.

    ``statement`` takes the place of ``auth_query``; ``rows`` is the number of rows that its answer
    may have.
    """
    account = Account(
        settings["auth_query_user"].encode(),
        (statement or settings["auth_query"]).encode(),
        password,
        settings["auth_query_database"].encode(),
        settings["auth_query_timeout"],
        rows=rows,
    )
    return ServiceQuery(account, b64encode(token_bytes(_NONCE)))

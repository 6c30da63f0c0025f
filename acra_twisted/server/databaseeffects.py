"""Where AcraServer's settings take effect that concern one kind of database."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.databasekind import MYSQL_ONLY, is_mysql
from acra_twisted.config.effects import Rule
from acra_twisted.options import Settings

_ASKED: Final = (
    "with mysql_enable the database itself asks users for their proof, and AcraServer asks nobody"
)
#: An address leaves it to its database to ask for proof.
_PASSTHROUGH: Final = ("auth_mode", "passthrough")
_UNKNOWN: Final = "the protocol of MySQL has no such thing (mysql_enable)"


def _is_postgresql(settings: Settings) -> bool:
    return not is_mysql(settings)


DATABASE_RULES: Final = (
    Rule(
        tuple(option.name for option in MYSQL_ONLY),
        is_mysql,
        "the database is PostgreSQL; set mysql_enable = true for MySQL or MariaDB",
    ),
    Rule(
        ("change_user_enable",),
        lambda settings: not settings["client_id_map_file"],
        "with client_id_map_file no session may become another user's",
    ),
    Rule(
        ("auth_mode",),
        lambda settings: _is_postgresql(settings) or settings["auth_mode"] == _PASSTHROUGH[1],
        _ASKED,
        protects=True,
        without=_PASSTHROUGH,
    ),
    Rule(
        (
            "auth_file",
            "auth_query_user",
            "auth_ident_file",
            "auth_keys_file",
            "auth_recheck",
            "require_channel_binding",
        ),
        _is_postgresql,
        _ASKED,
        protects=True,
        without=_PASSTHROUGH,
    ),
    Rule(
        (
            "auth_query",
            "auth_query_database",
            "auth_query_password_file",
            "auth_query_timeout",
            "auth_cache_soft",
            "auth_cache_hard",
            "auth_without_tls",
            "auth_scram_iterations",
            "auth_ident_map",
            "auth_ident_name",
            "auth_md5",
            "auth_cleartext",
            "auth_unknown",
            "db_channel_binding",
        ),
        _is_postgresql,
        f"{_ASKED}; take it out",
    ),
    Rule(
        (
            "allowed_startup_parameters",
            "replication_enable",
            "function_call_enable",
            "batch_hold_limit",
            "batch_hold_time",
            "tracing_notice_enable",
        ),
        _is_postgresql,
        _UNKNOWN,
    ),
    Rule(
        ("allow_text_columns", "ddl_types"),
        _is_postgresql,
        "protected columns of MySQL have types of bytes, and nobody changes their definitions "
        "(mysql_enable)",
    ),
    Rule(
        ("strict_copies",),
        _is_postgresql,
        "no table of MySQL is made of protected columns anyway (mysql_enable)",
    ),
    Rule(
        ("schema_databases",),
        _is_postgresql,
        "a server of MySQL shows the tables of all its databases (mysql_enable)",
    ),
)

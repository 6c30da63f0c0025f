"""Where AcraServer's settings about proof of who a client is take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.authentication import ends_authentication, uses_secrets
from acra_twisted.config.commoneffects import serves_pages
from acra_twisted.config.databasekind import is_mysql
from acra_twisted.config.effects import Rule
from acra_twisted.config.loginmethods import by_certificate
from acra_twisted.config.secretsources import uses_query
from acra_twisted.daemon.link import ACRACONNECTOR, is_tls
from acra_twisted.options import Settings

_MAP_DECIDES: Final = "client_id_map_file alone gives logins their client ids"


def _gives_other_ids(settings: Settings) -> bool:
    """Return True if somebody needs a client id who does not log in to a database: he gives
    commands over the HTTP API, or sends spans."""
    return bool(settings["http_api_enable"]) or serves_pages(settings)


_MAP_RULES: Final = (
    Rule(
        ("client_id",),
        lambda settings: not settings["client_id_map_file"] or _gives_other_ids(settings),
        _MAP_DECIDES,
    ),
    Rule(
        ("tls_client_id_from_cert", "tls_identifier_extractor_type"),
        lambda settings: not settings["client_id_map_file"] or is_tls(settings, ACRACONNECTOR),
        f"{_MAP_DECIDES}, and may look at the certificate (cert=)",
    ),
)

LOGIN_RULES: Final[tuple[Rule, ...]] = (
    *_MAP_RULES,
    Rule(
        ("auth_file", "auth_query_user"),
        uses_secrets,
        "auth_mode says that the database alone checks users, or that their certificates prove "
        "them",
    ),
    Rule(
        (
            "auth_query",
            "auth_query_database",
            "auth_query_password_file",
            "auth_query_timeout",
            "auth_cache_soft",
            "auth_cache_hard",
        ),
        lambda settings: uses_query(settings) and uses_secrets(settings),
        "the database is not asked for secrets; name a role in auth_query_user",
    ),
    Rule(
        ("require_channel_binding",),
        uses_secrets,
        "the database alone checks users; name auth_file or auth_query_user",
        protects=True,
    ),
    Rule(
        ("auth_without_tls", "db_channel_binding"),
        ends_authentication,
        "the database alone checks users; name auth_file or auth_query_user",
    ),
    Rule(
        ("auth_recheck",),
        uses_secrets,
        "no secrets of users are looked up; name auth_file or auth_query_user",
        protects=True,
    ),
    Rule(
        ("auth_scram_iterations",),
        uses_secrets,
        "nobody is checked here; name auth_file or auth_query_user",
    ),
    Rule(
        ("auth_ident_file", "auth_ident_name", "auth_keys_file"),
        by_certificate,
        "certificates prove no users; set auth_mode = cert",
    ),
    Rule(
        ("auth_ident_map",),
        lambda settings: by_certificate(settings) and settings["auth_ident_file"],
        "there is no auth_ident_file, or auth_mode is not cert",
    ),
    Rule(
        ("auth_md5", "auth_cleartext", "auth_unknown"),
        uses_secrets,
        "no secrets of users are looked up; name auth_file or auth_query_user",
    ),
    Rule(
        ("auth_max_logins", "auth_max_logins_per_address"),
        # A client of MySQL is greeted, in a connection of its own, before it says who it is.
        lambda settings: ends_authentication(settings) or is_mysql(settings),
        "the database alone decides who may come in; see auth_mode",
    ),
)

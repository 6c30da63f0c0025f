"""Where AcraServer's settings about proof of who a client is take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.authentication import ends_authentication
from acra_twisted.config.effects import Rule
from acra_twisted.config.secretsources import has_sources, uses_query

LOGIN_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        ("auth_file", "auth_query_user"),
        ends_authentication,
        "auth_mode = passthrough: the database alone checks users",
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
        lambda settings: uses_query(settings) and ends_authentication(settings),
        "the database is not asked for secrets; name a role in auth_query_user",
    ),
    Rule(
        ("require_channel_binding",),
        ends_authentication,
        "the database alone checks users; name auth_file or auth_query_user",
        protects=True,
    ),
    Rule(
        ("auth_without_tls", "db_channel_binding"),
        ends_authentication,
        "the database alone checks users; name auth_file or auth_query_user",
    ),
    Rule(
        ("auth_scram_iterations",),
        lambda settings: has_sources(settings) and ends_authentication(settings),
        "nobody is checked here; name auth_file or auth_query_user",
    ),
    Rule(
        ("auth_max_logins", "auth_max_logins_per_address"),
        ends_authentication,
        "the database alone decides who may come in; see auth_mode",
    ),
)

"""Options of the store of tokens, for AcraServer and for acra-tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.optionkinds import BOOLEAN, FILE, TEXT, Choice, Integer
from acra_twisted.options import Option, Section

#: The store of a server that names none.
DEFAULT: Final = "sqlite:.acratokens.db"
_TLS_AUTH: Final = Integer(-1, 4)

TOKEN_IDS: Final = Option(
    "token_ids",
    Choice("", "keyed", "acra"),
    "",
    "Names of the records of consistent tokens. keyed: they are made with the owner's search key, "
    "so that nobody finds a value by trying who has the store alone. acra: they are made without a "
    "key, as Acra makes them; for a store that Acra uses or has used. Empty means acra for redis, "
    "else keyed.",
)
#: Options of a store in Redis.  All but the second are Acra's, or like those that it has.
REDIS: Final = (
    Option("redis_host_port", TEXT, "", "Host and port of Redis, or the path of its socket."),
    Option("redis_username", TEXT, "", "User of Redis' access lists."),
    Option("redis_password", TEXT, "", "Password for Redis.", secret=True),
    Option("redis_password_file", FILE, "", "File with it, mode 0600."),
    Option("redis_db_tokens", Integer(-1, 1_000_000), -1, "Number of Redis' database for tokens."),
    Option("redis_tls_enable", BOOLEAN, False, "Speak TLS with Redis."),
    Option(
        "redis_tls_client_ca",
        FILE,
        "",
        "CA certificates (PEM) that verify Redis. Empty means the system's.",
    ),
    Option("redis_tls_client_cert", FILE, "", "Certificate chain (PEM) to show to Redis."),
    Option("redis_tls_client_key", FILE, "", "Its private key (PEM), mode 0600."),
    Option("redis_tls_client_sni", TEXT, "", "Name in Redis' certificate, if it is not the host."),
    Option("redis_tls_client_auth", _TLS_AUTH, -1, "0: do not verify Redis; 4, -1: verify it."),
)

TOKENS: Final = Section(
    "tokens",
    "Store of the tokens that stand in the place of values, for columns with token_type. It is "
    "opened at the start if there are such columns.",
    (
        Option(
            "token_store",
            TEXT,
            "",
            "sqlite:FILE, redis or memory, which is lost at exit. Empty means redis if "
            f"redis_host_port is set, else {DEFAULT}.",
        ),
        TOKEN_IDS,
        *REDIS,
    ),
)


def store_name(settings: Mapping[str, Any]) -> str:
    """Return the name of the store, as `tokens.opening` takes it."""
    name: str = settings["token_store"]
    return name or ("redis" if settings["redis_host_port"] else DEFAULT)


def has_keyed_names(settings: Mapping[str, Any]) -> bool:
    """Return True if records of consistent tokens are named with a key."""
    names: str = settings["token_ids"]
    return names == "keyed" if names else store_name(settings) != "redis"

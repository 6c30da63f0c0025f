"""Flags of tools that name a store of tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.server.credentials import password_in
from acra_twisted.tokens.opening import FORMS
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Parser
from acra_twisted.transport.credentials import Credentials

_TLS: Final = "redis_tls_client_"


def add(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--token_store",
        default="",
        metavar="STORE",
        help=f"one of {', '.join(form for name, form in FORMS.items() if name != 'memory')}",
    )
    parser.add_argument(
        "--token_db", default="", metavar="FILE", help="as --token_store=boltdb:FILE, in Acra"
    )
    parser.add_argument("--redis_host_port", default="", help="host and port of Redis")
    parser.add_argument("--redis_username", default="", help="user of Redis' access lists")
    parser.add_argument(
        "--redis_password", default="", help="password; others on this machine may see it here"
    )
    parser.add_argument(
        "--redis_password_file", default="", metavar="FILE", help="file with it, mode 0600"
    )
    parser.add_argument(
        "--redis_db_tokens",
        default=-1,
        type=commandline.whole_number,
        help="number of Redis' database for tokens",
    )
    parser.switch("redis_tls_enable", help="speak TLS with Redis")
    for name, text in (
        ("ca", "CA certificates (PEM) that verify Redis; the system's if empty"),
        ("cert", "certificate chain (PEM) to show to Redis"),
        ("key", "its key (PEM), mode 0600"),
    ):
        parser.add_argument(f"--{_TLS}{name}", default="", metavar="FILE", help=text)
    parser.add_argument(
        f"--{_TLS}sni", default="", help="name in Redis' certificate, if it is not the host"
    )
    parser.add_argument(
        f"--{_TLS}auth",
        default=-1,
        type=commandline.whole_number,
        help="0: do not verify Redis; 4, -1: verify it",
    )


def store_of(given: Any) -> str:
    """Return the store that the flags name.  Raises ConfigError."""
    if given.token_store and given.token_db:
        raise ConfigError("--token_store and --token_db: give one of them")
    if given.token_store:
        return str(given.token_store)
    if given.token_db:
        return f"boltdb:{given.token_db}"
    if given.redis_host_port:
        return "redis"
    raise ConfigError("--token_store: name the store of tokens, such as sqlite:FILE")


def settings_of(given: Any) -> Settings:
    """Return the settings of Redis that the flags name.  Raises ConfigError, OSError."""
    if given.redis_password and given.redis_password_file:
        raise ConfigError("--redis_password and --redis_password_file: give one of them")
    settings = Settings({name: value for name, value in vars(given).items() if "redis" in name})
    if given.redis_password_file:
        password = password_in(given.redis_password_file, "--redis_password_file").decode()
        return settings.but(redis_password=password)
    return settings


def tls_of(settings: Settings) -> Callable[[], Any] | None:
    """Return what makes Redis' TLS connections; None if there are none."""
    if not settings["redis_tls_enable"]:
        return None

    def made() -> Any:
        host = settings["redis_host_port"].rpartition(":")[0].strip("[]")
        # 4 is also what stands for -1.
        own = Settings({**settings, "tls_auth": 4})
        credentials = Credentials(own, _TLS, falls_back=False)
        return credentials.client_creator(settings[f"{_TLS}sni"] or host).creator

    return made

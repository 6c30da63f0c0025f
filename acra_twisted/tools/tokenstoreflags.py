"""Flags of tools that name a store of tokens."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

from acra_twisted.config.tokens import REDIS, TOKEN_IDS, has_keyed_names
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, FILE
from acra_twisted.options import Option, Settings
from acra_twisted.server.tokenstore import redis_settings
from acra_twisted.tokens.opening import FORMS
from acra_twisted.tools.commandline import Parser, raw

#: Of an option that a command line shows.
_SEEN: Final = " Others on this machine may see it here."


def add(parser: Parser) -> None:
    """Add the flags."""
    parser.add_argument(
        "--token_store",
        default="",
        type=raw,
        metavar="STORE",
        help=f"one of {', '.join(form for name, form in FORMS.items() if name != 'memory')}",
    )
    parser.add_argument(
        "--token_db", default="", metavar="FILE", help="as --token_store=boltdb:FILE, in Acra"
    )
    for option in REDIS:
        if option.kind is BOOLEAN:
            parser.switch(option.name, help=option.help)
        else:
            _add(parser, option)


def add_names(parser: Parser) -> None:
    """Add the flag that says how records of consistent tokens are named."""
    _add(parser, TOKEN_IDS)


def _add(parser: Parser, option: Option) -> None:
    parser.add_argument(
        f"--{option.name}",
        default=option.default,
        type=_parsed(option),
        metavar="FILE" if option.kind is FILE else None,
        help=option.help + (_SEEN if option.secret else ""),
    )


def _parsed(option: Option) -> Callable[[str], Any]:
    """argparse: a value of an option's kind."""

    def parse(text: str) -> Any:
        try:
            return option.kind.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parse


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


def are_keyed(given: Any) -> bool:
    """Return True if records of consistent tokens are named with a key, as the server does.  Raises
    ConfigError."""
    return has_keyed_names({"token_store": store_of(given), "token_ids": given.token_ids})


def settings_of(given: Any) -> Settings:
    """Return the settings of Redis that the flags name.  Raises ConfigError."""
    return redis_settings(vars(given), "--")

"""A check of acra-doctor for AcraServer: the store of tokens answers, and finds what is in it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Any, Final

from twisted.internet.defer import TimeoutError

from acra_twisted.config.tokens import has_keyed_names, store_name
from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.options import Settings
from acra_twisted.server.columnchecks import use_tokens
from acra_twisted.server.tokenstore import named_otherwise, redis_settings, redis_tls
from acra_twisted.tokens.opening import open_store

#: Seconds for the first records.
TIMEOUT: Final = 10.0
_ABOUT: Final = "tokens"


async def token_store(reactor: Any, settings: Settings) -> AsyncIterator[Result]:
    """Ask the store for its first records, if a column has tokens.  A file that is not there yet is
    not made."""
    name = store_name(settings)
    if not use_tokens(settings):
        return
    if _is_to_be_made(name):
        yield ok(_ABOUT, f"{name} is made at the start")
        return
    try:
        redis = redis_settings(settings)
        store = open_store(name, redis, reactor, redis_tls(redis), create=False)
    except ConfigError:
        # It has been told of where settings are checked.
        return
    shown = f"Redis at {settings['redis_host_port']}" if name == "redis" else name
    try:
        page = await store.page().addTimeout(TIMEOUT, reactor)
    except TimeoutError:
        yield fail(_ABOUT, f"{shown} does not answer", "see token_store and redis_host_port")
    except AcraError as error:
        yield fail(_ABOUT, str(error), "see token_store and redis_host_port")
    else:
        other = named_otherwise(page[0], has_keyed_names(settings))
        yield warn(_ABOUT, f"{shown}: {other}") if other else ok(_ABOUT, f"{shown} answers")
    finally:
        await store.close()


def _is_to_be_made(name: str) -> bool:
    kind, _, path = name.partition(":")
    return kind == "sqlite" and not os.path.lexists(path)

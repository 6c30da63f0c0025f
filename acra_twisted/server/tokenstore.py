"""The store of tokens that settings name, with its password and certificates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.config.tokens import has_keyed_names, store_name
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.pipeline.workers import Workers
from acra_twisted.server.credentials import password_in
from acra_twisted.tokenentry import Entry
from acra_twisted.transport.credentials import Credentials

# A server without tokens imports no database.
if TYPE_CHECKING:
    from acra_twisted.tokens.tokenizer import Tokenizer

_log: Final = Logger()

_TLS: Final = "redis_tls_client_"
_PASSWORD: Final = "redis_password_file"  # noqa: S105 - the name of an option
#: What records of consistent tokens that are named otherwise begin with, and what names them so.
_OTHERS: Final[Mapping[bool, tuple[bytes, str]]] = {True: (b"h.", "acra"), False: (b"k.", "keyed")}


def redis_settings(settings: Mapping[str, Any], mark: str = "") -> Settings:
    """Return settings with the password for Redis that a file has.  ``mark`` stands before the
    names of options in messages.  Raises ConfigError."""
    found = Settings({name: value for name, value in settings.items() if "redis" in name})
    if not found[_PASSWORD]:
        return found
    if found["redis_password"]:
        raise ConfigError(f"{mark}redis_password and {mark}{_PASSWORD}: give one of them")
    password = password_in(found[_PASSWORD], mark + _PASSWORD).decode()
    return found.but(redis_password=password)


def redis_tls(settings: Mapping[str, Any]) -> Callable[[], Any] | None:
    """Return what makes TLS connections to Redis; None if there are none.  It raises
    ConfigError."""
    if not settings["redis_tls_enable"]:
        return None

    def made() -> Any:
        host = settings["redis_host_port"].rpartition(":")[0].strip("[]")
        # 4 is also what stands for -1.
        own = Settings({**settings, "tls_auth": 4})
        credentials = Credentials(own, _TLS, falls_back=False)
        return credentials.client_creator(settings[f"{_TLS}sni"] or host).creator

    return made


def make_tokenizer(
    settings: Settings, keys: Any, reactor: Any, clock: Callable[[], int], workers: Workers
) -> Tokenizer:
    """Open the store of tokens; a store that does not answer is told of.  ``keys`` is an IKeys,
    ``clock`` gives nanoseconds since the epoch.  Raises ConfigError."""
    from acra_twisted.tokens.opening import open_store
    from acra_twisted.tokens.tokenizer import Tokenizer

    name, redis = store_name(settings), redis_settings(settings)
    try:
        store = open_store(name, redis, reactor, redis_tls(redis))
    except ConfigError as error:
        raise ConfigError(f"token_store: {error}") from None
    keyed = has_keyed_names(settings)
    look_at(store, keyed)
    return Tokenizer(store, keys, clock, keyed=keyed, workers=workers)


def check_token_store(settings: Settings, is_used: bool) -> None:
    """Read the files of the store's settings, and look at its name if it ``is_used``; make and open
    nothing.  Raises ConfigError."""
    from acra_twisted.tokens.opening import check_store

    redis = redis_settings(settings)
    tls = redis_tls(redis)
    if tls is not None:
        tls()
    if is_used:
        try:
            check_store(store_name(settings), redis)
        except ConfigError as error:
            raise ConfigError(f"token_store: {error}") from None


def look_at(store: Any, keyed: bool) -> None:
    """Look at a store's first records, and log it if the store does not answer, or has consistent
    tokens that are named otherwise and are not found."""
    page: Deferred[Any] = store.page()
    page.addCallback(_compare, keyed).addErrback(_tell)


def named_otherwise(entries: Sequence[Entry], keyed: bool) -> str:
    """Return what is to be said of records whose names are made in the other way; empty if there
    are none."""
    begins, name = _OTHERS[keyed]
    if not any(entry.key.startswith(begins) for entry in entries):
        return ""
    return (
        f"token_ids: the store has consistent tokens that only token_ids = {name} finds; their "
        "values get other tokens now"
    )


def _compare(page: tuple[Sequence[Entry], Any], keyed: bool) -> None:
    text = named_otherwise(page[0], keyed)
    if text:
        _log.warn("{event_text}", event_text=text, code=events.INSECURE_SETTING)


def _tell(failure: Failure) -> None:
    _log.error(
        "{event_text}",
        event_text=f"token_store: {failure.getErrorMessage()}",
        code=events.TOKENS_AWAY,
    )

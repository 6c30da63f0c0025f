"""Makes the sources of secrets from AcraServer's settings, and tells what becomes of lookups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from zope.interface import implementer

from acra_twisted import events
from acra_twisted.authentication.authfile import AuthFile
from acra_twisted.authentication.cache import SecretCache
from acra_twisted.authentication.certificateusers import CertificateUsers, IdentFile
from acra_twisted.authentication.credentials import Credentials
from acra_twisted.authentication.keyfile import KeyFile
from acra_twisted.authentication.queryconnection import InThread, KeyDerivation
from acra_twisted.authentication.querysource import QuerySource
from acra_twisted.config.authentication import uses_secrets
from acra_twisted.config.loginmethods import by_certificate
from acra_twisted.config.secretsources import uses_query
from acra_twisted.daemon.dialect import service_query
from acra_twisted.errors import ConfigError, KeyStoreError, try_all
from acra_twisted.interfaces import IReloadable
from acra_twisted.keystore.files import read_secret
from acra_twisted.options import Settings
from acra_twisted.server.database import Database
from acra_twisted.server.loginattempt import shown as shown_name
from acra_twisted.server.upstream import database_address
from acra_twisted.telemetry.metrics.lookups import LookupMetrics
from acra_twisted.transport import peers
from acra_twisted.transport.failures import Party, reason_of, shown

PASSWORD: Final = "auth_query_password_file"  # noqa: S105 - the name of an option
#: Bytes of a file with a password.
_PASSWORD_MAX = 4096


def read_password(settings: Settings) -> bytes:
    """Return the password of the role that asks; empty if it has none.  Raises ConfigError."""
    path = settings[PASSWORD]
    return password_in(path, PASSWORD) if path else b""


def password_in(path: str, option: str) -> bytes:
    """Return the password in the file that ``option`` names.  Raises ConfigError."""
    try:
        data = read_secret(path, option, _PASSWORD_MAX)
    except KeyStoreError as error:
        raise ConfigError(str(error)) from None
    except FileNotFoundError:
        raise ConfigError(f"{option}: there is no {path}") from None
    password = data.removesuffix(b"\n").removesuffix(b"\r")
    if not password or b"\0" in password:
        raise ConfigError(f"{option}: {path} has no password in its only line")
    return password


def make_file(settings: Settings, clock: Callable[[], float]) -> AuthFile | None:
    """Read the file of secrets; None if none is named.  Raises ConfigError."""
    path = settings["auth_file"]
    return AuthFile(path, settings["auth_md5"], clock) if path else None


def check_sources(settings: Settings) -> None:
    """Read the files of the sources, and look at the query.  Raises ConfigError."""
    if uses_query(settings) and "$1" not in settings["auth_query"]:
        raise ConfigError("auth_query: write $1 in the place of the user's name")
    if settings["auth_query_user"] and not settings[PASSWORD]:
        certificate = settings["tls_database_cert"] or settings["tls_cert"]
        if settings["db_tls"] == "disable" or not certificate:
            raise ConfigError(
                f"auth_query_user: name a file with its password in {PASSWORD}, or a certificate "
                "of this side in tls_database_cert"
            )
    try_all(
        lambda: make_file(settings, float),
        lambda: read_password(settings),
        lambda: make_certificates(settings),
    )


def explainer(settings: Settings) -> Callable[[Exception], str]:
    """Return a function that says in words why the database could not be reached."""
    party = Party(peers.DATABASE, shown(database_address(settings)))
    return lambda error: str(reason_of(error, party))


def make_query(
    reactor: Any, settings: Settings, database: Database, in_thread: InThread
) -> QuerySource | None:
    """Make the source that asks the database; None if it is not to be asked.  Raises
    ConfigError."""
    if not uses_query(settings):
        return None
    return QuerySource(
        reactor,
        database.connect,
        lambda password: service_query(settings, password, database),
        lambda: read_password(settings),
        KeyDerivation(in_thread),
        explainer(settings),
        settings["auth_query_timeout"],
    )


@implementer(IReloadable)
class ServedCredentials(Credentials):
    """Credentials that are read anew on SIGHUP, under ``name`` in the log."""

    name = "authentication"


def make_credentials(
    reactor: Any,
    settings: Settings,
    database: Database,
    in_thread: InThread,
    metrics: LookupMetrics,
    event: Callable[..., None],
    log: Any,
) -> ServedCredentials | None:
    """Make what finds secrets of users; None if the database alone checks users.

    ``event`` logs a code and a text and counts it.  Raises ConfigError.
    """
    if not uses_secrets(settings):
        return None
    clock = reactor.seconds
    user = settings["auth_query_user"].encode()
    return ServedCredentials(
        clock,
        _Watcher(metrics, event, log),
        file=make_file(settings, clock),
        query=make_query(reactor, settings, database, in_thread),
        cache=SecretCache(clock, settings["auth_cache_soft"], settings["auth_cache_hard"]),
        refused=frozenset((user,)) if user else frozenset(),
        iterations=settings["auth_scram_iterations"],
    )


@implementer(IReloadable)
class ServedCertificates(CertificateUsers):
    """Users of certificates that are read anew on SIGHUP, under ``name`` in the log."""

    name = "authentication"

    def stop(self) -> None:
        """End nothing: it has files alone."""


def make_certificates(settings: Settings) -> ServedCertificates | None:
    """Make what says which users certificates prove; None if they prove none.  Raises
    ConfigError."""
    if not by_certificate(settings):
        return None
    ident, keys = settings["auth_ident_file"], settings["auth_keys_file"]
    return ServedCertificates(
        settings["auth_ident_name"],
        IdentFile(ident, settings["auth_ident_map"]) if ident else None,
        KeyFile(keys) if keys else None,
    )


class _Watcher:
    """Counts lookups, and has lines in the log for what an operator can mend."""

    def __init__(self, metrics: LookupMetrics, event: Callable[..., None], log: Any) -> None:
        self.found = metrics.found
        self.asked = metrics.asked
        self._event = event
        self._log = log

    def away(self, reason: str) -> None:
        """See authentication.credentials.Watcher."""
        text = "Secrets of users cannot be looked up; those that are kept are used"
        self._event(events.SOURCE_AWAY, text, error=reason)

    def back(self) -> None:
        """See authentication.credentials.Watcher."""
        self._log.info("Secrets of users can be looked up again", code=events.GENERAL)

    def changed(self, user: bytes) -> None:
        """See authentication.credentials.Watcher."""
        text = "A user's secret had changed; the next login uses the new one"
        self._event(events.SECRET_OUTDATED, text, user=shown_name(user))

    def stale(self, user: bytes, source: str) -> None:
        """See authentication.credentials.Watcher."""
        text = "The database does not accept a user's secret"
        if source == "file":
            text += "; auth_file is older than the database: write it anew by acra-auth export"
        self._event(events.SECRET_OUTDATED, text, user=shown_name(user))

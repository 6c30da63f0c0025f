"""The client id of a login that somebody describes, and the rule that gives it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from typing import Final

from acra_twisted.authentication.clientidmap import BOUND, NO, YES, LoginFacts
from acra_twisted.authentication.mapfile import SETTING, MapFile
from acra_twisted.authentication.tokens import read
from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings

#: The facts that can be given, as KEY=VALUE.
KEYS: Final = ("user", "database", "address", "cert", "link", "tls", "protocol")
_ABOUT: Final = "client id"
_LOCAL: Final = "local"


def facts_of(words: Sequence[str], protocol: str) -> LoginFacts:
    """Return the facts that KEY=VALUE words give; ``protocol`` is that of the daemon's database.
    ``cert`` is the file of a certificate in PEM.  Raises ConfigError."""
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in KEYS:
            raise ConfigError(f"{word!r} is no fact of a login; they are {', '.join(KEYS)}")
        given[key] = value
    user = given.get("user", "").encode(errors="surrogateescape")
    database = given.get("database", "").encode(errors="surrogateescape")
    tls = given.get("tls", NO)
    if tls not in (NO, YES, BOUND):
        raise ConfigError(f"tls is {NO}, {YES} or {BOUND}")
    address = given.get("address", _LOCAL)
    return LoginFacts(
        user=user or None,
        database=database or user,
        address="" if address == _LOCAL else address,
        certificate=_certificate(given["cert"]) if "cert" in given else None,
        link=given.get("link", ""),
        tls=tls,
        protocol=given.get("protocol", protocol),
    )


def _certificate(path: str) -> bytes:
    try:
        return ssl.PEM_cert_to_DER_cert(read(path).decode("ascii"))
    except ValueError:
        raise ConfigError(f"{path} is no certificate in PEM") from None


def explain(settings: Settings, facts: LoginFacts) -> Iterator[Result]:
    """Say which client id a login has: each rule up to the one that decides, and its decision."""
    path = settings.get(SETTING, "")
    if not path:
        yield warn(
            _ABOUT,
            "there are no rules: the link, the certificate or client_id gives it",
            f"name a file in {SETTING}",
        )
        return
    try:
        rules = MapFile(path).rules
    except ConfigError as error:
        yield fail(_ABOUT, str(error))
        return
    match = rules.decide(facts)
    for line, condition in rules.unmet(facts):
        yield ok(_ABOUT, f"line {line} does not match: {condition}")
    if match.client_id:
        yield ok(_ABOUT, f"line {match.line} gives {match.client_id}")
    else:
        yield fail(_ABOUT, f"none: {match.why}", _remedy(facts))


def _remedy(facts: LoginFacts) -> str:
    return "" if facts.user else "without user= the login has proven no user, as with trust"

"""Declares the options of revocation, and makes a policy for each leg of them.

Those that Acra has keep Acra's names and meanings.  A leg is one kind of peer with TLS: `CLIENT`
and `DATABASE` of AcraServer, `ACRASERVER` and `APPLICATION` of AcraConnector.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509

from acra_twisted import hosts
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, FILE, URL, Choice, Integer, Names, Seconds, Url
from acra_twisted.options import Option, Section, Settings
from acra_twisted.transport.credentials import read_certificates
from acra_twisted.transport.revocation import policy

CLIENT: Final = "client"
DATABASE: Final = "database"
ACRASERVER: Final = "acraserver"
APPLICATION: Final = "application"

_PEERS: Final = {
    CLIENT: "connectors and applications",
    DATABASE: "the database",
    ACRASERVER: "AcraServer",
    APPLICATION: "applications",
}
_WEEK: Final = 7 * 86_400.0
_WORDS: Final = {
    word.lower(): word
    for word in (
        policy.DENY_UNKNOWN,
        policy.ALLOW_UNKNOWN,
        policy.REQUIRE_GOOD,
        policy.SOFT,
        policy.STRICT,
    )
}
_REQUIRED: Final = ("denyunknown", "allowunknown", "requiregood", "soft")
_LIST: Final = ("strict", "soft")
_NAMED: Final = ("use", "trust", "prefer", "ignore")
_LIST_SIZE: Final = Integer(0, 1_000_000)
_LIST_TIME: Final = Seconds(0, 300)


class ListUrl(Url):
    """An http, https or file address of a revocation list; empty means none."""

    noun = "URL of http, https or file"

    def parse(self, text: str) -> str:
        url = text.strip()
        if not url.lower().startswith("file:"):
            return super().parse(text)
        parts = urlsplit(url)
        if parts.netloc or parts.path[:1] != "/" or parts.query or parts.fragment:
            raise ValueError("expected the URL of a file, such as file:///etc/acra/ca.crl")
        return url


class HostNames(Names):
    """Hosts, each with or without a port."""

    noun = "hosts or host:port, comma-separated"

    def parse(self, text: str) -> tuple[str, ...]:
        found = super().parse(text)
        for name in found:
            try:
                hosts.host(name)
            except ValueError:
                hosts.host_and_port(name)
        return found


_LIST_URL: Final = ListUrl()

_COMMON: Final = (
    Option(
        "tls_ocsp_required",
        Choice(*_REQUIRED),
        "denyunknown",
        "Certificates to accept by OCSP. denyUnknown: those that no responder calls revoked or "
        "unknown, if a responder that is asked answers. allowUnknown: unknown ones, too. "
        "requireGood: only those that are called good. soft: also those that nobody can be asked "
        "about, with an event; for migrations.",
    ),
    Option(
        "tls_ocsp_from_cert",
        Choice(*_NAMED),
        "ignore",
        "Responders that certificates name themselves. ignore: they are not asked (Acra's default "
        "is prefer). use: they are asked behind the configured one. prefer and trust: before it.",
    ),
    Option(
        "tls_ocsp_check_only_leaf_certificate",
        BOOLEAN,
        False,
        "Check the peer's own certificate and not those of intermediate CAs.",
    ),
    Option(
        "tls_ocsp_cache_time",
        Seconds(1),
        3600.0,
        "Longest time for which an answer that calls a certificate good is used.",
    ),
    Option(
        "tls_ocsp_max_age",
        Seconds(1, 30 * 86_400),
        _WEEK,
        "Age up to which an answer is used that does not say how long it holds.",
    ),
    Option(
        "tls_ocsp_signer_cert",
        FILE,
        "",
        "Certificate (PEM) of a responder that does not send its own with an answer.",
    ),
    Option(
        "tls_ocsp_require_nonce",
        BOOLEAN,
        False,
        "Only accept answers that repeat the request's nonce. Few public responders do.",
    ),
    Option(
        "tls_ocsp_staple",
        BOOLEAN,
        False,
        "AcraServer sends the answer about its own certificate along in handshakes with "
        "connectors, and AcraConnector asks for it. Set it in both.",
    ),
    Option(
        "tls_crl_required",
        Choice(*_LIST),
        "strict",
        "strict: a certificate whose revocation list cannot be had or is too old is refused, and "
        "so is a start without the configured list. soft: it is accepted, with an event; for "
        "migrations.",
    ),
    Option(
        "tls_crl_from_cert",
        Choice(*_NAMED),
        "ignore",
        "Revocation lists that certificates name themselves, by the same words.",
    ),
    Option(
        "tls_crl_check_only_leaf_certificate",
        BOOLEAN,
        False,
        "Check the peer's own certificate and not those of intermediate CAs.",
    ),
    Option("tls_crl_cache_size", _LIST_SIZE, 16, "Number of revocation lists that are kept."),
    Option(
        "tls_crl_cache_time",
        _LIST_TIME,
        0.0,
        "Time after which a list is fetched again. 0 keeps it as long as it says that it holds; "
        "in Acra 0 keeps none.",
    ),
    Option(
        "tls_revocation_hosts",
        HostNames(),
        (),
        "Hosts (host or host:port) that certificates may name although they have private "
        "addresses or other ports than 80 and 8080.",
    ),
    Option(
        "tls_revoked_sessions",
        Choice("close", "keep"),
        "close",
        "Treatment of open sessions when their certificate turns out to be revoked.",
    ),
)


def _urls(prefix: str, sides: str, whose: str) -> tuple[Option, ...]:
    return (
        Option(f"{prefix}ocsp_{sides}url", URL, "", f"OCSP responder for certificates of {whose}."),
        Option(
            f"{prefix}crl_{sides}url",
            _LIST_URL,
            "",
            f"Revocation list for certificates of {whose}, by http, https or file.",
        ),
    )


def _side(side: str, whose: str) -> tuple[Option, ...]:
    """The options of one side, which hold instead of the common ones."""
    return (
        *_urls("tls_", f"{side}_", whose),
        Option(
            f"tls_ocsp_{side}_required",
            Choice("", *_REQUIRED),
            "",
            "Overrides tls_ocsp_required. Empty does not.",
        ),
        Option(
            f"tls_ocsp_{side}_from_cert",
            Choice("", *_NAMED),
            "",
            "Overrides tls_ocsp_from_cert. Empty does not.",
        ),
        Option(
            f"tls_ocsp_{side}_check_only_leaf_certificate",
            BOOLEAN,
            False,
            "tls_ocsp_check_only_leaf_certificate for this side alone.",
        ),
        Option(
            f"tls_crl_{side}_required",
            Choice("", *_LIST),
            "",
            "Overrides tls_crl_required. Empty does not.",
        ),
        Option(
            f"tls_crl_{side}_from_cert",
            Choice("", *_NAMED),
            "",
            "Overrides tls_crl_from_cert. Empty does not.",
        ),
        Option(
            f"tls_crl_{side}_check_only_leaf_certificate",
            BOOLEAN,
            False,
            "tls_crl_check_only_leaf_certificate for this side alone.",
        ),
        Option(
            f"tls_crl_{side}_cache_size",
            Integer(-1, 1_000_000),
            -1,
            "Overrides tls_crl_cache_size; -1 does not.",
        ),
        Option(
            f"tls_crl_{side}_cache_time",
            Integer(-1, 300),
            -1,
            "Overrides tls_crl_cache_time; -1 does not.",
        ),
    )


_ABOUT: Final = (
    "Revocation of peers' certificates by OCSP and revocation lists (CRL), checked in each "
    "handshake, also of resumed sessions. Nothing is checked unless a URL is set, or a setting "
    "whose name ends with from_cert."
)

SERVER_REVOCATION: Final = Section(
    "revocation",
    _ABOUT,
    (
        *_urls("tls_", "", "all peers (tls_*_client_url and tls_*_database_url override it)"),
        *_COMMON,
        *_side(CLIENT, _PEERS[CLIENT]),
        *_side(DATABASE, _PEERS[DATABASE]),
    ),
)
CONNECTOR_REVOCATION: Final = Section(
    "revocation",
    _ABOUT,
    (
        *_urls("tls_", "", "AcraServer"),
        *_urls("application_tls_", "", "applications"),
        *_COMMON,
    ),
)


def chosen(settings: Settings, leg: str, by: str, name: str) -> Any:
    """The value of a setting by ``ocsp`` or ``crl`` for a leg: its own, or else the common one."""
    if leg == APPLICATION and name == "url":
        # Applications have certificates of another CA than AcraServer.
        return settings[f"application_tls_{by}_url"]
    common = settings[f"tls_{by}_{name}"]
    own = settings.get(f"tls_{by}_{leg}_{name}")
    return common if own in (None, "", -1) or own is False else own


def is_asked(settings: Settings, leg: str, by: str) -> bool:
    """Return True if anybody is asked by ``ocsp`` or ``crl`` about peers of a leg."""
    named = chosen(settings, leg, by, "from_cert") != policy.IGNORE
    return bool(chosen(settings, leg, by, "url")) or named


def check_revocation(settings: Settings, legs: Iterable[str]) -> None:
    """Raises ConfigError unless the policy of each leg can be followed, whose peers' certificates
    are verified."""
    for leg in legs:
        rules = policy_of(settings, leg).ocsp
        if rules.required == policy.REQUIRE_GOOD and not is_asked(settings, leg, "ocsp"):
            raise ConfigError(
                f"tls_ocsp_required: nobody can be asked whether certificates of {_PEERS[leg]} are "
                f"good, so that requireGood refuses all; set {_url(leg)}"
            )


def staples(settings: Settings) -> bool:
    """Return True if AcraServer has a responder to ask about its own certificate, and is to."""
    return bool(settings["tls_ocsp_staple"] and chosen(settings, CLIENT, "ocsp", "url"))


def weak(settings: Settings, legs: Iterable[str]) -> list[str]:
    """Return a sentence for each setting by which peers of these legs are accepted although it is
    not known whether their certificates are revoked."""
    found = {}
    for leg in legs:
        for by in ("ocsp", "crl"):
            if is_asked(settings, leg, by) and chosen(settings, leg, by, "required") == policy.SOFT:
                found[f"tls_{by}_required = soft"] = _PEERS[leg]
    return [
        f"{made}: revoked certificates of {whose} are accepted while nobody answers for them"
        for made, whose in found.items()
    ]


def _url(leg: str) -> str:
    return "application_tls_ocsp_url" if leg == APPLICATION else "tls_ocsp_url"


def is_checked(settings: Settings, leg: str) -> bool:
    """Return True if peers of a leg are checked at all."""
    return is_asked(settings, leg, "ocsp") or is_asked(settings, leg, "crl")


def policy_of(settings: Settings, leg: str) -> policy.RevocationPolicy:
    """The policy of a leg.  Raises ConfigError; reads the responder's certificate."""

    def of(by: str, name: str) -> Any:
        return chosen(settings, leg, by, name)

    return policy.RevocationPolicy(
        policy.OcspRules(
            url=of("ocsp", "url"),
            required=_WORDS[of("ocsp", "required")],
            from_cert=of("ocsp", "from_cert"),
            only_leaf=of("ocsp", "check_only_leaf_certificate"),
            cache_time=settings["tls_ocsp_cache_time"],
            max_age=settings["tls_ocsp_max_age"],
            signer=_signer(settings["tls_ocsp_signer_cert"]),
            require_nonce=settings["tls_ocsp_require_nonce"],
        ),
        policy.CrlRules(
            url=of("crl", "url"),
            required=_WORDS[of("crl", "required")],
            from_cert=of("crl", "from_cert"),
            only_leaf=of("crl", "check_only_leaf_certificate"),
            cache_size=of("crl", "cache_size"),
            cache_time=float(of("crl", "cache_time")),
        ),
        stapling=leg == ACRASERVER and settings["tls_ocsp_staple"],
    )


def _signer(path: str) -> x509.Certificate | None:
    found = read_certificates("tls_ocsp_signer_cert", path)
    return found[0].original.to_cryptography() if found else None

"""Rules for asking about a peer's certificates, and for the verdict by what was found.

Pure: no clock, no file, no socket.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography import x509

# Words of ``tls_ocsp_required``.
REQUIRE_GOOD: Final = "requireGood"
DENY_UNKNOWN: Final = "denyUnknown"
ALLOW_UNKNOWN: Final = "allowUnknown"
SOFT: Final = "soft"
#: Words of ``tls_crl_required``: this one and `SOFT`.
STRICT: Final = "strict"

# Words of ``tls_ocsp_from_cert`` and ``tls_crl_from_cert``: what becomes of the addresses that a
# certificate names.
USE: Final = "use"
PREFER: Final = "prefer"
TRUST: Final = "trust"
IGNORE: Final = "ignore"

# Findings about one certificate, which are reasons of verdicts as well.
GOOD: Final = "good"
REVOKED: Final = "revoked"
UNKNOWN: Final = "unknown"
STALE: Final = "stale"
EARLY: Final = "not yet valid"
SIGNATURE: Final = "wrong signature"
OTHER: Final = "about another certificate"
UNUSABLE: Final = "unusable answer"
UNREACHABLE: Final = "no answer"
NO_SOURCE: Final = "no source"
UNSTAPLED: Final = "not stapled"
#: A resumed session of a certificate that was not seen in a full handshake.
UNSEEN: Final = "not seen before"
#: A certificate that OpenSSL takes, and that cannot be looked into.
UNREADABLE: Final = "unreadable certificate"

#: Findings, the worst first.
_WORST_FIRST: Final = (
    REVOKED,
    UNSTAPLED,
    UNSEEN,
    UNREADABLE,
    SIGNATURE,
    OTHER,
    UNKNOWN,
    STALE,
    EARLY,
    UNUSABLE,
    UNREACHABLE,
    NO_SOURCE,
    GOOD,
)
_RANK: Final = {reason: rank for rank, reason in enumerate(_WORST_FIRST)}
#: Signed statements of the issuer about this certificate: they end the asking of several sources.
USABLE: Final = frozenset((GOOD, REVOKED, UNKNOWN))
#: Findings of an attack, or of proof: no policy accepts them.
_NEVER: Final = frozenset((REVOKED, UNSTAPLED, UNSEEN, UNREADABLE, SIGNATURE, OTHER))
#: Findings besides that a policy refuses; what it does not refuse is accepted with an event.
_REFUSED: Final = {
    REQUIRE_GOOD: frozenset((UNKNOWN, STALE, EARLY, UNUSABLE, UNREACHABLE, NO_SOURCE)),
    DENY_UNKNOWN: frozenset((UNKNOWN, STALE, EARLY, UNUSABLE, UNREACHABLE)),
    STRICT: frozenset((UNKNOWN, STALE, EARLY, UNUSABLE, UNREACHABLE)),
    ALLOW_UNKNOWN: frozenset((STALE, EARLY, UNUSABLE, UNREACHABLE)),
    SOFT: frozenset[str](),
}


class Status(NamedTuple):
    """A finding about one certificate.

    ``about`` says it, and follows the words "the certificate".  ``begin`` and ``end`` are the Unix
    times from which and until which its source stands for it, 0 if there is none that does.
    """

    reason: str
    about: str = ""
    begin: float = 0.0
    end: float = 0.0


class Verdict(NamedTuple):
    """Says whether a peer's certificates are accepted.

    ``reason`` is one of the findings above, empty where nothing is asked: a label of metrics.
    ``event``: it is to be told as an event of security.  ``about`` says it for a log, and follows
    the words "the certificate".
    """

    accepted: bool
    reason: str = ""
    event: bool = False
    about: str = ""


#: Nothing is asked.
UNASKED: Final = Verdict(True)
#: All that was asked say that the certificates are good.
ACCEPTED: Final = Verdict(True, GOOD)
#: For a session that is resumed, of a certificate that was not seen lately.
RESUMED_UNSEEN: Final = Verdict(
    False, UNSEEN, False, "was not seen lately, and its resumed session does not show its issuers"
)


@dataclass(frozen=True)
class OcspRules:
    """How answers of OCSP are asked for and taken, on one leg.

    ``url`` is the configured responder, for the peer's own certificate; ``required`` and
    ``from_cert`` are words above.  ``only_leaf``: certificates of intermediate CAs are not asked
    about.  ``cache_time`` are the seconds for which a good answer is used unasked; ``max_age`` is
    the age of answers that do not say when they end.  ``signer`` is the certificate of a responder
    that does not send its own.  ``require_nonce``: answers without our nonce are unusable.
    """

    url: str = ""
    required: str = DENY_UNKNOWN
    from_cert: str = IGNORE
    only_leaf: bool = False
    cache_time: float = 3600.0
    max_age: float = 7 * 86_400.0
    signer: x509.Certificate | None = None
    require_nonce: bool = False

    @property
    def active(self) -> bool:
        """True if anything is asked."""
        return bool(self.url) or self.from_cert != IGNORE or self.required == REQUIRE_GOOD


@dataclass(frozen=True)
class CrlRules:
    """How revocation lists are fetched and taken, on one leg.

    ``url`` is the configured list's (``http``, ``https`` or ``file``), for the peer's own
    certificate.  ``cache_size`` are the lists that are kept of those that certificates name, 4 at
    least; ``cache_time`` the seconds for which one is used unasked, 0 for as long as it says
    itself.  The others are those of `OcspRules`.
    """

    url: str = ""
    required: str = STRICT
    from_cert: str = IGNORE
    only_leaf: bool = False
    cache_size: int = 16
    cache_time: float = 0.0

    @property
    def active(self) -> bool:
        """True if anything is asked."""
        return bool(self.url) or self.from_cert != IGNORE


@dataclass(frozen=True)
class RevocationPolicy:
    """All of one leg.  ``stapling``: this side asks its peers for stapled answers, so that a
    certificate that promises one (must-staple) is refused without."""

    ocsp: OcspRules = field(default_factory=OcspRules)
    crl: CrlRules = field(default_factory=CrlRules)
    stapling: bool = False

    @property
    def active(self) -> bool:
        """True if a verdict needs more than the certificates themselves."""
        return self.ocsp.active or self.crl.active or self.stapling


def sources(from_cert: str, configured: str, named: Iterable[str]) -> tuple[str, ...]:
    """The addresses to ask, in their order and each once: the configured one, if any, and those
    that a certificate names."""
    own = (configured,) if configured else ()
    if from_cert == IGNORE:
        return own
    both = (*own, *named) if from_cert == USE else (*named, *own)
    return tuple(dict.fromkeys(both))


def worst(found: Iterable[Status]) -> Status:
    """The one that counts of several, at least one."""
    return min(found, key=lambda one: _RANK[one.reason])


def decide(required: str, found: Status) -> Verdict:
    """The verdict on one certificate by one kind of source; ``required`` is a word above."""
    reason = found.reason
    if reason == GOOD:
        return ACCEPTED
    accepted = reason not in _NEVER and reason not in _REFUSED[required]
    return Verdict(accepted, reason, True, found.about)


def together(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict that counts of those on all certificates by all kinds of sources: each must
    accept.  The worst refusal counts, or else the worst of those that are events."""
    return min(
        verdicts, key=lambda one: (one.accepted, _RANK.get(one.reason, len(_RANK))), default=UNASKED
    )

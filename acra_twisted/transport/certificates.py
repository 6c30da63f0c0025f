"""Certificates: what they say, what is wrong with them, in words for people.

The same words serve a check of files before the start (`examine`), a certificate that is in use and
expires, and the moment in which OpenSSL refuses a peer's (`transport.verifier`).
"""

from __future__ import annotations

import contextlib
import datetime
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import crypto
from service_identity.cryptography import (
    verify_certificate_hostname,
    verify_certificate_ip_address,
)
from service_identity.exceptions import VerificationError

from acra_twisted.errors import HandshakeError
from acra_twisted.lines import printable
from acra_twisted.transport.identity import distinguished_name, unfit

CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH

#: Kinds of problems.
EXPIRED: Final = "expired"
EARLY: Final = "not yet valid"
ENDS: Final = "expires soon"
ISSUER: Final = "unknown issuer"
NAME: Final = "another name"
USE: Final = "another use"
UNREADABLE: Final = "unreadable"
REVOKED: Final = "revoked"
UNCHECKED: Final = "revocation not checked"
OTHER: Final = "not accepted"

#: Problems because of which connections fail, whatever the other side trusts.
SEVERE: Final = frozenset((EXPIRED, EARLY, USE, UNREADABLE))
#: A certificate is to be renewed that ends within these days, or within a quarter of its life.
DAYS: Final = 21
_SUBJECT_LIMIT: Final = 160
_NAMES: Final = 8


@dataclass(frozen=True)
class Finding:
    """Something about a certificate: ``about`` follows the words "the certificate"."""

    problem: str
    about: str
    remedy: str

    @property
    def severe(self) -> bool:
        """True if connections fail because of it."""
        return self.problem in SEVERE


@dataclass(frozen=True)
class Loaded:
    """A certificate of this side that is in use, with the setting and the file it is from.

    ``usage`` is CLIENT or SERVER; None is a CA that peers are verified by.
    """

    option: str
    path: str
    certificate: x509.Certificate
    usage: x509.ObjectIdentifier | None

    @property
    def ends(self) -> datetime.datetime:
        """When it expires."""
        return self.certificate.not_valid_after_utc

    def findings(self, now: datetime.datetime) -> list[Finding]:
        """Return the certificates that do not work, or not for long."""
        if self.usage is None:
            return list(dates(self.certificate, now))
        return examine([self.certificate], self.usage, now)

    def sentence(self, finding: Finding) -> str:
        """A finding in full: setting, file, subject, what is wrong and what to do."""
        return (
            f"{self.option}: the certificate in {self.path} ({subject(self.certificate)}) "
            f"{finding.about}; {finding.remedy}"
        )


def readable(certificates: Iterable[crypto.X509]) -> list[x509.Certificate]:
    """Those that can be looked into.  Files of the system's CAs hold some that OpenSSL alone takes:
    they are trusted, and nothing is said of them."""
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in certificates:
            with contextlib.suppress(ValueError):
                found.append(each.to_cryptography())
    return found


def deciding(loaded: Sequence[Loaded]) -> list[Loaded]:
    """This side's own certificates, and of the CAs that a setting names the one that lasts longest:
    a file may hold many, and old ones beside their successors."""
    own = [each for each in loaded if each.usage is not None]
    lasting: dict[str, Loaded] = {}
    for each in loaded:
        if each.usage is None:
            known = lasting.get(each.option, each)
            lasting[each.option] = max(known, each, key=lambda one: one.ends)
    return [*own, *lasting.values()]


def judged(
    loaded: Sequence[Loaded], now: datetime.datetime, authorities: Sequence[x509.Certificate] = ()
) -> tuple[list[str], list[str]]:
    """Sentences about certificates of this side: those with which connections fail, and others.

    ``authorities`` are the CAs of whoever trusts the same as this side, which is usual for a link.
    """
    severe: dict[str, None] = {}
    others: dict[str, None] = {}
    for each in deciding(loaded):
        found = each.findings(now)
        if each.usage is not None and authorities:
            found += _own_origin(each.certificate, authorities)
        for finding in found:
            (severe if finding.severe else others)[each.sentence(finding)] = None
    return list(severe), list(others)


def _own_origin(
    certificate: x509.Certificate, authorities: Sequence[x509.Certificate]
) -> Iterator[Finding]:
    for finding in origin(certificate, authorities):
        yield Finding(
            finding.problem,
            finding.about.replace("trusted", "in this side's CA file"),
            "that is right only if the other side has another CA file",
        )


def clock() -> datetime.datetime:
    """Now, in UTC."""
    return datetime.datetime.now(datetime.UTC)


# -- what a certificate says ----------------------------------------------------------------------


def subject(certificate: x509.Certificate) -> str:
    """The subject for people: short, and without characters that cannot be shown."""
    try:
        return _shown(distinguished_name(certificate.public_bytes(Encoding.DER)))
    except HandshakeError:
        return "its subject cannot be read"


def issuer(certificate: x509.Certificate) -> str:
    """Likewise who has issued it."""
    try:
        return _shown(certificate.issuer.rfc4514_string())
    except ValueError:
        return "an issuer that cannot be read"


def _shown(text: str) -> str:
    text = printable(text)
    if len(text) > _SUBJECT_LIMIT:
        text = f"{text[:_SUBJECT_LIMIT]}..."
    return text or "without a subject"


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """DNS names and addresses that it is for."""
    try:
        kind = x509.SubjectAlternativeName
        found = certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(
        _shown(str(name.value)) for name in found if isinstance(name, x509.DNSName | x509.IPAddress)
    )


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Return True if it is for a host name or address, False if that cannot be known."""
    try:
        if is_ip_address(name):
            verify_certificate_ip_address(certificate, name)
        else:
            verify_certificate_hostname(certificate, name.encode("idna").decode("ascii"))
    except VerificationError:
        return False
    except Exception:
        # Whatever it is: nothing may pass because the check itself failed.
        return False
    return True


def is_ip_address(name: str) -> bool:
    """Return True if a certificate must have it as an address and not as a DNS name."""
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def date(moment: datetime.datetime) -> str:
    """A moment for people."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _span(time: datetime.timedelta) -> str:
    seconds = int(time.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = seconds // size
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds} s"


# -- what is wrong --------------------------------------------------------------------------------


def dates(certificate: x509.Certificate, now: datetime.datetime) -> Iterator[Finding]:
    """It has expired, will soon, or is not valid yet."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        yield Finding(
            EARLY,
            f"is valid from {date(begin)} on, and the clock here says {date(now)}",
            "set the clock that is wrong (on this machine, or where the certificate was made)",
        )
    elif now > end:
        yield Finding(
            EXPIRED,
            f"expired on {date(end)}, {_span(now - end)} ago",
            "renew it (acra-certs --renew), or set the clock if it is wrong",
        )
    elif end - now < min(datetime.timedelta(DAYS), (end - begin) / 4):
        yield Finding(
            ENDS,
            f"expires on {date(end)}, in {_span(end - now)}",
            "renew it (acra-certs --renew) and send SIGHUP",
        )


def use(certificate: x509.Certificate, usage: x509.ObjectIdentifier) -> Iterator[Finding]:
    """It is not for this end of a connection."""
    try:
        why = unfit(certificate, usage)
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        yield Finding(UNREADABLE, "has extensions that cannot be read", "have it made anew")
        return
    # Servers show certificates that signed themselves, which are CAs': who trusts them, does.
    if why and not (usage == SERVER and "CA's" in why):
        side = "clientAuth" if usage == CLIENT else "serverAuth"
        yield Finding(
            USE, why, f"have it made with extendedKeyUsage = {side}, or without (acra-certs does)"
        )


def host(certificate: x509.Certificate, name: str = "") -> Iterator[Finding]:
    """A server's certificate is not for the name by which it is reached, or for none at all."""
    found = names(certificate)
    if not found:
        yield Finding(
            NAME,
            "names no host: there is no subjectAltName, and a common name does not count",
            f"have it made for {name or 'its host'} (acra-certs --hosts=...)",
        )
    elif name and not is_for(certificate, name):
        yield Finding(
            NAME,
            f"is for {_listed(found)} and not for {name}",
            f"have it made for {name}, or expect one of its names",
        )


def _listed(found: Sequence[str]) -> str:
    return ", ".join([*found[:_NAMES], *(["..."] if len(found) > _NAMES else [])])


def origin(
    certificate: x509.Certificate, authorities: Iterable[x509.Certificate]
) -> Iterator[Finding]:
    """None of the ``authorities`` has issued it, nor is it one of them."""
    known = list(authorities)
    if certificate in known or any(_issued(certificate, each) for each in known):
        return
    if certificate.issuer == certificate.subject:
        about, remedy = "signed itself", "the other side must trust the certificate itself"
    else:
        about = by_stranger(certificate, known)
        remedy = "both sides need the same CA: put it into the file of trusted CAs"
    yield Finding(ISSUER, about, remedy)


def by_stranger(certificate: x509.Certificate, known: Iterable[x509.Certificate]) -> str:
    """The words about one that none of the CAs ``known`` has issued."""
    name = issuer(certificate)
    if any(each.subject == certificate.issuer for each in known):
        return f"was issued by another CA of the same name ({name}) than the one that is trusted"
    return f"was issued by {name}, a CA that is not trusted"


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def examine(
    chain: Sequence[x509.Certificate],
    usage: x509.ObjectIdentifier,
    now: datetime.datetime,
    authorities: Sequence[x509.Certificate] = (),
    name: str = "",
) -> list[Finding]:
    """All that is wrong with one side's certificate; ``chain`` has it first, then intermediates.

    ``usage`` is CLIENT or SERVER, ``authorities`` are those that the other side trusts (none: that
    is not looked at), ``name`` is the one by which a server is reached.
    """
    leaf = chain[0]
    found = [*dates(leaf, now), *use(leaf, usage)]
    if usage == SERVER:
        found += host(leaf, name)
    if authorities:
        last = leaf
        for above in chain[1:]:
            last = above if _issued(last, above) else last
        found += origin(last, authorities)
    return found

"""OCSP (RFC 6960): the question about a certificate, and the judgement of an answer.  Pure.

An answer counts if it was signed by the certificate's issuer, by somebody whom the issuer has
certified for that, or by the pinned signer; if it is about this certificate of this issuer; and if
it is of now.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from acra_twisted.transport.certificates import date
from acra_twisted.transport.revocation.policy import (
    GOOD,
    OTHER,
    REVOKED,
    SIGNATURE,
    UNKNOWN,
    UNUSABLE,
    OcspRules,
    Status,
    worst,
)
from acra_twisted.transport.revocation.signing import STRONG, is_signed_by
from acra_twisted.transport.revocation.subjects import Subject
from acra_twisted.transport.revocation.times import timely

#: Bytes of an answer at most.
LIMIT: Final = 64 * 1024
#: The media types of questions and answers.
REQUEST_TYPE: Final = "application/ocsp-request"
#: Certificates in an answer that are looked at.
_SIGNERS_MAX: Final = 8
#: The names of certificates in questions: all responders know this hash.
_ASKED_BY: Final = hashes.SHA1()  # noqa: S303 - it names, and proves nothing


class _Unfit(Exception):
    """An answer proves nothing; the argument is why, a finding and words."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(reason, why)
        self.found = Status(reason, f"is not checked: the OCSP answer {why}")


def question(subject: Subject, nonce: bytes = b"") -> bytes:
    """Return the request about a certificate (DER), with a nonce unless it is empty."""
    builder = ocsp.OCSPRequestBuilder()
    builder = builder.add_certificate(subject.certificate, subject.issuer, _ASKED_BY)
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def judge(
    answer: bytes, subject: Subject, now: float, rules: OcspRules, nonce: bytes = b""
) -> Status:
    """Judge an answer (DER); ``nonce`` is the one of the question.  Never raises."""
    try:
        with warnings.catch_warnings():
            # The library warns of odd names in the answer, which are no names of the signer.
            warnings.simplefilter("ignore")
            return _judged(answer, subject, now, rules, nonce)
    except _Unfit as unfit:
        return unfit.found
    except Exception:
        # Whatever it is: nothing may pass because the check itself failed.
        return _Unfit(UNUSABLE, "cannot be read").found


def _judged(answer: bytes, subject: Subject, now: float, rules: OcspRules, nonce: bytes) -> Status:
    if len(answer) > LIMIT:
        raise _Unfit(UNUSABLE, "is too long")
    response = ocsp.load_der_ocsp_response(answer)
    if response.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise _Unfit(UNUSABLE, f"is an error: {response.response_status.name.lower()}")
    ends = _signed_until(response, subject, now, rules)
    _check_extensions(response, rules, nonce)
    return worst(_single(one, now, rules.max_age, ends) for one in _of(response, subject))


def _signed_until(response: Any, subject: Subject, now: float, rules: OcspRules) -> float:
    """When the signer's certificate ends, in Unix time."""
    tried = False
    for signer in _signers(response, subject, rules):
        tried = True
        if signer is not subject.issuer and not _is_valid(signer, now):
            continue
        if is_signed_by(response, signer.public_key()):
            return signer.not_valid_after_utc.timestamp()
    why = "has a signature that is wrong" if tried else "is signed by somebody who may not"
    raise _Unfit(SIGNATURE, why)


def _signers(response: Any, subject: Subject, rules: OcspRules) -> Iterator[x509.Certificate]:
    """Those who may have signed it, of the name or key that it gives."""
    issuer = subject.issuer
    if _is_named(response, issuer):
        yield issuer
    if rules.signer is not None and _is_named(response, rules.signer):
        yield rules.signer
    for certificate in response.certificates[:_SIGNERS_MAX]:
        if _is_named(response, certificate) and _is_delegate(certificate, issuer):
            yield certificate


def _is_named(response: Any, certificate: x509.Certificate) -> bool:
    if response.responder_name is not None:
        return bool(response.responder_name == certificate.subject)
    # RFC 6960: SHA-1 of the key, as in a subject key identifier.
    digest = x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    return bool(response.responder_key_hash == digest)


def _is_delegate(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Return True if an issuer has certified somebody for signing answers."""
    try:
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.verify_directly_issued_by(issuer)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return False
    algorithm = certificate.signature_hash_algorithm
    return ExtendedKeyUsageOID.OCSP_SIGNING in usages and (
        algorithm is None or isinstance(algorithm, STRONG)
    )


def _is_valid(certificate: x509.Certificate, now: float) -> bool:
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin.timestamp() <= now <= end.timestamp()


def _check_extensions(response: Any, rules: OcspRules, nonce: bytes) -> None:
    given = None
    for extension in response.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            given = extension.value.nonce
        elif extension.critical:
            raise _Unfit(UNUSABLE, "has a critical extension that is not known")
    if nonce and given is not None and given != nonce:
        raise _Unfit(UNUSABLE, "is one to another question: its nonce is not ours")
    if nonce and rules.require_nonce and given is None:
        raise _Unfit(UNUSABLE, "has no nonce, and tls_ocsp_require_nonce is set")


def _of(response: Any, subject: Subject) -> list[Any]:
    """The parts of an answer that are about a certificate, at least one."""
    same = [one for one in response.responses if one.serial_number == subject.serial]
    if not same:
        raise _Unfit(OTHER, "is about another certificate")
    found = [one for one in same if _is_of(one, subject)]
    if not found:
        raise _Unfit(OTHER, "is about a certificate of another issuer")
    return found


def _is_of(single: Any, subject: Subject) -> bool:
    algorithm = single.hash_algorithm
    builder = ocsp.OCSPRequestBuilder()
    expected = builder.add_certificate(subject.certificate, subject.issuer, algorithm).build()
    return bool(
        single.issuer_name_hash == expected.issuer_name_hash
        and single.issuer_key_hash == expected.issuer_key_hash
    )


def _single(single: Any, now: float, max_age: float, ends: float) -> Status:
    """``ends`` is when the signer's certificate does."""
    begin, end = single.this_update_utc, single.next_update_utc
    status = single.certificate_status
    timed = timely("its OCSP answer", begin, end, now, max_age)
    times = begin.timestamp(), min(timed.end, ends)
    if status == ocsp.OCSPCertStatus.REVOKED:
        # Stale or not: revoked it was.
        about = f"was revoked on {date(single.revocation_time_utc)}, by its OCSP responder"
        return Status(REVOKED, about, *times)
    if timed.reason != GOOD:
        return timed
    if status == ocsp.OCSPCertStatus.GOOD:
        return Status(GOOD, "", *times)
    return Status(UNKNOWN, "is not known to its OCSP responder", *times)

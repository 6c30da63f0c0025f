"""An authority that revokes: certificates, OCSP answers and lists, made for a test."""

import base64
import datetime
import json
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from acra_twisted.transport import authority
from acra_twisted.transport.authority import Authority
from acra_twisted.transport.certificates import CLIENT, SERVER
from acra_twisted.transport.revocation import policy, subjects
from acra_twisted.transport.revocation.fetch import FetchError
from acra_twisted.transport.revocation.subjects import Issuers
from tests.support.issued import DAY, HOUR, NOW, period

OCSP_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.9")


@cache
def vectors():
    """Answers and lists at a fixed time, with verdicts of other programs."""
    return json.loads((Path(__file__).parents[1] / "vectors/revocation.json").read_text())


def unbase(text):
    """Return the bytes of base64."""
    return base64.b64decode(text)


def subject_of_vectors():
    """Return the certificate that the vectors are about, with its issuer."""
    texts = vectors()["ocsp"]
    chain = [unbase(texts["certificate_b64"]), unbase(texts["issuer_b64"])]
    (found,) = subjects.read(chain, Issuers())
    return found


def moment(text):
    """Return the Unix time of a moment as the vectors have it."""
    return datetime.datetime.fromisoformat(text).timestamp()


def der(certificate):
    """Return a certificate as it comes in a handshake."""
    return certificate.public_bytes(Encoding.DER)


class Leaf:
    """A certificate that `Revoker` has issued."""

    def __init__(self, certificate, key, issuer):
        self.certificate = certificate
        self.key = key
        self.chain = (der(certificate), der(issuer))
        (self.subject,) = subjects.read(self.chain, Issuers())


class Revoker:
    """A certificate authority whose certificates name where they can be asked about."""

    def __init__(self, name="Revoking CA", responders=(), points=()):
        self.authority = Authority.make(authority.simple_name(name), period())
        self.responders, self.points = responders, points
        self.serials = iter(range(0x1000, 0x100000))

    @property
    def certificate(self):
        """The authority's own."""
        return self.authority.certificate

    def leaf(self, name="peer", must_staple=False, usages=(CLIENT, SERVER), when=None):
        """Issue one."""
        when = when or period()
        key = authority.new_key()
        builder = (
            x509.CertificateBuilder(
                self.certificate.subject,
                authority.simple_name(name),
                key.public_key(),
                next(self.serials),
            )
            .not_valid_before(when.begin)
            .not_valid_after(when.end)
            .add_extension(x509.ExtendedKeyUsage(usages), False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        )
        if self.responders:
            method = AuthorityInformationAccessOID.OCSP
            access = [x509.AccessDescription(method, _url(url)) for url in self.responders]
            builder = builder.add_extension(x509.AuthorityInformationAccess(access), False)
        if self.points:
            points = [x509.DistributionPoint([_url(url)], None, None, None) for url in self.points]
            builder = builder.add_extension(x509.CRLDistributionPoints(points), False)
        if must_staple:
            feature = x509.TLSFeature([x509.TLSFeatureType.status_request])
            builder = builder.add_extension(feature, False)
        return Leaf(builder.sign(self.authority.key, hashes.SHA256()), key, self.certificate)

    def answer(
        self,
        leaf,
        status="good",
        begin=NOW - HOUR,
        end=NOW + DAY,
        nonce=b"",
        signer=None,
        includes=(),
        algorithm=None,
        issuer=None,
        extension=None,
    ):
        """Sign an OCSP answer about a certificate; ``signer`` is a `Leaf`, else the authority."""
        revoked = status == "revoked"
        builder = ocsp.OCSPResponseBuilder().add_response(
            leaf.certificate,
            issuer or self.certificate,
            algorithm or hashes.SHA1(),
            ocsp.OCSPCertStatus[status.upper()],
            begin,
            end,
            NOW - DAY if revoked else None,
            x509.ReasonFlags.key_compromise if revoked else None,
        )
        by = signer or self.authority
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
        if includes:
            builder = builder.certificates(includes)
        if nonce:
            builder = builder.add_extension(x509.OCSPNonce(nonce), False)
        if extension:
            builder = builder.add_extension(*extension)
        return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def another_certificate(self, *extensions):
        """Issue the authority's own certificate anew, with these extensions alone."""
        own = self.certificate
        builder = (
            x509.CertificateBuilder(own.subject, own.subject, own.public_key(), 1)
            .not_valid_before(own.not_valid_before_utc)
            .not_valid_after(own.not_valid_after_utc)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, True)
        return builder.sign(self.authority.key, hashes.SHA256())

    def list(self, *leaves, begin=NOW - HOUR, end=NOW + DAY, number=1, extensions=(), serials=()):
        """Sign a revocation list of certificates, DER."""
        builder = x509.CertificateRevocationListBuilder(
            self.certificate.subject, begin, end
        ).add_extension(x509.CRLNumber(number), False)
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        for serial in [*(leaf.certificate.serial_number for leaf in leaves), *serials]:
            entry = x509.RevokedCertificateBuilder(serial, NOW - DAY).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def _url(url):
    return x509.UniformResourceIdentifier(url)


class Servers:
    """Answers in place of a `Fetcher`: by URL bytes, a finding to fail with, a Deferred, or a
    function of the request's body that returns one of these."""

    def __init__(self, clock, **answers):
        self.reactor = clock
        self.answers = answers
        self.asked = []

    def get(self, url, limit, named):
        """See Fetcher."""
        return self._answer(url, b"", named)

    def post(self, url, body, kind, limit, named):
        """See Fetcher."""
        return self._answer(url, body, named)

    def _answer(self, url, body, named):
        self.asked.append((url, named))
        answer = self.answers.get(url, policy.UNREACHABLE)
        if callable(answer):
            answer = answer(body)
        if isinstance(answer, str):
            return fail(FetchError(policy.Status(answer, "is not checked: so it is")))
        return answer if isinstance(answer, Deferred) else succeed(answer)


class Time(Clock):
    """A reactor's clock, and the time of day that goes with it, from `NOW` on."""

    def now(self):
        """Return Unix time."""
        return NOW.timestamp() + self.seconds()

"""Fetch the OCSP response about this side's own certificate, to send it along in handshakes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.defer import Deferred, ensureDeferred, succeed

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.transport.certificates import readable
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.revocation import ocsp, subjects
from acra_twisted.transport.revocation.fetch import Fetcher, FetchError
from acra_twisted.transport.revocation.policy import GOOD, REVOKED, UNKNOWN, OcspRules, Status
from acra_twisted.transport.revocation.subjects import Subject

#: Seconds until it is asked again after a failure, and between two questions at least.
AGAIN: Final = 60.0


class Stapling:
    """Keeps a response that calls this side's certificate good, for as long as it holds.

    ``rules`` name the responder.  ``read`` gives the credentials anew.  ``event`` logs and counts
    an event; ``now`` is Unix time.  Raises ConfigError if the certificate's issuer is not there.
    """

    def __init__(
        self,
        reactor: Any,
        rules: OcspRules,
        fetcher: Fetcher,
        read: Callable[[], Credentials],
        event: Callable[..., None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._rules = rules
        self._fetcher = fetcher
        self._read = read
        self._event = event
        self._now = now
        self._subject = own(read())
        self._response = b""
        self._end = 0.0
        self._timer: Any = None
        # The number of the question whose answer counts.
        self._question = 0
        #: Fires when the last question has been answered.
        self.asked: Deferred[None] = succeed(None)

    def response(self) -> bytes:
        """The response to send along (DER), empty if there is none that holds."""
        return self._response if self._now() < self._end else b""

    def start(self) -> None:
        """Fetch now, and ahead of need from now on."""
        self.stop()
        self.asked = ensureDeferred(self._ask())

    def reload(self) -> None:
        """Read the certificate anew, and fetch the response about it.  Raises ConfigError."""
        subject = own(self._read())
        if subject.key != self._subject.key:
            self._subject, self._response = subject, b""
        self.start()

    def stop(self) -> None:
        """Fetch no more; an answer that is awaited does not count."""
        self._question += 1
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    async def _ask(self) -> None:
        subject, question = self._subject, self._question
        try:
            response = await self._fetcher.post(
                self._rules.url, ocsp.question(subject), ocsp.REQUEST_TYPE, ocsp.LIMIT, False
            )
            status = ocsp.judge(response, subject, self._now(), self._rules)
        except FetchError as error:
            response, status = b"", error.found
        if question == self._question:
            self._take(response, status)

    def _take(self, response: bytes, status: Status) -> None:
        delay = AGAIN
        if status.reason == GOOD:
            self._response, self._end = response, status.end
            delay = max((status.end - self._now()) / 2, AGAIN)
        else:
            if status.reason in (REVOKED, UNKNOWN):
                self._response = b""
            text = f"There is no OCSP response to staple: the certificate {status.about}"
            self._event(events.REVOCATION_SOURCE, text)
        self._timer = self._reactor.callLater(delay, self.start)


def own(credentials: Credentials) -> Subject:
    """Return the certificate of credentials with its issuer.  Raises ConfigError."""
    trusted = [each.original for each in credentials.authorities]
    issuers = readable([*credentials.chain, *trusted])
    for certificate in readable([credentials.certificate] if credentials.certificate else []):
        for issuer in issuers:
            if _has_issued(issuer, certificate):
                chain = [each.public_bytes(Encoding.DER) for each in (certificate, issuer)]
                return subjects.read(chain, subjects.Issuers())[0]
    raise ConfigError(
        "tls_ocsp_staple: the CA that has issued this server's certificate is neither in the chain "
        "of tls_cert nor in tls_ca; add it to the chain"
    )


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True

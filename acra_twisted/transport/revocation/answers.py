"""OCSP answers about certificates: kept by their own times, asked for ahead of need."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, NamedTuple

from twisted.internet.defer import Deferred

from acra_twisted.cache import GenerationCache
from acra_twisted.transport.revocation import ocsp
from acra_twisted.transport.revocation.asking import Asking
from acra_twisted.transport.revocation.fetch import Fetcher, FetchError
from acra_twisted.transport.revocation.policy import (
    GOOD,
    NO_SOURCE,
    REQUIRE_GOOD,
    REVOKED,
    TRUST,
    UNKNOWN,
    USABLE,
    OcspRules,
    Status,
    sources,
    worst,
)
from acra_twisted.transport.revocation.subjects import Subject
from acra_twisted.transport.revocation.times import AFTER_FAILURE

#: Certificates whose answers are kept, and those whose revocation is, in each of two generations.
_KEPT: Final = 5_000
_KEPT_BYTES: Final = _KEPT * 64
#: Seconds until it is asked again: after "unknown", after "revoked" at most.
AFTER_UNKNOWN: Final = 60.0
AFTER_REVOKED: Final = 86_400.0
_NONCE: Final = 16
_UNASKABLE: Final = Status(
    NO_SOURCE, "is not checked by OCSP: no responder is configured or taken from it"
)


class _Kept(NamedTuple):
    """``fresh``: until then it is used unasked; from ``renew`` on it is asked for beside its use;
    both in Unix time."""

    status: Status
    fresh: float
    renew: float


class OcspAnswers:
    """Keeps the answers about certificates, on one leg.  ``now`` is Unix time.

    An answer that says that a certificate is revoked holds, however old, until a newer good one
    replaces it.
    ``last_good`` is when a usable answer came last, in Unix time, 0 for never.
    """

    def __init__(self, rules: OcspRules, fetcher: Fetcher, now: Callable[[], float]) -> None:
        self.rules = rules
        self.required = rules.required
        self.last_good = 0.0
        self._fetcher = fetcher
        self._now = now
        self._kept: GenerationCache[bytes, _Kept] = GenerationCache(_KEPT, _KEPT_BYTES)
        self._revoked: GenerationCache[bytes, Status] = GenerationCache(_KEPT, _KEPT_BYTES)
        self._asking = Asking()

    def with_rules(self, rules: OcspRules) -> OcspAnswers:
        """Return one with other rules that knows nothing but who is revoked."""
        other = OcspAnswers(rules, self._fetcher, self._now)
        other._revoked, other.last_good = self._revoked, self.last_good
        return other

    def concerns(self, subject: Subject) -> bool:
        """Return True if it is to be asked about a certificate."""
        return self.rules.active and (subject.is_leaf or not self.rules.only_leaf)

    def revoked(self, subject: Subject) -> Status | None:
        """Return what says that a certificate is revoked, if anything does."""
        return self._revoked.get(subject.key)

    def find(self, subject: Subject) -> Status | None:
        """Return what is known of a certificate, None if it must be asked first.

        What is soon not known any more is asked for meanwhile.
        """
        kept, now = self._kept.get(subject.key), self._now()
        if kept is not None and kept.renew <= now < kept.fresh:
            self.ask(subject)
        revoked = self._revoked.get(subject.key)
        if revoked is not None:
            if kept is None or now >= kept.fresh:
                self.ask(subject)
            return revoked
        if kept is not None and now < kept.fresh:
            return kept.status
        return None if self._urls(subject) else _UNASKABLE

    def ask(self, subject: Subject) -> Deferred[None]:
        """Ask about a certificate; `find` knows when the Deferred has fired."""
        return self._asking.ask(subject.key, lambda: self._ask(subject))

    def take(self, subject: Subject, status: Status) -> None:
        """Keep what has been found about a certificate by asking."""
        now = self._now()
        reason, key = status.reason, subject.key
        if reason in USABLE:
            self.last_good = now
        revoked = self._revoked.get(key)
        if reason == GOOD and revoked is not None and status.begin <= revoked.begin:
            # Somebody repeats an answer that is no newer than the revocation.
            self._keep_for(key, revoked, now, AFTER_FAILURE)
        elif reason == GOOD:
            self._revoked.remove(key)
            self._keep_for(key, status, now, min(status.end - now, self.rules.cache_time))
        elif reason == REVOKED:
            self._revoked.put(key, status)
            left = status.end - now
            self._keep_for(
                key, status, now, min(left, AFTER_REVOKED) if left > 0 else AFTER_REVOKED
            )
        elif reason == UNKNOWN:
            self._keep_for(key, status, now, AFTER_UNKNOWN)
        else:
            self._failed(key, status, now)

    def take_stapled(self, subject: Subject, status: Status) -> None:
        """Keep what a peer has sent along about its certificate, if that is usable and newer than
        what is kept: a peer may send the same along for as long as it stands.

        A revocation counts always.  Where a nonce is required nothing else does.
        """
        kept = self._kept.get(subject.key)
        is_newer = kept is None or status.begin > kept.status.begin
        is_taken = status.reason in USABLE and is_newer and not self.rules.require_nonce
        if status.reason == REVOKED or is_taken:
            self.take(subject, status)

    def _keep_for(self, key: bytes, status: Status, now: float, seconds: float) -> None:
        self._kept.put(key, _Kept(status, now + seconds, now + seconds / 2))

    def _failed(self, key: bytes, status: Status, now: float) -> None:
        kept = self._kept.get(key)
        again = now + AFTER_FAILURE
        if kept is not None and kept.status.reason == GOOD and now < kept.status.end:
            # A good answer stands for as long as it says, if there is no other to be had.
            self._kept.put(key, _Kept(kept.status, kept.status.end, again))
        else:
            self._kept.put(key, _Kept(status, again, again))

    def _urls(self, subject: Subject) -> tuple[str, ...]:
        rules = self.rules
        configured = rules.url if subject.is_leaf else ""
        return sources(rules.from_cert, configured, subject.responders)

    async def _ask(self, subject: Subject) -> None:
        found: list[Status] = []
        for url in self._urls(subject):
            if self._is_enough(found, url):
                break
            found.append(await self._one(url, subject))
        if found:
            usable = found[-1].reason in USABLE and self.required != REQUIRE_GOOD
            self.take(subject, found[-1] if usable else worst(found))

    def _is_enough(self, found: list[Status], following: str) -> bool:
        """One usable answer is enough, unless all must be good: then the configured responder
        alone is left out, if those of a certificate are trusted and say good."""
        if not found:
            return False
        if self.required != REQUIRE_GOOD:
            return found[-1].reason in USABLE
        all_good = all(one.reason == GOOD for one in found)
        return self.rules.from_cert == TRUST and following == self.rules.url and all_good

    async def _one(self, url: str, subject: Subject) -> Status:
        nonce = os.urandom(_NONCE) if self.rules.require_nonce else b""
        asked = ocsp.question(subject, nonce)
        named = url != self.rules.url
        try:
            answer = await self._fetcher.post(url, asked, ocsp.REQUEST_TYPE, ocsp.LIMIT, named)
        except FetchError as error:
            return error.found
        return ocsp.judge(answer, subject, self._now(), self.rules, nonce)

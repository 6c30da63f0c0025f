"""The verdict on a peer's certificates, on one leg: from what is known, or after asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from acra_twisted.cache import GenerationCache
from acra_twisted.errors import ConfigError, HandshakeError
from acra_twisted.transport.revocation import ocsp, subjects
from acra_twisted.transport.revocation.answers import OcspAnswers
from acra_twisted.transport.revocation.fetch import Fetcher
from acra_twisted.transport.revocation.lists import ListState, RevocationLists
from acra_twisted.transport.revocation.policy import (
    GOOD,
    NO_SOURCE,
    REVOKED,
    SOFT,
    UNASKED,
    UNREACHABLE,
    UNREADABLE,
    UNSTAPLED,
    RevocationPolicy,
    Status,
    Verdict,
    decide,
    together,
)
from acra_twisted.transport.revocation.subjects import Issuers, Subject

_log = Logger()

#: Peers that are remembered.
_PEERS: Final = 10_000
_DIGEST: Final = 32
#: Seconds between looks at lists, and at certificates of open sessions.
PERIOD: Final = 10.0
#: Seconds for which an acceptance that is an event is told once for a certificate and reason.
_TOLD_FOR: Final = 3600.0
_UNREADABLE: Final = Verdict(
    False, UNREADABLE, True, "or one of its issuers cannot be looked into, so nothing is asked"
)
_NOT_ASKED: Final = Status(UNREACHABLE, "is not checked: the answer was not waited for")
_NO_STAPLE: Final = Status(UNSTAPLED, "promises a stapled OCSP answer, and none that is good came")


class _Peer:
    """A chain that was seen, and what was told of it."""

    def __init__(self, chain: tuple[bytes, ...], asked: tuple[Subject, ...]) -> None:
        self.chain = chain
        self.subjects = asked
        #: By the last answer that was stapled.
        self.staple: Status | None = None
        self.is_revoked = False
        #: Reasons of acceptances that were told as events, and when.
        self.told: dict[str, float] = {}
        #: Those of open sessions to call, by a token each.
        self.followers: dict[object, Callable[[], None]] = {}


class RevocationChecker:
    """Judges the certificates that peers show on one leg.

    ``fetcher`` asks the network, one for all legs; ``now`` is the time of day, in Unix time.
    ``authorities`` are the CAs that peers are verified by: lists are fetched for them at the start.
    ``on_revoked`` is called with the SHA-256 of a certificate (DER) of a peer that has just become
    known as revoked, or whose issuer has: by then new connections of it are refused.  ``peers`` are
    certificates of peers that are remembered at most.
    """

    def __init__(
        self,
        policy: RevocationPolicy,
        fetcher: Fetcher,
        *,
        reactor: Any,
        authorities: Sequence[x509.Certificate] = (),
        now: Callable[[], float] = time.time,
        on_revoked: Callable[[bytes], None] | None = None,
        peers: int = _PEERS,
    ) -> None:
        self.policy = policy
        self._fetcher = fetcher
        self._authorities = tuple(authorities)
        self._now = now
        self._on_revoked = on_revoked
        self._answers = OcspAnswers(policy.ocsp, fetcher, now)
        self._lists = RevocationLists(policy.crl, fetcher, now)
        self._peers: GenerationCache[bytes, _Peer] = GenerationCache(peers // 2, peers * _DIGEST)
        self._followed: dict[bytes, _Peer] = {}
        self._issuers = Issuers()
        self._loop = LoopingCall(self._look_again)
        self._loop.clock = reactor

    # -- life -------------------------------------------------------------------------------------

    def start(self) -> Deferred[None]:
        """Fetch the configured list, and begin to keep what is known fresh.

        Fails with ConfigError if the list cannot be had and the policy is strict.
        """
        if not self.policy.active:
            return succeed(None)
        return ensureDeferred(self._start())

    async def _start(self) -> None:
        await self._load(self._lists, self.policy, self._authorities)
        self._begin()

    def _begin(self) -> None:
        if self.policy.active and not self._loop.running:
            self._loop.start(PERIOD, now=False)

    def stop(self) -> None:
        """End looking again; what is under way is the fetcher's."""
        if self._loop.running:
            self._loop.stop()

    def reload(
        self,
        policy: RevocationPolicy | None = None,
        authorities: Sequence[x509.Certificate] | None = None,
    ) -> Deferred[Callable[[], None]]:
        """Fetch the configured list anew, of a new ``policy`` and for other ``authorities`` where
        they are given.

        The result is a function that puts all this in force; until then all stays as it was, but
        that a newer list from the same address counts at once.  Fails with ConfigError if the list
        cannot be had and the policy is strict.
        """
        return ensureDeferred(
            self._reload(
                self.policy if policy is None else policy,
                self._authorities if authorities is None else tuple(authorities),
            )
        )

    async def _reload(
        self, policy: RevocationPolicy, authorities: tuple[x509.Certificate, ...]
    ) -> Callable[[], None]:
        lists = self._lists.with_rules(policy.crl)
        await self._load(lists, policy, authorities)

        def commit() -> None:
            self._authorities, self._lists = authorities, lists
            if policy.ocsp != self.policy.ocsp:
                self._answers = self._answers.with_rules(policy.ocsp)
            self.policy = policy
            self._begin()
            self._look_again()

        return commit

    async def _load(
        self,
        lists: RevocationLists,
        policy: RevocationPolicy,
        authorities: Sequence[x509.Certificate],
    ) -> None:
        """Fetch the configured list; one of the authorities at least must have it."""
        url = policy.crl.url
        if not url:
            return
        why = await lists.load_configured(authorities)
        if why is not None and policy.crl.required != SOFT:
            about = why.about.removeprefix("is not checked: ")
            raise ConfigError(f"tls_crl_url: {url} cannot be used: {about}")

    # -- verdicts ---------------------------------------------------------------------------------

    def verdict(self, chain: Sequence[bytes], staple: bytes = b"") -> Verdict | Deferred[Verdict]:
        """Judge the chain of a peer that was verified (DER, its own certificate first, the trusted
        one last); ``staple`` is the OCSP answer that came with the handshake.

        Never fails.  A Deferred that is cancelled has the verdict by what is known then; what is
        asked meanwhile goes on.
        """
        if not self.policy.active:
            return UNASKED
        try:
            peer = self._peer(chain)
        except HandshakeError:
            return self._told(None, _UNREADABLE)
        if staple and peer.subjects:
            self._take_staple(peer, staple)
        waiting: list[Deferred[None]] = []
        found = self._judge(peer, waiting)
        if found.reason == REVOKED or not waiting:
            return self._told(peer, found)
        asked: Deferred[Any] = DeferredList(waiting, consumeErrors=True)
        return asked.addCallback(lambda _: self._told(peer, self._judge(peer, None)))

    def known(self, leaf: bytes) -> Sequence[bytes] | None:
        """The chain in which `verdict` has last seen a peer's certificate; None: not lately.

        A resumed session shows no chain: where this is None, `policy.RESUMED_UNSEEN` is its
        verdict.
        """
        peer = self._remembered(sha256(leaf).digest())
        return None if peer is None else peer.chain

    def follow(self, leaf: bytes, revoked: Callable[[], None]) -> Callable[[], None]:
        """Keep a certificate that `verdict` has seen fresh while a session of it is open, and call
        ``revoked`` once if it becomes known as revoked.  Returns a function that ends this."""
        key = sha256(leaf).digest()
        peer = self._remembered(key)
        if peer is None:
            return _nothing
        self._followed[key] = peer
        token = object()
        peer.followers[token] = revoked

        def end() -> None:
            peer.followers.pop(token, None)
            if not peer.followers and self._followed.get(key) is peer:
                del self._followed[key]

        return end

    def untold(self, leaf: bytes, verdict: Verdict) -> None:
        """Take note that a verdict was of no use, and that nobody was told of it: the next one with
        its reason is an event as if it were the first."""
        peer = self._remembered(sha256(leaf).digest())
        if peer is not None and verdict.event:
            peer.told.pop(verdict.reason, None)

    @property
    def lists(self) -> list[ListState]:
        """The revocation lists that are kept."""
        return self._lists.states

    @property
    def last_good(self) -> float:
        """When an OCSP answer that says something came last, in Unix time, 0 for never."""
        return self._answers.last_good

    def _remembered(self, key: bytes) -> _Peer | None:
        return self._followed.get(key) or self._peers.get(key)

    def _peer(self, chain: Sequence[bytes]) -> _Peer:
        """Raises HandshakeError if one cannot be read."""
        if not chain:
            raise HandshakeError("the peer has shown no certificate")
        key = sha256(chain[0]).digest()
        peer = self._remembered(key)
        given = tuple(chain)
        if peer is not None and peer.chain == given:
            return peer
        found = subjects.read(chain, self._issuers)
        known = (chain[0], *(self._issuers.of(der).der for der in chain[1:]))
        if peer is None:
            peer = _Peer(known, found)
        else:
            # By other issuers now; its open sessions are judged by these, too.
            peer.chain, peer.subjects = known, found
        self._peers.put(key, peer)
        return peer

    def _take_staple(self, peer: _Peer, staple: bytes) -> None:
        leaf = peer.subjects[0]
        peer.staple = ocsp.judge(staple, leaf, self._now(), self.policy.ocsp)
        self._answers.take_stapled(leaf, peer.staple)

    def _judge(self, peer: _Peer, waiting: list[Deferred[None]] | None) -> Verdict:
        """Judge by what is known.  Questions that are needed are asked, and go to ``waiting``;
        where that is None, they count as those without an answer."""
        verdicts = []
        for subject in peer.subjects:
            for source in (self._answers, self._lists):
                if source.concerns(subject):
                    found = source.find(subject)
                    if found is None and waiting is not None:
                        waiting.append(source.ask(subject))
                        continue
                    verdicts.append(decide(source.required, self._instead(peer, subject, found)))
        verdicts += self._of_staple(peer)
        return together(verdicts)

    def _instead(self, peer: _Peer, subject: Subject, found: Status | None) -> Status:
        """A staple that proves nothing is more than nobody to ask; a CA is named."""
        if found is None:
            found = _NOT_ASKED
        elif found.reason == NO_SOURCE and subject.is_leaf:
            found = self._stapled(peer) or found
        if subject.is_leaf or not found.about:
            return found
        about = f"has an issuer ({subject.name}) whose certificate {found.about}"
        return found._replace(about=about)

    def _of_staple(self, peer: _Peer) -> list[Verdict]:
        """The verdicts on what was stapled, or should have been."""
        if not peer.subjects:
            return []
        leaf, required = peer.subjects[0], self._answers.required
        staple = self._stapled(peer)
        found = []
        revoked = self._answers.revoked(leaf)
        if revoked is not None:
            found.append(decide(required, revoked))
        elif staple is not None and not self._answers.concerns(leaf):
            found.append(decide(required, staple))
        if self.policy.stapling and leaf.must_staple and (staple is None or staple.reason != GOOD):
            found.append(decide(required, _NO_STAPLE))
        return found

    def _stapled(self, peer: _Peer) -> Status | None:
        """Return what was stapled last, None if nothing was or if it was good and has ended."""
        staple = peer.staple
        if staple is not None and staple.reason == GOOD and self._now() >= staple.end:
            return None
        return staple

    def _told(self, peer: _Peer | None, verdict: Verdict) -> Verdict:
        """Take note of a verdict.  An acceptance is an event once in a while, a refusal always."""
        if peer is None:
            return verdict
        self._note_revocation(peer, verdict)
        if verdict.accepted and verdict.event:
            now = self._now()
            if now - peer.told.get(verdict.reason, -_TOLD_FOR) < _TOLD_FOR:
                return verdict._replace(event=False)
            peer.told[verdict.reason] = now
        return verdict

    def _note_revocation(self, peer: _Peer, verdict: Verdict) -> None:
        was, peer.is_revoked = peer.is_revoked, verdict.reason == REVOKED
        if not peer.is_revoked:
            return
        if not was and self._on_revoked is not None:
            _tell(self._on_revoked, sha256(peer.chain[0]).digest())
        followers, peer.followers = peer.followers, {}
        for revoked in followers.values():
            _tell(revoked)

    # -- ahead of need ----------------------------------------------------------------------------

    def _look_again(self) -> None:
        """Fetch lists whose time comes, and ask about the certificates of open sessions."""
        self._lists.renew()
        for key, peer in list(self._followed.items()):
            self._note_revocation(peer, self._judge(peer, []))
            if not peer.followers:
                self._followed.pop(key, None)


def _tell(told: Callable[..., None], *arguments: Any) -> None:
    """Tell of a revocation: an error with one session leaves no other open."""
    try:
        told(*arguments)
    except Exception:
        _log.failure("a revocation could not be acted upon")


def _nothing() -> None:
    """Nothing is followed."""

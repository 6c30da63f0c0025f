"""The verdict on a peer's certificates, on one leg: from what is known, or after asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from acra_twisted.transport.revocation.fetch import Fetcher
from acra_twisted.transport.revocation.policy import UNASKED, RevocationPolicy, Verdict


class RevocationChecker:
    """Judges the certificates that peers show on one leg.

    ``fetcher`` asks the network, one for all legs; ``now`` is the time of day, in Unix time.
    ``on_revoked`` is called with the SHA-256 of a certificate (DER) of a peer that has just become
    known as revoked: by then new connections of it are refused.
    """

    def __init__(
        self,
        policy: RevocationPolicy,
        fetcher: Fetcher,
        *,
        reactor: Any,
        now: Callable[[], float] = time.time,
        on_revoked: Callable[[bytes], None] | None = None,
    ) -> None:
        self.policy = policy

    def start(self) -> Deferred[None]:
        """Fetch the configured list, and begin to keep what is known fresh.

        Fails with ConfigError if the list cannot be had and the policy is strict.
        """
        return succeed(None)

    def stop(self) -> None:
        """End what is under way; verdicts that somebody waits for are refusals."""

    def reload(self, policy: RevocationPolicy | None = None) -> Deferred[None]:
        """Fetch the configured list anew, of a new ``policy`` where one is given.

        Fails with ConfigError if that cannot be had and the policy is strict; then all stays as it
        was.
        """
        return succeed(None)

    def verdict(self, chain: Sequence[bytes], staple: bytes = b"") -> Verdict | Deferred[Verdict]:
        """Judge the chain of a peer that was verified (DER, its own certificate first, the trusted
        one last); ``staple`` is the OCSP answer that came with the handshake.

        Never fails.  A Deferred may be cancelled: what is asked meanwhile goes on.
        """
        return UNASKED

    def known(self, leaf: bytes) -> Sequence[bytes] | None:
        """The chain in which `verdict` has last seen a peer's certificate; None: not lately.

        A resumed session shows no chain: where this is None, `policy.RESUMED_UNSEEN` is its
        verdict.
        """
        return None

    def follow(self, leaf: bytes, revoked: Callable[[], None]) -> Callable[[], None]:
        """Keep a certificate that `verdict` has seen fresh while a session of it is open, and call
        ``revoked`` once if it becomes known as revoked.  Returns a function that ends this."""
        return _nothing


def _nothing() -> None:
    """Nothing is followed."""

"""Remember from which addresses each client comes, so that a new one stands out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from acra_twisted.session import Session

#: As many pairs of client and address are kept: those that were seen last.
PEERS_MAX: Final = 1000
#: Characters of a certificate's subject that are kept.
_CERTIFICATE_MAX: Final = 300


class Peers:
    """``clock`` gives nanoseconds since the epoch."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._since = clock()
        # First and last time, and logins.
        self._seen: OrderedDict[tuple[str, str], list[int]] = OrderedDict()
        # The subject of the last certificate of each pair that showed one.
        self._certificates: dict[tuple[str, str], str] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def logged_in(self, session: Session) -> None:
        """Take note of the login of a session."""
        identity = session.identity
        self.note(identity.client_id, identity.peer, identity.certificate)

    def note(self, client_id: str, peer: str, certificate: str = "") -> None:
        """Take note of a login, and of the subject of its certificate."""
        key, now = (client_id, peer), self._clock()
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= PEERS_MAX:
                oldest, _ = self._seen.popitem(last=False)
                self._certificates.pop(oldest, None)
            seen = self._seen[key] = [now, now, 0]
        seen[1] = now
        seen[2] += 1
        self._seen.move_to_end(key)
        if certificate:
            self._certificates[key] = certificate[:_CERTIFICATE_MAX]

    def shown(self) -> dict[str, Any]:
        """Return them as plain values, the newest first, and since when they are noted."""
        pairs = sorted(self._seen.items(), key=lambda item: -item[1][0])
        return {
            "since": self._since,
            "peers": [
                {
                    "client_id": client,
                    "peer": peer,
                    "certificate": self._certificates.get((client, peer), ""),
                    "first": first,
                    "last": last,
                    "logins": count,
                }
                for (client, peer), (first, last, count) in pairs
            ],
        }

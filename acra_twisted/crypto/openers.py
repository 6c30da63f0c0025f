"""Keys of one owner, ready to open containers; and what makes the second time cheap.

An AcraStruct costs one elliptic-curve multiplication for each key tried and one decompression of
its throw-away key: 84 of 104 microseconds.  So a secret once agreed on is kept by its throw-away
key: rows that are read again cost 8 microseconds.  A kept secret opens only its own AcraStruct and
so tells less than the private key beside it.  Bounded; gone when the keys are.

The reactor's thread and a worker may use one opener at a time: lists are replaced, never changed,
and a kept secret that is gone meanwhile is made again.  No lock, for the reactor must not wait for
a worker's multiplication.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, TypeVar

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.errors import CryptoError
from acra_twisted.fast.compiled import mypyc_attr
from acra_twisted.themis import keys
from acra_twisted.themis.cell import Key
from acra_twisted.themis.keys import PrivateKey, PublicKey

Item = TypeVar("Item")

#: Why a container stayed closed; one of a few words, for traces.
NO_KEY: Final = "no key"
WRONG_KEY: Final = "no key fits"
DAMAGED: Final = "damaged"
_KEPT: Final = 10_000


class Closed(CryptoError):
    """A container stays closed.  ``reason`` is NO_KEY, WRONG_KEY or DAMAGED."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the container cannot be opened: {reason}")
        self.reason = reason


@mypyc_attr(allow_interpreted_subclasses=True)
class Opener:
    """Opens what was made for these keys; the newest first, then the one that opened last.

    ``kept``: how many secrets, and how many answers that a container is not for these keys, are
    kept.
    """

    def __init__(
        self,
        private: Sequence[PrivateKey],
        symmetric: Sequence[Key],
        context: bytes = b"",
        kept: int = _KEPT,
    ) -> None:
        self._private = list(private)
        self._symmetric = [acrablock.Opener(key, context) for key in symmetric]
        self._context = context
        self._kept = kept
        # Secrets by the throw-away key and the wrapped data key that they have opened.
        self._secrets: OrderedDict[bytes, bytes] = OrderedDict()

    def is_cheap(self, kind: str, data: bytes) -> bool:
        """Tell whether opening takes microseconds, not tenths of milliseconds."""
        return kind == envelopes.ACRABLOCK or data[8:137] in self._secrets or not self._private

    def unwrap(self, kind: str, data: bytes, points: dict[bytes, PublicKey]) -> bytes:
        """The data key of a container.  Raises Closed.

        ``points`` keeps decompressed throw-away keys for whoever asks next.
        """
        if kind == envelopes.ACRABLOCK:
            return self._unwrap_block(data)
        head = data[8:137]
        secret = self._secrets.get(head)
        if secret is not None:
            try:
                self._secrets.move_to_end(head)
            except KeyError:
                pass  # dropped by the other thread just now
            if not secret:
                raise Closed(WRONG_KEY)
            return acrastruct.unwrap_key(data, secret)
        if not self._private:
            raise Closed(NO_KEY)
        return self._unwrap_struct(head, data, points)

    def _unwrap_struct(self, head: bytes, data: bytes, points: dict[bytes, PublicKey]) -> bytes:
        try:
            point = points.get(head)
            if point is None:
                point = points[head] = acrastruct.point(data)
        except CryptoError:
            raise Closed(DAMAGED) from None
        for place, private in enumerate(self._private):
            secret = keys.shared_secret(private, point)
            try:
                key = acrastruct.unwrap_key(data, secret)
            except CryptoError:
                continue
            if place:
                self._private = _first(private, self._private)
            self._keep(head, secret)
            return key
        self._keep(head, b"")
        raise Closed(WRONG_KEY)

    def _keep(self, head: bytes, secret: bytes) -> None:
        self._secrets[head] = secret
        if len(self._secrets) > self._kept:
            try:
                self._secrets.popitem(last=False)
            except KeyError:
                pass  # emptied by the other thread

    def _unwrap_block(self, data: bytes) -> bytes:
        if not self._symmetric:
            raise Closed(NO_KEY)
        for place, opener in enumerate(self._symmetric):
            try:
                key = opener.unwrap_key(data)
            except CryptoError:
                continue
            if place:
                self._symmetric = _first(opener, self._symmetric)
            return key
        raise Closed(WRONG_KEY)

    def open(self, kind: str, data: bytes, points: dict[bytes, PublicKey]) -> bytes:
        """The plaintext of a container that is all of ``data``.  Raises Closed."""
        key = self.unwrap(kind, data, points)
        try:
            if kind == envelopes.ACRABLOCK:
                return acrablock.open_data(data, key, self._context)
            return acrastruct.open_data(data, key, self._context)
        except CryptoError:
            raise Closed(DAMAGED) from None

    def forget(self) -> None:
        """Let go of everything; afterwards nothing opens."""
        self._private = []
        self._symmetric = []
        self._secrets.clear()


def _first(item: Item, items: list[Item]) -> list[Item]:
    return [item, *(other for other in items if other is not item)]

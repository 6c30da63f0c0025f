"""Which traces are recorded: decided once per trace, carried in the options byte.

``always``, ``never``, ``probability:P`` (OpenCensus' sampler: all daemons decide alike on one
trace id) and ``rate:N/s`` (a token bucket).  A remote peer's decision is honoured, but counts
against a bucket of its own, so that no peer can force full sampling on us.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.options import BOOLEAN, Kind, Names
from acra_twisted.wire.link.tracecontext import TraceContext


class SamplerKind(Kind):
    """``always``, ``never``, ``probability:0.01`` or ``rate:100/s``."""

    noun = "always, never, probability:P (0 to 1) or rate:N/s"

    def parse(self, text: str) -> str:
        word = text.strip().lower()
        kind, _, rest = word.partition(":")
        try:
            fine = (
                word in ("always", "never")
                or (kind == "probability" and 0.0 <= float(rest) <= 1.0)
                or (kind == "rate" and rest.endswith("/s") and 0.0 < float(rest[:-2]) < 1e9)
            )
        except ValueError:
            fine = False
        if not fine:
            raise ValueError(f"expected {self.noun}")
        return word


#: Whose sampling decision holds: of each peer that decides, of everybody, of nobody.
AUTO: Final = "auto"
EVERYBODY: Final = "true"
NOBODY: Final = "false"


class TrustKind(Kind):
    """``auto``, or as a boolean is written."""

    noun = "auto, true or false"

    def parse(self, text: str) -> str:
        if text.strip().lower() == AUTO:
            return AUTO
        try:
            return EVERYBODY if BOOLEAN.parse(text) else NOBODY
        except ValueError:
            raise ValueError(f"expected {self.noun}") from None


class ClientSamplers(Names):
    """Pairs of a client id and a sampler, with commas between."""

    noun = "client ids and samplers, id=sampler, with commas between"

    def parse(self, text: str) -> tuple[str, ...]:
        pairs = super().parse(text)
        for pair in pairs:
            client_id, equals, sampler = pair.partition("=")
            if not equals or not client_id.strip():
                raise ValueError(f"expected {self.noun}")
            SamplerKind().parse(sampler)
        return pairs


CLIENT_SAMPLERS: Final = ClientSamplers()


def by_client(pairs: Sequence[str], clock: Callable[[], int]) -> dict[str, Sampler]:
    """From parsed `ClientSamplers` to a sampler for each of the ids."""
    split = (pair.partition("=") for pair in pairs)
    return {
        client_id.strip(): make_sampler(SamplerKind().parse(sampler), clock)
        for client_id, _, sampler in split
    }


class TokenBucket:
    """Lets ``rate`` things a second pass, and as many at once after a quiet second."""

    def __init__(self, rate: float, clock: Callable[[], int]) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = max(rate, 1.0)
        self._filled = clock()

    def take(self) -> bool:
        """True if one may pass now."""
        now = self._clock()
        gained = (now - self._filled) * self._rate / 1e9
        self._filled = now
        self._tokens = min(max(self._rate, 1.0), self._tokens + gained)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True


#: Roots per second that peers may have recorded by setting the sampled bit.
REMOTE_RATE: Final = 10_000.0

_LOWER_HALF: Final = 0xFFFF_FFFF_FFFF_FFFF

Sampler = Callable[[str, TraceContext | None], bool]


def make_sampler(text: str, clock: Callable[[], int]) -> Sampler:
    """From a parsed `SamplerKind` to a function of trace id and remote parent (or None)."""
    kind, _, rest = text.partition(":")
    remote_bucket = TokenBucket(REMOTE_RATE, clock)
    bucket = TokenBucket(float(rest.removesuffix("/s")), clock) if kind == "rate" else None
    # As OpenCensus' ProbabilitySampler decides, by the lower half of the id; of hexadecimal digits
    # in lower case the order is that of the numbers.  A twentieth of what asking it takes.
    share = float(rest) if kind == "probability" else float(kind == "always")
    # As a float the largest number would be one more.
    bound = f"{min(int(share * _LOWER_HALF), _LOWER_HALF):016x}" if share else ""

    def sample(trace_id: str, remote: TraceContext | None) -> bool:
        if remote is not None:
            return remote.sampled and remote_bucket.take()
        return trace_id[16:] <= bound if bucket is None else bucket.take()

    return sample

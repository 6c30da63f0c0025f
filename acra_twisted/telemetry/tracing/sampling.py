"""Select traces to record.  The decision is made once per trace and travels in the options byte.

``always``, ``never``, ``probability:P`` (OpenCensus's sampler: all daemons decide alike on one
trace id), ``rate:N/s`` (a token bucket), or a sampler made for OpenCensus.  A remote peer's
decision is honoured, but counts against a bucket of its own, so that no peer can force full
sampling on us.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

from twisted.logger import Logger

from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import BOOLEAN, Kind, Names
from acra_twisted.ratelimit import TokenBucket
from acra_twisted.wire.link.tracecontext import TraceContext

_log: Final = Logger(namespace="acra")


class SamplerKind(Kind):
    """``always``, ``never``, ``probability:0.01``, ``rate:100/s`` or a class's dotted path."""

    noun = "always, never, probability:P (0 to 1), rate:N/s or the dotted path of a class"

    def parse(self, text: str) -> str:
        if _is_path(text.strip()):
            return text.strip()
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


#: Peers whose sampling decisions count: those that decide, everybody, nobody.
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


def by_client(pairs: Sequence[str], clock: Callable[[], int]) -> dict[str, Decision]:
    """Return a sampler for each of the ids in parsed `ClientSamplers`.  Raises ConfigError."""
    split = (pair.partition("=") for pair in pairs)
    return {
        client_id.strip(): make_sampler(SamplerKind().parse(sampler), clock)
        for client_id, _, sampler in split
    }


#: Roots per second that peers may have recorded by setting the sampled bit.
REMOTE_RATE: Final = 10_000.0

_LOWER_HALF: Final = 0xFFFF_FFFF_FFFF_FFFF

#: Decides on a trace id, and on a peer's decision where there is one.
Decision = Callable[[str, TraceContext | None], bool]


class Sampler:
    """Decides on traces, from a parsed `SamplerKind`.  It has the interface of OpenCensus's
    Sampler, and decides as its samplers of the same names do."""

    def __init__(self, text: str, clock: Callable[[], int]) -> None:
        kind, _, rest = text.partition(":")
        self._remote_bucket = TokenBucket(REMOTE_RATE, clock)
        self._bucket: TokenBucket | None = None
        if kind == "rate":
            self._bucket = TokenBucket(float(rest.removesuffix("/s")), clock)
        # As OpenCensus's ProbabilitySampler decides, by the lower half of the id; of hexadecimal
        # digits in lower case the order is that of the numbers.  A twentieth of its time.
        share = float(rest) if kind == "probability" else float(kind == "always")
        # As a float the largest number would be one more.
        bound = min(int(share * _LOWER_HALF), _LOWER_HALF)
        self._bound = f"{bound:016x}" if share else ""

    def __call__(self, trace_id: str, remote: TraceContext | None) -> bool:
        """Decide as `decide` does."""
        return self.decide(trace_id, remote)

    def decide(self, trace_id: str, remote: TraceContext | None) -> bool:
        """Decide on a trace; ``remote`` is its context where a peer has decided."""
        if remote is not None:
            return remote.sampled and self._remote_bucket.take()
        return self._decide(trace_id)

    def should_sample(self, span_context: Any) -> bool:
        """OpenCensus's: decide on a context.  A sampled bit that is set is a peer's decision."""
        if span_context.trace_options.get_enabled():
            return self._remote_bucket.take()
        return self._decide(span_context.trace_id)

    def _decide(self, trace_id: str) -> bool:
        bucket = self._bucket
        return trace_id[16:] <= self._bound if bucket is None else bucket.take()


class OpenCensusSampler:
    """A sampler that others made for OpenCensus: what it raises is a no.

    ``asked`` has a method ``should_sample``.  A peer's decision that holds is not asked about.
    """

    def __init__(self, asked: Any, clock: Callable[[], int]) -> None:
        self._asked = asked
        self._remote_bucket = TokenBucket(REMOTE_RATE, clock)
        self._failed = False

    def __call__(self, trace_id: str, remote: TraceContext | None) -> bool:
        """Decide on a trace; ``remote`` is its context where a peer has decided."""
        if remote is not None:
            return remote.sampled and self._remote_bucket.take()
        try:
            return bool(self._asked.should_sample(TraceContext(trace_id, "", False)))
        except Exception:
            if not self._failed:
                self._failed = True
                _log.failure("the sampler failed: what it fails at is not sampled")
            return False


def make_sampler(text: str, clock: Callable[[], int]) -> Decision:
    """Return the sampler that a parsed `SamplerKind` names.  Raises ConfigError."""
    if _is_path(text):
        return OpenCensusSampler(_load(text), clock)
    return Sampler(text, clock)


def _is_path(text: str) -> bool:
    parts = text.split(".")
    return len(parts) > 1 and all(part.isidentifier() for part in parts)


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        made = getattr(import_module(module), name)()
    except Exception as error:
        reason = type(error).__name__
        raise ConfigError(f"tracing_sampler: cannot make {path!r}: {reason}") from None
    if not hasattr(made, "should_sample"):
        raise ConfigError(
            f"tracing_sampler: {path!r} is no OpenCensus sampler (a class with a method "
            f"should_sample)"
        )
    return made

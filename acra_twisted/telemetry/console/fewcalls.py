"""Few calls of a statement that take most of its time, as the console tells of them."""

from __future__ import annotations

from typing import Final

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.sentences import SLOW, Sentence, link, sentence, strong
from acra_twisted.telemetry.figures.buckets import BOUNDS
from acra_twisted.telemetry.figures.rows import WHOLE, Row
from acra_twisted.telemetry.figures.summary import percentiles

#: Calls below which there is no telling which of them are usual.
_CALLS: Final = 5
#: So many times the median, at least, and so many milliseconds.
_TIMES: Final = 10
_LONG_MS: Final = 10.0
#: The share of the calls at most, and percent of the time at least.
_FEW: Final = 0.2
_MOST: Final = 50
_NS: Final = 1_000_000


def said(row: Row, address: str) -> Sentence | None:
    """Tell of those calls of a statement that take ten times its median or longer, if they are a
    fifth of all at most, and took half of the time or more; ``address`` has its kept traces.

    A mean alone hides them: half of a second in one of a thousand calls is half a millisecond.
    """
    layer = row.layers.get(WHOLE)
    if layer is None or layer.count < _CALLS:
        return None
    median = percentiles(row, WHOLE)["p50_ms"]
    slow = {n: c for n, c in layer.buckets.items() if BOUNDS[n] >= _from(median)}
    few = sum(slow.values())
    if not few or few > _FEW * layer.count:
        return None
    # The others took as long as their buckets' longest, at most.
    others = sum(BOUNDS[n + 1] * c for n, c in layer.buckets.items() if n not in slow)
    # A row of another daemon may say that they took no time.
    percent = 100 * (layer.total - others) // max(layer.total, 1)
    if percent < _MOST:
        return None
    shortest = BOUNDS[min(slow)] / _NS
    return sentence(
        "few-calls",
        SLOW,
        strong(f"{formats.count(few)} of {formats.several(layer.count, 'call')}"),
        f" took {percent} % of all time at least: ",
        link(f"{formats.ms(shortest)} or longer", f"{address}&min_ms={shortest:g}"),
        f"; half of all calls take {formats.ms(median)} at most.",
    )


def _from(median: float) -> float:
    """The nanoseconds from which on a call is one of the few."""
    return max(_TIMES * median, _LONG_MS) * _NS

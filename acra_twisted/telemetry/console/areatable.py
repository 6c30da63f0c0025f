"""The numbers of a chart of layers over time, which its page has as a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from acra_twisted.telemetry.console import formats
from acra_twisted.telemetry.console.layers import LAYERS


def heads(layers: Collection[str]) -> list[str]:
    """Return the heads of its columns: the time, each layer, and the whole."""
    return ["Time", *(LAYERS[layer] for layer in layers), "Whole"]


def rows(
    times: Iterable[str], means: Iterable[Mapping[str, float]], layers: Collection[str]
) -> Iterator[list[str]]:
    """Give its rows: mean milliseconds by layer, and their sum.  Where nothing was asked, there is
    no mean."""
    for time, mean in zip(times, means, strict=True):
        if mean:
            values = [formats.ms(mean.get(layer, 0.0), False) for layer in layers]
            yield [time, *values, formats.ms(sum(mean.values()), False)]
        else:
            yield [time, *[formats.NOTHING] * (len(layers) + 1)]

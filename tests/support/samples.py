"""A test of samples: can they be told apart?"""

from __future__ import annotations

import math
from collections.abc import Sequence


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """The probability that two samples of the same distribution differ as much as these do: the
    two-sided test of Mann and Whitney, by the normal approximation, for some dozens and more."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    size, ranks, ties = len(ranked), 0.0, 0.0
    start = 0
    while start < size:
        end = start
        while end < size and ranked[end][0] == ranked[start][0]:
            end += 1
        # Equal values share the mean of their ranks.
        mean = (start + 1 + end) / 2
        ranks += mean * sum(1 for _, which in ranked[start:end] if which == 0)
        ties += (end - start) ** 3 - (end - start)
        start = end
    m, n = len(first), len(second)
    deviation = math.sqrt(m * n / 12 * (size + 1 - ties / (size * (size - 1))))
    if not deviation:
        return 1.0
    distance = abs(ranks - m * (m + 1) / 2 - m * n / 2) / deviation
    return math.erfc(distance / math.sqrt(2))

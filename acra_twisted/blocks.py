"""Sections of an ini file of which there may be any number, told apart by their subjects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from acra_twisted.options import Block

#: Handlers of AcraCensor.
CENSOR: Final = "censor:"
#: Protected columns, and statements that may leave them unprotected.
COLUMN: Final = "encrypt:"
BYPASS: Final = "bypass:"

CENSOR_BLOCKS: Final = (CENSOR,)
COLUMN_BLOCKS: Final = (COLUMN, BYPASS)
ALL_BLOCKS: Final = (*CENSOR_BLOCKS, *COLUMN_BLOCKS)


def blocks_of(blocks: Iterable[Block], prefixes: Sequence[str]) -> list[Block]:
    """Return the sections whose names begin with one of ``prefixes``."""
    return [block for block in blocks if block.name.startswith(tuple(prefixes))]

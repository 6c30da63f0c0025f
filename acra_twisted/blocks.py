"""Sections of an ini file of which there may be any number, told apart by their subjects."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from acra_twisted.options import Block

#: Handlers of AcraCensor.
CENSOR: Final = "censor:"
#: Protected columns, and statements that may leave them unprotected.
COLUMN: Final = "encrypt:"
BYPASS: Final = "bypass:"

#: Further addresses to listen on, each with settings of its own.
LISTENER: Final = "listener:"

CENSOR_BLOCKS: Final = (CENSOR,)
COLUMN_BLOCKS: Final = (COLUMN, BYPASS)
ALL_BLOCKS: Final = (*CENSOR_BLOCKS, *COLUMN_BLOCKS)

#: Settings that name a file in the place of such sections.
_FILES: Final = {"acracensor_config_file": CENSOR_BLOCKS, "encryptor_config_file": COLUMN_BLOCKS}


def blocks_of(blocks: Iterable[Block], prefixes: Sequence[str]) -> list[Block]:
    """Return the sections whose names begin with one of ``prefixes``."""
    return [block for block in blocks if block.name.startswith(tuple(prefixes))]


def blocks_beside(own: Container[str], blocks: Iterable[Block]) -> list[Block]:
    """Return the sections that hold at a listener that has settings of its ``own``: a file of its
    own, even none, takes the place of the sections."""
    left = tuple(prefix for name, those in _FILES.items() if name in own for prefix in those)
    return [block for block in blocks if not block.name.startswith(left)]

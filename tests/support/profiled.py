"""Work whose calls are counted."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def profiled(note: Callable[[Any, str, Any], object], work: Callable[[], T]) -> T:
    """Return what some work returns; ``note`` is told of each call that it makes, and of each
    return, as `sys.setprofile` tells of them.

    Nothing is collected meanwhile: that would call what other tests have left.
    """
    collects, before = gc.isenabled(), sys.getprofile()
    gc.disable()
    sys.setprofile(note)
    try:
        return work()
    finally:
        sys.setprofile(before)
        if collects:
            gc.enable()

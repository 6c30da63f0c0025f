"""Tell if this package runs compiled (see setup.py).

The fastest code is not the same in both forms.  Compiled, a pass over bytes in Python is a loop
over bytes; interpreted, the C of a regular expression or of ``struct`` takes a tenth of its time.
Where that matters there are both, and a property test compares them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

try:
    # It comes with mypyc, and says something to mypyc alone.
    from mypy_extensions import mypyc_attr as mypyc_attr
except ImportError:
    # Whoever does not compile has none: mypy would have it be the other one.
    def mypyc_attr(**_: Any) -> Callable[[type], type]:  # type: ignore[misc]
        """Leave a class as it is."""
        return lambda decorated: decorated


COMPILED: Final = not __file__.endswith(".py")

"""Whether this package runs compiled (see setup.py): what is best in one form is not in the other.

Compiled, a pass over bytes in Python is a loop over bytes; interpreted, the C of a regular
expression or of ``struct`` takes a tenth of it.  Where that matters there are both, with a
property test that compares them.
"""

from __future__ import annotations

from typing import Final

COMPILED: Final = not __file__.endswith(".py")

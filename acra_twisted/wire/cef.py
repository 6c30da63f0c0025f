"""Common Event Format lines, as Acra writes them.

Source: acra-observability reference, section 9.3.  Values are trimmed, control characters become
spaces (the original let a carriage return through; a forged line could hide behind it), then
backslash, pipe and equals sign are escaped, in header and extension alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ESCAPED = str.maketrans({"\\": "\\\\", "|": "\\|", "=": "\\="})


def escape(value: object) -> str:
    """One value, ready for header or extension; an empty one becomes a space."""
    text = _CONTROL.sub(" ", str(value)).strip()
    return text.translate(_ESCAPED) or " "


def encode(
    product: str, version: str, code: int, name: str, severity: int, extension: Mapping[str, object]
) -> str:
    """One line, without the line feed."""
    header = "|".join(
        escape(part) for part in ("cossacklabs", product, version, code, name, severity)
    )
    fields = "".join(f"{escape(key)}={escape(extension[key])} " for key in sorted(extension))
    return f"CEF:0|{header}|{fields}"

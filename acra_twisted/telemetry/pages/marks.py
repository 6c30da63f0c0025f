"""Characters that act instead of being shown: controls, and marks that turn the direction of a text
or cannot be seen.  A name with them could look like another one; pages show them as their numbers.
"""

from __future__ import annotations

import re
from typing import Final

#: Unicode's categories Cc (but for blanks), Cf, Cs, Zl and Zp.
_ASCII: Final = "\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f"
_BLANKS: Final = "\\t\\n\\r"
_BEYOND: Final = (
    "\\x80-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\u180e\\u200b-\\u200f"
    "\\u2028-\\u202e\\u2060-\\u206f\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb\\U000110bd\\U000110cd"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e007f"
)
_ANY: Final = re.compile(f"[{_BLANKS}{_ASCII}{_BEYOND}]")
_IN_PAGE: Final = re.compile(f"[{_ASCII}{_BEYOND}]")
#: Most of a page is of ASCII, in which far fewer are looked for.
_IN_ASCII: Final = re.compile(f"[{_ASCII}]")


def visible(text: str) -> str:
    """Return a text with such characters, and blanks other than a space, as their numbers."""
    return _ANY.sub(_number, text)


def visible_in_page(markup: str) -> str:
    """Return HTML with such characters as their numbers, in texts and attributes alike; ends of
    lines and tabs, which act on nothing there, stay."""
    # Nearly all of a page.  Of what acts nothing is printable.
    if markup.replace("\n", "").isprintable():
        return markup
    if markup.isascii():
        return _IN_ASCII.sub(_escaped, markup)
    return _IN_PAGE.sub(_escaped, markup)


def _number(found: re.Match[str]) -> str:
    return f"<U+{ord(found[0]):04X}>"


def _escaped(found: re.Match[str]) -> str:
    return f"&lt;U+{ord(found[0]):04X}&gt;"

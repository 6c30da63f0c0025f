"""Sessions of MySQL whose user has an expired password: the server answers nothing there, no
question about its tables either, until the password is another.

It takes statements that set one, and plain settings, which clients send when they begin.
"""

from __future__ import annotations

import re
from typing import Final

#: The server's error.
NUMBER: Final = 1820
SQLSTATE: Final = b"HY000"
TEXT: Final = "the user's password has expired: it must be set before any other statement"
_STRING: Final = rb"(?:'[^'\\]*+'|\"[^\"\\]*+\")"
_PART: Final = rb"(?:%b|`[^`]*+`|[\w.%%-]++)" % _STRING
_USER: Final = rb"(?:(?:current_user|user)\s*+(?:\(\s*+\)|(?=[\s=:]))|%b(?:\s*+@\s*+%b)?)" % (
    *(_PART, _PART),
)
_SECRET: Final = rb"(?:password\s*+\(\s*+%b\s*+\)|%b)" % (_STRING, _STRING)
_PLUGIN: Final = rb"(?:%b|\w++)(?:\s*+(?:using|as|by)\s*+%b)?" % (_STRING, _SECRET)
_FORMS: Final = (
    rb"set\s++password\s*+(?:for\s*+%b\s*+)?:?=\s*+%b" % (_USER, _SECRET),
    rb"alter\s++user\s++(?:if\s++exists\s++)?%b\s*+identified\s++(?:by\s*+%b|(?:via|with)\s*+%b)"
    % (_USER, _STRING, _PLUGIN),
    rb"set\s++(?:names|character\s++set)\s*+(?:%b|\w++)(?:\s++collate\s*+(?:%b|\w++))?"
    % (_STRING, _STRING),
    rb"set\s++(?:session\s++|@@(?:session\.)?)?autocommit\s*+=\s*+\w++",
)
_passes: Final = re.compile(
    rb"\s*+(?:%b)[\s;]*+" % b"|".join(b"(?:%b)" % form for form in _FORMS), re.I
).fullmatch


def may_pass(text: bytes) -> bool:
    """Tell whether a text is one that such a session may need, and that gives no value to a
    table."""
    return _passes(text) is not None

"""Common Event Format lines: with the names of CEF's dictionary, or as Acra writes them.

Acra's form: acra-observability reference, section 9.3.  Values are trimmed, control characters
become spaces (the original let a carriage return through; a forged line could hide behind it),
then backslash, pipe and equals sign are escaped, in header and extension alike.

The other form keeps to the specification (ArcSight Common Event Format, revision 25): pipes are
escaped in the header and not in the extension, equals signs in the extension and not in the
header, and keys are letters and digits.  What is not in the dictionary is a custom string or number
with its label, or keeps its name, in that alphabet.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HEADER = str.maketrans({"\\": "\\\\", "|": "\\|"})
_EXTENSION = str.maketrans({"\\": "\\\\", "=": "\\="})
_NOT_KEY = re.compile("[^A-Za-z0-9]")
_VENDOR = "cossacklabs"
#: Our fields to keys of the dictionary.
DICTIONARY = {
    "client_id": "suser",
    "user": "duser",
    "error": "reason",
    "query": "request",
    "code": "externalId",
    "action": "act",
    "peer_port": "spt",
    "server_port": "dpt",
    "host": "dvchost",
    "instance": "deviceExternalId",
}
_ADDRESSES = {"peer": ("src", "shost"), "server_address": ("dst", "dhost")}
_CUSTOM = {
    "trace_id": "cs1",
    "span_id": "cs2",
    "stage": "cs3",
    "rule": "cs4",
    "certificate": "cs5",
    "database": "cs6",
    "session_id": "cn1",
    "attempts": "cn2",
    "records": "cn3",
}
#: The header says them already, or the time does.
_LEFT_OUT = frozenset(("time", "product", "version", "event", "severity", "message", "unixTime"))
_ESCAPED = str.maketrans({"\\": "\\\\", "|": "\\|", "=": "\\="})


def escape(value: object) -> str:
    """One value, ready for header or extension; an empty one becomes a space."""
    text = _CONTROL.sub(" ", str(value)).strip()
    return text.translate(_ESCAPED) or " "


def encode(
    product: str, version: str, code: int, name: str, severity: int, extension: Mapping[str, object]
) -> str:
    """One line, without the line feed."""
    header = "|".join(escape(part) for part in (_VENDOR, product, version, code, name, severity))
    fields = "".join(f"{escape(key)}={escape(extension[key])} " for key in sorted(extension))
    return f"CEF:0|{header}|{fields}"


def to_dictionary(seconds: float, fields: Mapping[str, object]) -> dict[str, object]:
    """Our fields under CEF's keys.  ``seconds`` since the epoch become the receipt time."""
    found: dict[str, object] = {"rt": int(seconds * 1000)}
    for name, value in fields.items():
        if name in _LEFT_OUT or value is None or value == "":
            continue
        if name in _CUSTOM:
            key = _CUSTOM[name]
            found[key] = value
            found[f"{key}Label"] = _key(name)
        elif name in _ADDRESSES:
            # A name, or "unix", is a host's name to CEF.
            key, other = _ADDRESSES[name]
            found[key if _is_address(value) else other] = value
        else:
            found[DICTIONARY.get(name) or _key(name)] = value
    return found


def encode_dictionary(
    product: str, version: str, code: int, name: str, severity: int, extension: Mapping[str, object]
) -> str:
    """One line as the specification has it, without the line feed."""
    header = "|".join(
        _clean(part).translate(_HEADER)
        for part in (_VENDOR, product, version, code, name, severity)
    )
    fields = " ".join(
        f"{key}={_clean(value).translate(_EXTENSION)}" for key, value in extension.items()
    )
    return f"CEF:0|{header}|{fields}"


def _key(name: str) -> str:
    """Return a name in camel case, as the dictionary has it."""
    first, *more = [part for part in _NOT_KEY.split(name) if part] or ["field"]
    return first + "".join(part[:1].upper() + part[1:] for part in more)


def _clean(value: object) -> str:
    return _CONTROL.sub(" ", str(value)).strip()


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return False
    return True

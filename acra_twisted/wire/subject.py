"""The subject of a certificate as Go prints it: what Acra makes client ids of.

Source: Go's ``crypto/x509`` (which strings it reads) and ``pkix.Name.String`` (order and escaping);
``tests/vectors/subjects.json`` has what Go itself prints.

Go knows nine kinds of attributes.  It prints them in an order of its own, with the values of one
kind joined by ``+`` wherever they stood in the certificate; of several common names or serial
numbers it keeps the last.  All other attributes stand behind these, as the bytes of a DER string.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from acra_twisted.errors import HandshakeError

_COMMON_NAME = "2.5.4.3"
#: Attributes that Go knows, in the order in which it prints them.
_KNOWN = {
    "2.5.4.5": "SERIALNUMBER",
    _COMMON_NAME: "CN",
    "2.5.4.11": "OU",
    "2.5.4.10": "O",
    "2.5.4.17": "POSTALCODE",
    "2.5.4.9": "STREET",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.6": "C",
}
#: Go keeps one value of each of these, and none that is empty.
_SINGLE = frozenset(("SERIALNUMBER", "CN"))
_LETTERS = frozenset(range(65, 91)) | frozenset(range(97, 123)) | frozenset(range(48, 58))
#: Bytes of a PrintableString when Go writes one, and when it reads one.
_PRINTABLE = _LETTERS | frozenset(b" '()+,-./:=?")
_PRINTABLE_READ = _PRINTABLE | frozenset(b"*&")
_NUMERIC = frozenset(b"0123456789 ")
_SEQUENCE, _SET, _OID, _INTEGER, _VERSION = 0x30, 0x31, 0x06, 0x02, 0xA0
_UTF8, _NUMERIC_STRING, _PRINTABLE_STRING, _T61, _IA5, _BMP = 0x0C, 0x12, 0x13, 0x14, 0x16, 0x1E
#: A subject that is longer is nobody's.
_LIMIT = 64 * 1024
_ARC_LIMIT = 1 << 31


def subject_of(der: bytes) -> bytes:
    """The DER of the subject's Name in a certificate.  Raises HandshakeError."""
    _, certificate, _ = _element(der, 0, _SEQUENCE)
    _, at, _ = _element(der, certificate, _SEQUENCE)
    if der[at : at + 1] == bytes((_VERSION,)):
        at = _element(der, at, _VERSION)[2]
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE):
        # Serial number, algorithm, issuer, validity.
        at = _element(der, at, tag)[2]
    return der[at : _element(der, at, _SEQUENCE)[2]]


def go_text(name: bytes) -> str:
    """The text of a Name in DER.  Raises HandshakeError for one that Go does not read."""
    if len(name) > _LIMIT:
        raise _unreadable("it is too long")
    known: dict[str, list[bytes]] = {}
    others: list[str] = []
    for oid, value in _attributes(name):
        kind = _KNOWN.get(oid)
        if kind is None:
            others.append(_other(oid, value))
        elif kind not in _SINGLE:
            known.setdefault(kind, []).append(value)
        else:
            known[kind] = [value] if value else []
    parts = [
        "+".join(f"{kind}={_escaped(value)}" for value in known[kind])
        for kind in _KNOWN.values()
        if known.get(kind)
    ]
    return ",".join([*parts, *reversed(others)])


def common_name(name: bytes) -> str:
    """The common name of a Name in DER; empty if it has none or several, or one with NUL.  Bytes
    that are not UTF-8 become surrogates.  Raises HandshakeError."""
    found = [value for oid, value in _attributes(name) if oid == _COMMON_NAME]
    if len(found) != 1 or 0 in found[0]:
        return ""
    return found[0].decode(errors="surrogateescape")


def _unreadable(why: str) -> HandshakeError:
    return HandshakeError(f"the subject of the certificate cannot be read: {why}")


# -- DER ------------------------------------------------------------------------------------------


def _element(data: bytes, at: int, tag: int, end: int = -1) -> tuple[int, int, int]:
    """Tag, and where the content begins and ends.  ``tag`` is the one that is expected, 0 any."""
    end = len(data) if end < 0 else end
    if at + 2 > end:
        raise _unreadable("it is cut off")
    if tag and data[at] != tag:
        raise _unreadable("an element is not what it must be")
    size, begin = data[at + 1], at + 2
    if size >= 0x80:
        digits = size - 0x80
        if not 1 <= digits <= 4 or begin + digits > end:
            raise _unreadable("a length is wrong")
        size = int.from_bytes(data[begin : begin + digits], "big")
        begin += digits
    if size > end - begin:
        raise _unreadable("it is cut off")
    return data[at], begin, begin + size


def _attributes(name: bytes) -> Iterator[tuple[str, bytes]]:
    """Object identifier and value, in UTF-8 where Go reads it as such, in the certificate's
    order."""
    _, at, end = _element(name, 0, _SEQUENCE)
    while at < end:
        _, part, at = _element(name, at, _SET, end)
        while part < at:
            _, inside, part = _element(name, part, _SEQUENCE, at)
            _, begin, inside = _element(name, inside, _OID, part)
            oid = _dotted(name[begin:inside])
            tag, begin, inside = _element(name, inside, 0, part)
            yield oid, _string(tag, name[begin:inside])


def _dotted(encoded: bytes) -> str:
    if not encoded or encoded[-1] & 0x80:
        raise _unreadable("an attribute has no type")
    arcs, arc = [], 0
    for byte in encoded:
        arc = arc << 7 | byte & 0x7F
        if arc >= _ARC_LIMIT:
            raise _unreadable("the type of an attribute has too large a number")
        if byte < 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _string(tag: int, value: bytes) -> bytes:
    """The bytes of Go's string."""
    good = True
    if tag == _PRINTABLE_STRING:
        good = _PRINTABLE_READ.issuperset(value)
    elif tag == _NUMERIC_STRING:
        good = _NUMERIC.issuperset(value)
    elif tag == _IA5:
        good = value.isascii()
    elif tag == _UTF8:
        good = _is_utf8(value)
    elif tag == _BMP:
        good = len(value) % 2 == 0
        if good:
            return _utf16(value[:-2] if value[-2:] == b"\0\0" else value)
    elif tag != _T61:
        # Go takes a T61String as it is, whatever it holds.
        raise _unreadable("an attribute is not a string")
    if not good:
        raise _unreadable("an attribute holds what its kind of string must not")
    return value


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _utf16(value: bytes) -> bytes:
    """UTF-8.  Half a pair is a replacement character, as Go has it."""
    text = value.decode("utf-16-be", "surrogatepass")
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


# -- the text -------------------------------------------------------------------------------------


def _one_byte_each(error: UnicodeError) -> tuple[str, int]:
    """Go: each byte that is not UTF-8 is one replacement character."""
    assert isinstance(error, UnicodeDecodeError)  # noqa: S101 - it is only used to decode
    return "\ufffd", error.start + 1


codecs.register_error("acra-go", _one_byte_each)


def _escaped(value: bytes) -> str:
    text = value.decode("utf-8", "acra-go")
    last = len(text) - 1
    return "".join(
        f"\\{c}"
        if c in ',+"\\<>;' or (c == " " and place in (0, last)) or (c == "#" and place == 0)
        else c
        for place, c in enumerate(text)
    )


def _other(oid: str, value: bytes) -> str:
    """An attribute that Go does not know: a PrintableString if it can be one, else UTF-8."""
    if _PRINTABLE.issuperset(value):
        tag = _PRINTABLE_STRING
    elif _is_utf8(value):
        tag = _UTF8
    else:
        return f"{oid}={_escaped(value)}"
    size = len(value)
    if size < 0x80:
        length = bytes((size,))
    else:
        digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes((0x80 | len(digits),)) + digits
    return f"{oid}=#{(bytes((tag,)) + length + value).hex()}"

"""Figures of one statement over some time, in a form that adds up and that can be stored.

A row is kept encoded: numbers as varints of Protocol Buffers, one behind the other, so that a
statement's minute takes about 200 bytes.  What is read may come from a file or another daemon.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from acra_twisted.telemetry.figures.buckets import COUNT
from acra_twisted.wire.formats.protobuf import varint

#: The parts of a request's time that are there without stages, and the whole; see `Row`.
WHOLE, LINK, PROXY = "whole", "link", "proxy"
FIRST_BYTE, ROWS = "first byte", "rows"
#: Stands before a stage's name.
STAGE: Final = "stage "

#: Counters of a row, in the order in which they are encoded.
COUNTERS: Final = (
    "calls",
    "errors",
    "denied",
    "aborted",
    "lost",
    "poisoned",
    "prepared",
    "in_transaction",
    "rows",
    "received",
    "sent",
)
_VERSION: Final = 1
#: Names that are encoded as their places; others as texts.
_KNOWN: Final = (
    *(WHOLE, LINK, PROXY, FIRST_BYTE, ROWS),
    *(STAGE + name for name in ("censor", "encryptor", "decryptor", "poison", "query_capture")),
)
_PLACES: Final = {name: place for place, name in enumerate(_KNOWN, 1)}
#: Limits of what is read, and of what a row gathers.
LAYERS_MAX: Final = 64
CLASSES_MAX: Final = 64
_NAME_MAX: Final = 255
_NUMBER_MAX: Final = 1 << 63
#: Stands for what a full row has no place for.
_OTHERS: Final = "others"


class Layer:
    """A part of the time of some requests: its sum in nanoseconds, and how many of them spent how
    much in it, by bucket."""

    __slots__ = ("total", "buckets")

    def __init__(self, total: int = 0, buckets: dict[int, int] | None = None) -> None:
        self.total = total
        self.buckets: dict[int, int] = {} if buckets is None else buckets

    @property
    def count(self) -> int:
        """How many requests spent time in it."""
        return sum(self.buckets.values())

    def add(self, other: Layer) -> None:
        """Add the time of other requests."""
        self.total += other.total
        buckets = self.buckets
        for number, count in other.buckets.items():
            buckets[number] = buckets.get(number, 0) + count


class Row:
    """Figures of some requests.

    ``calls`` are all of them; ``errors``, ``denied``, ``aborted`` and ``lost`` those that ended so;
    ``poisoned`` those whose rows held a poison record, however they ended; ``prepared`` those that
    executed a prepared statement, ``in_transaction`` those that came in one.  ``rows`` are those
    that replies told of, ``received`` and ``sent`` bytes from and to clients.  ``classes`` has
    errors by the first two characters of their status code.

    ``layers`` has the parts of the time by their names: the WHOLE request; PROXY, which is the time
    before it was sent to the database but for stages; each stage, as "stage NAME"; the database's
    time to its FIRST_BYTE, and from there to the end of the reply, its ROWS, but for stages; LINK
    is the time by which a connector's request took longer.  Where all are known, and nothing
    waited for another request, they add up to the whole.
    """

    __slots__ = (*COUNTERS, "classes", "layers")

    def __init__(self) -> None:
        self.calls = 0
        self.errors = 0
        self.denied = 0
        self.aborted = 0
        self.lost = 0
        self.poisoned = 0
        self.prepared = 0
        self.in_transaction = 0
        self.rows = 0
        self.received = 0
        self.sent = 0
        self.classes: dict[str, int] = {}
        self.layers: dict[str, Layer] = {}

    def add(self, other: Row) -> None:
        """Add the figures of other requests."""
        self.calls += other.calls
        self.errors += other.errors
        self.denied += other.denied
        self.aborted += other.aborted
        self.lost += other.lost
        self.poisoned += other.poisoned
        self.prepared += other.prepared
        self.in_transaction += other.in_transaction
        self.rows += other.rows
        self.received += other.received
        self.sent += other.sent
        for name, count in other.classes.items():
            self.add_class(name, count)
        for name, layer in other.layers.items():
            self.layer(name).add(layer)

    def add_class(self, name: str, count: int) -> None:
        """Count errors of a class."""
        if name not in self.classes and len(self.classes) >= CLASSES_MAX - 1:
            name = _OTHERS
        self.classes[name] = self.classes.get(name, 0) + count

    def layer(self, name: str) -> Layer:
        """Return the layer of a name, which is made where it is missing."""
        found = self.layers.get(name)
        if found is None:
            if len(self.layers) >= LAYERS_MAX - 1:
                name = STAGE + _OTHERS
            found = self.layers.setdefault(name, Layer())
        return found

    def encode(self) -> bytes:
        """Return it as bytes; the number of calls comes first, behind the version.

        Numbers that are too large to be read, which only rows of others add up to, are the largest.
        """
        parts = [varint(_VERSION)]
        numbers = (self.calls, self.errors, self.denied, self.aborted, self.lost)
        more = (self.poisoned, self.prepared, self.in_transaction)
        carried = (self.rows, self.received, self.sent)
        for number in (*numbers, *more, *carried, len(self.classes)):
            parts.append(_count(number))
        for name in sorted(self.classes):
            parts.append(_text(name))
            parts.append(_count(self.classes[name]))
        parts.append(varint(len(self.layers)))
        for name in sorted(self.layers):
            layer, place = self.layers[name], _PLACES.get(name, 0)
            parts.append(varint(place))
            if not place:
                parts.append(_text(name))
            parts.append(_count(layer.total))
            parts.append(varint(len(layer.buckets)))
            for number in sorted(layer.buckets):
                parts.append(varint(number))
                parts.append(_count(layer.buckets[number]))
        return b"".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        return {
            **{name: getattr(self, name) for name in COUNTERS},
            "classes": dict(sorted(self.classes.items())),
            "layers": {
                name: {
                    "total_ns": layer.total,
                    "buckets": {str(n): count for n, count in sorted(layer.buckets.items())},
                }
                for name, layer in sorted(self.layers.items())
            },
        }


def calls_of(encoded: bytes) -> int:
    """Return the number of calls of an encoded row of ours."""
    return _Reader(encoded, 1).number()


def decode(encoded: bytes) -> Row:
    """Read an encoded row.  Raises ValueError for bytes that are none."""
    row = Row()
    add_encoded(row, encoded)
    return row


def add_encoded(row: Row, encoded: bytes) -> None:
    """Add the figures of an encoded row.

    Raises ValueError for bytes that are none; then some figures may have been added.
    """
    reader = _Reader(encoded, 0)
    if reader.number() != _VERSION:
        raise ValueError("a row of another version")
    row.calls += reader.number()
    row.errors += reader.number()
    row.denied += reader.number()
    row.aborted += reader.number()
    row.lost += reader.number()
    row.poisoned += reader.number()
    row.prepared += reader.number()
    row.in_transaction += reader.number()
    row.rows += reader.number()
    row.received += reader.number()
    row.sent += reader.number()
    for _ in range(reader.bounded(CLASSES_MAX)):
        name = reader.text()
        row.add_class(name, reader.number())
    for _ in range(reader.bounded(LAYERS_MAX)):
        place = reader.bounded(len(_KNOWN))
        layer = row.layer(_KNOWN[place - 1] if place else reader.text())
        layer.total += reader.number()
        buckets = layer.buckets
        for _ in range(reader.bounded(COUNT)):
            number = reader.bounded(COUNT - 1)
            buckets[number] = buckets.get(number, 0) + reader.number()
    if reader.at != len(encoded):
        raise ValueError("more behind a row")


def _count(number: int) -> bytes:
    return varint(number if number < _NUMBER_MAX else _NUMBER_MAX - 1)


def _text(text: str) -> bytes:
    data = text.encode()
    return varint(len(data)) + data


class _Reader:
    """Reads one part after the other.  Its methods raise ValueError."""

    __slots__ = ("data", "at")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at

    def number(self) -> int:
        """An integer from 0 to 2**63 - 1."""
        data, at = self.data, self.at
        if at < len(data) and data[at] < 0x80:
            self.at = at + 1
            return data[at]
        number = shift = 0
        while at < len(data) and shift < 63:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                return number
            shift += 7
        raise ValueError("a number of a row is cut off or too large")

    def bounded(self, most: int) -> int:
        """An integer that must not be larger."""
        number = self.number()
        if number > most:
            raise ValueError("a number of a row is too large")
        return number

    def text(self) -> str:
        """A name."""
        size = self.bounded(_NAME_MAX)
        data = self.data[self.at : self.at + size]
        self.at += size
        if len(data) < size:
            raise ValueError("a name of a row is cut off")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise ValueError("a name of a row is not UTF-8") from None


def of_json(value: Mapping[str, Any]) -> Row:
    """Read a row of another daemon's page.  Raises ValueError for what is none."""
    row = Row()
    try:
        numbers = {name: _number(value[name]) for name in COUNTERS}
        classes, layers = value["classes"], value["layers"]
        if len(classes) > CLASSES_MAX or len(layers) > LAYERS_MAX:
            raise ValueError
        for name, count in numbers.items():
            setattr(row, name, count)
        for name, count in classes.items():
            row.add_class(_name(name), _number(count))
        for name, told in layers.items():
            layer = row.layer(_name(name))
            layer.total += _number(told["total_ns"])
            if len(told["buckets"]) > COUNT:
                raise ValueError
            for number, count in told["buckets"].items():
                place = int(number)
                if not 0 <= place < COUNT:
                    raise ValueError
                layer.buckets[place] = layer.buckets.get(place, 0) + _number(count)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError("not a row of figures") from None
    return row


def _number(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _NUMBER_MAX:
        raise ValueError
    return value


def _name(value: Any) -> str:
    if type(value) is not str or len(value.encode()) > _NAME_MAX:
        raise ValueError
    return value

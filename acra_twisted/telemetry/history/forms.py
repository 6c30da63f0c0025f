"""Records of a usual request, packed: a form for each shape, filled in with ids and numbers.

A history keeps ten requests a second of those that the sampler takes, and each holds up all
others for the time that it takes.  A form is made of a request's own records, and what comes out of
it is compared with them before it is used: where they differ, it is not.
"""

from __future__ import annotations

import json
from typing import Any, Final

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.tracing.recorded import (
    FIRST_BYTE,
    JUDGED,
    LINK,
    RETURNED_ROWS,
    SENT,
    WAITED,
    Recorded,
    Shape,
)
from acra_twisted.telemetry.tracing.records import as_record

#: Shapes whose forms are known.
_FORMS_MAX: Final = 512
#: What stands for a text, a whole number, any other number, and a truth.  No text has it: it would
#: have to be JSON's escape of a character that no statement may have.
_MARKS: Final = {"\0s": '"%s"', "\0d": "%d", "\0r": "%r", "\0b": "%s"}
_TEXT, _WHOLE, _NUMBER, _TRUTH = _MARKS
_VARYING: Final = {
    "trace_id": _TEXT,
    "span_id": _TEXT,
    "parent_id": _TEXT,
    "start": _WHOLE,
    "end": _WHOLE,
    "sampled": _TRUTH,
}
_VARYING_ATTRIBUTES: Final = {
    "db.response.returned_rows": _WHOLE,
    "acra.time.parse_ms": _NUMBER,
    "acra.time.database_ms": _NUMBER,
    "acra.time.proxy_ms": _NUMBER,
    "acra.time.first_byte_ms": _NUMBER,
    "acra.time.waiting_ms": _NUMBER,
}
_VARYING_LINK: Final = {"trace_id": _TEXT, "span_id": _TEXT, "type": _WHOLE}
_TRUTHS: Final = ("false", "true")


class Forms:
    """Packs requests of the daemon ``service``."""

    def __init__(self, service: str) -> None:
        self._service = service
        # By the shape itself; None where the form does not fit.
        self._known: dict[Shape, str | None] = {}

    def pack(self, recorded: Recorded) -> bytes | None:
        """Return the records of a plain request as `pieces.pack` makes them; None if there is no
        form for it."""
        shape = recorded.shape
        try:
            form = self._known[shape]
        except KeyError:
            if len(self._known) >= _FORMS_MAX:
                self._known.clear()
            form = self._known[shape] = self._make(recorded)
        if form is None:
            return None
        try:
            return pieces.pack_text(form % _values(recorded))
        except pieces.Damaged:
            return None

    def _make(self, recorded: Recorded) -> str | None:
        records = [as_record(span, self._service) for span in recorded.spans()]
        form = pieces.text_of([_marked(record) for record in records]).replace("%", "%%")
        for mark, place in _MARKS.items():
            form = form.replace(json.dumps(mark), place)
        try:
            filled = form % _values(recorded)
        except (TypeError, ValueError):
            return None
        return form if filled == pieces.text_of(records) else None


def _marked(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with marks where another of its shape may have something else."""
    marked = {**record, **_VARYING}
    marked["attributes"] = {
        name: _VARYING_ATTRIBUTES.get(name, value) for name, value in record["attributes"].items()
    }
    marked["links"] = [_VARYING_LINK for _ in record["links"]]
    return marked


def _values(recorded: Recorded) -> tuple[Any, ...]:
    """Return what varies, in the order in which records have it."""
    span, times, flags = recorded.span, recorded.times, recorded.shape.flags
    trace_id, own_id, sampled = span.trace_id, span.span_id, _TRUTHS[span.sampled]
    ids = recorded.ids.hex()
    values: list[Any] = []
    for number in range(len(times) // 2):
        start, end = times[2 * number], times[2 * number + 1]
        stage_id = ids[16 * number : 16 * number + 16]
        values += (trace_id, stage_id, own_id, start, max(end, start), sampled)
    if flags & SENT and recorded.shape.server is not None:
        sent = recorded.sent
        values += (trace_id, ids[-16:], own_id, sent, max(span.end, sent), sampled)
        if flags & FIRST_BYTE:
            values.append(recorded.first_byte_ms)
        if flags & WAITED:
            values.append(recorded.waiting_ms)
    values += (trace_id, own_id, span.parent_id, span.start, max(span.end, span.start), sampled)
    if flags & RETURNED_ROWS:
        values.append(recorded.rows)
    if flags & JUDGED:
        values.append(recorded.parse_ms)
    if recorded.shape.server is not None:
        values += (recorded.database_ms, recorded.proxy_ms)
    if flags & LINK:
        values += span.links[0]
    return tuple(values)

"""Decides, in the reactor's thread, which spans a history keeps, and makes pieces of them.

Requests that were refused or failed, or caused a security event, are always kept.  Slow ones are
kept up to a number for each shape, minute and bucket of latency: when the database is slow, all
are.  Of all others some are kept each second, as they come.  A span that is no request, or is a
connector's, is kept with its trace.  What is left out is counted, for each minute.
"""

from __future__ import annotations

import json
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from math import log2
from typing import TYPE_CHECKING, Final

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.forms import Forms
from acra_twisted.telemetry.history.pieces import Figure, Piece, StoredEvent
from acra_twisted.telemetry.tracing.kept import bytes_of
from acra_twisted.telemetry.tracing.pace import Pace
from acra_twisted.telemetry.tracing.processor import History
from acra_twisted.telemetry.tracing.recorded import SLOW, Recorded
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import ABORTED, OK, Span

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Sampled requests a second, and those that may come at once; so many other spans beside them.
REQUESTS_RATE: Final = 10
REQUESTS_AT_ONCE: Final = 20
#: Failures that connectors alone tell of, at once: they take no room from what was refused here.
_ELSEWHERE_AT_ONCE: Final = 200
#: Slow requests of one shape, minute and bucket.
SLOW_EACH: Final = 10
_PLACES_MAX: Final = 4096
#: A bucket of latency is so many nanoseconds wide at the least, and there are four for each
#: doubling.
_FINEST: Final = 50_000
#: Pieces that wait, and what they weigh, in bytes, roughly.
WAITING_MAX: Final = 4096
WEIGHT_MAX: Final = 16 << 20
#: Eighths of that which are taken at most once one of a kind waits.  Clients can make failures, and
#: statements, as fast as they like: what they cannot fill is for security events.
_PLAIN_PART: Final = 4
_ALWAYS_PART: Final = 6
_FIGURES_PART: Final = 7
_WHOLE: Final = 8
_SPAN_WEIGHT: Final = 1500
_PIECE_WEIGHT: Final = 1000
#: Traces that are remembered because something of them is kept.
_KNOWN_MAX: Final = 4096
#: Spans of connectors that wait for the server's part of their trace, and their bytes, roughly.
_EARLY_MAX: Final = 2048
_EARLY_BYTES: Final = 8 << 20
#: Nanoseconds for which they wait.
_EARLY: Final = 5_000_000_000
#: Spans of one piece.
_SPANS_EACH: Final = 64

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60
_CONNECTIONS: Final = frozenset(("handleConnection", "handleCommandsConnection"))
#: The key of the figures that say what was left out, by reason.
OMITTED: Final = "omitted"
_REASONS: Final = ("sampled", "slow", "spans", "received", "queue_full")


class SlowCaps:
    """Lets `SLOW_EACH` slow requests of each shape, minute and bucket of latency pass."""

    def __init__(self) -> None:
        self._minute = 0
        self._seen: dict[tuple[str, str, int], int] = {}

    def admits(self, database: str, text: str, took: int, end: int) -> bool:
        """Return True if this one may pass; times are nanoseconds."""
        minute = end // (_MINUTE * _SECOND)
        if minute > self._minute:
            self._minute = minute
            self._seen.clear()
        place = (database, text, int(4 * log2(max(took, _FINEST) / _FINEST)))
        count = self._seen.get(place, 0)
        if count >= SLOW_EACH or (not count and len(self._seen) >= _PLACES_MAX):
            return False
        self._seen[place] = count + 1
        return True


class Intake(History):
    """Fed with what has ended; `take` gives what is to be written.

    ``service`` is the daemon's name.  ``clock`` gives nanoseconds since the epoch.
    """

    _sampled: i64

    def __init__(self, service: str, clock: Callable[[], int]) -> None:
        self._service = service
        self._forms = Forms(service)
        self._clock = clock
        self._requests = Pace(REQUESTS_RATE, REQUESTS_AT_ONCE)
        self._others = Pace(REQUESTS_RATE, REQUESTS_AT_ONCE)
        self._elsewhere = Pace(REQUESTS_RATE, _ELSEWHERE_AT_ONCE)
        self._slow = SlowCaps()
        self._waiting: deque[tuple[Piece | StoredEvent | Figure, int]] = deque()
        self._weight = 0
        # Each with the highest shelf on which something of it stands.
        self._known: OrderedDict[str, int] = OrderedDict()
        # Each with the time of the first.
        self._early: OrderedDict[str, tuple[int, list[Span]]] = OrderedDict()
        self._early_spans = 0
        self._early_bytes = 0
        self._omitted = dict.fromkeys(_REASONS, 0)
        # Those of the first reason, which are nearly all.
        self._sampled = 0
        # The same until the minute that is counted now began.
        self._before = self.omitted
        self._minute = clock() // _SECOND // _MINUTE

    def __len__(self) -> int:
        """Return the number of pieces that wait."""
        return len(self._waiting)

    @property
    def omitted(self) -> dict[str, int]:
        """All that was left out, by reason, since the start."""
        return {**self._omitted, "sampled": self._sampled}

    # -- what comes -------------------------------------------------------------------------------

    def add_recorded(self, recorded: Recorded) -> None:
        """Keep a request, or not."""
        span = recorded.span
        if recorded.plain:
            if not recorded.shape.flags & SLOW:
                # Where everything is sampled nearly all end here.
                if not self._requests.admits(span.end):
                    self._sampled += 1
                    return
                shelf = pieces.SAMPLED
            elif self._is_slow(recorded):
                shelf = pieces.SLOW
            else:
                return
            packed = self._forms.pack(recorded)
            if packed is None:
                self._put_request(shelf, span, recorded.spans())
            else:
                self._put_plain(shelf, recorded, packed)
            return
        made = recorded.spans()
        if _has_failed(span) or not _UNUSUAL.isdisjoint(span.attributes):
            shelf = pieces.ALWAYS
        elif recorded.shape.flags & SLOW:
            if not self._is_slow(recorded):
                return
            shelf = pieces.SLOW
        elif self._requests.admits(span.end):
            shelf = pieces.SAMPLED
        else:
            self._sampled += 1
            return
        self._put_request(shelf, span, made)

    def _is_slow(self, recorded: Recorded) -> bool:
        shape, span = recorded.shape, recorded.span
        text = shape.text or shape.name
        if self._slow.admits(shape.namespace, text, span.end - span.start, span.end):
            return True
        self._omitted["slow"] += 1
        return False

    def add(self, span: Span) -> None:
        """Keep a span that is no request, or not."""
        if _has_failed(span):
            shelf = pieces.ALWAYS
        elif span.kept:
            shelf = pieces.SLOW
        elif span.trace_id in self._known or self._others.admits(self._clock()):
            shelf = pieces.SAMPLED
        else:
            self._omitted["spans"] += 1
            return
        self._put_spans(shelf, [span], _verdict(span))

    def add_received(self, span: Span) -> None:
        """Keep a connector's span if something of its trace is kept, now or soon; or if it has
        failed, and not too many have of which nothing is known here."""
        if span.trace_id in self._known:
            self._put_received([span])
            return
        waiting = self._early.get(span.trace_id)
        if waiting is None:
            waiting = self._early[span.trace_id] = (self._clock(), [])
        waiting[1].append(span)
        self._early_spans += 1
        self._early_bytes += bytes_of(span)
        while self._early_spans > _EARLY_MAX or self._early_bytes > _EARLY_BYTES:
            self._give_up_early()

    def _give_up_early(self) -> None:
        """Nothing else of the trace that has waited longest has come."""
        _, (_, late) = self._early.popitem(last=False)
        self._come_late(late)
        now = self._clock()
        failed = [span for span in late if _has_failed(span) and self._elsewhere.admits(now)]
        self._omitted["received"] += len(late) - len(failed)
        self._put_received(failed)

    def _come_late(self, spans: list[Span]) -> None:
        """Note that some have waited long enough."""
        self._early_spans -= len(spans)
        for span in spans:
            self._early_bytes -= bytes_of(span)

    def _put_received(self, spans: list[Span]) -> None:
        for at in range(0, len(spans), _SPANS_EACH):
            some = spans[at : at + _SPANS_EACH]
            # A failure that has been told is not told again.
            told = self._known.get(some[0].trace_id) == pieces.ALWAYS
            failed = any(map(_has_failed, some))
            shelf = pieces.ALWAYS if failed else pieces.SAMPLED
            self._put_spans(shelf, some, pieces.ERROR if failed and not told else "")

    def put(self, item: StoredEvent | Figure) -> None:
        """Keep an event, or a figure."""
        part = _FIGURES_PART if isinstance(item, Figure) else _WHOLE
        self._put(item, _SPAN_WEIGHT, part)

    # -- what becomes of it -----------------------------------------------------------------------

    def _put_plain(self, shelf: int, recorded: Recorded, packed: bytes) -> None:
        """Keep a request of which its shape says all but what is packed."""
        shape, span = recorded.shape, recorded.span
        self._put_piece(
            Piece(
                shelf,
                pieces.REQUEST,
                span.trace_id,
                _connection(span),
                span.start,
                max(span.end, span.start),
                "" if shape.server is None else pieces.ALLOW,
                "",
                0,
                shape.client_id,
                shape.user,
                shape.namespace,
                shape.name,
                shape.text,
                packed,
            )
        )

    def _put_request(self, shelf: int, span: Span, made: Iterable[Span]) -> None:
        known = span.attributes
        self._put_piece(
            Piece(
                shelf,
                pieces.REQUEST,
                span.trace_id,
                _connection(span),
                span.start,
                max(span.end, span.start),
                _verdict(span),
                str(known.get("error.type", "")),
                pieces.whole(known.get("acra.event_code", 0)),
                str(known.get("acra.client_id", "")),
                str(known.get("user.name", "")),
                str(known.get("db.namespace", "")),
                span.name,
                str(known.get("db.query.text", "")),
                [as_record(one, self._service) for one in made],
            )
        )

    def _put_spans(self, shelf: int, spans: list[Span], verdict: str) -> None:
        """Keep spans of one trace in one piece."""
        first = spans[0]
        known = first.attributes
        self._put_piece(
            Piece(
                shelf,
                pieces.CONNECTION if first.name in _CONNECTIONS else pieces.OTHER,
                first.trace_id,
                first.trace_id,
                min(span.start for span in spans),
                max(max(span.end, span.start) for span in spans),
                verdict,
                str(known.get("error.type", "")),
                0,
                str(known.get("acra.client_id", "")),
                "",
                "",
                first.name,
                "",
                [as_record(span, self._service) for span in spans],
            ),
            # A connector's may be large.
            sum([bytes_of(span) for span in spans]),
        )

    def _put_piece(self, piece: Piece, size: int = 0) -> None:
        spans = piece.spans
        size = max(size, len(spans) if isinstance(spans, bytes) else _SPAN_WEIGHT * len(spans))
        weight = _PIECE_WEIGHT + size + 4 * len(piece.text)
        part = _ALWAYS_PART if piece.shelf == pieces.ALWAYS else _PLAIN_PART
        if not self._put(piece, weight, part):
            return
        known, trace_id = self._known, piece.trace_id
        known[trace_id] = max(known.get(trace_id, 0), piece.shelf)
        known.move_to_end(trace_id)
        if len(known) > _KNOWN_MAX:
            known.popitem(last=False)
        early = self._early.pop(trace_id, None)
        if early is not None:
            self._come_late(early[1])
            self._put_received(early[1])

    def _put(self, item: Piece | StoredEvent | Figure, weight: int, part: int) -> bool:
        """Have it wait if with it no more than ``part`` of the places is taken."""
        if (
            len(self._waiting) * _WHOLE >= WAITING_MAX * part
            or (self._weight + weight) * _WHOLE > WEIGHT_MAX * part
        ):
            self._omitted["queue_full"] += 1
            return False
        self._waiting.append((item, weight))
        self._weight += weight
        return True

    def take(self, count: int) -> list[Piece | StoredEvent | Figure]:
        """Return the first ones, at most ``count`` of them.  To be called every second or so."""
        self._tell_omitted()
        before = self._clock() - _EARLY
        while self._early and next(iter(self._early.values()))[0] <= before:
            self._give_up_early()
        found: list[Piece | StoredEvent | Figure] = []
        while self._waiting and len(found) < count:
            item, weight = self._waiting.popleft()
            self._weight -= weight
            found.append(item)
        return found

    def _tell_omitted(self) -> None:
        """When a minute is over, have a figure say what was left out in it."""
        minute = self._clock() // _SECOND // _MINUTE
        if minute <= self._minute:
            return
        known = {
            reason: count - self._before[reason]
            for reason, count in self.omitted.items()
            if count > self._before[reason]
        }
        if known:
            self.put(Figure(_MINUTE, self._minute * _MINUTE, OMITTED, json.dumps(known).encode()))
        self._minute = minute
        self._before = self.omitted


#: Attributes of a request that is always kept, although it may not have failed.
_UNUSUAL: Final = frozenset(("acra.event_code", "acra.stage_failed", "acra.poison_records"))


def _connection(span: Span) -> str:
    """Return the trace of a request's connection."""
    own_trace = span.remote_parent or not span.parent_id
    return span.links[0][0] if own_trace and span.links else span.trace_id


def _has_failed(span: Span) -> bool:
    # One that was given up because of another's failure is none.
    return span.status not in (OK, ABORTED)


def _verdict(span: Span) -> str:
    verdict = str(span.attributes.get("acra.verdict", ""))
    return pieces.ERROR if _has_failed(span) and verdict != pieces.DENY else verdict

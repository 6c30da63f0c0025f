"""An exchange as it was recorded: ids and numbers, of which its spans are made on demand.

Where everything is sampled, most spans are encoded, sent and forgotten.  What differs between two
exchanges that run the same statement is ids, times and the number of rows; all else is their
`Shape`, which is kept.  An encoder may fill in a form of the shape (`telemetry.export.otlpforms`)
instead of encoding span by span; who wants to see spans asks for them.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.exchange import ROWS, STATEMENT, Exchange
from acra_twisted.sql import redact
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spannames import NAME_MAX, name_of
from acra_twisted.telemetry.tracing.spans import Span
from acra_twisted.verdicts import PASS, Deny, Hangup, Replace

_FAILED: Final = {
    "error": spans.UNKNOWN,
    "denied": spans.PERMISSION_DENIED,
    "lost": spans.UNAVAILABLE,
    "aborted": spans.ABORTED,
}
_PROTOCOLS: Final = {
    "query": "simple",
    **dict.fromkeys(("execute", "bulk", "fetch"), "prepared"),
}
#: Shapes in each of the cache's two generations.
_SHAPES_MAX: Final = 256

#: Where an exchange's notes keep the id of the database's span that was handed on.
DATABASE: Final = "tracing.database"

# Properties that some exchanges have.
PARENT: Final = 1
LINK: Final = 2
RETURNED_ROWS: Final = 4
JUDGED: Final = 8
SENT: Final = 16
FIRST_BYTE: Final = 32
WAITED: Final = 64
SLOW: Final = 128
IN_TRANSACTION: Final = 256


class Shape:
    """The common parts of the spans of many exchanges.

    ``stages`` are those that judged something; ``rows`` has a bit for each, set if it judged
    rows.  ``flags`` describe the exchanges, see above.  ``form`` is an encoder's form of the
    shape, None at first; ``names`` belongs to the ``store`` of the trace pages.
    """

    __slots__ = (
        "system",
        "server",
        "namespace",
        "user",
        "client_id",
        "name",
        "summary",
        "text",
        "database_name",
        "protocol",
        "stages",
        "rows",
        "stage_titles",
        "flags",
        "form",
        "store",
        "names",
    )

    def __init__(
        self,
        server: tuple[str, int] | None,
        exchange: Exchange,
        shown: redact.Redacted | None,
        stages: tuple[str, ...],
        rows: int,
        flags: int,
    ) -> None:
        self.system: str = exchange.session.system
        self.server = server
        self.namespace: str = exchange.session.database.decode("utf-8", "replace")
        self.user: str = exchange.session.user.decode("utf-8", "replace")
        self.client_id: str = exchange.session.identity.client_id
        self.summary: str | None = None
        self.text = ""
        if shown is not None:
            self.summary = shown.summary
            self.text = shown.text
        self.name: str = name_of(exchange.kind, self.summary)
        self.database_name = f"{self.system} {self.name}"[:NAME_MAX]
        self.protocol: str = _PROTOCOLS.get(exchange.kind, "")
        self.stages = stages
        self.rows = rows
        self.stage_titles = tuple(
            [
                f"stage {stage} rows" if rows >> number & 1 else f"stage {stage}"
                for number, stage in enumerate(stages)
            ]
        )
        self.flags = flags
        self.form: Any = None
        self.store: Any = None
        self.names: Any = None


class Recorded:
    """One exchange.  ``span`` is its own, whose attributes are not there before `spans`.

    ``times`` are when each of its stages began and ended; ``ids`` the ids of their spans and, at
    the end, of the database's, 8 bytes each.  All times are nanoseconds.  ``plain``: its shape
    says all else, so its spans can be made at any time.  If not, they must be made at once, for
    they need the exchange.
    """

    __slots__ = (
        "shape",
        "span",
        "first_stage",
        "sent",
        "first_byte",
        "answered",
        "rows",
        "times",
        "ids",
        "plain",
        "_exchange",
        "_made",
    )

    def __init__(
        self,
        shape: Shape,
        span: Span,
        exchange: Exchange,
        first_stage: int,
        times: list[int],
        ids: bytes,
        plain: bool,
    ) -> None:
        self.shape = shape
        self.span = span
        self.first_stage = first_stage
        self.sent = exchange.sent
        self.first_byte = exchange.first_byte
        self.answered: int = exchange.session.answered
        self.rows = exchange.rows
        self.times = times
        self.ids = ids
        self.plain = plain
        # It knows the statement as it was sent: a plain one, which may be kept, is without it.
        self._exchange = None if plain else exchange
        self._made: list[Span] = []

    @property
    def end(self) -> int:
        """When it ended."""
        return self.span.end

    @property
    def parse_ms(self) -> float:
        """From when it was read to its first stage."""
        return milliseconds(self.first_stage - self.span.start)

    @property
    def database_ms(self) -> float:
        """From when it was sent to the end of the reply."""
        return milliseconds(self.span.end - self.sent if self.sent else 0)

    @property
    def proxy_ms(self) -> float:
        """All but that."""
        return milliseconds((self.sent if self.sent else self.span.end) - self.span.start)

    @property
    def first_byte_ms(self) -> float:
        """From when it was sent to the first byte of the reply."""
        return milliseconds(self.first_byte - self.sent)

    @property
    def waiting_ms(self) -> float:
        """While the database answered what came before."""
        return milliseconds(self.answered - self.sent)

    @property
    def size(self) -> int:
        """How many spans `spans` gives."""
        shape = self.shape
        database = 1 if shape.flags & SENT and shape.server is not None else 0
        return len(shape.stages) + database + 1

    def spans(self) -> list[Span]:
        """Those of its stages, of the database, and its own, which is the last."""
        if not self._made:
            self._made = self._make()
            self._exchange = None
        return self._made

    def _make(self) -> list[Span]:
        shape, parent, exchange = self.shape, self.span, self._exchange
        made: list[Span] = []
        at = 0
        for number, stage in enumerate(shape.stages):
            verdict: Any = PASS
            runs = 1
            if exchange is not None and exchange.stage_runs is not None:
                run = exchange.stage_runs[number]
                verdict, runs = run.verdict, run.runs
            known: dict[str, Any] = {"acra.runs": runs} if shape.rows >> number & 1 else {}
            known["acra.stage"] = stage
            known["acra.verdict"] = verdict_name(verdict)
            started = self.times[2 * number]
            span = parent.child(shape.stage_titles[number], spans.INTERNAL, started)
            span.attributes = known
            span.end = self.times[2 * number + 1]
            if type(verdict) in (Deny, Hangup):
                span.fail(spans.PERMISSION_DENIED, verdict.reason)
            span.span_id = self.ids[at : at + 8].hex()
            made.append(span)
            at += 8
        if shape.flags & SENT and shape.server is not None:
            made.append(self._database(shape.server, self.ids[at : at + 8].hex()))
        self._describe()
        made.append(parent)
        return made

    def _database(self, server: tuple[str, int], span_id: str) -> Span:
        shape, exchange = self.shape, self._exchange
        span = self.span.child(shape.database_name, spans.CLIENT, self.sent)
        span.span_id = span_id
        known = span.attributes = {
            "db.system.name": shape.system,
            "server.address": server[0],
            "server.port": server[1],
        }
        if shape.flags & FIRST_BYTE:
            known["acra.time.first_byte_ms"] = self.first_byte_ms
        if shape.flags & WAITED:
            known["acra.time.waiting_ms"] = self.waiting_ms
        if exchange is not None and exchange.outcome == "error":
            span.fail(spans.UNKNOWN, exchange.status_code)
        span.end = self.span.end
        return span

    def _describe(self) -> None:
        shape, span, exchange = self.shape, self.span, self._exchange
        span.name = shape.name
        # One dict, filled at once: a call for each attribute would take as long as all the rest.
        known = span.attributes = {
            "db.system.name": shape.system,
            "db.namespace": shape.namespace,
            "user.name": shape.user,
            "acra.client_id": shape.client_id,
        }
        if shape.summary is not None:
            known["db.query.summary"] = shape.summary
            known["db.query.text"] = shape.text
        if shape.protocol:
            known["acra.protocol"] = shape.protocol
            known["acra.in_transaction"] = bool(shape.flags & IN_TRANSACTION)
        if exchange is not None and exchange.denied_by:
            known["acra.denied_by"] = exchange.denied_by
        if shape.flags & RETURNED_ROWS:
            known["db.response.returned_rows"] = self.rows
        outcome = "ok"
        if exchange is not None:
            outcome = exchange.outcome or "ok"
            if outcome != "ok":
                known["error.type"] = exchange.status_code or outcome
                span.fail(_FAILED[outcome], exchange.reason or exchange.status_code or outcome)
            if exchange.status_code:
                known["db.response.status_code"] = exchange.status_code
        if shape.flags & JUDGED:
            known["acra.time.parse_ms"] = self.parse_ms
        if shape.server is not None:
            known["acra.verdict"] = "deny" if outcome == "denied" else "allow"
            known["acra.time.database_ms"] = self.database_ms
            known["acra.time.proxy_ms"] = self.proxy_ms
        if shape.flags & SLOW:
            known["acra.slow"] = True
        if exchange is not None and exchange.attributes:
            known.update(exchange.attributes)


class Recorder:
    """Makes `Recorded` of exchanges that have ended, with the database at ``server`` (None: we see
    no database).  ``slow``: nanoseconds from which one is, 0 for never."""

    def __init__(self, server: tuple[str, int] | None, slow: int) -> None:
        self._server = server
        self._slow = slow
        self._shapes: GenerationCache[tuple[Any, ...], Shape] = GenerationCache(
            _SHAPES_MAX, _SHAPES_MAX << 4
        )
        # The last one: comparing is cheaper than hashing.
        self._last: tuple[Any, ...] = ()
        self._last_shape: Shape | None = None

    def record(self, exchange: Exchange, span: Span) -> Recorded:
        """``span`` is the exchange's, and ends with it."""
        end = span.end = exchange.closed
        statement, sent = exchange.statement, exchange.sent
        shown = None
        if statement is not None:
            shown = redact.of_statement(statement, exchange.session.language)
        database_id: str = exchange.take_note(DATABASE, "")
        plain = (
            exchange.outcome == "ok"
            and exchange.attributes is None
            and exchange.status_code == ""
            and span.status == 0
            and len(span.links) <= 1
            and len(span.events) == 0
        )
        first_stage = rows = 0
        names: list[str] = []
        times: list[int] = []
        if exchange.stage_runs is not None:
            for run in exchange.stage_runs:
                if run.kind == ROWS:
                    rows |= 1 << len(names)
                elif not first_stage and run.kind == STATEMENT:
                    first_stage = run.started
                names.append(run.stage)
                times.append(run.started)
                times.append(run.ended)
                plain = plain and run.verdict is PASS and run.runs == 1
        flags = PARENT if span.parent_id else 0
        if span.links:
            flags |= LINK
        if exchange.rows >= 0:
            flags |= RETURNED_ROWS
        if first_stage:
            flags |= JUDGED
        count = len(names)
        if self._server is not None and sent and exchange.outcome != "aborted":
            flags |= SENT
            count += 1
            if exchange.first_byte >= sent:
                flags |= FIRST_BYTE
            if exchange.session.answered > sent:
                flags |= WAITED
        if self._slow and end - span.start >= self._slow:
            flags |= SLOW
        if exchange.in_transaction:
            flags |= IN_TRANSACTION
        ids = spans.new_span_ids(count)
        if database_id and flags & SENT:
            ids = ids[:-8] + bytes.fromhex(database_id)
        shape = self._shape(exchange, shown, tuple(names), rows, flags)
        return Recorded(shape, span, exchange, first_stage, times, ids, plain)

    def _shape(
        self,
        exchange: Exchange,
        shown: redact.Redacted | None,
        stages: tuple[str, ...],
        rows: int,
        flags: int,
    ) -> Shape:
        session = exchange.session
        key = (
            shown,
            session.database,
            session.user,
            session.identity.client_id,
            exchange.kind,
            stages,
            rows,
            flags,
            session.system,
        )
        shape = self._last_shape
        if shape is None or key != self._last:
            shape = self._shapes.get(key)
            if shape is None:
                shape = Shape(self._server, exchange, shown, stages, rows, flags)
                self._shapes.put(key, shape)
            self._last, self._last_shape = key, shape
        return shape


def milliseconds(nanoseconds: int) -> float:
    """To the microsecond; three times as fast as `round`."""
    return nanoseconds // 1000 / 1000


def verdict_name(verdict: Any) -> str:
    """``pass``, ``replace``, ``deny`` or ``hangup``."""
    if verdict is PASS:
        return "pass"
    return {Replace: "replace", Deny: "deny", Hangup: "hangup"}[type(verdict)]

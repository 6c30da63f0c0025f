"""Count what each rule has decided, allowing rules included, where they stand in their file."""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.censor.handlers import Decision
from acra_twisted.censor.rules import CAPTURE, Rules

_HOUR: Final = 3600 * 10**9
#: As many hours are kept, and as many clients of a rule, apart from the others.
HOURS_MAX: Final = 720
CLIENTS_MAX: Final = 8
_OTHERS: Final = "others"
#: Keys of decisions: places of rules, and a few words.
_KEYS_MAX: Final = 100_000


class _Hits:
    """Decisions of one rule; ``before`` are those before the hour at hand."""

    __slots__ = ("count", "before", "last", "clients", "hours", "by")

    def __init__(self, by: str) -> None:
        self.by = by
        self.count = 0
        self.before = 0
        self.last = 0
        self.clients: dict[str, int] = {}
        self.hours: dict[int, int] = {}


class RuleHits:
    """Decisions by the rules in force.  Times are nanoseconds since the epoch."""

    def __init__(self, given: Rules) -> None:
        self._given = given
        self._hits: dict[str, _Hits] = {}
        # The last decision that was counted, and where: most are the same.
        self._last: Decision | None = None
        self._last_hits: _Hits | None = None
        self._hour = 0
        self._ends = 0

    def count(self, decision: Decision, now: int, client_id: str) -> None:
        """Count a decision about a client's statement."""
        if now >= self._ends:
            self._roll(now)
        hits = self._last_hits
        if hits is None or decision is not self._last:
            hits = self._hits_of(decision)
            if hits is None:
                return
            self._last, self._last_hits = decision, hits
        hits.count += 1
        hits.last = now
        clients = hits.clients
        count = clients.get(client_id)
        if count is None and len(clients) >= CLIENTS_MAX:
            client_id = _OTHERS
            count = clients.get(client_id)
        clients[client_id] = 1 if count is None else count + 1

    def _hits_of(self, decision: Decision) -> _Hits | None:
        """Where a decision is counted; None if there are too many of them."""
        key = decision.where or decision.by
        hits = self._hits.get(key)
        if hits is None and len(self._hits) < _KEYS_MAX:
            hits = self._hits[key] = _Hits(decision.by)
        return hits

    def _roll(self, now: int) -> None:
        """Begin the hour of ``now``."""
        for hits in self._hits.values():
            self._keep_hour(hits)
        self._hour = now // _HOUR
        self._ends = (self._hour + 1) * _HOUR

    def _keep_hour(self, hits: _Hits) -> None:
        if hits.count > hits.before:
            hits.hours[self._hour] = hits.count - hits.before
            hits.before = hits.count
            if len(hits.hours) > HOURS_MAX:
                del hits.hours[next(iter(hits.hours))]

    def shown(self) -> list[dict[str, Any]]:
        """Return each rule in the order of the file, used or not, then what no rule decided."""
        found = []
        left = dict(self._hits)
        seen: set[str] = set()
        for number, handler in enumerate(self._given.handlers, 1):
            if handler.kind == CAPTURE:
                continue
            parts = (
                *(("query", entry.where) for entry in handler.queries),
                *(("table", entry.where) for entry in handler.tables),
                *(("pattern", entry.where) for entry in handler.patterns),
                ("handler", handler.where),
            )
            for part, where in parts:
                # Several of one line have one place.
                if where not in seen:
                    seen.add(where)
                    rule = {"handler": number, "kind": handler.kind, "part": part, "where": where}
                    found.append({**rule, **self._counts(left.pop(where, None))})
        for key in sorted(left):
            rule = {"handler": 0, "kind": left[key].by, "part": "", "where": ""}
            found.append({**rule, **self._counts(left[key])})
        return found

    def _counts(self, hits: _Hits | None) -> dict[str, Any]:
        if hits is None:
            return {"count": 0, "last": 0, "clients": {}, "hours": []}
        hours = dict(hits.hours)
        if hits.count > hits.before:
            hours[self._hour] = hits.count - hits.before
        return {
            "count": hits.count,
            "last": hits.last,
            "clients": dict(hits.clients),
            "hours": [{"start": hour * _HOUR, "count": hours[hour]} for hour in sorted(hours)],
        }

"""The short way of statements that differ from one before in their literals alone: no plan is
looked up, and the text is written in one step.

All that decides is looked at anew for each statement: what names mean, the session's settings and
its prepared statements, keys.  Where anything is another, the statement goes the long way, as does
one with a value that is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from acra_twisted.encryption.facts import Facts
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.making import ENCRYPTED, SEARCHED, Counts
from acra_twisted.encryption.plan import COMPARE
from acra_twisted.encryption.postgresql.filling import Place, fillings_of
from acra_twisted.encryption.postgresql.planmemory import Kept, Planned
from acra_twisted.encryption.postgresql.templates import Maker, template_of
from acra_twisted.encryption.sealing import ColumnSealer
from acra_twisted.exchange import Exchange, Statement
from acra_twisted.stages.columnbindings import mode_of
from acra_twisted.stages.columnkeys import ColumnKeys, KeptMakers, Makers
from acra_twisted.stages.columnmeanings import Meaning, Snapshot
from acra_twisted.stages.sessionknown import Known
from acra_twisted.themis.cell import Random
from acra_twisted.verdicts import PASS, Replace

#: Longer texts have none.
LONGEST: Final = 4 << 10
#: There is none for the texts of a skeleton.
_NONE: Final = "none"
#: The verdict on a statement with another text, for those who observe.
_REPLACED: Final[Replace[None]] = Replace(None)


class Shortcut:
    """The short way of the texts of one skeleton: ``template`` writes them, with ``places`` to
    encode; ``kept`` is where their plan is kept, which has ``facts``, and ``meanings`` are those of
    its results.  ``names`` are the tables that they give values to, ``counts`` the numbers of their
    values."""

    __slots__ = ("template", "places", "kept", "facts", "meanings", "names", "counts", "made", "of")

    def __init__(
        self,
        template: Any,
        places: Sequence[Place],
        kept: Kept,
        facts: Facts,
        meanings: Sequence[Meaning],
        names: Sequence[str],
    ) -> None:
        self.template = template
        self.places = places
        self.kept = kept
        self.facts = facts
        self.meanings = meanings
        self.names = names
        self.counts: Counts = {}
        for place in places:
            use = place.one.use
            key = use.column, SEARCHED if use.role == COMPARE else ENCRYPTED
            self.counts[key] = self.counts.get(key, 0) + 1
        # The makers that were used last, and whose they are.
        self.made: KeptMakers | None = None
        self.of = ""


class Shortcuts:
    """Finds and goes short ways, with the keys of ``keys`` and random bytes of ``supply``.
    ``seconds`` is the clock of ``keys``; ``stage`` is the name for observers."""

    def __init__(
        self, keys: ColumnKeys, supply: Random, seconds: Callable[[], float], stage: str
    ) -> None:
        self._keys = keys
        self._supply = supply
        self._seconds = seconds
        self._stage = stage

    def learn(
        self, statement: Statement, planned: Planned, names: Sequence[str], snapshot: Snapshot
    ) -> None:
        """Keep the short way of a simple query that went the long way, if there is one.  ``names``
        are the tables that it gives values to."""
        kept, cut = planned.kept, statement.skeleton
        if kept is None or cut is None or kept.shortcut is _NONE:
            return
        if kept.shortcut is None:
            kept.shortcut = _shortcut(cut[0], planned, kept, names, snapshot) or _NONE
        if kept.shortcut is not _NONE:
            snapshot.beginnings.keep(cut[0], kept.shortcut)

    def go(
        self,
        shortcut: Shortcut,
        statement: Statement,
        exchange: Exchange,
        known: Known,
        snapshot: Snapshot,
    ) -> bool:
        """Write a simple query in place, and return True; False if it has to go the long way.  The
        session has no cursors, and the ``snapshot`` is what holds for it."""
        session = exchange.session
        started = exchange.begin_run()
        kept, path = shortcut.kept, known.schema.path
        if kept.is_over or not (kept.path is path or kept.path == path):
            return False
        if known.prepared or known.unfit is not None or statement.conforming is not True:
            return False
        if not mode_of(known, session, statement).default:
            return False
        names = shortcut.names
        if names and known.schema.strange(names):
            return False
        ready = self._ready(shortcut, session.identity.client_id)
        if ready is None:
            return False
        before = statement.text
        try:
            text: bytes | None = shortcut.template.write(before, ready)
        except Exception:
            # The long way has the same error, and tells of it.
            return False
        if text is None:
            return False
        session.meaning = snapshot.meaning
        statement.meanings = shortcut.meanings
        exchange.plan = "hit"
        if shortcut.counts:
            session.observer.column_values(exchange, shortcut.counts)
        changed = text != before
        if changed:
            statement.replace(text)
        if started:
            exchange.end_run(self._stage, _REPLACED if changed else PASS, started)
        return True

    def _ready(self, shortcut: Shortcut, client: str) -> tuple[Maker, ...] | None:
        """The makers of a text's values for a client's session; None if keys must be asked for."""
        wanted = shortcut.facts.wanted
        if not wanted.count and not wanted.matched:
            return ()
        made, now = shortcut.made, self._seconds()
        if made is None or shortcut.of != client or now >= made.due:
            made = self._keys.kept(wanted, client)
            if made is None or now >= made.due:
                return None
            shortcut.made, shortcut.of = made, client
        ready: tuple[Maker, ...] | None = made.ready
        if ready is None:
            # With fewer makers than places nothing is written.
            ready = made.ready = self._makers(shortcut.places, made.makers)
        return ready

    def _makers(self, places: Sequence[Place], makers: Makers) -> tuple[Maker, ...]:
        found: list[Maker] = []
        for place in places:
            use = place.one.use
            maker: Maker | None = None
            if use.role == COMPARE:
                searcher = makers.searchers.get(use.column)
                if isinstance(searcher, ColumnSearcher):
                    maker = searcher.hash
            else:
                sealer = makers.sealers.get(use.column)
                if isinstance(sealer, ColumnSealer):
                    maker = _Sealing(sealer, self._supply).sealed
            if maker is None:
                return ()
            found.append(maker)
        return tuple(found)


class _Sealing:
    """Seals values with random bytes of a supply."""

    __slots__ = ("_sealer", "_supply")

    def __init__(self, sealer: ColumnSealer, supply: Random) -> None:
        self._sealer = sealer
        self._supply = supply

    def sealed(self, value: bytes) -> bytes:
        return self._sealer.sealed(value, self._supply)


def _shortcut(
    key: bytes, planned: Planned, kept: Kept, names: Sequence[str], snapshot: Snapshot
) -> Shortcut | None:
    """The short way of the texts of a skeleton whose plan is kept; None if there is none."""
    plans, facts = planned.statements or (), planned.facts
    if facts is None or len(plans) != 1 or not planned.quiet or not facts.is_plain:
        return None
    if facts.wanted.owned or plans[0].parameters:
        return None
    [filling] = fillings_of(plans, facts)
    template = template_of(key, plans[0], filling.places)
    if template is None:
        return None
    meanings = snapshot.kept_meanings(plans, facts)
    return Shortcut(template, filling.places, kept, facts, meanings, names)

"""The cursors and portals of one session by which protected columns can be read, as they are when
everything that was sent has been done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.encryption.plan import ResultColumn
from acra_twisted.exchange import Exchange

#: Bytes of a name that count for PostgreSQL.
NAME_SIZE: Final = 63
#: Names that are kept.
_NAMES: Final = 1_000

Results = Sequence[ResultColumn]


class _Change(NamedTuple):
    """A request that gives a name to a cursor with these results; None if it takes it away, or
    gives it to a cursor without protected columns.  ``is_held``: it outlives its transaction, which
    may have ended well before the request failed.  ``by_portal``: a portal does it once it is
    executed, which it is in the exchange that binds it or never."""

    exchange: Exchange
    results: Results | None
    is_held: bool = False
    by_portal: bool = False

    @property
    def has_failed(self) -> bool:
        return self.exchange.outcome not in (None, "ok")

    @property
    def is_void(self) -> bool:
        """True if it has not happened, so far."""
        return self.by_portal and not self.exchange.is_run


class OpenCursors:
    """Follows names from the requests that change them: each counts once it is sent, or once its
    portal is executed, and no more if it has failed and has made no cursor that outlives its
    transaction."""

    def __init__(self) -> None:
        #: Whether there are any, which is asked of each statement.
        self.are_known = False
        self._changes: dict[bytes, list[_Change]] = {}
        # A name that is not known may be one of ours.
        self._is_unsure = False

    @property
    def are_passing(self) -> bool:
        """True if the end of a transaction may end some."""
        return any(
            not one.is_held or not one.exchange.closed
            for changes in self._changes.values()
            for one in changes
        )

    def opened(
        self,
        name: bytes,
        results: Results | None,
        exchange: Exchange,
        is_held: bool = False,
        by_portal: bool = False,
    ) -> None:
        """Note that a request gives a name to a cursor with these results; None if they have no
        protected columns.  ``by_portal``: once its portal is executed."""
        if results is None:
            self._put(name, _Change(exchange, None, by_portal=by_portal))
        elif name[:NAME_SIZE] in self._changes or len(self._changes) < _NAMES:
            self._put(name, _Change(exchange, results, is_held, by_portal), True)
            # Clients may read the name in another encoding later.
            self._is_unsure = self._is_unsure or not name.isascii()
        else:
            self._is_unsure = True

    def closed(self, name: bytes | None, exchange: Exchange, by_portal: bool = False) -> None:
        """Note that a request closes the cursor of a name, or all of them; ``by_portal`` as in
        `opened`."""
        for one in [*self._changes] if name is None else [name]:
            self._put(one, _Change(exchange, None, by_portal=by_portal))

    def results(self, name: bytes) -> Results | None:
        """The results of the cursor of a name; None if it shows no protected columns.  Raises
        KeyError for one that may be any."""
        changes = [one for one in self._changes.get(name[:NAME_SIZE], ()) if not one.is_void]
        if not changes:
            if self._is_unsure:
                raise KeyError(name)
            return None
        left: list[_Change] = []
        for one in changes:
            if not one.has_failed:
                left = [one]
            elif one.is_held:
                left.append(one)
        # Where all have failed the database has no such cursor.
        found = (left or changes)[-1].results
        if any(one.results != found for one in left):
            raise KeyError(name)
        return found

    def transaction_ended(self) -> None:
        """Forget cursors that have ended with it: those of requests that were answered before."""
        for name, changes in [*self._changes.items()]:
            left: list[_Change] = []
            for one in changes:
                if not one.exchange.closed:
                    left.append(one)
                elif one.is_void:
                    continue
                elif not one.has_failed:
                    left = [one] if one.is_held else []
                else:
                    _add_failed(left, one)
            if left:
                self._changes[name] = left
            else:
                del self._changes[name]
        self.are_known = bool(self._changes)
        self._is_unsure = self._is_unsure and self.are_known

    def _put(self, name: bytes, change: _Change, is_new: bool = False) -> None:
        name = name[:NAME_SIZE]
        before = self._changes.get(name)
        if before is None and not is_new:
            return
        left: list[_Change] = []
        for one in before or ():
            if one.is_void and one.exchange.closed:
                continue
            if one.exchange.outcome == "ok":
                left = [one]
            elif not one.has_failed:
                left.append(one)
            else:
                _add_failed(left, one)
        self._changes[name] = [*left, change]
        self.are_known = True


def _add_failed(changes: list[_Change], failed: _Change) -> None:
    """Add a request that has failed if its cursor may live.  Two with different results are enough
    to know neither."""
    before = [one for one in changes if one.has_failed]
    if failed.is_held and len(before) < 2 and all(one.results != failed.results for one in before):
        changes.append(failed)

"""A value that is searched for to the forms in which a column may store it."""

from __future__ import annotations

from collections.abc import Callable

from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.sealing import does_not_open, must_not_open, written_container
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import ColumnSetting


class ColumnSearcher:
    """Makes the search prefixes of a column's values, with the keys of the session's client.

    ``width`` is the number of prefixes of a value that is not empty.  A container that a client
    searches for is opened by ``opener``, which has the same client's keys.  ``refuses_own`` is as
    in `sealing.ColumnSealer`: the answer would tell what is in the container.
    """

    __slots__ = ("_setting", "_prefixes", "_opener", "_refuses_own", "width")

    def __init__(
        self,
        setting: ColumnSetting,
        prefixes: Prefixes,
        opener: Opener,
        refuses_own: bool = False,
    ) -> None:
        self._refuses_own = refuses_own
        self._setting = setting
        self._prefixes = prefixes
        self._opener = opener
        self.width = prefixes.count

    @property
    def hash(self) -> Callable[[bytes], bytes | None] | None:
        """See `Prefixes.hash`; for values that are no containers."""
        return self._prefixes.hash

    def forms(self, plaintext: bytes) -> list[bytes]:
        """Return the forms of a canonical plaintext, the newest key's first.  Raises
        ValueRefusedError for a container that does not open, or must not, and if there is no key
        to search with."""
        found = written_container(self._setting, plaintext)
        if found is not None:
            value, place = found
            try:
                plaintext = self._opener.open(place.kind, place.data(value), {})
            except Closed:
                raise does_not_open() from None
            if self._refuses_own:
                raise must_not_open()
        return self._prefixes.all(plaintext)

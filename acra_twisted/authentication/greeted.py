"""Clients that a database was reached for, and that have not said who they are.

A database has room for 151 connections by default, and the rest is for others.  Where all places
are taken, the address that holds most of them gives one up, its oldest, for an address that holds
fewer: so that nobody is kept out by a few addresses whose clients say nothing.
"""

from __future__ import annotations

from typing import Final, Protocol

#: Clients of an address, and of all, at most.
GREETED_OF_ADDRESS: Final = 50
GREETED_OF_ALL: Final = 100


class Silent(Protocol):
    """A client that has said nothing."""

    def give_way(self) -> None:
        """Give up for another one that needs the place, which is free behind this."""


class Greeted:
    """The clients, by their addresses; ``most`` of all."""

    def __init__(self, most: int = GREETED_OF_ALL) -> None:
        self._most = most
        self._clients: dict[str, dict[Silent, None]] = {}
        #: The number of clients.
        self.count = 0

    def __len__(self) -> int:
        """The number of addresses."""
        return len(self._clients)

    def add(self, address: str, client: Silent) -> bool:
        """Return True if there is a place for another client, or can be; it is taken then."""
        own = len(self._clients.get(address, ()))
        if own >= GREETED_OF_ADDRESS:
            return False
        if self.count >= self._most:
            crowd = max(self._clients.values(), key=len)
            if len(crowd) <= own:
                return False
            next(iter(crowd)).give_way()
            if self.count >= self._most:
                return False
        self._clients.setdefault(address, {})[client] = None
        self.count += 1
        return True

    def remove(self, address: str, client: Silent) -> None:
        """Take note that a client has said who it is, or has gone."""
        own = self._clients.get(address)
        if own is None or client not in own:
            return
        del own[client]
        self.count -= 1
        if not own:
            del self._clients[address]

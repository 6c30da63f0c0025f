"""The map of client ids in a file, which is read anew on SIGHUP."""

from __future__ import annotations

from typing import Final

from zope.interface import implementer

from acra_twisted.authentication.clientidmap import ClientIdMap, LoginFacts, Match
from acra_twisted.authentication.tokens import read
from acra_twisted.interfaces import IReloadable

#: The setting that names the file.
SETTING: Final = "client_id_map_file"


@implementer(IReloadable)
class MapFile:
    """Raises ConfigError if the file cannot be used.  ``rules`` are those in force."""

    name = SETTING

    def __init__(self, path: str) -> None:
        self._path = path
        self.rules = self._read()

    def decide(self, facts: LoginFacts) -> Match:
        """See `ClientIdMap.decide`."""
        return self.rules.decide(facts)

    def reload(self) -> None:
        """Read the file anew: all of it, or the rules in force stay.  Raises ConfigError.  Sessions
        go on with the client id that they have."""
        self.rules = self._read()

    def stop(self) -> None:
        """See IStage: nothing is to be ended."""

    def _read(self) -> ClientIdMap:
        return ClientIdMap.read(read(self._path), self._path)

"""The part of a session that AcraCensor's decisions depend on: the settings that its texts are read
by, whether one may be changing right now, and what it has prepared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from acra_twisted.session import Session

# See `censor`.
if TYPE_CHECKING:
    from acra_twisted.censor.plan import Prepared
    from acra_twisted.sql.languages import Language, Mode

#: Settings of a database that are told apart.
_MODES: Final = 64


class Followed:
    """State of a session: its prepared statements, and the settings that its texts are read by.
    ``path`` is where bare names were looked up when it began; None if the database does not say."""

    __slots__ = ("prepared", "parameters", "in_flight", "mode", "path")

    def __init__(self, mode: Mode, path: bytes | None) -> None:
        self.path = path
        self.prepared: Prepared = {}
        self.parameters: Mapping[bytes, bytes] | None = None
        self.in_flight = False
        self.mode = mode


class CensorSessions:
    """Follows the sessions of one stage, whose texts are in ``language``."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._path = language.path.encode()
        self._read_by = [(name.encode(), value.encode()) for name, value in language.read_by]
        self._modes: dict[tuple[tuple[bytes, ...], bool], Mode] = {}

    def begin(self, session: Session) -> Followed:
        """Begin to follow a session."""
        return Followed(self._language.mode, session.parameters.get(self._path))

    def names_moved(self, session: Session, followed: Followed) -> bool:
        """Return True if the client may have changed the tables that names without a schema
        mean."""
        if not session.asked.isdisjoint(self._language.path_settings):
            return True
        return session.parameters.get(self._path) != followed.path

    def mode(self, session: Session, followed: Followed) -> Mode:
        """How the session's texts are read, by what the database reported last."""
        parameters, in_flight = session.parameters, session.in_flight
        if followed.parameters is parameters and followed.in_flight == in_flight:
            return followed.mode
        followed.parameters, followed.in_flight = parameters, in_flight
        values = tuple([parameters.get(name, default) for name, default in self._read_by])
        followed.mode = self._mode_of(values, in_flight)
        return followed.mode

    def _mode_of(self, values: tuple[bytes, ...], in_flight: bool) -> Mode:
        key = (values, in_flight)
        mode = self._modes.get(key)
        if mode is None:
            names = [name for name, _ in self._language.read_by]
            texts = [value.decode("latin-1") for value in values]
            mode = self._language.mode_of(dict(zip(names, texts, strict=True)))
            if in_flight:
                mode = self._language.changing(mode)
            if len(self._modes) < _MODES:
                self._modes[key] = mode
        return mode

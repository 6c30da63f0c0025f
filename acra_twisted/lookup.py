"""The answer to the question what proves a user: the secret that the database keeps for him."""

from __future__ import annotations

from acra_twisted.fast.record import Record


class Found(Record):
    """``secret`` is text as the database stores it; None: no such user, or none that may log in.

    ``source`` names the kind of source that said so, empty if none did; ``age`` is the time in
    seconds since it was asked.  ``away``: the source cannot be asked now, and this is what was
    kept of it.  Then a proof that fails is answered alike whether anything was kept or not.
    ``salt_size`` (bytes) and ``iterations`` are those of most secrets: a user without one is
    shown such.  ``barred``: nobody may log in as this user, whoever could prove it.
    """

    __slots__ = ("secret", "source", "age", "away", "salt_size", "iterations", "barred")

    def __init__(
        self,
        secret: bytes | None,
        source: str = "",
        age: float = 0.0,
        away: bool = False,
        salt_size: int = 16,
        iterations: int = 4096,
        barred: bool = False,
    ) -> None:
        self.secret = secret
        self.source = source
        self.age = age
        self.away = away
        self.salt_size = salt_size
        self.iterations = iterations
        self.barred = barred

    def _parts(self) -> tuple[object, ...]:
        return (
            self.secret,
            self.source,
            self.age,
            self.away,
            self.salt_size,
            self.iterations,
            self.barred,
        )

"""Fates of the stored values of a column on their way to a client."""

from __future__ import annotations

from typing import Final

from acra_twisted.encryption.settings import ColumnSetting

#: The client sees the value: it was opened, or found for its token.
OPENED: Final = "opened"
DETOKENIZED: Final = "detokenized"
#: The client sees the mask.
MASKED: Final = "masked"
#: It was never encrypted.
PLAINTEXT: Final = "plaintext"
#: It could not be read, and the client gets what the column's ``on_failure`` says.
FAILED: Final = "failed"


class Fates:
    """Counts the values of a column that a client did not see in clear, or that were so before; of
    all others it is said that they were ``seen``: OPENED or DETOKENIZED."""

    __slots__ = ("setting", "seen", "masked", "failed", "plaintext")

    def __init__(self, setting: ColumnSetting, seen: str = OPENED) -> None:
        self.setting = setting
        self.seen = seen
        self.masked = self.failed = self.plaintext = 0

    def counts(self, number: int) -> dict[tuple[ColumnSetting, str], int]:
        """Return how many of so many values had which fate."""
        others = {MASKED: self.masked, FAILED: self.failed, PLAINTEXT: self.plaintext}
        found = {self.seen: number - sum(others.values()), **others}
        return {(self.setting, fate): some for fate, some in found.items() if some}

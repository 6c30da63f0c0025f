"""Where AcraServer's settings about proof of who a client is take effect."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.effects import Rule

LOGIN_RULES: Final[tuple[Rule, ...]] = ()

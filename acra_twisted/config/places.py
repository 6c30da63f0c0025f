"""Where the setting stands that a mistake is about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from acra_twisted.errors import ConfigError

#: The option that a line of a mistake begins with.
_OPTION: Final = re.compile(r"[a-z][a-z0-9_]*(?=[: ])")


def placed(error: ConfigError, given: Mapping[str, str]) -> ConfigError:
    """Return a mistake whose lines begin with the place of the setting that they name first.

    ``given`` has the place of each setting that somebody made: ``file:line``, a variable, a flag.
    Other lines stay as they are, and so do codes.
    """
    parts = tuple((code, _placed(line, given)) for code, line in error.parts)
    if parts == error.parts:
        return error
    made = ConfigError("\n".join(line for _, line in parts))
    made.parts, made.settings = parts, error.settings
    return made


def _placed(line: str, given: Mapping[str, str]) -> str:
    found = _OPTION.match(line)
    place = given.get(found[0], "") if found else ""
    return f"{place}: {line}" if place else line

"""Handlers in sections ``[censor:NAME]`` of the ini file: the same model as the YAML file's.

Lists hold one text a line::

    [censor:reports]
    handler = allow
    tables = account
    patterns =
        SELECT * FROM account WHERE id = %%VALUE%%
        SELECT count(*) FROM account
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acra_twisted.censor.places import Keys, Text
from acra_twisted.censor.rules import Rules, read_rules
from acra_twisted.errors import ConfigError
from acra_twisted.options import Block

#: Keys of a handler that hold one line.
_SINGLE = ("handler", "filepath")


def rules_of_blocks(blocks: Sequence[Block], common: Mapping[str, Any], file: str) -> Rules:
    """Rules of the handlers' sections; ``common`` is what holds for all.  Raises ConfigError."""
    handlers = [_handler(block) for block in blocks]
    return read_rules({**common, "handlers": handlers}, file, need_version=False)


def _handler(block: Block) -> Keys:
    found = Keys()
    found.places = {"handler": block.where, **block.places}
    for key, lines in block.keys.items():
        if key not in _SINGLE:
            found[key] = [Text.at(line.where, line.text) for line in lines]
        elif len(lines) == 1:
            found[key] = lines[0].text
        else:
            raise ConfigError(f"{key}: expected one line", block.places[key])
    return found

"""A finding: something that does not fit between the configuration of protected columns and a
database."""

from __future__ import annotations

from typing import Final, NamedTuple

# Levels.
ERROR: Final = "error"
WARNING: Final = "warning"
NOTICE: Final = "notice"


#: What a remedy that changes a type says of a table that has rows.
ROWS: Final = "acra-migrate encrypt --ddl tells how where there are rows"


class Finding(NamedTuple):
    """One finding.  ``label`` names the table, column or function; ``remedy`` says what to do,
    empty where nothing can be said.  No text has a value or an expression of the database."""

    level: str
    label: str
    text: str
    remedy: str = ""

"""Facts about one session whose statements may concern protected columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from acra_twisted.encryption.plan import Prepared, Refusal
from acra_twisted.encryption.postgresql.sessionschema import SessionSchema
from acra_twisted.sql.languages import Mode

#: Statements of a session by SQL's PREPARE that are kept.
_PREPARED: Final = 1_000
#: Bytes of a name that count for PostgreSQL.
NAME_SIZE: Final = 63


class Known:
    """Facts about one session.  ``prepared`` are its statements by SQL's PREPARE, which have
    changed ``prepared_changes`` times; ``mode`` is how its texts are read by the settings
    ``parameters``.  ``unfit`` is the refusal of each statement that concerns a protected column, if
    its database can have none."""

    __slots__ = (
        *("schema", "unfit", "prepared", "prepared_changes"),
        *("open", "is_dirty", "reported_path", "parameters", "mode"),
    )

    def __init__(self, schema: SessionSchema, unfit: Refusal | None) -> None:
        self.schema = schema
        self.unfit = unfit
        self.prepared: dict[str, Prepared] = {}
        self.prepared_changes = 0
        self.parameters: Mapping[bytes, bytes] | None = None
        self.mode: Mode | None = None
        # Number of its statements that are watched and not answered.
        self.open = 0
        # Something was watched since its transaction began.
        self.is_dirty = False
        # The search_path as the database reports it, None where it does not.
        self.reported_path: bytes | None = None

    def keep_prepared(self, made: Prepared) -> None:
        """Take in a statement that the database has prepared by SQL."""
        self.prepared_changes += 1
        if len(self.prepared) >= _PREPARED:
            # One that is not known is not executed.
            self.prepared.clear()
        self.prepared[made.name] = made

    def forget_prepared(self, name: bytes) -> None:
        """Note that the protocol may prepare another statement of a name.  The database reads the
        name in an encoding of the client's."""
        self.prepared_changes += 1
        if name.isascii():
            self.prepared.pop(name[:NAME_SIZE].decode("ascii"), None)
        else:
            self.prepared.clear()

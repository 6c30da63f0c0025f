"""The whole configuration of protected columns, from the file and the sections."""

from __future__ import annotations

from collections.abc import Sequence

from acra_twisted.encryption.configuration.bypasses import bypasses_of, remarks_of
from acra_twisted.encryption.configuration.columns import line_of
from acra_twisted.encryption.configuration.file import Source, read_file
from acra_twisted.encryption.configuration.sections import read_sections
from acra_twisted.encryption.configuration.tables import (
    labels_of,
    merged,
    mistakes_in_tables,
    settings_of,
)
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import raise_together
from acra_twisted.options import Block

_EMPTY = "no column is protected: the configuration names none"


def read_configuration(
    path: str, text: str, now: float, blocks: Sequence[Block] = (), database: str = "PostgreSQL"
) -> EncryptionSettings:
    """Return the settings of a file's text and of sections of the ini file.

    ``path`` is for messages.  ``now`` is the time as seconds since the epoch: bypasses end.
    ``blocks`` may hold other sections, too.  ``database`` is a name of `columns.IDENTIFIERS`.  The
    settings' remarks are sentences for the operator.  Raises ConfigError, with all mistakes.
    """
    file = read_file(path, text, database) if text else Source([], [], [], [])
    own = read_sections(blocks, database)
    tables = merged([*file.tables, *own.tables])
    wrong = [*file.wrong, *own.wrong, *mistakes_in_tables(tables)]
    entries = [*file.bypasses, *own.bypasses]
    bypasses = bypasses_of(entries, labels_of(tables), now, wrong)
    # Those of one file stand together; sorting keeps the rest in place.
    wrong.sort(key=lambda error: (not error.where.startswith(f"{path}:"), line_of(error.where)))
    raise_together(wrong)
    remarks = [*file.remarks, *own.remarks, *remarks_of(bypasses, now)]
    settings = EncryptionSettings(settings_of(tables), bypasses, remarks)
    if not settings.columns:
        remarks.append(f"{path}: {_EMPTY}" if path else _EMPTY)
    return settings

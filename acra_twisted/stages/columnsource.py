"""The source of the configuration of protected columns: Acra's YAML file, and sections of the ini
file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from acra_twisted.blocks import COLUMN_BLOCKS, blocks_of
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.encryption.statementpattern import DATABASES, LANGUAGE
from acra_twisted.errors import ConfigError
from acra_twisted.options import Block

_OPTION: Final = "encryptor_config_file"
_STAGES_OPTION: Final = "[stage:encryptor] config_file"
#: A file with more bytes has more characters than are read.
_LARGEST: Final = 4 << 20


def read_columns(
    settings: Mapping[str, Any],
    own: Mapping[str, Any],
    blocks: Sequence[Block],
    now: float,
    language: str = LANGUAGE,
) -> EncryptionSettings:
    """Return the configuration that the daemon's settings and the stage's own lead to.

    ``blocks`` may hold other sections, too; ``now`` is as in `read_column_source`, ``language`` the
    SQL of the daemon's database.  Raises ConfigError, with all mistakes.
    """
    path: str = settings.get(_OPTION, "")
    other: str = own["config_file"]
    if path and other:
        raise ConfigError(f"{_STAGES_OPTION}: {_OPTION} is set, too; name the file in one of them")
    path = path or other
    chosen = blocks_of(blocks, COLUMN_BLOCKS)
    if not path and not chosen:
        raise ConfigError(
            "the stage 'encryptor' needs columns to protect: name a file in "
            f"{_OPTION}, or give sections [encrypt:TABLE.COLUMN]"
        )
    database = DATABASES[language or LANGUAGE]
    return with_options(read_column_source(path, chosen, now, database), settings)


def with_options(found: EncryptionSettings, settings: Mapping[str, Any]) -> EncryptionSettings:
    """Return the configuration of columns with those options of the daemon that are about them."""
    return found._replace(
        allow_text=settings["allow_text_columns"],
        trusted=frozenset(settings["trusted_functions"]),
        strict_copies=settings["strict_copies"],
        retypes=settings["ddl_types"] == "rewrite",
    )


def read_column_source(
    path: str, blocks: Sequence[Block], now: float, database: str = "PostgreSQL"
) -> EncryptionSettings:
    """Return the configuration as it is written now.

    ``path`` is that of the file, empty for none; ``blocks`` are sections of the ini file, ``now``
    is the time as seconds since the epoch.  Raises ConfigError, with all mistakes.
    """
    # YAML takes time to import, and every start comes by here.
    from acra_twisted.encryption.configuration.reading import read_configuration

    return read_configuration(path, _text(path) if path else "", now, blocks, database)


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ConfigError(f"the file has more than {_LARGEST} bytes", path)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{_OPTION}: cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError("the file is not UTF-8 text", path) from None

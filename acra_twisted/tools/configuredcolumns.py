"""The protected columns that a tool's flags name."""

from __future__ import annotations

import time

from acra_twisted.blocks import COLUMN_BLOCKS, blocks_of
from acra_twisted.config.reading import read_settings
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import ConfigError
from acra_twisted.server import tap
from acra_twisted.stages.columnsource import read_column_source, read_columns, with_options
from acra_twisted.tools.commandline import Environment


def configured_columns(
    path: str, server_config: str, environment: Environment
) -> EncryptionSettings:
    """Return the columns of the file at ``path`` and of the sections in AcraServer's configuration.

    Each name may be empty.  Without ``path``, the file is the one that AcraServer's configuration
    names.  Raises ConfigError, also if both are empty.
    """
    if not server_config:
        if not path:
            raise ConfigError("give --encryptor_config_file, or --server_config of an AcraServer")
        return read_column_source(path, (), time.time())
    words = [f"--config_file={server_config}"]
    _, settings = read_settings(tap.Options.program, words, environment)
    if path:
        chosen = blocks_of(settings.blocks, COLUMN_BLOCKS)
        return with_options(read_column_source(path, chosen, time.time()), settings)
    if "encryptor" not in settings["stages"]:
        raise ConfigError("it protects no column", server_config)
    return read_columns(settings, settings.stages["encryptor"], settings.blocks, time.time())

"""Certificates read anew while a daemon runs, and how it is told what came of it."""

from __future__ import annotations

from typing import Any

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.transport.tls import TLSContexts


def renew(contexts: TLSContexts, log: Any) -> None:
    """Read all certificates and keys of TLS anew; if one cannot be used, all stay as they are."""
    try:
        if contexts.renew():
            log.info("Certificates were read anew", code=events.GENERAL)
    except ConfigError as error:
        not_renewed(log, error)


def not_renewed(log: Any, error: ConfigError, **fields: Any) -> None:
    """What was to be read anew cannot be used."""
    log.error(
        "Cannot read anew; what was in force stays in force",
        error=str(error),
        code=events.WRONG_CONFIGURATION,
        **fields,
    )

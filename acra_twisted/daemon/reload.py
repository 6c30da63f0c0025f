"""Read rules, keys and certificates again on SIGHUP, while sessions continue."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IReloadable
from acra_twisted.telemetry.pages.changes import NOT_RELOADED, RELOADED
from acra_twisted.transport.tlscontext import TLSContexts


def renew(contexts: TLSContexts, log: Any) -> None:
    """Read all certificates and keys of TLS anew; if one cannot be used, all stay as they are."""
    try:
        if contexts.renew():
            log.info("Certificates were read anew", always=True, code=events.GENERAL)
    except ConfigError as error:
        _not_renewed(log, error)


def _not_renewed(log: Any, error: ConfigError, **fields: Any) -> None:
    log.error(
        "Cannot read anew; what was in force stays in force",
        error=str(error),
        code=events.WRONG_CONFIGURATION,
        **fields,
    )


class Reloader:
    """Reads everything anew, one time after the other.

    ``at_once`` reads what is soon read.  Then each IReloadable that ``parts`` gives is asked; its
    name is in the log, and ``changed`` is told the kind of change and a text.  ``done`` is called
    when all have been read.  However often it is called meanwhile: then everything is read once
    more.
    """

    def __init__(
        self,
        log: Any,
        at_once: Callable[[], None],
        parts: Callable[[], Iterable[Any]],
        done: Callable[[], None],
        changed: Callable[[str, str], None] = lambda kind, text: None,
    ) -> None:
        self._log = log
        self._at_once = at_once
        self._parts = parts
        self._all_read = done
        self._changed = changed
        # Parts that are being read, and whether somebody has asked again meanwhile.
        self._waiting = 0
        self._again = False

    def __call__(self) -> None:
        """Read now, or when the reading that goes on is done."""
        if self._waiting:
            self._again = True
            return
        self._at_once()
        self._waiting = 1
        for part in self._parts():
            if IReloadable.providedBy(part):
                self._waiting += 1
                reading: Deferred[Any] = maybeDeferred(part.reload)
                reading.addCallback(self._has_read, part).addErrback(self._has_not_read, part)
                reading.addCallback(self._done)
        self._done()

    def _has_read(self, _: Any, part: Any) -> None:
        self._log.info("Read anew", always=True, stage=part.name, code=events.GENERAL)
        summary = getattr(part, "summary", "")
        self._changed(RELOADED, f"{part.name} was read anew" + (f": {summary}" if summary else ""))

    def _has_not_read(self, failure: Failure, part: Any) -> None:
        self._changed(NOT_RELOADED, f"{part.name} cannot be read anew and stays as it was")
        if isinstance(failure.value, ConfigError):
            _not_renewed(self._log, failure.value, stage=part.name)
        else:
            self._log.failure("stage {stage} cannot read anew", failure, stage=part.name)

    def _done(self, _: Any = None) -> None:
        self._waiting -= 1
        if self._waiting:
            return
        self._all_read()
        if self._again:
            self._again = False
            self()

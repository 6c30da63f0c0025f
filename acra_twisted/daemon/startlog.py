"""The log of a start: which one it is where twistd has flags of its own, and the lines of a start
that fails."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Final, TextIO

from twisted.logger import LogLevel

from acra_twisted import events
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings

#: Acra's words where it has some that scripts look for.
_WORDS: Final[Mapping[int, str]] = {
    events.READ_CONFIGURATION: "Can't parse args",
    events.KEY_STORE: "Can't initialise keystore",
    events.CENSOR_SETUP: "can't setup censor",
    events.START_LISTENING: "Can't start listen connections",
}
_SYSLOG: Final = "/dev/log"


def adopt(program: str, settings: Settings, twistd: Any, errors: TextIO) -> Settings:
    """The settings with what twistd's own flags say of the log.  Raises ConfigError.

    In the background there is no console: without another destination lines go to a file, and
    whoever starts the daemon is told of it.
    """
    if twistd is None:
        return settings
    if twistd.get("logger"):
        raise _refused("logger", "set log_to_file, log_to_syslog or log_to_journald", settings)
    changes: dict[str, Any] = {}
    path = twistd.get("logfile")
    background = not twistd.get("nodaemon")
    if path == "-" and background:
        why = "in the background there is no console: set log_to_file"
        raise _refused("logfile", why, settings)
    if path and path != "-":
        if settings["log_to_file"] and os.path.abspath(settings["log_to_file"]) != _whole(path):
            raise _refused("logfile", "log_to_file names another file: set one of them", settings)
        changes["log_to_file"] = _whole(path)
    if twistd.get("syslog") and not settings["log_to_syslog"]:
        if not os.path.exists(_SYSLOG):
            why = f"there is no {_SYSLOG} here: set log_to_syslog, or log_to_file"
            raise _refused("syslog", why, settings)
        changes["log_to_syslog"] = f"unix://{_SYSLOG}"
    settings = settings.but(**changes)
    elsewhere = ("log_to_file", "log_to_syslog", "log_to_journald")
    if background and not any(settings[name] for name in elsewhere):
        path = _whole(f"{program}.log")
        settings = settings.but(log_to_file=path)
        errors.write(f"{program}: in the background log lines go to {path} (log_to_file)\n")
    return settings


def _whole(path: str) -> str:
    """Twistd may go to another folder before it is opened anew."""
    return os.path.abspath(path)


def _refused(flag: str, why: str, settings: Settings) -> ConfigError:
    error = ConfigError(f"twistd's --{flag}: {why}")
    error.settings = settings
    return error


def record(program: str, error: ConfigError) -> None:
    """Write why a start failed to the log that ``error.settings`` choose, too.

    Standard error has lines for people already: there it is written where a program reads, in the
    format that it expects.
    """
    settings = error.settings
    has_log = settings is not None and "log_to_file" in settings
    writer = _writer(program, settings) if has_log else None
    if writer is None:
        return
    writer.begin()
    for code, line in error.parts:
        writer(
            {
                "log_time": time.time(),
                "log_level": LogLevel.error,
                "log_format": "{event_text}",
                "event_text": _WORDS.get(code, "Can't start"),
                "code": code,
                "error": line,
            }
        )
    writer.end()
    writer.close()


def _writer(program: str, settings: Settings) -> Any:
    """Make as good a writer as there can be: without the reason why nothing starts."""
    from acra_twisted.telemetry.logs.setup import make_writer

    # A connection to a collector of logs would have to be made first.
    syslog = settings["log_to_syslog"]
    attempts: tuple[dict[str, Any], ...] = (
        {},
        # A line that cannot be signed must not be in a signed file.
        {"audit_log_enable": False, "log_to_file": ""},
        {"audit_log_enable": False, "log_to_file": "", "security_log_file": ""},
    )
    for attempt in attempts:
        changes = dict(attempt)
        if syslog.startswith("tcp:"):
            changes["log_to_syslog"] = ""
        if settings["logging_format"] == "plaintext":
            changes["log_to_console"] = False
        try:
            return make_writer(program, settings.but(**changes), None)[0]
        except ConfigError:
            continue
    return None

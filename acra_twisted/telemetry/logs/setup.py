"""The log of a daemon, made from its settings: format, level, destinations, chain, security."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from twisted.logger import LogLevel

from acra_twisted import purposes
from acra_twisted.errors import AcraError, ConfigError
from acra_twisted.keystore.masterkey import VARIABLE
from acra_twisted.keystore.opening import at_once, open_keys
from acra_twisted.options import Settings
from acra_twisted.telemetry.logs import chain
from acra_twisted.telemetry.logs.formats import FORMATS, LogWriter, SignedLog, SignedSink
from acra_twisted.telemetry.logs.security import SecurityLog
from acra_twisted.telemetry.logs.sinks import FileSink, JournalSink, StreamSink, make_syslog

#: How much of a log's end is looked through for its last signed line.
_TAIL = 1 << 20


def log_level(settings: Settings) -> Any:
    """Acra's: warnings, with ``v`` information, with ``d`` everything."""
    if settings["d"]:
        return LogLevel.debug
    return LogLevel.info if settings["v"] else LogLevel.warn


def make_writer(program: str, settings: Settings, reactor: Any) -> tuple[LogWriter, list[Any]]:
    """The writer, and services that its sinks need.  Raises ConfigError."""
    services = []
    sinks: list[Any] = [StreamSink(sys.stderr)] if settings["log_to_console"] else []
    path, signed = settings["log_to_file"], settings["audit_log_enable"]
    read_key = _key_reader(settings)
    if signed:
        # Before any file is opened: it raises.
        read_key()
    previous = _last_value(path)
    if path:
        sinks.append(FileSink("log_to_file", path, alone=signed))
    if settings["log_to_syslog"]:
        sink, service = make_syslog(program, settings["log_to_syslog"], reactor)
        sinks.append(sink)
        services += [service] if service is not None else []
    if settings["log_to_journald"]:
        sinks.append(JournalSink(program))
    security = None
    if settings["security_log_file"]:
        file = FileSink("security_log_file", settings["security_log_file"])
        security = SecurityLog(program, settings["security_log_format"], file)
    style = settings["logging_format"]
    formatter = FORMATS[style](program)
    if signed:
        sinks = [
            SignedSink(sink, SignedLog(read_key, style, previous), formatter) for sink in sinks
        ]
    console = None if settings["log_to_console"] else StreamSink(sys.stderr)
    return LogWriter(formatter, log_level(settings), sinks, security, console), services


def _key_reader(settings: Settings) -> Callable[[], bytes]:
    # The service takes the master key out of the environment, and SIGUSR1 needs it again.
    environment = {name: os.environ[name] for name in (VARIABLE,) if name in os.environ}

    def read() -> bytes:
        try:
            store = open_keys(settings, dict(environment), lambda: 0.0)
            found = () if store is None else store.keys(purposes.AUDIT_LOG)
            found = at_once(found, settings, "the signed log")
        except AcraError as error:
            raise ConfigError(f"audit_log_enable: {error}") from None
        if not found:
            raise ConfigError(
                "audit_log_enable: there is no key for the audit log in keys_dir; run "
                "acra-keymaker --generate_log_key"
            )
        return bytes(found[0].value)

    return read


def _last_value(path: str) -> str:
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _TAIL, 0))
            return chain.last_value(file.read().decode("utf-8", "replace"))
    except OSError:
        return ""

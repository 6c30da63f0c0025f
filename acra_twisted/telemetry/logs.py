"""Log lines: plain, JSON and CEF, as Acra writes them, from twisted.logger events.

Source: acra-observability reference, sections 8 and 9, but for trace and span ids, which are hex
text in every format.  One event is one line in each of them, whatever is in it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from acra_twisted import __version__, events
from acra_twisted.errors import ConfigError
from acra_twisted.wire import cef

Formatter = Callable[[LogEvent], str]

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-._/@^+]+")
_LEVELS = {
    LogLevel.debug: ("debug", 0),
    LogLevel.info: ("info", 1),
    LogLevel.warn: ("warning", 3),
    LogLevel.error: ("error", 6),
    LogLevel.critical: ("fatal", 8),
}
# What twisted.logger itself puts into an event, and what a legacy event brings.
_NOT_FIELDS = frozenset(("code", "message", "time", "system", "isError", "format", "event_text"))


def _text(event: LogEvent) -> str:
    """The message on one line; of a failure only the type and where it was raised."""
    text = formatEvent(event)
    failure = event.get("log_failure")
    if failure is not None:
        text = f"{text}: {failure.type.__name__}"
        if failure.frames:
            function, filename, line = failure.frames[-1][:3]
            text = f"{text} at {filename}:{line} in {function}"
    return " ".join(text.split()) if "\n" in text or "\r" in text else text


def _fields(event: LogEvent) -> dict[str, Any]:
    return {
        key: value
        for key, value in event.items()
        if not key.startswith("log_") and key not in _NOT_FIELDS and value is not None
    }


def _level(event: LogEvent) -> tuple[str, int]:
    return _LEVELS.get(event.get("log_level", LogLevel.info), ("info", 1))


def _timestamp(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC).astimezone()
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def plaintext(product: str) -> Formatter:
    """``time="..." level=info msg="..." key=value``."""

    def shown(value: Any) -> str:
        text = str(value)
        return text if _PLAIN_VALUE.fullmatch(text) else json.dumps(text)

    def line(event: LogEvent) -> str:
        fields = _fields(event)
        if "code" in event:
            fields["code"] = event["code"]
        pairs = "".join(f" {key}={shown(fields[key])}" for key in sorted(fields))
        return (
            f'time="{_timestamp(event)}" level={_level(event)[0]} msg={shown(_text(event))}{pairs}'
        )

    return line


def jsonlines(product: str) -> Formatter:
    """One JSON object a line, keys in order."""

    def line(event: LogEvent) -> str:
        record = _fields(event)
        if "code" in event:
            record["code"] = event["code"]
        record.update(
            timestamp=_timestamp(event),
            level=_level(event)[0],
            msg=_text(event),
            product=product,
            version=__version__,
            unixTime=f"{event.get('log_time', 0.0):.3f}",
        )
        text = json.dumps(record, sort_keys=True, default=str)
        return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")

    return line


def cef_lines(product: str) -> Formatter:
    """Common Event Format for SIEMs."""

    def line(event: LogEvent) -> str:
        extension = _fields(event)
        extension["unixTime"] = f"{event.get('log_time', 0.0):.3f}"
        code = event.get("code", events.GENERAL)
        return cef.encode(product, __version__, code, _text(event), _level(event)[1], extension)

    return line


FORMATS: dict[str, Callable[[str], Formatter]] = {
    "plaintext": plaintext,
    "json": jsonlines,
    "cef": cef_lines,
}


@implementer(ILogObserver)
class LogWriter:
    """Writes events from ``level`` on, one line each, to every stream."""

    def __init__(self, formatter: Formatter, level: Any, streams: list[TextIO]) -> None:
        self._format = formatter
        self._level = level
        self._streams = streams

    def __call__(self, event: LogEvent) -> None:
        """Never raises: a line that can't be written is lost, the connection is not."""
        level = event.get("log_level", LogLevel.info)
        if level is LogLevel.info and str(event.get("log_namespace")).startswith("twisted."):
            # What factories and ports of Twisted's have to tell is for debugging.
            level = LogLevel.debug
        if level < self._level:
            return
        try:
            line = self._format(event) + "\n"
            for stream in self._streams:
                stream.write(line)
                stream.flush()
        except (OSError, ValueError):
            pass


def make_writer(product: str, *, style: str, level: Any, console: bool, path: str) -> LogWriter:
    """As the [logging] options say.  Raises ConfigError if the file can't be opened."""
    streams: list[TextIO] = [sys.stderr] if console else []
    if path:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigError(f"log_to_file: cannot write {path}: {error.strerror}") from None
        streams.append(open(descriptor, "a", encoding="utf-8", errors="backslashreplace"))  # noqa: SIM115
    return LogWriter(FORMATS[style](product), level, streams)

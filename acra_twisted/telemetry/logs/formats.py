"""Log lines: plain, JSON and CEF, as Acra writes them, from twisted.logger events.

Source: acra-observability reference, sections 8 and 9, but for trace and span ids, which are hex
text in every format.  One event is one line in each of them, whatever is in it.
"""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent
from zope.interface import implementer

from acra_twisted import __version__, events
from acra_twisted.errors import ConfigError
from acra_twisted.eventtable import SECURITY, TABLE, cef_severity
from acra_twisted.telemetry.logs import chain as logchain
from acra_twisted.telemetry.logs.losses import Losses
from acra_twisted.telemetry.logs.security import INSTANCE, ZONE
from acra_twisted.wire.formats import cef

Formatter = Callable[[LogEvent], str]

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9\-._/@^+]+")
_LEVELS = {
    LogLevel.debug: ("debug", 0),
    LogLevel.info: ("info", 1),
    LogLevel.warn: ("warning", 3),
    LogLevel.error: ("error", 6),
    LogLevel.critical: ("fatal", 8),
}
# Keys that twisted.logger itself puts into an event, and keys of a legacy event.
_NOT_FIELDS = frozenset(
    ("code", "message", "time", "system", "isError", "format", "event_text", "always")
)


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
            event.get("log_origin", {}),
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
    """Common Event Format for SIEMs, with the names of its dictionary."""
    host = socket.gethostname()

    def line(event: LogEvent) -> str:
        seconds = event.get("log_time", 0.0)
        code, origin = event.get("code", events.GENERAL), event.get("log_origin", {})
        known = {"host": host, **_fields(event), "code": code}
        known.update(instance=origin.get(INSTANCE), zone=origin.get(ZONE))
        fields = cef.to_dictionary(seconds, known)
        text, severity = _text(event), cef_severity(code, _level(event)[1])
        return cef.encode_dictionary(product, __version__, code, text, severity, fields)

    return line


def acra_cef_lines(product: str) -> Formatter:
    """Common Event Format with Acra's own field names."""

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
    "cef-acra": acra_cef_lines,
}


def _completed(event: LogEvent) -> LogEvent:
    """A security event says what became of it: what the table says, unless it says so itself."""
    code = event.get("code")
    if code not in SECURITY or "action" in event:
        return event
    row = TABLE[code]
    return {**event, "action": row.action, "outcome": row.outcome}


@implementer(ILogObserver)
class LogWriter:
    """Writes events from ``level`` on, and those marked ``always``, one line each, to every sink.

    ``security`` gets every event, whatever its level.  ``console`` is standard error, where it is
    none of the sinks: what it is to say of them in any case (see `Losses`).
    """

    def __init__(
        self,
        formatter: Formatter,
        level: Any,
        sinks: Sequence[Any],
        security: Any = None,
        console: Any = None,
    ) -> None:
        self._format = formatter
        self._level = level
        self.sinks = tuple(sinks)
        self._signed = [sink for sink in sinks if isinstance(sink, SignedSink)]
        self._security = security
        self._all_sinks = (*self.sinks, security.sink) if security is not None else self.sinks
        self._losses = Losses(formatter, self.sinks, console)
        #: Says which daemon writes, and where it runs; formats that have names for it show it.
        self.origin: Mapping[str, str] = {}

    def __call__(self, event: LogEvent) -> None:
        """Never raises: a line that can't be written is lost, the connection is not."""
        event = {**_completed(event), "log_origin": self.origin}
        now = event.get("log_time", 0.0)
        if self._security is not None:
            written = self._security(event)
            if written is not None:
                self._losses.saw(self._security.sink, written, now)
        level = event.get("log_level", LogLevel.info)
        namespace = str(event.get("log_namespace"))
        if level is LogLevel.info and namespace.startswith(("twisted.", "log_legacy")):
            # Messages of Twisted's factories and ports are for debugging.
            level = LogLevel.debug
        if level >= self._level or "always" in event:
            line = self._format(event)
            for sink in self.sinks:
                self._losses.saw(sink, sink.send(line, event), now)

    def begin(self) -> None:
        """Write the first line of a chain, where lines are signed."""
        for sink in self._signed:
            sink.begin()

    def end(self) -> None:
        """Write the last lines of a chain, where lines are signed."""
        for sink in self._signed:
            sink.end()

    def reopen(self) -> None:
        """SIGUSR1: end the chain, open files anew, begin another."""
        self.end()
        for sink in self._all_sinks:
            sink.reopen()
        self.begin()

    def close(self) -> None:
        """Close files and sockets."""
        for sink in self._all_sinks:
            sink.close()

    @property
    def lost(self) -> int:
        """Lines that some sink could not write."""
        return sum(sink.lost for sink in self._all_sinks)


def _own(text: str, **fields: Any) -> LogEvent:
    return {
        "log_time": time.time(),
        "log_level": LogLevel.info,
        "log_format": "{event_text}",
        "event_text": text,
        **fields,
    }


class SignedLog:
    """A `logchain.Chain` that is begun anew with a key that ``read_key`` reads anew.

    Raises ConfigError if there is no key to begin with.
    """

    def __init__(self, read_key: Callable[[], bytes], style: str, previous: str = "") -> None:
        self._read_key = read_key
        self._key = read_key()
        self._chain = logchain.Chain(self._key, style)
        self._last = previous

    def begin(self) -> tuple[str, str]:
        """A new chain: the last value of the one before, if there was one, and why the key could
        not be read anew, if it could not."""
        problem = ""
        try:
            self._key = self._read_key()
        except ConfigError as error:
            problem = str(error)
        self._chain.begin(self._key)
        return self._last, problem

    def sign(self, line: str) -> str:
        """The line as it is to be written."""
        signed = self._chain.sign(line)
        self._last = logchain.last_value(signed)
        return signed


class SignedSink:
    """Signs the lines that go to a sink, in a chain of that sink's own.

    Behind a line that was lost nothing of its chain can be verified.  So the chain ends there, and
    another begins as soon as the sink takes lines again, whose first one says how many were lost.
    """

    def __init__(self, sink: Any, chain: SignedLog, formatter: Formatter) -> None:
        self._sink = sink
        self._chain = chain
        self._format = formatter
        self._lost = 0

    def send(self, line: str, event: LogEvent) -> bool:
        """Sign and write a line; False if it is lost."""
        if self._lost and not (self.end() and self.begin()):
            # The sink has counted the attempt as one more lost line, instead of this one.
            self._lost += 1
            return False
        return self._write(line, event)

    def _write(self, line: str, event: LogEvent) -> bool:
        written = bool(self._sink.send(self._chain.sign(line), event))
        if not written:
            self._lost += 1
        return written

    def _tell(self, text: str, **fields: Any) -> bool:
        event = _own(text, **fields)
        return bool(self._sink.send(self._chain.sign(self._format(event)), event))

    def begin(self) -> bool:
        """The first line of a chain; False if it could not be written."""
        previous, problem = self._chain.begin()
        lost = {"lines_lost": self._lost} if self._lost else {}
        if not self._tell(logchain.FIRST_WORDS, previous=previous or "none", **lost):
            self._lost = self._lost or 1
            return False
        self._lost = 0
        if problem:
            text = "The log key cannot be read anew; the one in force stays in force"
            return self._tell(text, error=problem, code=events.READ_KEYS)
        return True

    def end(self) -> bool:
        """The last lines of a chain; False if they could not be written."""
        first, last = logchain.LAST_WORDS
        return self._tell(first) and self._tell(last, chain=logchain.END)

    def reopen(self) -> None:
        """See the sink."""
        self._sink.reopen()

    def close(self) -> None:
        """See the sink."""
        self._sink.close()

    @property
    def lost(self) -> int:
        """See the sink."""
        return int(self._sink.lost)

    @property
    def place(self) -> str:
        """See the sink."""
        return str(self._sink.place)

    @property
    def why(self) -> str:
        """See the sink."""
        return str(self._sink.why)

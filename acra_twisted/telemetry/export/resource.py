"""The sender of spans: OpenTelemetry's resource, with additions from the environment.

Source: OpenTelemetry's specification, "Resource SDK" (``OTEL_RESOURCE_ATTRIBUTES``,
``OTEL_SERVICE_NAME``) and its conventions for ``service``, ``host`` and ``process``.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from acra_twisted import __version__
from acra_twisted.telemetry.tracing.spans import ORIGIN

NAME, ATTRIBUTES = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"
_NAMESPACE: Final = "acra"
#: Characters of the variable, and attributes in it.
_LENGTH_MAX: Final = 16 * 1024
_COUNT_MAX: Final = 64
_KEY: Final = re.compile(r"[!-~]{1,255}")
_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Resource:
    """A daemon of name ``service``; ``environ`` may add attributes and change those that are here.

    ``problem`` says why the environment's attributes do not count, and is empty if they do.
    """

    def __init__(self, service: str, environ: Mapping[str, str] = _NOTHING) -> None:
        self.problem = ""
        given: dict[str, str] = {}
        try:
            given = parse(environ.get(ATTRIBUTES, ""))
        except ValueError as error:
            # As the specification has it: all of it is left out, and that is said.
            self.problem = f"{ATTRIBUTES}: {error}; none of its attributes is sent"
        self._known: dict[str, str] = {
            "service.name": service,
            "service.namespace": _NAMESPACE,
            "service.version": __version__,
            "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(),
            **given,
        }
        if environ.get(NAME):
            self._known["service.name"] = environ[NAME]

    @property
    def service(self) -> str:
        """The service's name."""
        return self._known["service.name"]

    def origin(self) -> dict[str, str]:
        """Return the attributes that tell this daemon from others of its kind, and where it is."""
        return {name: self._known[name] for name in ORIGIN if name in self._known}

    def attributes(self) -> dict[str, Any]:
        """All of them.  The process is that of the moment: a daemon forks after it was made."""
        return {"process.pid": os.getpid(), **self._known}


def parse(text: str) -> dict[str, str]:
    """The variable's attributes: ``key=value``, commas between, values percent-encoded.  Raises
    ValueError if anything in it is not so."""
    if len(text) > _LENGTH_MAX:
        raise ValueError(f"longer than {_LENGTH_MAX} characters")
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not _KEY.fullmatch(key) or _ESCAPE.search(value):
            raise ValueError("expected key=value with commas between, values percent-encoded")
        try:
            found[key] = unquote_to_bytes(value).decode()
        except UnicodeError:
            raise ValueError(f"the value of {key} is not UTF-8") from None
    if len(found) > _COUNT_MAX:
        raise ValueError(f"more than {_COUNT_MAX} attributes")
    return found

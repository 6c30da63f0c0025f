"""Reading the JSON pages of running daemons, for tools."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from acra_twisted.errors import ConfigError
from acra_twisted.tools.commandline import Environment, Parser

VARIABLE = "ACRA_TRACE_FROM"
TOKEN_VARIABLE = "ACRA_ZPAGES_TOKEN"  # noqa: S105 - the name of a variable
_TIMEOUT = 10.0
_LARGEST = 64 << 20


def add_options(parser: Parser) -> None:
    """Where the pages are, and what they want to be shown."""
    parser.add_argument(
        "--from",
        action="append",
        dest="sources",
        metavar="URL",
        help="address of a daemon's trace pages, http://127.0.0.1:PORT; can be repeated; "
        f"default: {VARIABLE}, separated by commas. {TOKEN_VARIABLE} has the token",
    )
    parser.add_argument("--tls_ca", metavar="FILE", help="CA certificates (PEM) for https")
    parser.add_argument(
        "--tls_cert", metavar="FILE", help="certificate (PEM) of this client, for https"
    )
    parser.add_argument("--tls_key", metavar="FILE", help="its key (PEM)")


class Pages:
    """Those that the options name.  Raises ConfigError if they name none."""

    def __init__(self, given: Any, environment: Environment) -> None:
        named = given.sources or environment.get(VARIABLE, "").split(",")
        self.sources: Sequence[str] = [url.strip().rstrip("/") for url in named if url.strip()]
        if not self.sources:
            raise ConfigError(
                f"where are the daemons' trace pages? --from=http://127.0.0.1:PORT (what "
                f"incoming_connection_zpages_string says), or {VARIABLE}"
            )
        for source in self.sources:
            _check(source)
        token = environment.get(TOKEN_VARIABLE, "")
        if not (token.isascii() and token.isprintable()):
            raise ConfigError(f"{TOKEN_VARIABLE}: expected letters, digits and signs of ASCII")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            self._context = ssl.create_default_context(cafile=given.tls_ca)
            if given.tls_cert:
                self._context.load_cert_chain(given.tls_cert, given.tls_key)
        except (OSError, ValueError) as error:
            raise ConfigError(f"--tls_ca, --tls_cert, --tls_key: {error}") from None

    def get(self, source: str, path: str, arguments: Mapping[str, str] | None = None) -> Any:
        """A page's JSON, an object; None if it says that there is nothing.  Raises ConfigError."""
        query = urllib.parse.urlencode({**(arguments or {}), "format": "json"})
        # The scheme has been checked.
        request = urllib.request.Request(f"{source}{path}?{query}", headers=self._headers)  # noqa: S310
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=_TIMEOUT, context=self._context
            ) as answer:
                found = json.loads(answer.read(_LARGEST))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            text = error.read(200).decode(errors="replace").strip()
            raise ConfigError(f"{source}: {text}") from None
        except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            reason = getattr(reason, "strerror", None) or reason
            raise ConfigError(f"{source}: no trace pages there ({reason})") from None
        if not isinstance(found, dict):
            raise ConfigError(f"{source}: no trace pages there (its answer is none of theirs)")
        return found


@contextmanager
def understood(source: str) -> Iterator[None]:
    """Read what pages have told.  Raises ConfigError for what they would not tell."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigError(
            f"{source}: not what the pages of a daemon of this version tell"
        ) from None


def _check(source: str) -> None:
    """Raises ConfigError for what is no address of pages."""
    try:
        parts = urllib.parse.urlsplit(source)
        parts.port  # noqa: B018 - it is read where it is asked for
    except ValueError:
        raise ConfigError(f"--from: {source!r} is no address of a server") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--from: {source!r} does not begin with http://")

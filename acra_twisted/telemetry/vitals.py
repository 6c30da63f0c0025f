"""Facts about how a daemon is, as plain values for the pages: nothing here is secret."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from OpenSSL import SSL

import twisted
from acra_twisted import __version__
from acra_twisted.fast.compiled import COMPILED
from acra_twisted.transport.certificates import Loaded, subject
from acra_twisted.transport.peercertificates import PeerCertificate

#: Measurements of the event loop's lag that are kept.
LAGS_MAX: Final = 600
_PERCENTILE: Final = 0.99
_STATM: Final = "/proc/self/statm"
_KIB: Final = 1024


class Process:
    """The process: its age, memory, processor time, versions, and how late its event loop is.

    ``clock`` gives nanoseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._began = clock()
        self._lags: deque[float] = deque(maxlen=LAGS_MAX)

    def lagged(self, seconds: float) -> None:
        """Take note of how late a timer was."""
        self._lags.append(max(seconds, 0.0))

    def shown(self) -> dict[str, Any]:
        """Return the facts of this moment."""
        lags = sorted(self._lags)
        place = min(int(_PERCENTILE * len(lags)), len(lags) - 1)
        return {
            "began": self._began,
            "seconds": (self._clock() - self._began) / 1e9,
            "memory": memory(),
            "cpu_seconds": time.process_time(),
            "lag_p99_ms": 1000 * lags[place] if lags else 0.0,
            "lag_max_ms": 1000 * lags[-1] if lags else 0.0,
            "lags": len(lags),
            "acra_twisted": __version__,
            "python": platform.python_version(),
            "twisted": twisted.__version__,
            "openssl": SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode(),
            "compiled": COMPILED,
        }


def memory() -> int:
    """Return the bytes of memory that the process has now, or had at most where the system tells no
    more."""
    try:
        with open(_STATM, "rb") as told:
            return int(told.read(200).split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        unit = 1 if sys.platform == "darwin" else _KIB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def exporters(known: Iterable[Any]) -> list[dict[str, Any]]:
    """Return each exporter with its queue, its counts and what is the matter with it."""
    return [
        {
            "name": one.name,
            "where": getattr(getattr(one, "party", None), "where", ""),
            "queued": one.queued,
            "limit": getattr(one, "limit", 0),
            "counts": dict(one.counts),
            "trouble": getattr(one, "trouble", ""),
        }
        for one in known
    ]


def certificates(loaded: Iterable[Loaded]) -> list[dict[str, Any]]:
    """Return each certificate in use with its setting, its subject and its end in Unix time."""
    return [
        {
            "setting": one.option,
            "subject": subject(one.certificate),
            "is_authority": one.usage is None,
            "ends": one.ends.timestamp(),
        }
        for one in loaded
    ]


def peers(shown: Iterable[tuple[str, bool, PeerCertificate]]) -> list[dict[str, Any]]:
    """Return the certificates that peers have shown, as `certificates` does; ``setting`` is that of
    the CAs that verify them."""
    return [
        {"setting": by, "is_client": is_client, **one._asdict()} for by, is_client, one in shown
    ]


def history(service: Any) -> dict[str, Any]:
    """Return how a history (`history.service`) is."""
    return {
        "size": service.size,
        "limit": service.size_limit,
        "waiting": service.waiting,
        "waiting_limit": service.waiting_limit,
        "counts": service.counts(),
        "troubles": service.troubles(),
        "trouble": service.trouble,
        "set_aside": service.set_aside,
    }


def revocation(checkers: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the revocation lists and the last answer of each leg that is checked."""
    return [
        {
            "leg": leg,
            "lists": len(checker.lists),
            "list_ends": min((each.end for each in checker.lists), default=0.0),
            "asks": bool(checker.policy.ocsp.active),
            "last_answer": checker.last_good,
        }
        for leg, checker in checkers.items()
    ]

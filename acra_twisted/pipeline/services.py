"""Services of a daemon for the stages that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from acra_twisted.keystore.opening import need_keys
from acra_twisted.options import Block


class Services(NamedTuple):
    """Services that a factory may use.

    ``clock`` gives nanoseconds since the epoch.  ``keys`` is an IKeyStore, None if none is
    configured.  ``workers`` runs what takes long.  ``shut_down`` ends the whole program at once,
    with exit status 1.  ``settings`` are the daemon's own; ``blocks`` reads those sections of
    their file anew that may be repeated, and raises ConfigError.  ``language`` is the name of the
    SQL that the daemon's database speaks, one of `sql.languages`.  ``exporter`` makes an Exporter
    of OpenCensus for a library that records spans by itself: they go where ours go.  ``tokenizer``
    opens the store of tokens that the settings name, and makes a `tokens.tokenizer.Tokenizer` over
    it, which is its caller's to stop; it raises ConfigError.
    """

    reactor: Any
    clock: Callable[[], int]
    keys: Any = None
    workers: Any = None
    shut_down: Callable[[], None] = lambda: None
    settings: Mapping[str, Any] = MappingProxyType({})
    blocks: Callable[[], Sequence[Block]] = tuple
    language: str = ""
    exporter: Callable[[], Any] = lambda: None
    tokenizer: Callable[[], Any] = lambda: None

    def need_keys(self, stage: str) -> Any:
        """The key store.  Raises ConfigError if there is none."""
        return need_keys(self.keys, self.settings, f"the stage {stage!r}")

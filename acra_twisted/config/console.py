"""Declares the options of the console, which AcraServer has."""

from __future__ import annotations

from typing import Final

from acra_twisted.config.history import WATCHING
from acra_twisted.optionkinds import HostsAndPorts
from acra_twisted.options import Option, Section
from acra_twisted.telemetry.tracing.links import LinkTemplate

#: Other servers that a console asks, at most.
_PEERS_MAX: Final = 16

_CONSOLE: Final = Section(
    "console",
    "The console of the trace pages.",
    (
        Option(
            "trace_link_template",
            LinkTemplate(),
            "",
            "Address of a trace in another viewer, with {trace_id} in it, to which the console "
            "links: http://localhost:16686/trace/{trace_id}, for example. Empty is off.",
        ),
        Option(
            "console_peers",
            HostsAndPorts(_PEERS_MAX),
            (),
            "Addresses (host:port) of the pages of other servers, whose health, figures, requests "
            "and sessions the console shows with those of this one. They are asked with the token "
            "of zpages_token_file, and by TLS if zpages_tls_enable is set here.",
        ),
    ),
)

#: The sections of what AcraServer shows of itself.
WATCHING_SERVER: Final = (*WATCHING, _CONSOLE)

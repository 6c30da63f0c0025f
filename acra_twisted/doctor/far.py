"""Ask the other end of a daemon's connection, and report the result."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cryptography import x509

from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.telemetry.export.destinations import make_exporters
from acra_twisted.telemetry.export.probe import ask
from acra_twisted.transport import certificates
from acra_twisted.transport.failures import Reason


def told(about: str, reason: Reason) -> Result:
    """Say why a connection cannot be made."""
    return fail(about, reason.happened, reason.remedy)


def peer(about: str, certificate: bytes | None) -> list[Result]:
    """Say until when the other side's certificate is good; it is DER, None where there is none."""
    if certificate is None:
        return []
    loaded = x509.load_der_x509_certificate(certificate)
    who = f"its certificate ({certificates.subject(loaded)})"
    found = [*certificates.dates(loaded, certificates.clock())]
    if found:
        return [warn(about, f"{who} {finding.about}", finding.remedy) for finding in found]
    return [ok(about, f"{who} is valid until {certificates.date(loaded.not_valid_after_utc)}")]


async def collectors(reactor: Any, program: str, settings: Settings) -> AsyncIterator[Result]:
    """Each destination of spans is asked whether it takes some."""
    try:
        exporters = make_exporters(reactor, program, settings)
    except ConfigError:
        return
    for name, wrong in await ask(reactor, exporters):
        if wrong:
            what, _, remedy = wrong.partition("; ")
            yield fail("collectors", f"{name}: {what}", remedy)
        else:
            yield ok("collectors", f"{name} takes spans")

"""Ask the sources of revocation once, for acra-doctor."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from acra_twisted.daemon.revocation import Revocation
from acra_twisted.daemon.stapling import own
from acra_twisted.doctor.result import Result, fail, ok, warn
from acra_twisted.errors import ConfigError
from acra_twisted.options import Settings
from acra_twisted.telemetry.metrics.daemon import DaemonMetrics
from acra_twisted.transport.certificates import date
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.revocation import ocsp
from acra_twisted.transport.revocation.fetch import Fetcher, FetchError
from acra_twisted.transport.revocation.policy import USABLE, OcspRules

_ABOUT: Final = "revocation"


def judges(reactor: Any, settings: Settings, verified: Mapping[str, Credentials]) -> Revocation:
    """The judges that a daemon would have, for handshakes of one's own.  Raises ConfigError."""
    return Revocation(
        reactor,
        settings,
        lambda: verified,
        event=_untold,
        metrics=DaemonMetrics("doctor"),
        tracing=None,
    )


def _untold(code: int, text: str, **fields: Any) -> None:
    """An event is a part of the handshake's own result."""


async def revocation_sources(
    reactor: Any, settings: Settings, revocation: Revocation, verified: Mapping[str, Credentials]
) -> AsyncIterator[Result]:
    """Fetch each configured list, and ask each configured responder about this side's own
    certificate."""
    fetcher = Fetcher(reactor, settings["tls_revocation_hosts"])
    for leg, checker in revocation.checkers.items():
        if checker.policy.crl.url:
            async for result in _lists(leg, checker):
                yield result
        if checker.policy.ocsp.url:
            async for result in _responder(leg, checker.policy.ocsp, verified[leg], fetcher):
                yield result
    fetcher.stop()


async def _lists(leg: str, checker: Any) -> AsyncIterator[Result]:
    try:
        await checker.start()
    except ConfigError as error:
        yield fail(_ABOUT, str(error), "a start would fail; see tls_crl_required")
        return
    finally:
        checker.stop()
    url = checker.policy.crl.url
    if not checker.lists:
        yield warn(_ABOUT, f"{url}: no list can be had from there", "see tls_crl_url")
    for each in checker.lists:
        until = date(datetime.fromtimestamp(each.end, UTC))
        revoked = "1 certificate is" if each.entries == 1 else f"{each.entries} certificates are"
        yield ok(_ABOUT, f"{leg}: {revoked} revoked by {each.url}, which holds until {until}")


async def _responder(
    leg: str, rules: OcspRules, credentials: Credentials, fetcher: Fetcher
) -> AsyncIterator[Result]:
    try:
        subject = own(credentials)
    except ConfigError:
        # There is nothing to ask about; handshakes will.
        return
    asked = ocsp.question(subject)
    try:
        answer = await fetcher.post(rules.url, asked, ocsp.REQUEST_TYPE, ocsp.LIMIT, False)
    except FetchError as error:
        about = error.found.about.removeprefix("is not checked: ")
        yield fail(_ABOUT, f"{leg}: {about}", "is it up? see tls_ocsp_url")
        return
    found = ocsp.judge(answer, subject, time.time(), rules)
    if found.reason in USABLE:
        yield ok(
            _ABOUT, f"{leg}: {rules.url} answers; to it this side's certificate is {found.reason}"
        )
    else:
        yield fail(_ABOUT, f"{leg}: {rules.url}: this side's certificate {found.about}")

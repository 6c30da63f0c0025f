"""Revocation lists: kept by their own times, fetched ahead of need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cryptography import x509
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool

from acra_twisted.transport.revocation import crl
from acra_twisted.transport.revocation.asking import Asking
from acra_twisted.transport.revocation.crl import ListUnfit, RevocationList
from acra_twisted.transport.revocation.fetch import Fetcher, FetchError
from acra_twisted.transport.revocation.policy import (
    EARLY,
    GOOD,
    NO_SOURCE,
    OTHER,
    REVOKED,
    USABLE,
    CrlRules,
    Status,
    sources,
    worst,
)
from acra_twisted.transport.revocation.subjects import NAMED_MAX, Subject, identity
from acra_twisted.transport.revocation.times import AFTER_FAILURE

#: Seconds after which a list is fetched again beside its use, if it stands for much longer.
RENEWED: Final = 3600.0
#: Issuers for which the configured list is kept.
_ISSUERS_MAX: Final = 64
#: A longer list is read on a thread.
_LONG: Final = 64 * 1024
_UNASKABLE: Final = Status(
    NO_SOURCE, "is not checked by a revocation list: none is configured or taken from it"
)


class ListState(NamedTuple):
    """A list that is kept: where it is from, entries, when it ends and when it came (Unix time)."""

    url: str
    entries: int
    end: float
    fetched: float


class _Kept:
    """A list of one issuer from one address, or why there is none."""

    def __init__(self, url: str, issuer: x509.Certificate) -> None:
        self.url, self.issuer = url, issuer
        self.listed: RevocationList | None = None
        self.failure = Status(NO_SOURCE)
        # Until when it is used unasked, when it is fetched beside its use, when it came.
        self.fresh = self.renew = self.fetched = 0.0
        #: Somebody has looked into it since it came.
        self.used = True


class RevocationLists:
    """The lists of issuers, on one leg.  ``now`` is Unix time.

    An expired list still says who is revoked, until another replaces it.
    """

    def __init__(self, rules: CrlRules, fetcher: Fetcher, now: Callable[[], float]) -> None:
        self.rules = rules
        self.required = rules.required
        self._fetcher = fetcher
        self._now = now
        self._kept: dict[bytes, _Kept] = {}
        self._asking = Asking()

    @property
    def states(self) -> list[ListState]:
        """The lists that are kept."""
        return [
            ListState(kept.url, len(kept.listed), kept.listed.end, kept.fetched)
            for kept in self._kept.values()
            if kept.listed is not None
        ]

    def concerns(self, subject: Subject) -> bool:
        """Return True if lists are to be asked about a certificate."""
        return self.rules.active and (subject.is_leaf or not self.rules.only_leaf)

    def find(self, subject: Subject) -> Status | None:
        """Return what is known of a certificate, None if a list must be fetched first."""
        found: list[Status] = []
        for url in self._urls(subject):
            status = self._look(url, subject)
            if status is None:
                return None
            if status.reason in USABLE:
                return status
            found.append(status)
        return worst(found) if found else _UNASKABLE

    def ask(self, subject: Subject) -> Deferred[None]:
        """Fetch what `find` needs; it knows when the Deferred has fired."""
        return self._asking.ask(b"?" + subject.key, lambda: self._ask(subject))

    def load(self, url: str, issuer: x509.Certificate) -> Deferred[None]:
        """Fetch a list now."""
        key = _key(url, identity(issuer))
        return self._asking.ask(key, lambda: self._load(key, url, issuer))

    def with_rules(self, rules: CrlRules) -> RevocationLists:
        """Return one with other rules that has the same lists."""
        other = RevocationLists(rules, self._fetcher, self._now)
        other._kept = dict(self._kept)
        return other

    async def load_configured(self, issuers: Sequence[x509.Certificate]) -> Status | None:
        """Fetch the configured list now, for those issuers that have one in it.

        Returns None if it counts for one of them, or is a list at least where there are none.
        Otherwise nothing changes, and it returns why.
        """
        url = self.rules.url
        try:
            data = await self._get(url)
            if not issuers:
                crl.load(data)
                return None
        except (FetchError, ListUnfit) as error:
            return error.found
        found = [await self._take(url, issuer, data) for issuer in issuers]
        if any(one.reason == GOOD for one in found):
            return None
        # A list of another issuer says less than one that is wrong.
        return next((one for one in found if one.reason != OTHER), found[0])

    async def _take(self, url: str, issuer: x509.Certificate, data: bytes) -> Status:
        """Keep the list of an issuer, if it counts."""
        try:
            listed = await self._read(data, issuer)
        except ListUnfit as error:
            return error.found
        timed = listed.timely(self._now())
        if timed.reason == GOOD:
            kept = self._kept.setdefault(_key(url, identity(issuer)), _Kept(url, issuer))
            self._came(kept, listed)
            self._make_room()
        return timed

    def renew(self) -> None:
        """Fetch those lists again whose time comes; those that nobody uses are dropped then."""
        now = self._now()
        for key, kept in list(self._kept.items()):
            if now < kept.renew:
                continue
            if kept.used or kept.url == self.rules.url:
                kept.used = False
                self.load(kept.url, kept.issuer)
            elif now >= kept.fresh:
                del self._kept[key]

    def _urls(self, subject: Subject) -> tuple[str, ...]:
        configured = self.rules.url if subject.is_leaf else ""
        return sources(self.rules.from_cert, configured, subject.points)

    def _look(self, url: str, subject: Subject) -> Status | None:
        kept = self._kept.get(_key(url, subject.authority))
        if kept is None:
            return None
        kept.used = True
        now = self._now()
        if kept.listed is None:
            return kept.failure if now < kept.fresh else None
        status = kept.listed.judge(subject, now)
        if status.reason == REVOKED or now < kept.fresh:
            return status
        return None

    async def _ask(self, subject: Subject) -> None:
        for url in self._urls(subject):
            status = self._look(url, subject)
            if status is None:
                await self.load(url, subject.issuer)
                status = self._look(url, subject)
            if status is not None and status.reason in USABLE:
                return

    async def _load(self, key: bytes, url: str, issuer: x509.Certificate) -> None:
        kept = self._kept.get(key) or _Kept(url, issuer)
        try:
            listed = await self._read(await self._get(url), issuer)
        except (FetchError, ListUnfit) as error:
            self._failed(kept, error.found)
        else:
            self._came(kept, listed)
        # Behind the others: those that came first make room.
        self._kept.pop(key, None)
        self._kept[key] = kept
        self._make_room()

    async def _read(self, data: bytes, issuer: x509.Certificate) -> RevocationList:
        if len(data) <= _LONG:
            return crl.read(data, issuer)
        reactor = self._fetcher.reactor
        return await deferToThreadPool(reactor, reactor.getThreadPool(), crl.read, data, issuer)

    def _get(self, url: str) -> Deferred[bytes]:
        return self._fetcher.get(url, crl.LIMIT, url != self.rules.url)

    def _came(self, kept: _Kept, listed: RevocationList) -> None:
        now = self._now()
        held = kept.listed
        if held is None or listed.order >= held.order or held.timely(now).reason == EARLY:
            kept.listed = held = listed
            kept.fetched = now
        # Else somebody repeats a list of before.
        longest = now + self.rules.cache_time if self.rules.cache_time else held.end
        kept.fresh = max(min(held.end, longest), now + AFTER_FAILURE)
        kept.renew = now + min((kept.fresh - now) / 2, RENEWED)

    def _failed(self, kept: _Kept, why: Status) -> None:
        now = self._now()
        kept.failure = why
        kept.fresh = kept.renew = now + AFTER_FAILURE
        if kept.listed is not None:
            # A list stands for as long as it says, if there is no other to be had.
            kept.fresh = max(kept.fresh, kept.listed.end)

    def _make_room(self) -> None:
        """Drop those that came first, of the configured list and of the others."""
        own = [key for key, kept in self._kept.items() if kept.url == self.rules.url]
        others = [key for key, kept in self._kept.items() if kept.url != self.rules.url]
        most = max(self.rules.cache_size, NAMED_MAX)
        for key in (*own[:-_ISSUERS_MAX], *others[:-most]):
            del self._kept[key]


def _key(url: str, authority: bytes) -> bytes:
    return authority + url.encode("ascii", "replace")

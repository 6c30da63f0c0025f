"""Finds the secret of a user in the sources that are configured, and keeps it fresh.

A file is asked first.  A query on the database is asked for users that the file does not have; its
answers are kept.  Both kinds of answer, a secret and none, take the same way and the same time.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from acra_twisted.authentication.authfile import NAME_MAX, AuthFile
from acra_twisted.authentication.cache import Entry, SecretCache
from acra_twisted.authentication.queryconnection import NoAnswer
from acra_twisted.authentication.querysource import QuerySource
from acra_twisted.lookup import Found
from acra_twisted.wire.scram import SPECIMEN, ScramError, read_verifier

FILE, QUERY = "file", "query"
#: Secrets of which the usual salt and iterations are learned.
_LEARNED = 100


class Watcher(Protocol):
    """Is told what lookups find; nothing that it raises is expected."""

    def found(self, source: str, result: str, age: float) -> None:
        """Take note of an answer for a login: ``result`` is "secret", "none", "kept" (the source
        cannot be asked) or "away" (likewise, and nothing is kept); ``age`` is in seconds."""

    def asked(self, seconds: float, answered: bool) -> None:
        """Take note of the time that a question to the source has taken."""

    def away(self, reason: str) -> None:
        """The source cannot be asked any more."""

    def back(self) -> None:
        """The source answers again."""

    def changed(self, user: bytes) -> None:
        """A secret that did not fit a user's proof has changed meanwhile."""

    def stale(self, user: bytes, source: str) -> None:
        """The database does not accept the secret that the source has."""


class Credentials:
    """Finds secrets.  ``clock`` gives seconds.

    ``refused`` are users that nobody may log in as.  ``iterations`` are those that users without a
    secret are shown; 0: those of most secrets.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        watcher: Watcher,
        *,
        file: AuthFile | None = None,
        query: QuerySource | None = None,
        cache: SecretCache,
        refused: frozenset[bytes] = frozenset(),
        iterations: int = 0,
    ) -> None:
        self._clock = clock
        self._watcher = watcher
        self._file = file
        self._query = query
        self._cache = cache
        self._refused = refused
        self._shapes = _Shapes(iterations)
        self._asking: dict[bytes, _Asking] = {}
        self._generation = 0
        #: Why the query cannot be asked at present; empty while it can.
        self.trouble = ""
        self._learn()

    def look_up(self, user: bytes) -> Found | Deferred[Found]:
        """Return what is found for a user: at once if it is at hand, else later.

        A Deferred does not fail; cancelling it ends the wait.
        """
        if self._file is not None:
            secret = self._file.secrets.get(user)
            if secret is not None or self._query is None:
                return self._found(user, FILE, secret, self._clock() - self._file.read_at)
        if self._query is None or not _may_exist(user):
            return self._found(user, "", None, 0.0)
        entry = self._cache.fresh(user)
        if entry is not None:
            return self._kept(user, entry)
        return self._wait(user)

    def wrong(self, user: bytes) -> None:
        """Take note that a user's proof does not fit what was found: it may have changed, and is
        asked for anew, so that the next login finds it."""
        if self._query is not None and user not in self._asking and self._cache.renews(user):
            self._ask(user, _Asking(behind=True))

    def stale(self, user: bytes) -> None:
        """Take note that the database does not accept what was found for a user."""
        in_file = self._file is not None and user in self._file.secrets
        self._cache.drop(user)
        self._watcher.stale(user, FILE if in_file else QUERY)

    def reload(self) -> None:
        """Read the sources anew, all or nothing, and forget what they have said.  Raises
        ConfigError; then everything stays as it is."""
        sources = [source for source in (self._file, self._query) if source is not None]
        switches = [source.read() for source in sources]
        # First: what the query gives up now has been asked for before.
        self._generation += 1
        self._cache.clear()
        for switch in switches:
            switch()
        self._learn()

    def stop(self) -> None:
        """Close connections; logins that wait are told that the source is away."""
        if self._query is not None:
            self._query.stop()

    @property
    def is_away(self) -> bool:
        """Return True while the query cannot be asked."""
        return bool(self.trouble)

    @property
    def sources(self) -> list[str]:
        """Return the kinds of sources that there are."""
        kinds = ((FILE, self._file), (QUERY, self._query))
        return [kind for kind, source in kinds if source is not None]

    @property
    def waiting(self) -> int:
        """Questions that have not been answered."""
        return len(self._asking)

    # -- asking -----------------------------------------------------------------------------------

    def _wait(self, user: bytes) -> Deferred[Found]:
        asking = self._asking.get(user)
        begins = asking is None
        if asking is None:
            asking = _Asking(behind=False)
        waiters = asking.waiters
        answer: Deferred[Found] = Deferred(waiters.remove)
        waiters.append(answer)
        if begins:
            self._ask(user, asking)
        return answer

    def _ask(self, user: bytes, asking: _Asking) -> None:
        assert self._query is not None  # noqa: S101 - who calls this has looked
        asking.begun, asking.generation = self._clock(), self._generation
        self._asking[user] = asking
        self._query.look_up(user).addCallbacks(
            self._answered, self._not_answered, (user, asking), {}, (user, asking)
        )

    def _answered(self, secret: bytes | None, user: bytes, asking: _Asking) -> None:
        self._watcher.asked(self._clock() - asking.begun, True)
        if self._outdated(user, asking):
            return
        self._set_away("")
        old = self._cache.put(user, secret, asking.begun)
        if old is None or old.secret != secret:
            self._shapes.learn(secret)
        if asking.behind and old is not None and old.secret != secret:
            self._watcher.changed(user)
        self._tell(user, asking, lambda: self._found(user, QUERY, secret, 0.0))

    def _not_answered(self, failure: Failure, user: bytes, asking: _Asking) -> None:
        self._watcher.asked(self._clock() - asking.begun, False)
        reason = failure.value
        if self._outdated(user, asking):
            return
        if not isinstance(reason, NoAnswer):
            # A mistake of ours: whoever waits is told as if the source were away.
            self._set_away("it failed")
        elif reason.is_away:
            self._set_away(str(reason))
        entry = self._cache.usable(user)
        if entry is None:
            self._tell(user, asking, lambda: self._found(user, "", None, 0.0, away=True))
        else:
            self._tell(user, asking, lambda: self._kept(user, entry, away=True))

    def _outdated(self, user: bytes, asking: _Asking) -> bool:
        """Ask again if the sources were read anew meanwhile; return True if so."""
        if asking.generation == self._generation:
            return False
        self._ask(user, asking)
        return True

    def _tell(self, user: bytes, asking: _Asking, make: Callable[[], Found]) -> None:
        del self._asking[user]
        while asking.waiters:
            asking.waiters.pop(0).callback(make())

    def _set_away(self, reason: str) -> None:
        was, self.trouble = self.trouble, reason
        if reason and not was:
            self._watcher.away(reason)
        elif was and not reason:
            self._watcher.back()

    # -- answers ----------------------------------------------------------------------------------

    def _kept(self, user: bytes, entry: Entry, away: bool = False) -> Found:
        return self._found(user, QUERY, entry.secret, self._cache.age(entry), away)

    def _found(
        self,
        user: bytes,
        source: str,
        secret: bytes | None,
        age: float,
        away: bool = False,
    ) -> Found:
        # Whatever is at hand then is used; logins that fail are told the same as all others.
        away = away or self.is_away
        barred = user in self._refused
        if barred:
            secret = None
        result = "none" if secret is None else "secret"
        if away:
            result = "kept" if source else "away"
        self._watcher.found(source, result, age)
        shapes = self._shapes
        return Found(secret, source, age, away, shapes.salt_size, shapes.iterations, barred)

    def _learn(self) -> None:
        """Learn from the file, of which every secret is known before anybody logs in."""
        if self._file is not None:
            for secret in list(self._file.secrets.values())[:_LEARNED]:
                self._shapes.learn(secret)


class _Asking:
    """One question to the source, and those who wait for its answer.  ``behind``: it was asked
    because of a wrong proof."""

    __slots__ = ("behind", "begun", "generation", "waiters")

    def __init__(self, behind: bool) -> None:
        self.behind = behind
        self.begun = 0.0
        self.generation = 0
        self.waiters: list[Deferred[Found]] = []


class _Shapes:
    """Size of salt and iterations of most of the latest secrets."""

    def __init__(self, iterations: int) -> None:
        self._fixed = iterations
        self._latest: deque[tuple[int, int]] = deque(maxlen=_LEARNED)
        self._usual = (0, 0)
        self.salt_size, self.iterations = 16, iterations or 4096

    def learn(self, secret: bytes | None) -> None:
        """Take note of an answer.  Nothing is learned of others than verifiers; an answer without
        a secret takes as long as one with the usual secret."""
        try:
            verifier = read_verifier(secret or SPECIMEN)
        except ScramError:
            return
        shape = (len(verifier.salt), verifier.iterations)
        if secret is None:
            return
        self._latest.append(shape)
        # Otherwise it was usual before, and is more so now.
        if shape != self._usual:
            [(self._usual, _)] = Counter(self._latest).most_common(1)
            self.salt_size, usual = self._usual
            self.iterations = self._fixed or usual


def _may_exist(user: bytes) -> bool:
    """Return True if a role may have this name: others are never asked for."""
    if not 0 < len(user) <= NAME_MAX:
        return False
    try:
        user.decode()
    except UnicodeDecodeError:
        return False
    return True

"""Keys for protected columns, made into objects that seal, search and show the values of a column.

The key store is asked for each run of rows, and for statements as often as it wants to be, so that
its own rules decide how long a key is used.  The objects are kept for as long as the store gives
the very same key and keeps it itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from twisted.internet.defer import Deferred, gatherResults

from acra_twisted.crypto.envelopes import ACRABLOCK
from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.facts import Wanted, storing
from acra_twisted.encryption.finding import ColumnSearcher
from acra_twisted.encryption.making import Sealer, Searcher
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.sealing import ColumnSealer, Seal, block_seal, struct_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import SEARCHABLE, ColumnSetting, EncryptionSettings
from acra_twisted.keystore.cache import TRUST
from acra_twisted.purposes import SEARCH_HMAC, STORAGE, STORAGE_SYMMETRIC

#: Owners whose keys are kept in a usable form, and makers that are.
_KEPT: Final = 1_000
#: Before all moments of a clock.
_NEVER: Final = -1.0

# Answers of a key store, each of an owner: what opens containers, and keys.
_OPENER: Final = "opener"
_SYMMETRIC: Final = "symmetric"
_PUBLIC: Final = "public"
_SEARCH: Final = "search"
#: The kind and the owner of an answer.
_Question = tuple[str, str]
_Answers = Mapping[_Question, Any]


class Makers:
    """The makers of stored values, and those of the forms that are compared, of some columns."""

    __slots__ = ("sealers", "searchers")

    def __init__(
        self,
        sealers: dict[ColumnSetting, Sealer],
        searchers: dict[ColumnSetting, Searcher],
    ) -> None:
        self.sealers = sealers
        self.searchers = searchers


class KeptMakers:
    """Makers, and the answers of the key store that they are made of, by what was asked; it need
    not be asked again before ``due``.  ``ready`` is a place for what is made of the makers, and
    ends with them."""

    __slots__ = ("questions", "answers", "makers", "due", "ready")

    def __init__(
        self, questions: Sequence[_Question], answers: Sequence[Any], makers: Makers, due: float
    ) -> None:
        self.questions = questions
        self.answers = answers
        self.makers = makers
        self.due = due
        self.ready: Any = None

    def end(self) -> None:
        """Let go of all that is made of keys."""
        self.answers = ()
        self.makers = Makers({}, {})
        self.due = _NEVER
        self.ready = None


class ColumnKeys:
    """Uses the keys of ``keys``, an IKeys.  ``seconds`` is a monotonic clock; without it the store
    is asked each time.  ``settings`` are all columns, None where nobody is kept from reading."""

    def __init__(
        self,
        keys: Any,
        seconds: Callable[[], float] | None = None,
        settings: EncryptionSettings | None = None,
    ) -> None:
        self._keys = keys
        self._settings = settings
        self._seconds = seconds
        self._seals: dict[tuple[str, str], tuple[Any, Seal]] = {}
        self._kept: dict[tuple[Wanted, str], KeptMakers] = {}
        # Rises when keys are dropped: what was asked for before is not kept.
        self._generation = 0
        self._is_keeping: bool = keys.follow(self.forget)

    def use(self, settings: EncryptionSettings) -> None:
        """Decide by other settings from now on."""
        self._settings = settings
        self.forget()

    def forget(self) -> None:
        """Drop everything that was made of keys, and keep nothing of answers that are to come."""
        self._generation += 1
        self._seals.clear()
        self._end_kept()

    def kept(self, wanted: Wanted, client: str) -> KeptMakers | None:
        """Return the makers for some columns as they are kept, for those who look at ``due``
        themselves; None if none are."""
        return self._kept.get((wanted, client))

    def _end_kept(self) -> None:
        for one in self._kept.values():
            one.end()
        self._kept.clear()

    def makers(self, wanted: Wanted, client: str) -> Any:
        """Return the Makers for some columns and a session of ``client``, or a Deferred of them.
        They have none for columns with tokens, which no key makes alone.  Values are searched for
        by all of the client's own keys, in a column of another owner, too.

        Raises ValueRefusedError, or fails with it, if a column's owner has no key, or columns that
        are matched are not stored with one key."""
        kept = self._kept.get((wanted, client))
        seconds = self._seconds
        now = 0.0 if seconds is None else seconds()
        generation = self._generation
        if kept is None:
            questions = _questions(wanted, client)
            asked = [self._ask(kind, owner) for kind, owner in questions]
        elif now < kept.due:
            return kept.makers
        else:
            # To ask may end what is kept.
            questions, answers, made = kept.questions, kept.answers, kept.makers
            asked = [self._ask(kind, owner) for kind, owner in questions]
            for at, answer in enumerate(asked):
                if answer is not answers[at]:
                    break
            else:
                if generation == self._generation:
                    kept.due = self._due(now)
                return made
            self.forget()
            generation = self._generation
        due = self._due(now)
        return together(asked, partial(self._keep, wanted, client, questions, due, generation))

    def _due(self, now: float) -> float:
        return 0.0 if self._seconds is None else now + TRUST

    def _keep(
        self,
        wanted: Wanted,
        client: str,
        questions: Sequence[_Question],
        due: float,
        generation: int,
        found: Sequence[Any],
    ) -> Makers:
        """Make makers, and keep them as long as the answers are the same.  None is kept any more
        once other keys have come."""
        key = (wanted, client)
        if key in self._kept or len(self._kept) >= _KEPT:
            self._end_kept()
        answers = dict(zip(questions, found, strict=True))
        makers = self._make(wanted, client, answers, generation)
        if self._may_keep(generation):
            self._kept[key] = KeptMakers(questions, found, makers, due)
        return makers

    def _may_keep(self, generation: int) -> bool:
        return self._is_keeping and generation == self._generation

    def sealers(self, settings: Iterable[ColumnSetting], client: str) -> Any:
        """Return the makers of the stored values of each of these columns, for a session of
        ``client``: a mapping, or a Deferred of one.  Raises ValueRefusedError, or fails with it,
        if a column's owner has no key."""
        wanted = storing(settings)
        questions = _questions(wanted, client)
        generation = self._generation

        def make(found: Sequence[Any]) -> Mapping[ColumnSetting, Sealer]:
            answers = dict(zip(questions, found, strict=True))
            return self._make(wanted, client, answers, generation).sealers

        return together([self._ask(kind, owner) for kind, owner in questions], make)

    def _ask(self, kind: str, owner: str) -> Any:
        if kind == _OPENER:
            return self._keys.opener(STORAGE, STORAGE_SYMMETRIC, owner)
        if kind == _PUBLIC:
            return self._keys.public_key(STORAGE, owner)
        return self._keys.keys(STORAGE_SYMMETRIC if kind == _SYMMETRIC else SEARCH_HMAC, owner)

    def _make(self, wanted: Wanted, client: str, answers: _Answers, generation: int) -> Makers:
        """Make the makers for some columns of all answers that they need, which were asked for in
        a ``generation``."""
        opener: Any = answers.get((_OPENER, client))
        is_left_out = self._settings is not None and self._settings.leave_out(client)
        sealers: dict[ColumnSetting, Sealer] = {}
        for setting in wanted.stored:
            owner = setting.owner or client
            prefixes = _prefixes_of(setting, owner, answers)
            seal = self._seal(setting, owner, answers, generation)
            # What it cannot read may be written back where it was.
            refuses_own = is_left_out and is_reader(setting, client)
            sealers[setting] = ColumnSealer(setting, seal, prefixes, opener, refuses_own)
        searchers: dict[ColumnSetting, Searcher] = {}
        for setting in wanted.compared:
            prefixes = _prefixes_of(setting, client, answers)
            if prefixes is not None:
                searchers[setting] = ColumnSearcher(setting, prefixes, opener, is_left_out)
        for setting in wanted.matched:
            if any(len(answers[_SEARCH, one]) > 1 for one in (client, setting.owner or client)):
                label = wanted.matched[0].label
                raise ValueRefusedError(
                    errors.NOT_SUPPORTED,
                    refusals.COMPARISON,
                    f"column {label} is protected by AcraServer and is compared with a column, "
                    "which takes a single search key; write the values again and retire the older "
                    "keys",
                    label,
                )
        return Makers(sealers, searchers)

    def _seal(self, setting: ColumnSetting, owner: str, answers: _Answers, generation: int) -> Seal:
        if setting.envelope == ACRABLOCK:
            keys = answers[_SYMMETRIC, owner]
            return self._made("block", setting, owner, keys, _secret_seal, generation)
        key = answers[_PUBLIC, owner]
        return self._made("struct", setting, owner, key and [key], struct_seal, generation)

    def readers(self, settings: Iterable[ColumnSetting], client: str) -> Any:
        """Return the readers of the values of each of these columns for ``client``: a mapping, or a
        Deferred of one."""
        wanted = dict.fromkeys(settings)
        searched = any(setting.kind == SEARCHABLE for setting in wanted)

        def make(found: Sequence[Any]) -> Mapping[ColumnSetting, ColumnReader]:
            answers: _Answers = {(_SEARCH, client): found[0]} if found else {}
            return {
                setting: ColumnReader(
                    setting, _prefixes_of(setting, client, answers), is_reader(setting, client)
                )
                for setting in wanted
            }

        return together([self._ask(_SEARCH, client)] if searched else [], make)

    def _made(
        self,
        kind: str,
        setting: ColumnSetting,
        owner: str,
        keys: Sequence[Any] | None,
        make: Callable[[Any], Seal],
        generation: int,
    ) -> Seal:
        if not keys:
            text = f"column {setting.label} is protected by AcraServer: there is no key for it"
            raise ValueRefusedError(errors.NOT_SUPPORTED, errors.NO_KEY, text, setting.label)
        newest = keys[0]
        known = self._seals.get((kind, owner))
        if known is not None and known[0] is newest:
            return known[1]
        if len(self._seals) >= _KEPT:
            self._seals.clear()
        seal = make(newest)
        if self._may_keep(generation):
            self._seals[kind, owner] = (newest, seal)
        return seal


def _questions(wanted: Wanted, client: str) -> Sequence[_Question]:
    """The kinds and owners of the answers that the makers for some columns need, each once."""
    found: dict[_Question, None] = {}
    if wanted.stored or wanted.compared:
        found[_OPENER, client] = None
    for setting in wanted.stored:
        owner = setting.owner or client
        found[_SYMMETRIC if setting.envelope == ACRABLOCK else _PUBLIC, owner] = None
        if setting.kind == SEARCHABLE:
            found[_SEARCH, owner] = None
    for setting in wanted.compared:
        if setting.kind == SEARCHABLE:
            found[_SEARCH, client] = None
    for setting in wanted.matched:
        found[_SEARCH, client] = None
        found[_SEARCH, setting.owner or client] = None
    return list(found)


def _prefixes_of(setting: ColumnSetting, owner: str, answers: _Answers) -> Prefixes | None:
    if setting.kind != SEARCHABLE:
        return None
    return Prefixes(setting, [key.value for key in answers[_SEARCH, owner]])


def _secret_seal(secret: Any) -> Seal:
    return block_seal(secret.value)


def is_reader(setting: ColumnSetting, client: str) -> bool:
    """Tell whether a client may read a column in clear, if its keys open it."""
    return setting.readers is None or client in setting.readers


def together(asked: Sequence[Any], make: Callable[[Sequence[Any]], Any]) -> Any:
    """Return ``make`` of the answers to several questions, or a Deferred of it: at once if no
    answer is a Deferred."""
    waiting = [one for one in asked if isinstance(one, Deferred)]
    if not waiting:
        return make(asked)

    def answered(found: Sequence[Any]) -> Any:
        later = iter(found)
        return make([next(later) if isinstance(one, Deferred) else one for one in asked])

    def told(failure: Any) -> Any:
        return failure.value.subFailure

    return gatherResults(waiting, consumeErrors=True).addCallbacks(answered, told)

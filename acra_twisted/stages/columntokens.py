"""Tokens of the values of protected columns, given out by a store and found in it.

All values of a column are asked for at once.  A store that cannot be asked is an error of the whole
statement or result: no token is ever taken for its value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.encryption import errors
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.issuing import FoundTokens, IssuedTokens
from acra_twisted.encryption.making import SearchedTokens, TokenValues
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.errors import KeyStoreError, TokenStoreError
from acra_twisted.stages.columnkeys import Makers, is_reader
from acra_twisted.tokens.tokenizer import UNKNOWN, Tokenizer

_log: Final = Logger()

#: Tokens and the values that they stand for, None where the value must not or cannot be read.  One
#: that is missing is no token of the client's.
Values = Mapping[bytes, bytes | None]


class ColumnTokens:
    """Uses the tokens of ``tokenizer``, which is None as long as no column has any."""

    def __init__(self, tokenizer: Tokenizer | None) -> None:
        self._tokenizer = tokenizer

    def use(self, tokenizer: Tokenizer | None) -> None:
        """Use the tokens of the first tokenizer that there is, from now on."""
        self._tokenizer = self._tokenizer or tokenizer

    def makers(self, values: TokenValues, client: str) -> Deferred[Makers]:
        """Return the tokens of values that a session of ``client`` writes or searches for.  Those
        that are searched for and have no token get none.  Fails with ValueRefusedError."""
        return Deferred.fromCoroutine(self._makers(values, client))

    def mark(self, searched: Sequence[SearchedTokens], client: str) -> Deferred[bytes]:
        """Return a mark of the tokens by which a session of ``client`` finds values: it is another
        when one of them gets a token, or its token is no longer used.  Fails with
        ValueRefusedError."""
        return Deferred.fromCoroutine(self._mark(searched, client))

    def values(
        self, tokens: Mapping[ColumnSetting, Sequence[bytes]], client: str
    ) -> Deferred[Mapping[ColumnSetting, Values]]:
        """Return the values of tokens in canonical form, for a session of ``client``; none of a
        column that the client may not read.  Fails with ValueRefusedError."""
        return Deferred.fromCoroutine(self._values(tokens, client))

    def forget(self) -> None:
        """Drop what is kept in memory."""
        if self._tokenizer is not None:
            self._tokenizer.forget()

    def stop(self) -> Deferred[Any] | None:
        """Close the store, when all is written."""
        return None if self._tokenizer is None else self._tokenizer.stop()

    async def _makers(self, values: TokenValues, client: str) -> Makers:
        tokenizer = self._needed()
        issued = await _pairs(values.stored, tokenizer.tokenize, client)
        # A later statement of the text may look for what an earlier one stores.
        found = await _pairs(values.compared, tokenizer.find, client)
        return Makers(
            {column: IssuedTokens(pairs) for column, pairs in issued.items()},
            {column: FoundTokens(pairs) for column, pairs in found.items()},
        )

    async def _mark(self, searched: Sequence[SearchedTokens], client: str) -> bytes:
        tokenizer = self._needed()
        made = hashlib.sha256()
        for column, values in searched:
            found = await _pairs({column: values}, tokenizer.look, client)
            for _, token in found[column]:
                made.update(b"-" if token is None else b"%d:%b" % (len(token), token))
        return made.digest()

    async def _values(
        self, tokens: Mapping[ColumnSetting, Sequence[bytes]], client: str
    ) -> Mapping[ColumnSetting, Values]:
        tokenizer = self._needed()
        readable = {one: own for one, own in tokens.items() if own and is_reader(one, client)}
        found = await _pairs(readable, tokenizer.detokenize, client)
        return dict.fromkeys(tokens, _NONE) | {
            column: {token: answer.value for token, answer in pairs if answer.state != UNKNOWN}
            for column, pairs in found.items()
        }

    def _needed(self) -> Tokenizer:
        assert self._tokenizer is not None  # noqa: S101 - a column with tokens has a store
        return self._tokenizer


_NONE: Final[Values] = {}


async def _pairs(
    items: Mapping[ColumnSetting, Sequence[bytes]], ask: Callable[..., Deferred[Any]], client: str
) -> Mapping[ColumnSetting, Sequence[tuple[bytes, Any]]]:
    """Values or tokens, each with the store's answer.  Raises ValueRefusedError."""
    asked = [ask(column, own, client) for column, own in items.items()]
    try:
        answers = await gatherResults(asked, consumeErrors=True)
    except FirstError as first:
        _raise(first.subFailure, items)
    return {
        column: list(zip(own, answer, strict=True))
        for (column, own), answer in zip(items.items(), answers, strict=True)
    }


def _raise(failure: Failure, columns: Iterable[ColumnSetting]) -> NoReturn:
    """Raise what the failure of a question means for a statement that concerns some columns."""
    error: Any = failure.value
    if not isinstance(error, TokenStoreError | KeyStoreError):
        raise error
    labels = ", ".join(one.label for one in columns)
    _log.error("{event_text}", event_text=f"tokens of {labels}: {error}", code=events.TOKENS_AWAY)
    raise ValueRefusedError(
        errors.IO_ERROR,
        errors.TOKENS_AWAY,
        f"column {labels} is protected by AcraServer, and its tokens cannot be had now",
    ) from None

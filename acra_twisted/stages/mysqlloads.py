"""Files that clients load into tables of MySQL with protected columns."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from twisted.python.failure import Failure

from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.mysql.loading import FileRows, codec_of, failing
from acra_twisted.encryption.mysql.plan import Loaded
from acra_twisted.encryption.mysql.question import SchemaError, hexed, read_database
from acra_twisted.encryption.plan import Refusal
from acra_twisted.errors import QuestionError
from acra_twisted.exchange import Copies, Exchange
from acra_twisted.pipeline.driver import then
from acra_twisted.stages.columncopies import LONGEST_ROW
from acra_twisted.stages.rowloads import RowEncoder, RowLoading

#: The character set of files whose statements name none.
_QUESTION: Final = f"SELECT {hexed('@@character_set_database')} LIMIT 1".encode()
#: A statement that is prepared has no answer for such a file.
PREPARED: Final = Refusal(
    refusals.UNPARSABLE,
    "",
    "the statement loads a file into a table that AcraServer protects, and is prepared",
    "Send it as a text.",
)


def copies_of(loaded: Loaded, encoder: RowEncoder, exchange: Exchange) -> Any:
    """Return the `Copies` of a text that loads a file, or a Deferred of them.  Raises
    ValueRefusedError for a character set that is not read, or fails with it."""
    charset: Any = loaded.charset
    if not charset:
        asked = exchange.session.ask(_QUESTION)
        charset = asked.addCallbacks(_answered, _unknown)
    return then(charset, partial(_made, loaded, encoder))


def _made(loaded: Loaded, encoder: RowEncoder, charset: str) -> Copies:
    known = loaded._replace(charset=charset)
    rows_of = partial(_rows_of, known, codec_of(charset))
    return Copies(partial(RowLoading, rows_of, encoder), (), failing(loaded.columns))


def _rows_of(loaded: Loaded, codec: str, exchange: Exchange) -> FileRows:
    return FileRows(loaded, codec, LONGEST_ROW)


def _answered(rows: Any) -> str:
    try:
        return read_database(rows).decode().lower()
    except SchemaError:
        raise _untold() from None


def _unknown(failure: Failure) -> None:
    failure.trap(QuestionError)
    raise _untold()


def _untold() -> ValueRefusedError:
    return ValueRefusedError(
        errors.NOT_SUPPORTED,
        refusals.COPY_OPTIONS,
        "the database does not tell AcraServer the character set of the file: name it by "
        "CHARACTER SET",
    )

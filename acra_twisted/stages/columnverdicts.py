"""Verdicts of the stage ``encryptor``: reasons for which statements and values are not sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from acra_twisted import events
from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.plan import Refusal, ResultColumn, StatementPlan
from acra_twisted.encryption.settings import ColumnSetting
from acra_twisted.stages.columnkeys import is_reader
from acra_twisted.verdicts import PASS, Deny, Replace

#: The name of the stage.
STAGE: Final = "encryptor"

#: Values are bound to a statement that is not known for certain.
UNSURE: Final = Refusal(
    refusals.SCHEMA_MISMATCH,
    "",
    "AcraServer does not know which statement the values are for",
    "prepare the statement anew, by the protocol",
)
#: A statement was prepared where its names may have had other meanings.
CHANGED: Final = Refusal(
    refusals.SCHEMA_MISMATCH,
    "",
    "AcraServer has judged the statement for tables or names that may have changed",
    "prepare the statement anew",
)
#: A statement was prepared by a bypass that has ended.
ENDED: Final = Refusal(
    refusals.BYPASS_ENDED,
    "",
    "AcraServer's bypass by which the statement was prepared has ended",
)
#: Keys were rotated after the literals of a prepared statement were encoded.
ROTATED: Final = Refusal(
    refusals.SCHEMA_MISMATCH,
    "",
    "AcraServer has written the statement with keys or tokens that are no longer the newest",
    "prepare the statement anew",
)
#: The database's function that finds a prepared statement outdated: drivers that see it prepare the
#: statement anew.
_OUTDATED: Final = "RevalidateCachedQuery"


_VERDICTS: Final = frozenset((Replace, Deny))


#: Lists of the clients that may read some column.
Readers = Collection[Collection[str]]


def reads_all(client: str, readers: Readers) -> bool:
    """Tell whether a client may read all columns."""
    return all(client in one for one in readers)


def is_hidden(results: Sequence[ResultColumn] | None, client: str, readers: Readers) -> bool:
    """Tell whether a result has a protected column that its statement alone tells, for a client
    which may not read all columns: code of the database may have given the name of a statement or
    cursor to another one, which would show the client any of them."""
    if reads_all(client, readers):
        return False
    return any(one.setting is not None and not one.named for one in results or ())


def hidden(results: Sequence[ResultColumn] | None, client: str, readers: Readers) -> Refusal | None:
    """Return the refusal to read a hidden result by a name, None if it is not hidden."""
    if not is_hidden(results, client, readers):
        return None
    label = next(one.setting.label for one in results or () if one.setting and not one.named)
    return Refusal(
        refusals.NOT_A_READER,
        label,
        f"column {label} is protected by AcraServer and is read by the name of a cursor, portal or "
        "prepared statement that shows more than columns of tables, and the client may not read "
        "all columns",
        "send the query itself",
    )


def first_refusal(
    plans: Sequence[StatementPlan], client: str, readers: Readers = ()
) -> Refusal | None:
    """Return the first reason for which the statements of a text must not be sent for a client;
    None if they may be.  ``readers`` are those of all columns."""
    for plan in plans:
        if plan.refusal is not None:
            return plan.refusal
        if plan.executes:
            refusal = hidden(plan.results, client, readers)
            if refusal is not None:
                return refusal
        for asked in plan.asked:
            if not is_reader(asked, client):
                return unreadable(asked)
        if plan.copies is not None and not plan.copies.is_out and len(plans) > 1:
            for setting in plan.copies.columns:
                if setting is not None:
                    return Refusal(
                        refusals.EXPRESSION,
                        setting.label,
                        f"column {setting.label} is protected by AcraServer and is loaded by a "
                        "COPY among other statements",
                        "send it alone",
                    )
    return None


def unreadable(setting: ColumnSetting) -> Refusal:
    """Return the refusal of a statement whose answer depends on values that its client may not
    read."""
    return Refusal(
        refusals.NOT_A_READER,
        setting.label,
        f"column {setting.label} is protected by AcraServer, and the client may not compare, join "
        "or group by values that it may not read",
    )


def untold(reason: object) -> Refusal:
    """The refusal of a statement where the database does not tell its tables."""
    return Refusal(
        refusals.SCHEMA_UNKNOWN,
        "",
        f"AcraServer does not know the tables of the database: {reason}",
        "try again",
    )


def refused(refusal: Refusal, routine: str = "") -> Deny:
    """Return the verdict on a statement that is refused; ``routine`` as in Deny."""
    forbidden = refusal.reason == refusals.NOT_A_READER
    return Deny(
        refusal.text,
        sqlstate=errors.FORBIDDEN if forbidden else errors.NOT_SUPPORTED,
        errno=errors.NUMBERS[errors.FORBIDDEN if forbidden else errors.NOT_SUPPORTED],
        reason=refusal.text,
        rule=refusal.reason,
        code=events.COLUMN_REFUSED,
        column=refusal.column,
        routine=routine,
        hint=_sentence(refusal.hint),
    )


def _sentence(hint: str) -> str:
    """Return a hint as databases write theirs.  A first word with more than letters is a name."""
    if hint.partition(" ")[0].isalpha():
        hint = hint[0].upper() + hint[1:]
    return hint if hint.endswith(".") or not hint else hint + "."


def outdated(refusal: Refusal) -> Deny:
    """Return the verdict on a prepared statement that has to be prepared anew: the error is one for
    which drivers do so by themselves."""
    verdict = refused(refusal, _OUTDATED)
    verdict.errno = errors.OUTDATED_NUMBER
    return verdict


def guarded(decide: Callable[..., Any], *facts: Any) -> Any:
    """Return the verdict that ``decide`` returns for ``facts``, or a Deferred of it; a value that
    is refused makes it a Deny."""
    try:
        verdict = decide(*facts)
    except ValueRefusedError as error:
        return value_refused(error)
    return settled(verdict)


def settled(verdict: Any) -> Any:
    """Return a verdict, or the Deferred of one; a value that is refused then makes it a Deny."""
    # By exact type: an isinstance against Deferred, which has a metaclass, takes longer.
    if verdict is PASS or type(verdict) in _VERDICTS:
        return verdict
    return verdict.addErrback(_failed)


def _failed(failure: Any) -> Deny:
    failure.trap(ValueRefusedError)
    return value_refused(failure.value)


def value_refused(error: ValueRefusedError) -> Deny:
    """Return the verdict where a value is refused."""
    text = str(error)
    return Deny(
        text,
        sqlstate=error.sqlstate,
        errno=errors.NUMBERS.get(error.sqlstate, errors.FAILED_NUMBER),
        reason=text,
        rule=error.reason,
        code=events.COLUMN_REFUSED,
        column=error.column,
    )

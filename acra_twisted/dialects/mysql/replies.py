"""MySQL's replies in the queue of `acra_twisted.outstanding`: codes, and what is known of each.

An entry's code names the form of the reply, its payload is a `Reply`.  An entry with the action
ANSWER has the answer in it, which is sent with the reply's first number.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.question import Question
from acra_twisted.verdicts import Deny
from acra_twisted.wire.mysql import errors

#: Results, one behind the other: of a query, an execution, or several at once.
RESULT: Final = 0
#: A statement was prepared: its number, its parameters, its columns.
PREPARE: Final = 1
#: Rows of a cursor, whose columns are those of its statement's execution.
FETCH: Final = 2
#: One packet: OK, EOF or an error.
ONE: Final = 3
#: One packet of text, or an error.
TEXT: Final = 4
#: Another user's login: any packets, between which the client answers, up to OK or an error.
AUTH: Final = 5
#: Definitions of columns up to an EOF or an error, without a count.
FIELDS: Final = 6

# What a request may change of how later texts are read: flags.
#: Nothing.
KEEPS: Final = 0
#: The modes of SQL, by a plain SET: what its reply says of them is true.
SETS: Final = 1
#: The modes, in any way: what its reply says of them need not be true.
MAY_CHANGE: Final = 2
#: Everything: settings are as they were when the session began, or as its new user has them.
RESETS: Final = 4
#: The character set, by a statement that names it.
RENAMES: Final = 8
#: Anything that a text can.
ANYTHING: Final = MAY_CHANGE | RENAMES


class Reply:
    """The facts that the reply flow needs of a reply that is owed.  It is never changed.

    ``sequence`` is the number of its first packet for the client: one more than that of the
    command's last packet.  ``answer``: the payload that the client gets in place of a database's
    reply, empty if the database replies.  ``prepared`` is the statement that it is about, a
    `prepared.Prepared`, or None.  ``opens``: the client has asked for a cursor.  ``files``: as many
    files of the client's may the database ask for.  ``changes`` has flags of KEEPS, SETS,
    MAY_CHANGE, RESETS and RENAMES.  ``collation`` is the number of the one that holds behind a
    RESETS, 0 where that is not known.  ``schema``: the one that the request makes the session's if
    it succeeds; None for a request that says nothing of it.  ``login`` is the
    `authentication.Plugins` of an AUTH.  ``question`` is the one of ours that it answers, which the
    client gets nothing of; None for a reply to the client.
    """

    __slots__ = (
        *("sequence", "answer", "prepared", "opens", "files"),
        *("changes", "collation", "schema", "login", "question"),
    )

    def __init__(
        self,
        sequence: int = 1,
        *,
        answer: bytes = b"",
        prepared: Any = None,
        opens: bool = False,
        files: int = 0,
        changes: int = KEEPS,
        collation: int = 0,
        schema: bytes | None = None,
        login: Any = None,
        question: Question | None = None,
    ) -> None:
        self.sequence = sequence
        self.answer = answer
        self.prepared = prepared
        self.opens = opens
        self.files = files
        self.changes = changes
        self.collation = collation
        self.schema = schema
        self.login = login
        self.question = question


#: The reply to a command of one packet about which there is nothing to know.
PLAIN: Final = Reply()


def denial(verdict: Deny) -> bytes:
    """The payload of the error that a client gets in place of a reply, or of the rest of one.
    MySQL's errors have no place of their own for a hint."""
    text = f"{verdict.text}. {verdict.hint}" if verdict.hint else verdict.text
    state = errors.STATES.get(verdict.errno, verdict.sqlstate)
    return errors.encode_error(errors.Situation(verdict.errno, state, errors.DENIED.text), text)

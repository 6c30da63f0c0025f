"""Fuzzing of what reads a MySQL database's bytes: ``make fuzz TARGET=mysql``.

The first byte of an input chooses capabilities and how the rest is cut, the second the requests
that are unanswered; the rest is what the database says.  Wrong is: any exception that is not of
`errors`, bytes for the client that differ when the same ones come in pieces, or are judged by a
stage that changes nothing.

    python -m tests.fuzz.mysql FOLDER -max_total_time=60     (FOLDER: inputs, kept and extended)
"""

from __future__ import annotations

from tests.fuzz.framed import MYSQL, Mutator
from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects"):
    from acra_twisted.dialects.mysql import replies
    from acra_twisted.dialects.mysql.replies import Reply
    from acra_twisted.errors import AcraError
    from acra_twisted.verdicts import PASS
    from acra_twisted.wire.mysql import columndefinitions, okpackets
    from acra_twisted.wire.mysql.resultrows import (
        encode_binary,
        encode_text,
        split_binary,
        split_text,
    )
    from tests.support.mysqlreplies import Followed, see_all, statement

from tests.support.mysqlvectors import SERVER, conversations

_LIMIT = 1 << 16
_CODES = (
    *(replies.RESULT, replies.RESULT, replies.PREPARE, replies.FETCH),
    *(replies.ONE, replies.TEXT, replies.AUTH),
)
#: Deprecated EOF and session tracking by the bits of a number.
_CAPABILITIES = (0, 0x1000000, 0x800000, 0x1800000)
_KINDS = (3, 253, 12, 252, 1, 6, 246)


def _answered(data: bytes, choice: int, code: int, cut: int, judged: bool) -> list[bytes]:
    """The client's bytes, and last the error that ended the session, if any did."""
    followed = Followed(
        _CAPABILITIES[choice % 4],
        0x10 if choice & 4 else 0,
        see_all if judged else None,
        tracked_for_us=bool(choice & 8),
        message_limit=_LIMIT,
    )
    prepared = statement()
    for place in range(3):
        kind = _CODES[(code + place) % len(_CODES)]
        known = code & 8 or kind in (replies.PREPARE, replies.FETCH)
        followed.ask(
            kind,
            Reply(
                1 + place,
                prepared=prepared if known else None,
                files=int(place == 1),
                changes=code >> 4 & 7,
            ),
        )
    got: list[bytes] = []
    try:
        for at in range(0, len(data), cut):
            got.append(followed.feed(data[at : at + cut], lambda work: PASS))
    except AcraError as error:
        got.append(followed.flow.take_output())
        return [b"".join(got), str(error).encode()]
    return [b"".join(got), b""]


def _flows(data: bytes, choice: int, code: int, cut: int) -> None:
    whole = _answered(data, choice, code, len(data) or 1, False)
    pieces = _answered(data, choice, code, cut, False)
    assert whole[1] == pieces[1], (whole, pieces)
    # Of a session that ends more or less of the last packets may have left.
    if not whole[1]:
        assert whole[0] == pieces[0], (whole, pieces)
        judged = [_answered(data, choice, code, size, True) for size in (len(data) or 1, cut)]
        if not any(error for _, error in judged):
            assert judged[0] == judged[1], judged


def _packets(data: bytes) -> None:
    for extended in (False, True):
        try:
            column = columndefinitions.decode(data, extended)
        except AcraError:
            continue
        again = columndefinitions.decode(columndefinitions.encode(column), extended)
        assert again == column, (again, column)
    try:
        ok = okpackets.decode_ok(data)
        okpackets.tracked(data, ok)
        okpackets.untracked(data, ok)
    except AcraError:
        pass
    try:
        cells = split_text(data, 0, len(data), 3)
        written = encode_text(cells)
        assert split_text(written, 0, len(written), 3) == cells
    except AcraError:
        pass
    try:
        cells = split_binary(data, 0, len(data), _KINDS)
        written = encode_binary(cells, _KINDS)
        assert split_binary(written, 0, len(written), _KINDS) == cells
    except AcraError:
        pass


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 2:
        return
    choice, code, said = data[0], data[1], data[2:]
    _flows(said, choice, code, 1 + (choice >> 4))
    _packets(said)


def inputs() -> Inputs:
    """The words of databases in recorded conversations, from each packet on."""
    found = []
    for one in conversations().values():
        for number, packet in enumerate(one.packets):
            if packet.leg == SERVER:
                behind = b"".join(p.encoded for p in one.packets[number:] if p.leg == SERVER)
                found.append(bytes((one.capabilities >> 24 & 1 | 0x30, 0)) + behind[:600])
    return Inputs(found, 700, Mutator(found, MYSQL, 2), found=kept("mysql"))


if __name__ == "__main__":
    start(check, inputs())

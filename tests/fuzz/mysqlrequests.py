"""Fuzzing of what reads a MySQL client's bytes: ``make fuzz TARGET=mysqlrequests``.

The first byte of an input chooses capabilities and how the rest is cut, the second what stages
judge; the rest is what a client says behind its login.  Wrong is: any exception at all from the
flow, bytes for the database or answers that differ when the same ones come in pieces, also while a
verdict is waited for, values that are other ones when they are read again.

    python -m tests.fuzz.mysqlrequests FOLDER -max_total_time=60   (FOLDER: inputs that are kept)
"""

from __future__ import annotations

from tests.fuzz.numbered import Inputs, kept
from tests.fuzz.starting import instrumented, start

with instrumented("acra_twisted.wire", "acra_twisted.dialects"):
    from acra_twisted.dialects.mysql.authentication import LegsPolicy
    from acra_twisted.errors import AcraError
    from acra_twisted.exchange import PARAMETERS, STATEMENT, Parameters
    from acra_twisted.verdicts import PASS, Deny, Replace
    from acra_twisted.wire.mysql import bulk, commands, parameters
    from tests.support.mysqlrequests import Desk

from tests.fuzz.framed import MYSQL, Mutator
from tests.fuzz.mysqltexts import TEXTS, asked
from tests.support.mysqlvectors import CLIENT, conversations

_LIMIT = 1 << 16
#: Query attributes, local files and connection attributes by the bits of a number.
_CAPABILITIES = (0, 1 << 27, 1 << 7, 1 << 27 | 1 << 19 | 1 << 20)
_INSPECTS = ((), (STATEMENT,), (PARAMETERS,), (STATEMENT, PARAMETERS))


def _sealed(work):
    """Bytes in place of each value; a refusal of some texts."""
    item = work.item
    if work.kind == STATEMENT:
        return Deny("no") if len(item.text) % 5 == 1 else PASS
    values = [None if value is None else b"#" + value for value in item.values]
    return Replace(Parameters(values, [0] * len(values), item.statement))


def _said(data: bytes, choice: int, judged: int, cut: int, says=Desk.says_in_pieces):
    """Return the bytes for the database, what is owed, and if the session has ended."""
    desk = Desk(
        _sealed if judged & 4 else lambda work: PASS,
        _INSPECTS[judged & 3],
        _CAPABILITIES[choice & 3],
        4,
        message_limit=_LIMIT,
        legs=LegsPolicy(exposed=True),
    )
    desk.prepares(b"SELECT ?", 1, 1)
    desk.prepares(b"SELECT ?, ?", 2, 2)
    out = b""
    try:
        out = says(desk, data, cut)
        # Whatever waits for a reply goes on.
        for number in range(3, 8):
            if desk.session.outstanding:
                out += desk.replied(number, 1)
    except AcraError as error:
        return [b"", str(error), True]
    return [out, desk.owed(), desk.flow.terminated]


def _values(data: bytes, count: int, attributes: bool) -> None:
    payload = b"\x17" + data
    found = None
    if len(payload) >= commands.FIXED[commands.EXECUTE]:
        try:
            found = parameters.decode_execution(payload, count, None, with_attributes=attributes)
        except AcraError:
            pass
    if found is not None:
        again = parameters.encode_execution(found, with_attributes=attributes)
        read = parameters.decode_execution(again, count, None, with_attributes=attributes)
        assert list(read.values) == list(found.values), (read, found)
        assert list(read.attributes) == list(found.attributes), (read, found)
    try:
        query = parameters.decode_query(b"\x03" + data, True)
        encoded = parameters.encode_query(query, True)
        assert parameters.decode_query(encoded, True) == query
    except AcraError:
        pass
    try:
        header = bulk.decode_bulk(b"\xfa" + data.ljust(7, b"\0"), count, None)
        row, _ = bulk.read_bulk_row(data, 0, header.kinds)
        encoded = bulk.encode_bulk_row(row, header.kinds)
        assert bulk.read_bulk_row(encoded, 0, header.kinds)[0] == row
    except AcraError:
        pass


def check(data: bytes) -> None:
    """One input.  Raises AssertionError, or what a defect raises."""
    if len(data) < 2:
        return
    choice, judged, said = data[0], data[1], data[2:]
    whole = _said(said, choice, judged, len(said) or 1)
    pieces = _said(said, choice, judged, 1 + (choice >> 4))
    assert whole == pieces, (whole, pieces)
    meanwhile = _said(said, choice, judged, 1 + (choice >> 2), Desk.says_meanwhile)
    assert whole == meanwhile, (whole, meanwhile)
    _values(said, judged & 3, bool(choice & 1))


def inputs() -> Inputs:
    """Recorded conversations, and what a client may say, under some settings."""
    found = []
    for one in conversations().values():
        for number, packet in enumerate(one.packets):
            if packet.leg == CLIENT and not packet.sequence:
                behind = b"".join(p.encoded for p in one.packets[number:] if p.leg == CLIENT)
                attributes = one.capabilities >> 27 & 1
                found.append(bytes((attributes | 0x30, 7)) + behind[:600])
    for number, said in enumerate(asked()):
        found.append(bytes((0x30 | number & 3, 7)) + said)
    return Inputs(found, 700, Mutator(found, MYSQL, 2, TEXTS), found=kept("mysqlrequests"))


if __name__ == "__main__":
    start(check, inputs())

"""Values of parameters and query attributes."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql import parameters, types
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.commands import COUNTED, EXECUTE, FIXED
from acra_twisted.wire.mysql.parameters import UNSIGNED, Attribute, Execution, Query
from tests.support.mysqlvectors import CLIENT, SERVER, conversations

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEAD = b"\x17\1\0\0\0\0\1\0\0\0"
COUNTING = b"\x17\1\0\0\0\x08\1\0\0\0"

_WIDE = {kind: st.binary(min_size=size, max_size=size) for kind, size in types.WIDTHS.items()}
_DATES = st.sampled_from((0, 4, 7, 11)).flatmap(lambda n: st.binary(min_size=n, max_size=n))
_TIMES = st.sampled_from((0, 8, 12)).flatmap(lambda n: st.binary(min_size=n, max_size=n))


def _values(kind):
    code = kind & 0xFF
    if code in types.STRINGS:
        return st.binary(max_size=300)
    if code in _WIDE:
        return _WIDE[code]
    return _TIMES if code == types.TIME else _DATES


KINDS = st.sampled_from(
    (*types.WIDTHS, *types.STRINGS, *types.DATES, types.LONG | UNSIGNED, types.LONGLONG | UNSIGNED)
)
GIVEN = KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.none() | _values(kind)))
ATTRIBUTES = st.lists(
    st.builds(
        lambda given, name: Attribute(given[0], name, given[1]), GIVEN, st.binary(max_size=9)
    ),
    max_size=3,
)


def refused(test, payload, count=1, before=None, **options):
    with test.assertRaises(WireError):
        parameters.decode_execution(payload, count, before, **options)


class Queries(SynchronousTestCase):
    def test_without_attributes_in_force_all_is_text(self):
        query = parameters.decode_query(b"\x03\0\1SELECT 1", False)
        self.assertEqual(query, Query(b"\0\1SELECT 1", ()))

    def test_none_and_one(self):
        self.assertEqual(parameters.decode_query(b"\x03\0\1SELECT 2", True).text, b"SELECT 2")
        one = b"\x03\1\1\0\1\xfe\0\x0btraceparent7" + PARENT + b"SELECT 1"
        found = parameters.decode_query(one, True)
        self.assertEqual(found.attributes, [Attribute(254, b"traceparent", PARENT)])
        self.assertEqual(found.text, b"SELECT 1")
        self.assertEqual(parameters.encode_query(found, True), one)
        self.assertEqual(parameters.encode_query(found, False), b"\x03SELECT 1")

    def test_irregular(self):
        for payload in (b"\x03", b"\x03\1", b"\x03\0\2S", b"\x03\1\1\0\0S", b"\x03\xfb\1S"):
            with self.assertRaises(WireError):
                parameters.decode_query(payload, True)
        # As many as no command has: nothing is kept for them.
        with self.assertRaises(WireError):
            parameters.decode_query(b"\x03\xfe" + b"\xff" * 8 + b"\1", True)

    @given(st.binary(max_size=30), ATTRIBUTES)
    def test_both_ways(self, text, attributes):
        encoded = parameters.encode_query(Query(text, attributes), True)
        found = parameters.decode_query(encoded, True)
        self.assertEqual((found.text, list(found.attributes)), (text, attributes))
        behind = len(encoded) - len(text)
        for cut in range(1, behind):
            with self.assertRaises(WireError):
                parameters.decode_query(encoded[:cut], True)

    def test_recorded_ones(self):
        count = 0
        for conversation in conversations().values():
            attributes = InForce(conversation.capabilities).query_attributes
            for packet in conversation.packets:
                if packet.leg == CLIENT and not packet.sequence and packet.payload[:1] == b"\x03":
                    found = parameters.decode_query(packet.payload, attributes)
                    self.assertEqual(parameters.encode_query(found, attributes), packet.payload)
                    count += 1
        self.assertGreater(count, 150)


class Executions(SynchronousTestCase):
    def test_the_kinds_of_the_last_one_hold(self):
        first = HEAD + b"\0\1\xfd\0\3\x80\1a\2\0\0\0"
        found = parameters.decode_execution(first, 2, None)
        self.assertEqual((found.kinds, found.values), ([253, 3 | UNSIGNED], [b"a", b"\2\0\0\0"]))
        self.assertEqual(parameters.encode_execution(found), first)
        again = parameters.decode_execution(HEAD + b"\1\0\5\0\0\0", 2, found.kinds)
        self.assertEqual((again.values, again.renewed), ([None, b"\5\0\0\0"], False))
        self.assertEqual(parameters.encode_execution(again), HEAD + b"\1\1\xfd\0\3\x80\5\0\0\0")

    def test_nobody_has_told_the_kinds(self):
        refused(self, HEAD + b"\0\0\1a")
        refused(self, HEAD + b"\0\0\1a", 1, [253, 3])
        found = parameters.decode_execution(HEAD + b"\1\0", 1, None)
        self.assertEqual((found.values, found.kinds), ([None], [types.NULL]))

    def test_long_data_beats_null(self):
        sent = HEAD + b"\1\1\xfc\0\3\0\2\0\0\0"
        found = parameters.decode_execution(sent, 2, None, (0,))
        self.assertEqual(found.values, [None, b"\2\0\0\0"])
        expected = HEAD + b"\0\1\xfc\0\3\0\2\0\0\0"
        self.assertEqual(parameters.encode_execution(found, long=(0,)), expected)
        # The value itself is no more in the command than NULL is.
        refused(self, HEAD + b"\0\1\xfc\0\3\0\1x\2\0\0\0", 2, None, long=(0,))

    def test_long_data_of_a_parameter_that_is_not_there(self):
        """A server refuses such an execution, too."""
        refused(self, HEAD, 0, None, long=(0,))
        refused(self, HEAD + b"\0\1\xfd\0\1a", 1, None, long=(1,))

    def test_attributes_stand_behind_the_parameters(self):
        names = b"\xfe\0\0\xfe\0\x0btraceparent"
        sent = COUNTING + b"\2\0\1" + names + b"\1x7" + PARENT
        found = parameters.decode_execution(sent, 1, None, with_attributes=True)
        self.assertEqual((found.values, found.names), ([b"x"], [b""]))
        self.assertEqual(found.attributes, [Attribute(254, b"traceparent", PARENT)])
        self.assertEqual(parameters.encode_execution(found, with_attributes=True), sent)
        without = found._replace(attributes=())
        expected = COUNTING + b"\1\0\1\xfe\0\0\1x"
        self.assertEqual(parameters.encode_execution(without, with_attributes=True), expected)

    def test_counted_or_not(self):
        """With parameters the count is there, be the flag set or not."""
        plain = HEAD + b"\1\0\1\xfe\0\0\1x"
        found = parameters.decode_execution(plain, 1, None, with_attributes=True)
        self.assertEqual(parameters.encode_execution(found, with_attributes=True), plain)
        for sent in (HEAD, COUNTING + b"\0", COUNTING + b"\1\0\0"):
            found = parameters.decode_execution(sent, 0, None, with_attributes=True)
            self.assertEqual(
                (found.values, found.attributes),
                ((), ()) if sent != COUNTING + b"\1\0\0" else ([], []),
            )
        refused(self, COUNTING + b"\1\0\1\xfe\0\0\1x", 2, with_attributes=True)

    def test_what_some_servers_read_on_behind(self):
        for values in (b"\xfb", b"\xff", b"\2a", b"\xfe" + b"\xff" * 8, b"\1a\0"):
            refused(self, HEAD + b"\0\1\xfd\0" + values)
        for kind in (b"\x11\0", b"\xf3\0", b"\x80\0", b"\xfd\1"):
            refused(self, HEAD + b"\0\1" + kind + b"\1a")
        refused(self, HEAD + b"\0\1\x0c\0\5" + bytes(5))
        refused(self, HEAD + b"\0\1\x0b\0\4" + bytes(4))
        refused(self, HEAD + b"\0", 0)

    def test_types_of_columns_alone(self):
        parameters.check_for_mariadb([types.STRING, types.LONG | UNSIGNED, types.NULL])
        for kind in (types.INT24, types.YEAR, types.BIT, types.GEOMETRY):
            for sign in (0, UNSIGNED):
                with self.assertRaises(WireError):
                    parameters.check_for_mariadb([types.STRING, kind | sign])

    @given(st.integers(0, 2**32 - 1), st.lists(GIVEN, max_size=12), ATTRIBUTES, st.booleans())
    def test_both_ways(self, number, given, attributes, in_force):
        flags = COUNTED if attributes else 0
        kinds = [kind for kind, _ in given]
        values = [value for _, value in given]
        execution = Execution(number, flags, 1, kinds, (), values, attributes, True)
        encoded = parameters.encode_execution(execution, with_attributes=in_force)
        found = parameters.decode_execution(encoded, len(given), None, with_attributes=in_force)
        self.assertEqual((list(found.kinds), list(found.values)), (kinds, values))
        self.assertEqual(list(found.attributes), attributes if in_force else [])
        self.assertEqual(parameters.encode_execution(found, with_attributes=in_force), encoded)
        for cut in range(FIXED[EXECUTE], len(encoded)):
            refused(self, encoded[:cut], len(given), with_attributes=in_force)

    @given(st.binary(max_size=40), st.integers(0, 9), st.booleans())
    def test_anything(self, rest, count, in_force):
        try:
            parameters.decode_execution(HEAD + rest, count, None, with_attributes=in_force)
        except WireError:
            pass

    def test_recorded_ones(self):
        """Each is read whole, and written again as it was unless its kinds were left out."""
        read = 0
        for conversation in conversations().values():
            in_force = InForce(conversation.capabilities).query_attributes
            for counts, payload, kinds, long in _executions(conversation):
                found = parameters.decode_execution(
                    payload, counts, kinds, long, with_attributes=in_force
                )
                read += 1
                again = parameters.encode_execution(found, with_attributes=in_force, long=long)
                if found.renewed and types.NULL not in found.kinds:
                    self.assertEqual(len(again), len(payload))
                more = parameters.decode_execution(
                    again, counts, None, long, with_attributes=in_force
                )
                self.assertEqual(more.values, found.values)
                self.assertEqual((more.kinds, more.attributes), (found.kinds, found.attributes))
        self.assertGreater(read, 40)


def _executions(conversation):
    """Executions of a conversation: parameters of the statement, payload, kinds, long data."""
    if conversation.name == "query_attributes_masked":
        # Its attributes are in no place that a server reads.
        return
    counts, kinds, long, last, awaited = {}, {}, {}, None, []
    packets = list(conversation.packets)
    for packet in packets:
        code = packet.payload[:1]
        if packet.leg == SERVER:
            if awaited and packet.sequence == 1:
                if awaited.pop(0) == b"\x16" and code == b"\0":
                    last = int.from_bytes(packet.payload[1:5], "little")
                    counts[last] = int.from_bytes(packet.payload[7:9], "little")
                    kinds[last] = None
            continue
        if packet.sequence or not packet.payload:
            continue
        number = int.from_bytes(packet.payload[1:5], "little")
        if code == b"\x18":
            long.setdefault(number, set()).add(packet.payload[5])
        elif code == b"\x1a":
            long.pop(number, None)
        elif code == b"\x19":
            counts.pop(number, None)
        elif code == b"\x17" and number in counts:
            held = long.pop(number, ())
            yield counts[number], packet.payload, kinds[number], held
            start = 10 + (counts[number] + 7) // 8
            if counts[number] and packet.payload[start : start + 1] == b"\1":
                sent = packet.payload[start + 1 : start + 1 + 2 * counts[number]]
                kinds[number] = [
                    int.from_bytes(sent[at : at + 2], "little") for at in range(0, len(sent), 2)
                ]
        if code not in (b"\x18", b"\x19", b"\1"):
            awaited.append(code)

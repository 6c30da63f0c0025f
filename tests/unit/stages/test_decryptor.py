"""The decryptor: opened in place, left as stored, counted; later where it takes long."""

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted.crypto import cells
from acra_twisted.crypto.openers import Opener
from acra_twisted.errors import ConfigError, KeyStoreError
from acra_twisted.exchange import Exchange
from acra_twisted.interfaces import IResultStage, IRowTransform
from acra_twisted.pipeline.services import Services
from acra_twisted.results import STREAM, TUPLES, UNKNOWN_FORMAT
from acra_twisted.stages.containeropening import Opened, opening
from acra_twisted.stages.decryptor import Decryptor, DecryptorFactory
from acra_twisted.verdicts import PASS, Replace
from acra_twisted.wire.postgres.nested import SIGNATURE, CopiedTuples
from tests.support import nested
from tests.support.containers import (
    BYTEA,
    INT4,
    Workbench,
    Workers,
    batch,
    columns,
    copy_batch,
    hexed,
)
from tests.support.sessions import make_session


def leaves_that_fill(tuples):
    """Tell whether the container of each value can be told without its type."""
    flat = [value for one in tuples for value in one if value is not None]
    return all(value[0] not in (nested.BYTEA, nested.TEXT, nested.JSONB) for value in flat)


class Decrypting(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.workers = Workers()
        self.stage = DecryptorFactory().make(
            None, Services(None, None, self.bench.keys, self.workers)
        )
        self.exchange = self.bench.exchange

    def transform(self, rows, exchange=None):
        plan = self.stage.plan_result(rows.columns)
        verifyObject(IRowTransform, plan)
        return plan.transform(rows, exchange or self.exchange)

    def opened(self, rows):
        verdict = self.transform(rows)
        self.assertIsInstance(verdict, Replace)
        return [verdict.item.cells(index) for index in range(len(rows))]

    def attribute(self, name):
        return self.exchange.attributes[f"acra.containers_{name}"]

    def test_forms(self):
        verifyObject(IResultStage, self.stage)
        struct, block = self.bench.struct(b"one"), self.bench.block(b"two")
        rows = batch([b"x", hexed(struct), None], [hexed(b"--" + block + b"++"), b"y", b"z"])
        expected = [[b"x", hexed(b"one"), None], [hexed(b"--two++"), b"y", b"z"]]
        self.assertEqual(self.opened(rows), expected)
        self.assertEqual([self.attribute(n) for n in ("found", "opened", "failed")], [2, 2, 0])
        binary = batch([self.bench.struct(b"one", wrapped=False)], formats=[1])
        self.assertEqual(self.opened(binary), [[b"one"]])
        line = copy_batch(b"1\t\\" + hexed(struct) + b"\n")
        self.assertEqual(self.opened(line), [[b"1\t\\" + hexed(b"one") + b"\n"]])
        self.assertEqual(self.attribute("found"), 4)
        kinds = self.bench.session.observer.containers
        self.assertEqual(kinds[:2], [("acrastruct", 1, 0), ("acrablock", 1, 0)])

    def test_no_container_and_nothing_that_could_be_one(self):
        self.assertIs(self.transform(batch([b"text"])), PASS)
        self.assertIs(self.stage.plan_result(columns(INT4)), None)
        self.assertIsNotNone(self.stage.plan_result(columns(BYTEA)))
        self.assertIsNone(self.exchange.attributes)

    def test_a_look_at_the_bytes_sees_whatever_could_be_opened(self):
        struct = self.bench.struct(b"one")
        for rows, expected in (
            (batch([b"text"], [b"\\x0011"]), False),
            (batch([b"text"], [hexed(struct)]), True),
            (batch([struct], formats=[1]), True),
            (batch([b"\0\1"], formats=[1]), False),
        ):
            plan = self.stage.plan_result(rows.columns)
            self.assertEqual(plan.concerns(rows.data, rows.start, rows.end), expected)
            self.assertFalse(plan.concerns(rows.data, rows.end, rows.end))

    def test_what_cannot_be_opened_stays(self):
        foreign = self.bench.block(key=b"f" * 32)
        damaged = self.bench.struct()
        damaged = damaged[:-1] + bytes([damaged[-1] ^ 1])
        mixed = hexed(foreign + self.bench.struct(b"plain") + damaged)
        ((cell,),) = self.opened(batch([mixed]))
        self.assertEqual(cell, hexed(foreign + b"plain" + damaged))
        self.assertEqual([self.attribute(n) for n in ("found", "opened", "failed")], [3, 1, 2])
        self.assertEqual(self.attribute("failed.no_key_fits"), 1)
        self.assertEqual(self.attribute("failed.damaged"), 1)
        self.assertIs(self.transform(batch([hexed(foreign)])), PASS)

    def test_what_looks_like_a_container_in_one(self):
        """In one that opens it is ciphertext; one that does not open hides nothing."""
        inner = self.bench.block(b"inner")
        outer = self.bench.struct(b"x" * 300)
        looks = outer[:250] + inner + outer[250 + len(inner) :]
        for written in (hexed, bytes):
            self.assertEqual(
                self.opened(batch([written(looks)], formats=[written is bytes])),
                [[written(outer[:250] + b"inner" + outer[250 + len(inner) :])]],
            )

            class Opening(Opener):
                def open(self, kind, data, points):
                    return kind.encode()

            rows = batch([written(b"-" + looks + inner)], formats=[written is bytes])
            found = Opened()
            self.assertTrue(list(opening(rows, Opening((), ()), found)))
            self.assertEqual(found.kinds, {"acrastruct": [1, 0], "acrablock": [1, 0]})
            self.assertEqual(rows.cells(0), [written(b"-acrastructacrablock")])

    def test_en5_a_client_without_keys(self):
        session = make_session()
        session.identity.client_id = "another client"
        exchange = Exchange(session, "query", None, 1)
        rows = batch([hexed(self.bench.struct())], [hexed(self.bench.block())])
        self.assertIs(self.transform(rows, exchange), PASS)
        self.assertEqual(exchange.attributes["acra.containers_failed.no_key"], 2)

    def test_an_unusual_form_stays(self):
        text = cells._escape(self.bench.struct()).replace(b"\\", b"\\\\")
        self.assertIs(self.transform(batch([text])), PASS)
        self.assertEqual(self.attribute("failed.unusual_form"), 1)

    def written(self, value):
        """A built value with containers, and its twin with plaintexts."""
        made = {}

        def container(part):
            if not isinstance(part, nested.Secret):
                return part
            # One for all: a Secret may stand in several places of a value.
            whole = made.get(part) or (self.bench.struct if len(part) % 3 else self.bench.block)(
                part
            )
            made[part] = whole
            return whole.hex().encode() if part.hexed else whole

        def plaintext(part):
            return part.hex().encode() if getattr(part, "hexed", False) else part

        return value[1](container), value[1](plaintext)

    @given(nested.nested, st.sampled_from([1, UNKNOWN_FORMAT]))
    def test_fr3_values_in_values_have_their_own_length(self, value, form):
        stored, twin = self.written(value)
        rows = batch([stored, b"\0"], types=[value[0], INT4], formats=[form, 1])
        before = rows.encode()
        self.open_unless_ambiguous(rows)
        expected = batch([twin, b"\0"]).encode()
        self.assertEqual(rows.encode(), expected)
        self.assertEqual(stored == twin, before == expected)

    @given(st.lists(st.lists(st.none() | nested.nested | nested.leaves, min_size=2, max_size=2)))
    def test_fr12_tuples_of_a_binary_copy(self, tuples):
        header, trailer = SIGNATURE + bytes(8), b"\xff\xff"
        written = [[(None, None) if v is None else self.written(v) for v in t] for t in tuples]
        plain = leaves_that_fill(tuples)

        def messages(which):
            parts = [
                b"\0\2" + b"".join(nested.counted(value[which]) for value in values)
                for values in written
            ]
            return copy_batch(*[header, *parts, trailer], layout=TUPLES)

        rows, twin = messages(0), messages(1)
        self.open_unless_ambiguous(rows, plain)
        if plain:
            self.assertEqual(rows.encode(), twin.encode())
        follower = CopiedTuples(2)
        for index in range(len(rows)):
            (message,) = rows.cells(index)
            self.assertTrue(follower.whole(message, 0, len(message)))

    def open_unless_ambiguous(self, rows, all_must_open=True):
        """Once in some thousand values chance makes another structure fit as well; then it stays
        as it is stored, and is counted.  Were it more often, Hypothesis would complain."""
        exchange = Exchange(self.bench.session, "query", None, 1)
        self.settled(self.transform(rows, exchange))
        failed = (exchange.attributes or {}).get("acra.containers_failed.unusual_form")
        assume(not (all_must_open and failed))

    def settled(self, verdict):
        self.workers.turn()
        return verdict if not isinstance(verdict, Deferred) else self.successResultOf(verdict)

    def test_fr12_a_container_never_makes_room_for_a_forged_tuple(self):
        """Bytes behind a container in its tuple are data, however they look."""
        own = self.bench.struct(b"hello")
        forged = b"\0\3" + b"".join(map(nested.counted, (b"\0\0\3\xe7", b"Mallory", b"")))
        extra = b"A" * (len(own) - 9) + nested.number(0) + forged
        fields = [b"\0\0\0\2", own, extra]
        line = SIGNATURE + bytes(8) + b"\0\3" + b"".join(map(nested.counted, fields))
        ((cell,),) = self.opened(copy_batch(line, layout=TUPLES))
        fields[1] = b"hello"
        self.assertEqual(cell, line[:21] + b"".join(map(nested.counted, fields)))

    def left(self, rows, count=1):
        before = rows.encode()
        self.exchange.attributes = None
        self.assertIs(self.transform(rows), PASS)
        self.assertEqual(rows.encode(), before)
        self.assertEqual(self.attribute("failed.unusual_form"), count)
        self.exchange.take_note("containers", None)

    def test_where_no_length_can_be_told_it_stays(self):
        own = self.bench.struct()
        message = b"w" + bytes(24) + b"I" + nested.counted(own) + hexed(own)
        self.left(copy_batch(message, layout=STREAM), 2)
        # A field of which nothing is known, and another structure than its type has.
        field = b"\0\1" + nested.counted(b"\0" + own)
        self.left(copy_batch(SIGNATURE + bytes(8), field, layout=TUPLES))
        self.left(batch([b"\0\0" + own], types=[1001], formats=[1]))
        self.left(batch([nested.counted(own)], types=[1562], formats=[1]))

    def test_a_value_that_could_be_a_range_stays(self):
        """Its first number and a zero byte read like the length of a lower bound, behind which its
        last length counts an upper one: with one byte more it does not."""
        leaf, own, secret = nested.leaf, nested.OWN, nested.Secret(b"secret")
        field, kept = leaf(BYTEA, secret), leaf(own, secret)
        middle = nested.range_of(leaf(own, b"y" * 300), None)
        last = nested.range_of(kept, None)

        def text(size):
            return leaf(own, b"x" * size)

        def first(size):
            return nested.range_of(text(size), None)

        for make, size in (
            (lambda size: nested.record([leaf(BYTEA, b"x" * size), field], own), 501),
            (lambda size: nested.array([text(size), kept], own, own), 237),
            (lambda size: nested.hstore([(text(size), field)]), 253),
            (lambda size: nested.multirange([first(size), last]), 499),
            (lambda size: nested.multirange([first(size), middle, last]), 446),
        ):
            for oid in (own, BYTEA):
                stored, _ = self.written(make(size))
                self.assertTrue(nested.reads_as_range(stored))
                self.left(batch([stored], types=[oid], formats=[1]))
                stored, twin = self.written(make(size + 1))
                self.assertFalse(nested.reads_as_range(stored))
                self.assertEqual(self.opened(batch([stored], types=[oid], formats=[1])), [[twin]])

    def test_quotes_that_would_have_to_be_doubled(self):
        """COPY in CSV with bytea_output = escape, JSON and XML: digits are opened, text is not."""
        own = self.bench.struct(b'x",1000000,"paid')
        text = cells._escape(own)
        self.left(copy_batch(b'1,"' + text.replace(b'"', b'""') + b'",n\n'))
        self.left(copy_batch(b"1," + text + b",n\n"))
        self.left(batch([b"<a>" + text + b"</a>"], types=[142]))
        self.left(batch([b'("' + text.replace(b'"', b'""') + b'")'], types=[0]))
        self.left(batch([b"<a>" + text + b"</a>"], types=[0]))
        self.left(batch([b"<a>" + text + b"</a>"], types=[nested.OWN]))
        self.left(batch([b"<a>" + text + b"</a>"], types=[0], formats=[UNKNOWN_FORMAT]))
        digits = batch([b"<a>" + own.hex().encode() + b"</a>"], types=[142])
        self.assertNotIn(own.hex().encode(), self.opened(digits)[0][0])

    @given(nested.nested)
    def test_fr3_bytea_that_is_a_value_of_values(self, value):
        """As array_send and its like make them: in binary its lengths are put right, in text they
        would be digits."""
        stored, twin = self.written(value)
        rows = batch([stored, b"\0"], types=[BYTEA, INT4], formats=[1, 1])
        self.settled(self.transform(rows))
        self.assertEqual(rows.encode(), batch([twin, b"\0"]).encode())
        for text in (hexed(stored), b'{"\\' + hexed(stored) + b'"}'):
            rows = batch([text])
            self.settled(self.transform(rows))
            self.assertEqual(rows.encode(), batch([text]).encode())

    def test_bytea_that_is_a_value_of_values_in_escape_format(self):
        stored, _ = self.written(nested.record([nested.leaf(nested.BYTEA, nested.Secret(b"x"))]))
        self.left(batch([cells._escape(stored)]))

    def test_escape_format_in_a_text_without_syntax(self):
        text, plain = cells._escape(self.bench.struct(b"\\ and\0")), cells._escape(b"\\ and\0")
        for oid, before, form in ((17, b"x", 0), (25, b"x", 0), (25, b"x", 1), (0, b"", 0)):
            rows = batch([before + text], types=[oid], formats=[form])
            self.assertEqual(self.opened(rows), [[before + plain]])

    def test_plaintext_is_not_looked_into(self):
        inner = self.bench.struct(b"inner")
        self.assertEqual(self.opened(batch([hexed(self.bench.struct(inner))])), [[hexed(inner)]])

    @given(st.data())
    def test_hostile_containers(self, data):
        """Flipped, cut, extended: as stored or whole plaintext, never anything else."""
        made = bytearray(
            self.bench.struct(b"plaintext")
            if data.draw(st.booleans())
            else self.bench.block(b"plaintext")
        )
        for _ in range(data.draw(st.integers(0, 2))):
            made[data.draw(st.integers(0, len(made) - 1))] ^= data.draw(st.integers(1, 255))
        made = made[: data.draw(st.integers(0, len(made)))] + data.draw(st.binary(max_size=9))
        stored = hexed(bytes(made))
        rows = batch([stored])
        verdict = self.transform(rows)
        if verdict is not PASS:
            ((cell,),) = [verdict.item.cells(0)]
            self.assertIn(hexed(b"plaintext")[2:], cell)
        else:
            self.assertEqual(rows.encode(), batch([stored]).encode())

    def test_many_leave_the_reactor(self):
        rows = batch(*([hexed(self.bench.struct(b"%d" % n))] for n in range(20)))
        verdict = self.transform(rows)
        self.assertIsInstance(verdict, Deferred)
        self.assertIsNone(self.exchange.attributes)
        self.workers.turn()
        changed = self.successResultOf(verdict).item
        self.assertEqual(
            [changed.cells(n) for n in range(20)], [[hexed(b"%d" % n)] for n in range(20)]
        )
        self.assertEqual(self.attribute("opened"), 20)

    def test_keys_that_come_later(self):
        waiting = Deferred()

        class Later:
            def opener(self, *args):
                return waiting

        stage = Decryptor(Later(), self.workers)
        rows = batch([hexed(self.bench.struct(b"one"))])
        verdict = stage.plan_result(rows.columns).transform(rows, self.exchange)
        from acra_twisted.purposes import STORAGE, STORAGE_SYMMETRIC

        waiting.callback(self.bench.keys.opener(STORAGE, STORAGE_SYMMETRIC, "client"))
        self.assertEqual(self.successResultOf(verdict).item.cells(0), [hexed(b"one")])
        stage.stop()

    def test_a_key_store_that_fails_is_not_ignored(self):
        class Broken:
            def opener(self, *args):
                raise KeyStoreError("a key file has mode 0644")

        stage = Decryptor(Broken(), self.workers)
        rows = batch([hexed(self.bench.struct())])
        plan = stage.plan_result(rows.columns)
        self.assertRaises(KeyStoreError, plan.transform, rows, self.exchange)

    def test_it_needs_keys(self):
        make = DecryptorFactory().make
        error = self.assertRaises(ConfigError, make, None, Services(None, None))
        self.assertIn("acra-keymaker", str(error))


class LeftToTheNext(SynchronousTestCase):
    """A stage behind it learns of each cell what was opened of it, and what was not."""

    def test_cells_that_were_opened_and_cells_that_stayed_closed(self):
        bench = Workbench()
        stage = Decryptor(bench.keys, Workers())
        foreign = bench.block(key=b"f" * 32)
        first, second = bench.block(b"one"), bench.struct(b"two")
        stored = [b"\x7f" * 33 + first, foreign, b"clear" + foreign + second, None, b"text"]
        rows = batch([None if one is None else hexed(one) for one in stored], types=[17] * 5)
        stage.plan_result(rows.columns).transform(rows, bench.exchange)
        left = rows.findings
        self.assertEqual(
            [(cell.row, cell.column, cell.value) for cell in left.cells],
            [(0, at, hexed(stored[at])) for at in range(3)],
        )
        self.assertEqual(
            [
                [(cell.value[one.start : one.end], content) for one, content in cell.opened]
                for cell in left.cells
            ],
            [[(hexed(first)[2:], b"one")], [], [(hexed(second)[2:], b"two")]],
        )
        # The cells themselves are those that the client is to get.
        self.assertEqual(rows.cells(0)[0], hexed(b"\x7f" * 33 + b"one"))
        self.assertEqual(rows.cells(0)[1], hexed(foreign))

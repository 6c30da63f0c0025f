"""Cells of protected columns get their types behind the decryptor."""

import operator
import os

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from acra_twisted import purposes
from acra_twisted.encryption.settings import (
    ERROR,
    MASKED,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    Masking,
)
from acra_twisted.interfaces import IRowTransform
from acra_twisted.pipeline.steps import STEP
from acra_twisted.stages import containers
from acra_twisted.stages.cellreading import CellReading, OutdatedReading
from acra_twisted.stages.columnkeys import ColumnKeys
from acra_twisted.stages.columntokens import ColumnTokens
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support.containers import BYTEA, CLIENT, TEXT, Workbench, Workers, batch, hexed
from tests.support.tokenizing import WatchedStore

NAME = ColumnSetting("", "people", "name", data_type="str")
AGE = ColumnSetting("", "people", "age", data_type="int32", on_failure=ERROR)
EMAIL = ColumnSetting("", "people", "email", data_type="str", kind=SEARCHABLE)
RAW = ColumnSetting("", "people", "raw")
PHONE = ColumnSetting(
    "", "people", "phone", kind=TOKENIZED, token_type="int32", data_type="int32", consistent=True
)
NICK = ColumnSetting("", "people", "nick", kind=TOKENIZED, token_type="str", data_type="str")
INT4, INT8 = 23, 20
#: Cells that take several turns.
MANY = 500
#: Microseconds that an AcraBlock counts.
CHEAP = 12


class Case(SynchronousTestCase):
    def setUp(self):
        self.bench = Workbench()
        self.bench.keys.put(purposes.SEARCH_HMAC, b"h" * 32, CLIENT)
        self.keys = ColumnKeys(self.bench.keys)
        self.workers = Workers()
        self.store = WatchedStore()
        self.tokenizer = Tokenizer(self.store, self.bench.keys, lambda: 0)
        self.tokens = ColumnTokens(self.tokenizer)

    def read(self, settings, *rows, formats=None, types=None):
        """Open rows and read them; the verdict, and their cells then."""
        run = batch(*rows, types=types or [BYTEA] * len(settings), formats=formats)
        Decryptor(self.bench.keys, self.workers).plan_result(run.columns).transform(
            run, self.bench.exchange
        )
        reading = CellReading(run.columns, settings, self.keys, self.tokens, self.workers)
        verifyObject(IRowTransform, reading)
        verdict = reading.transform(run, self.bench.exchange)
        if isinstance(verdict, Deferred):
            self.workers.turn()
            verdict = self.successResultOf(verdict)
        return verdict, [run.cells(row) for row in range(len(run))]

    def stored(self, setting, value):
        sealers = self.keys.sealers([setting], CLIENT)
        return sealers[setting].store(value, os.urandom).data


class Reading(Case):
    def test_cells_in_text_and_in_binary(self):
        values = [(NAME, b"Zaphod"), (AGE, b"42"), (EMAIL, b"z@example.com"), (RAW, b"\0\xff")]
        settings = [setting for setting, _ in values]
        stored = [self.stored(setting, value) for setting, value in values]
        verdict, cells = self.read(settings, [hexed(one) for one in stored], [None] * 4)
        self.assertIsInstance(verdict, Replace)
        self.assertEqual(cells, [[b"Zaphod", b"42", b"z@example.com", b"\\x00ff"], [None] * 4])
        _, cells = self.read(settings, stored, formats=[1] * 4)
        self.assertEqual(cells, [[b"Zaphod", b"\0\0\0\x2a", b"z@example.com", b"\0\xff"]])

    def test_a_column_that_is_not_protected_stays(self):
        verdict, cells = self.read([NAME, None], [hexed(self.stored(NAME, b"x")), b"text"])
        self.assertEqual(cells, [[b"x", b"text"]])
        self.assertIsInstance(verdict, Replace)
        verdict, _ = self.read([RAW, None], [hexed(b"\0"), b"text"])
        self.assertIs(verdict, PASS)

    def test_the_fates_of_values_are_counted(self):
        card = ColumnSetting("", "people", "card", kind=MASKED, masking=Masking(b"xx", 0, True))
        good, foreign = self.stored(NAME, b"x"), self.bench.block(b"42", key=b"f" * 32)
        self.read(
            [NAME, card],
            [hexed(good), hexed(good)],
            [hexed(foreign), hexed(foreign)],
            [hexed(b"in clear"), None],
        )
        self.assertEqual(
            self.bench.session.observer.columns,
            {
                ("people.name", "opened"): 1,
                ("people.name", "failed"): 1,
                ("people.name", "plaintext"): 1,
                ("people.card", "opened"): 1,
                ("people.card", "masked"): 1,
            },
        )

    def test_a_search_prefix_that_is_another_value_s(self):
        other = self.stored(EMAIL, b"other")
        mixed = self.stored(EMAIL, b"one")[:33] + other[33:]
        _, cells = self.read([EMAIL], [hexed(mixed)])
        self.assertEqual(cells, [[hexed(mixed)]])

    def test_a_value_that_does_not_open_may_be_an_error(self):
        foreign = self.bench.block(b"42", key=b"f" * 32)
        verdict, _ = self.read([AGE], [hexed(foreign)])
        self.assertIs(type(verdict), Deny)
        self.assertEqual(verdict.sqlstate, b"22000")
        self.assertIn("people.age", verdict.text)

    def test_many_cells_take_several_turns_and_no_thread(self):
        """Counted: cells that a turn of the reactor has opened, and cells that one has read."""
        rows = [[hexed(self.stored(NAME, b"%d" % number))] for number in range(MANY)]
        run = batch(*rows)
        decryption = Decryptor(self.bench.keys, self.workers).plan_result(run.columns)
        opening = decryption.transform(run, self.bench.exchange)
        self.assertLessEqual(self.most_in_a_turn(run, opening), STEP // CHEAP + 1)
        reading = CellReading(run.columns, [NAME], self.keys, self.tokens, self.workers)
        verdict = reading.transform(run, self.bench.exchange)
        self.assertLess(self.most_in_a_turn(run, verdict), MANY // 2)
        found = [run.cells(row) for row in range(len(run))]
        self.assertEqual(found, [[b"%d" % number] for number in range(MANY)])

    def most_in_a_turn(self, run, verdict):
        """Take turns until a verdict is there; the number of cells that the longest has changed."""
        self.assertNoResult(verdict)
        most = 0
        while self.workers.turns:
            before = [run.cells(row)[0] for row in range(MANY)]
            self.workers.step()
            after = [run.cells(row)[0] for row in range(MANY)]
            most = max(most, sum(map(operator.ne, before, after)))
        self.assertEqual(self.workers.waiting, [])
        self.assertIsInstance(self.successResultOf(verdict), Replace)
        return most

    def test_large_cells_are_read_in_a_thread(self):
        run = batch([hexed(self.stored(NAME, bytes(containers.INLINE_BYTES)))])
        reading = CellReading(run.columns, [NAME], self.keys, self.tokens, self.workers)
        verdict = reading.transform(run, self.bench.exchange)
        self.assertNoResult(verdict)
        self.assertEqual((len(self.workers.waiting), self.workers.turns), (1, []))

    def test_a_column_that_is_shown_twice_is_counted_twice(self):
        foreign = hexed(self.bench.block(b"42", key=b"f" * 32))
        self.read([NAME, NAME], [foreign, foreign], [hexed(self.stored(NAME, b"x")), None])
        self.assertEqual(
            self.bench.session.observer.columns,
            {("people.name", "opened"): 1, ("people.name", "failed"): 2},
        )


class Tokens(Case):
    def token(self, setting, value):
        [token] = self.successResultOf(self.tokenizer.tokenize(setting, [value], CLIENT))
        return token

    def test_tokens_of_a_run_are_asked_for_together_in_both_formats(self):
        phones = [self.token(PHONE, b"%d" % n) for n in range(5)]
        nicks = [self.token(NICK, b"nick%d" % n) for n in range(5)]
        self.tokenizer.forget()
        self.store.asked.clear()
        rows = list(zip(phones, nicks, phones, strict=True))
        settings = [PHONE, NICK, PHONE]
        types = [INT4, TEXT, INT4]
        verdict, cells = self.read(settings, *rows, [None] * 3, types=types)
        self.assertIsInstance(verdict, Replace)
        wanted = [[b"%d" % n, b"nick%d" % n, b"%d" % n] for n in range(5)]
        self.assertEqual(cells, [*wanted, [None] * 3])
        self.assertEqual([one for one in self.store.asked if one[0] == "get"], [("get", 5)] * 2)
        packed = int(phones[3]).to_bytes(8, "big", signed=True)
        row = [packed, nicks[3], packed[4:]]
        _, cells = self.read(settings, row, types=[INT8, TEXT, INT4], formats=[1, 1, 1])
        self.assertEqual(cells, [[b"\0\0\0\3", b"nick3", b"\0\0\0\3"]])

    def test_what_is_no_token_of_the_client_s_stays(self):
        _, cells = self.read([NICK, PHONE], [b"whatever", b"12"], types=[TEXT, INT4])
        self.assertEqual(cells, [[b"whatever", b"12"]])
        token = self.token(NICK, b"secret")
        hidden = NICK._replace(readers=frozenset(("others",)))
        self.store.asked.clear()
        verdict, cells = self.read([hidden], [token], types=[TEXT])
        self.assertEqual((verdict, cells, self.store.asked), (PASS, [[token]], []))

    def test_many_tokens_are_read_in_several_turns(self):
        nicks = [self.token(NICK, b"nick%d" % n) for n in range(MANY)]
        _, cells = self.read([NICK], *([one] for one in nicks), types=[TEXT])
        self.assertEqual(cells, [[b"nick%d" % n] for n in range(MANY)])

    def test_a_store_that_is_away_refuses_the_rows(self):
        token = self.token(NICK, b"secret")
        self.tokenizer.forget()
        self.store.away = True
        verdict, _ = self.read([NICK], [token], types=[TEXT])
        self.assertIs(type(verdict), Deny)
        self.assertEqual((verdict.sqlstate, verdict.rule), (b"58030", "token_store"))
        self.assertIn("people.nick", verdict.text)
        self.assertNotIn(token.decode(), verdict.text)

    def test_a_value_beside_tokens_is_refused_before_they_are_shown(self):
        token = self.token(NICK, b"secret")
        foreign = self.bench.block(b"42", key=b"f" * 32)
        verdict, _ = self.read([NICK, AGE], [token, hexed(foreign)], types=[TEXT, BYTEA])
        self.assertIn("people.age", verdict.text)


class Outdated(Case):
    def test_rows_of_tables_that_are_not_known_yet_are_refused(self):
        reading = OutdatedReading()
        verifyObject(IRowTransform, reading)
        verdict = reading.transform(batch([b"x"], types=[TEXT]), self.bench.exchange)
        self.assertEqual((type(verdict), verdict.sqlstate), (Deny, b"0A000"))
        # The statement is done: no driver may try it again by itself.
        self.assertEqual(verdict.routine, "")

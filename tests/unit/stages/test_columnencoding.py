"""Values that are stored and searched for, with the keys of the session's client."""

from twisted.internet.defer import Deferred

from acra_twisted import purposes
from acra_twisted.encryption.making import COST
from acra_twisted.encryption.postgresql.arrays import from_array, to_array
from acra_twisted.encryption.postgresql.plaintexts import Way
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import (
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    EncryptionSettings,
    TableSetting,
)
from acra_twisted.exchange import Exchange, Parameters, Statement, ToldType
from acra_twisted.pipeline.steps import STEP
from acra_twisted.stages.columnencoding import INLINE
from acra_twisted.stages.encryptor import Encryptor
from acra_twisted.tokens.tokenizer import Tokenizer
from acra_twisted.verdicts import PASS, Deny
from tests.support.containers import CLIENT
from tests.support.encryptors import EMAIL, SEARCHED, SECRET, BoundCase, EncryptorCase, end
from tests.support.tokenizing import WatchedStore

NICK = ColumnSetting(
    "", "people", "note", kind=TOKENIZED, token_type="str", data_type="str", consistent=True
)
AGE = ColumnSetting("", "people", "age", kind=TOKENIZED, token_type="int32", data_type="int32")
MAIL = ColumnSetting("", "people", "name", kind=SEARCHABLE, data_type="str")
TOKENS = EncryptionSettings(
    [TableSetting("", "people", (), {one.name: one for one in (NICK, AGE, MAIL)})]
)


class Stores(EncryptorCase):
    def test_many_values_are_encoded_in_turns_of_the_reactor(self):
        for count in (INLINE, INLINE + 1, 500):
            rows = ", ".join(f"({n}, 'v{n}')" for n in range(count))
            text = f"INSERT INTO people (id, name) VALUES {rows}"
            statement = Statement(text.encode())
            exchange = Exchange(self.session, "query", statement, 1)
            self.session.observer.columns.clear()
            found = [self.stage.on_statement(statement, exchange)]
            turns = 0
            if isinstance(found[0], Deferred):
                found.pop().addCallback(found.append)
            while not found:
                # No thread has anything to do.
                self.assertEqual(self.workers.waiting, [])
                self.workers.step()
                turns += 1
            most = STEP // COST + 1
            self.assertGreaterEqual((turns + 1) * most, count)
            sent = found[0].item.text
            self.assertEqual(self.values(sent), [b"v%d" % n for n in range(count)])
            self.assertEqual(self.session.observer.values("encrypted"), count)

    def test_a_value_that_is_refused_in_a_later_turn_refuses_all(self):
        rows = ", ".join(f"({n}, {n})" for n in range(200))
        verdict, _ = self.judge(f"INSERT INTO people (id, age) VALUES {rows}, (1, '{SECRET}')")
        self.refused(verdict, b"22P02")


class LaterKeys:
    """A key store that answers when a worker has looked."""

    def __init__(self, keys, workers):
        self._own, self._workers = keys, workers

    def keys(self, *question):
        return self._workers.run(self._own.keys, *question)

    def public_key(self, *question):
        return self._workers.run(self._own.public_key, *question)

    def __getattr__(self, name):
        return getattr(self._own, name)


class Searches(BoundCase):
    def setUp(self):
        super().setUp()
        self.stage = self.made(SEARCHED)

    def prefixes(self, value=SECRET, *keys):
        return Prefixes(EMAIL, keys or [b"h" * 32]).all(value.encode())

    def test_a_literal_that_is_compared_becomes_its_prefixes(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        sent = self.sent(f"SELECT id FROM people WHERE name = '{SECRET}'")
        self.assertNotIn(SECRET.encode(), sent)
        for prefix in self.prefixes(SECRET, b"n" * 32, b"h" * 32):
            self.assertIn(prefix.hex().encode(), sent)
        self.assertEqual(self.session.observer.values("searched"), 1)
        self.assertNotIn("acra.search_foreign_owner", self.exchange.attributes or {})

    def test_a_value_is_stored_and_searched_for_at_once(self):
        sent = self.sent(f"UPDATE people SET name = 'x' WHERE name = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        counted = [self.session.observer.values(what) for what in ("encrypted", "searched")]
        self.assertEqual(counted, [1, 1])

    def test_a_column_of_another_owner_is_searched_with_the_clients_own_keys(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"o" * 32, "other")
        sent = self.sent(f"SELECT id FROM people WHERE key = '{SECRET}'")
        self.assertIn(self.prefixes()[0].hex().encode(), sent)
        self.assertNotIn(self.prefixes(SECRET, b"o" * 32)[0].hex().encode(), sent)
        self.assertEqual(self.exchange.attributes["acra.search_foreign_owner"], "people.key")

    def test_parameters_that_are_compared(self):
        statement = self.prepare(
            "SELECT id FROM people WHERE name = $1 OR name = ANY($2)", types=(1043, 0)
        )
        self.assertEqual(statement.types, [1001, 1001])
        self.assertEqual(statement.told, [ToldType(1, 1043), ToldType(2, 1009)])
        sent = self.bind(statement, [SECRET.encode(), b"{a,NULL}"]).item
        self.assertEqual(sent.formats, [1, 1])
        self.assertEqual(sent.values[0], to_array(self.prefixes()))
        self.assertEqual(sent.values[1], to_array([*self.prefixes("a"), None]))

    def test_columns_are_compared_with_each_other_as_long_as_there_is_one_key(self):
        text = "SELECT a.id FROM people a JOIN people b ON a.name = b.name"
        self.assertIn(b"substr(a.name, 1, 33) = ", self.sent(text))
        prepared = self.prepare(text)
        self.assertIs(self.bind(prepared, []), PASS)
        self.sent(f"PREPARE p AS {text}")
        end(self.exchange, b"PREPARE")
        self.assertIs(self.judge("EXECUTE p")[0], PASS)
        end(self.exchange)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        verdict, _ = self.judge(text)
        self.assertIn("people.name", self.refused(verdict))
        self.refused(self.bind(prepared, []))
        self.refused(self.judge("EXECUTE p")[0])

    def test_a_prepared_search_for_a_literal_is_outdated_when_keys_are_rotated(self):
        """It would not find what is written from then on."""
        for condition in (f"name = '{SECRET}'", f"name IN ('{SECRET}', 'x')"):
            for key, parameter, values in ((b"n", " AND id = $1", [b"1"]), (b"m", "", [])):
                with self.subTest(condition + parameter):
                    text = f"SELECT id FROM people WHERE {condition}{parameter}"
                    statement = self.prepare(text)
                    self.sent(f"PREPARE p AS {text}")
                    end(self.exchange, b"PREPARE")
                    execute = f"EXECUTE p{'(1)' if values else ''}"
                    self.assertIs(self.bind(statement, values), PASS)
                    self.assertIs(self.judge(execute)[0], PASS)
                    end(self.exchange)
                    self.bench.keys.put(purposes.SEARCH_HMAC, key * 32, CLIENT)
                    told = self.refused(self.bind(statement, values))
                    self.assertIn("Prepare the statement anew.", told)
                    self.refused(self.judge(execute)[0])
                    anew = self.prepare(text)
                    for prefix in self.prefixes(SECRET, key * 32, b"h" * 32):
                        self.assertIn(prefix.hex().encode(), anew.text)
                    self.assertIs(self.bind(anew, values), PASS)
                    self.sent("DEALLOCATE p")
                    end(self.exchange, b"DEALLOCATE")

    def test_columns_that_meet_are_checked_by_keys_that_come_later(self):
        keys = LaterKeys(self.bench.keys, self.workers)
        self.stage = Encryptor(SEARCHED, keys, self.workers, lambda: self.now)
        prepared = self.prepare("SELECT a.id FROM people a JOIN people b ON a.name = b.name")
        self.assertIs(self.bind(prepared, []), PASS)
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        self.now += 60
        self.assertIn("people.name", self.refused(self.bind(prepared, [])))

    def test_what_the_stored_values_cannot_answer_is_refused(self):
        for condition in ("name < 'a'", "name LIKE 'a%'", "name = note", "upper(name) = 'A'"):
            verdict, _ = self.judge(f"SELECT id FROM people WHERE {condition}")
            self.refused(verdict)


class Arrays(BoundCase):
    """An array is many values: a worker encodes it, and a small one nobody waits for."""

    STORED = "INSERT INTO people (name) SELECT u FROM unnest($1::text[]) AS u"
    FOUND = "SELECT id FROM people WHERE name = ANY($1)"

    def elements(self, count):
        return [b"v%d" % number for number in range(count)]

    def asked(self, bound):
        """The verdict, and whether a worker was needed for it."""
        verdict = self.stage.on_parameters(
            bound, Exchange(self.session, "execute", bound.statement, 1)
        )
        is_later = isinstance(verdict, Deferred)
        return self.settled(verdict), is_later

    def test_that_is_stored(self):
        statement = self.prepare(self.STORED)
        for count in (0, 1, INLINE, INLINE + 1, 500):
            wanted = self.elements(count)
            for value, form, oid in (
                (b"{%b}" % b",".join(wanted), 0, 0),
                (to_array(wanted, 25), 1, 1009),
            ):
                bound = Parameters([value], [form], statement, [oid], True)
                verdict, is_later = self.asked(bound)
                self.assertEqual(is_later, count > INLINE)
                stored = from_array(verdict.item.values[0], 1001, 1, Way("bytes"))
                self.assertEqual([self.opened(one) for one in stored], wanted)

    def test_that_is_searched_for(self):
        self.stage = self.made(SEARCHED)
        statement = self.prepare(self.FOUND)
        for count in (1, INLINE, INLINE + 1, 500):
            wanted = self.elements(count)
            bound = Parameters([to_array(wanted, 25)], [1], statement, [1009], True)
            verdict, is_later = self.asked(bound)
            self.assertEqual(is_later, count > INLINE)
            expected = [Prefixes(EMAIL, [b"h" * 32]).newest(one) for one in wanted]
            self.assertEqual(verdict.item.values, [to_array(expected)])
            array = b"'{%b}'" % b",".join(wanted)
            statement_of_text = Statement(self.FOUND.encode().replace(b"$1", array))
            exchange = Exchange(self.session, "query", statement_of_text, 1)
            self.session.observer.columns.clear()
            verdict = self.stage.on_statement(statement_of_text, exchange)
            self.assertEqual(isinstance(verdict, Deferred), count > INLINE)
            sent = self.settled(verdict).item.text
            for one in expected:
                self.assertIn(one.hex().encode(), sent)
            self.assertEqual(self.session.observer.values("searched"), count)

    def test_many_parameters(self):
        for count in (INLINE, INLINE + 1):
            places = ", ".join(f"(${number + 1})" for number in range(count))
            statement = self.prepare(f"INSERT INTO people (name) VALUES {places}")
            wanted = self.elements(count)
            bound = Parameters(wanted, [0] * count, statement, [0] * count, True)
            verdict, is_later = self.asked(bound)
            self.assertEqual(is_later, count > INLINE)
            self.assertEqual([self.opened(one) for one in verdict.item.values], wanted)

    def test_too_many_elements_and_what_is_no_array(self):
        statement = self.prepare(self.STORED)
        liar = to_array([b"a"] * 100)[:12] + b"\0\0\0\1" + to_array([b"a"] * 100)[16:]
        for value, form, sqlstate in (
            (b"{%b}" % b",".join([b"x"] * 500_001), 0, b"54000"),
            (b"{x", 0, b"22P02"),
            (liar, 1, b"22P03"),
            (b"\0" * 11, 1, b"22P03"),
        ):
            bound = Parameters([value], [form], statement, [1009], True)
            self.refused(self.asked(bound)[0], sqlstate)

    def test_a_worker_s_failure_is_a_refusal(self):
        statement = self.prepare("INSERT INTO people (age) SELECT u FROM unnest($1::int[]) AS u")
        wanted = b"{%b,99999999999}" % b",".join([b"7"] * 100)
        verdict, is_later = self.asked(Parameters([wanted], [0], statement, [1007], True))
        self.assertTrue(is_later)
        self.assertIn("people.age", self.refused(verdict, b"22003"))


class Tokens(BoundCase):
    def setUp(self):
        super().setUp()
        self.store = WatchedStore()
        keys = self.bench.keys
        self.tokenizer = Tokenizer(self.store, keys, lambda: 0)
        self.stage = Encryptor(
            TOKENS, keys, self.workers, lambda: self.now, lambda _: self.tokenizer
        )

    def settled(self, verdict):
        self.workers.turn()
        return super().settled(verdict)

    def token(self, value=SECRET):
        asked = self.tokenizer.find(NICK, [value.encode()], CLIENT)
        return self.successResultOf(asked)[0]

    def count(self):
        return len(self.successResultOf(self.store.page())[0])

    def test_copied_rows_get_tokens_with_one_question_a_column(self):
        verdict, statement = self.judge("COPY people (id, note, age, name) FROM STDIN")
        self.assertIs(verdict, PASS)
        load = statement.copies.load(self.exchange)
        rows = "".join(f"{number}\t{SECRET}\t{number}\tz\n" for number in range(20))
        data = rows.encode() + b"20\t\\N\t\\N\t\\N\n"
        sent = self.settled(load.feed(data, self.exchange)).item
        self.assertNotIn(SECRET.encode(), sent)
        lines = [line.split(b"\t") for line in sent.splitlines()]
        self.assertEqual([line[1] for line in lines], [self.token()] * 20 + [b"\\N"])
        self.assertEqual(len({line[2] for line in lines}), 21)
        self.assertNotEqual([line[2] for line in lines[:20]], [b"%d" % n for n in range(20)])
        self.assertEqual(len([what for what in self.store.asked if what[0] == "add"]), 2)
        self.assertEqual(self.session.observer.values("tokenized"), 40)
        self.assertEqual(self.settled(load.finish(b"", self.exchange)).item, b"")

    def test_copied_rows_are_refused_without_the_store(self):
        load = self.judge("COPY people (note) FROM STDIN")[1].copies.load(self.exchange)
        self.store.away = True
        self.refused(self.settled(load.feed(SECRET.encode() + b"\n", self.exchange)), b"58030")

    def test_literals_become_tokens_with_one_question_a_column(self):
        sent = self.sent(
            f"INSERT INTO people (id, note, age, name) VALUES (1, '{SECRET}', -7, 'z'),"
            f" (2, '{SECRET}', 8, 'z'), (3, '', NULL, NULL), (4, 'x', 9, 'y')"
        )
        self.assertNotIn(SECRET.encode(), sent)
        self.assertEqual(sent.count(b" E'%b'" % self.token()), 2)
        self.assertEqual(
            [what for what in self.store.asked if what[0] == "add"], [("add", 2), ("add", 3)]
        )
        counted = [self.session.observer.values(what) for what in ("encrypted", "tokenized")]
        self.assertEqual(counted, [3, 7])

    def test_many_values_are_a_worker_s(self):
        rows = ", ".join(f"({n}, 'v{n}')" for n in range(INLINE + 1))
        sent = self.sent(f"INSERT INTO people (id, note) VALUES {rows}")
        self.assertEqual(self.count(), 2 * INLINE + 2)
        for n in range(INLINE + 1):
            self.assertIn(b" E'%b'" % self.token(f"v{n}"), sent)

    def test_arrays_of_tokens(self):
        statement = self.prepare("SELECT id FROM people WHERE note = ANY($1)")
        self.sent("INSERT INTO people (note) VALUES ('v0'), ('v1')")
        for count in (2, INLINE + 1):
            wanted = [b"v%d" % number for number in range(count)]
            exchange = Exchange(self.session, "execute", statement, 1)
            bound = Parameters([to_array(wanted, 25)], [1], statement, [1009], True)
            verdict = self.stage.on_parameters(bound, exchange)
            # The values are taken out of a long array by a worker.
            self.assertEqual(len(self.workers.waiting), int(count > INLINE))
            sent = self.settled(verdict).item
            self.assertIn(self.token("v1"), sent.values[0])
            # With the length in front of it: a token may have these letters, too.
            self.assertNotIn(b"\0\2v1", sent.values[0])

    def test_a_value_is_found_by_its_token_and_a_search_makes_none(self):
        self.sent(f"UPDATE people SET note = '{SECRET}'")
        before = self.count()
        sent = self.sent(f"SELECT id FROM people WHERE note IN ('{SECRET}', 'other')")
        self.assertIn(b'"%b"' % self.token(), sent.replace(b"{", b'"').replace(b"}", b'"'))
        self.assertNotIn(b"other", sent)
        self.assertEqual(self.count(), before)
        self.assertEqual(self.session.observer.values("searched"), 2)

    def test_tokens_that_are_not_consistent_cannot_be_searched(self):
        verdict, _ = self.judge("SELECT id FROM people WHERE age = 7")
        self.assertIn("consistent_tokenization", self.refused(verdict))

    def test_columns_of_tokens_are_compared_with_each_other(self):
        self.bench.keys.put(purposes.SEARCH_HMAC, b"n" * 32, CLIENT)
        verdict, _ = self.judge("SELECT 1 FROM people a JOIN people b ON a.note = b.note")
        self.assertIs(verdict, PASS)

    def test_parameters_become_tokens_of_their_types(self):
        statement = self.prepare(
            "UPDATE people SET age = $1, note = $2 WHERE note = $3 OR note = ANY($4)"
        )
        self.assertEqual(statement.types, [23, 25, 1009, 1009])
        self.assertEqual([one.type for one in statement.told], [23, 25, 25, 1009])
        sent = self.bind(statement, [b"7", SECRET.encode(), SECRET.encode(), b"{a,NULL}"]).item
        self.assertEqual((sent.formats, len(sent.values[0])), ([1] * 4, 4))
        self.assertEqual(sent.values[1], self.token())
        self.assertNotIn(b"\0\0\0\7", sent.values[0])
        self.assertEqual(sent.values[2], to_array([self.token()], 25))
        bound = self.bind(statement, [None, None, None, None]).item
        self.assertEqual(bound.values, [None, None, to_array([None], 25), None])

    def test_a_prepared_search_for_a_literal_that_gets_a_token_is_outdated(self):
        text = f"SELECT id FROM people WHERE note = '{SECRET}' AND id = $1"
        statement = self.prepare(text)
        for _ in range(2):
            self.assertNotIsInstance(self.bind(statement, [b"1"]), Deny)
        self.sent(f"UPDATE people SET note = '{SECRET}'")
        self.assertIn("Prepare the statement anew.", self.refused(self.bind(statement, [b"1"])))
        anew = self.prepare(text)
        self.assertIn(self.token(), anew.text)
        for _ in range(2):
            self.assertNotIsInstance(self.bind(anew, [b"1"]), Deny)

    def test_a_store_that_is_away_refuses_statements_and_parameters(self):
        statement = self.prepare("UPDATE people SET note = $1")
        self.store.away = True
        verdict, _ = self.judge(f"UPDATE people SET note = '{SECRET}'")
        self.assertIn("people.note", self.refused(verdict, b"58030"))
        self.assertEqual(verdict.rule, "token_store")
        self.refused(self.bind(statement, [SECRET.encode()]), b"58030")

    def test_a_value_that_its_column_does_not_have(self):
        verdict, _ = self.judge("UPDATE people SET age = 99999999999")
        self.assertIn("people.age", self.refused(verdict, b"22003"))
        self.assertEqual(self.store.asked, [])

    def test_parameters_in_another_encoding(self):
        self.session.parameters = {b"client_encoding": b"LATIN1"}
        statement = self.prepare("UPDATE people SET note = $1, name = $2 WHERE note = $3")
        sent = self.bind(statement, [b"caf\xe9"] * 3).item
        self.assertEqual(sent.values[0], self.token("café"))
        self.assertEqual(self.opened(sent.values[1]), "café".encode())
        self.assertEqual(sent.values[2], to_array([self.token("café")], 25))
        self.session.parameters = {b"client_encoding": b"SJIS"}
        self.refused(self.bind(statement, [b"caf\xe9"] * 3), b"0A000")

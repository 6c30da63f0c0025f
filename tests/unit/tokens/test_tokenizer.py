"""Values to tokens and back."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import tokenrecords, tokens
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.errors import KeyStoreError, TokenStoreError
from acra_twisted.purposes import SEARCH_HMAC, STORAGE_SYMMETRIC
from acra_twisted.tokens.tokencache import KEPT
from acra_twisted.tokens.tokenizer import CLOSED, DISABLED, FOUND, UNKNOWN
from tests.support import vectors
from tests.support.tokenizing import START, CountingWorkers, Desk, setting
from tests.support.tokenstores import everything

#: Values in canonical form, as each type has them.
VALUES = {
    "int32": st.integers(-(1 << 31), (1 << 31) - 1).map(lambda n: b"%d" % n),
    "int64": st.integers(-(1 << 63), (1 << 63) - 1).map(lambda n: b"%d" % n),
    "str": st.text(min_size=4, max_size=9).map(str.encode),
    "bytes": st.binary(min_size=4, max_size=9),
    "email": st.binary(min_size=6, max_size=20),
}


class Case(SynchronousTestCase):
    def setUp(self):
        self.begin()

    def begin(self, **options):
        self.desk = Desk(**options)
        self.store = self.desk.store
        self.tokenizer = self.desk.tokenizer

    def tokenize(self, column, *values, client="client", by=None):
        asked = (by or self.tokenizer).tokenize(column, values, client)
        return self.successResultOf(asked)

    def find(self, column, *values, client="client"):
        return self.successResultOf(self.tokenizer.find(column, values, client))

    def detokenize(self, column, *found, client="client", by=None):
        asked = (by or self.tokenizer).detokenize(column, found, client)
        return [tuple(each) for each in self.successResultOf(asked)]

    def entries(self):
        return self.successResultOf(Deferred.fromCoroutine(everything(self.store)))

    def change(self, prefix, **changes):
        """Change every record whose key begins so."""
        for entry in self.entries():
            if entry.key.startswith(prefix):
                record = tokenrecords.read(entry.record)._replace(**changes)
                self.successResultOf(self.store.replace([(entry, tokenrecords.write(record))]))

    def drop(self, prefix):
        gone = [entry for entry in self.entries() if entry.key.startswith(prefix)]
        self.successResultOf(self.store.remove(gone))


class ThereAndBack(Case):
    @given(
        st.sampled_from(sorted(VALUES)).flatmap(
            lambda kind: st.tuples(st.just(kind), st.lists(VALUES[kind], max_size=6))
        ),
        st.booleans(),
        st.booleans(),
    )
    def test_every_value_comes_back(self, kind_values, consistent, keyed):
        kind, values = kind_values
        self.begin(keyed=keyed)
        column = setting(kind, consistent)
        made = self.tokenize(column, *values)
        other = self.desk.another(keyed=keyed)
        for reader in (self.tokenizer, other):
            found = self.detokenize(column, *made, by=reader)
            self.assertEqual(found, [(FOUND, value) for value in values])
        for value, token in zip(values, made, strict=True):
            self.assertNotEqual(value, token)
        equal = dict(zip(values, made, strict=True))
        if consistent:
            self.assertEqual([equal[value] for value in values], made)
            self.assertEqual(self.tokenize(column, *values, by=other), made)
            self.assertEqual(self.find(column, *values), made)
        else:
            self.assertEqual(len(set(made)), len(made))

    def test_nothing_of_a_value_is_in_the_store(self):
        column = setting("str", consistent=True)
        self.tokenize(column, b"a planted secret")
        for entry in self.entries():
            for part in entry:
                self.assertNotIn(b"planted", part)
        self.assertEqual(sorted(entry.key[:2] for entry in self.entries()), [b"k.", b"t."])

    def test_an_empty_value_stays_empty_and_is_not_stored(self):
        for column in (setting(), setting(consistent=True)):
            self.assertEqual(self.tokenize(column, b"", b""), [b"", b""])
            self.assertEqual(self.detokenize(column, b""), [(FOUND, b"")])
        self.assertEqual(self.find(setting(consistent=True), b""), [b""])
        self.assertEqual((self.entries(), self.store.asked), ([], []))

    def test_many_are_one_question(self):
        values = [b"value %d" % n for n in range(10_000)]
        column = setting(consistent=True)
        made = self.tokenize(column, *values)
        self.assertEqual(self.store.asked, [("get", 10_000), ("add", 10_000)])
        self.store.asked = []
        self.detokenize(column, *made, by=self.desk.another())
        self.assertEqual(self.store.asked, [("get", 10_000)])

    def test_many_are_work_for_a_worker(self):
        for count, written, read in ((32, 0, 0), (33, 1, 3)):
            workers = CountingWorkers()
            self.begin(workers=workers)
            made = self.tokenize(setting(), *[b"value %d" % n for n in range(count)])
            self.assertEqual(workers.ran, written)
            self.detokenize(setting(), *made)
            self.assertEqual(workers.ran - written, read)


class Owners(Case):
    def test_a_column_with_an_owner_is_written_for_it(self):
        column = setting(owner="other")
        [token] = self.tokenize(column, b"Anna Maria", client="client")
        self.assertEqual(self.detokenize(column, token, client="client"), [(UNKNOWN, None)])
        self.assertEqual(self.detokenize(column, token, client="other"), [(FOUND, b"Anna Maria")])

    def test_clients_do_not_share_tokens(self):
        column = setting(consistent=True)
        [one] = self.tokenize(column, b"Anna Maria", client="client")
        [two] = self.tokenize(column, b"Anna Maria", client="other")
        self.assertNotEqual(one, two)
        self.assertNotEqual(self.find(column, b"Anna Maria", client="other"), [one])

    def test_types_do_not_share_tokens(self):
        self.tokenize(setting("str", True), b"Anna Maria")
        made = self.tokenize(setting("bytes", True), b"Anna Maria")
        self.assertEqual(self.detokenize(setting("str"), *made), [(UNKNOWN, None)])

    def test_without_a_key_nothing_is_written(self):
        self.begin(owners=())
        for column in (setting(), setting(consistent=True)):
            self.failureResultOf(
                self.tokenizer.tokenize(column, [b"Anna"], "client"), KeyStoreError
            )
        self.assertEqual(self.entries(), [])

    def test_without_its_key_a_token_stays_closed(self):
        [token] = self.tokenize(setting(), b"Anna Maria")
        self.begin(owners=("third",), store=self.store)
        self.assertEqual(self.detokenize(setting(), token), [(CLOSED, None)])
        self.assertEqual(self.tokenizer.counts["closed"], 1)

    def test_rotated_keys_keep_old_tokens(self):
        column = setting(consistent=True)
        old = self.tokenize(column, b"Anna Maria")
        self.desk.keys.put(STORAGE_SYMMETRIC, b"n" * 32, "client")
        self.desk.keys.put(SEARCH_HMAC, b"m" * 32, "client")
        self.assertEqual(self.tokenize(column, b"Anna Maria", by=self.desk.another()), old)
        self.assertEqual(self.detokenize(column, *old), [(FOUND, b"Anna Maria")])
        new = self.tokenize(column, b"Berta Maria")
        self.assertEqual(self.find(column, b"Anna Maria", b"Berta Maria"), [*old, *new])

    def test_keys_may_come_later(self):
        """A remote key store answers with a Deferred."""
        keys, waiting = self.desk.keys.keys, Deferred()
        self.desk.keys.keys = lambda *given: waiting.addCallback(lambda _: keys(*given))
        asked = self.tokenizer.tokenize(setting(), [b"Anna"], "client")
        self.assertNoResult(asked)
        waiting.callback(None)
        self.assertEqual(len(self.successResultOf(asked)), 1)


class Races(Case):
    def test_the_other_writer_wins_and_nothing_is_left_behind(self):
        column, other = setting(consistent=True), self.desk.another()
        won = []

        def first(bucket, groups):
            self.store.before = lambda *_: None
            won.extend(self.tokenize(column, b"Anna Maria", by=other))

        self.store.before = first
        self.assertEqual(self.tokenize(column, b"Anna Maria"), won)
        self.assertEqual(len(self.entries()), 2)

    def test_a_token_that_is_taken_is_made_again(self):
        """There are 62 tokens of one letter: 50 values find one, and 20 more do not."""
        made = self.tokenize(setting(), *[b"-"] * 50)
        self.assertEqual(len(set(made)), 50)
        failure = self.failureResultOf(
            self.tokenizer.tokenize(setting(), [b"-"] * 20, "client"), ValueRefusedError
        )
        self.assertEqual(failure.value.reason, "token_space")
        self.assertIn("people.name", str(failure.value))

    def test_a_token_of_a_crashed_writer_is_completed(self):
        """The record that leads back is gone: what is written must be readable."""
        column = setting(consistent=True)
        made = self.tokenize(column, b"Anna Maria")
        self.drop(b"t.")
        again = self.desk.another()
        self.assertEqual(self.tokenize(column, b"Anna Maria", by=again), made)
        self.assertEqual(self.detokenize(column, *made, by=again), [(FOUND, b"Anna Maria")])

    def test_records_that_were_exchanged_are_refused(self):
        column = setting(consistent=True)
        self.tokenize(column, b"Anna Maria", b"Bert Maria")
        one, two = (entry for entry in self.entries() if entry.key.startswith(b"k."))
        changes = [(one, two.record), (two, one.record)]
        self.successResultOf(self.store.replace(changes))
        self.failureResultOf(
            self.desk.another().tokenize(column, [b"Anna Maria"], "client"), TokenStoreError
        )


class Disabled(Case):
    def setUp(self):
        super().setUp()
        self.column = setting(consistent=True)
        self.made = self.tokenize(self.column, b"Anna Maria")
        self.tokenizer = self.desk.another()

    def refused(self):
        failure = self.failureResultOf(
            self.tokenizer.tokenize(self.column, [b"Anna Maria"], "client"), ValueRefusedError
        )
        self.assertEqual(failure.value.reason, "token_disabled")
        self.assertNotIn("Anna", str(failure.value))

    def test_a_disabled_token_is_told_when_it_is_read_and_refused_when_written(self):
        self.change(b"t.", disabled=True)
        self.assertEqual(self.detokenize(self.column, *self.made), [(DISABLED, None)])
        self.assertEqual(self.tokenizer.counts["disabled"], 1)
        self.refused()

    def test_a_disabled_value_is_refused_and_matches_nothing(self):
        self.change(b"k.", disabled=True)
        self.refused()
        found = self.find(self.column, b"Anna Maria")
        self.assertNotEqual(found, self.made)
        self.assertEqual(self.detokenize(self.column, *found), [(UNKNOWN, None)])
        self.assertEqual(len(self.entries()), 2)

    def test_a_minute_later_nobody_has_it_from_memory(self):
        self.assertEqual(self.detokenize(self.column, *self.made), [(FOUND, b"Anna Maria")])
        self.change(b"t.", disabled=True)
        self.desk.now += KEPT
        self.assertEqual(self.detokenize(self.column, *self.made), [(DISABLED, None)])


class Searching(Case):
    def test_a_look_tells_which_values_have_tokens(self):
        column = setting(consistent=True)
        [token] = self.tokenize(column, b"Anna Maria")
        before = self.entries()
        for tokenizer in (self.tokenizer, self.desk.another()):
            asked = tokenizer.look(column, [b"no", b"", b"Anna Maria"], "client")
            self.assertEqual(self.successResultOf(asked), [None, b"", token])
        self.assertEqual(self.entries(), before)

    def test_looking_for_a_value_without_a_token_creates_none_and_matches_none(self):
        column = setting(consistent=True)
        for token_type, value in (
            ("str", b"no"),
            ("int32", b"7"),
            ("email", b"a"),
            ("bytes", b"\0"),
        ):
            column = setting(token_type, consistent=True)
            found = self.find(column, value)
            self.assertNotEqual(found, [value])
            self.assertEqual(self.detokenize(column, *found), [(UNKNOWN, None)])
        self.assertEqual(self.entries(), [])
        self.assertFalse(any(name == "add" for name, _ in self.store.asked))

    def test_a_token_that_is_in_use_is_not_given(self):
        """The random bytes give the token of another value first."""
        column = setting("bytes", consistent=True)
        [taken] = self.tokenize(column, b"0123456789")
        answers = iter((taken, b"n" * 26))
        self.tokenizer = self.desk.another(random_bytes=lambda count: next(answers))
        self.assertEqual(self.find(column, b"abcdefghij"), [b"n" * 26])


class Compatible(Case):
    """Stores that Acra has written."""

    def setUp(self):
        self.begin(keyed=False, owners=())
        groups = vectors.encryption()
        self.desk.keys.put(STORAGE_SYMMETRIC, bytes.fromhex(groups["keys"]["symmetric"]), "client")
        bucket = bytes.fromhex(groups["token_store"]["bucket"])
        records = groups["token_store"]["records"]
        pairs = [vectors.unhex(record, "key", "record") for record in records]
        self.successResultOf(self.store.add(bucket, [[pair] for pair in pairs]))

    def test_tokens_of_acra_are_read_found_and_used(self):
        column = setting("str", consistent=True)
        [token] = self.find(column, b"Anna")
        self.assertEqual(token, b"czpL")
        self.assertEqual(self.detokenize(column, token), [(FOUND, b"Anna")])
        self.assertEqual(self.tokenize(column, b"Anna"), [token])
        self.assertEqual(len(self.entries()), 3)

    def test_a_disabled_token_of_acra(self):
        self.assertEqual(self.detokenize(setting("int32"), b"-388003460"), [(DISABLED, None)])

    def test_new_names_are_those_of_acra(self):
        self.drop(b"")
        self.tokenize(setting("str", consistent=True), b"Berta")
        name = tokens.value_key("str", b"Berta", tokens.scope_of("client"))
        self.assertIn(name, [entry.key for entry in self.entries()])


class Reading(Case):
    def test_a_value_that_was_there_before_is_told(self):
        self.assertEqual(
            self.detokenize(setting("int32"), b"5", b"99999999999", b"no number"),
            [(UNKNOWN, None)] * 3,
        )
        self.assertEqual(self.tokenizer.counts["unknown"], 3)

    def test_a_store_that_is_away_fails_every_question(self):
        column = setting(consistent=True)
        [token] = self.tokenize(column, b"Anna Maria")
        self.store.away = True
        away = self.desk.another()
        for asked in (
            away.tokenize(column, [b"Anna Maria"], "client"),
            away.tokenize(setting(), [b"Anna Maria"], "client"),
            away.find(column, [b"Anna Maria"], "client"),
            away.detokenize(column, [token], "client"),
        ):
            self.failureResultOf(asked, TokenStoreError)

    def test_a_damaged_record_fails_the_question(self):
        [token] = self.tokenize(setting(), b"Anna Maria")
        [entry] = self.entries()
        self.successResultOf(self.store.replace([(entry, b"\x0a\x7f")]))
        self.failureResultOf(
            self.desk.another().detokenize(setting(), [token], "client"), TokenStoreError
        )

    def test_a_record_of_another_type_fails_the_question(self):
        [token] = self.tokenize(setting(), b"Anna Maria")
        [entry] = self.entries()
        plain = tokenrecords.pack(b"Anna Maria", tokens.KINDS["email"])
        key = b"client".ljust(32, b"s")
        other = tokenrecords.seal(plain, key, b"client", bytes, START)
        self.successResultOf(self.store.replace([(entry, other)]))
        self.failureResultOf(
            self.desk.another().detokenize(setting(), [token], "client"), TokenStoreError
        )


class Interrupted:
    """A store during whose answers something happens."""

    def __init__(self, inside):
        self.inside = inside
        self.gets = 0
        self.meanwhile = lambda: None

    def get(self, bucket, keys):
        self.gets += 1
        found = self.inside.get(bucket, keys)
        self.meanwhile()
        return found

    def replace(self, changes):
        return self.inside.replace(changes)


class Memory(Case):
    def test_what_is_known_is_not_asked_again(self):
        column = setting(consistent=True)
        made = self.tokenize(column, b"Anna Maria")
        self.detokenize(column, *made)
        asked = list(self.store.asked)
        self.tokenize(column, b"Anna Maria")
        self.find(column, b"Anna Maria")
        self.detokenize(column, *made)
        self.assertEqual(self.store.asked, asked)
        self.assertEqual(self.tokenizer.counts["hit"], 3)

    def test_forgetting_the_keys_forgets_it(self):
        made = self.tokenize(setting(), b"Anna Maria")
        self.detokenize(setting(), *made)
        asked = len(self.store.asked)
        self.tokenizer.forget()
        self.detokenize(setting(), *made)
        self.assertEqual(len(self.store.asked), asked + 1)

    def test_an_answer_that_comes_after_keys_were_forgotten_is_not_kept(self):
        column = setting(consistent=True)
        [token] = self.tokenize(column, b"Anna Maria")
        for ask in (
            lambda by: self.tokenize(column, b"Anna Maria", by=by),
            lambda by: self.detokenize(column, token, by=by),
        ):
            for forgets in (False, True):
                store = Interrupted(self.store)
                self.desk.store = store
                by = self.desk.another()
                if forgets:
                    store.meanwhile = by.forget
                ask(by)
                before = store.gets
                ask(by)
                self.assertEqual(store.gets > before, forgets)

    def test_a_key_that_has_changed_is_not_circumvented(self):
        made = self.tokenize(setting(), b"Anna Maria")
        self.detokenize(setting(), *made)
        self.desk.keys.close()
        self.assertEqual(self.detokenize(setting(), *made), [(CLOSED, None)])


class Access(Case):
    def accessed(self):
        return {tokenrecords.read(entry.record).accessed for entry in self.entries()}

    def test_the_time_of_access_is_renewed_once_a_day(self):
        made = self.tokenize(setting(), b"Anna Maria")
        self.desk.now += 24 * 3600 - 1
        self.detokenize(setting(), *made)
        self.assertEqual(self.accessed(), {START})
        self.desk.now += 1 + KEPT
        self.detokenize(setting(), *made)
        self.assertEqual(self.accessed(), {self.desk.now})
        self.assertEqual(self.tokenizer.counts["renewed"], 1)

    def test_a_token_that_is_disabled_meanwhile_stays_so(self):
        made = self.tokenize(setting(), b"Anna Maria")
        self.desk.now += 24 * 3600
        replace = self.store.replace

        def disabled_first(changes):
            self.store.replace = replace
            self.change(b"t.", disabled=True)
            return replace(changes)

        self.store.replace = disabled_first
        self.assertEqual(self.detokenize(setting(), *made), [(FOUND, b"Anna Maria")])
        self.assertEqual(self.tokenizer.counts["not_renewed"], 1)
        self.assertEqual(
            self.detokenize(setting(), *made, by=self.desk.another()), [(DISABLED, None)]
        )

    def test_stopped_twice_it_closes_its_store_once(self):
        closed = []
        self.store.close = lambda: succeed(closed.append(1))
        for _ in range(2):
            self.assertTrue(self.tokenizer.stop().called)
        self.assertEqual(closed, [1])

    def test_stopping_waits_for_what_is_written(self):
        made = self.tokenize(setting(), b"Anna Maria")
        self.desk.now += 24 * 3600
        waiting, closed = Deferred(), []
        self.store.replace = lambda changes: waiting
        self.store.close = lambda: succeed(closed.append(1))
        self.detokenize(setting(), *made)
        stopped = self.tokenizer.stop()
        self.assertEqual(closed, [])
        waiting.errback(TokenStoreError("away"))
        self.successResultOf(stopped)
        self.assertEqual((closed, self.tokenizer.counts["not_renewed"]), ([1], 1))

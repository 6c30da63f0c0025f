"""Tokens for the values of statements and results."""

from twisted.internet.defer import succeed
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import errors, tokenrecords
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.making import SearchedTokens, TokenValues
from acra_twisted.encryption.settings import TOKENIZED, ColumnSetting
from acra_twisted.stages.columntokens import ColumnTokens
from tests.support.tokenizing import Desk


def column(name, token_type="str", **more):
    return ColumnSetting(
        *("", "people", name),
        kind=TOKENIZED,
        token_type=token_type,
        data_type="str" if token_type == "email" else token_type,
        **more,
    )


NICK = column("nick")
PHONE = column("phone", "int32", consistent=True)


class Case(SynchronousTestCase):
    def setUp(self):
        self.desk = Desk()
        self.tokens = ColumnTokens(self.desk.tokenizer)

    def makers(self, stored, compared=None, client="client"):
        return self.successResultOf(self.tokens.makers(TokenValues(stored, compared or {}), client))

    def write(self, setting, value, client="client"):
        makers = self.makers({setting: [value]}, client=client)
        return makers.sealers[setting].store(value, None).data

    def values(self, tokens, client="client"):
        return self.successResultOf(self.tokens.values(tokens, client))


class Writing(Case):
    def test_values_of_a_column_are_asked_for_together(self):
        values = {NICK: [b"a1", b"b2", b"a1"], PHONE: [b"7", b"7"]}
        makers = self.makers(values)
        found = {
            setting: [makers.sealers[setting].store(value, None).data for value in own]
            for setting, own in values.items()
        }
        self.assertEqual(len(set(found[NICK])), 3)
        self.assertEqual(len(set(found[PHONE])), 1)
        self.assertEqual([what for what in self.desk.store.asked if what[0] == "add"][0][1], 3)
        self.assertEqual(self.values(found)[PHONE], {found[PHONE][0]: b"7"})

    def test_a_value_that_is_searched_for_makes_nothing(self):
        token = self.write(PHONE, b"7")
        before = self.successResultOf(self.desk.store.page())
        searcher = self.makers({}, {PHONE: [b"7", b"8"]}).searchers[PHONE]
        self.assertEqual(searcher.forms(b"7"), [token])
        [other] = searcher.forms(b"8")
        self.assertNotIn(other, (token, b"8"))
        self.assertEqual(self.successResultOf(self.desk.store.page()), before)

    def test_a_value_that_has_no_token(self):
        email = column("email", "email")
        failed = self.tokens.makers(TokenValues({email: [b"a@b"]}, {}), "client")
        error = self.failureResultOf(failed, ValueRefusedError).value
        self.assertEqual(error.reason, errors.UNFIT)


class Marking(Case):
    def mark(self, *values):
        searched = [SearchedTokens(PHONE, values)]
        return self.successResultOf(self.tokens.mark(searched, "client"))

    def test_a_mark_changes_when_a_value_gets_a_token(self):
        self.write(PHONE, b"7")
        before = self.mark(b"7", b"8")
        self.write(PHONE, b"9")
        self.assertEqual(self.mark(b"7", b"8"), before)
        self.assertNotEqual(self.mark(b"8", b"7"), before)
        self.write(PHONE, b"8")
        self.assertNotEqual(self.mark(b"7", b"8"), before)

    def test_a_mark_makes_no_token(self):
        before = self.successResultOf(self.desk.store.page())
        self.mark(b"7", b"8")
        self.assertEqual(self.successResultOf(self.desk.store.page()), before)


class Reading(Case):
    def test_a_client_reads_its_own_and_those_that_it_may(self):
        token = self.write(NICK, b"secret")
        self.assertEqual(self.values({NICK: [token, b"other"]}), {NICK: {token: b"secret"}})
        self.assertEqual(self.values({NICK: [token]}, "other"), {NICK: {}})
        theirs = NICK._replace(owner="other")
        token = self.write(theirs, b"secret")
        self.assertEqual(self.values({theirs: [token]}), {theirs: {}})
        self.assertEqual(self.values({theirs: [token]}, "other"), {theirs: {token: b"secret"}})
        hidden = theirs._replace(readers=frozenset(("client",)))
        self.assertEqual(self.values({hidden: [token]}, "other"), {hidden: {}})
        self.assertEqual(self.values({NICK: []}), {NICK: {}})

    def test_a_disabled_token_is_known_and_has_no_value(self):
        token = self.write(NICK, b"secret")
        entries, _ = self.successResultOf(self.desk.store.page())
        changes = [
            (entry, tokenrecords.write(tokenrecords.read(entry.record)._replace(disabled=True)))
            for entry in entries
        ]
        self.successResultOf(self.desk.store.replace(changes))
        self.tokens.forget()
        self.assertEqual(self.values({NICK: [token]}), {NICK: {token: None}})

    def test_a_store_or_keys_that_are_away(self):
        token = self.write(NICK, b"secret")
        self.tokens.forget()
        self.desk.store.away = True
        values = TokenValues({PHONE: [b"7"]}, {})
        for asked in (
            self.tokens.values({NICK: [token]}, "client"),
            self.tokens.makers(values, "client"),
        ):
            error = self.failureResultOf(asked, ValueRefusedError).value
            self.assertEqual((error.sqlstate, error.reason), (b"58030", "token_store"))
        self.desk.store.away = False
        failed = self.tokens.makers(values, "nobody")
        error = self.failureResultOf(failed, ValueRefusedError).value
        self.assertEqual((error.sqlstate, error.reason), (b"58030", "token_store"))


class Ending(Case):
    def test_the_store_is_closed(self):
        closed = []
        self.desk.store.close = lambda: succeed(closed.append(True))
        self.successResultOf(self.tokens.stop())
        self.assertEqual(closed, [True])
        nothing = ColumnTokens(None)
        nothing.forget()
        self.assertIsNone(nothing.stop())

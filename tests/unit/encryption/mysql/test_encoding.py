"""Values of MySQL's texts and parameters as the database gets them."""

import struct

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.issuing import FoundTokens, IssuedTokens
from acra_twisted.encryption.mysql import encoding
from acra_twisted.encryption.mysql.encoding import Parameter, Reading, Tools
from acra_twisted.encryption.sealing import Stored
from tests.support.mysqlplanning import AGE, CARD, CODE, EMAIL, NAME, PHONE, plan

UTF8 = Reading("utf-8", True)


class Sealer:
    def store(self, plaintext, random_bytes):
        return Stored(b"<" + plaintext + b">", plaintext == b"passed")


class Searcher:
    width = 2

    def forms(self, plaintext):
        return [b"1" + plaintext, b"2" + plaintext] if plaintext else [b""]


TOOLS = Tools(dict.fromkeys((EMAIL, NAME, CARD), Sealer()), {EMAIL: Searcher()}, bytes)


def encoded(text, tools=TOOLS):
    planned = plan(text)
    found = encoding.of_literals(planned.plan, planned.literals, UTF8)
    return encoding.encode_text(planned.plan, planned.literals, found, tools)


def stored(text):
    return b"x'%b'" % text.hex().encode()


def string(text):
    return Parameter(253, text.encode(), 0)


class Texts(SynchronousTestCase):
    def test_literals_are_stored_and_searched_for(self):
        made = encoded("UPDATE people SET name = 'n', card = NULL WHERE email = 'e'")
        text = made.filled.text
        self.assertIn(stored(b"<n>"), text)
        for form in (b"1e", b"1f", b"2e", b"2f"):
            self.assertIn(stored(form), text)
        self.assertEqual(made.counts, {(NAME, "encrypted"): 1, (EMAIL, "searched"): 1})
        self.assertEqual(made.filled.parameters, [])

    def test_a_value_that_was_encrypted(self):
        made = encoded("INSERT INTO people (name) VALUES ('passed')")
        self.assertEqual(made.counts, {(NAME, "passed_as_is"): 1})

    def test_parameters_stay_parameters(self):
        made = encoded("SELECT id FROM people WHERE email = ? AND id = ?")
        self.assertEqual([one.parameter for one in made.filled.parameters], [1, 1, 1, 1, 2])
        self.assertEqual(made.counts, {})

    def test_a_column_that_nobody_can_search(self):
        with self.assertRaises(ValueRefusedError) as caught:
            encoded("SELECT id FROM people WHERE email = 'e'", TOOLS._replace(searchers={}))
        self.assertEqual(caught.exception.column, "people.email")

    def test_a_value_that_is_none_of_its_column(self):
        with self.assertRaises(ValueRefusedError) as caught:
            encoded("INSERT INTO people (age) VALUES ('young')")
        self.assertEqual(caught.exception.column, "people.age")
        self.assertNotIn("young", str(caught.exception))

    def test_tokens_that_are_wanted(self):
        planned = plan("UPDATE people SET age = 5, phone = NULL WHERE phone = '123'")
        found = encoding.of_literals(planned.plan, planned.literals, UTF8)
        values = encoding.tokens_of(planned.plan, found)
        self.assertEqual(values, ({AGE: [b"5"]}, {PHONE: [b"123"]}))


class Bound(SynchronousTestCase):
    def bind(self, text, *given, tools=TOOLS):
        planned = plan(text)
        literals = encoding.of_literals(planned.plan, planned.literals, UTF8)
        filled = encoding.encode_text(planned.plan, planned.literals, literals, tools).filled
        found = encoding.of_parameters(planned.plan, given, UTF8)
        return encoding.encode_parameters(planned.plan, filled.parameters, given, found, tools)

    def test_one_value_becomes_its_edges(self):
        text = "SELECT id FROM people WHERE email = ? AND id = ?"
        number = Parameter(3, b"\1\0\0\0", 1)
        sent, counts = self.bind(text, string("e"), number)
        blob = [Parameter(252, one, 0) for one in (b"1e", b"1f", b"2e", b"2f")]
        self.assertEqual(sent, [*blob, number])
        self.assertEqual(counts, {(EMAIL, "searched"): 1})

    def test_the_empty_value_has_one_form(self):
        sent, _ = self.bind("SELECT id FROM people WHERE email = ?", string(""))
        self.assertEqual([one.value for one in sent], [b"", b"\0", b"", b"\0"])

    def test_null(self):
        sent, counts = self.bind("INSERT INTO people (name) VALUES (?)", Parameter(6, None, 0))
        self.assertEqual(sent, [Parameter(252, None, 0)])
        self.assertEqual(counts, {})
        sent, _ = self.bind("SELECT id FROM people WHERE email = ?", Parameter(253, None, 0))
        self.assertEqual({one.value for one in sent}, {None})

    def test_tokens_have_the_types_of_their_columns(self):
        tools = Tools(
            {AGE: IssuedTokens([(b"5", b"-77")]), CODE: IssuedTokens([(b"c", b"tok")])},
            {PHONE: FoundTokens([(b"1", b"tel")])},
            bytes,
        )
        sent, counts = self.bind(
            "UPDATE people SET age = ?, code = ? WHERE phone = ?",
            *(Parameter(8, struct.pack("<q", 5), 1), string("c"), string("1")),
            tools=tools,
        )
        self.assertEqual(sent[0], Parameter(3, struct.pack("<i", -77), 1))
        self.assertEqual(sent[1], Parameter(253, b"tok", 0))
        self.assertEqual(set(sent[2:]), {Parameter(253, b"tel", 0)})
        self.assertEqual(
            counts, {(AGE, "tokenized"): 1, (CODE, "tokenized"): 1, (PHONE, "searched"): 1}
        )

    def test_a_value_that_is_none_of_its_column(self):
        with self.assertRaises(ValueRefusedError) as caught:
            self.bind("INSERT INTO people (name) VALUES (?)", Parameter(253, b"\xff", 0))
        self.assertEqual(caught.exception.column, "people.name")

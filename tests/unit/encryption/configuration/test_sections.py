"""Protected columns in sections of the ini file."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.blocks import COLUMN_BLOCKS
from acra_twisted.config.ini import IniFile
from acra_twisted.encryption.configuration.columns import Owner
from acra_twisted.encryption.configuration.sections import read_sections
from acra_twisted.encryption.settings import (
    MASKED,
    SEARCHABLE,
    TOKENIZED,
    Masking,
)

GOOD = """\
[database]
db_host = localhost
[encrypt:people.email]
searchable = true
data_type = str
# a comment
normalize = lower+nfc

[encrypt:people."My.Card"]
masking = xxxx
plaintext_length = 4
plaintext_side = right
read = client1,
    client2

[encrypt:hr.staff.pay]
token_type = int32
client_id =
[bypass:clean-up]
client_id = migrator
statement = UPDATE people
    SET email = 'a # b' WHERE id = 1
columns = people.email, people."My.Card"
until = 2027-01-31
reason = "ticket" 4711
"""


class Sections(SynchronousTestCase):
    def read(self, text=GOOD):
        return read_sections(IniFile("s.ini", text).blocks(COLUMN_BLOCKS), "PostgreSQL")

    def refused(self, old, new):
        text = GOOD.replace(old, new, 1)
        self.assertNotEqual(text, GOOD, old)
        return "\n".join(map(str, self.read(text).wrong))

    def test_no_readers_are_not_all_readers(self):
        for text in ("read =\n", "read = ,\n", "read =\n    \n"):
            told = self.refused("read = client1,\n    client2\n", text)
            self.assertIn("read: name at least one client id", told)

    def test_columns(self):
        found = self.read()
        self.assertEqual(found.wrong, [])
        people, staff = found.tables
        email, card = people.protected
        self.assertEqual((people.owner, people.where), (Owner("", "people"), "s.ini:3"))
        self.assertEqual((email.setting.kind, email.setting.data_type), (SEARCHABLE, "str"))
        self.assertEqual((email.where, email.setting.line), ("s.ini:3", 3))
        self.assertEqual(email.setting.normalize, {"lower", "nfc"})
        self.assertEqual((card.name, card.setting.kind), ("My.Card", MASKED))
        self.assertEqual(card.setting.masking, Masking(b"xxxx", 4, False))
        self.assertEqual(card.setting.readers, {"client1", "client2"})
        [pay] = staff.protected
        self.assertEqual(staff.owner, Owner("hr", "staff"))
        self.assertEqual((pay.setting.kind, pay.setting.owner), (TOKENIZED, ""))

    def test_bypasses(self):
        [(keys, where)] = self.read().bypasses
        self.assertEqual(where, "s.ini:19")
        self.assertEqual(keys["name"].value, "clean-up")
        self.assertEqual(keys["statement"].value, "UPDATE people\nSET email = 'a # b' WHERE id = 1")
        self.assertEqual(keys["columns"].value, (("people", "email"), ("people", "My.Card")))
        self.assertEqual(keys["reason"].value, '"ticket" 4711')
        self.assertEqual(keys["reason"].where, "s.ini:25")

    def test_mistakes_say_where(self):
        for old, new, told in (
            ("people.email", "email", "s.ini:3: [encrypt:email]: expected TABLE.COLUMN"),
            ("people.email", "a.b.c.d", "s.ini:3: [encrypt:a.b.c.d]: expected TABLE.COLUMN"),
            ("people.email", "people.", "s.ini:3: [encrypt:people.]: expected a name"),
            ("searchable", "serchable", "s.ini:4: unknown key 'serchable' in [encrypt:people.em"),
            ("= true", "= 1", "s.ini:4: searchable: expected true or false"),
            ("= true", "= true # so", "s.ini:4: searchable: a comment stands on a line of its own"),
            ("= true", "= true\n  true", "s.ini:4: searchable: expected one line"),
            ("data_type", "column = x\ndata_type", "s.ini:5: unknown key 'column' in [encrypt:peo"),
            ("data_type = str", "zone_id = D", "s.ini:5: unknown key 'zone_id' in [encrypt:peopl"),
            ("searchable = true", "", "s.ini:7: normalize has no effect without searchable: true"),
            ("= xxxx", '= "xxxx"', "s.ini:10: masking: the quotes count as part of the value"),
            ("= xxxx", "= xxxx # four", "s.ini:10: masking: a comment stands on a line of its"),
            ("right", "rihgt", "s.ini:12: plaintext_side: plaintext side must be left or right; d"),
            ("client2", "me", "s.ini:13: read: expected 5 to 256 characters"),
            ("int32", "int", "s.ini:17: token_type: int: unknown token type; did you mean 'int"),
            ("until", "untill", "s.ini:24: unknown key 'untill' in [bypass:clean-up]; did you mea"),
            ("2027-01-31", "soon", "s.ini:24: until: expected a date such as 2027-01-31"),
        ):
            self.assertIn(told, self.refused(old, new))

    def test_all_mistakes_are_told(self):
        told = self.refused("searchable = true\ndata_type = str", "searchable = 1\ndata_type = x")
        self.assertEqual(len(told.splitlines()), 2)

    def test_other_sections_are_left_alone(self):
        found = read_sections(IniFile("s.ini", "[censor:x]\nhandler = x").blocks(), "PostgreSQL")
        self.assertEqual((found.tables, found.bypasses, found.wrong), ([], [], []))

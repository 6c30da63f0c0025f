"""The whole configuration, from the file and the sections."""

import json
import re
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.blocks import COLUMN_BLOCKS
from acra_twisted.config.ini import IniFile
from acra_twisted.encryption.configuration import keys
from acra_twisted.encryption.configuration.columns import EFFECTIVE
from acra_twisted.encryption.configuration.reading import read_configuration
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import ConfigError
from tests.support.columnsettings import as_yaml, configurations
from tests.support.documents import TOP, blocks

NOW = datetime(2026, 11, 29, tzinfo=UTC).timestamp()
FILE = """\
schemas:
  - table: people
    columns: [id, email, card]
    encrypted:
      - column: email
        searchable: true
bypass:
  - client_id: migrator
    statement: UPDATE people SET card = card || '' WHERE id = 1
    columns: [people.card]
    until: 2027-01-31
    reason: ticket 4711
"""
INI = "[encrypt:people.card]\nmasking = xx\nplaintext_side = left\n"
#: Words, signs and values of which many texts are nearly a configuration.
_WORDS = [
    *{name for level in keys.LEVELS for name in level.known},
    *("true", "no", "null", "str", "5", "0x1", "2027-01-31", "client1", "people", "a.b", '"x"'),
]


class Whole(SynchronousTestCase):
    def read(self, text, ini=""):
        blocks = IniFile("s.ini", ini).blocks(COLUMN_BLOCKS)
        return read_configuration("c.yaml", text, NOW, blocks)

    def refused(self, text, ini=""):
        return str(self.assertRaises(ConfigError, self.read, text, ini))

    def test_file_and_sections_are_one(self):
        settings = self.read(FILE, INI)
        [people] = settings.tables
        self.assertEqual(list(people.protected), ["email", "card"])
        self.assertEqual(people.columns, ("id", "email", "card"))
        self.assertEqual(settings.bypasses[0].columns, {"people.card"})

    def test_sections_alone(self):
        [column] = self.read("", INI).columns
        self.assertEqual((column.label, column.line), ("people.card", 1))

    def test_a_column_is_in_one_of_them(self):
        told = self.refused(FILE, INI + "[encrypt:people.email]\n")
        expected = "s.ini:4: column 'email' of table 'people' is given twice; the other is at c.ya"
        self.assertIn(expected, told)
        self.assertIn(
            "s.ini:1: column 'crad' is not in columns of table 'people'; did you mean 'card'?",
            self.refused(FILE, INI.replace("card", "crad")),
        )
        told = self.refused(FILE, INI.replace("people", "hr.people"))
        self.assertIn("s.ini:1: table 'hr.people': the entry at c.yaml:2 has no schema", told)

    def test_all_mistakes_are_told_in_their_order(self):
        text = FILE.replace("card]\n    enc", "crad]\n    enc").replace("true", "1")
        told = self.refused(text.replace("2027", "2028"), INI.replace("left", "middle"))
        places = [line.partition(": ")[0] for line in told.splitlines()]
        self.assertEqual(places, ["c.yaml:6", "c.yaml:11", "s.ini:1", "s.ini:3"])

    def test_a_column_with_a_mistake_is_known_to_a_bypass(self):
        told = self.refused(FILE, INI.replace("left", "middle"))
        self.assertEqual(len(told.splitlines()), 1)

    def test_the_operator_is_told(self):
        self.assertEqual(
            self.read("schemas: []").remarks,
            ["c.yaml: no column is protected: the configuration names none"],
        )
        self.assertEqual(self.read("").tables, [])
        [told] = self.read(FILE, INI).remarks
        self.assertIn("client 'migrator' may leave people.card unprotected", told)

    def test_the_examples_of_the_page_are_configurations(self):
        page = [block.text for block in blocks(TOP / "docs/encryption.rst")]
        others = ("CREATE ", "acra-", "$ ", "[keystore]", "[encryptor]")
        shown = [text for text in page if not text.startswith(others)]
        file, sections, bypass = shown
        by_file, by_sections = self.read(file), self.read("", sections)
        self.assertEqual(
            [column._replace(line=0) for column in by_file.columns],
            [column._replace(line=0) for column in by_sections.columns],
        )
        self.assertEqual({column.kind for column in by_file.columns}, set(EFFECTIVE))
        self.assertEqual(len(self.read(bypass).bypasses), 1)

    def test_the_sample_is_a_configuration_also_with_what_is_commented_out(self):
        text = (TOP / "etc/encryptor.yaml").read_text()
        found = self.read(text)
        self.assertEqual({column.kind for column in found.columns}, set(EFFECTIVE))
        self.assertEqual(found.remarks, [])
        head, _, rest = text.partition("# bypass:")
        whole = head + "bypass:" + re.sub(r"(?m)^#", "", rest)
        self.assertEqual(len(self.read(whole).bypasses), 1)

    @given(configurations())
    def test_settings_are_read_back(self, settings):
        self.assertEqual(self.without_lines(self.read(as_yaml(settings))), settings)

    @staticmethod
    def without_lines(settings):
        tables = [
            table._replace(
                line=0, protected={n: c._replace(line=0) for n, c in table.protected.items()}
            )
            for table in settings.tables
        ]
        return EncryptionSettings(tables)

    @given(
        st.recursive(
            st.sampled_from(_WORDS) | st.none() | st.booleans() | st.integers(-9, 99),
            lambda inner: (
                st.lists(inner, max_size=4)
                | st.dictionaries(st.sampled_from(_WORDS), inner, max_size=5)
            ),
            max_leaves=30,
        )
    )
    def test_any_structure_is_read_or_refused(self, data):
        self.check(json.dumps(data, indent=1))

    @given(st.text() | st.lists(st.sampled_from([*_WORDS, *": \n-[]{},&*<|"])).map("".join))
    def test_any_text_is_read_or_refused(self, text):
        self.check(text)

    @given(st.integers(0, len(FILE)), st.text("\n :-[]{}&*\"'ax1", max_size=3), st.integers(0, 9))
    def test_a_file_with_a_slip_is_read_or_refused(self, at, put, cut):
        self.check(FILE[:at] + put + FILE[at + cut :])

    def check(self, text):
        try:
            self.assertIsInstance(self.read(text), EncryptionSettings)
        except ConfigError as error:
            for line in str(error).splitlines():
                self.assertTrue(re.match(r"c\.yaml:[1-9][0-9]*: |c\.yaml: this is no", line), line)

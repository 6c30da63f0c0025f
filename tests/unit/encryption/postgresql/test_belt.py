"""Definitions by which the database refuses plaintext."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql import belt
from acra_twisted.encryption.settings import EncryptionSettings
from tests.support.documents import TOP, blocks
from tests.unit.encryption.postgresql.test_protection import settings


def several():
    return EncryptionSettings(
        [
            *settings("people.name", 'people.Odd"name').tables,
            *settings("app.firms.email", kind="searchable").tables,
            *settings("firms.code", kind="searchable", scoped=True).tables,
            *settings("cards.number", kind="masked").tables,
            *settings("cards.id", kind="tokenized", token_type="int64").tables,
        ]
    )


class Script(SynchronousTestCase):
    def test_each_kind_has_its_domain_once_and_tokens_have_none(self):
        made = belt.domains(several())
        self.assertEqual(
            [line.split()[2] for line in made],
            ["acra_masked", "acra_protected", "acra_searchable", "acra_searchable_scoped"],
        )
        self.assertEqual(belt.domains(settings("people.name"))[0].count("CREATE DOMAIN"), 1)

    def test_columns_get_their_domains_and_tokens_their_type(self):
        made = "\n".join(belt.columns(several()))
        self.assertIn('ALTER TABLE "people" ALTER COLUMN "name" TYPE acra_protected;', made)
        self.assertIn('ALTER COLUMN "Odd""name" TYPE', made)
        self.assertIn('ALTER TABLE "app"."firms" ALTER COLUMN "email" TYPE acra_searchable;', made)
        self.assertIn('ALTER COLUMN "id" TYPE int8;', made)

    def test_searchable_columns_have_an_index_on_the_function_that_searches_call(self):
        self.assertEqual(
            belt.indexes(several()),
            [
                'CREATE INDEX CONCURRENTLY ON "app"."firms" (substr("email", 1, 33));',
                'CREATE INDEX CONCURRENTLY ON "firms" (substr("code", 1, 33));',
            ],
        )

    def test_the_script_has_all_in_order(self):
        lines = belt.script(several()).splitlines()
        words = [line.split()[0:2] for line in lines]
        self.assertEqual(
            words,
            sorted(
                words, key=[["CREATE", "DOMAIN"], ["ALTER", "TABLE"], ["CREATE", "INDEX"]].index
            ),
        )

    def test_the_page_shows_these_domains(self):
        text = "\n".join(block.text for block in blocks(TOP / "docs/encryption.rst"))
        shown = [part.partition(";")[0].split() for part in text.split("CREATE DOMAIN")[1:]]
        made = [
            line.replace("CHECK (", "CHECK ( ").rstrip(";").split()[2:]
            for given in (settings("people.name"), settings("people.email", kind="searchable"))
            for line in belt.domains(given)
        ]
        self.assertEqual(shown, made)

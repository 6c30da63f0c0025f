"""The keys of a column that go together, and the setting that they make."""

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration import keys
from acra_twisted.encryption.configuration.columns import ColumnReader, Defaults, Owner
from acra_twisted.encryption.configuration.document import Reader
from acra_twisted.encryption.settings import (
    CIPHERTEXT,
    DEFAULT_VALUE,
    ERROR,
    MASKED,
    NULL,
    PLAIN,
    RETURN,
    SEARCHABLE,
    TOKENIZED,
    ColumnSetting,
    Masking,
)
from acra_twisted.yamltext import compose

MASK = "masking: xxxx, plaintext_side: left"
SEARCH = "searchable: true"
TOKEN = "token_type: str"
#: The least that makes a column of each kind.
KINDS = {PLAIN: "", SEARCHABLE: SEARCH, MASKED: MASK, TOKENIZED: TOKEN}
INVALID = "invalid encryptor config"


class Columns(SynchronousTestCase):
    def read(self, text, defaults=Defaults(), database="PostgreSQL"):  # noqa: B008
        """Read the keys of a column ``c``; return its setting, and the mistakes."""
        node = compose("c.yaml", "{column: c, " + text.removeprefix(", ") + "}", 10_000)
        reader = Reader("c.yaml")
        found = reader.mapping(node, keys.COLUMN)
        if not found.sound:
            return None, "\n".join(map(str, reader.wrong))
        setting = ColumnReader(database, defaults, reader.wrong).read(
            Owner("s", "t"), "c", found.values, "c.yaml:7"
        )
        self.assertEqual(setting is None, bool(reader.wrong))
        return setting, "\n".join(map(str, reader.wrong))

    def setting(self, text, defaults=Defaults(), database="PostgreSQL"):  # noqa: B008
        setting, wrong = self.read(text, defaults, database)
        self.assertEqual(wrong, "", text)
        return setting

    def refused(self, text, told, defaults=Defaults(), database="PostgreSQL"):  # noqa: B008
        setting, wrong = self.read(text, defaults, database)
        self.assertIsNone(setting, text)
        self.assertIn(told, wrong, text)


class Kinds(Columns):
    def test_what_is_not_said_is_as_the_model_has_it(self):
        self.assertEqual(self.setting(""), ColumnSetting("s", "t", "c", line=7))

    def test_plain(self):
        setting = self.setting(
            "client_id: client1, crypto_envelope: acrastruct, data_type: str, "
            "response_on_fail: error, on_plaintext: null, read: [client1, client2]"
        )
        self.assertEqual(
            setting,
            ColumnSetting(
                "s",
                "t",
                "c",
                owner="client1",
                envelope="acrastruct",
                data_type="str",
                on_failure=ERROR,
                on_plaintext=NULL,
                readers=frozenset(("client1", "client2")),
                line=7,
            ),
        )

    def test_searchable(self):
        setting = self.setting(
            "searchable: true, data_type: str, search_keys: column, normalize: lower+nfc"
        )
        self.assertEqual((setting.kind, setting.scoped), (SEARCHABLE, True))
        self.assertEqual(setting.normalize, {"lower", "nfc"})
        for text, expected in (("none", set()), ("lower", {"lower"}), ("nfc", {"nfc"})):
            setting = self.setting(f"{SEARCH}, data_type: str, normalize: {text}")
            self.assertEqual(setting.normalize, expected)
        self.assertFalse(self.setting(f"{SEARCH}, search_keys: shared").scoped)

    def test_masked(self):
        setting = self.setting(f"{MASK}, allow_mask_writes: true")
        self.assertEqual(setting.masking, Masking(b"xxxx", 0, True))
        self.assertTrue(setting.mask_writes)
        setting = self.setting("masking: ż, plaintext_length: 9, plaintext_side: right")
        self.assertEqual(setting.masking, Masking("ż".encode(), 9, False))
        self.assertEqual(setting.kind, MASKED)

    def test_tokenized(self):
        for token_type in ("int32", "int64", "str", "bytes", "email"):
            for more in ("", ", tokenized: true"):
                setting = self.setting(f"token_type: {token_type}{more}")
                self.assertEqual((setting.kind, setting.token_type), (TOKENIZED, token_type))
                self.assertEqual(setting.data_type, token_type.replace("email", "str"))
                self.assertFalse(setting.consistent)
        self.assertTrue(self.setting(f"{TOKEN}, consistent_tokenization: true").consistent)

    def test_plaintext_is_a_failure_where_failures_have_an_answer_of_their_own(self):
        for text, expected in (
            ("data_type: str", RETURN),
            ("data_type: str, response_on_fail: ciphertext", RETURN),
            ("data_type: str, response_on_fail: error", ERROR),
            (f"{SEARCH}, response_on_fail: error", ERROR),
            ("data_type: str, default_data_value: x", DEFAULT_VALUE),
            (MASK, RETURN),
        ):
            self.assertEqual(self.setting(text).on_plaintext, expected, text)
            kept = self.setting(f"{text}, on_plaintext: return")
            self.assertEqual(kept.on_plaintext, RETURN, text)
        told = "on_plaintext: default_value needs default_data_value"
        self.refused(f"{SEARCH}, on_plaintext: default_value", told)
        self.refused(f"{MASK}, on_plaintext: default_value", told)

    def test_a_column_is_one_of_them(self):
        for one, other in ((SEARCH, MASK), (SEARCH, TOKEN), (MASK, TOKEN)):
            self.refused(f"{one}, {other}", f"c.yaml:7: {INVALID}: a column cannot be ")
        self.refused(f"{SEARCH}, tokenized: true", "searchable and tokenized at once")
        self.refused(f"{SEARCH}, plaintext_side: left", "searchable and masked at once")

    def test_what_is_not_so_may_be_said(self):
        self.assertEqual(self.setting("tokenized: false, searchable: false").kind, PLAIN)
        self.setting("plaintext_length: 0, consistent_tokenization: false, normalize: none")
        self.setting("search_keys: shared, allow_mask_writes: false, data_type_db_identifier: 0")
        self.setting(f"{TOKEN}, on_plaintext: return, reencrypting_to_acrablocks: true")


class Matrix(Columns):
    """Each cell of Acra's table of what goes together."""

    def check(self, kinds, more, fine, told=INVALID, **others):
        for kind, is_fine in zip(kinds, fine, strict=True):
            text = f"{KINDS[kind]}, {more}"
            if is_fine:
                self.assertEqual(self.setting(text, **others).kind, kind)
            else:
                self.refused(text, told, **others)

    ALL = (PLAIN, SEARCHABLE, MASKED, TOKENIZED)

    def test_data_types(self):
        for data_type in ("str", "bytes"):
            self.check(self.ALL, f"data_type: {data_type}", (1, 1, 1, 0))
        for data_type in ("int16", "int32", "int64", "bool", "float8", "uuid", "date"):
            self.check(self.ALL[:2], f"data_type: {data_type}", (1, 1))
            self.refused(
                f"{MASK}, data_type: {data_type}",
                "masking configuration error: data type not supported",
            )
            self.refused(f"{TOKEN}, data_type: {data_type}", INVALID)

    def test_numbers_of_data_types(self):
        for number, data_type in ((17, "bytes"), (25, "str"), (23, "int32"), (20, "int64")):
            text = f"data_type_db_identifier: {number}"
            for kind in (PLAIN, SEARCHABLE):
                setting = self.setting(f"{KINDS[kind]}, {text}")
                self.assertEqual((setting.kind, setting.data_type), (kind, data_type))
            told = "data_type can`t be used along with data_type_db_identifier option"
            self.refused(f"{TOKEN}, {text}", told)
            self.refused(f"data_type: str, {text}", told)
        self.check((MASKED, MASKED), "data_type_db_identifier: 17", (1, 1))
        self.refused(f"{MASK}, data_type_db_identifier: 23", "data type not supported")
        told = "unsupported data_type_db_identifier option"
        for number in (1043, 21, 1700, -1):
            self.refused(f"data_type_db_identifier: {number}", f"{told}; PostgreSQL has 17 (bytes)")
        for number in (3, 8, 252, 254):
            text = f"data_type_db_identifier: {number}"
            self.refused(text, f"{told}; {number} is a type of MySQL; PostgreSQL has")
            self.setting(text, database="MySQL")
        self.refused("data_type_db_identifier: 23", "23 is a type of PostgreSQL", database="MySQL")

    def test_response_on_fail(self):
        for word in ("ciphertext", "error"):
            text = f"response_on_fail: {word}"
            self.check(self.ALL, text, (0, 1, 0, 0))
            self.assertEqual(self.setting(f"{SEARCH}, {text}").on_failure, word)
            typed = f"data_type: str, {text}"
            self.check(self.ALL, typed, (1, 1, 0, 0))
        self.assertEqual(self.setting("data_type: str").on_failure, CIPHERTEXT)
        self.refused("response_on_fail: defualt", "unknown response_on_fail value: 'defualt'")

    def test_a_default(self):
        text = "data_type: str, default_data_value: x"
        self.check(self.ALL, text, (1, 0, 0, 0))
        self.check(self.ALL, f"{text}, response_on_fail: default_value", (1, 1, 0, 0))
        for setting in (
            self.setting(text),
            self.setting(f"{SEARCH}, {text}, response_on_fail: default_value"),
        ):
            self.assertEqual((setting.on_failure, setting.default), (DEFAULT_VALUE, b"x"))
        for response in ("ciphertext", "error"):
            self.refused(
                f"{text}, response_on_fail: {response}",
                "default data value is defined, but `response_on_fail` operation is not "
                f'"default" ({response})',
            )
        for kind in ("", SEARCH):
            self.refused(
                f"{kind}, default_data_value: x, response_on_fail: default_value",
                "default_data_value used without data_type_id",
            )
            self.refused(
                f"{kind}, data_type: str, response_on_fail: default_value",
                "response_on_fail: default_value needs default_data_value",
            )

    def test_a_default_that_is_no_value(self):
        for data_type, text in (("int32", "x"), ("int32", "2147483648"), ("bytes", "?")):
            told = "invalid default value: "
            self.refused(f"data_type: {data_type}, default_data_value: '{text}'", told)
        setting = self.setting("data_type: int64, default_data_value: -5")
        self.assertEqual(setting.default, b"-5")

    def test_reencrypting(self):
        text = "reencrypting_to_acrablocks: false"
        self.check(self.ALL, text, (1, 0, 0, 0))
        self.refused(f"{text}, data_type: str", "must be true in a column with a data type")
        self.assertFalse(self.setting(text).reencrypts)

    def test_reencrypting_by_default(self):
        """False by default makes other columns invalid that do not say true themselves."""
        defaults = Defaults(reencrypting_to_acrablocks=False)
        self.check(self.ALL, "", (1, 0, 0, 0), "it is false here or in defaults", defaults=defaults)
        self.check(self.ALL, "reencrypting_to_acrablocks: true", (1, 1, 1, 1), defaults=defaults)
        self.assertFalse(self.setting("", defaults).reencrypts)

    def test_envelopes(self):
        text = "crypto_envelope: acrastruct"
        self.check(self.ALL, text, (1, 1, 1, 0), "crypto_envelope has no effect")
        self.check(self.ALL[:3], f"data_type: str, {text}", (1, 1, 0))
        self.assertEqual(self.setting(text).envelope, "acrastruct")
        self.check(self.ALL, "crypto_envelope: acrablock", (1, 1, 1, 1))
        self.refused("crypto_envelope: acrabloc", "invalid CryptoEnvelopeType; did you mean 'acrab")

    def test_envelopes_by_default(self):
        defaults = Defaults("acrastruct")
        found = [self.setting(KINDS[kind], defaults).envelope for kind in self.ALL]
        self.assertEqual(found, ["acrastruct"] * 3 + ["acrablock"])
        self.refused(f"{MASK}, data_type: str", INVALID, defaults)
        self.assertEqual(self.setting("crypto_envelope: acrablock", defaults).envelope, "acrablock")

    def test_consistent_tokens_by_default(self):
        defaults = Defaults(consistent_tokenization=True)
        self.assertTrue(self.setting(TOKEN, defaults).consistent)
        self.assertFalse(
            self.setting(f"{TOKEN}, consistent_tokenization: false", defaults).consistent
        )
        for kind in (PLAIN, SEARCHABLE, MASKED):
            self.assertFalse(self.setting(KINDS[kind], defaults).consistent)

    def test_masks(self):
        for text, told in (
            ("plaintext_side: left", "masking pattern can't be empty"),
            ("masking: '', plaintext_side: left", "masking pattern can't be empty"),
            ("masking: ''", "masking pattern can't be empty"),
            ("masking: xx", "plaintext side must be left or right"),
            ("masking: xx, plaintext_side: middle", "plaintext side must be left or right"),
            (f"{MASK}, plaintext_length: -1", "plaintext length cannot be negative"),
        ):
            self.refused(text, told)

    def test_tokens(self):
        for text, told in (
            ("tokenized: true", "`tokenized` is provided without `token_type`"),
            (f"tokenized: false, {TOKEN}", "`tokenized` is disabled, but `token_type` is provided"),
            ("token_type: int32_string", "int32_string: unknown token type; expected int32"),
            ("token_type: uuid", "uuid: unknown token type"),
            ("data_type: Unknown", "Unknown: unknown token type"),
            ("data_type: strng", "strng: unknown token type; did you mean 'str'"),
        ):
            self.refused(text, told)

    def test_keys_without_effect(self):
        for text, told in (
            ("consistent_tokenization: true", "no effect without token_type"),
            ("plaintext_length: 4", "no effect without masking"),
            ("allow_mask_writes: true", "no effect without masking"),
            ("normalize: lower, data_type: str", "no effect without searchable: true"),
            ("search_keys: column", "no effect without searchable: true"),
        ):
            self.refused(text, told)
        self.refused(f"{TOKEN}, on_plaintext: error", "cannot be used in a tokenized column")
        self.refused(f"{SEARCH}, normalize: lower", "normalize needs data_type: str")
        self.refused(f"{SEARCH}, normalize: lower, data_type: int32", "needs data_type: str")
        self.refused("read: []", "name at least one client id")
        self.refused("read: ['']", "name at least one client id")

    def test_mistakes_stand_where_the_key_stands(self):
        text = "searchable: true,\nresponse_on_fail: ciphertext,\ndefault_data_value: x,\nread: []"
        _, wrong = self.read(text)
        places = {line.partition(": ")[0] for line in wrong.splitlines()}
        self.assertEqual(places, {"c.yaml:3", "c.yaml:4"})


class Combinations(Columns):
    """All combinations against the table of Acra 0.96, written once more as conditions."""

    @staticmethod
    def is_fine(search, mask, token, typed, response, default, reencrypts, acrablock):
        if search + mask + token > 1:
            return False
        if mask:
            return not (response or default) and reencrypts and (acrablock or not typed)
        if token:
            # Acra takes an AcraStruct here and makes AcraBlocks.
            return not (typed or response or default) and reencrypts and acrablock
        if default:
            fine = typed and response in (("default_value",) if search else ("", "default_value"))
        else:
            # Acra takes default_value here, and returns ciphertext.
            fine = response != "default_value"
        if search:
            return fine and reencrypts
        return fine and (typed or not response) and (reencrypts or not typed)

    def test_every_combination(self):
        flags = (False, True)
        responses = ("", "ciphertext", "default_value", "error")
        seen = {True: 0, False: 0}
        for case in product(flags, flags, flags, flags, responses, flags, flags, flags):
            search, mask, token, typed, response, default, reencrypts, acrablock = case
            parts = [
                SEARCH * search,
                MASK * mask,
                TOKEN * token,
                "data_type: str" * typed,
                f"response_on_fail: {response}" * bool(response),
                "default_data_value: x" * default,
                "reencrypting_to_acrablocks: false" * (not reencrypts),
                "crypto_envelope: acrastruct" * (not acrablock),
            ]
            setting, _ = self.read(", ".join(filter(None, parts)))
            fine = bool(self.is_fine(*case))
            self.assertEqual(setting is not None, fine, case)
            seen[fine] += 1
        self.assertGreater(seen[True], 30)
        self.assertGreater(seen[False], 400)

"""Options of COPY."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.postgres.copyformat import CopyDataError, CopyFormat, copy_format

NAMES = ("id", "email", "note")


class Formats(SynchronousTestCase):
    def test_the_defaults(self):
        self.assertEqual(copy_format({}, NAMES), CopyFormat())
        csv = CopyFormat("csv", b",", b"")
        self.assertEqual(copy_format({"format": "csv"}, NAMES), csv)
        self.assertEqual(copy_format({"format": "binary"}, NAMES), CopyFormat("binary"))

    def test_every_option(self):
        options = {
            "format": "csv",
            "delimiter": ";",
            "null": "none",
            "quote": "'",
            "escape": "!",
            "header": None,
            "force_not_null": ("email",),
            "force_null": ("id", "note"),
            "encoding": "utf-8",
            "freeze": None,
            "on_error": "ignore",
        }
        expected = CopyFormat(
            "csv", b";", b"none", b"'", b"!", True, frozenset({1}), frozenset({0, 2})
        )
        self.assertEqual(copy_format(options, NAMES), expected)

    def test_the_escape_is_the_quote_if_nothing_else_is_said(self):
        self.assertEqual(copy_format({"format": "csv", "quote": "'"}, NAMES).escape, b"'")

    def test_marks_for_defaults_and_quotes_that_are_forced(self):
        self.assertEqual(copy_format({"default": "\\D"}, NAMES).default, b"\\D")
        self.assertIsNone(copy_format({}, NAMES).default)
        made = copy_format({"format": "csv", "force_quote": ("note",)}, NAMES)
        self.assertEqual(made.quoted, {NAMES.index("note")})

    def test_headers(self):
        for value, header in (
            (None, True), ("true", True), ("ON", True), ("1", True), ("match", True),
            ("false", False), ("off", False), ("0", False),
        ):  # fmt: skip
            self.assertEqual(copy_format({"header": value}, NAMES).header, header)

    def test_all_columns(self):
        made = copy_format({"format": "csv", "force_null": "*"}, NAMES)
        self.assertEqual(made.null_in_quotes, {0, 1, 2})

    def test_options_that_are_refused(self):
        for options in (
            {"format": "xml"},
            {"format": None},
            {"oids": None},
            {"default": "a\tb"},
            {"default": "\\\\x00"},
            {"default": "x", "null": "x"},
            {"force_quote": "*"},
            {"encoding": "LATIN1"},
            {"header": "perhaps"},
            {"delimiter": "ab"},
            {"delimiter": "ż"},
            {"delimiter": "\n"},
            {"delimiter": "a"},
            {"delimiter": "."},
            {"null": "a\tb"},
            {"null": "a\n"},
            {"null": "00"},
            {"null": "\\x"},
            {"null": "\\\\x00"},
            {"force_null": ("id",)},
            {"format": "csv", "delimiter": "a"},
            {"format": "csv", "delimiter": "\\"},
            {"format": "csv", "quote": "0"},
            {"format": "csv", "quote": ","},
            {"format": "csv", "quote": "\n"},
            {"format": "csv", "quote": ""},
            {"format": "csv", "null": 'a"'},
            {"format": "csv", "force_null": ("other",)},
            {"format": "csv", "force_null": None},
            {"format": "csv", "default": 'a"'},
            {"format": "csv", "quote": ("a",)},
        ):
            self.assertRaises(CopyDataError, copy_format, options, NAMES)

    def test_encodings_whose_characters_hide_delimiters(self):
        for encoding in ("SJIS", "GBK", "BIG5"):
            self.assertRaises(CopyDataError, copy_format, {}, NAMES, encoding)
        self.assertEqual(copy_format({}, NAMES, "LATIN2"), CopyFormat())

"""Cells with tokens, whatever the database."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.errors import INVALID, INVALID_TEXT, ValueRefusedError
from acra_twisted.encryption.settings import DEFAULT_VALUE, TOKENIZED, ColumnSetting
from acra_twisted.encryption.tokenshowing import TokenShowing


class Reversed(TokenShowing):
    """Tokens are written backwards, and one of dots is none."""

    def _token(self, cell):
        if not cell.strip(b"."):
            raise ValueRefusedError(INVALID_TEXT, INVALID, "no token")
        return cell[::-1]

    def _cell(self, value):
        return value.upper()


class Showing(SynchronousTestCase):
    def reading(self, **more):
        setting = ColumnSetting("", "t", "c", kind=TOKENIZED, token_type="str", **more)
        return Reversed(setting)

    def test_each_token_is_asked_for_once(self):
        reading = self.reading()
        for cell in (b"ab", b"cd", b"ab", b".."):
            reading.note(cell)
        self.assertEqual(reading.tokens, [b"ba", b"dc"])
        reading.values = {b"ba": b"value"}
        self.assertEqual(reading.read(b"ab"), b"VALUE")
        # Nobody's token is shown as it is.
        self.assertEqual(reading.read(b"cd"), b"DC")
        self.assertEqual(reading.fates.plaintext, 1)

    def test_a_token_whose_value_must_not_be_read(self):
        reading = self.reading()
        reading.note(b"ab")
        reading.note(b"..")
        reading.values = {b"ba": None}
        for cell in (b"ab", b".."):
            self.assertRaises(ValueRefusedError, reading.read, cell)
        reading = self.reading(on_failure=DEFAULT_VALUE, default=b"none")
        reading.note(b"ab")
        self.assertEqual(reading.read(b"ab"), b"NONE")
        self.assertEqual(reading.fates.failed, 1)

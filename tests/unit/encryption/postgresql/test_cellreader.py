"""Cells of protected columns."""

import os

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.crypto import cells
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption.canonical import canonical
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql.cellreader import CellReader
from acra_twisted.encryption.reading import ColumnReader
from acra_twisted.encryption.sealing import ColumnSealer, block_seal
from acra_twisted.encryption.searching import Prefixes
from acra_twisted.encryption.settings import MASKED, SEARCHABLE, ColumnSetting, Masking
from tests.support.vectors import encryption, unhex

KEY, HMAC = unhex(encryption()["keys"], "symmetric", "hmac")
COLUMN = ColumnSetting("", "t", "c")
CARD = COLUMN._replace(kind=MASKED, masking=Masking(b"xxxx", 4, True))
TYPES = {17: "bytes", 23: "int32", 20: "int64", 25: "str"}


def read(setting, cell, form, key=KEY, encoding="UTF8", as_text=False):
    """The client's cell, by an opener with one key."""
    opener, opened = Opener([], [key]), []
    for sighting in cells.find(cell, form == 1):
        try:
            opened.append((sighting, opener.open(sighting.kind, sighting.data, {})))
        except Closed:
            pass
    reader = ColumnReader(setting, Prefixes(setting, [HMAC]))
    return CellReader(reader, form, encoding, as_text).read(cell, opened)


def stored(setting, plaintext):
    sealer = ColumnSealer(setting, block_seal(KEY), Prefixes(setting, [HMAC]))
    return sealer.store(plaintext, os.urandom).data


def digits(data):
    return b"\\x" + data.hex().encode()


def escaped(data):
    return b"".join(
        b"\\\\" if byte == 92 else b"%c" % byte if 32 <= byte < 127 else b"\\%03o" % byte
        for byte in data
    )


class Vectors(SynchronousTestCase):
    def test_what_is_stored(self):
        seen = 0
        for vector in encryption()["stored"]["vectors"]:
            plain, value, without_key = unhex(vector, "plain", "stored", "without_key")
            setting = COLUMN
            if "search" in vector["setting"]:
                setting = COLUMN._replace(kind=SEARCHABLE)
            elif without_key:
                setting = CARD
            elif "oid" in vector:
                setting = COLUMN._replace(data_type=TYPES[vector["oid"]])
            key = bytes.fromhex(
                encryption()["keys"][
                    "symmetric_rotated" if "rotated key" in vector["kind"] else "symmetric"
                ]
            )
            if "rotated hmac" in vector["kind"] or vector.get("expect") == "fail":
                self.assertEqual(read(setting, digits(value), 0, key), digits(value))
                continue
            text = vector["text_cell"].encode() if "oid" in vector else digits(plain)
            (binary,) = unhex(vector, "binary_cell") if "oid" in vector else (plain,)
            self.assertEqual(read(setting, digits(value), 0, key), text)
            self.assertEqual(read(setting, escaped(value), 0, key), text)
            self.assertEqual(read(setting, value, 1, key), binary)
            if without_key:
                self.assertEqual(read(setting, digits(value), 0, bytes(32)), digits(without_key))
                self.assertEqual(read(setting, value, 1, bytes(32)), without_key)
                text_setting = setting._replace(data_type="str")
                self.assertEqual(read(text_setting, digits(value), 0, bytes(32)), without_key)
            seen += 1
        self.assertEqual(seen, 12)

    def test_cells_of_every_type_as_the_original_makes_them(self):
        """Values that are none of their type are failures here; the original sends them."""
        agreed = 0
        for vector in encryption()["type_encode"]["vectors"]:
            value, cell = unhex(vector, "value", "cell")
            data_type = TYPES[vector["oid"]]
            form = 1 if vector["binary"] else 0
            default = vector["default"]
            if not value or (data_type == "str" and default == "AAE="):
                continue
            if default is not None:
                default = canonical(data_type, {"AAE=": b"\0\1"}.get(default, default.encode()))
            setting = COLUMN._replace(
                data_type=data_type, on_failure=vector["on_fail"], default=default
            )
            box = stored(COLUMN, value)
            sent = box if form else digits(box)
            if vector["opened"]:
                try:
                    canonical(data_type, value)
                except ValueRefusedError:
                    continue
                self.assertEqual(read(setting, sent, form), cell, vector)
            elif vector["error"]:
                self.assertRaises(ValueRefusedError, read, setting, sent, form, bytes(32))
            elif vector["on_fail"] == "default_value" and default is not None:
                # The original returns what looks like a number.
                if data_type in ("int32", "int64") and value.lstrip(b"-").isdigit():
                    continue
                self.assertEqual(read(setting, sent, form, bytes(32)), cell, vector)
            elif data_type == "bytes" and default is None and vector["on_fail"] == "ciphertext":
                self.assertEqual(read(setting, sent, form, bytes(32)), sent)
            else:
                continue
            agreed += 1
        self.assertGreater(agreed, 70)

    def test_ciphertext_in_a_type_that_has_no_place_for_it(self):
        box = stored(COLUMN, b"5")
        for form, sent in ((0, digits(box)), (1, box)):
            text = read(COLUMN._replace(data_type="str"), sent, form, bytes(32))
            self.assertEqual(text, digits(box))
            for data_type in ("int32", "bool", "date"):
                setting = COLUMN._replace(data_type=data_type)
                self.assertRaises(ValueRefusedError, read, setting, sent, form, bytes(32))


class Cells(SynchronousTestCase):
    def test_the_empty_value(self):
        for data_type, text in (("", b"\\x"), ("bytes", b"\\x"), ("str", b"")):
            setting = COLUMN._replace(data_type=data_type)
            self.assertEqual(read(setting, b"\\x", 0), text)
            self.assertEqual(read(setting, b"", 1), b"")
        self.assertRaises(ValueRefusedError, read, COLUMN._replace(data_type="int32"), b"\\x", 0)

    def test_a_column_of_characters(self):
        box = stored(COLUMN, "Żó".encode())
        setting = COLUMN._replace(data_type="str")
        for form in (0, 1):
            self.assertEqual(read(setting, digits(box), form, as_text=True), "Żó".encode())
            self.assertEqual(read(setting, b"C:\\temp", form, as_text=True), b"C:\\temp")
        # Without its mark the text of bytes is any text.
        self.assertEqual(read(setting, digits(box)[2:], 0, as_text=True), digits(box)[2:])
        latin = "Żó".encode("iso8859_2")
        self.assertEqual(read(setting, latin, 0, encoding="LATIN2", as_text=True), latin)

    def test_characters_that_begin_as_bytes_do_are_shown_as_they_are(self):
        """They were never encrypted: no error of a whole result, and no other value."""
        setting = COLUMN._replace(data_type="str")
        for cell in (b"\\xyz", b"\\x4", b"\\x4142", b"\\xff", b"\\x41 and more"):
            for form in (0, 1):
                self.assertEqual(read(setting, cell, form, as_text=True), cell)
        self.assertEqual(read(setting, b"\\x", 0, as_text=True), b"")
        box = stored(COLUMN, b"anna")
        strict = setting._replace(on_failure="error")
        for damaged in (box[:-1], bytes(33) + box[:-1]):
            with self.assertRaises(ValueRefusedError):
                read(strict, digits(damaged), 0, as_text=True)

    def test_characters_in_the_clients_encoding(self):
        box = stored(COLUMN, "Żó".encode())
        setting = COLUMN._replace(data_type="str")
        self.assertEqual(read(setting, box, 1, encoding="LATIN2"), "Żó".encode("iso8859_2"))
        with self.assertRaises(ValueRefusedError) as caught:
            read(setting, box, 1, encoding="LATIN1")
        self.assertEqual(caught.exception.sqlstate, b"22P05")

    def test_null_for_plaintext(self):
        setting = COLUMN._replace(on_plaintext="null")
        self.assertIsNone(read(setting, b"\\x6162", 0))

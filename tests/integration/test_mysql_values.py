"""Values of parameters are read as MariaDB reads them, or refused."""

import struct

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.errors import WireError
from acra_twisted.wire.mysql.parameters import check_for_mariadb, decode_execution
from tests.support import classmariadb
from tests.support.mysqlconversations import Client, encoded

#: Values as some type writes them: a number, a string, a date, a time.
VALUES = (
    *(b"\1", b"\1\0", b"\1\0\0\0", b"\1\0\0\0\0\0\0\0", b"\0\0\x80\x3f", bytes(7) + b"\x40"),
    *(b"\0", b"\x011", b"\x031.5", b"\5a'b\\c", b"\xfc\4\0wide"),
    *(b"\4\xe8\7\1\1", b"\7\xe8\7\1\1\1\1\1", b"\x0b\xe8\7\1\1\1\1\1\1\0\0\0"),
    *(b"\x08\0\1\0\0\0\1\1\1", b"\x0c\0\1\0\0\0\1\1\1\1\0\0\0", b""),
)
MARK = b"\4mark"


class Kinds(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.database = classmariadb.started(cls)
        cls.database.run("CREATE DATABASE d")

    def open(self):
        client = Client(self.database.port, "u", "pw", 0, 0)
        self.addCleanup(client.raw.close)
        client.raw.sendall(encoded(b"\x16SELECT ?, ?", 0))
        prepared = client.packet().payload
        # Definitions of two parameters and of two columns, with what ends them.
        for _ in range(6):
            client.packet()
        return client, prepared[1:5]

    @staticmethod
    def row_of(client, payload):
        """Return the row that answers an execution, or its error."""
        client.raw.sendall(encoded(payload, 0))
        first = client.packet().payload
        if first[:1] == b"\xff":
            return first
        for _ in range(3):
            client.packet()
        row = client.packet().payload
        client.packet()
        return row

    def test_each_value_is_the_server_s(self):
        """A value that is no mark stands before one that is: it must be found behind it."""
        client, number = self.open()
        read = set()
        for code in range(256):
            for sign in (0, 0x80):
                for value in VALUES:
                    payload = b"\x17" + number + b"\0" + struct.pack("<I", 1)
                    payload += b"\0\1" + bytes((code, sign)) + b"\xfd\0" + value + MARK
                    try:
                        found = decode_execution(payload, 2, None)
                        check_for_mariadb(found.kinds)
                    except WireError:
                        continue
                    if found.values[1] != MARK[1:]:
                        continue
                    row = self.row_of(client, payload)
                    if row[:1] == b"\xff":
                        # It runs nothing then.
                        continue
                    self.assertTrue(row.endswith(MARK), (code, value, row))
                    # The second byte tells which values are NULL.
                    self.assertEqual(row[1], 4 * (found.values[0] is None), (code, value, row))
                    read.add(code)
        self.assertGreater(len(read), 20)

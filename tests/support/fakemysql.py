"""A server that stands in for MySQL 8.4 and 9, which Debian does not have.

It has their greeting and capabilities, TLS, ``caching_sha2_password`` with its fast and full ways,
``sha256_password``, query attributes, both forms of a result's end, optional metadata, and
prepared statements.  Its SQL is a SELECT of literals, of ``?``, of CURRENT_USER(), of
``mysql_query_attribute_string('name')`` and of the variables by which texts are read, and SET of
``sql_mode``; whatever else is asked succeeds and has no rows.

It shares no code with what it tests.
"""

from __future__ import annotations

import re
import secrets
import socket
import ssl
import struct
import threading
from pathlib import Path

from tests.support.mysqlaccounts import NATIVE, SHA2, Accounts
from tests.support.mysqlfields import Reader, Violation

SSL, DATABASE, COMPRESS, ZSTD = 0x800, 0x8, 0x20, 0x4000000
PLUGIN, LENENC, DEPRECATE_EOF = 0x80000, 0x200000, 0x1000000
OPTIONAL_METADATA, QUERY_ATTRIBUTES = 0x2000000, 0x8000000
#: Those of MySQL 8.4, without compression.
CAPABILITIES = 0xDFFFFFFF & ~(COMPRESS | ZSTD)
AUTOCOMMIT = 2
OUT_OF_RESULT = 0xFE
_STRING, _NULL = 253, 6
_INTEGERS = {1: "b", 2: "h", 3: "i", 8: "q", 9: "i", 13: "h"}
_REALS = {4: "f", 5: "d"}
_ITEM = re.compile(
    r"'([^']*)'|\?|CURRENT_USER\(\)|mysql_query_attribute_string\('([^']*)'\)"
    r"|@@SESSION\.(sql_mode|character_set_client|character_set_results)",
    re.I,
)
_SET_MODES = re.compile(r"SET (?:SESSION )?sql_mode\s*=\s*'([A-Z_,]*)'", re.I).fullmatch


def lenenc(data: bytes) -> bytes:
    """A string behind its length."""
    size = len(data)
    if size < 251:
        return bytes((size,)) + data
    if size < 1 << 16:
        return b"\xfc" + struct.pack("<H", size) + data
    return b"\xfd" + struct.pack("<I", size)[:3] + data


class FakeMySQL:
    """Listens on ``port`` until it is stopped.  ``tls`` is its certificate and key.

    ``default`` is the plugin that its greeting names.  ``heard`` has every statement with its
    attributes; ``logins`` says how each login went: fast, clear, rsa, native, or refused.
    ``shown`` are the answers to its wishes for a password.  ``modes``: the ``sql_mode`` with which
    sessions begin.
    """

    def __init__(
        self,
        *,
        tls: tuple[Path, Path] | None = None,
        default: str = SHA2,
        capabilities: int = CAPABILITIES,
        version: str = "8.4.6",
    ) -> None:
        self.accounts = Accounts()
        self.default, self.version = default, version
        self.context = None
        if tls is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.capabilities = capabilities | SSL if tls else capabilities & ~SSL
        self.heard: list[tuple[str, dict[str, object]]] = []
        self.logins: list[str] = []
        self.shown: list[bytes] = []
        self.modes = ""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> FakeMySQL:
        self._threads[0].start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for one in tuple(self._open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(raw)
            thread = threading.Thread(target=self._serve, args=(raw, len(self._threads)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        session = Session(self, raw, number)
        try:
            session.run()
        except (OSError, Violation):
            pass
        finally:
            self._open.discard(raw)
            session.raw.close()


class Session:
    """One connection."""

    def __init__(self, server: FakeMySQL, raw: socket.socket, number: int) -> None:
        self.server, self.raw, self.number = server, raw, number
        self.sequence = 0
        self.scramble = self._new_scramble()
        self.user = ""
        self.flags = 0
        self.metadata = True
        self.modes = server.modes
        self.statements: dict[int, tuple[str, list[int]]] = {}

    @staticmethod
    def _new_scramble() -> bytes:
        return bytes(33 + byte % 90 for byte in secrets.token_bytes(20))

    # -- packets ----------------------------------------------------------------------------------

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += (part := self.raw.recv(size - len(data)))
            if not part:
                raise OSError("closed")
        return data

    def read(self) -> bytes:
        """The next packet, of however many parts."""
        payload, size = b"", 0xFFFFFF
        while size == 0xFFFFFF:
            header = self._take(4)
            size = int.from_bytes(header[:3], "little")
            self.sequence = (header[3] + 1) % 256
            payload += self._take(size)
        return payload

    def write(self, *payloads: bytes) -> None:
        """Packets with the numbers that are next."""
        data = b""
        for payload in payloads:
            data += len(payload).to_bytes(3, "little") + bytes((self.sequence,)) + payload
            self.sequence = (self.sequence + 1) % 256
        self.raw.sendall(data)

    def ok(self, first: int = 0) -> bytes:
        """An OK without rows, or, beginning with 254, the end of a result."""
        return bytes((first, 0, 0)) + struct.pack("<HH", AUTOCOMMIT, 0)

    def error(self, number: int, state: str, text: str) -> None:
        """Send an error."""
        self.write(b"\xff" + struct.pack("<H", number) + f"#{state}{text}".encode())

    def end(self) -> list[bytes]:
        """The packet behind columns, where there is one."""
        if self.flags & DEPRECATE_EOF:
            return []
        return [struct.pack("<BHH", OUT_OF_RESULT, 0, AUTOCOMMIT)]

    # -- login ------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve the session to its end."""
        server = self.server
        low, high = server.capabilities & 0xFFFF, server.capabilities >> 16
        self.write(
            b"\x0a"
            + server.version.encode()
            + b"\0"
            + struct.pack("<I", self.number)
            + self.scramble[:8]
            + b"\0"
            + struct.pack("<HBHHB", low, 255, AUTOCOMMIT, high, 21)
            + bytes(10)
            + self.scramble[8:]
            + b"\0"
            + server.default.encode()
            + b"\0"
        )
        response = self.read()
        if len(response) == 32 and server.context is not None:
            self.raw = server.context.wrap_socket(self.raw, server_side=True)
            response = self.read()
        read = Reader(response)
        self.flags = read.int(4) & server.capabilities
        read.take(28)
        self.user = read.nul().decode()
        answer = read.string() if self.flags & LENENC else read.take(read.int(1))
        if self.flags & DATABASE:
            read.nul()
        named = read.nul().decode() if self.flags & PLUGIN else NATIVE
        if self.login(answer, named):
            while self.command(self.read()):
                pass

    def login(self, answer: bytes, named: str) -> bool:
        """Authenticate; true if the user is who they say."""
        plugin = self.server.accounts.plugin(self.user)
        if named != plugin:
            self.scramble = self._new_scramble()
            self.write(b"\xfe" + plugin.encode() + b"\0" + self.scramble + b"\0")
            answer = self.read()
        how = self.judge(plugin, answer)
        self.server.logins.append(how or "refused")
        if how:
            self.write(self.ok())
        else:
            self.error(1045, "28000", "Access denied for user")
        return bool(how)

    def judge(self, plugin: str, answer: bytes) -> str:
        """How the user has shown the password; empty if they have not."""
        accounts = self.server.accounts
        if plugin == NATIVE:
            fine = accounts.agrees(self.user, answer, self.scramble, NATIVE)
            return "native" if fine else ""
        if plugin == SHA2 and self.user in accounts.known:
            if accounts.agrees(self.user, answer, self.scramble, SHA2):
                self.write(b"\x01\x03")
                return "fast"
            return ""
        if plugin == SHA2:
            self.write(b"\x01\x04")
            answer = self.read()
            self.server.shown.append(answer)
        how = "clear"
        if not isinstance(self.raw, ssl.SSLSocket):
            if answer == (b"\x02" if plugin == SHA2 else b"\x01"):
                self.write(b"\x01" + accounts.pem)
                answer = self.read()
            # A password in clear is taken for something encrypted.
            answer, how = accounts.opened(answer, self.scramble), "rsa"
        if not accounts.is_password(self.user, answer):
            return ""
        accounts.known.add(self.user)
        return how

    # -- commands ---------------------------------------------------------------------------------

    def command(self, payload: bytes) -> bool:
        """Answer one; false at the last."""
        code = payload[:1]
        if code == b"\x01":
            return False
        if code == b"\x03":
            self.query(payload)
        elif code == b"\x16":
            self.prepare(payload[1:].decode())
        elif code == b"\x17":
            self.execute(payload)
        elif code == b"\x19":
            self.statements.pop(int.from_bytes(payload[1:5], "little"), None)
        elif code == b"\x1b":
            self.write(*(self.end() or [self.ok(OUT_OF_RESULT)]))
        elif code == b"\x11":
            read = Reader(payload[1:])
            self.user = read.nul().decode()
            answer = read.take(read.int(1))
            read.nul(), read.take(2)
            return self.login(answer, read.nul().decode())
        elif code in (b"\x02", b"\x0e", b"\x1a", b"\x1f"):
            self.write(self.ok())
        else:
            self.error(1047, "08S01", "Unknown command")
        return True

    def query(self, payload: bytes) -> None:
        """COM_QUERY, with attributes where they are in force."""
        read = Reader(payload[1:])
        named: list[tuple[str, object]] = []
        if self.flags & QUERY_ATTRIBUTES:
            count = read.length()
            read.length()
            if count:
                named, _ = self.values(read, count, [], named=True)
        self.answer(read.rest().decode(), dict(named), [], binary=False)

    def prepare(self, text: str) -> None:
        """COM_STMT_PREPARE."""
        number = len(self.statements) + 1
        modes = _SET_MODES(text)
        if modes:
            self.modes = modes[1]
        items = list(_ITEM.finditer(text)) if text[:6].upper() == "SELECT" else []
        asked = text.count("?")
        self.statements[number] = (text, [])
        head = b"\0" + struct.pack("<IHHBH", number, bool(items) * len(items), asked, 0, 0)
        if self.flags & OPTIONAL_METADATA:
            head += bytes((self.metadata,))
        said = [head]
        if self.metadata:
            for count in (asked, len(items)):
                if count:
                    said += [*(self.column("?") for _ in range(count)), *self.end()]
        self.write(*said)

    def execute(self, payload: bytes) -> None:
        """COM_STMT_EXECUTE."""
        read = Reader(payload[1:])
        number, flags = read.int(4), read.int(1)
        read.take(4)
        if number not in self.statements:
            self.error(1243, "HY000", "Unknown prepared statement handler")
            return
        text, known = self.statements[number]
        count = asked = text.count("?")
        named = bool(self.flags & QUERY_ATTRIBUTES)
        if named and (asked or flags & 8):
            count = read.length()
        values: list[tuple[str, object]] = []
        if count:
            values, known[:] = self.values(read, count, known, named)
        attributes = dict(values[asked:])
        self.answer(text, attributes, [value for _, value in values[:asked]], binary=True)

    def values(
        self, read: Reader, count: int, known: list[int], named: bool
    ) -> tuple[list[tuple[str, object]], list[int]]:
        """Names and values, and the types that are known from now on."""
        nulls = read.take((count + 7) // 8)
        names = [""] * count
        if read.int(1):
            known = []
            for place in range(count):
                known.append(read.int(2))
                names[place] = read.string().decode() if named else ""
        made: list[object] = []
        for place, kind in enumerate(known):
            absent = nulls[place // 8] & 1 << place % 8
            made.append(None if absent else self.value(read, kind))
        return list(zip(names, made, strict=False)), known

    def value(self, read: Reader, kind: int) -> object:
        """One value of a parameter."""
        code, unsigned = kind & 0xFF, kind & 0x8000
        form = _INTEGERS.get(code, _REALS.get(code, ""))
        if form:
            form = form.upper() if unsigned and code in _INTEGERS else form
            return struct.unpack(f"<{form}", read.take(struct.calcsize(f"<{form}")))[0]
        if code == _NULL:
            return None
        return read.string().decode(errors="replace")

    def answer(
        self, text: str, attributes: dict[str, object], values: list[object], binary: bool
    ) -> None:
        """The result of a statement."""
        self.server.heard.append((text, attributes))
        if re.fullmatch(r"SET resultset_metadata\s*=\s*(NONE|FULL)", text, re.I):
            self.metadata = text.upper().endswith("FULL")
        modes = _SET_MODES(text)
        if modes:
            self.modes = modes[1]
        items = list(_ITEM.finditer(text)) if text[:6].upper() == "SELECT" else []
        if not items:
            self.write(self.ok())
            return
        left = iter(values)
        row = []
        for item in items:
            word = item[0].lower()
            if word == "?":
                row.append(next(left, None))
            elif word.startswith("'"):
                row.append(item[1])
            elif word.startswith("@@"):
                row.append(self.modes if word.endswith("mode") else "utf8mb4")
            elif word.startswith("current"):
                row.append(f"{self.user}@%")
            else:
                row.append(attributes.get(item[2]))
        head = bytes((len(row),))
        if self.flags & OPTIONAL_METADATA:
            head += bytes((self.metadata,))
        columns = [self.column(item[0]) for item in items] if self.metadata else []
        last = self.end() or [self.ok(OUT_OF_RESULT)]
        self.write(head, *columns, *self.end(), self.row(row, binary), *last)

    def column(self, name: str) -> bytes:
        """The definition of a text column."""
        names = b"".join(map(lenenc, (b"def", b"", b"", b"", name.encode(), b"")))
        return names + b"\x0c" + struct.pack("<HIBHBH", 45, 1024, _STRING, 0, 0, 0)

    def row(self, values: list[object], binary: bool) -> bytes:
        """One row."""
        nulls = bytearray((len(values) + 9) // 8)
        data = b""
        for place, value in enumerate(values):
            if value is None:
                nulls[(place + 2) // 8] |= 1 << (place + 2) % 8
                data += b"" if binary else b"\xfb"
            else:
                data += lenenc(str(value).encode())
        return b"\0" + bytes(nulls) + data if binary else data

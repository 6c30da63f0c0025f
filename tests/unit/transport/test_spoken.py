"""The protocol that a peer speaks, by its first bytes."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.spoken import (
    HTTP,
    LOOK,
    MYSQL,
    PLAIN,
    POSTGRESQL,
    PROXY,
    SECURE_SESSION,
    SSH,
    TLS,
    spoken,
)
from acra_twisted.wire.link import lengthprefix, tracecontext
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import (
    SPANS_OFFERED_PACKET,
    SSL_REQUEST_PACKET,
    CancelRequest,
    StartupPacket,
)

CONTEXT = tracecontext.TraceContext("1" * 32, "2" * 16, True)
EXAMPLES = (
    (TLS, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    (TLS, b"\x15\x03\x03\x00\x02\x02\x46"),
    (HTTP, b"GET /healthz HTTP/1.1\r\n"),
    (HTTP, b"PRI * HTTP/2.0\r\n"),
    (HTTP, b"HTTP/1.1 400 Bad Request\r\n"),
    (SSH, b"SSH-2.0-OpenSSH_9.9\r\n"),
    (PROXY, b"PROXY TCP4 10.0.0.1 10.0.0.2 5 6\r\n"),
    (PROXY, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"),
    (POSTGRESQL, SSL_REQUEST_PACKET),
    (POSTGRESQL, StartupPacket(0, {b"user": b"ann"}).encode()),
    (POSTGRESQL, CancelRequest(1, b"1234").encode()),
    (POSTGRESQL, SPANS_OFFERED_PACKET),
    (POSTGRESQL, backend.encode_error(b"FATAL", b"08006", "no")),
    (POSTGRESQL, b"R\0\0\0\x08\0\0\0\0"),
    (MYSQL, b"\x4a\0\0\0\x0a8.0.36\0"),
    (MYSQL, b"\x45\0\0\0\xff\x6a\x04Host is blocked"),
    (MYSQL, b"\x45\0\0\x02\xff\x84\x04#08S01no"),
    (PLAIN, tracecontext.encode(CONTEXT)),
    (PLAIN, lengthprefix.encode(b"")),
    (SECURE_SESSION, lengthprefix.encode(b"client one")),
)


class Spoken(SynchronousTestCase):
    def test_each_by_its_beginning(self):
        for expected, data in EXAMPLES:
            self.assertEqual(spoken(data), expected, data)
            self.assertEqual(spoken(data[:LOOK]), expected, data)

    def test_what_is_nobodys(self):
        for data in (b"", b"S", b"N", b"-ERR unknown command", b"220 mail", b"\0\0\0\0\0\0"[:3]):
            self.assertEqual(spoken(data), "", data)

    @given(st.binary(max_size=32))
    @example(b"\x16")
    @example(b"\0\0\0")
    def test_anything_has_an_answer_and_more_of_it_changes_none_but_the_unknown(self, data):
        known = {"", *(name for name, _ in EXAMPLES)}
        self.assertIn(spoken(data), known)

    @given(st.sampled_from(EXAMPLES), st.integers(0, 16))
    def test_a_beginning_is_the_same_or_not_known_yet(self, one, size):
        expected, data = one
        allowed = {"", expected}
        if expected in (SECURE_SESSION, PLAIN):
            allowed.add(PLAIN)
        self.assertIn(spoken(data[:size]), allowed)

"""Heads of HTTP requests: what is one, whatever it arrives in, and what is refused (OB-5)."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.wire.http.head import FIELDS_MAX, HEAD_MAX, LINE_MAX, HeadReader, Refused

GOOD = b"GET /metrics?a=1 HTTP/1.1\r\nHost: localhost:9\r\nAccept: text/plain\r\n\r\n"


def read(data, cuts=()):
    """Every head of ``data``, and the status of the refusal that ends it or 0."""
    reader, heads, at = HeadReader(), [], 0
    for cut in (*sorted(cuts), len(data)):
        reader.feed(data[at:cut])
        at = max(at, cut)
        try:
            while (head := reader.next_head()) is not None:
                heads.append(head)
        except Refused as refused:
            return heads, refused.refusal.status
    return heads, 0


def problem(head):
    """The status of what is wrong with a head, 0 for nothing."""
    for found in (head.problem_of_host(), head.problem_of_body(), head.problem_of_request()):
        if found is not None:
            return found.status
    return 0


class Heads(SynchronousTestCase):
    def test_a_head(self):
        [head], status = read(GOOD)
        self.assertEqual((head.method, head.target, head.path), ("GET", "/metrics?a=1", "/metrics"))
        self.assertEqual((head.host, head.persistent, status), ("localhost", True, 0))
        self.assertEqual(head.values("accept"), ["text/plain"])
        self.assertEqual(problem(head), 0)

    @given(st.sets(st.integers(1, 3 * len(GOOD))), st.integers(0, 3))
    def test_pieces_and_pipelines(self, cuts, blank_lines):
        data = b"\r\n" * blank_lines + GOOD * 3
        heads, status = read(data, [cut for cut in cuts if cut < len(data)])
        self.assertEqual((heads, status), (read(GOOD)[0] * 3, 0))

    @given(st.binary(max_size=300), st.sets(st.integers(0, 300)))
    def test_any_bytes_are_read_or_refused(self, data, cuts):
        data = b"GET / HTTP/1.1\r\n" + data
        heads, status = read(data, [cut for cut in cuts if cut < len(data)])
        self.assertIn(status, (0, 400, 414, 431, 505))
        self.assertEqual((heads, status), read(data))

    def test_what_is_no_head(self):
        for data, status in (
            (b"GET /\r\n", 400),
            (b"GET / HTTP/1.1 \r\n", 400),
            (b"GET  / HTTP/1.1\r\n", 400),
            (b"GET / HTTP/1.1\n", 400),
            (b"GET / HTTP/1.1\r\nHost: a\n\n", 400),
            (b"GET / HTTP/1.1\r\nHost : a\r\n", 400),
            (b"GET / HTTP/1.1\r\n folded\r\n", 400),
            (b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n", 400),
            (b"GET / HTTP/1.1\r\nA: b\0c\r\n", 400),
            (b"GET / HTTP/1.1\r\nA: b\rc\r\n", 400),
            (b"GET / HTTP/1.1\r\nno field\r\n", 400),
            (b"GET /\xe4 HTTP/1.1\r\n", 400),
            (b"PRI * HTTP/2.0\r\n", 505),
            (b"GET / HTTP/1.2\r\n", 505),
            (b"GET / HTTP/0.9\r\n", 505),
            (b"\x16\x03\x01\x02\x00\x01\n", 400),
            (b"G" * (LINE_MAX + 1), 414),
            (b"GET /" + b"a" * LINE_MAX + b" HTTP/1.1\r\n", 414),
            (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (FIELDS_MAX + 1), 431),
            (b"GET / HTTP/1.1\r\nA: " + b"b" * HEAD_MAX, 431),
            (b"\r\n" * HEAD_MAX, 431),
        ):
            self.assertEqual(read(data), ([], status), data[:40])

    def test_as_many_fields_as_there_may_be(self):
        data = b"GET / HTTP/1.0\r\n" + b"A: b\r\n" * FIELDS_MAX + b"\r\n"
        self.assertEqual(len(read(data)[0][0].fields), FIELDS_MAX)

    def ask(self, line="GET / HTTP/1.1", *fields):
        text = "".join(f"{each}\r\n" for each in (line, *fields))
        [head], _ = read(f"{text}\r\n".encode("latin-1"))
        return head

    def test_hosts(self):
        for value, host in (
            ("localhost", "localhost"),
            ("ACRA-Server_1:9399", "acra-server_1"),
            ("[::1]:9", "::1"),
            ("10.0.0.7", "10.0.0.7"),
            ("name:", "name"),
        ):
            head = self.ask("GET / HTTP/1.1", f"Host: {value}")
            self.assertEqual((head.host, problem(head)), (host, 0))
        for value in ("", "a b", "a,b", "user@a", "a/b", "a:b", "a:1:2", "[::1", "http://a"):
            self.assertEqual(problem(self.ask("GET / HTTP/1.1", f"Host: {value}")), 400, value)
        self.assertEqual(problem(self.ask()), 400)
        self.assertEqual(problem(self.ask("GET / HTTP/1.1", "Host: a", "Host: a")), 400)
        self.assertEqual(problem(self.ask("GET / HTTP/1.0", "Host: a", "host: a")), 400)
        self.assertEqual(problem(self.ask("GET / HTTP/1.0")), 0)

    def test_bodies(self):
        for field, status in (
            ("Content-Length: 1", 413),
            ("Content-Length: 999999999999", 413),
            ("content-length: 00", 0),
            ("Content-Length: 0", 0),
            ("Content-Length: -1", 400),
            ("Content-Length: +1", 400),
            ("Content-Length: 1, 1", 400),
            ("Content-Length:", 400),
            ("Content-Length: " + "9" * 5000, 400),
            ("Transfer-Encoding: chunked", 413),
            ("Transfer-Encoding: identity", 413),
            ("Transfer-Encoding:", 413),
        ):
            for line in ("GET / HTTP/1.1", "POST / HTTP/1.1", "HEAD / HTTP/1.1"):
                self.assertEqual(
                    problem(self.ask(line, "Host: a", field)),
                    status or (405 if line.startswith("POST") else 0),
                    field,
                )
        twice = self.ask("GET / HTTP/1.1", "Host: a", "Content-Length: 0", "Content-Length: 0")
        self.assertEqual(problem(twice), 400)

    def test_requests(self):
        for line, status in (
            ("POST / HTTP/1.1", 405),
            ("get / HTTP/1.1", 405),
            ("TRACE / HTTP/1.1", 405),
            ("CONNECT a:1 HTTP/1.1", 405),
            ("OPTIONS * HTTP/1.1", 405),
            ("GET http://localhost/metrics HTTP/1.1", 400),
            ("GET * HTTP/1.1", 400),
            ("GET a:1 HTTP/1.1", 400),
            ("GET /?" + "a&" * 40 + " HTTP/1.1", 414),
            ("GET /?" + ";a" * 40 + " HTTP/1.1", 414),
            ("GET //metrics HTTP/1.1", 0),
        ):
            self.assertEqual(problem(self.ask(line, "Host: a")), status, line)
        upgrade = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Expect: 100-continue")
        self.assertEqual(problem(self.ask("GET / HTTP/1.1", "Host: a", *upgrade)), 0)
        self.assertEqual(problem(self.ask("GET / HTTP/1.1", "Host: a", "Expect: more")), 417)

    def test_whether_another_request_may_follow(self):
        for fields, persistent in (
            ((), True),
            (("Connection: keep-alive",), True),
            (("Connection: close",), False),
            (("Connection: keep-alive, Close",), False),
            (("Connection: keep-alive", "Connection: close"), False),
        ):
            self.assertEqual(self.ask("GET / HTTP/1.1", *fields).persistent, persistent)
        self.assertFalse(self.ask("GET / HTTP/1.0", "Connection: keep-alive").persistent)

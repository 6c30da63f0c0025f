"""The HTTP API over memory transports: answers, spans, events, and who may give commands."""

from types import SimpleNamespace

from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.errors import ConfigError
from acra_twisted.optionkinds import Address
from acra_twisted.options import defaults
from acra_twisted.server.api import ApiConnection, check_api
from acra_twisted.wire.link import tracecontext
from tests.unit.server.test_connection import CONTEXT, ServerCase

FRAMED = tracecontext.encode(CONTEXT)
RESET = b"GET /resetKeyStorage HTTP/1.1\r\nHost: x\r\n\r\n"
INCORRECT = b"HTTP/1.1 404 Not Found\r\n\r\nincorrect request\r\n\r\n"
PARENT = "00-" + "c" * 32 + "-" + "d" * 16 + "-01"


class Api(ServerCase):
    def setUp(self):
        super().setUp()
        self.resets = 0
        self.told = []
        self.server.context.observers = SimpleNamespace(security_event=self.tell)

    def tell(self, code, text, session, exchange, **fields):
        self.told.append((code, text, fields))

    def reset(self):
        self.resets += 1

    def ask(self, *chunks, commands=None, clients=frozenset()):
        commands = {"/resetKeyStorage": self.reset} if commands is None else commands
        asking = ApiConnection(self.server.context, 7, "10.0.0.1", commands, clients)
        asking.makeConnection(StringTransport())
        for chunk in chunks:
            asking.dataReceived(chunk)
        return asking

    def answer(self, *chunks, **options):
        asking = self.ask(*chunks, **options)
        self.assertTrue(asking.transport.disconnecting)
        return asking.transport.value()

    def test_keys_are_read_anew(self):
        self.assertEqual(self.answer(RESET), b"HTTP/1.1 200 OK Found\r\n\r\n")
        self.assertEqual(self.resets, 1)
        [(code, text, fields)] = self.told
        self.assertEqual((code, text), (events.API_CALL, "HTTP API: /resetKeyStorage: done"))
        self.assertEqual(fields["client_id"], "an application")

    def test_fr5_in_any_pieces(self):
        data = FRAMED + RESET
        for cut in range(1, len(data)):
            self.assertEqual(self.answer(data[:cut], data[cut:])[:12], b"HTTP/1.1 200")
        self.assertEqual(self.resets, len(data) - 1)

    def test_anything_else_is_incorrect_and_not_shown(self):
        for path in (b"/", b"/getNewZone", b"/resetkeystorage", b"/resetKeyStorage/", b"/s3cret?q"):
            request = RESET.replace(b"/resetKeyStorage", path)
            self.assertEqual(self.answer(request), INCORRECT)
        self.assertEqual(self.resets, 0)
        self.assertNotIn("s3cret", str(self.told))
        attributes = [span.attributes for span in self.spans]
        self.assertNotIn("s3cret", str(attributes))
        self.assertIn("undefined", str(attributes))

    def test_the_method_is_not_asked_for_and_neither_are_arguments(self):
        for request in (RESET.replace(b"GET", b"POST"), RESET.replace(b" HTTP", b"?a=1 HTTP")):
            self.assertEqual(self.answer(request)[:12], b"HTTP/1.1 200")

    def test_what_is_no_http(self):
        for data in (b"\0\0\0\x08\x04\xd2\x16\x2f" * 3 + b"\r\n", b"x" * 20_000, b"GET /\r\n\r\n"):
            self.assertEqual(self.answer(data)[:12], b"HTTP/1.1 400")
        self.assertEqual(self.resets, 0)

    def test_a_page_of_a_browser_gives_no_commands(self):
        request = RESET[:-2] + b"Sec-Fetch-Site: cross-site\r\n\r\n"
        self.assertEqual(self.answer(request), INCORRECT)
        self.assertEqual(self.resets, 0)

    def test_only_certain_clients(self):
        self.assertEqual(self.answer(RESET, clients={"an application"})[:12], b"HTTP/1.1 200")
        self.assertEqual(self.answer(RESET, clients={"the operator"})[:12], b"HTTP/1.1 403")
        self.server.context.client_id = ""
        self.assertEqual(self.answer(RESET)[:12], b"HTTP/1.1 403")
        self.assertEqual(self.resets, 1)
        self.assertEqual(len(self.told), 3)

    def test_a_command_that_fails(self):
        def fail():
            raise OSError("s3cret")

        self.assertEqual(
            self.answer(RESET, commands={"/resetKeyStorage": fail}),
            b"HTTP/1.1 500 Server error\r\n\r\n\r\n\r\n",
        )
        self.assertNotIn("s3cret", str(self.told))
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_one_trace_with_the_connectors(self):
        asking = self.ask(FRAMED, RESET)
        asking.connectionLost(Failure(ConnectionDone()))
        by_name = {span.name: span for span in self.spans}
        self.assertEqual({span.trace_id for span in self.spans}, {CONTEXT.trace_id})
        connection = by_name["handleCommandsConnection"]
        request = by_name["processHTTPConnection"]
        self.assertEqual(connection.parent_id, CONTEXT.span_id)
        self.assertEqual(request.parent_id, connection.span_id)
        self.assertEqual(by_name["HandleSession"].parent_id, request.span_id)
        self.assertEqual(by_name["HandleSession"].attributes["http.url"], "/resetKeyStorage")
        self.assertEqual(request.attributes["http.response.status_code"], 200)
        self.assertTrue(all(span.end for span in self.spans))

    def test_an_applications_own_context(self):
        request = RESET[:-2] + f"traceparent: {PARENT}\r\n\r\n".encode()
        asking = self.ask(request)
        asking.connectionLost(Failure(ConnectionDone()))
        by_name = {span.name: span for span in self.spans}
        process, connection = by_name["processHTTPConnection"], by_name["handleCommandsConnection"]
        self.assertEqual(process.context.trace_id, "c" * 32)
        self.assertEqual(process.parent_id, "d" * 16)
        self.assertIn(connection.span_id, [link[1] for link in process.links])
        self.assertIn(process.span_id, [link[1] for link in connection.links])

    def test_the_connectors_context_is_the_nearer_one(self):
        self.ask(FRAMED, RESET[:-2] + f"traceparent: {PARENT}\r\n\r\n".encode())
        self.assertEqual({span.trace_id for span in self.spans}, {CONTEXT.trace_id})

    def test_what_comes_behind_is_not_read(self):
        self.ask(RESET + RESET, RESET)
        self.assertEqual(self.resets, 1)

    def test_it_may_not_take_for_ever(self):
        slow, done = self.ask(RESET[:-2]), self.ask(RESET)
        for asking in (slow, done):
            asking.check(self.reactor.seconds() + 3600)
            self.assertTrue(asking.transport.disconnected)
        timeouts = [code for code, *_ in self.told if code == events.DROPPED_BY_TIMEOUT]
        self.assertEqual(len(timeouts), 1)


class Checks(SynchronousTestCase):
    def settings(self, address, **more):
        given = {"http_api_enable": True, "incoming_connection_api_string": address, **more}
        return defaults(SERVER_SECTIONS).but(**given)

    def test_nobody_unknown_may_give_commands_from_another_machine(self):
        near, far = Address("127.0.0.1", 9090), Address("0.0.0.0", 9090)  # noqa: S104
        check_api(self.settings(far), True)
        check_api(self.settings(near), False)
        check_api(self.settings(far, http_api_enable=False), False)
        with self.assertRaisesRegex(ConfigError, "http_api_enable: whoever reaches tcp://0.0.0.0"):
            check_api(self.settings(far), False)

"""AcraServer's HTTP API through a real connector, over TLS and Secure Session, as one trace."""

import http.client
import json
import ssl
import tempfile
from contextlib import closing
from pathlib import Path

from acra_twisted.sandbox.chain import merge
from acra_twisted.sandbox.keys import Keys
from acra_twisted.sandbox.processes import free_port
from tests.integration.base import Surroundings, eventually, get

TRACE = "5" * 32


class HttpApi(Surroundings):
    def with_api(self, link, server=None, connector=None):
        there, here = free_port(), free_port()
        keys = (
            Keys(Path(tempfile.mkdtemp(dir=self.folder)), "an operator") if link != "tls" else None
        )
        at_server = {
            "http_api_enable": "true",
            "incoming_connection_api_string": f"tcp://127.0.0.1:{there}",
        }
        at_connector = {
            "http_api_enable": "true",
            "incoming_connection_api_string": f"tcp://127.0.0.1:{here}",
            "acraserver_api_connection_string": f"tcp://127.0.0.1:{there}",
        }
        chain = self.chain(
            link=link,
            keys=keys,
            authority=self.authority,
            server=merge({"api": at_server}, server),
            connector=merge({"api": at_connector}, connector),
        )
        return chain, here, there

    @staticmethod
    def ask(connection, path="/resetKeyStorage", **headers):
        with closing(connection):
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.reason, answer.read()

    def through(self, port, *arguments, **headers):
        return self.ask(http.client.HTTPConnection("127.0.0.1", port, 60), *arguments, **headers)

    def test_commands_through_every_link(self):
        for link in ("tls", "secure-session"):
            chain, port, _ = self.with_api(link)
            with self.subTest(link):
                self.assertEqual(self.through(port), (200, "OK Found", b""))
                unknown = self.through(port, "/getNewZone")
                self.assertEqual(unknown, (404, "Not Found", b"incorrect request\r\n\r\n"))
                for pages, service in (
                    (chain.connector_pages, "acraconnector"),
                    (chain.server_pages, "acraserver"),
                ):
                    line = f'{service}_connections_total{{connection_type="api"}} 2.0'
                    eventually(lambda p=pages, s=line: s in get(p, "/metrics"), line)
                log = (chain.folder / "acra-server.log").read_text()
                self.assertIn("HTTP API: /resetKeyStorage: done", log)
                self.assertIn("Keys will be read anew", log)

    def test_one_trace_from_the_program_on(self):
        chain, port, _ = self.with_api("tls")
        parent = f"00-{TRACE}-{'6' * 16}-01"
        self.assertEqual(self.through(port, traceparent=parent)[0], 200)
        chained = (
            "handleConnection",
            "handleCommandsConnection",
            "processHTTPConnection",
            "HandleSession",
        )

        def spans():
            """Those of both daemons by name, once all are there."""
            found = {}
            for pages in (chain.connector_pages, chain.server_pages):
                page = json.loads(get(pages, f"/debug/trace/{TRACE}?format=json"))
                found |= {span["name"]: span for span in page["spans"]}
            return found if found.keys() >= set(chained) else None

        by_name = eventually(spans, "the spans of both")
        above = "6" * 16
        for name in chained:
            self.assertEqual(by_name[name]["parent_id"], above, name)
            above = by_name[name]["span_id"]

    def test_directly_with_a_certificate(self):
        _, _, there = self.with_api("tls", server={"api": {"http_api_clients": "nobody at all"}})
        certificate, key = self.authority.issue("operator")
        context = ssl.create_default_context(cafile=str(self.authority.path))
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        asking = http.client.HTTPSConnection("127.0.0.1", there, timeout=300, context=context)
        self.assertEqual(self.ask(asking)[0], 403)
        without = ssl.create_default_context(cafile=str(self.authority.path))
        asking = http.client.HTTPSConnection("127.0.0.1", there, timeout=300, context=without)
        with self.assertRaises(OSError):
            self.ask(asking)

    def test_a_server_that_is_not_there(self):
        chain, port, _ = self.with_api("tls")
        chain.server.stop()
        status, _, text = self.through(port)
        self.assertEqual(status, 502)
        self.assertIn(b"could not connect to the API of AcraServer", text)

"""From settings to exporters; what is missing is said at the start, and secrets are not shown."""

import os
import sys
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.config.common import TCP, TRACING
from acra_twisted.errors import ConfigError
from acra_twisted.options import Section, defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.telemetry.export.destinations import doubts, make_exporters
from acra_twisted.telemetry.export.http import HttpExporter
from acra_twisted.telemetry.export.opencensus import OpenCensusExporter
from acra_twisted.telemetry.export.udp import UdpExporter

SECTIONS = [TRACING, Section("server", "", TCP)]


class Destinations(SynchronousTestCase):
    def make(self, **settings):
        return make_exporters(None, "acra-server", defaults(SECTIONS).but(**settings))

    def refused(self, *expected, **settings):
        error = str(self.assertRaises(ConfigError, self.make, **settings))
        for words in expected:
            self.assertIn(words, error)
        return error

    def file(self, text, mode=0o600):
        path = self.mktemp()
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def test_none_and_all(self):
        self.assertEqual(self.make(), [])
        found = self.make(
            tracing_log_enable=True,
            otlp_endpoint="http://127.0.0.1:1/v1/traces",
            lightstep_endpoint="https://127.0.0.1:1/",
            lightstep_access_token="token",
            zipkin_endpoint="http://127.0.0.1:1/",
            datadog_endpoint="http://127.0.0.1:1/",
            tracing_jaeger_enable=True,
            jaeger_collector_endpoint="http://127.0.0.1:1/api/traces",
            tracing_exporters=("opencensus.trace.print_exporter.PrintExporter",),
        )
        names = [exporter.name for exporter in found]
        expected = ["log", "otlp", "lightstep", "zipkin", "datadog", "jaeger"]
        self.assertEqual(names, [*expected, "opencensus_1_printexporter"])
        self.assertIs(type(found[-1]), OpenCensusExporter)

    def test_who_is_on_this_host_needs_nothing_packed(self):
        for host, packed in (
            ("h", True),
            ("10.0.0.1", True),
            ("localhost", False),
            ("127.1.2.3", False),
            ("[::1]", False),
        ):
            for choice, expected in (("auto", packed), ("gzip", True), ("none", False)):
                [otlp] = self.make(otlp_endpoint=f"http://{host}:1/", otlp_compression=choice)
                self.assertEqual((host, otlp._compress), (host, expected))

    def test_batches_are_as_large_as_suits_the_destination(self):
        for asked, expected in ((0, (1024, 256)), (100, (100, 100))):
            found = self.make(
                otlp_endpoint="http://h/", zipkin_endpoint="http://h/", tracing_batch_size=asked
            )
            self.assertEqual(tuple(exporter._max_batch for exporter in found), expected)

    def test_headers(self):
        [otlp] = self.make(otlp_endpoint="http://h/", otlp_headers="A-b = c=d, e=f")
        self.assertEqual(otlp._headers, {"user-agent": "acra-twisted", "a-b": "c=d", "e": "f"})
        self.assertTrue(otlp._compress)
        error = self.refused("name=value", otlp_endpoint="http://h/", otlp_headers="a b=secret")
        self.assertNotIn("secret", error)

    def test_lightstep(self):
        settings = {"lightstep_endpoint": "https://h/"}
        self.refused("needs lightstep_access_token", **settings)
        path = self.file("token\n")
        [exporter] = self.make(lightstep_access_token_file=path, **settings)
        self.assertEqual(exporter._headers["lightstep-access-token"], "token")
        path = self.file("token", 0o644)
        self.refused(f"run: chmod 600 {path}", lightstep_access_token_file=path, **settings)
        self.refused("cannot read", lightstep_access_token_file="/nowhere/x", **settings)

    def test_datadog(self):
        for url in ("http://h:8126", "http://h:8126/", "http://h:8126/v0.4/traces"):
            [exporter] = self.make(datadog_endpoint=url)
            self.assertEqual(exporter._url, b"http://h:8126/v0.4/traces")
            self.assertEqual(exporter._method, b"PUT")

    def test_a_host_alone_gets_the_usual_path(self):
        token = {"lightstep_access_token": "token"}
        jaeger = {"tracing_jaeger_enable": True}
        for option, usual, more in (
            ("otlp_endpoint", "/v1/traces", {}),
            ("zipkin_endpoint", "/api/v2/spans", {}),
            ("lightstep_endpoint", "/traces/otlp/v0.9", token),
            ("datadog_endpoint", "/v0.4/traces", {}),
            ("jaeger_collector_endpoint", "/api/traces", jaeger),
        ):
            for host in ("http://h", "https://my_host:99", "http://[::1]:5"):
                for end in ("", "/", usual):
                    [found] = self.make(**{option: host + end}, **more)
                    self.assertEqual(found.party.where, host + usual)
            for own in ("http://h/own", "http://h/own/v1/traces?key=1"):
                [found] = self.make(**{option: own}, **more)
                if option != "datadog_endpoint":
                    self.assertEqual(found.party.where, own)

    def test_what_is_doubtful(self):
        def found(url):
            return doubts(defaults(SECTIONS).but(otlp_endpoint=url))

        for url in ("", "http://h:4318", "http://h/4317"):
            self.assertEqual(found(url), [])
        broken = {"OTEL_RESOURCE_ATTRIBUTES": "a=b,c"}
        [text] = doubts(defaults(SECTIONS), broken)
        self.assertIn("OTEL_RESOURCE_ATTRIBUTES: ", text)
        for url in ("http://h:4317", "https://h:4317/v1/traces"):
            [text] = found(url)
            self.assertIn("otlp_endpoint: port 4317 is that of OTLP over gRPC", text)

    def test_jaeger(self):
        self.refused("empty jaeger_agent_endpoint", tracing_jaeger_enable=True)
        both = {"tracing_jaeger_enable": True, "jaeger_agent_endpoint": "h:6831"}
        [agent] = self.make(**both)
        self.assertIs(type(agent), UdpExporter)
        [collector] = self.make(
            jaeger_collector_endpoint="http://h/api/traces",
            jaeger_basic_auth_username="u",
            jaeger_basic_auth_password="p",
            **both,
        )
        self.assertIs(type(collector), HttpExporter)
        self.assertEqual(collector._headers["authorization"], "Basic dTpw")

    def test_an_extra_that_is_missing_is_named(self):
        with patch.dict(sys.modules, {"msgpack": None}):
            sys.modules.pop("acra_twisted.telemetry.export.datadog", None)
            vars(sys.modules["acra_twisted.telemetry.export"]).pop("datadog", None)
            self.refused("pip install msgpack (the extra datadog)", datadog_endpoint="http://h/")

    def test_trust(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority(folder)
        [exporter] = self.make(otlp_endpoint="https://h/", tracing_tls_ca=str(authority.path))
        self.assertIsNotNone(exporter._trust)
        self.refused("holds no certificate in PEM form", tracing_tls_ca=self.file("nothing"))
        broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        self.refused("holds no certificate in PEM form", tracing_tls_ca=self.file(broken))
        self.refused("cannot read", tracing_tls_ca="/nowhere/x")

"""The owner of spans: our own words and the environment's, in every exporter's form."""

import json
import os
import socket
from urllib.parse import quote

import msgpack
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import __version__
from acra_twisted.telemetry.export import datadog, jaeger, otlp, zipkin
from acra_twisted.telemetry.export.resource import Resource, parse
from tests.support.sample_spans import sample
from tests.unit.telemetry.export.test_jaeger import read_binary, tags


class Resources(SynchronousTestCase):
    def test_what_we_say_ourselves(self):
        first, second = (Resource("acra-server").attributes() for _ in range(2))
        instance = first.pop("service.instance.id")
        self.assertNotEqual(instance, second["service.instance.id"])
        self.assertEqual(
            first,
            {
                "service.name": "acra-server",
                "service.namespace": "acra",
                "service.version": __version__,
                "host.name": socket.gethostname(),
                "process.pid": os.getpid(),
            },
        )

    def test_the_environment_adds_and_changes(self):
        text = "deployment.environment.name=staging, host.name = a%2Cb%20c ,service.name=x"
        resource = Resource("acra-server", {"OTEL_RESOURCE_ATTRIBUTES": text})
        found = resource.attributes()
        self.assertEqual(found["deployment.environment.name"], "staging")
        self.assertEqual((found["host.name"], resource.service), ("a,b c", "x"))
        self.assertEqual(resource.problem, "")
        both = {"OTEL_RESOURCE_ATTRIBUTES": text, "OTEL_SERVICE_NAME": "shop-db"}
        self.assertEqual(Resource("acra-server", both).service, "shop-db")

    def test_which_daemon_it_is_and_where(self):
        text = "cloud.availability_zone=b,team=x"
        resource = Resource("acra-server", {"OTEL_RESOURCE_ATTRIBUTES": text})
        known = resource.attributes()
        names = ("service.instance.id", "host.name", "cloud.availability_zone")
        self.assertEqual(resource.origin(), {name: known[name] for name in names})
        self.assertNotIn("cloud.availability_zone", Resource("acra-server").origin())

    def test_what_cannot_be_read_is_left_out_whole_and_said(self):
        for text in (
            "a=1,b",
            "=1",
            "a b=1",
            "a=%zz",
            "a=%ff",
            "a=" + "x" * 20_000,
            ",".join(f"k{number}=v" for number in range(65)),
        ):
            resource = Resource("acra-server", {"OTEL_RESOURCE_ATTRIBUTES": text})
            self.assertIn("OTEL_RESOURCE_ATTRIBUTES: ", resource.problem)
            self.assertNotIn("a", resource.attributes())
            self.assertEqual(resource.service, "acra-server")

    @given(st.text(max_size=200))
    def test_anything(self, text):
        try:
            found = parse(text)
        except ValueError:
            return
        self.assertTrue(all(key and value == str(value) for key, value in found.items()))

    @given(st.dictionaries(st.from_regex(r"\A[a-z._]{1,20}\Z"), st.text(max_size=20), max_size=9))
    def test_what_is_written_is_read(self, attributes):
        text = ",".join(f"{key}={quote(value, safe='')}" for key, value in attributes.items())
        self.assertEqual(parse(text), attributes)


class Forms(SynchronousTestCase):
    def setUp(self):
        self.resource = Resource("acra-server", {"OTEL_RESOURCE_ATTRIBUTES": "region=north"})
        self.known = self.resource.attributes()
        self.others = {key: str(self.known[key]) for key in self.known if key != "service.name"}

    def test_otlp(self):
        body = otlp.encode(sample(), self.resource).parts[0]
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        found = {
            pair.key: getattr(pair.value, pair.value.WhichOneof("value"))
            for pair in request.resource_spans[0].resource.attributes
        }
        self.assertEqual(found, self.known)
        scope = request.resource_spans[0].scope_spans[0].scope
        self.assertEqual((scope.name, scope.version), ("acra_twisted", __version__))

    def test_jaeger(self):
        batch = read_binary(jaeger.collector(False)(sample(), self.resource).parts[0])
        found = {key: str(value) for key, value in tags(batch.process).items()}
        self.assertEqual((batch.process.serviceName, found), ("acra-server", self.others))

    def test_jaeger_with_acras_names_has_acras_process(self):
        batch = read_binary(jaeger.collector(True)(sample(), self.resource).parts[0])
        self.assertIsNone(batch.process.tags)

    def test_zipkin(self):
        for span in json.loads(zipkin.encode(sample(), self.resource).parts[0]):
            self.assertEqual(span["localEndpoint"], {"serviceName": "acra-server"})
            self.assertLessEqual(self.others.items(), span["tags"].items())

    def test_datadog(self):
        [first, *rest], *_ = msgpack.unpackb(datadog.encode(sample(), self.resource).parts[0])
        self.assertEqual(first["service"], "acra-server")
        self.assertLessEqual(self.others.items(), first["meta"].items())
        self.assertEqual(first["meta"]["runtime-id"], self.known["service.instance.id"])
        for span in rest:
            self.assertNotIn("host.name", span["meta"])

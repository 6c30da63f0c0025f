"""The table of attributes and the code say the same."""

import ast
import json
from pathlib import Path
from string import ascii_uppercase

import msgpack
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from twisted.trial.unittest import SynchronousTestCase

import acra_twisted
from acra_twisted.crypto import openers
from acra_twisted.telemetry.export import datadog, jaeger, otlp, zipkin
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.received import CONNECTORS
from acra_twisted.telemetry.tracing.vocabulary import (
    ATTRIBUTES,
    EXPORTED,
    RESOURCE,
    SPANS,
    attribute,
)
from tests.support.sample_spans import sample
from tests.unit.telemetry.export.test_jaeger import read_binary, tags

PACKAGE = Path(acra_twisted.__file__).parent


#: What stages of others and other daemons have put on their spans passes through these.
PASSING = ("tracer.py", "spandata.py")


def texts_of(key, module):
    """A text, or the beginning of one that is put together; those that a name stands for."""
    if isinstance(key, ast.Name):
        given = [
            node.value
            for node in ast.walk(module)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(node.value, ast.Constant | ast.JoinedStr)
            and key.id
            in [
                getattr(target, "id", "")
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            ]
        ]
        assert given, f"nobody knows what {key.id} is"
        return [text for one in given for text in texts_of(one, module)]
    return [key.values[0].value if isinstance(key, ast.JoinedStr) else key.value]


def put_by_the_code(folder=PACKAGE):
    """First arguments of ``add_attribute(...)``, and what tracing puts into dicts."""
    for path in folder.rglob("*.py"):
        if path.name in PASSING:
            continue
        module = ast.parse(path.read_text())
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "add_attribute":
                yield from texts_of(node.args[0], module)
            elif path.name in ("exchanges.py", "recorded.py"):
                keys = node.keys if isinstance(node, ast.Dict) else []
                if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                    keys = [node.slice]
                for key in keys:
                    if isinstance(key, ast.Constant) and "." in str(key.value):
                        yield key.value


class Vocabulary(SynchronousTestCase):
    def test_every_attribute_is_described(self):
        self.assertEqual(
            set(put_by_the_code()), {known.name.rstrip(ascii_uppercase) for known in ATTRIBUTES}
        )

    def test_what_connectors_say_is_described(self):
        said = set(put_by_the_code(PACKAGE / "connector"))
        self.assertTrue(said)
        self.assertLessEqual({name for name in said if name.startswith("acra.")}, set(CONNECTORS))
        self.assertLessEqual(set(CONNECTORS), {known.name for known in ATTRIBUTES})

    def test_names_that_vary(self):
        self.assertIs(attribute("acra.containers_failed.no_key").type, int)
        self.assertEqual(attribute("acra.containers_failed").name, "acra.containers_failed")
        self.assertIsNone(attribute("acra.other"))
        self.assertEqual(len({(span.name, span.daemon) for span in SPANS}), len(SPANS))

    def test_reasons_of_containers_that_stay_closed(self):
        meaning = attribute("acra.containers_failed.REASON").meaning
        for reason in (openers.NO_KEY, openers.WRONG_KEY, openers.DAMAGED):
            self.assertIn(reason.replace(" ", "_"), meaning.partition(": ")[2].split(", "))


class Exported(SynchronousTestCase):
    """The attributes that exporters add to those of spans."""

    def setUp(self):
        self.resource = Resource("acra-server")
        self.own = {key for span in sample() for key in span.attributes}
        self.found = {}

    def saw(self, exporter, *keys):
        self.found.setdefault(exporter, set()).update(set(keys) - self.own)

    def otlp(self):
        body = otlp.encode(sample(), self.resource).parts[0]
        request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
        self.saw("resource", *[pair.key for pair in request.resource_spans[0].resource.attributes])
        for span in request.resource_spans[0].scope_spans[0].spans:
            self.saw("OTLP", *[pair.key for pair in span.attributes])
            for link in span.links:
                self.saw("OTLP", *[pair.key for pair in link.attributes])

    def jaeger(self):
        batch = read_binary(jaeger.collector(False)(sample(), self.resource).parts[0])
        for span in batch.spans:
            self.saw("Jaeger", *tags(span))

    def others(self):
        for span in json.loads(zipkin.encode(sample(), self.resource).parts[0]):
            self.saw("Zipkin", *span["tags"])
        for trace in msgpack.unpackb(datadog.encode(sample(), self.resource).parts[0]):
            for span in trace:
                self.saw("Datadog", *span["meta"], *span["metrics"])

    def test_each_is_described_and_what_is_described_is_there(self):
        self.otlp()
        self.jaeger()
        self.others()
        resource = {name for name, _ in RESOURCE}
        self.assertEqual(self.found.pop("resource"), resource)
        described = {}
        for name, exporters, _ in EXPORTED:
            for exporter in exporters.split(", "):
                described.setdefault(exporter, set()).add(name.replace("link.N", "link.0"))
        self.assertEqual(
            {exporter: keys - resource for exporter, keys in self.found.items()}, described
        )

"""Spans to Datadog's agent: ``PUT /v0.4/traces``, msgpack.

Source: opencensus reference, section 7: ids are 64 bits, the upper half of a trace's goes with its
first span, numbers are ``metrics``, texts ``meta``, times nanoseconds, a list for each trace.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgpack

from acra_twisted import __version__
from acra_twisted.telemetry.export.queue import Payload
from acra_twisted.telemetry.export.resource import Resource
from acra_twisted.telemetry.tracing.spans import CLIENT, INTERNAL, SERVER, Span

_KINDS = {INTERNAL: "internal", SERVER: "server", CLIENT: "client"}
#: Ours are whole traces as the sampler chose them: the agent is to keep them.
_KEEP = 1


def encode(spans: Sequence[Span], resource: Resource) -> Payload:
    """A list of traces, each a list of spans.  The first span of each says whose they are."""
    known = resource.attributes()
    whose = {key: str(value) for key, value in known.items() if key != "service.name"}
    whose["runtime-id"] = str(known["service.instance.id"])
    whose["version"] = str(known["service.version"])
    traces: dict[str, list[dict[str, Any]]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(_record(span, resource.service))
    for trace_id, records in traces.items():
        records[0]["meta"].update(whose, **{"_dd.p.tid": trace_id[:16]})
        records[0]["metrics"]["_sampling_priority_v1"] = _KEEP
    headers = {
        "content-type": "application/msgpack",
        "x-datadog-trace-count": str(len(traces)),
        "datadog-meta-lang": "python",
        "datadog-meta-tracer-version": __version__,
    }
    return Payload((msgpack.packb(list(traces.values())),), headers)


def _record(span: Span, service: str) -> dict[str, Any]:
    meta = {"span.kind": _KINDS[span.kind], "component": "acra-twisted"}
    metrics: dict[str, float] = {}
    for key, value in span.attributes.items():
        if value is True or value is False:
            meta[key] = str(value).lower()
        elif isinstance(value, (int, float)):
            metrics[key] = value
        else:
            meta[key] = str(value)
    if span.status:
        meta["error.message"] = span.message
        metrics["status.code"] = span.status
    if span.events:
        meta["events"] = json.dumps(
            [
                {"name": text, "time_unix_nano": when, "attributes": known}
                for when, text, known in span.events
            ]
        )
    for place, (trace_id, span_id, kind) in enumerate(span.links):
        meta[f"link.{place}"] = f"{trace_id}-{span_id}-{kind}"
    return {
        "service": service,
        "name": "acra",
        "resource": span.name,
        "type": "db" if span.kind == CLIENT else "custom",
        "trace_id": int(span.trace_id[16:], 16),
        "span_id": int(span.span_id, 16),
        "parent_id": int(span.parent_id or "0", 16),
        "start": span.start,
        "duration": max(span.end - span.start, 0),
        "error": int(bool(span.status)),
        "meta": meta,
        "metrics": metrics,
    }

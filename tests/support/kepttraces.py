"""Requests whose spans are kept, as AcraServer and a connector make them."""

from acra_twisted.telemetry.tracing.received import ReceivedSpan
from acra_twisted.telemetry.tracing.records import as_record
from acra_twisted.telemetry.tracing.spans import CLIENT, INTERNAL, SERVER, Span

US = 1000
SUMMARY = "SELECT orders customer"
TEXT = "SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer WHERE o.id = ?"


def spans_of(
    start, link=300, proxy=200, censor=200, first=2000, rows=400, opening=0, status=0, **known
):
    """Spans of one request; times are microseconds.  Half of the link's and of the proxy's time is
    before what they wait for; without ``link`` there is no connector, and without ``first`` the
    database was not asked.  ``known`` are further attributes, below acra."""
    summary = known.pop("summary", SUMMARY)
    took = proxy + censor + first + rows
    made = []
    kind = ReceivedSpan if link else Span
    # A connector is a client of AcraServer.
    top = kind(summary, f"{start:032x}", "", CLIENT if link else SERVER, start, True)
    top.attributes = {"db.system.name": "postgresql", "db.namespace": "shop"}
    top.end = start + (link + took) * US
    request = top
    if link:
        top.service = "acra-connector"
        made.append(top)
        request = top.child(summary, SERVER, start + link // 2 * US)
        request.end = request.start + took * US
    request.attributes = {
        "db.system.name": "postgresql",
        "db.namespace": "shop",
        "user.name": "shop_rw",
        "acra.client_id": "shop",
        "db.query.summary": summary,
        "db.query.text": TEXT,
        "db.response.returned_rows": 18,
        "acra.verdict": "allow",
        "acra.time.proxy_ms": (proxy + censor) / 1000,
        **{f"acra.{key}": value for key, value in known.items()},
    }
    if status:
        request.fail(status, "refused")
        request.attributes["error.type"] = "refused"
    judged = request.child("stage censor", INTERNAL, request.start + proxy // 2 * US)
    judged.end = judged.start + censor * US
    judged.attributes = {"acra.stage": "censor", "acra.verdict": "allow"}
    made.append(judged)
    if first:
        asked = request.child(f"postgresql {summary}", CLIENT, judged.end)
        asked.end = asked.start + (first + rows) * US
        asked.attributes = {
            "db.system.name": "postgresql",
            "server.address": "db-a",
            "server.port": 5432,
            "acra.time.first_byte_ms": first / 1000,
        }
        made.append(asked)
        if opening:
            opened = request.child("stage decryptor rows", INTERNAL, asked.end - opening * US)
            opened.end = asked.end
            opened.attributes = {"acra.stage": "decryptor"}
            made.append(opened)
    made.append(request)
    return made


def a_trace(store, start, **given):
    """Keep a request; return the id of its trace."""
    made = spans_of(start, **given)
    for span in made:
        store.add(span)
    return made[0].trace_id


def many(start, count, **given):
    """Spans of so many requests below one span of an application."""
    top = ReceivedSpan("checkout", f"{start:032x}", "", SERVER, start, True)
    top.service = "shop"
    made = [top]
    at = start
    for _ in range(count):
        part = spans_of(at, **given)
        ids = {span.span_id for span in part}
        for span in part:
            span.trace_id = top.trace_id
            if span.parent_id not in ids:
                span.parent_id = top.span_id
        made += part
        at = max(span.end for span in part)
    top.end = at
    return made


def records_of(made):
    """Return spans as the views get them."""
    return [as_record(span, "acra-server") for span in made]

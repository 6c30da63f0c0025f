"""Two spans, parent and child, with everything that an encoder must carry."""

from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.spans import Span


def sample():
    parent = Span("handleConnection", "1" * 32, "", spans.SERVER, 1_000_000_000, True)
    parent.end = 1_000_500_000
    child = parent.child("stage censor", spans.INTERNAL, 1_000_100_000)
    child.end = 1_000_100_400
    for key, value in (("text", "<b>"), ("number", 7), ("share", 0.5), ("yes", True)):
        child.add_attribute(key, value)
    child.add_link("2" * 32, "3" * 16, spans.LINK_PARENT)
    child.add_event((1_000_100_200, "asked <whom>", {"tries": 2, "late": False}))
    child.fail(spans.PERMISSION_DENIED, "denied")
    return [parent, child]

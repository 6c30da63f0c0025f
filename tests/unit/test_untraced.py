"""A tracer that records nothing."""

import inspect

from opencensus.trace.base_span import BaseSpan
from opencensus.trace.link import Link
from opencensus.trace.status import Status
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.exchange import Exchange, Statement
from acra_twisted.untraced import Untraced
from tests.support.sessions import make_session


class WithoutTracing(SynchronousTestCase):
    def test_a_stage_may_do_all_that_it_does_with_tracing(self):
        exchange = Exchange(make_session(), "query", Statement(b"SELECT 1"), 1)
        tracer = exchange.tracer
        tracer.add_attribute_to_current_span("tries", 1)
        self.assertIsNone(tracer.span_context)
        self.assertIs(tracer.current_span(), tracer)
        with tracer.start_span("outer") as outer, outer.span("inner") as span:
            span.span_kind = 2
            span.add_attribute("tries", 2)
            span.add_annotation("asked", late=True)
            span.add_message_event(None)
            span.add_link(Link("1" * 32, "2" * 16))
            span.set_status(Status(2, "no"))
        span.start()
        span.finish()
        self.assertEqual(list(span), [span])
        self.assertIsNone(span.context)
        self.assertIsNone(exchange.attributes)

    def test_what_is_raised_within_it_is_raised(self):
        with self.assertRaises(ValueError), Untraced().span("x"):
            raise ValueError

    def test_it_has_the_interface_of_a_span(self):
        for name, method in inspect.getmembers(BaseSpan, inspect.isfunction):
            if name != "on_create":
                own = inspect.signature(getattr(Untraced, name)).parameters
                self.assertEqual(len(own), len(inspect.signature(method).parameters), name)

"""A stage that asks a service, for each statement, for the expression that denies it.

The question is a span below the request's, and the service is told of the trace.
"""

import re

from opencensus.trace.propagation.trace_context_http_header_format import TraceContextPropagator
from opencensus.trace.span import SpanKind
from twisted.internet.defer import ensureDeferred
from twisted.plugin import IPlugin
from twisted.web.client import Agent, readBody
from twisted.web.http_headers import Headers
from zope.interface import implementer

from acra_twisted.interfaces import IStageFactory, IStatementStage
from acra_twisted.optionkinds import URL
from acra_twisted.options import Option
from acra_twisted.verdicts import PASS, Deny

_PROPAGATOR = TraceContextPropagator()


@implementer(IPlugin, IStageFactory)
class RemoteRuleFactory:
    name = "remote_rule"
    options = (Option("url", URL, "", "Where the denying regular expression is kept."),)
    after = before = ()
    advisory = False

    def make(self, settings, services):
        return RemoteRule(Agent(services.reactor, connectTimeout=2), settings["url"].encode())


@implementer(IStatementStage)
class RemoteRule:
    name = "remote_rule"

    def __init__(self, agent, url):
        self._agent, self._url = agent, url

    def on_statement(self, statement, exchange):
        return ensureDeferred(self._judge(statement.text, exchange.tracer))

    async def _judge(self, text, tracer):
        with tracer.span(name="GET rule") as span:
            span.span_kind = SpanKind.CLIENT
            context = _PROPAGATOR.to_headers(span.context)
            headers = Headers({name: [value] for name, value in context.items()})
            response = await self._agent.request(b"GET", self._url, headers)
            span.add_attribute("http.response.status_code", response.code)
            rule = await readBody(response)
        return Deny(reason="remote rule") if re.search(rule.strip(), text) else PASS

    def stop(self):
        pass


remote_rule = RemoteRuleFactory()

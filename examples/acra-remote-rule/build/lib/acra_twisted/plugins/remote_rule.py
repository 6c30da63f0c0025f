"""A stage that asks a service, for each statement, for the expression that denies it."""

import re

from twisted.plugin import IPlugin
from twisted.web.client import Agent, readBody
from zope.interface import implementer

from acra_twisted.interfaces import IStageFactory, IStatementStage
from acra_twisted.options import URL, Option
from acra_twisted.verdicts import PASS, Deny


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
        asked = self._agent.request(b"GET", self._url).addCallback(readBody)
        return asked.addCallback(self._judge, statement.text)

    def _judge(self, rule, text):
        return Deny(reason="remote rule") if re.search(rule.strip(), text) else PASS

    def stop(self):
        pass


remote_rule = RemoteRuleFactory()

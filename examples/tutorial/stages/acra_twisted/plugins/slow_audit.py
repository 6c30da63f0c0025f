"""The planted fault of the tutorial: a stage that takes its time over one table."""

from twisted.internet.task import deferLater
from twisted.plugin import IPlugin
from zope.interface import implementer

from acra_twisted.interfaces import IStageFactory, IStatementStage
from acra_twisted.verdicts import PASS

_SECONDS = 0.08


@implementer(IPlugin, IStageFactory)
class SlowAuditFactory:
    name = "slow_audit"
    options = after = before = ()
    advisory = False

    def make(self, settings, services):
        return SlowAudit(services.reactor)


@implementer(IStatementStage)
class SlowAudit:
    name = "slow_audit"

    def __init__(self, reactor):
        self._reactor = reactor

    def on_statement(self, statement, exchange):
        if b"invoice" not in statement.text:
            return PASS
        return deferLater(self._reactor, _SECONDS, lambda: PASS)

    def stop(self):
        pass


slow_audit = SlowAuditFactory()

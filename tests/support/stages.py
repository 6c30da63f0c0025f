"""A stage of every kind."""

from zope.interface import implementer

from acra_twisted.interfaces import IMessageStage, IParameterStage, IResultStage, IStatementStage
from acra_twisted.verdicts import Deny


@implementer(IStatementStage, IParameterStage, IResultStage, IMessageStage)
class Everything:
    def __init__(self, name="all"):
        self.name = name
        self.stopped = False

    def on_statement(self, statement, exchange):
        return Deny(reason=self.name)

    def on_parameters(self, parameters, exchange):
        return Deny(reason=self.name)

    def on_message(self, batch, exchange):
        return Deny(reason=self.name)

    def plan_result(self, columns, exchange):
        exchange.notes.setdefault("planned", []).append(self.name)

    def stop(self):
        self.stopped = True

"""A stage of every kind."""

from zope.interface import implementer

from acra_twisted.interfaces import IMessageStage, IParameterStage, IResultStage, IStatementStage
from acra_twisted.verdicts import PASS, Deny, Replace


@implementer(IStatementStage, IParameterStage, IResultStage, IMessageStage)
class Everything:
    def __init__(self, name="all"):
        self.name = name
        self.stopped = False
        self.planned = []

    def on_statement(self, statement, exchange):
        return Deny(reason=self.name)

    def on_parameters(self, parameters, exchange):
        return Deny(reason=self.name)

    def on_message(self, batch, exchange):
        return Deny(reason=self.name)

    def plan_result(self, columns):
        self.planned.append((self.name, columns))

    def stop(self):
        self.stopped = True


@implementer(IStatementStage)
class Observing:
    """Lets every statement pass, and keeps the texts that it has seen."""

    name = "observing"

    def __init__(self):
        self.seen = []

    def on_statement(self, statement, exchange):
        self.seen.append(statement.text)
        return PASS

    def stop(self):
        pass


@implementer(IResultStage)
class Retyping:
    """Makes integers of texts that are digits: columns of ``text`` become ``int4``."""

    name = "retyping"
    concerns = None

    def plan_result(self, columns):
        if columns.layout:
            return None
        chosen = [at for at, kind in enumerate(columns.types) if kind == 25]
        shown = columns
        for at in chosen:
            shown = shown.with_type(at, 23, 4)
        made = Retyping()
        made.chosen, made.columns = chosen, shown
        return made if chosen else None

    def transform(self, batch, exchange):
        for row in range(len(batch)):
            for at in self.chosen:
                value = batch.cells(row)[at]
                if value is not None:
                    binary = batch.columns.formats[at]
                    batch.set_cell(
                        row, at, int(value).to_bytes(4, "big") if binary else value[::-1]
                    )
        return Replace(batch)

    def stop(self):
        pass

"""Histories that pages ask."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from acra_twisted.telemetry.pages.past import Past
from tests.support.histories import connect, put


class History:
    """A history in memory.  ``slow``: nothing is answered before `answer`."""

    def __init__(self, *batch):
        self.connection = connect(":memory:")
        if batch:
            put(self.connection, *batch)
        self.clock = Clock()
        self.trouble = None
        self.slow = False
        self.waiting = []
        self.begun = 0
        self.past = Past(self.clock, self.ask)

    async def ask(self, question):
        """See HistoryService."""
        if self.slow:
            self.waiting.append(Deferred())
            await self.waiting[-1]
        if self.trouble is not None:
            raise self.trouble
        self.begun += 1
        return question(self.connection)

    def answer(self):
        """Answer the question that has waited longest."""
        self.waiting.pop(0).callback(None)

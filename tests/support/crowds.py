"""Requests of several clients, over connectors or without, to several databases."""

from functools import partial

from acra_twisted.optionkinds import Address
from acra_twisted.session import Identity
from acra_twisted.telemetry.figures.counting import ShapeCounter
from acra_twisted.telemetry.figures.edges import Edges
from acra_twisted.telemetry.figures.tallies import Ways
from tests.support.hours import MINUTE, NOW, US
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request

SERVER = Address("db-a", 5432)


class Jobs:
    """Runs jobs when it is told to."""

    def __init__(self):
        self.jobs = []

    def add(self, job):
        if job not in self.jobs:
            self.jobs.append(job)

    def run(self):
        """Run all to their ends; how many steps that took."""
        steps = 0
        while self.jobs:
            steps += 1
            if not self.jobs[0].step():
                self.jobs.pop(0).rest()
        return steps


class Crowd:
    """Ways of requests, from some minutes before NOW on."""

    def __init__(self, minutes=119):
        self.jobs = Jobs()
        self.edges = Edges(NOW - minutes * MINUTE, self.jobs)
        self.ways = Ways(partial(self.edges.tally, server=SERVER))
        self.counter = ShapeCounter(NOW - minutes * MINUTE)
        self.sessions = {}

    def session(self, client, connector="", database=b"shop", peer="10.0.0.9"):
        key = client, connector, database, peer
        if key not in self.sessions:
            made = self.sessions[key] = make_session()
            made.database = database
            made.identity = Identity(client, connector or peer, bool(connector))
            self.ways.session_opened(made)
        return self.sessions[key]

    def ask(self, minute, client, count=1, first=1000, outcome="ok", **way):
        """Requests of a minute before NOW; ``first`` are microseconds in the database."""
        self.edges.tick(NOW - minute * MINUTE)
        session = self.session(client, **way)
        sent = 0 if outcome == "denied" else 100 * US
        for number in range(count):
            opened = NOW - minute * MINUTE + number
            times = (sent, (100 + first) * US, (100 + first) * US)
            request = a_request(session, opened=opened, times=times, outcome=outcome)
            self.counter.exchange_closed(request)

    def rows(self, since=0, until=1 << 40):
        found = {}
        for some in self.edges.total(since, until):
            found = some
        return found

"""An hour of requests, of which views of the console tell."""

from acra_twisted.exchange import ROWS, STATEMENT
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.console.sums import Sums
from acra_twisted.telemetry.console.view import Sources
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.pages.kept import KeptTraces
from acra_twisted.telemetry.tracing.store import SpanStore
from acra_twisted.verdicts import PASS
from tests.support.sessions import make_session
from tests.unit.telemetry.figures.test_counting import a_request

#: Midnight, so that times of day can be told from minutes before.
NOW = 20_833 * 1440 * MINUTE
US = 1000
ORDERS = b"SELECT o.id FROM orders o JOIN customer c ON c.id = o.customer WHERE o.id = 5"
ACCOUNT = b"SELECT owner FROM account WHERE id = 7"
CARD = b"SELECT number FROM card WHERE id = 3"


class Hour:
    """Figures up to NOW, of a daemon that began ``minutes`` before."""

    def __init__(self, minutes=120):
        self.figures = StatementFigures(NOW - minutes * MINUTE)
        self.session = make_session()
        self.session.database = b"shop"
        self.store = SpanStore()
        traces = KeptTraces("acra-server", self.store)
        self.sources = Sources(self.figures, Sums(self.figures), lambda: NOW - 1, traces)

    def ask(self, minute, text, count=1, first=1000, censor=200, opening=0, rows=100, **facts):
        """Requests of a minute before NOW; times are microseconds: of the database to its first
        byte and for its rows, and of stages."""
        for number in range(count):
            opened = NOW - minute * MINUTE + number * 1000 * US
            sent = censor + 60
            runs = [StageRun("censor", STATEMENT, PASS, opened, opened + censor * US)]
            if opening:
                began = opened + (sent + first) * US
                runs.append(StageRun("decryptor", ROWS, PASS, began, began + opening * US))
            times = (sent * US, (sent + first) * US, (sent + first + rows + opening) * US)
            if facts.get("outcome") == "denied":
                times = (0, 0, sent * US)
            request = a_request(
                self.session, text, opened=opened, times=times, stage_runs=runs, **facts
            )
            self.figures.counter.exchange_closed(request)

    def pass_to(self, minute):
        """Let time pass to a minute before NOW."""
        self.figures.tick(NOW - minute * MINUTE)
        while self.figures.step():
            pass

    def slow_since(self, minute):
        """Two hours in which one statement becomes slow and another has much to decrypt."""
        for before in range(119, 0, -1):
            self.pass_to(before)
            self.ask(before, ORDERS, 4, first=41_000 if before <= minute else 2_900)
            self.ask(before, ACCOUNT, 9)
            self.ask(before, CARD, 2, opening=3_900)
        return self

    def shape(self, table):
        """The id of the shape whose summary has a table."""
        found = {}
        for some in self.figures.total(0, NOW // MINUTE + 1):
            found = some
        (one,) = [one.shape.id for one in found.values() if table in one.shape.summary]
        return one

"""Transcripts of a session's two flows: bytes in, bytes out, verdicts in between.

``play.client(data)`` feeds the client's bytes and returns what the database gets;
``play.database(data)`` feeds the database's and returns what the client gets.  Works are settled
by ``judge`` (PASS unless given).  `done` fails if a reply is still owed.
"""

from __future__ import annotations

from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.results import Plan as RowPlan
from acra_twisted.results import Planner
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import make_session


class Plan:
    """Judges rows by a function of the batch, those in which ``search`` finds something."""

    def __init__(self, judge, search=None):
        self.judge = judge
        self.search = search

    def __call__(self, work):
        return self.judge(work.item) if work.kind == "rows" else PASS

    def of(self, columns):
        searches = None if self.search is None else (self.search,)
        return RowPlan(columns, (("test", None, False),), searches)


class Playbook:
    def __init__(
        self,
        judge=None,
        inspects=(),
        prepared=100,
        general=False,
        results=None,
        loads=None,
        **options,
    ):
        self.session = make_session(prepared=prepared)
        self.recorder = self.session.observer
        self.judge = judge or (lambda work: PASS)
        self.works = []
        self.general = general
        self.ignored = []
        response = {"messages": "messages" in inspects}
        self.request = RequestFlow(self.session, frozenset(inspects), loads, **options)
        limit = {k: v for k, v in options.items() if k in ("message_limit", "propagation")}
        self.response = ResponseFlow(
            self.session,
            (results or Planner(self._make_plan)) if "rows" in inspects else None,
            **limit,
            **response,
        )
        self.extra = b""

    def _make_plan(self, columns):
        self.works.append(("columns", columns))
        if isinstance(self.judge, Plan) and columns not in self.ignored:
            return self.judge.of(columns)
        return RowPlan(columns)

    def ignore(self, columns):
        """No stage is concerned by these columns."""
        self.ignored.append(columns)
        columns.plan = None

    def _run(self, flow, data):
        if self.general:
            flow.feed(data)
            work = flow.next_work()
        else:
            work = flow.begin(data)
        while work is not None:
            self.works.append((work.kind, work.item))
            flow.settle(work, self.judge(work))
            work = flow.next_work()

    def client(self, data):
        """Let the client send bytes, and return the bytes that the database receives.  ``extra``
        has the bytes that the client receives at once (replies of our own)."""
        self._run(self.request, data)
        if self.session.outstanding.is_due:
            self.response.release_answers()
        self.extra = self.response.take_output()
        return self.request.take_output()

    def database(self, data):
        """The database says; returned is what the client gets."""
        self._run(self.response, data)
        return self.response.take_output()

    def done(self):
        assert not self.session.outstanding, self.session.outstanding
        opened, closed = self.recorder.opened, self.recorder.closed
        assert set(map(id, opened)) == set(map(id, closed)), "an exchange was not closed"
        assert len(closed) == len(opened), "an exchange was closed twice"


def deny_marked(work):
    text = getattr(work.item, "text", b"")
    return Deny(reason="test") if b"deny" in text else PASS


def denying(**options):
    return Playbook(deny_marked, ["statement"], **options)

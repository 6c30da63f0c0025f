"""Transcripts of a session's two flows: bytes in, bytes out, verdicts in between.

``play.client(data)`` feeds the client's bytes and returns what the database gets;
``play.database(data)`` feeds the database's and returns what the client gets.  Works are settled
by ``judge`` (PASS unless given).  `done` fails if a reply is still owed.
"""

from __future__ import annotations

from acra_twisted import results
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.verdicts import PASS, Deny
from tests.support.sessions import make_session


class Plan:
    """Judges rows by a function of the batch, those in which ``search`` finds something."""

    def __init__(self, judge, search=None):
        self.judge = judge
        self.search = search

    def __call__(self, work):
        return self.judge(work.item) if work.kind == "rows" else PASS

    def of(self, columns, maker):
        searches = None if self.search is None else (self.search,)
        return results.Plan(columns, (("test", None, False),), searches, maker)


class Playbook:
    def __init__(
        self,
        judge=None,
        inspects=(),
        prepared=100,
        general=False,
        plan_rows=None,
        plan_loads=None,
        **options,
    ):
        self.session = make_session(prepared=prepared)
        self.recorder = self.session.observer
        self.judge = judge or (lambda work: PASS)
        self.works = []
        self.general = general
        response = {"messages": "messages" in inspects}
        self.request = RequestFlow(self.session, frozenset(inspects), plan_loads, **options)
        limit = {k: v for k, v in options.items() if k in ("message_limit", "disclosure")}
        self.response = ResponseFlow(
            self.session,
            (plan_rows or self._plan_rows) if "rows" in inspects else None,
            **limit,
            **response,
        )
        self.extra = b""

    def _plan_rows(self, columns):
        plan = columns.plan
        if plan is None or plan.maker is not self:
            self.works.append(("columns", columns))
            plan = self.judge.of(columns, self) if isinstance(self.judge, Plan) else None
            columns.plan = plan = plan or results.Plan(columns, maker=self)
        return plan

    def ignore(self, columns):
        """No stage is concerned by these columns."""
        columns.plan = results.Plan(columns, maker=self)

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

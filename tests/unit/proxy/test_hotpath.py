"""The calls that a query and its reply take, counted: what every request passes stays short."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.proxy.limits import Limits
from acra_twisted.proxy.relay import Relay
from acra_twisted.proxy.valve import between
from acra_twisted.stages.decryptor import Decryptor
from acra_twisted.stages.poison import Poison
from tests.support.containers import Workbench, Workers, hexed
from tests.support.profiled import profiled
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    FakeChannel,
    bind,
    columns,
    complete,
    describe,
    execute,
    make_session,
    parse,
    query,
    ready,
    row,
)

TEXT = columns(b"filler") + row(b" " * 84) + complete(b"SELECT 1") + ready()


class HotPath(SynchronousTestCase):
    """With the stages that look at rows, and a column of text, which may hold a container."""

    def setUp(self):
        self.bench = Workbench()
        keys, workers = self.bench.keys, Workers()
        stages = [Decryptor(keys, workers), Poison(keys, workers)]
        pipeline = Pipeline(stages)
        self.session = make_session()
        self.client, self.database = FakeChannel(), FakeChannel()
        self.flows = (
            RequestFlow(self.session, pipeline.inspects),
            ResponseFlow(self.session, pipeline.results),
        )
        self.relay = Relay(
            self.session,
            self.client,
            self.database,
            self.flows,
            pipeline,
            Limits(100),
            fatal=lambda reason, text, number: b"",
            seconds=lambda: 0.0,
            later=lambda seconds, function: None,
            ended=lambda reason: None,
            valves=between(self.client, self.database, lambda: 0.0),
        )
        self.talk(parse(b"s", b"SELECT $1") + SYNC, PARSE_COMPLETE + ready())

    def talk(self, request, reply):
        self.relay.from_client(request)
        self.relay.from_database(reply)
        self.assertFalse(self.session.outstanding)

    def calls(self, request, reply):
        """The calls of our own functions, and how many of both passed whole."""
        for _ in range(3):
            self.talk(request, reply)
        before = [flow.passed_whole for flow in self.flows]
        called = []

        def note(frame, event, argument):
            if event == "call" and "acra_twisted" in frame.f_code.co_filename:
                called.append(frame.f_code.co_name)

        def work():
            self.relay.from_client(request)
            self.relay.from_database(reply)

        profiled(note, work)
        self.assertIs(self.client.writes[-1], reply)
        passed = [flow.passed_whole - was for flow, was in zip(self.flows, before, strict=True)]
        return called, passed

    def test_a_query_and_a_row_of_text(self):
        called, passed = self.calls(query(b"SELECT filler FROM t"), TEXT)
        self.assertEqual(passed, [1, 1])
        self.assertLessEqual(len(called), 64, called)

    def test_a_prepared_statement_and_a_row_of_text(self):
        batch = bind(b"", b"s", [b"7"]) + describe(b"P", b"") + execute() + SYNC
        called, passed = self.calls(batch, BIND_COMPLETE + TEXT)
        self.assertEqual(passed, [1, 1])
        self.assertLessEqual(len(called), 84, called)

    def test_many_rows_take_no_more_calls_than_one(self):
        many = columns(b"filler") + row(b" " * 84) * 40 + complete(b"SELECT 40") + ready()
        one, _ = self.calls(query(b"SELECT filler FROM t"), TEXT)
        called, passed = self.calls(query(b"SELECT filler FROM t"), many)
        self.assertEqual(passed, [1, 1])
        self.assertEqual(len(called), len(one))

    def test_rows_with_a_container_are_taken_apart(self):
        reply = columns(b"filler") + row(hexed(self.bench.block(b"plain")))
        self.talk(query(b"SELECT"), reply + complete(b"SELECT 1") + ready())
        self.assertEqual(self.flows[1].passed_whole, 0)
        self.assertIn(row(hexed(b"plain")), self.client.data)

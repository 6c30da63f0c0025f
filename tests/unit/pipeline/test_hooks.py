"""Work finds its hooks, in order."""

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from acra_twisted.exchange import (
    MESSAGES,
    PARAMETERS,
    ROWS,
    STATEMENT,
    Exchange,
    Statement,
    Work,
)
from acra_twisted.interfaces import (
    ILoadStage,
    ISelectiveParameterStage,
    ISelectiveStatementStage,
    IStatementStage,
)
from acra_twisted.pipeline.hooks import Pipeline
from acra_twisted.results import Columns
from acra_twisted.verdicts import PASS, Deny, Replace
from tests.support import mysqlrequests
from tests.support.mysqlrequests import Desk, said
from tests.support.playbook import Playbook
from tests.support.sessions import (
    BIND_COMPLETE,
    PARSE_COMPLETE,
    SYNC,
    bind,
    complete,
    execute,
    make_session,
    parse,
    query,
    ready,
    types,
)
from tests.support.stages import Everything


@implementer(ISelectiveStatementStage)
class Selective:
    """Judges one text, and makes all others into ``other``."""

    name = "selective"

    def __init__(self, text, other=None):
        self.text = text
        self.other = other
        self.judged = 0

    def on_statement(self, statement, exchange):
        self.judged += 1
        return PASS

    def judges(self, statement, exchange):
        if statement.text == self.text:
            return True
        if self.other is not None:
            statement.replace(self.other)
        return False


@implementer(IStatementStage)
class Plain:
    name = "plain"
    verdict = PASS

    def on_statement(self, statement, exchange):
        return self.verdict


@implementer(ISelectiveStatementStage, ISelectiveParameterStage)
class Broken:
    """Fails when it is asked about something with ``poison``; would let all pass."""

    def __init__(self, name="broken"):
        self.name = name

    def on_statement(self, statement, exchange):
        return PASS

    on_parameters = on_statement

    def judges(self, statement, exchange):
        if b"poison" in statement.text:
            raise ValueError("broken")
        return False

    looks_at = judges


@implementer(ISelectiveParameterStage)
class Values:
    """Looks at values alone, of no statement."""

    name = "values"

    def on_parameters(self, parameters, exchange):
        return PASS

    def looks_at(self, statement, session):
        return False


class Once(Broken):
    """Fails when it is asked the first time; ``seeks``: it looks at all from now on."""

    failed = 0
    seeks = False

    def judges(self, statement, exchange):
        return self.seeks

    def looks_at(self, statement, session):
        if not self.failed:
            self.failed = 1
            raise ValueError("broken")
        return self.seeks


class Hooks(SynchronousTestCase):
    def test_work_finds_its_hooks(self):
        first, second = Everything("first"), Everything("second")
        pipeline = Pipeline([first, second])
        self.assertEqual(pipeline.inspects, {STATEMENT, PARAMETERS, ROWS, MESSAGES})
        exchange = Exchange(make_session(), "query", None, 1)
        for kind in (STATEMENT, PARAMETERS):
            self.assertEqual(pipeline.run(Work(kind, None, exchange)).reason, "first")
        # Rows bring the hooks of their result's plan.
        self.assertIs(pipeline.run(Work(ROWS, None, exchange)), PASS)
        denying = (("planned", lambda rows, exchange: Deny(reason="planned"), False),)
        verdict = pipeline.run(Work(ROWS, None, exchange, denying))
        self.assertEqual(verdict.reason, "planned")
        # Replies run the list backwards.
        self.assertEqual(pipeline.run(Work(MESSAGES, None, exchange)).reason, "second")

    def test_values_are_looked_at_if_any_stage_looks_at_those_of_the_statement(self):
        @implementer(ISelectiveParameterStage)
        class Selective:
            name = "selective"

            def __init__(self, text):
                self.text = text

            def on_parameters(self, parameters, exchange):
                return PASS

            def looks_at(self, statement, session):
                return statement.text == self.text

        session = make_session()
        for stages, looked_at in (
            ([Selective(b"a")], [b"a"]),
            ([Selective(b"a"), Selective(b"b")], [b"a", b"b"]),
        ):
            looks_at = Pipeline(stages).looks_at
            found = [text for text in (b"a", b"b", b"c") if looks_at(Statement(text), session)]
            self.assertEqual(found, looked_at)
        # One that looks at all values leaves no choice, and without any there is none.
        for stages in ([], [Everything()], [Selective(b"a"), Everything()]):
            self.assertIsNone(Pipeline(stages).looks_at)

    def test_a_query_is_judged_by_the_stages_from_the_first_that_does_not_let_it_pass(self):
        exchange = Exchange(make_session(), "query", None, 1)
        first, second = Selective(b"a"), Selective(b"b")
        for stages, left in (
            ([first], (1, 0, 0)),
            ([first, second], (2, 1, 0)),
            ([second, first], (1, 2, 0)),
            ([first, Everything()], (2, 1, 1)),
            ([first, Everything(), second], (3, 2, 2)),
        ):
            judges = Pipeline(stages).judges
            found = [judges(Statement(text), exchange) for text in (b"a", b"b", b"c")]
            self.assertEqual(found, list(left))
        for stages in ([], [Everything()], [Everything(), first]):
            self.assertIsNone(Pipeline(stages).judges)

    def test_stages_that_are_left_get_the_text_as_those_before_them_have_left_it(self):
        for first, sent in ((Selective(b"a", b"c"), b"c"), (Selective(b"a"), b"b")):
            second, third = Plain(), Plain()
            pipeline = Pipeline([first, second, third])
            work = Work(STATEMENT, Statement(b"b"), Exchange(make_session(), "query", None, 1))
            work.left = pipeline.judges(work.item, work.exchange)
            self.assertEqual(work.left, 2)
            verdict = pipeline.run(work)
            if sent == b"b":
                self.assertIs(verdict, PASS)
            else:
                self.assertEqual((type(verdict), verdict.item.text), (Replace, sent))
            self.assertEqual(first.judged, 0)
            third.verdict = Deny(reason="third")
            self.assertEqual(pipeline.run(work).reason, "third")

    def test_a_stage_that_breaks_while_it_is_asked_refuses_and_the_session_lives(self):
        """Alone, behind one that lets all pass, and before one; as in no other query."""
        for stages in _with_broken():
            for begin in (_postgresql, _mysql):
                pipeline = Pipeline(stages)
                session, send = begin(pipeline)
                for text, passes in ((b"a", True), (b"poison", False), (b"b", True)):
                    self.assertEqual(send(text), passes)
                failures = session.observer.failures
                self.assertEqual([stage for stage, _ in failures], ["broken"])
                self.assertIs(failures[0][1].type, ValueError)
                self.assertEqual(session.observer.stages[0][0], "broken")

    def test_a_stage_that_breaks_while_it_is_asked_about_values_refuses_them(self):
        for stages in _with_broken():
            pipeline = Pipeline(stages)
            play = Playbook(
                pipeline.run, pipeline.inspects, judges=pipeline.judges, looks_at=pipeline.looks_at
            )
            for name in (b"a", b"poison"):
                play.client(parse(name, name) + SYNC)
                play.database(PARSE_COMPLETE + ready())
            for name, sent in ((b"a", "BES"), (b"poison", ""), (b"a", "BES")):
                found = play.client(bind(b"", name) + execute() + SYNC)
                self.assertEqual(types(found), sent)
                if sent:
                    play.database(BIND_COMPLETE + complete(b"INSERT 0 1") + ready())
            play.done()
            self.assertEqual([stage for stage, _ in play.recorder.failures], ["broken"])

    def test_one_that_breaks_when_it_is_asked_first_breaks_nothing_else(self):
        """Messages that come in one piece are asked about before they are looked at one by one."""
        for before in ([], [Values()]):
            stage = Once()
            pipeline = Pipeline([*before, stage])
            play = Playbook(
                pipeline.run, pipeline.inspects, judges=pipeline.judges, looks_at=pipeline.looks_at
            )
            for name in (b"poison", b"b"):
                play.client(parse(name, name) + SYNC)
                play.database(PARSE_COMPLETE + ready())
            self.assertEqual(types(play.client(bind(b"", b"poison") + execute() + SYNC)), "BES")
            play.database(BIND_COMPLETE + complete(b"INSERT 0 1") + ready())
            stage.seeks = True
            self.assertEqual(types(play.client(query(b"SELECT 1"))), "Q")
            play.database(complete(b"SELECT 1") + ready())
            self.assertEqual(types(play.client(bind(b"", b"b") + execute() + SYNC)), "BES")
            play.database(BIND_COMPLETE + complete(b"INSERT 0 1") + ready())
            self.assertEqual((stage.failed, play.recorder.failures), (1, []))
            play.done()

    def test_one_that_breaks_while_it_is_asked_is_passed_by_where_it_may_be(self):
        for stages in _with_broken():
            pipeline = Pipeline(stages, ["broken"])
            session, send = _postgresql(pipeline)
            self.assertTrue(send(b"poison"))
            self.assertEqual([stage for stage, _ in session.observer.failures], ["broken"])

    def test_results_are_planned_from_the_database_to_the_client_until_a_reload(self):
        order = []
        first, second = Everything("first"), Everything("second")
        first.planned = second.planned = order
        pipeline = Pipeline([first, second])
        columns = Columns([], [], [], [])
        for _ in range(2):
            pipeline.results.plan(columns)
        self.assertEqual(order, [("second", columns), ("first", columns)])
        pipeline.forget_plans()
        pipeline.results.plan(columns)
        self.assertEqual(len(order), 4)

    def test_loads_are_planned_from_the_client_to_the_database_until_a_reload(self):
        order = []

        @implementer(ILoadStage)
        class Loads:
            def __init__(self, name):
                self.name = name

            def plan_load(self, columns):
                order.append((self.name, columns))

        pipeline = Pipeline([Loads("first"), Everything("other"), Loads("second")])
        columns = Columns([], [], [], [])
        for _ in range(2):
            pipeline.loads.plan(columns)
        self.assertEqual(order, [("first", columns), ("second", columns)])
        pipeline.forget_plans()
        pipeline.loads.plan(columns)
        self.assertEqual(len(order), 4)

    def test_an_empty_pipeline_inspects_nothing(self):
        self.assertEqual(Pipeline().inspects, frozenset())
        self.assertIsNone(Pipeline().results)
        self.assertIsNone(Pipeline().loads)

    def test_every_stage_is_asked_in_order(self):
        """Replies run the list backwards."""
        for kind, expected in ((STATEMENT, "abc"), (PARAMETERS, "abc"), (MESSAGES, "cba")):
            asked = []

            def ask(name, asked=asked):
                return lambda item, exchange: asked.append(name) or PASS

            stages = [Everything(name) for name in "abc"]
            for stage in stages:
                stage.on_statement = stage.on_parameters = stage.on_message = ask(stage.name)
            exchange = Exchange(make_session(), "query", None, 1)
            self.assertIs(Pipeline(stages).run(Work(kind, None, exchange)), PASS)
            self.assertEqual("".join(asked), expected)

    def test_only_stages_that_are_named_are_passed_by_when_they_fail(self):
        stage = Everything("stage")
        stage.on_statement = lambda item, exchange: 1 / 0
        for lenient, passes in (((), False), (("other",), False), (("stage",), True)):
            exchange = Exchange(make_session(), "query", None, 1)
            verdict = Pipeline([stage], lenient).run(Work(STATEMENT, None, exchange))
            self.assertEqual(verdict is PASS, passes)

    def test_every_stage_is_stopped(self):
        first, second = Everything("first"), Everything("second")
        waiting = Deferred()
        first.stop = lambda: waiting
        stopped = ensureDeferred(Pipeline([first, second]).stop())
        self.assertFalse(second.stopped)
        waiting.callback(None)
        self.assertTrue(second.stopped)
        self.successResultOf(stopped)


def _with_broken():
    """Lists of stages with one that breaks."""
    return [Broken()], [Selective(b""), Broken()], [Broken(), Selective(b"")]


def _postgresql(pipeline):
    """Return a session, and what says whether a query gets to the database."""
    play = Playbook(pipeline.run, pipeline.inspects, judges=pipeline.judges)

    def send(text):
        passes = text in play.client(query(text))
        if passes:
            play.database(complete(b"OK") + ready())
        return passes

    return play.session, send


def _mysql(pipeline):
    desk = Desk(pipeline.run, pipeline.inspects, judges=pipeline.judges)

    def send(text):
        passes = text in desk.says(said(mysqlrequests.query(text)))
        if passes:
            desk.replied()
        return passes

    return desk.session, send

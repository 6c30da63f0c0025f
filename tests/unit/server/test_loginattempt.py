"""One login as limits, metrics, events and its span see it, with time that the test makes."""

from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted import events
from acra_twisted.authentication.limits import LoginLimits
from acra_twisted.loginactions import Proven, Unproven
from acra_twisted.lookup import Found
from acra_twisted.server.loginattempt import LoginAttempt
from acra_twisted.telemetry.tracing import spans
from acra_twisted.telemetry.tracing.exchanges import Tracing

PROVEN = Proven(b"ann", "scram", True)


def wrong(result="password", bound=False):
    return Unproven(result, b"an error", "scram", bound)


class Base(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.limits = LoginLimits(self.clock.seconds, lambda: 0.5, of_address=20, of_all=30)
        self.spans, self.logins, self.events, self.answers = [], [], [], []
        self.refused = []
        tracing = Tracing(lambda *_: True, lambda: 1, self.spans.append)
        self.parent = tracing.root("handleConnection", spans.SERVER)
        self.server = SimpleNamespace(
            reactor=self.clock,
            handshake_timeout=10.0,
            login_limits=self.limits,
            counts=SimpleNamespace(login=lambda *labels: self.logins.append(labels)),
            tracing=tracing,
        )

    def attempt(self, user=b"ann", address="192.0.2.1"):
        made = LoginAttempt(self.server, address, self.event, self.refuse)
        self.began = made.begin(user, b"orders", self.parent)
        return made

    def event(self, code, text, **fields):
        self.events.append((code, fields))

    def refuse(self):
        self.refused.append(self.clock.seconds())

    def answer(self):
        self.answers.append(self.clock.seconds())

    def fail(self, times, **who):
        for _ in range(times):
            self.attempt(**who).failed(wrong(), self.answer)

    def codes(self):
        return [code for code, _ in self.events]


class Waits(Base):
    def test_a_wrong_password_is_answered_at_once_until_there_are_five(self):
        self.fail(4)
        self.assertEqual(self.answers, [0, 0, 0, 0])
        self.fail(1)
        self.assertEqual(len(self.answers), 4)
        self.clock.advance(0.24)
        self.assertEqual(len(self.answers), 4)
        self.clock.advance(0.02)
        self.assertEqual(len(self.answers), 5)

    def test_au4_a_right_password_waits_as_long_and_gets_in(self):
        self.fail(7)
        self.clock.advance(9)
        del self.answers[:]
        right, began = self.attempt(), self.clock.seconds()
        right.proven(PROVEN)
        right.go_on(self.answer)
        other = self.attempt()
        other.failed(wrong(), self.answer)
        self.assertEqual(self.answers, [])
        self.assertTrue(right.in_progress and other.in_progress)
        self.clock.pump([0.25] * 12)
        self.assertEqual(len(self.answers), 2)
        self.assertEqual(self.answers[0], self.answers[1])
        self.assertGreater(self.answers[0], began)
        self.assertFalse(right.in_progress)

    def test_a_right_password_goes_on_at_once_where_nothing_has_failed(self):
        right = self.attempt()
        right.proven(PROVEN)
        right.go_on(self.answer)
        self.assertEqual(self.answers, [0])

    def test_a_login_that_is_not_ours_goes_on_at_once(self):
        LoginAttempt(self.server, "192.0.2.1", self.event, self.refuse).go_on(self.answer)
        self.assertEqual((self.answers, self.limits.in_progress), ([0], 0))

    def test_au4_no_wait_is_shorter_because_its_handshake_began_long_ago(self):
        attempts = [self.attempt() for _ in range(16)]
        self.clock.advance(9.9)
        for attempt in attempts[:-1]:
            attempt.failed(wrong(), self.answer)
        attempts[-1].proven(PROVEN)
        attempts[-1].go_on(self.answer)
        self.clock.advance(0.2)
        self.assertEqual(len(self.answers), 4)
        self.clock.advance(7.7)
        self.assertTrue(attempts[-1].in_progress)
        self.clock.advance(0.2)
        self.assertEqual(len(self.answers), 16)

    def test_au4_logins_that_end_together_are_turned_away_right_or_wrong(self):
        self.limits = self.server.login_limits = LoginLimits(self.clock.seconds, lambda: 0.5)
        attempts = [self.attempt() for _ in range(100)]
        for attempt in attempts[:-1]:
            attempt.failed(wrong(), self.answer)
        self.assertEqual((len(self.answers), len(self.refused)), (4, 99 - 4 - 16))
        self.assertIn(events.REFUSED_CONNECTION, self.codes())
        attempts[-1].proven(PROVEN)
        attempts[-1].go_on(self.answer)
        self.assertEqual((len(self.answers), len(self.refused)), (4, 100 - 4 - 16))
        self.clock.advance(8)
        self.assertEqual((len(self.answers), self.limits.in_progress), (4 + 16, 0))

    def test_the_answer_comes_before_the_handshakes_time_is_up(self):
        self.server.handshake_timeout = 1.0
        self.fail(20)
        self.clock.advance(0.8)
        self.assertEqual(len(self.answers), 20)

    def test_nobody_waits_for_a_client_that_is_gone(self):
        self.fail(4)
        attempt = self.attempt()
        attempt.failed(wrong(), self.answer)
        attempt.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((len(self.answers), self.limits.in_progress), (4, 0))


class Limits(Base):
    def test_a_login_is_in_progress_until_its_answer(self):
        attempt = self.attempt()
        self.assertEqual(self.limits.in_progress, 1)
        attempt.failed(wrong(), self.answer)
        self.assertEqual(self.limits.in_progress, 0)
        attempt.stop()
        self.assertEqual(self.limits.in_progress, 0)

    def test_a_proven_one_until_it_goes_on(self):
        attempt = self.attempt()
        attempt.proven(PROVEN)
        self.assertEqual(self.limits.in_progress, 1)
        attempt.go_on(self.answer)
        self.assertEqual(self.limits.in_progress, 0)

    def test_too_many_are_counted_and_told_of(self):
        made = [self.attempt() for _ in range(21)]
        self.assertFalse(self.began)
        self.assertEqual(self.logins, [("limit", "", False)])
        self.assertEqual(self.codes(), [events.REFUSED_CONNECTION])
        for attempt in made:
            attempt.stop()
        self.assertEqual((self.limits.in_progress, len(self.limits)), (0, 0))

    def test_hundred_thousand_wrong_ones_leave_nothing_behind(self):
        self.limits = self.server.login_limits = LoginLimits(
            self.clock.seconds, lambda: 0.5, entries=50
        )
        for number in range(100_000):
            who = {"user": b"u%d" % (number % 977), "address": f"10.0.{number % 251}.1"}
            self.attempt(**who).failed(wrong(), self.answer)
            if number % 16 == 0:
                self.clock.advance(10)
            self.events.clear()
            self.logins.clear()
            self.spans.clear()
        self.clock.advance(10)
        self.assertEqual((self.limits.in_progress, self.clock.getDelayedCalls()), (0, []))
        self.assertLessEqual(len(self.limits), 3 * 50)


class Told(Base):
    def test_each_result_is_counted_and_those_that_failed_are_events(self):
        for result, code in (
            ("password", events.LOGIN_REFUSED),
            ("unknown", events.LOGIN_REFUSED),
            ("binding", events.BINDING_REFUSED),
            ("downgrade", events.BINDING_REFUSED),
            ("replay", events.BINDING_REFUSED),
            ("malformed", events.UNEXPECTED_PACKET),
            ("database", events.LOGIN_REFUSED),
            ("source", events.LOGIN_REFUSED),
        ):
            self.logins, self.events = [], []
            self.attempt(user=result.encode()).failed(wrong(result, True), self.answer)
            self.assertEqual(self.logins, [(result, "scram", True)])
            ((found, fields),) = self.events
            self.assertEqual((found, fields["rule"]), (code, result))
            self.assertEqual((fields["user"], fields["database"]), (result, "orders"))

    def test_a_proof_is_counted_and_is_no_event(self):
        self.attempt().proven(PROVEN)
        self.assertEqual((self.logins, self.events), ([("ok", "scram", True)], []))

    def test_au4_one_event_for_each_threshold(self):
        self.fail(20)
        repeated = [f for code, f in self.events if code == events.REPEATED_FAILURES]
        self.assertEqual([fields["attempts"] for fields in repeated], [5, 10, 20])
        self.assertEqual({fields["rule"] for fields in repeated}, {"user and address"})
        refused = [f["attempts"] for code, f in self.events if code == events.LOGIN_REFUSED]
        self.assertEqual(refused, list(range(1, 21)))

    def test_wrong_bindings_make_nobody_wait(self):
        for _ in range(20):
            self.attempt().failed(wrong("binding"), self.answer)
        right = self.attempt()
        right.proven(PROVEN)
        right.go_on(self.answer)
        self.assertEqual(self.answers, [0] * 21)

    def test_au1_a_source_that_is_away_makes_those_wait_alike_of_whom_nothing_is_kept(self):
        for user, result in ((b"kept", "password"), (b"unasked", "source")):
            self.limits = self.server.login_limits = LoginLimits(self.clock.seconds, lambda: 0.5)
            self.answers = []
            for _ in range(6):
                self.attempt(user=user).failed(wrong(result), self.answer)
            self.assertEqual(len(self.answers), 4)
            began = self.clock.seconds()
            self.clock.pump([0.25, 0.25])
            self.assertEqual([at - began for at in self.answers[4:]], [0.25, 0.5])

    def test_a_name_is_shown_up_to_its_63rd_character_whatever_bytes_it_has(self):
        self.attempt(user=b"\xff\n" + b"x" * 9000).failed(wrong(), self.answer)
        self.assertEqual(self.events[0][1]["user"], "\ufffd?" + "x" * 61)


class Spans(Base):
    def test_a_login_has_one_below_the_connections(self):
        attempt = self.attempt()
        attempt.found(Found(b"a secret", "query", 1.5))
        attempt.proven(PROVEN)
        (span,) = self.spans
        self.assertEqual((span.name, span.parent_id), ("authenticate", self.parent.span_id))
        self.assertEqual(
            dict(span.attributes),
            {
                "acra.auth_source": "query",
                "acra.auth_age": 1.5,
                "acra.auth_result": "ok",
                "acra.auth_mechanism": "scram",
                "acra.auth_bound": True,
            },
        )

    def test_the_wait_for_a_source_has_one_below_it(self):
        for away, status in ((False, 0), (True, spans.UNAVAILABLE)):
            self.spans.clear()
            attempt = self.attempt()
            attempt.looks_up()
            attempt.found(Found(None, "query", away=away))
            attempt.failed(wrong("source"), self.answer)
            lookup, login = self.spans
            self.assertEqual((lookup.name, lookup.parent_id), ("auth lookup", login.span_id))
            self.assertEqual((lookup.status, dict(lookup.attributes)), (status, {}))

    def test_a_wait_that_nobody_waits_for_ends(self):
        attempt = self.attempt()
        attempt.looks_up()
        attempt.stop()
        lookup, _ = self.spans
        self.assertEqual((lookup.name, lookup.status), ("auth lookup", spans.UNAVAILABLE))

    def test_one_that_failed_has_the_reason(self):
        self.attempt().failed(wrong("unknown"), self.answer)
        (span,) = self.spans
        self.assertEqual(span.attributes["acra.auth_result"], "unknown")
        self.assertEqual(span.status, spans.UNAUTHENTICATED)

    def test_one_that_the_database_decides_is_no_failure(self):
        self.attempt().go_on(self.answer)
        (span,) = self.spans
        self.assertEqual(span.attributes["acra.auth_result"], "passthrough")
        self.assertEqual(span.status, spans.OK)

    def test_one_whose_client_has_gone_ends(self):
        self.attempt().stop()
        (span,) = self.spans
        self.assertEqual(span.status, spans.UNAUTHENTICATED)

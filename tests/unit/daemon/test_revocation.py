"""Revocation in a daemon: a judge for each leg that is checked, a start, reading anew, an end."""

from prometheus_client import CollectorRegistry, generate_latest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from acra_twisted.config.revocation import CLIENT, DATABASE, SERVER_REVOCATION
from acra_twisted.daemon import revocation
from acra_twisted.daemon.revocation import Revocation
from acra_twisted.errors import ConfigError
from acra_twisted.interfaces import IReloadable
from acra_twisted.options import defaults
from acra_twisted.transport.credentials import Credentials
from tests.support.revocation import Revoker
from tests.support.tlsfiles import TLSFiles


class Checker:
    """Remembers what is done with it."""

    made = []

    def __init__(self, policy, fetcher, *, reactor, on_revoked, **more):
        self.policy, self.on_revoked, self.done = policy, on_revoked, []
        self.lists, self.last_good = [], 0.0
        self.starting, self.reloading = succeed(None), succeed(self.commit)
        self.authorities = more["authorities"]
        self.made.append(self)

    def start(self):
        self.done.append("start")
        return self.starting

    def reload(self, policy, authorities):
        self.done.append("reload")
        self.authorities = authorities
        return self.reloading

    def commit(self):
        self.done.append("commit")

    def stop(self):
        self.done.append("stop")


class Metrics:
    def __init__(self):
        self.registry = CollectorRegistry()


class Legs(TLSFiles):
    def setUp(self):
        super().setUp()
        self.patch(revocation, "RevocationChecker", Checker)
        self.patch(Checker, "made", [])

    def make(self, **changes):
        self.metrics = Metrics()

        def verified():
            credentials = Credentials(self.settings())
            return {CLIENT: credentials, DATABASE: credentials}

        return Revocation(
            MemoryReactorClock(),
            defaults([SERVER_REVOCATION]).but(**changes),
            verified,
            event=lambda code, text, **fields: None,
            metrics=self.metrics,
            tracing=None,
        )

    def test_nothing_is_made_where_nothing_is_asked(self):
        made = self.make()
        self.assertEqual((made.judge(CLIENT), made.judge(DATABASE)), (None, None))
        self.assertEqual(list(made.parts()), [])
        self.assertIsNone(self.successResultOf(made.start()))
        made.stop()
        self.assertEqual(Checker.made, [])

    def test_alerts_find_the_metrics_where_nothing_is_asked(self):
        self.make()
        text = generate_latest(self.metrics.registry).decode()
        for name in ("checks_total", "fetches_total", "list_expiry_timestamp_seconds"):
            self.assertIn(f"# TYPE acra_revocation_{name} ", text)

    def test_each_leg_that_is_checked_has_a_judge(self):
        made = self.make(tls_crl_client_url="file:///x")
        self.assertEqual(made.judge(CLIENT).leg, CLIENT)
        self.assertIsNone(made.judge(DATABASE))
        made = self.make(tls_ocsp_url="http://x")
        self.assertEqual([made.judge(leg).leg for leg in (CLIENT, DATABASE)], [CLIENT, DATABASE])

    def test_all_are_started_read_anew_and_stopped(self):
        made = self.make(tls_ocsp_url="http://x")
        self.assertEqual(list(made.parts()), [made])
        verifyObject(IReloadable, made)
        self.assertIsNone(self.successResultOf(made.start()))
        self.assertIsNone(self.successResultOf(made.reload()))
        made.stop()
        expected = ["start", "reload", "commit", "stop"]
        self.assertEqual([each.done for each in Checker.made], [expected] * 2)

    def test_nothing_is_in_force_before_all_legs_have_loaded(self):
        made = self.make(tls_ocsp_url="http://x")
        first, second = Checker.made
        second.reloading = pending = Deferred()
        reading = made.reload()
        self.assertEqual((first.done, second.done), (["reload"], ["reload"]))
        pending.callback(second.commit)
        self.assertIsNone(self.successResultOf(reading))
        self.assertEqual((first.done, second.done), (["reload", "commit"],) * 2)
        second.reloading = fail(ConfigError("tls_crl_url: away"))
        self.failureResultOf(made.reload(), ConfigError)
        self.assertEqual(first.done, ["reload", "commit", "reload"])

    def test_authorities_are_read_anew_with_the_lists(self):
        made = self.make(tls_ocsp_url="http://x")
        before = [self.authority.certificate]
        self.assertEqual([each.authorities for each in Checker.made], [before] * 2)
        revoker = Revoker()
        self.use(revoker.leaf(), revoker.certificate)
        self.successResultOf(made.reload())
        self.assertEqual([each.authorities for each in Checker.made], [[revoker.certificate]] * 2)
        self.authority.path.write_text("none")
        self.assertRaises(ConfigError, made.reload)

    def test_one_that_fails_fails_all(self):
        made = self.make(tls_ocsp_url="http://x")
        Checker.made[0].starting = Deferred()
        Checker.made[1].starting = fail(ConfigError("tls_crl_url: away"))
        self.failureResultOf(made.start(), ConfigError)
        Checker.made[1].reloading = fail(ConfigError("tls_crl_url: away"))
        error = self.failureResultOf(made.reload(), ConfigError).value
        self.assertEqual(str(error), "tls_crl_url: away")

    def test_a_certificate_that_is_revoked_ends_resumption_on_its_leg(self):
        made = self.make(tls_ocsp_url="http://x")
        contexts = {}
        for leg in (CLIENT, DATABASE):
            contexts[leg] = Credentials(self.settings()).client_creator("localhost")
            made.judge(leg).watch(contexts[leg])
        forgotten = []
        for leg, context in contexts.items():
            self.patch(context, "forget_sessions", lambda leg=leg: forgotten.append(leg))
        Checker.made[0].on_revoked(b"fingerprint")
        self.assertEqual(forgotten, [CLIENT])

    def test_a_response_to_staple_is_all_that_may_be_wanted(self):
        made = self.make()
        contexts = [Credentials(self.settings()).server_context() for _ in range(2)]
        stapled = []
        for context in contexts:
            self.patch(context, "staple", stapled.append)
            made.staple(context, CLIENT, lambda: Credentials(self.settings()))
        self.assertEqual(list(made.parts()), [made])
        self.assertEqual([response() for response in stapled], [b"", b""])
        self.assertEqual(stapled[0], stapled[1])
        made.stop()

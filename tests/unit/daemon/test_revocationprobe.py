"""acra-doctor asks the sources of revocation once."""

from types import SimpleNamespace

from twisted.internet.defer import ensureDeferred, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from acra_twisted.config.revocation import CLIENT, SERVER_REVOCATION
from acra_twisted.daemon import revocationprobe
from acra_twisted.daemon.revocationprobe import judges, revocation_sources
from acra_twisted.doctor.result import FAIL, OK, WARN
from acra_twisted.errors import ConfigError
from acra_twisted.options import defaults
from acra_twisted.transport.credentials import Credentials
from acra_twisted.transport.revocation.fetch import FetchError
from acra_twisted.transport.revocation.policy import (
    UNREACHABLE,
    CrlRules,
    OcspRules,
    RevocationPolicy,
    Status,
)
from tests.support.revocation import Revoker
from tests.support.tlsfiles import TLSFiles

SETTINGS = defaults([SERVER_REVOCATION])
LIST, RESPONDER = "file:///list", "http://responder"


class Checker:
    """Has these lists, or fails to start."""

    def __init__(self, policy, lists=(), starting=None):
        self.policy, self.lists, self.starting = policy, lists, starting or succeed(None)
        self.running = False

    def start(self):
        self.running = True
        return self.starting

    def stop(self):
        self.running = False


class Sources(TLSFiles):
    def found(self, checker, answer=None):
        class Asking:
            def __init__(self, reactor, hosts):
                pass

            def post(self, url, *more):
                return answer(url)

            def stop(self):
                pass

        self.patch(revocationprobe, "Fetcher", Asking)
        revocation = SimpleNamespace(checkers={CLIENT: checker})
        verified = {CLIENT: Credentials(self.settings())}

        async def collected():
            asked = revocation_sources(None, SETTINGS, revocation, verified)
            return [result async for result in asked]

        return self.successResultOf(ensureDeferred(collected()))

    def test_a_list_is_fetched(self):
        policy = RevocationPolicy(crl=CrlRules(url=LIST))
        for entries, said in ((1, "1 certificate is"), (7, "7 certificates are")):
            kept = SimpleNamespace(url=LIST, entries=entries, end=1_800_000_000.0)
            checker = Checker(policy, [kept])
            (result,) = self.found(checker)
            self.assertEqual((result.state, result.about), (OK, "revocation"))
            self.assertIn(f"client: {said} revoked by {LIST}, which holds until", result.text)
            self.assertIn("2027-01-15", result.text)
            self.assertFalse(checker.running)

    def test_a_list_that_is_away(self):
        policy = RevocationPolicy(crl=CrlRules(url=LIST))
        starting = fail(ConfigError("tls_crl_url: it cannot be used"))
        (result,) = self.found(Checker(policy, starting=starting))
        self.assertEqual((result.state, result.text), (FAIL, "tls_crl_url: it cannot be used"))
        self.assertIn("tls_crl_required", result.remedy)
        # A start goes on without one, where the settings are soft.
        (result,) = self.found(Checker(policy))
        self.assertEqual((result.state, result.remedy), (WARN, "see tls_crl_url"))

    def test_a_responder_is_asked_about_this_sides_own_certificate(self):
        checker = Checker(RevocationPolicy(OcspRules(url=RESPONDER)))

        def away(url):
            self.assertEqual(url, RESPONDER)
            return fail(FetchError(Status(UNREACHABLE, "is not checked: nobody is there")))

        (result,) = self.found(checker, away)
        self.assertEqual((result.state, result.text), (FAIL, "client: nobody is there"))
        (result,) = self.found(checker, lambda url: succeed(b"nonsense"))
        self.assertEqual(result.state, FAIL)
        self.assertIn(f"client: {RESPONDER}: this side's certificate", result.text)

    def test_a_responder_that_knows_it(self):
        revoker = Revoker()
        leaf = revoker.leaf()
        self.use(leaf, revoker.certificate)
        checker = Checker(RevocationPolicy(OcspRules(url=RESPONDER)))
        (result,) = self.found(checker, lambda url: succeed(revoker.answer(leaf)))
        self.assertEqual(result.state, OK)
        self.assertIn("this side's certificate is good", result.text)

    def test_what_is_asked_is_what_the_settings_say(self):
        verified = {CLIENT: Credentials(self.settings())}
        made = judges(MemoryReactorClock(), SETTINGS, verified)
        self.assertEqual(made.checkers, {})
        made = judges(MemoryReactorClock(), SETTINGS.but(tls_crl_url=LIST), verified)
        self.assertEqual(made.checkers[CLIENT].policy.crl.url, LIST)
        made.stop()

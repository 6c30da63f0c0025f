"""Revocation lists that are kept, and when they are fetched again."""

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.transport.revocation.lists import RevocationLists
from acra_twisted.transport.revocation.policy import (
    EARLY,
    GOOD,
    NO_SOURCE,
    OTHER,
    PREFER,
    REVOKED,
    SIGNATURE,
    STALE,
    UNREACHABLE,
    UNUSABLE,
    USE,
    CrlRules,
)
from tests.support.issued import DAY, HOUR, NOW
from tests.support.revocation import Revoker, Servers, Time

OWN = "http://own.example/list"
FIRST, SECOND = "http://first.example/list", "http://second.example/list"


class Lists(SynchronousTestCase):
    def setUp(self):
        self.time = Time()
        self.servers = Servers(self.time)
        self.revoker = Revoker(points=[FIRST, SECOND])
        self.leaf = self.revoker.leaf()

    def made(self, **rules):
        return RevocationLists(CrlRules(**{"url": OWN, **rules}), self.servers, self.time.now)

    def has(self, url, *leaves, **options):
        self.servers.answers[url] = self.revoker.list(*leaves, **options)

    def found(self, lists, leaf=None):
        subject = (leaf or self.leaf).subject
        status = lists.find(subject)
        if status is None:
            self.successResultOf(lists.ask(subject))
            status = lists.find(subject)
        return status.reason

    def urls(self):
        asked, self.servers.asked = self.servers.asked, []
        return [url for url, _ in asked]


class Times(Lists):
    def test_one_list_answers_for_all_certificates_of_its_issuer(self):
        lists = self.made()
        other = self.revoker.leaf()
        self.has(OWN, other)
        self.assertEqual(self.found(lists), GOOD)
        self.assertEqual(self.found(lists, other), REVOKED)
        self.assertEqual(self.urls(), [OWN])
        (state,) = lists.states
        self.assertEqual((state.url, state.entries), (OWN, 1))
        self.assertEqual(state.end, (NOW + DAY).timestamp() + 300)
        self.assertEqual(state.fetched, NOW.timestamp())

    def test_the_list_of_one_issuer_does_not_answer_for_another(self):
        lists = self.made()
        self.has(OWN)
        self.assertEqual(self.found(lists), GOOD)
        self.assertEqual(self.found(lists, Revoker("Another CA").leaf()), OTHER)
        self.assertEqual(self.found(lists, Revoker().leaf()), SIGNATURE)
        self.assertEqual(self.found(lists), GOOD)

    def test_it_is_fetched_again_each_hour_beside_its_use(self):
        lists = self.made()
        self.has(OWN)
        self.found(lists)
        self.time.advance(3599)
        lists.renew()
        self.assertEqual(self.urls(), [OWN])
        self.has(OWN, self.leaf)
        self.time.advance(2)
        self.assertEqual(self.found(lists), GOOD)
        lists.renew()
        self.assertEqual(self.urls(), [OWN])
        self.assertEqual(self.found(lists), REVOKED)

    def test_nobody_waits_for_a_list_that_is_fetched_again(self):
        lists = self.made()
        self.has(OWN)
        self.found(lists)
        pending = self.servers.answers[OWN] = Deferred()
        self.time.advance(3601)
        lists.renew()
        lists.renew()
        self.assertEqual(self.urls(), [OWN, OWN])
        self.assertEqual(lists.find(self.leaf.subject).reason, GOOD)
        pending.callback(self.revoker.list(self.leaf))
        self.assertEqual(lists.find(self.leaf.subject).reason, REVOKED)

    def test_its_age_is_bounded_by_the_cache_time(self):
        lists = self.made(cache_time=100)
        self.has(OWN)
        self.found(lists)
        self.time.advance(51)
        lists.renew()
        self.assertEqual(self.urls(), [OWN, OWN])
        self.time.advance(101)
        self.assertIsNone(lists.find(self.leaf.subject))

    def test_it_outlasts_a_server_that_is_down_for_as_long_as_it_stands(self):
        lists = self.made(cache_time=100)
        self.has(OWN)
        self.found(lists)
        self.servers.answers[OWN] = UNREACHABLE
        self.time.advance(101)
        self.assertEqual(self.found(lists), GOOD)
        self.assertEqual(self.urls(), [OWN, OWN])
        self.time.advance(31)
        self.assertEqual(lists.find(self.leaf.subject).reason, GOOD)
        lists.renew()
        self.assertEqual(self.urls(), [OWN])
        self.time.advance(DAY.total_seconds() + 300)
        self.assertEqual(self.found(lists), STALE)

    def test_an_expired_list_still_says_who_is_revoked(self):
        lists = self.made()
        self.has(OWN, self.leaf)
        self.found(lists)
        self.servers.answers[OWN] = UNREACHABLE
        self.time.advance(9 * 86400)
        self.assertEqual(self.found(lists), REVOKED)

    def test_an_older_list_does_not_replace_a_newer(self):
        lists = self.made(cache_time=100)
        self.has(OWN, self.leaf, begin=NOW - HOUR)
        self.found(lists)
        self.has(OWN, begin=NOW - 2 * HOUR)
        self.time.advance(101)
        lists.renew()
        self.assertEqual(self.found(lists), REVOKED)
        self.assertEqual(self.urls(), [OWN, OWN])
        self.has(OWN, begin=NOW)
        self.time.advance(101)
        lists.renew()
        self.assertEqual(self.found(lists), GOOD)

    def test_nor_when_the_newer_has_expired(self):
        lists = self.made()
        self.has(OWN, self.leaf, begin=NOW - HOUR, end=NOW + HOUR)
        self.found(lists)
        self.has(OWN, begin=NOW - 2 * HOUR, end=NOW + 9 * DAY)
        self.time.advance(86400)
        lists.renew()
        self.assertEqual(self.urls(), [OWN, OWN])
        self.assertEqual(self.found(lists), REVOKED)

    def test_a_list_of_the_future_gives_way(self):
        lists = self.made()
        self.has(OWN, begin=NOW + DAY, end=NOW + 2 * DAY)
        self.assertEqual(self.found(lists), EARLY)
        self.has(OWN, self.leaf)
        self.successResultOf(lists.load(OWN, self.revoker.certificate))
        self.assertEqual(self.found(lists), REVOKED)

    def test_a_failure_is_kept_for_half_a_minute(self):
        lists = self.made()
        self.assertEqual(self.found(lists), UNREACHABLE)
        self.has(OWN)
        self.time.advance(29)
        self.assertEqual(self.found(lists), UNREACHABLE)
        self.time.advance(2)
        self.assertEqual(self.found(lists), GOOD)

    def test_times_of_lists_are_findings(self):
        for options, expected in (
            ({"begin": NOW - 9 * DAY, "end": NOW - DAY}, STALE),
            ({"begin": NOW + HOUR}, EARLY),
        ):
            self.has(OWN, **options)
            self.assertEqual(self.found(self.made()), expected)
        self.servers.answers[OWN] = b"<html>"
        self.assertEqual(self.found(self.made()), UNUSABLE)


class Sources(Lists):
    def test_the_first_usable_list_decides(self):
        self.has(SECOND)
        for word, expected in ((PREFER, [FIRST, SECOND]), (USE, [OWN, FIRST, SECOND])):
            self.assertEqual(self.found(self.made(from_cert=word)), GOOD)
            self.assertEqual(self.urls(), expected)

    def test_the_worst_failure_counts_if_there_is_none(self):
        self.servers.answers[FIRST] = Revoker().list()
        self.assertEqual(self.found(self.made(from_cert=PREFER)), SIGNATURE)

    def test_nothing_named_is_a_finding(self):
        lists = self.made(url="", from_cert=USE)
        self.assertEqual(self.found(lists, Revoker().leaf()), NO_SOURCE)

    def test_not_more_lists_are_kept_than_may_be(self):
        lists = self.made(url="", from_cert=USE, cache_size=5)
        leaves = []
        for number in range(9):
            url = f"http://{number}.example/"
            revoker = Revoker(points=[url])
            self.servers.answers[url] = revoker.list()
            leaves.append(revoker.leaf())
            self.assertEqual(self.found(lists, leaves[-1]), GOOD)
        self.assertEqual(len(lists.states), 5)
        self.assertIsNone(lists.find(leaves[0].subject))
        self.assertEqual(lists.find(leaves[-1].subject).reason, GOOD)

    def test_the_configured_list_gives_way_to_none_of_a_certificate(self):
        lists = self.made(from_cert=PREFER, cache_size=0)
        self.has(OWN)
        self.assertEqual(self.found(lists), GOOD)
        for number in range(9):
            url = f"http://{number}.example/"
            revoker = Revoker(points=[url])
            self.servers.answers[url] = revoker.list()
            self.assertEqual(self.found(lists, revoker.leaf()), GOOD)
        self.assertIn(OWN, [state.url for state in lists.states])
        self.assertEqual(len(lists.states), 5)

    def test_lists_that_nobody_uses_are_fetched_no_more(self):
        lists = self.made(url="", from_cert=USE, cache_time=100)
        self.has(FIRST)
        self.found(lists)
        self.urls()
        for _ in range(9):
            self.time.advance(60)
            lists.renew()
        self.assertEqual(self.urls(), [FIRST])
        self.assertEqual(lists.states, [])


class AtTheStart(Lists):
    def loaded(self, lists, *issuers):
        return self.successResultOf(ensureDeferred(lists.load_configured(issuers)))

    def reason(self, *issuers):
        return self.loaded(self.made(), *(issuers or (self.revoker.certificate,))).reason

    def test_a_list_that_counts_is_there_before_the_first_peer(self):
        lists = self.made()
        self.has(OWN)
        self.assertIsNone(self.loaded(lists, self.revoker.certificate))
        self.assertEqual(lists.find(self.leaf.subject).reason, GOOD)

    def test_a_list_that_does_not_count_is_told(self):
        self.assertEqual(self.reason(), UNREACHABLE)
        self.has(OWN, begin=NOW - 9 * DAY, end=NOW - DAY)
        self.assertEqual(self.reason(), STALE)
        self.servers.answers[OWN] = Revoker().list()
        self.assertEqual(self.reason(), SIGNATURE)
        another = Revoker("Another CA").certificate
        self.assertEqual(self.reason(another, self.revoker.certificate), SIGNATURE)
        self.assertEqual(self.reason(another), OTHER)

    def test_it_is_fetched_once_for_all_issuers_and_counts_for_one(self):
        lists = self.made()
        self.has(OWN)
        another = Revoker("Another CA").certificate
        self.assertIsNone(self.loaded(lists, another, self.revoker.certificate))
        self.assertEqual(self.urls(), [OWN])
        self.assertEqual(len(lists.states), 1)

    def test_a_list_that_does_not_count_replaces_none(self):
        lists = self.made()
        self.has(OWN, self.leaf)
        self.loaded(lists, self.revoker.certificate)
        other = lists.with_rules(CrlRules(url=OWN, cache_time=9))
        self.has(OWN, begin=NOW - 9 * DAY, end=NOW - DAY)
        self.assertEqual(self.loaded(other, self.revoker.certificate).reason, STALE)
        for one in (lists, other):
            self.assertEqual(one.find(self.leaf.subject).reason, REVOKED)

    def test_a_list_of_no_known_issuer_is_one_at_least(self):
        self.assertEqual(self.loaded(self.made()).reason, UNREACHABLE)
        self.servers.answers[OWN] = b"<html>"
        self.assertEqual(self.loaded(self.made()).reason, UNUSABLE)
        self.has(OWN)
        self.assertIsNone(self.loaded(self.made()))

    def test_two_that_need_it_fetch_it_once(self):
        pending = self.servers.answers[OWN] = Deferred()
        lists = self.made()
        first, second = lists.ask(self.leaf.subject), lists.ask(self.revoker.leaf().subject)
        self.assertEqual(self.urls(), [OWN])
        pending.callback(self.revoker.list())
        self.successResultOf(first)
        self.successResultOf(second)

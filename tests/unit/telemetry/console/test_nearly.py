"""A search that finds nothing tells what it would find without one of its filters."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.nearly import nearly
from acra_twisted.telemetry.console.views import traces
from acra_twisted.telemetry.pages.search import Filters
from tests.support.hours import NOW, Hour
from tests.support.kepttraces import a_trace
from tests.support.stepping import returned


class Would(SynchronousTestCase):
    def setUp(self):
        self.hour = Hour(1)
        for number in range(8):
            a_trace(self.hour.store, NOW - number, status=7, verdict="deny", client_id="shop")
        a_trace(self.hour.store, NOW - 99, client_id="billing")

    def near(self, **arguments):
        return [tuple(one) for one in returned(nearly(self.hour.store, arguments, Filters.of))]

    def test_each_filter_is_left_out_once(self):
        self.assertEqual(
            self.near(verdict="deny", client_id="billing"), [("client_id", 8), ("verdict", 1)]
        )

    def test_those_that_change_nothing(self):
        self.assertEqual(self.near(verdict="slow", user="nobody"), [])
        self.assertEqual(self.near(offset="40", sort="slowest", limit="2"), [])

    def test_the_sentence_leads_there(self):
        wanted = traces.asked({"verdict": "deny", "client_id": "billing", "offset": "20"}, NOW)
        gathered = returned(traces.gather(self.hour.sources, wanted))
        told = traces.as_json(gathered)
        self.assertEqual(
            told["answer"]["text"],
            "None of 9 kept traces fits. "
            "Without client_id there are 8, without verdict there is 1.",
        )
        self.assertEqual(told["nearly"][0], {"without": "client_id", "traces": 8})
        links = [piece.href for piece in gathered.said.pieces if piece.href]
        self.assertEqual(
            links, ["/console/traces?verdict=deny", "/console/traces?client_id=billing"]
        )

    def test_what_is_found_has_none(self):
        wanted = traces.asked({"verdict": "deny"}, NOW)
        gathered = returned(traces.gather(self.hour.sources, wanted))
        self.assertEqual(traces.as_json(gathered)["nearly"], [])

    @given(
        st.dictionaries(
            st.sampled_from(("verdict", "client_id", "user", "statement", "min_ms")),
            st.sampled_from(("deny", "slow")),
        )
    )
    def test_it_is_what_the_search_would_find(self, wanted):
        arguments = {name: "5" if name == "min_ms" else value for name, value in wanted.items()}
        if arguments.get("verdict") == "5":
            return
        for name, number in self.near(**arguments):
            others = {one: value for one, value in arguments.items() if one != name}
            found = returned(traces.gather(self.hour.sources, traces.asked(others, NOW)))
            self.assertEqual(len(found.found), number)

"""Queries for kept traces."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.search import Filters, Unfit


class Search(SynchronousTestCase):
    def test_a_client_id_as_long_as_there_are(self):
        longest = "W" * 256
        self.assertEqual(Filters.of({"client_id": longest}, 0).client_id, longest)
        with self.assertRaises(Unfit):
            Filters.of({"client_id": longest + "W"}, 0)

    def test_what_is_no_number(self):
        for wrong in ("x", "-1", "nan", "inf", "1e300"):
            self.assertRaises(ValueError, Filters.of, {"min_ms": wrong})

    def test_what_cannot_be_asked_for_is_answered_with_what_can(self):
        for asked, known in (
            ({"verdict": "errors"}, "allow, deny, error"),
            ({"verdict": "nonsense"}, "allow, deny, error"),
            ({"trace_id": "xyz"}, "hex digits"),
            ({"trace_id": "1" * 33}, "hex digits"),
            ({"verdikt": "deny"}, "there is no filter 'verdikt'; there are trace_id, client_id"),
            ({"table": "x" * 257}, "longer than 256"),
            ({"since": "yesterday"}, "15m"),
            ({"sort": "fast"}, "newest, slowest"),
            ({"of": "spans"}, "requests, connections"),
            ({"limit": "201"}, "from 1 to 200"),
            ({"limit": "0"}, "from 1 to 200"),
            ({"offset": "-1"}, "from 0 to"),
            ({"max_ms": "x"}, "max_ms must be a number"),
        ):
            error = self.assertRaises(Unfit, Filters.of, asked)
            self.assertIn(known, str(error))

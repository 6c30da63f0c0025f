"""Records of schemas; the tests of both databases' schema files have all that they hold."""

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption import schemarecords
from acra_twisted.encryption.schemarecords import OddRecords


class Point(NamedTuple):
    x: int
    name: str | None


KINDS = {"points": Sequence[Point], "by": Mapping[int, tuple[str, bool]]}


class Records(SynchronousTestCase):
    def test_what_is_written_is_read(self):
        fields = {"points": (Point(1, "a"), Point(2, None)), "by": {7: ("x", True)}}
        text = schemarecords.text_of("points 1", fields)
        self.assertEqual(schemarecords.fields_of(text, "points 1", KINDS), fields)

    def test_other_records_are_refused(self):
        good = {"format": "points 1", "points": [{"x": 1, "name": None}], "by": [[7, ["x", True]]]}
        self.assertTrue(schemarecords.fields_of(json.dumps(good), "points 1", KINDS))
        for other in (
            *({**good, "format": "points 2"}, {**good, "more": 1}, {"format": "points 1"}, []),
            *({**good, "points": [{"x": 1}]}, {**good, "points": [{"x": None, "name": ""}]}),
            *({**good, "points": [{"x": 1, "name": 2}]}, {**good, "points": {}}),
            *({**good, "by": [[7, ["x"]]]}, {**good, "by": [["7", ["x", True]]]}),
            {**good, "by": [[7, ["x", 1]]]},
        ):
            text = json.dumps(other)
            self.assertRaises(OddRecords, schemarecords.fields_of, text, "points 1", KINDS)
        for text in ("", "[" * 100_000, " " * (schemarecords.LARGEST + 1)):
            self.assertRaises(OddRecords, schemarecords.fields_of, text, "points 1", KINDS)

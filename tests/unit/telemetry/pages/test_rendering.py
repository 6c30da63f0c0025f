"""Pages in pieces."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.rendering import Templates, as_json, cells, made

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=9,
)


class Rendering(SynchronousTestCase):
    def test_json_of_lists_and_of_iterators(self):
        value = {"a": 1, "b": [1, {"c": "x"}], "d": [], "e": None}
        pieces = list(as_json({**value, "f": iter([1, 2])}))
        self.assertEqual(json.loads("".join(pieces)), {**value, "f": [1, 2]})
        self.assertGreater(len(pieces), 5)

    @given(st.dictionaries(st.text(), ANY))
    def test_any_values_are_json(self, value):
        def refuse(text):
            raise AssertionError(text)

        made = "".join(as_json({**value, "rows": iter(list(value.values()))}))
        found = json.loads(made, parse_constant=refuse)
        self.assertEqual(len(found["rows"]), len(value))

    def test_what_json_cannot_have_is_null(self):
        deep = []
        for _ in range(5000):
            deep = [deep]
        value = {"a": [math.nan, {"b": (math.inf, 1.5)}], "c": -math.inf, "d": deep}
        found = json.loads("".join(as_json(value)))
        self.assertEqual((found["a"], found["c"]), ([None, {"b": [None, 1.5]}], None))
        self.assertIn("null", json.dumps(found["d"]))

    def test_marks_are_seen_in_texts_and_attributes(self):
        pieces = Templates("a\u202eb").render(
            "start.html", title="t\u2066", places=[("/x\u200f", "says \x1b[2J")]
        )
        text = "".join(pieces)
        for mark in ("202E", "2066", "200F", "001B"):
            self.assertIn(f"&lt;U+{mark}&gt;", text)
        self.assertTrue(text.replace("\n", "").isprintable())

    def test_cells_are_those_of_a_row(self):
        for row, expected in (
            (["12:00", "1.5", "–"], "<th scope=row>12:00</th><td>1.5</td><td>–</td>"),
            (["a"], "<th scope=row>a</th>"),
            (["<a>", 'b"', "c"], "<th scope=row>&lt;a&gt;</th><td>b&#34;</td><td>c</td>"),
        ):
            self.assertEqual(
                cells(row), "<tr>" + expected.replace("scope=row", 'scope="row"') + "</tr>"
            )

    @given(st.lists(st.text(), min_size=1))
    def test_no_cell_acts(self, row):
        self.assertEqual(cells(row).count("<"), 2 * len(row) + 2)

    def test_the_kind_is_what_is_asked_for(self):
        self.assertEqual(made({"format": "json"}, iter(())).kind, "application/json")
        self.assertEqual(made({}, iter(())).kind, "text/html; charset=utf-8")

    def test_templates_escape(self):
        pieces = Templates("<b>").render("start.html", title="Start", places=[("/<i>", "<s>")])
        text = "".join(pieces)
        for tag in ("<b>", "<i>", "<s>"):
            self.assertNotIn(tag, text)

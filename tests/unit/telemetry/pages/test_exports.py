"""Files of what a page shows."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.pages.exports import CEF, CSV, as_csv, exported, table
from tests.support.webpages import body


class Exports(SynchronousTestCase):
    @given(st.text(max_size=20))
    def test_no_text_is_a_formula(self, text):
        ((cell,),) = csv.reader(io.StringIO(as_csv([text]), newline="")) if text else [("",)]
        self.assertEqual(cell.removeprefix("'"), text.removeprefix("'"))
        self.assertFalse(cell.startswith(("=", "+", "-", "@")))

    def test_breaks_and_wide_signs_begin_none_either(self):
        for sign in ("\n", "\r", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20"):
            ((cell,),) = csv.reader(io.StringIO(as_csv([f"{sign}1"]), newline=""))
            self.assertEqual(cell, f"'{sign}1")

    def test_a_table(self):
        text = "".join(table(("a", "b"), [{"a": 1, "b": "x, y", "c": 3}, {"b": None}]))
        self.assertEqual(text, 'a,b\r\n1,"x, y"\r\n,\r\n')

    def test_a_file(self):
        page = exported("traces", CSV, iter(["a"]))
        self.assertEqual((page.kind, page.file), ("text/csv; charset=utf-8", "acra-traces.csv"))
        self.assertEqual(body(page), "a")
        page = exported("traces", CEF, iter(["a"]))
        self.assertEqual((page.kind, page.file), ("text/plain; charset=utf-8", "acra-traces.cef"))

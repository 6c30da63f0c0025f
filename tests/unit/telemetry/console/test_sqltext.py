"""Statements with their keywords in another colour."""

import html
import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.sqltext import highlighted


class Highlighted(SynchronousTestCase):
    def test_keywords_alone(self):
        self.assertEqual(
            highlighted("select \"from\", o.id FROM orders WHERE a < ? AND selection = 'in'"),
            "<b>select</b> &#34;from&#34;, o.id <b>FROM</b> orders <b>WHERE</b> a &lt; ? "
            "<b>AND</b> selection = &#39;in&#39;",
        )

    def test_a_very_long_one_is_shown_as_it_is(self):
        self.assertEqual(highlighted("SELECT " + "x" * 9000).count("<b>"), 0)

    @given(st.text(), st.text())
    def test_the_text_stays(self, one, other):
        text = f"{one} SELECT {other}"
        made = str(highlighted(text))
        self.assertEqual(html.unescape(made.replace("<b>", "").replace("</b>", "")), text)
        self.assertLessEqual(set(re.findall("<[^>]*>?", made)), {"<b>", "</b>"})

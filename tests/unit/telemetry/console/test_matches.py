"""Files of traces."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.telemetry.console.matches import as_cef, as_csv, verdict_of
from acra_twisted.telemetry.pages.matching import Match

MATCH = Match("1" * 32, 4, "SELECT t", 10**18, 2_500_000, "shop", "allow", "", "", ("allow",))
TEXTS = st.text(max_size=30)


class Files(SynchronousTestCase):
    def test_verdicts(self):
        for changes, verdict in (
            ({}, "allowed"),
            ({"verdicts": ()}, "allowed"),
            ({"verdicts": ("slow", "allow")}, "slow"),
            ({"verdicts": ("error", "slow")}, "failed"),
            ({"verdicts": ("deny", "error")}, "denied"),
            ({"verdicts": ("poison", "deny")}, "poison"),
        ):
            self.assertEqual(verdict_of(MATCH._replace(**changes)), verdict)

    def test_csv(self):
        (row,) = csv.DictReader(io.StringIO("".join(as_csv([MATCH]))))
        self.assertEqual(row["start"], "2001-09-09T01:46:40.000000Z")
        self.assertEqual(
            (row["took_ms"], row["name"], row["verdict"]), ("2.5", "SELECT t", "allowed")
        )

    def test_cef(self):
        (line,) = as_cef("acra-server", [MATCH._replace(verdicts=("deny",), error="42000")])
        self.assertRegex(
            line,
            r"\ACEF:0\|cossacklabs\|acra-server\|[^|]+\|[0-9]+\|Request denied\|6\|rt=10{11}2 ",
        )
        self.assertIn(" suser=shop act=denied reason=42000 request=SELECT t ", line)
        self.assertIn("start=1000000000000 end=1000000000002", line)

    @given(TEXTS, TEXTS, TEXTS)
    def test_names_from_outside_add_neither_lines_nor_fields(self, name, client, error):
        match = MATCH._replace(name=name, client_id=client, error=error)
        (line,) = as_cef("acra-server", [match])
        self.assertEqual(len(line.splitlines()), 1)
        self.assertTrue(line.endswith("\n"))
        rows = list(csv.reader(io.StringIO("".join(as_csv([match])), newline="")))
        self.assertEqual([len(row) for row in rows], [8, 8])
        for cell in rows[1]:
            self.assertFalse(cell.startswith(("=", "+", "-", "@")))

"""Statements that may leave columns unprotected."""

from datetime import UTC, date, datetime

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.configuration.bypasses import bypasses_of, remarks_of
from acra_twisted.encryption.configuration.keys import Given
from acra_twisted.encryption.settings import Bypass

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC).timestamp()
KNOWN = {("", "people", "name"): "people.name", ("hr", "staff", "pay"): "hr.staff.pay"}
GOOD = {
    "client_id": "migrator",
    "statement": "UPDATE people SET name = name || '' WHERE id = 1",
    "columns": (("people", "name"), ("hr", "staff", "pay")),
    "until": date(2027, 1, 31),
    "reason": "ticket 4711",
}


class Bypasses(SynchronousTestCase):
    def read(self, *changes, now=NOW):
        entries = []
        for line, change in enumerate(changes, 1):
            values = {**GOOD, **change}
            keys = {n: Given(v, f"c.yaml:{line}") for n, v in values.items() if v is not None}
            entries.append((keys, f"c.yaml:{line}"))
        wrong = []
        found = bypasses_of(entries, KNOWN, now, wrong)
        return found, "\n".join(map(str, wrong))

    def refused(self, told, **change):
        found, wrong = self.read(change)
        self.assertEqual(list(found), [])
        self.assertIn(f"c.yaml:1: {told}", wrong)

    def test_one(self):
        [found], wrong = self.read({})
        self.assertEqual(wrong, "")
        end = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
        columns = frozenset(("people.name", "hr.staff.pay"))
        statement = GOOD["statement"]
        self.assertEqual(
            found, Bypass("migrator", statement, columns, end, "ticket 4711", 1, "line 1")
        )

    def test_all_keys_are_needed(self):
        for key in GOOD:
            self.refused(f"a bypass needs {key}", **{key: None})
        for key in ("client_id", "statement", "reason"):
            self.refused(f"a bypass needs {key}", **{key: ""})
        self.refused("a bypass needs columns", columns=())

    def test_it_ends_within_ninety_days(self):
        self.read({"until": date(2027, 2, 27)})[0][0]
        for until in (date(2027, 2, 28), date.max):
            self.refused("until: expected a day at most 90 days ahead", until=until)

    def test_columns_are_protected_ones(self):
        told = "columns: 'people.nam' is not protected by this configuration; did you mean 'people."
        self.refused(told, columns=(("people", "nam"),))
        self.refused("columns: 'a.people.name' is not", columns=(("a", "people", "name"),))
        self.refused("columns: 'staff.pay' is not", columns=(("staff", "pay"),))

    def test_a_reason_is_a_line(self):
        self.refused("reason: expected one line of at most 200", reason="a\nb")
        self.refused("reason: expected one line of at most 200", reason="a" * 201)

    def test_one_of_a_client_and_statement(self):
        _, wrong = self.read({}, {"client_id": "another"}, {"reason": "again"})
        self.assertEqual(wrong, "c.yaml:3: client_id and statement are those of line 1, too")

    def test_the_operator_is_told_of_each(self):
        found, wrong = self.read({}, {"until": date(2026, 11, 28), "client_id": "another"})
        self.assertEqual(wrong, "")
        first, second = remarks_of(found, NOW)
        self.assertIn("until the end of 2027-01-31 (UTC) client 'migrator' may leave", first)
        self.assertIn("hr.staff.pay, people.name unprotected", first)
        self.assertIn("ticket 4711", first)
        self.assertIn("of client 'another' for hr.staff.pay, people.name ended with 2026", second)

    def test_the_start_says_that_the_end_comes_soon(self):
        for until, told in (
            (date(2026, 12, 7), None),
            (date(2026, 12, 6), "ends in 7 days"),
            (date(2026, 11, 29), "ends in 0 days"),
        ):
            [said] = remarks_of(self.read({"until": until})[0], NOW)
            self.assertIs("ends in" in said, told is not None)
            self.assertIn(told or "", said)

    def test_names_are_short_lines_and_tell_them_apart(self):
        [found], wrong = self.read({"name": "clean-up"})
        self.assertEqual((found.name, wrong), ("clean-up", ""))
        for name in ("a\nb", "a" * 61):
            self.refused("name: expected at most 60 characters on one line", name=name)
        _, wrong = self.read({"name": "x"}, {"name": "x", "client_id": "another"})
        self.assertEqual(wrong, "c.yaml:2: another bypass has the name 'x', too")

    def test_its_last_day_counts(self):
        found, _ = self.read({"until": date(2026, 11, 29)})
        self.assertIn("may leave", "".join(remarks_of(found, NOW)))
        self.assertGreater(found[0].until, NOW)

"""Targets of ON CONFLICT."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.encryption.postgresql.comparisons import Comparisons
from acra_twisted.encryption.postgresql.schema import PREFIX, SUBSTRING, Attached, Index, Key
from tests.support.planning import MODE, PATH, PEOPLE, VIEW, outcome, planner

#: The places of the columns id, email and phone.
ID, EMAIL, PHONE = 1, 3, 7
S = "(pg_catalog.substr(email, 1, 33))"


def unique(*keys, **more):
    return Index("known", keys, unique=True, **more)


class Targets(SynchronousTestCase):
    def sent(self, target, *indexes, action="do nothing", **more):
        """Return the text that is sent in the place of a target."""
        people = PEOPLE._replace(indexes=indexes, **more)
        before = "insert into people (id, note) values (1, 2) on conflict "
        self.planner = planner((people, VIEW), claims=Comparisons())
        self.text = f"{before}{target} {action}"
        found = outcome(self.text, self.planner)
        return found.removeprefix(before).removesuffix(f" {action}")

    def test_a_unique_index_on_prefixes_tells_equal_values(self):
        self.assertEqual(self.sent("(email)", unique(Key(EMAIL, PREFIX))), f"({S})")
        [plan] = self.planner.plan(self.text.encode(), MODE, PATH).statements
        self.assertEqual([one.name for one in plan.matched], ["email"])
        both = unique(Key(EMAIL, PREFIX), Key(ID))
        self.assertEqual(self.sent("(id, email)", both), f"(id, {S})")
        self.assertEqual(self.sent('("email" desc, id)', both), "!conflict_target")
        self.assertEqual(
            self.sent('("email", id asc)', both), f"({S}, id asc)".replace("email", '"email"')
        )
        self.assertEqual(
            self.sent("(email) where id > 5", unique(Key(EMAIL, PREFIX))), f"({S}) where id > 5"
        )

    def test_no_other_index_does(self):
        for index in (
            unique(Key(EMAIL)),
            unique(Key(EMAIL, SUBSTRING)),
            unique(Key(EMAIL, PREFIX), Key(ID)),
            unique(Key(EMAIL, PREFIX), partial=True),
            unique(Key(EMAIL, PREFIX), usable=False),
            unique(Key(EMAIL, PREFIX))._replace(unique=False),
        ):
            self.assertEqual(self.sent("(email)", index), "!conflict_target")
        [plan] = self.planner.plan(self.text.encode(), MODE, PATH).statements
        self.assertIn("substr(email, 1, 33)", plan.refusal.hint)

    def test_columns_whose_equal_values_cannot_be_told(self):
        for name in ("name", "card", "age"):
            self.assertEqual(self.sent(f"({name})", unique(Key(2))), "!conflict_target")
        self.assertEqual(self.sent("((substr(email, 1, 33)))"), "!expression")

    def test_tokens_are_told_by_themselves(self):
        self.assertEqual(self.sent("(phone)"), "(phone)")
        self.assertEqual(self.sent("(id, phone)"), "(id, phone)")

    def test_other_columns(self):
        for target in ("(id)", "(note, id)", "((id + 1))", "(nowhere)"):
            self.assertEqual(self.sent(target), target)

    def test_constraints(self):
        for index, fine in (
            (unique(Key(ID)), True),
            (unique(Key(ID), Key(PHONE)), True),
            (unique(Key(EMAIL)), False),
            (unique(Key(ID), Key(EMAIL)), False),
            (unique(Key(EMAIL))._replace(name="other"), True),
        ):
            target = "on constraint known"
            found = self.sent(target, index)
            self.assertEqual(found, target if fine else "!conflict_target")
        attached = (Attached("exclusion", "known", (EMAIL,)),)
        self.assertEqual(self.sent("on constraint known", attached=attached), "!conflict_target")

    def test_what_is_behind_a_view_is_not_known(self):
        text = "insert into adults (id) values (1) on conflict {} do nothing"
        made = planner((PEOPLE, VIEW), claims=Comparisons())
        for target, fine in (("(id)", True), ("(label)", False), ("on constraint k", False)):
            found = outcome(text.format(target), made)
            self.assertEqual(found, text.format(target) if fine else "!conflict_target")

    def test_without_a_target(self):
        self.assertEqual(self.sent(""), "")

"""The choice of what is mutated and of the tests that must notice; nothing is mutated here."""

from contextlib import redirect_stdout
from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from tests.mutants import run


class Chosen(SynchronousTestCase):
    def test_modules_and_packages(self):
        cells = "acra_twisted/crypto/cells.py"
        self.assertEqual([str(path) for path in run.chosen([cells])], [cells])
        package = [str(path) for path in run.chosen(["acra_twisted/crypto"])]
        self.assertIn(cells, package)
        everything = [str(path) for path in run.chosen([])]
        self.assertEqual(set(package) - set(everything), set())
        self.assertEqual({path.split("/")[1] for path in everything}, set(run.TESTS))

    def test_what_is_not_there_is_named(self):
        for name in ("acra_twisted/crypto/none.py", "acra_twisted/tools", "acra_twisted", "docs"):
            error = self.assertRaises(ValueError, run.chosen, [name])
            self.assertIn(name, str(error))

    def test_the_tests_of_each_package_are_there(self):
        for folders in run.TESTS.values():
            for name in folders:
                self.assertTrue((run.TOP / "tests/unit" / name).exists(), name)


class Reported(SynchronousTestCase):
    def test_modules_by_themselves_and_together(self):
        work = run.Path(self.mktemp())
        work.mkdir()
        self.patch(run, "TOP", work)
        self.patch(run, "WORK", work)
        shown = []

        def mutmut(*args, **options):
            shown.append(args)
            return type("Ran", (), {"stdout": f"diff of {args[1]}"})

        self.patch(run, "mutmut", mutmut)
        found = {
            "a.one.x__mutmut_1": "killed",
            "a.one.x__mutmut_2": "timeout",
            "a.one.x__mutmut_3": "survived",
            "a.two.y__mutmut_1": "untested",
            "a.two.y__mutmut_2": "skipped",
        }
        with redirect_stdout(StringIO()) as printed:
            self.assertFalse(run.report(found))
        self.assertEqual([line.split() for line in printed.getvalue().splitlines()[:3]], [
            ["a.one", "2", "of", "3", "noticed", "67", "%"],
            ["a.two", "0", "of", "1", "noticed", "0", "%"],
            ["all", "2", "of", "4", "noticed", "50", "%"],
        ])  # fmt: skip
        left = [("show", "a.one.x__mutmut_3"), ("show", "a.two.y__mutmut_1")]
        self.assertEqual(shown, left)
        self.assertIn("diff of a.two.y__mutmut_1", (work / "survivors.diff").read_text())
        with redirect_stdout(StringIO()):
            self.assertTrue(run.report({"a.one.x__mutmut_1": "killed"}))

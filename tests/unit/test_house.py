"""The rules of the house: import order, a test file per source file, a light plugin file."""

import ast
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.importgraph import by_package, circles, graph, module_name
from tests.support.patches import replaced

TOP = Path(__file__).parents[2]
PACKAGE = TOP / "acra_twisted"
#: Packages, each before those that may import it.  Those of one line may import each other one
#: way.  Modules of the top, which belong to no package, stand between the first and the second;
#: but for ``writer``, which is for applications and stands last.
ORDER = (
    ("fast", "keystore.plugins"),
    (
        "wire",
        "wire.formats",
        "wire.postgres",
        "wire.mysql",
        "wire.link",
        "wire.http",
        "sql",
        "themis",
    ),
    ("censor", "crypto", "dialects", "dialects.postgresql", "dialects.mysql"),
    ("encryption", "encryption.configuration", "encryption.postgresql", "encryption.mysql"),
    ("keystore",),
    ("tokens",),
    ("pipeline", "stages", "plugins"),
    ("transport", "transport.native", "transport.revocation"),
    (
        "telemetry.tracing",
        "telemetry.metrics",
        "telemetry.export",
        "telemetry.figures",
        "telemetry.history",
        "telemetry.logs",
    ),
    ("telemetry.pages",),
    ("telemetry.console",),
    ("telemetry.console.views",),
    ("telemetry.console.site",),
    ("telemetry",),
    ("proxy", "authentication"),
    ("config",),
    ("doctor",),
    ("daemon",),
    ("server", "connector"),
    ("tools", "sandbox"),
)
RANK = {name: rank for rank, names in enumerate(ORDER) for name in names}
#: Lines of a module at most.
LONGEST = 400

#: Packages and modules that know no database.
SHARED = {
    *("transport", "proxy", "pipeline", "plugins", "stages", "telemetry"),
    *("server", "connector", "daemon", "session", "exchange", "outstanding", "results"),
    *("authentication", "lookup"),
}
#: The one place where they are given one; and acra-doctor asks a database as its clients do.
KNOW_ONE = {"daemon.dialect", "server.examination", "server.mysqlexamination"}
#: Of a database, as a module's name begins; two modules of all dialects are every database's.
OF_A_DATABASE = re.compile(r"dialects\.(?!(?:flow|propagation)\b)\w|wire\.(postgres|mysql)\b").match
_SQLSTATE = re.compile(rb"(?=.*[0-9])[0-9A-Z]{5}")
_DATABASES = frozenset(("postgres", "postgresql", "mysql", "mariadb"))


def modules():
    return sorted(p for p in PACKAGE.rglob("*.py") if p.name != "__init__.py")


def imports(path):
    """Names of imported modules; those for type checking alone are left out."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def short(name):
    """A module's name below the package."""
    return name.removeprefix("acra_twisted.")


def edges():
    """The modules that each module imports, for type checking alone as well."""
    found = graph(PACKAGE, TOP)
    return {short(name): {short(other) for other in others} for name, others in found.items()}


def packages():
    return {short(module_name(path, TOP)) for path in PACKAGE.rglob("__init__.py")}


def rank(name, known):
    """Where a module stands: by its package, or between the first two lines."""
    if name == "writer":
        return len(ORDER)
    while name not in known:
        name = name.rpartition(".")[0]
        if not name:
            return 0.5
    return RANK[name]


def every_import(path):
    """Names of imported modules, those for type checking alone included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named_databases(text):
    """The databases and SQLSTATEs among the constants of a module; docstrings are none."""
    found = set()
    tree = ast.parse(text)
    said = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in said:
            value = node.value
            if isinstance(value, str) and value in _DATABASES:
                found.add(value)
            elif isinstance(value, bytes) and _SQLSTATE.fullmatch(value):
                found.add(value.decode())
    return found


class ImportOrder(SynchronousTestCase):
    def test_every_package_has_its_place(self):
        self.assertEqual(packages() - {"acra_twisted"}, set(RANK))

    def test_every_package_is_installed(self):
        """A checkout has all of them, whatever is listed."""
        listed = ConfigParser()
        listed.read(TOP / "setup.cfg")
        installed = listed["options"]["packages"].split()
        own = {module_name(path, TOP) for path in PACKAGE.rglob("__init__.py")}
        self.assertEqual(set(installed), own | {"twisted.plugins"})

    def test_only_leftwards(self):
        known = packages() - {"acra_twisted"}
        for name, others in edges().items():
            for other in others - {"acra_twisted"}:
                allowed = rank(other, known) <= rank(name, known)
                self.assertTrue(allowed, f"{name} imports {other}, which stands behind it in ORDER")

    def test_pure_packages_do_not_know_twisted_or_the_clock(self):
        banned = {"twisted", "time", "os", "socket", "random", "secrets", "opencensus", "OpenSSL"}
        for path in modules():
            if path.relative_to(PACKAGE).parts[0] in (
                "wire",
                "sql",
                "themis",
                "censor",
                "crypto",
                "dialects",
                "encryption",
            ):
                found = {name.split(".")[0] for name in imports(path)} & banned
                self.assertFalse(found, f"{path} imports {found}")

    def test_only_telemetry_knows_opencensus(self):
        for path in modules():
            if "opencensus" in {name.split(".")[0] for name in imports(path)}:
                self.assertEqual(path.relative_to(PACKAGE).parts[0], "telemetry")


class Shape(SynchronousTestCase):
    """A module can be read in one go, and before those that use it."""

    def test_no_circles_of_modules_or_packages(self):
        imported = edges()
        found = {*circles(imported), *circles(by_package(imported, packages()))}
        self.assertEqual(found, set())

    def test_a_circle_is_found_however_long_it_is(self):
        some = {"a.x": {"b.x"}, "b.x": {"c"}, "c": {"a.y"}, "a.y": set(), "d": {"a.x"}}
        self.assertEqual(circles(some), [])
        self.assertEqual(circles(by_package(some, {"a", "b"})), [("a", "b", "c")])
        some["a.y"] = {"a.x"}
        self.assertEqual(circles(some), [("a.x", "a.y", "b.x", "c")])

    def test_no_module_is_too_long(self):
        found = set()
        for path in PACKAGE.rglob("*.py"):
            with path.open() as lines:
                if sum(1 for _ in lines) > LONGEST:
                    found.add(short(module_name(path, TOP)))
        self.assertEqual(found, set())


class Compiled(SynchronousTestCase):
    """The modules that setup.py may compile."""

    def names(self):
        text = (TOP / "setup.py").read_text()
        program = text.partition("\nmodules = ")[0] + "\nprint(*COMPILED)"
        found = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        self.assertGreater(len(found), 30)
        return found

    def test_they_are_there_and_compiled_where_they_should_be(self):
        suffix = ".so" if os.environ.get("ACRA_TWISTED_COMPILED") == "1" else ".py"
        for name in self.names():
            self.assertEqual(Path(import_module(name).__file__).suffix, suffix, name)

    def test_no_test_replaces_anything_in_them(self):
        """Compiled they call each other directly: such a test would see nothing, and pass."""
        compiled = set(self.names())
        found = []
        for path in sorted((TOP / "tests").rglob("*.py")):
            for line, owners in replaced(path.read_text()):
                if compiled.intersection(owners):
                    found.append(f"{path.relative_to(TOP)}:{line}")
        self.assertEqual(found, [])

    def test_what_is_replaced_is_found_however_it_is_written(self):
        text = """
from unittest import mock
from acra_twisted.proxy import pump, relay
from acra_twisted.proxy.pump import Pump as P
class T:
    def test(self):
        self.patch(pump, "settled", None)
        self.patch(relay.Pump, "stop", None)
        self.patch(P, "stop", None)
        self.patch(relay.events, "ENDED", None)
        mock.patch.object(P, "stop")
        P.stop = None
        setattr(pump, "settled", None)
        self.pump = P()
        self.patch(self.pump, "stop", None)
        pump.settled()
"""
        lines = [
            line
            for line, owners in replaced(text)
            if {"acra_twisted.proxy.pump", "acra_twisted.proxy.relay"}.intersection(owners)
        ]
        self.assertEqual(sorted(lines), [7, 8, 9, 10, 11, 12, 13])


class TestFiles(SynchronousTestCase):
    def test_each_module_has_its_own(self):
        missing = []
        for path in modules():
            below = path.relative_to(PACKAGE)
            if not (TOP / "tests/unit" / below.parent / f"test_{below.name}").exists():
                missing.append(str(below))
        self.assertEqual(missing, [])

    def test_modules_say_what_they_are(self):
        for path in PACKAGE.rglob("*.py"):
            self.assertTrue(ast.get_docstring(ast.parse(path.read_text())), path)


class Plugin(SynchronousTestCase):
    def test_the_plugin_file_imports_nothing_of_ours(self):
        path = TOP / "twisted/plugins/acra_twisted_plugin.py"
        self.assertEqual({name.split(".")[0] for name in imports(path)}, {"twisted"})
        self.assertFalse((TOP / "twisted/__init__.py").exists())
        self.assertFalse((TOP / "twisted/plugins/__init__.py").exists())

    def test_heavy_modules_are_imported_only_where_they_are_used(self):
        program = (
            "import sys, acra_twisted.server.tap, acra_twisted.connector.tap;"
            "import acra_twisted.plugins.builtin;"
            "print([m for m in ('jinja2', 'google.protobuf', 'opencensus', 'twisted.web.client',"
            " 'twisted.internet.reactor', 'sqlglot', 'pgparse', 'yaml') if m in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=TOP
        )
        self.assertEqual(done.stdout.strip(), "[]")


class Databases(SynchronousTestCase):
    """The name of a database, its packets and its numbers are its dialect's."""

    def test_shared_code_knows_none(self):
        found = set()
        for path in modules():
            name = short(module_name(path, TOP))
            if name.split(".")[0] in SHARED and name not in KNOW_ONE:
                imported = {short(other) for other in every_import(path)}
                if named_databases(path.read_text()) or any(map(OF_A_DATABASE, imported)):
                    found.add(name)
        self.assertEqual(found, set())

    def test_what_names_one_is_found(self):
        for text, expected in (
            ("a = 'postgresql'", {"postgresql"}),
            ("a = Fatal(b'57P01', 'the database is PostgreSQL')", {"57P01"}),
            ("a = {b'28000': 1}", {"28000"}),
            (
                "'''postgresql'''\ndef f():\n    'mysql'\n    return b'ABCDE', '57P01', b'571'",
                set(),
            ),
        ):
            self.assertEqual(named_databases(text), expected)


class Expressions(SynchronousTestCase):
    def test_repetitions_that_keep_what_they_read_leave_the_rest(self):
        """Python before 3.11.5 goes on behind what a last, incomplete repetition has read.

        It returns to where that began if the last alternative is one that reads nothing and fails.
        """
        kept = re.compile(r"\)(?:[*+?]|\{[0-9,]*\})\+")
        seen = 0
        for path in sorted(PACKAGE.rglob("*.py")):
            text = path.read_text()
            for found in kept.finditer(text):
                seen += 1
                before = text[: found.start()]
                line = before.count("\n") + 1
                self.assertTrue(before.endswith("|(?!)"), f"{path}, line {line}")
        self.assertGreater(seen, 30)

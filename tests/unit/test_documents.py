"""README and docs show programs, flags, settings, rules and code that exist."""

import ast
import re
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.blocks import ALL_BLOCKS, LISTENER
from acra_twisted.censor.rulefile import parse_rules
from acra_twisted.config.connector import CONNECTOR_SECTIONS
from acra_twisted.config.ini import STAGE_PREFIX, IniFile
from acra_twisted.config.listeners import CONNECTORS, SERVERS, options_of
from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.encryption import errors, refusals
from acra_twisted.encryption.migrating import CHANGES
from acra_twisted.errors import ConfigError, raise_together
from acra_twisted.plugins.chosen import stage_factories, stage_sections
from tests.support.commands import DAEMONS, commands, flags_of, scripts
from tests.support.documents import TOP, blocks, literals, pages, site
from tests.support.settings import values_of

#: Programs of others that a page may call.
OTHERS = set(
    """. apt apt-get base64 cat cd chmod chown cp createuser curl docker echo export git getent
    grep groupadd head install java journalctl kill ln logger ls make mandoc mariadb mkdir
    mktemp mv nc node npm openssl pg_isready pip printf prometheus promtool ps psql python python3
    rm sed set sha256sum sh sleep sqlite3 ss ssh-keygen sudo systemctl systemd-analyze systemd-creds
    tail tar tee test touch trap true umask unset useradd uv wait xargs""".split()  # noqa: SIM905
)
#: Acra's own, which a page may name and not call.
OF_ACRA = {
    *("acra-addzone", "acra-authmanager", "acra-backup", "acra-rollback", "acra-rotate"),
    *("acra-translator", "acra-webconfig"),
}
#: Settings of the database.
OF_POSTGRESQL = {"bytea_output"}
STAGES = ("censor", "decryptor", "poison", "query_capture")
_SHELL_LINE = re.compile(
    r"^(?:\$ )?(?:[A-Z_]+=\S+ )?(?:twistd|make|pip|psql|acra-\w+|export|openssl|docker|systemctl)\b"
)


def kind(block):
    """The language of a block, if need be by what it looks like."""
    first = block.text.partition("\n")[0]
    if block.language:
        return {"sh": "shell", "bash": "shell", "console": "shell"}.get(
            block.language, block.language
        )
    if re.match(r"\[[\w:]+\]$", first):
        return "ini"
    if re.match(r"version: [\d.]+$", first):
        return "yaml"
    if _SHELL_LINE.match(first):
        return "shell"
    return ""


def shown(*kinds):
    """Blocks of these kinds of all pages."""
    return [block for page in pages() for block in blocks(page) if kind(block) in kinds]


class Commands(SynchronousTestCase):
    def test_programs_exist_and_have_these_flags(self):
        found = 0
        for block in shown("shell"):
            text = block.text
            if re.search(r"^\$ ", text, re.M):
                # With what they print: the commands alone.
                text = "\n".join(re.findall(r"^\$ (.*)$", text, re.M))
            for words in commands(text):
                found += 1
                self.check(block.where, words)
        self.assertGreater(found, 30)

    def test_commands_in_sentences(self):
        """Such as ``acra-keys export``."""
        found = 0
        for page in pages():
            for text in literals(page):
                name, blank, _ = text.partition(" ")
                if blank and text != "twistd -n" and name in ("make", "twistd", *scripts()):
                    found += 1
                    self.check(page.name, text.replace("...", "").split())
        self.assertGreater(found, 10)

    def check(self, place, words):
        name, rest = words[0].removeprefix(".venv/bin/"), words[1:]
        where = f"{place}: {' '.join(words)}"
        if name == "twistd":
            daemon = next((word for word in rest if word in DAEMONS), None)
            self.assertIsNotNone(daemon, where)
            at = rest.index(daemon)
            own, rest, known = rest[:at], rest[at + 1 :], flags_of(daemon)
            self.assertLessEqual(set(own) - {"-n"}, {"--nodaemon", "--pidfile="}, where)
        elif name in scripts():
            sub = [rest[0]] if rest and re.fullmatch("[a-z][a-z-]*", rest[0]) else []
            known = flags_of(name, *sub)
        elif name == "make":
            targets = re.findall(r"^(\w[\w-]*):", (TOP / "Makefile").read_text(), re.M)
            self.assertIn(rest[0], targets, where)
            return
        else:
            self.assertIn(name, OTHERS, where)
            return
        for word in rest:
            if word.startswith("--"):
                self.assertIn(word[2:].partition("=")[0], known, where)

    def test_names_of_programs(self):
        """Each ``acra-something`` in a page's text is a program, a daemon or a file."""
        known = {*scripts(), *DAEMONS, *OF_ACRA}
        for page in pages():
            for text in literals(page):
                if re.fullmatch(r"acra-[a-z-]+", text):
                    self.assertIn(text, known, page.name)

    def test_flags_that_are_named(self):
        """Each ``--flag`` in a page's text is one of some program of ours."""
        known = set().union(*(flags_of(name) for name in (*scripts(), *DAEMONS)))
        commands = ("list", "generate", "read", "destroy", "export", "import", "extract-client-id")
        for command in commands:
            known |= flags_of("acra-keys", command)
        for command in ("check", "learn", "explain"):
            known |= flags_of("acra-censor", command)
        for command in ("sql", "export", "verifier", "check"):
            known |= flags_of("acra-auth", command)
        for command in ("status", "remove", "import", "gc"):
            known |= flags_of("acra-tokens", command)
        for command in CHANGES:
            known |= flags_of("acra-migrate", command)
        wrong = []
        for page in pages():
            for text in literals(page):
                for name in re.findall(r"(?:^|\s)--([a-z][\w-]+)", text):
                    if name not in known and text.partition(" ")[0] not in OTHERS:
                        wrong.append(f"{page.name}: {text}")
        self.assertEqual(wrong, [])

    def test_names_that_are_ours(self):
        """Metrics, settings and attributes whose names begin with acra are in the code."""
        code = "\n".join(path.read_text() for path in (TOP / "acra_twisted").rglob("*.py"))
        wrong = []
        for page in pages():
            for text in literals(page):
                name = re.match(r"acra(?:server|connector)?([_.][a-z_.]+[a-z])", text)
                # Some begin with the daemon's name, some end with the tag's.
                if name and name[1].removesuffix("_total") not in code and ".tag." not in name[1]:
                    wrong.append(f"{page.name}: {text}")
        self.assertEqual(wrong, [])


class Files(SynchronousTestCase):
    def test_settings(self):
        """An ini block is a part of the server's file or of the connector's."""
        found = shown("ini")
        self.assertGreater(len(found), 2)
        for block in found:
            mistakes = []
            kinds = ((SERVER_SECTIONS, SERVERS), (CONNECTOR_SECTIONS, CONNECTORS))
            for sections, own in kinds:
                try:
                    self.read(block, sections, own)
                except ConfigError as error:
                    mistakes.append(str(error))
            self.assertLess(len(mistakes), 2, "\n".join([block.where, *mistakes]))

    def read(self, block, sections, own):
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write(block.text)
            file.flush()
            values_of(file.name, sections, (*ALL_BLOCKS, LISTENER))
            ini = IniFile(file.name, block.text)
            raise_together(ini.read_repeated(LISTENER, options_of(sections, own))[1])
            # Stages of the examples are not installed.
            named = [name.removeprefix(STAGE_PREFIX) for name in ini.sections if ":" in name]
            installed = [name for name in named if name in stage_factories()]
            raise_together(ini.read_stages(stage_sections(installed), lambda: named).wrong)

    def test_settings_that_are_named(self):
        """Each ``key = value`` in a page's text is one of ours, and the value may be given."""
        options = {
            option.name: option
            for section in (*SERVER_SECTIONS, *CONNECTOR_SECTIONS, *stage_sections(STAGES))
            for option in section.options
        }
        wrong = []
        for page in pages():
            for text in literals(page):
                key, equals, value = text.partition(" = ")
                if not equals or not re.fullmatch(r"[a-z_]+", key) or key in OF_POSTGRESQL:
                    continue
                if key not in options:
                    wrong.append(f"{page.name}: {text}")
                elif not value.isupper():
                    try:
                        options[key].kind.parse(value)
                    except ValueError as error:
                        wrong.append(f"{page.name}: {text}: {error}")
        self.assertEqual(wrong, [])

    def test_rules(self):
        found = [block for block in shown("yaml") if "handlers:" in block.text]
        self.assertGreater(len(found), 1)
        for block in found:
            self.assertTrue(parse_rules(block.text, block.where).handlers)

    def test_reasons_of_refusals(self):
        page = (TOP / "docs/encryption.rst").read_text()
        section = page.partition("\nRefusals\n---")[2].partition("\n---")[0]
        told = [
            one for line in re.findall(r"^``.+", section, re.M) for one in line.split("``")[1::2]
        ]
        known = [
            text
            for module in (refusals, errors)
            for name, text in vars(module).items()
            if name.isupper() and isinstance(text, str)
        ]
        self.assertEqual(sorted(told), sorted(known))

    def test_python(self):
        for block in shown("python"):
            compile(block.text, block.where, "exec", ast.PyCF_ONLY_AST)

    def test_links(self):
        """Every link of a page to a file of the project leads somewhere."""
        for page in pages():
            for target in re.findall(r"`[^`<]*<([^>`:]+)>`_", page.read_text()):
                if not target.endswith("_"):
                    place = page.parent / target.partition("#")[0]
                    self.assertTrue(place.exists(), f"{page.name}: {target}")

    def test_each_page_is_in_both_lists(self):
        """The README ends with all pages, and docs/index.rst has them for the site."""
        index = (TOP / "docs/index.rst").read_text()
        readme = (TOP / "README.rst").read_text()
        for page in site():
            name = page.name.removesuffix(".rst")
            if name != "index":
                self.assertIn(f"\n   {name}\n", index, "docs/index.rst: add it there")
                self.assertIn(f"<docs/{name}.rst>", readme, "README.rst, Pages: add it there")


class Names(SynchronousTestCase):
    """Pages for those who read the code name nothing that is not there."""

    PAGES = ("architecture", "decisions", "dependencies", "performance-notes")

    def setUp(self):
        self.files = [path for path in TOP.rglob("*") if ".venv" not in path.parts]
        self.names, self.parts, self.bases = set(), {}, {}
        for path in (TOP / "acra_twisted").rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                self.learn(node)

    def learn(self, node):
        if isinstance(node, ast.ClassDef):
            self.names.add(node.name)
            self.bases[node.name] = [ast.unparse(base) for base in node.bases]
            self.parts.setdefault(node.name, set()).update(
                part.name if isinstance(part, ast.FunctionDef) else ast.unparse(part.target)
                for part in node.body
                if isinstance(part, ast.FunctionDef | ast.AnnAssign)
            )
            self.parts[node.name] |= {
                part.attr
                for part in ast.walk(node)
                if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store)
            }
        elif isinstance(node, ast.FunctionDef):
            self.names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            self.names.add(node.id)

    def has(self, owner, part):
        bases = self.bases.get(owner, [])
        return part in self.parts.get(owner, ()) or any(self.has(base, part) for base in bases)

    def test_files_and_folders(self):
        for page in self.PAGES:
            for text in literals(TOP / f"docs/{page}.rst"):
                if re.fullmatch(r"[\w./-]+\.(?:py|c|txt)", text) or text.endswith("/"):
                    places = (TOP / text, TOP / "acra_twisted" / text)
                    there = any(place.exists() for place in places)
                    there = there or any(path.name == text for path in self.files)
                    self.assertTrue(there, f"{page}: {text}")

    def test_classes_functions_and_constants(self):
        found = 0
        for page in self.PAGES:
            prose = (TOP / f"docs/{page}.rst").read_text().replace("``", "")
            for text in re.findall(r"`([A-Z]\w+(?:\.\w+)?)`(?!_)", prose):
                found += 1
                owner, dot, part = text.partition(".")
                self.assertIn(owner, self.names, page)
                if dot:
                    self.assertTrue(self.has(owner, part), f"{page}: {text}")
        self.assertGreater(found, 20)

    def test_packages(self):
        """The table of rooms has each package of the first level."""
        page = (TOP / "docs/architecture.rst").read_text()
        rooms = page[page.index("\nRooms\n") : page.index("\nRules\n")]
        packages = {path.parent.name for path in (TOP / "acra_twisted").glob("*/__init__.py")}
        self.assertEqual(set(re.findall(r"(?m)^``(\w+)``", rooms)), packages)


class Parts(SynchronousTestCase):
    """How pages are taken apart."""

    def page(self, text):
        path = Path(self.mktemp())
        path.write_text(text)
        return path

    def test_blocks(self):
        text = (
            "Say::\n\n    one\n\n      two\n\nand\n\n.. code-block:: ini\n   :name: x\n\n"
            "   # a.ini (not run here)\n   [s]\n\nThe ``end`` of\n``two words``.\n"
        )
        path = self.page(text)
        first, second = blocks(path)
        self.assertEqual((first.language, first.text, first.line), ("", "one\n\n  two\n", 3))
        self.assertEqual((second.language, second.file, second.is_run), ("ini", "a.ini", False))
        self.assertEqual(literals(path), ["end", "two words"])

    def test_commands(self):
        text = (
            'export A=$(b c -d)\ncd x && A=1 e --f="g h" \\\n    --i | j > k   # l\n'
            "m 'n | o'\n# p\ncat > q <<EOF\nr s\nEOF\nt\n"
        )
        found = [
            *(["export", "A=$"], ["b", "c", "-d"], ["cd", "x"]),
            *(["e", "--f=g h", "--i"], ["j", ">", "k"], ["m", "n | o"], ["cat", ">", "q"], ["t"]),
        ]
        self.assertEqual(commands(text), found)

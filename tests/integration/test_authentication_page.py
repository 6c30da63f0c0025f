"""The three starts of docs/authentication.rst, followed to the letter."""

from __future__ import annotations

import configparser
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from acra_twisted.sandbox.chain import write_ini
from tests.integration.base import PASSWORD, Surroundings, tls_postgres
from tests.support.documents import TOP, blocks
from tests.support.loginservers import as_superuser

PAGE = TOP / "docs/authentication.rst"
#: Where the page has its files.
_PLACE = "/etc/acra"
_PROGRAM = "from acra_twisted.tools.auth import script; exit(script())"


class Starts(Surroundings):
    @classmethod
    def make_postgres(cls):
        return tls_postgres(cls.authority, password=PASSWORD)

    def setUp(self):
        self.place = Path(self.folder, self._testMethodName)
        self.place.mkdir()
        self.shown = {block.file: block.text for block in blocks(PAGE) if block.file}
        self.commands = [block.text.split()[1:] for block in blocks(PAGE) if block.language == "sh"]

    def run_sql(self, text):
        with as_superuser(self.postgres) as db:
            db.execute(text)

    def role(self, name, password):
        self.run_sql(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                sql.Identifier(name), sql.Literal(password)
            )
        )

    def sections(self, name):
        """The settings of a block of the page, with the files in a folder of the test."""
        read = configparser.ConfigParser(interpolation=None)
        read.read_string(self.shown[name].replace(_PLACE, str(self.place)))
        sections = {section: dict(read[section]) for section in read.sections()}
        sections.setdefault("tls", {})["tls_database_ca"] = str(self.authority.path)
        if "auth_query_user" in sections.get("authentication", {}):
            # On a machine that has much else to do.
            sections["authentication"]["auth_query_timeout"] = "60"
        return sections

    def acra_auth(self, arguments, answer=""):
        """Run the command; ``answer`` is for its question.  Returned is what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM, *arguments],
            input=f"{answer}\n",
            capture_output=True,
            text=True,
            timeout=300,
            cwd=TOP,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def command(self, name):
        """The command of the page with this name."""
        (found,) = (words for words in self.commands if words[0] == name)
        return [word.replace(_PLACE, str(self.place)) for word in found]

    def secret_file(self, name, text):
        path = self.place / name
        path.touch(0o600)
        path.write_text(text)

    def log_in(self, chain, user, **options):
        """Bound to TLS on both sides; returned is the role that the database sees."""
        where = {"sslmode": "require", "channel_binding": "require", "user": user, **options}
        with self.connect(chain, **where) as db:
            asked = "SELECT current_user, ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            name, encrypted = db.execute(asked).fetchone()
        self.assertTrue(encrypted)
        return name

    def start(self, sections):
        return self.chain(link="none", authority=self.authority, server=sections)

    def test_a_file_of_verifiers(self):
        self.role("filed", "of the file")
        sections = self.sections("userlist.ini")
        where = {"db_host": "127.0.0.1", "db_port": str(self.postgres.port)}
        whole = {**sections, "database": {**sections["database"], **where}}
        write_ini(self.place / "acra-server.ini", whole)
        self.acra_auth(self.command("export"), PASSWORD)
        chain = self.start(sections)
        self.assertEqual(self.log_in(chain, "filed", password="of the file"), "filed")
        with self.assertRaisesRegex(psycopg.OperationalError, "password authentication failed"):
            self.log_in(chain, "filed", password="another")

    def test_a_query_on_the_database(self):
        self.role("asked", "of the query")
        self.run_sql(self.acra_auth(self.command("sql")))
        self.run_sql("ALTER ROLE acra_service PASSWORD 'of the service'")
        self.secret_file("service.password", "of the service\n")
        chain = self.start(self.sections("authquery.ini"))
        self.assertEqual(self.log_in(chain, "asked", password="of the query"), "asked")
        with self.assertRaisesRegex(psycopg.OperationalError, "password authentication failed"):
            self.log_in(chain, "acra_service", password="of the service")

    def test_certificates(self):
        self.role("reports", "")
        printed = self.acra_auth(["verifier", "--keys", "reports"], "of nobody").splitlines()
        (alter,) = (line[3:] for line in printed if line.startswith("-- alter"))
        self.run_sql(alter)
        self.secret_file("keys.txt", printed[-1] + "\n")
        self.secret_file("ident.conf", self.shown["ident.conf"])
        chain = self.start(self.sections("certificates.ini"))
        for name, let_in in (("reports.example.com", True), ("other.example.com", False)):
            certificate, key = self.authority.issue(name)
            shows = {
                "sslcert": str(certificate),
                "sslkey": str(key),
                "channel_binding": "prefer",
            }
            with self.subTest(name):
                if let_in:
                    self.assertEqual(self.log_in(chain, "reports", **shows), "reports")
                else:
                    with self.assertRaisesRegex(psycopg.OperationalError, "certificate"):
                        self.log_in(chain, "reports", **shows)

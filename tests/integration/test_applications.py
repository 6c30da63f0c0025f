"""The programs of docs/applications.rst, taken from the page: each hands its trace over."""

from __future__ import annotations

import os
import subprocess
import sys

from acra_twisted.sandbox.collector import Collector
from acra_twisted.sandbox.postgres import SUPERUSER
from tests.integration.base import Surroundings, eventually
from tests.integration.test_mysql_link import LinkCase
from tests.support.documents import TOP, blocks
from tests.support.pgjdbc import jar

PAGE = TOP / "docs/applications.rst"
INTEROP = TOP / "tests/interop"
#: How many statements each program runs, beside those that set something.
STATEMENTS = {
    "psql.sh": 1,
    "with_psycopg.py": 1,
    "with_asyncpg.py": 2,
    "with_sqlalchemy.py": 1,
    "with_django.py": 1,
    "with_pg.js": 1,
    "with_postgresjs.js": 1,
    "WithJdbc.java": 1,
}
#: The same of those for MySQL and MariaDB.
MYSQL_STATEMENTS = {"with_pymysql.py": 1, "with_mysql2.js": 1}
#: What programs import.
MODULES = ("commented.py", "tracecomments.py")
#: Services of a database's span and of those above it.
_WAY = ["acra-server", "acra-server", "acra-connector"]
_TRACE_ID = r"\A[0-9a-f]{32}\Z"


def command(name: str) -> list[str]:
    """How a program is run, by the end of its name."""
    return {
        "py": [sys.executable, "-W", "error", name],
        "js": ["node", name],
        "java": ["java", "-Xmx128m", "-cp", jar(), name],
        "sh": ["sh", "-eu", name],
    }[name.rpartition(".")[2]]


def way(span, by_id):
    """The services of a span and of those above it, up to the application's."""
    services = []
    while span is not None:
        services.append(span["service"])
        span = by_id.get(span["parent_id"])
    return services


def write_all(folder):
    """Write the programs that tests run into a folder; return their names."""
    names = []
    for block in blocks(PAGE):
        name = "psql.sh" if block.language == "sh" else block.file
        if name and block.is_run:
            (folder / name).write_text(block.text)
            names.append(name)
    return names


def trace_of(name: str, folder, **settings: str) -> str:
    """Run a program with settings in its environment; return the trace that it prints."""
    environment = {**os.environ, "NODE_PATH": str(INTEROP / "node_modules"), **settings}
    done = subprocess.run(
        command(name), cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


def ways_of(spans, system: str):
    """The ways of the SELECTs of a database's system among the spans of a trace."""
    by_id = {span["span_id"]: span for span in spans}
    return [way(one, by_id) for one in spans if one["name"].startswith(f"{system} SELECT")]


class Tracing:
    """Test cases of programs, beside a ``collector`` of spans."""

    def check(self, name: str, system: str, count: int, **settings: str) -> None:
        """The trace that the program prints has so many statements, each from the connector to the
        database, whose system is named."""
        trace_id = trace_of(name, self.folder, **settings)
        self.assertRegex(trace_id, _TRACE_ID)

        def whole():
            ways = ways_of(self.collector.traces().get(trace_id, ()), system)
            return ways == [_WAY] * count

        eventually(whole, f"{name} is in its trace")


class Programs(Tracing, Surroundings):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.collector = Collector().start()
        cls.addClassCleanup(cls.collector.stop)
        tracing = {"tracing": {"otlp_endpoint": cls.collector.url, "tracing_interval": "0.1"}}
        cls.linked = cls.chain(server=tracing, connector=tracing)
        cls.programs = write_all(cls.folder)

    def use(self, name: str) -> None:
        where = f"127.0.0.1:{self.linked.port}/postgres"
        self.check(
            name,
            "postgresql",
            STATEMENTS[name],
            DATABASE_URL=f"postgresql://{SUPERUSER}:unused@{where}",
            JDBC_URL=f"jdbc:postgresql://{where}?user={SUPERUSER}",
            PATH=f"{self.postgres.bin}{os.pathsep}{os.environ['PATH']}",
        )

    def test_psql(self):
        self.use("psql.sh")

    def test_psycopg(self):
        self.use("with_psycopg.py")

    def test_asyncpg(self):
        self.use("with_asyncpg.py")

    def test_sqlalchemy(self):
        self.use("with_sqlalchemy.py")

    def test_django(self):
        self.use("with_django.py")

    def test_node_postgres(self):
        self.use("with_pg.js")

    def test_postgres_js(self):
        self.use("with_postgresjs.js")

    def test_jdbc(self):
        self.use("WithJdbc.java")

    def test_every_program_is_run_or_says_that_it_is_not(self):
        self.assertEqual(set(self.programs), {*STATEMENTS, *MYSQL_STATEMENTS, *MODULES})
        for block in blocks(PAGE):
            if block.language not in ("", "postgresql", "sh"):
                self.assertTrue(block.file, block.where)


class MysqlPrograms(Tracing, LinkCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.linked = cls.chain()
        write_all(cls.folder)

    def use(self, name: str) -> None:
        url = f"mysql://u:pw@127.0.0.1:{self.linked.port}/"
        self.check(name, "mariadb", MYSQL_STATEMENTS[name], DATABASE_URL=url)

    def test_pymysql(self):
        self.use("with_pymysql.py")

    def test_mysql2(self):
        self.use("with_mysql2.js")

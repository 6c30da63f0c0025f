"""Real servers for integration tests: each class starts what it needs, once, and stops it."""

from __future__ import annotations

import shutil
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

import psycopg

from acra_twisted.sandbox.authority import Authority
from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system

PASSWORD = "integration"


class Surroundings(unittest.TestCase):
    """``postgres`` is a running database; `chain` makes chains that end with the class."""

    postgres: Postgres
    folder: Path
    authority: Authority

    @classmethod
    def make_postgres(cls) -> Postgres:
        return Postgres()

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.authority = Authority(cls.folder)
        cls.postgres = cls.make_postgres()
        cls.addClassCleanup(cls.postgres.remove)
        cls.postgres.start()

    @classmethod
    def chain(cls, **options) -> Chain:
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        database = ("127.0.0.1", cls.postgres.port)
        chain = Chain(database, folder=folder, **options)
        cls.addClassCleanup(chain.stop)
        return chain.start()

    @staticmethod
    def connect(chain, **options):
        settings = {
            "host": "127.0.0.1",
            "port": chain.port,
            "user": SUPERUSER,
            "dbname": "postgres",
            "sslmode": "disable",
            "autocommit": True,
            "connect_timeout": 10,
            **options,
        }
        return psycopg.connect(**settings)


def tls_postgres(authority: Authority, **options) -> Postgres:
    """Debian's PostgreSQL with a certificate for loopback."""
    pair = authority.issue("postgres", hosts=("localhost", "127.0.0.1"))
    return Postgres(system(), tls=pair, **options)


def get(port: int, path: str, **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def eventually(condition, what: str, seconds: float = 15.0):
    """The condition's value once it is true; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)
    return value

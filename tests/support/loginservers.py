"""Databases that clients log in to, and chains before them that end the logins."""

from __future__ import annotations

import gc
import shutil
import signal
import ssl
import tempfile
import unittest
import warnings
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from acra_twisted.sandbox.chain import Chain
from acra_twisted.sandbox.postgres import SUPERUSER, Postgres, system
from tests.integration.base import eventually, newest
from tests.support.daemons import WATCHED
from tests.support.loginclients import Client, Login, clients
from tests.support.middleman import encrypted
from tests.support.servercertificates import RSA, ServerCertificates

SYSTEM, NEWEST = "Debian's", "the newest"
USER, PASSWORD = Login(0).user, Login(0).password
_ROLE = sql.Identifier(USER), sql.Literal(PASSWORD)


def shown_certificate(port: int) -> str:
    """The certificate that a server of PostgreSQL's protocol shows, in PEM."""
    with encrypted(port) as tls:
        return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True))


def failure(client: Client, login: Login) -> str:
    """The client's text if a login fails, nothing if it is in."""
    said = ""
    with warnings.catch_warnings():
        # Drivers that are refused leave their sockets to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            user = client.log_in(login)
        except Exception as error:  # each driver has its own
            said = str(error) or repr(error)
        else:
            assert user == login.user, user
        if said:
            # Behind the handler: until there the error holds all that it has passed.
            gc.collect()
    return said


def as_superuser(database: Postgres) -> psycopg.Connection[Any]:
    """A session beside all authentication."""
    return psycopg.connect(
        host=str(database.folder),
        port=database.port,
        user=SUPERUSER,
        dbname="postgres",
        autocommit=True,
    )


def show(database: Postgres, files: tuple[Path, Path]) -> None:
    """Give a database another certificate and key."""
    for source, name in zip(files, ("server.pem", "server.key"), strict=True):
        # Written, and not replaced: they belong to the server's user.
        (database.data / name).write_bytes(source.read_bytes())
    with as_superuser(database) as db:
        db.execute("SELECT pg_reload_conf()")
    wanted = files[0].read_text()
    eventually(lambda: shown_certificate(database.port) == wanted, "the database shows it")


def knows_direct_tls(database: Postgres) -> bool:
    """True of version 17 and later."""
    with as_superuser(database) as db:
        return db.info.server_version >= 170000


class Databases(unittest.TestCase):
    """Debian's PostgreSQL and the newest, both with TLS and SCRAM, and a role for applications."""

    #: The databases that the class needs.
    NAMES = (SYSTEM, NEWEST)

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="acra-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.certificates = ServerCertificates(cls.folder / "certificates")
        installs = {SYSTEM: system, NEWEST: newest}
        cls.databases = {name: cls.database(installs[name]()) for name in cls.NAMES}

    @classmethod
    def database(cls, install):
        database = Postgres(install, tls=cls.certificates.pairs[RSA], password="superuser's")
        cls.addClassCleanup(database.remove)
        database.start()
        with as_superuser(database) as db:
            db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(*_ROLE))
        return database

    @classmethod
    def server(
        cls,
        database,
        *,
        port=0,
        db_tls="require",
        link="none",
        others="",
        connector=None,
        keys=None,
        **more,
    ):
        """A chain that ends logins, with secrets in a file, before a database; ``others`` are more
        lines of that file, ``port`` another than the database's, and ``more`` is for the section of
        authentication."""
        folder = Path(tempfile.mkdtemp(dir=cls.folder))
        userlist = folder / "userlist.txt"
        userlist.touch(0o600)
        with as_superuser(database) as db:
            asked = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
            userlist.write_text(f'"{USER}" "{db.execute(asked, (USER,)).fetchone()[0]}"\n{others}')
        tls = {}
        if db_tls != "disable":
            tls["tls_database_ca"] = str(cls.certificates.roots)
        if link == "none":
            own_files = [folder / "own.pem", folder / "own.key"]
            for source, target in zip(cls.certificates.pairs[RSA], own_files, strict=True):
                target.touch(0o600)
                target.write_bytes(source.read_bytes())
            tls |= {"tls_cert": str(own_files[0]), "tls_key": str(own_files[1])}
        chain = Chain(
            ("127.0.0.1", port or database.port),
            link=link,
            folder=folder,
            server={
                "authentication": {"auth_mode": "scram", "auth_file": str(userlist), **more},
                "database": {"db_tls": db_tls, "client_tls": "allow"},
                "server": WATCHED,
                "tls": tls,
            },
            connector=connector,
            keys=keys,
        )
        cls.addClassCleanup(chain.stop)
        return chain.start()

    @classmethod
    def show_own(cls, chain, kind):
        """Give a chain's server another certificate for applications."""
        pair = cls.certificates.pairs[kind]
        for source, name in zip(pair, ("own.pem", "own.key"), strict=True):
            (chain.folder / name).write_bytes(source.read_bytes())
        chain.server.send(signal.SIGHUP)
        wanted = pair[0].read_text()
        eventually(lambda: shown_certificate(chain.port) == wanted, f"it shows {kind}")


class Matrix(Databases):
    """``clients`` is all of them; ``few`` is one for each way to use channel binding."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The collector runs behind each login that is refused: it need not look through all that
        # other tests have left.
        gc.freeze()
        cls.addClassCleanup(gc.unfreeze)
        cls.clients = cls.enterClassContext(clients())
        few = ("libpq 18, disable", "libpq 18, prefer", "libpq 18, require", "pg8000")
        cls.few = [client for client in cls.clients if client.name in few]

    def setUp(self):
        # Drivers that are refused leave their sockets to the garbage collector.
        self.enterContext(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)
        self.addCleanup(gc.collect)

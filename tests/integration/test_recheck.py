"""Open sessions of roles that may not log in any more, with the query that asks the database."""

from __future__ import annotations

import contextlib

import psycopg
from psycopg import sql

from acra_twisted.tools.authsql import set_up
from tests.integration.base import get
from tests.support.loginservers import SYSTEM, Databases, as_superuser

SERVICE, PASSWORD = "acra_service", "its password"  # noqa: S105 - of a test
ROLES = ("stays", "locked", "expired", "gone")


def last_words(session):
    """Return all that a session hears which asks nothing any more, until it is ended.

    Asking would be a race: libpq takes a farewell for a notice where it comes right behind a reply.
    """
    heard = []
    session.add_notice_handler(lambda notice: heard.append(notice.message_primary))
    with contextlib.suppress(psycopg.OperationalError):
        for _ in session.notifies(timeout=60):
            pass
    return heard


class Rechecked(Databases):
    NAMES = (SYSTEM,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = cls.databases[SYSTEM]
        with as_superuser(cls.postgres) as db:
            db.execute(set_up(SERVICE))
            alter = sql.SQL("ALTER ROLE {} PASSWORD {}")
            db.execute(alter.format(sql.Identifier(SERVICE), sql.Literal(PASSWORD)))
            for role in ROLES:
                made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                db.execute(made.format(sql.Identifier(role), sql.Literal(PASSWORD)))
        secret = cls.folder / "service-password"
        secret.touch(0o600)
        secret.write_text(PASSWORD)
        cls.chain = cls.server(
            cls.postgres,
            auth_query_user=SERVICE,
            auth_query_password_file=str(secret),
            auth_query_database="postgres",
            auth_query_timeout="60",
            auth_cache_soft="0.2",
            auth_recheck="0.5",
        )

    def session(self, role):
        found = psycopg.connect(
            host="127.0.0.1",
            port=self.chain.port,
            user=role,
            password=PASSWORD,
            dbname="postgres",
            sslmode="require",
            autocommit=True,
        )
        self.addCleanup(found.close)
        return found

    def test_sessions_of_roles_that_lost_their_right_end(self):
        open_ones = {role: self.session(role) for role in ROLES}
        for changed, change in (
            ("locked", "ALTER ROLE locked NOLOGIN"),
            ("expired", "ALTER ROLE expired VALID UNTIL '2001-01-01'"),
            ("gone", "DROP ROLE gone"),
        ):
            with as_superuser(self.postgres) as db:
                db.execute(change)
            said = last_words(open_ones[changed])
            self.assertEqual(
                said, ["terminating connection: the user may not log in any more"], changed
            )
        self.assertEqual(open_ones["stays"].execute("SELECT 1").fetchone(), (1,))
        self.assertIn(
            'acra_events_total{code="2042"} 3.0', get(self.chain.server_pages, "/metrics")
        )

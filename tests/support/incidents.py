"""An hour of security events, of peers and rules, of which the view of security tells."""

from twisted.logger import LogLevel

from acra_twisted import events
from acra_twisted.telemetry.figures.counting import MINUTE
from acra_twisted.telemetry.logs.recent import RecentEvents

SECOND = 10**9
HOUR = 3600 * SECOND


def line(code=events.QUERY_NOT_ALLOWED, when=0, **fields):
    """A line of the log; ``when`` is nanoseconds since the epoch."""
    return {
        "log_time": when / SECOND,
        "log_level": LogLevel.error,
        "log_format": "AcraCensor blocked query",
        "code": code,
        "client_id": "shop application",
        "peer": "10.20.0.11",
        "user": "shop_rw",
        "database": "shop",
        "stage": "censor",
        **fields,
    }


def rule(handler, kind, part, where, count=0, **figures):
    """A rule as AcraServer tells of it."""
    return {
        "listener": "",
        "stage": "censor",
        "handler": handler,
        "kind": kind,
        "part": part,
        "where": where,
        "count": count,
        "last": 0,
        "clients": {},
        "hours": [],
        **figures,
    }


def planted(sources, now):
    """Sources with an injection that came six times, a poison record from a new address, a refused
    login, and rules that are used, are not, and cannot be."""
    recent = RecentEvents("acra-server")
    recent(
        line(
            events.LOGIN_REFUSED,
            now - 50 * MINUTE,
            client_id="",
            stage="",
            peer="10.20.0.31",
            error="28P01",
            attempts=2,
        )
    )
    at = now - 29 * MINUTE
    for number in range(6):
        recent(
            line(
                when=at + 2 * number * SECOND,
                query='SELECT owner FROM account WHERE id = ? UNION SELECT amount FROM "salaries"',
                error="handler 4: table salaries",
                rule="deny.table",
                place="acra-censor.yaml:14",
                trace_id=f"{number + 1:032x}",
                span_id=f"{number + 5:016x}",
                session_id=2117,
            )
        )
    reports = {"client_id": "reports worker", "peer": "10.20.0.99", "user": "reports"}
    recent(
        line(
            when=now - 24 * MINUTE,
            query="SELECT name FROM salaries",
            error="handler 4: table salaries",
            rule="deny.table",
            place="acra-censor.yaml:14",
            **reports,
        )
    )
    recent(
        line(
            events.POISON_RECORD,
            now - 23 * MINUTE,
            query="SELECT number FROM card",
            log_format="Poison record detected",
            stage="poison",
            records=1,
            **reports,
        )
    )
    peers = [
        ("reports worker", "10.20.0.12", now - 5 * HOUR),
        ("reports worker", "10.20.0.99", now - 25 * MINUTE),
        ("shop application", "10.20.0.11", now - 5 * HOUR),
    ]
    told = {
        "peers": {
            "since": now - 6 * HOUR,
            "peers": [
                {"client_id": client, "peer": peer, "first": first, "last": now, "logins": 3}
                for client, peer, first in peers
            ],
        },
        "rules": [
            rule(
                2,
                "allow",
                "pattern",
                "/etc/acra/acra-censor.yaml:5",
                4_204_811,
                last=now - SECOND,
                clients={"shop application": 4_204_811},
                hours=[{"start": now // HOUR * HOUR - n * HOUR, "count": 40 + n} for n in range(9)],
            ),
            rule(2, "allow", "pattern", "/etc/acra/acra-censor.yaml:6"),
            rule(2, "allow", "handler", "/etc/acra/acra-censor.yaml:3"),
            rule(
                4,
                "deny",
                "table",
                "/etc/acra/acra-censor.yaml:14",
                7,
                last=now - 24 * MINUTE,
                clients={"shop application": 6, "reports worker": 1},
                hours=[{"start": now // HOUR * HOUR - HOUR, "count": 7}],
            ),
            rule(4, "deny", "table", "/etc/acra/acra-censor.yaml:15"),
            rule(5, "denyall", "handler", "/etc/acra/acra-censor.yaml:17"),
            rule(6, "allow", "query", "/etc/acra/acra-censor.yaml:19"),
        ],
    }
    return sources._replace(events=recent, fact=told.get)

"""Facts of a daemon that works as it should, of which views of the console tell."""

from tests.support.hours import NOW

DAY = 86_400


def facts(**changed):
    """Return facts by name; those that are given take the place of what is right."""
    now = NOW / 1e9
    return {
        "process": {
            "began": NOW - 600 * 10**9,
            "seconds": 600.0,
            "memory": 108_000_000,
            "cpu_seconds": 30.0,
            "lag_p99_ms": 1.8,
            "lag_max_ms": 4.0,
            "lags": 600,
            "acra_twisted": "0.1.0",
            "python": "3.11.7",
            "twisted": "25.5.0",
            "openssl": "OpenSSL 3.5.4",
            "compiled": True,
        },
        "listeners": [
            {"option": "incoming_connection_string", "at": "127.0.0.1:9393", "open": True}
        ],
        "keys": {"kept": 14, "hit": 900, "miss": 14, "evicted": 0},
        "certificates": [certificate(61)],
        "revocation": [
            {
                "leg": "clients",
                "lists": 1,
                "list_ends": now + DAY,
                "asks": True,
                "last_answer": now - 60,
            }
        ],
        "exporters": [exporter()],
        "history": {
            "size": 312_000_000,
            "limit": 512_000_000,
            "waiting": 0,
            "waiting_limit": 4608,
            "counts": {"stored": 381_204, "given_up": 7, "left_out_slow": 3},
            "troubles": {"locked": 0, "full": 0},
            "trouble": "",
            "set_aside": None,
        },
        "pools": {"connections": (31, 10_000), "security events": (1000, 1000)},
        "warnings": {"insecure": [], "advice": []},
        "log": {"lost": 0},
        "changes": [{"time": NOW - 600 * 10**9, "kind": "start", "text": "it was started"}],
        "settings": [
            setting("db_host", "db-a", "environment", "DB_HOST"),
            setting("max_connections", "10000", "default", ""),
        ],
        **changed,
    }


def certificate(days, name="tls_cert"):
    return {
        "setting": name,
        "subject": f"CN={name}",
        "is_authority": False,
        "ends": NOW / 1e9 + days * DAY + 1,
    }


def peer_certificate(days, setting, is_client=True, life=365):
    """A certificate that a peer has shown, which lasts so many days of its life."""
    known = certificate(days, setting)
    return {**known, "is_client": is_client, "begins": known["ends"] - life * DAY}


def secrets(trouble=""):
    """The sources of users' secrets of a listener."""
    return {"listener": "", "sources": ["file", "query"], "waiting": 2, "trouble": trouble}


def exporter(name="otlp", trouble="", **counts):
    known = {"sent": 92, "retried": 0, "dropped_queue_full": 0, "dropped_failed": 0, **counts}
    return {
        "name": name,
        "where": "collector:4318",
        "queued": 0,
        "limit": 2048,
        "counts": known,
        "trouble": trouble,
    }


def setting(name, value, origin, where, section="server"):
    return {"section": section, "name": name, "value": value, "origin": origin, "where": where}

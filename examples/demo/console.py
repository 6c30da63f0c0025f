"""The demo's console: a second server beside the first, and what each view says of the story."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elsewhere import ADDRESS, HERE, Way, has_address
from telling import Failed, ask, expect, get, say, soon

from acra_twisted.sandbox.chain import Chain, Ini
from acra_twisted.sandbox.keys import Keys

BILLING = "billing application"
SLOW_SECONDS = 0.4
#: The kind of a connector's box in the picture.
_CONNECTOR = 1


def second(on: Any, folder: Path, settings: Ini, tracing: Ini, way: Way) -> Chain:
    """Make another server with a connector of its own, for another client, and a way between them;
    not yet started."""
    place = folder / "billing"
    place.mkdir()
    shared: Ini = {"database": settings.get("database", {})}
    dials = {"acraserver_connection_string": f"tcp://127.0.0.1:{way.port}"}
    chain = Chain(
        ("127.0.0.1", on.port),
        server={**shared, **tracing, "pipeline": {"stages": "decryptor, poison"}},
        connector={**tracing, **on.follows, "acraserver": dials},
        link="secure-session",
        keys=Keys(place, BILLING),
        folder=place,
    )
    way.begin(chain.server_port)
    return chain


def bill(on: Any, first: int, other: int) -> None:
    """Do the work of billing, over the second connector; and ask for something slow over the first
    one."""
    say("\nBilling reads through the second connector and server:")
    with on.connect(other) as db:
        for number in (1, 2, 3) * 4:
            read = ask(db, "SELECT balance FROM account WHERE id = %s", number)
    expect("the last balance", read, [(75,)])
    with on.connect(first) as db:
        say("  one call of many is slow, through the first ones:")
        for seconds in (*(0,) * 29, SLOW_SECONDS):
            found = ask(db, on.slow.format(seconds))
    expect(f"  {on.slow.format(SLOW_SECONDS)}", found, [("Bob",)])


@contextmanager
def held(on: Any, port: int) -> Iterator[None]:
    """Have a session that does nothing in an open transaction."""
    with on.connect(port) as db:
        ask(db, "BEGIN")
        ask(db, "SELECT balance FROM account WHERE id = %s", 1)
        yield


def look(pages: int) -> None:
    """Show what each view says, and raise Failed where it does not tell of what has happened."""
    say("\nThe console answers:")
    shape_id = answer(pages, "statements?sort=time")["statements"][0]["id"]
    slow = answer(pages, f"traces?min_ms={1000 * SLOW_SECONDS:.0f}")["traces"][0]
    trace_id, (session, *_) = slow["trace_id"], answer(pages, "sessions")["sessions"]
    for view, words in (
        ("overview", "poison record"),
        ("statements", ""),
        (f"statement?id={shape_id}", "of 30 calls took"),
        ("traces", "poisoned"),
        (f"trace?id={trace_id}", "The database took"),
        (f"compare?id={trace_id}", "of the difference"),
        ("sessions", "session"),
        (f"session?id={session['session_id']}", ""),
        ("security", "poison record"),
        ("topology", ""),
        ("health", ""),
    ):
        told = answer(pages, view)
        text = told["answer"]["text"]
        say(f"  {told['question']}\n    {text}")
        if not text or words not in text:
            raise Failed(f"the view {view} does not tell of {words!r}")
    # What is asked elsewhere is there by and by.
    away = "the page of health does not reach the database"
    soon(lambda: None if answer(pages, "health")["behind"] else True, away)
    soon(lambda: counted(pages), "the topology does not have the other server")


def counted(pages: int) -> bool | None:
    """Return True if the topology has the calls of the other server, and as many connectors as this
    machine has addresses for."""
    seen = answer(pages, "topology")
    (other,) = seen["servers"]
    names = {one["name"] for one in seen["boxes"] if one["kind"] == _CONNECTOR}
    wanted = {HERE, ADDRESS} if has_address() else {HERE}
    return True if other["counted"] and other["figures"]["calls"] and names == wanted else None


def answer(pages: int, view: str) -> dict[str, Any]:
    """Return a view of the console as JSON."""
    mark = "&" if "?" in view else "?"
    found: dict[str, Any] = json.loads(get(pages, f"/console/{view}{mark}format=json"))
    return found

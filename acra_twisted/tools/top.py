"""``acra-top``: what daemons do at this moment, in the terminal, again and again."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from acra_twisted.errors import ConfigError
from acra_twisted.tools import commandline
from acra_twisted.tools.commandline import Environment, Parser
from acra_twisted.tools.pages import Pages, add_options

PROGRAM = "acra-top"
_CLEAR = "\x1b[H\x1b[2J"
_SESSIONS, _TRACES = 15, 5
_SESSION = "{:>6} {:20.20} {:18} {:>10} {:>9} {:>9}  {}"
_CALL = "{:28.28} {:>9} {:>9} {:>7} {:>9} {:>9}"


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM, description="Show the sessions, rates, stages and slow or denied exchanges."
    )
    commandline.add_version(parser)
    add_options(parser)
    parser.add_argument("--interval", type=float, default=2.0, help="seconds between two looks")
    parser.switch("once", help="look once")
    parser.switch("json", help="look once and print JSON")
    return parser


def main(arguments: Sequence[str], environment: Environment, output: TextIO) -> None:
    """Raises ConfigError."""
    given = _parser().parse_args(arguments)
    if not 0.1 <= given.interval <= 3600:
        raise ConfigError("--interval: expected 0.1 to 3600 seconds")
    pages = Pages(given, environment)
    if given.json:
        json.dump([look(pages, source) for source in pages.sources], output)
        output.write("\n")
        return
    try:
        while True:
            width = shutil.get_terminal_size((120, 40)).columns
            seen = [look(pages, source) for source in pages.sources]
            lines = [line[:width] for one in seen for line in draw(one)]
            output.write(("" if given.once else _CLEAR) + "\n".join(lines) + "\n")
            output.flush()
            if given.once:
                return
            time.sleep(given.interval)
    except KeyboardInterrupt:
        return


def look(pages: Pages, source: str) -> dict[str, Any]:
    """All that is shown of one daemon.  Raises ConfigError."""
    live = pages.get(source, "/debug/sessions") or {"service": "?", "sessions": []}
    traces = {
        name: (pages.get(source, "/debug/traces", asked) or {}).get("traces", [])
        for name, asked in (("denied", {"verdict": "deny"}), ("slow", {"min_ms": "1"}))
    }
    # A connection is long because it stays open: only what has a verdict is an exchange.
    traces["slow"] = [trace for trace in traces["slow"] if trace["verdict"]]
    traces["slow"].sort(key=lambda trace: -trace["took"])
    return {**live, **traces, "calls": pages.get(source, "/debug/rpcz") or {}, "source": source}


def draw(seen: Mapping[str, Any]) -> list[str]:
    """One daemon as lines of text."""
    sessions = seen["sessions"]
    states: dict[str, int] = {}
    for session in sessions:
        states[session["state"]] = states.get(session["state"], 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    lines = [f"{seen['service']} at {seen['source']}    sessions: {shown}", ""]
    lines += _calls(seen["calls"])
    lines.append(
        f"{'ID':>6} {'CLIENT ID':20} {'STATE':18} {'MS':>10} {'IN':>9} {'OUT':>9}  STATEMENT"
    )
    for session in sessions[:_SESSIONS]:
        lines.append(
            _SESSION.format(
                session["session_id"],
                session["client_id"],
                session["state"],
                f"{session['running_ms']:.1f}",
                session["received"],
                session["sent"],
                _line(session["statement"]),
            )
        )
    for title, rows in (("SLOWEST", seen["slow"]), ("DENIED", seen["denied"])):
        if rows:
            lines += ["", f"{title:8} {'MS':>10}  {'TRACE':32}  {'CLIENT ID':20}  SPAN"]
        lines += [
            f"{'':8} {row['took'] / 1e6:>10.3f}  {row['trace_id']}  {row['client_id'][:20]:20}  "
            f"{_line(row['name'])}"
            for row in rows[:_TRACES]
        ]
    return [*lines, ""]


def _calls(calls: Mapping[str, Any]) -> list[str]:
    """The last minute: requests by kind, then where the time went."""
    lines = [
        f"{'LAST MINUTE':24} {'RATE/S':>9} {'AVG MS':>9} {'ERRORS':>7} {'kB/S IN':>9} {'OUT':>9}"
    ]
    for title in ("received", "sent"):
        for method, spans in calls.get(title, {}).items():
            row = spans["minute"]
            if row["count"]:
                lines.append(
                    _CALL.format(
                        f"{title} {method}",
                        f"{row['rate']:.1f}",
                        f"{row['average_ms']:.3f}",
                        row["errors"],
                        f"{row['input_kb']:.1f}",
                        f"{row['output_kb']:.1f}",
                    )
                )
    stages = {name: spans["minute"]["time_ms"] for name, spans in calls.get("stages", {}).items()}
    whole = sum(stages.values())
    if whole:
        shares = ", ".join(
            f"{name} {took / whole:.0%}"
            for name, took in sorted(stages.items(), key=lambda item: -item[1])
        )
        lines.append(f"stages' time: {shares}")
    return [*lines, ""]


def _line(text: str) -> str:
    """On one line and without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def script() -> int:
    """The console script."""
    return commandline.run(PROGRAM, main)
